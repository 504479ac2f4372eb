//! Audit: one target → what it pins and what is known about it. Changes nothing.

use std::time::Instant;

use globset::GlobSet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::advisory::AdvisoryDatabase;
use crate::check::{CheckContext, Effort};
use crate::config::policy::{Ignore, Limits, OwnExclusions};
use crate::model::ecosystem::Ecosystem;
use crate::model::report::{Problem, ProjectReport};
use crate::model::text::count;
use crate::model::tree::ProjectTree;
use crate::net::address::Authority;
use crate::pipeline::assess::assess;
use crate::pipeline::coverage::coverage;
use crate::pipeline::expected::expect;
use crate::pipeline::metered::Metered;
use crate::pipeline::nearest::{find_nearest, not_looked_for};
use crate::pipeline::resolve::Resolver;
use crate::pipeline::scan::scan;
use crate::pipeline::suppress::suppress;
use crate::pipeline::yanked::Withdrawals;

/// The way out of a damaged index.
const DAMAGED_INDEX: &str = "run again: a damaged index of the cache is compiled anew; `patchparty db verify` examines \
    one, `patchparty db import` replaces one that was imported";

/// What an audit needs besides the files.
pub(crate) struct AuditContext<'a> {
    /// What is known.
    pub(crate) advisories: &'a AdvisoryDatabase,
    /// Paths that the organisation does not have audited.
    pub(crate) exclude: &'a GlobSet,
    /// Paths in which only what is critical is found, as the project's own file says.
    pub(crate) own_exclusions: &'a OwnExclusions,
    /// Ecosystems that nothing has to be known about.
    pub(crate) accept_uncovered: &'a [Ecosystem],
    /// What is left alone on purpose.
    pub(crate) ignores: &'a [Ignore],
    /// How much of a project is read and reported.
    pub(crate) limits: &'a Limits,
    /// The day of this run, by UTC.
    pub(crate) today: Date,
    /// The hosts that the policy names.
    pub(crate) allow_hosts: &'a [Authority],
    /// Finds the commits of followed branches; `None` offline.
    pub(crate) resolver: Option<&'a Resolver>,
    /// Asks which versions were withdrawn; `None` when nobody wants to know, and offline.
    pub(crate) withdrawals: Option<&'a Withdrawals>,
}

/// What was not looked up, or found and is not reported.
fn not_told(effort: &Effort, limits: &Limits) -> Vec<Problem> {
    const HINT: &str = "fix or ignore what is reported, exclude what is no part of the project, or raise the limit under \
        [limits] of the organisation's policy";
    let mut problems = Vec::new();
    let (number, seconds) = (effort.not_looked_up(), limits.time.as_secs());
    if number > 0 {
        let message = format!(
            "look {} up in the advisories: the repository takes longer than {seconds} s (`time`)",
            count(number, "dependency", "dependencies")
        );
        problems.push(Problem::new(message, Some(HINT)));
    }
    let left_out = effort.left_out();
    if left_out.count > 0 {
        let worst = left_out.worst.map_or_else(|| "warnings".to_owned(), |worst| format!("up to severity {worst}"));
        let message = format!(
            "report {}, {worst}: the repository has more than {} (`findings`), and the most urgent are reported",
            count(left_out.count, "finding", "findings"),
            limits.findings
        );
        problems.push(Problem::new(message, Some(HINT)));
    }
    problems
}

/// The day by which a run judges what ends.
pub(crate) fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// Scans and assesses the files of one project.
pub(crate) fn audit(name: &str, tree: &dyn ProjectTree, context: &AuditContext<'_>) -> ProjectReport {
    let limits = context.limits;
    let mut scan = scan(tree, context.exclude, limits, Instant::now() + limits.time);
    let not_checked = match context.resolver {
        Some(resolver) => {
            resolver.resolve(&mut scan.lockfiles);
            let not_learned = find_nearest(resolver, &mut scan.lockfiles);
            scan.problems.extend(not_learned.problem);
            not_learned.remark
        }
        None => not_looked_for(&scan.lockfiles),
    };
    expect(&mut scan.lockfiles, context.allow_hosts);
    if let Some(withdrawals) = context.withdrawals {
        scan.problems.extend(withdrawals.mark(&mut scan.lockfiles));
    }
    // What was asked of others in between has limits of its own.
    let findings_limit = usize::try_from(limits.findings).unwrap_or(usize::MAX);
    let deadline = Instant::now() + limits.time;
    let effort = Effort::new(findings_limit, deadline);
    let metered = Metered::new(tree, limits, deadline);
    let check = CheckContext {
        tree: &metered,
        lockfiles: &scan.lockfiles,
        advisories: context.advisories,
        today: context.today,
        effort: &effort,
    };
    let findings = assess(&check, context.exclude);
    scan.problems.extend(not_told(&effort, limits));
    scan.problems.extend(metered.problem());
    // What could not be looked up is missing among the findings.
    scan.problems.extend(context.advisories.damage().map(|error| Problem::from_error(error, Some(DAMAGED_INDEX))));
    let mut report = ProjectReport {
        coverage: coverage(&scan.lockfiles, context.advisories, context.accept_uncovered),
        commit: tree.commit().cloned(),
        lockfiles: scan.lockfiles,
        findings,
        problems: scan.problems,
        unread: scan.unread,
        remarks: scan.remarks.into_iter().chain(not_checked).collect(),
        ..ProjectReport::named(name)
    };
    suppress(&mut report, context.ignores, context.own_exclusions, context.today);
    report
}
