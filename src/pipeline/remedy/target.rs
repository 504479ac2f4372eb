//! The target: the lowest release that no known advisory of the package affects, in range of its parents first.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::bench::Bench;
use super::failure::Failure;
use crate::advisory::AdvisoryDatabase;
use crate::model::advisory::{AdvisoryId, AdvisoryKind};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::remedy::BlockCause;
use crate::version;

/// A release to move to.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) release: Release,
    /// Whether every requirement that is known admits it.
    pub(super) in_range: bool,
    /// Known flaws that it still has: empty unless no release is free of them.
    pub(super) remaining: Vec<AdvisoryId>,
}

impl Candidate {
    /// The wanted flaws that it does not have any more.
    pub(super) fn removes(&self, wanted: &BTreeSet<AdvisoryId>) -> BTreeSet<AdvisoryId> {
        wanted.iter().filter(|flaw| !self.remaining.contains(flaw)).cloned().collect()
    }
}

/// The flaws (and attacks) that affect a version; what only warns does not count.
pub(super) fn flaws(
    advisories: &AdvisoryDatabase,
    ecosystem: Ecosystem,
    package: &str,
    version: &str,
) -> BTreeSet<AdvisoryId> {
    advisories
        .affecting(ecosystem, package, version)
        .into_iter()
        .filter(|found| matches!(found.kind, AdvisoryKind::Vulnerability | AdvisoryKind::Malicious))
        .map(|found| found.flaw.id.clone())
        .collect()
}

/// Every release above the locked one that may be moved to: in range first, then lowest. Where none is free of known
/// flaws, those that lose the most of the wanted ones.
pub(super) fn candidates(
    bench: &Bench<'_>,
    (package, from): (&str, &str),
    requirements: &[String],
    wanted: &BTreeSet<AdvisoryId>,
) -> Result<Vec<Candidate>, Failure> {
    let ecosystem = bench.ecosystem();
    let releases = bench.registry.releases(package)?;
    let advisories = bench.request.advisories;
    let affected = flaws(advisories, ecosystem, package, from);
    let above: Vec<&Release> =
        releases.iter().filter(|release| !release.yanked && is_above(ecosystem, from, &release.version)).collect();
    let mut chosen = Vec::new();
    let mut partly = Vec::new();
    for release in above {
        let flaws: Vec<AdvisoryId> = flaws(advisories, ecosystem, package, &release.version).into_iter().collect();
        let in_range = admitted(ecosystem, requirements, &release.version);
        let improves = flaws.iter().all(|flaw| affected.contains(flaw)) && flaws.len() < affected.len();
        let list = if flaws.is_empty() { &mut chosen } else { &mut partly };
        if flaws.is_empty() || improves {
            list.push(Candidate { release: release.clone(), in_range, remaining: flaws });
        }
    }
    if chosen.is_empty() {
        // Nothing is free of flaws: what has the fewest is still better than what stands there.
        let rank = |candidate: &Candidate| {
            let missed = candidate.remaining.iter().filter(|flaw| wanted.contains(*flaw)).count();
            (missed, candidate.remaining.len())
        };
        let fewest = partly.iter().map(rank).min();
        chosen = partly.into_iter().filter(|candidate| Some(rank(candidate)) == fewest).collect();
        // What only loses other flaws than the wanted ones is no remedy.
        chosen.retain(|candidate| rank(candidate).0 < wanted.len());
    }
    chosen.sort_by(|left, right| {
        let order = || version::compare(ecosystem, &left.release.version, &right.release.version);
        right.in_range.cmp(&left.in_range).then_with(|| order().unwrap_or(Ordering::Equal))
    });
    if chosen.is_empty() {
        return Err(Failure::new(
            BlockCause::NoFixedVersion,
            format!("no release of `{package}` above {from} is free of the known flaws"),
        ));
    }
    Ok(chosen)
}

/// Whether a release is higher than the locked one, and no pre-release unless that one is.
pub(super) fn is_above(ecosystem: Ecosystem, from: &str, version: &str) -> bool {
    version::compare(ecosystem, version, from).is_ok_and(Ordering::is_gt)
        && (!version::is_prerelease(ecosystem, version) || version::is_prerelease(ecosystem, from))
}

/// Whether every requirement admits a version; one that cannot be read is left to the tool to judge.
pub(super) fn admitted(ecosystem: Ecosystem, requirements: &[String], version: &str) -> bool {
    requirements.iter().all(|wanted| version::satisfies(ecosystem, wanted, version).unwrap_or(true))
}
