//! Branch tracking: dependencies that change without anyone deciding so.
//!
//! Those from git that follow a branch, and images without a digest at a tag that stands for whatever is newest: `latest`,
//! no tag at all, or a word such as `main`, `edge` or `lts`.

use super::contract::finding::of_dependency;
use super::contract::image::{Motion, motion};
use super::contract::{Check, CheckContext};
use crate::model::dependency::{Dependency, Origin};
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds every dependency from git that follows a branch, named or the default one, and every image that follows its
/// owner's builds.
pub(super) struct BranchTracking;

impl Check for BranchTracking {
    fn id(&self) -> &'static str {
        "branch-tracking"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for lockfile in context.lockfiles {
            for (position, dependency) in lockfile.dependencies.iter().enumerate() {
                if !follows_a_branch(dependency) {
                    continue;
                }
                // As zizmor rates an action that is not pinned.
                let graded = (FindingKind::BranchTracking, Severity::Medium);
                let mut finding = of_dependency(lockfile, position, dependency, graded);
                // Where it stands today, or why that could not be told.
                finding.detail = lockfile.nearest.get(&position).cloned().map(Detail::Nearest);
                findings.push(finding);
            }
        }
        findings
    }
}

fn follows_a_branch(dependency: &Dependency) -> bool {
    match &dependency.origin {
        Origin::Git { pin, .. } => pin.followed_branch().is_some(),
        Origin::Image { .. } => matches!(motion(dependency), Some(Motion::Everything(_))),
        Origin::Registry { .. } | Origin::Path | Origin::Archive { .. } | Origin::System { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{image, inspect, lockfile};
    use super::*;
    use crate::advisory::AdvisoryDatabase;
    use crate::git::folder::FolderTree;
    use crate::model::dependency::{Dependency, GitPin, Scope};
    use crate::model::ecosystem::Ecosystem;
    use crate::model::lockfile::Lockfile;
    use crate::model::nearest::Nearest;
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
            abandoned: None,
            doubts: Vec::new(),
        });
        let folder = tempfile::tempdir().unwrap();
        let context = CheckContext {
            tree: &FolderTree::open(folder.path()).unwrap(),
            lockfiles: &[Lockfile::new(RepoPath::new("Cargo.lock").unwrap(), "cargo-lock", dependencies.to_vec())],
            advisories: &AdvisoryDatabase::default(),
            today: jiff::civil::date(2026, 11, 21),
            effort: &crate::check::contract::effort::Effort::default(),
        };
        let findings = BranchTracking.inspect(&context);
        let packages: Vec<_> = findings.iter().map(|finding| finding.package.as_str()).collect();
        assert_eq!(packages, ["named", "default"]);
        for finding in &findings {
            assert_eq!((finding.kind, finding.severity), (FindingKind::BranchTracking, Severity::Medium));
            assert!(matches!(&finding.origin, Origin::Git { commit: Some(at), .. } if *at == commit));
            assert_eq!((finding.scope, finding.line, finding.path.told().steps.len()), (Scope::Development, 3, 1));
        }
    }

    #[test]
    fn images_that_follow_the_newest_build_are_found() {
        let followed =
            |reference: &str| !inspect(&BranchTracking, &[], &[lockfile("x", vec![image(reference)])]).is_empty();
        for moving in ["nginx", "nginx:latest", "ghcr.io/acme/app:main", "node:lts-alpine"] {
            assert!(followed(moving), "{moving}");
        }
        let pinned = format!("nginx:latest@sha256:{}", "a".repeat(64));
        for still in ["nginx:1.27", "nginx:1.27.3", "scratch", pinned.as_str()] {
            assert!(!followed(still), "{still}");
        }
    }

    #[test]
    fn where_it_stands_is_said() {
        let commit = CommitId::new(&"b".repeat(40)).unwrap();
        let origin =
            Origin::Git { url: "https://example.org/x".to_owned(), pin: GitPin::DefaultBranch, commit: Some(commit) };
        let dependency = Dependency { origin, ..Dependency::new(Ecosystem::Npm, "x", "1.0.0", 1) };
        let mut lockfile = lockfile("package-lock.json", vec![dependency]);
        lockfile.content_mut().nearest.insert(0, Nearest::Unknown("no tags".to_owned()));
        let findings = inspect(&BranchTracking, &[], &[lockfile]);
        assert_eq!(findings[0].detail.as_ref().unwrap().to_string(), "could not be checked: no tags");
    }
}
