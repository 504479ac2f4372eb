//! Yanked: locked versions that their registry has withdrawn, where it was asked.
//!
//! A warning, as in cargo-audit: the version still works, but whoever made it does not want anyone to start using it.

use super::contract::finding::of_dependency;
use super::contract::{Check, CheckContext};
use crate::model::finding::{Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds what the pipeline learned from registries.
pub(super) struct Yanked;

impl Check for Yanked {
    fn id(&self) -> &'static str {
        "yanked"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for lockfile in context.lockfiles {
            for &position in &lockfile.yanked {
                let Some(dependency) = lockfile.dependencies.get(position) else { continue };
                // Nobody has rated why it was withdrawn.
                findings.push(of_dependency(lockfile, position, dependency, (FindingKind::Yanked, Severity::Low)));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{inspect, lockfile};
    use super::*;
    use crate::model::dependency::Dependency;
    use crate::model::ecosystem::Ecosystem;

    #[test]
    fn only_what_the_registry_has_withdrawn_is_found() {
        let of = |name| Dependency::new(Ecosystem::CratesIo, name, "1.0.0", 3);
        let mut lockfile = lockfile("Cargo.lock", vec![of("kept"), of("withdrawn")]);
        assert!(inspect(&Yanked, &[], std::slice::from_ref(&lockfile)).is_empty());
        lockfile.content_mut().yanked.extend([1, 99]);
        let findings = inspect(&Yanked, &[], &[lockfile]);
        let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!((finding.kind, finding.package.as_str()), (FindingKind::Yanked, "withdrawn"));
    }
}
