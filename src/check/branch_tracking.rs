//! Branch tracking: dependencies that change without anyone deciding so.

use super::contract::{Check, CheckContext};
use crate::model::dependency::Origin;
use crate::model::finding::{Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds every dependency from git that follows a branch, named or the default one.
pub(super) struct BranchTracking;

impl Check for BranchTracking {
    fn id(&self) -> &'static str {
        "branch-tracking"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for lockfile in context.lockfiles {
            for (position, dependency) in lockfile.dependencies.iter().enumerate() {
                let Origin::Git { pin, .. } = &dependency.origin else { continue };
                if pin.followed_branch().is_none() {
                    continue;
                }
                findings.push(Finding {
                    kind: FindingKind::BranchTracking,
                    // As zizmor rates an action that is not pinned.
                    severity: Severity::Medium,
                    ecosystem: dependency.ecosystem,
                    package: dependency.name.clone(),
                    version: dependency.version.clone(),
                    file: lockfile.path.clone(),
                    line: dependency.line,
                    direct: dependency.direct,
                    scope: dependency.scope,
                    path: lockfile.shortest_path(position),
                    origin: dependency.origin.clone(),
                    advisory: None,
                    detail: None,
                });
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisory::AdvisoryDatabase;
    use crate::git::folder::FolderTree;
    use crate::model::dependency::{Dependency, GitPin, Scope};
    use crate::model::ecosystem::Ecosystem;
    use crate::model::lockfile::Lockfile;
    use crate::model::repository::{CommitId, RepoPath};

    #[test]
    fn every_form_of_following_a_branch_is_found_with_its_commit() {
        let commit = CommitId::new(&"b".repeat(40)).unwrap();
        let git = |pin| Origin::Git { url: "https://example.org/x".to_owned(), pin, commit: Some(commit.clone()) };
        let dependencies = [
            ("named", git(GitPin::Branch("main".to_owned()))),
            ("default", git(GitPin::DefaultBranch)),
            ("tag", git(GitPin::Tag("v1".to_owned()))),
            ("commit", git(GitPin::Commit)),
            ("registry", Origin::Registry { url: None }),
            ("path", Origin::Path),
        ]
        .map(|(name, origin)| Dependency {
            ecosystem: Ecosystem::CratesIo,
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            origin,
            scope: Scope::Development,
            direct: true,
            parents: Vec::new(),
            requirements: Vec::new(),
            line: 3,
        });
        let folder = tempfile::tempdir().unwrap();
        let context = CheckContext {
            tree: &FolderTree::open(folder.path()).unwrap(),
            lockfiles: &[Lockfile::new(RepoPath::new("Cargo.lock").unwrap(), "cargo-lock", dependencies.to_vec())],
            advisories: &AdvisoryDatabase::default(),
            today: jiff::civil::date(2026, 11, 21),
        };
        let findings = BranchTracking.inspect(&context);
        let packages: Vec<_> = findings.iter().map(|finding| finding.package.as_str()).collect();
        assert_eq!(packages, ["named", "default"]);
        for finding in &findings {
            assert_eq!((finding.kind, finding.severity), (FindingKind::BranchTracking, Severity::Medium));
            assert!(matches!(&finding.origin, Origin::Git { commit: Some(at), .. } if *at == commit));
            assert_eq!((finding.scope, finding.line, finding.path.len()), (Scope::Development, 3, 1));
        }
    }
}
