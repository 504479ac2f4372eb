//! Assess: lockfiles and advisories → findings.

use crate::advisory::AdvisoryDatabase;
use crate::check::{CHECKS, CheckContext};
use crate::model::finding::Finding;
use crate::model::lockfile::Lockfile;
use crate::model::tree::ProjectTree;

/// Asks every check and gives the findings in report order.
pub(crate) fn assess(tree: &dyn ProjectTree, lockfiles: &[Lockfile], advisories: &AdvisoryDatabase) -> Vec<Finding> {
    let context = CheckContext { tree, lockfiles, advisories };
    let mut findings = Vec::new();
    for check in CHECKS {
        let found: Vec<Finding> = check.inspect(&context);
        tracing::debug!(check = check.id(), findings = found.len(), "checked");
        findings.extend(found);
    }
    findings.sort_by(Finding::report_order);
    // Two places of a file can pin the same thing on the same line, and say it once is enough.
    findings.dedup();
    findings
}
