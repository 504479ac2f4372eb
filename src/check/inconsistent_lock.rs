//! Inconsistent lock: entries of a lockfile that say two things at once, of which the tool installs one.
//!
//! No tool writes such an entry. What a tool goes by, and which contradictions are looked for, is said beside each format:
//!
//! | file | compared |
//! |---|---|
//! | package-lock.json | key with the folder that npm makes of it; name and version with the archive at `resolved`; `packages` with `dependencies`; a git address with a commit |
//! | yarn.lock, classic | name and version with the archive at `resolved`; `version` with what a version is; the names of a key with each other |
//! | yarn.lock, berry | key and `version` with `resolution`; both with `__archiveUrl` |
//! | pnpm-lock.yaml | key with `name` and `version`; both with `resolution.tarball` |
//! | bun.lock, deno.lock | name and version with the address of the archive |
//! | Cargo.lock | source with the one that Cargo takes it for; checksum with `[metadata]` and with the kind of the source |
//! | composer.lock | commit and repository of `source` with those of `dist`, and with its address; `version` with their tags; a reference with what a name is |
//! | poetry.lock, pdm.lock, uv.lock, pylock.toml, requirements.txt | name and version with the names of the archives |
//! | Pipfile.lock | the texts of an entry with what stands in one line of pip; its name with that of an archive |
//! | pubspec.lock | key with the name in `description` |
//!
//! Gemfile.lock, packages.lock.json, mix.lock and go.mod say each thing once: there is nothing to compare. What
//! comes from elsewhere and has no checksum is told by `unverified-source`.

use super::contract::finding::of_dependency;
use super::contract::{Check, CheckContext};
use crate::model::doubt::Doubt;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds every entry that contradicts itself. High: whoever writes one wants it to be read in two ways.
pub(super) struct InconsistentLock;

impl Check for InconsistentLock {
    fn id(&self) -> &'static str {
        "inconsistent-lock"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for lockfile in context.lockfiles {
            for (position, dependency) in lockfile.dependencies.iter().enumerate() {
                let reasons: Vec<&str> = dependency
                    .doubts
                    .iter()
                    .filter_map(|doubt| match doubt {
                        Doubt::Contradiction { reason, .. } => Some(reason.as_str()),
                        Doubt::Host { .. } | Doubt::NoChecksum => None,
                    })
                    .collect();
                if reasons.is_empty() {
                    continue;
                }
                let graded = (FindingKind::InconsistentLock, Severity::High);
                let mut finding = of_dependency(lockfile, position, dependency, graded);
                finding.detail = Some(Detail::reason(reasons.join("; ")));
                findings.push(finding);
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
    fn all_that_contradicts_an_entry_is_one_finding() {
        let reasons = ["its archive is that of b 1.0.0", "another entry stands for the same folder"];
        let mut odd = Dependency::new(Ecosystem::Npm, "a", "1.0.0", 7);
        odd.doubts = reasons.map(|reason| Doubt::contradiction(reason, None)).to_vec();
        odd.doubts.push(Doubt::NoChecksum);
        let plain = Dependency::new(Ecosystem::Npm, "c", "1.0.0", 8);
        let findings = inspect(&InconsistentLock, &[], &[lockfile("package-lock.json", vec![odd, plain])]);
        let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!((finding.kind, finding.severity), (FindingKind::InconsistentLock, Severity::High));
        assert!(!finding.kind.is_warning());
        assert_eq!((finding.package.as_str(), finding.line), ("a", 7));
        assert_eq!(finding.detail, Some(Detail::Reason(reasons.join("; "))));
    }
}
