//! Assess: lockfiles and advisories → findings.

use globset::GlobSet;
use rayon::prelude::*;

use crate::check::{CHECKS, Check, CheckContext};
use crate::model::finding::Finding;

/// So many findings are sorted on every core: waking them takes longer for fewer.
const MANY: usize = 1_000;

/// Asks every check and gives the findings outside of what the policy excludes, in report order; when there are too many, the
/// most urgent ones.
pub(crate) fn assess(context: &CheckContext<'_>, exclude: &GlobSet) -> Vec<Finding> {
    let inspect = |check: &&dyn Check| {
        let found = check.inspect(context);
        tracing::debug!(check = check.id(), findings = found.len(), "checked");
        found
    };
    // Waking the other cores takes longer than looking at one lockfile.
    let mut findings: Vec<Finding> = match context.lockfiles {
        [] | [_] => CHECKS.iter().flat_map(inspect).collect(),
        _ => CHECKS.par_iter().flat_map_iter(inspect).collect(),
    };
    // Checks see the whole project, because a lockfile in an excluded place still locks a manifest.
    findings.retain(|finding| !exclude.is_match(finding.file.as_str()));
    let mut kept = context.effort.keep();
    kept.add(findings);
    let mut findings = context.effort.finish(kept);
    match findings.len() {
        0..MANY => findings.sort_by(Finding::report_order),
        _ => findings.par_sort_by(Finding::report_order),
    }
    // Two places of a file can pin the same thing on the same line, and say it once is enough.
    findings.dedup();
    findings
}
