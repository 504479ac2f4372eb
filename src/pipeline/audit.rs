//! Audit: one target → what it pins and what is known about it. Changes nothing.

use globset::GlobSet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::advisory::AdvisoryDatabase;
use crate::config::policy::{Ignore, OwnExclusions};
use crate::model::report::{Problem, ProjectReport};
use crate::model::tree::ProjectTree;
use crate::net::address::Authority;
use crate::pipeline::assess::assess;
use crate::pipeline::expected::expect;
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
    /// What is left alone on purpose.
    pub(crate) ignores: &'a [Ignore],
    /// The day of this run, by UTC.
    pub(crate) today: Date,
    /// The hosts that the policy names.
    pub(crate) allow_hosts: &'a [Authority],
    /// Finds the commits of followed branches; `None` offline.
    pub(crate) resolver: Option<&'a Resolver>,
    /// Asks which versions were withdrawn; `None` when nobody wants to know, and offline.
    pub(crate) withdrawals: Option<&'a Withdrawals>,
}

/// The day by which a run judges what ends.
pub(crate) fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// Scans and assesses the files of one project.
pub(crate) fn audit(name: &str, tree: &dyn ProjectTree, context: &AuditContext<'_>) -> ProjectReport {
    let mut scan = scan(tree, context.exclude);
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
    let findings = assess(tree, &scan.lockfiles, context.advisories, context.exclude, context.today);
    // What could not be looked up is missing among the findings.
    scan.problems.extend(context.advisories.damage().map(|error| Problem::from_error(error, Some(DAMAGED_INDEX))));
    let mut report = ProjectReport {
        commit: tree.commit().cloned(),
        lockfiles: scan.lockfiles,
        findings,
        problems: scan.problems,
        unread: scan.unread,
        remarks: not_checked.into_iter().collect(),
        ..ProjectReport::named(name)
    };
    suppress(&mut report, context.ignores, context.own_exclusions, context.today);
    report
}
