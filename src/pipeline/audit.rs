//! Audit: one target → what it pins and what is known about it. Changes nothing.

use globset::GlobSet;
use jiff::civil::Date;

use crate::advisory::AdvisoryDatabase;
use crate::model::report::ProjectReport;
use crate::model::tree::ProjectTree;
use crate::pipeline::assess::assess;
use crate::pipeline::resolve::Resolver;
use crate::pipeline::scan::scan;
use crate::pipeline::yanked::Withdrawals;

/// What an audit needs besides the files.
pub(crate) struct AuditContext<'a> {
    /// What is known.
    pub(crate) advisories: &'a AdvisoryDatabase,
    /// Paths that are not audited.
    pub(crate) exclude: &'a GlobSet,
    /// The day of this run, by UTC.
    pub(crate) today: Date,
    /// Finds the commits of followed branches; `None` offline.
    pub(crate) resolver: Option<&'a Resolver>,
    /// Asks which versions were withdrawn; `None` when nobody wants to know, and offline.
    pub(crate) withdrawals: Option<&'a Withdrawals>,
}

/// Scans and assesses the files of one project.
pub(crate) fn audit(name: &str, tree: &dyn ProjectTree, context: &AuditContext<'_>) -> ProjectReport {
    let mut scan = scan(tree, context.exclude);
    if let Some(resolver) = context.resolver {
        resolver.resolve(&mut scan.lockfiles);
    }
    if let Some(withdrawals) = context.withdrawals {
        scan.problems.extend(withdrawals.mark(&mut scan.lockfiles));
    }
    let findings = assess(tree, &scan.lockfiles, context.advisories, context.exclude, context.today);
    ProjectReport {
        commit: tree.commit().cloned(),
        lockfiles: scan.lockfiles,
        findings,
        problems: scan.problems,
        ..ProjectReport::named(name)
    }
}
