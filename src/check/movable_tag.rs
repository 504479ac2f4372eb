//! Movable tag: actions and images at a tag that its owner moves on with every release of a line.
//!
//! `uses: acme/build@v4` runs whatever `v4` points to today, and `FROM node:20` builds on whatever was pushed as `20` last.
//! zizmor rates such an action under `unpinned-uses` (<https://docs.zizmor.sh/audits/#unpinned-uses>) and Renovate's
//! `docker:pinDigests` (<https://docs.renovatebot.com/presets-docker/#dockerpindigests>) puts a digest beside every tag.
//! A full version is taken as fixed: its owner could move it as well, but then breaks a promise. That, a commit and a
//! digest are never reported; what follows everything is branch tracking. It is low, as it is the recommended way of many.

use super::contract::finding::of_each;
use super::contract::image::{Motion, motion};
use super::contract::{Check, CheckContext};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};

/// Finds tags that float over a line of releases.
pub(super) struct MovableTag;

impl Check for MovableTag {
    fn id(&self) -> &'static str {
        "movable-tag"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        of_each(context.lockfiles, FindingKind::MovableTag, |dependency| {
            line_of_releases(dependency).map(|line| format!("moves on with every release of {line}"))
        })
    }
}

/// The line of releases that the dependency's tag floats over.
fn line_of_releases(dependency: &Dependency) -> Option<&str> {
    match &dependency.origin {
        Origin::Image { .. } => match motion(dependency)? {
            Motion::Line(line) => Some(line),
            Motion::Fixed | Motion::Everything(_) => None,
        },
        // Of all that is taken from git by a tag, only actions have tags that are made to move.
        Origin::Git { pin: GitPin::Tag(tag), .. } if dependency.ecosystem == Ecosystem::GitHubActions => {
            let numbers = tag.strip_prefix('v').unwrap_or(tag);
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            (numbers.split('.').count() < 3 && numbers.split('.').all(is_number)).then_some(tag.as_str())
        }
        Origin::Git { .. }
        | Origin::Registry { .. }
        | Origin::Path
        | Origin::Archive { .. }
        | Origin::System { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{image, inspect, lockfile};
    use super::*;
    use crate::model::severity::Severity;

    fn action(pin: GitPin) -> Dependency {
        let origin = Origin::Git { url: "https://example.org/acme/build".to_owned(), pin, commit: None };
        Dependency { origin, ..Dependency::new(Ecosystem::GitHubActions, "acme/build", "4", 7) }
    }

    fn reasons(dependency: Dependency) -> Vec<String> {
        let findings = inspect(&MovableTag, &[], &[lockfile("ci.yml", vec![dependency])]);
        assert!(findings.iter().all(|it| (it.kind, it.severity) == (FindingKind::MovableTag, Severity::Low)));
        findings.into_iter().map(|finding| finding.detail.unwrap().to_string()).collect()
    }

    #[test]
    fn actions_at_part_of_a_version_move() {
        assert_eq!(reasons(action(GitPin::Tag("v4".to_owned()))), ["moves on with every release of v4"]);
        assert_eq!(reasons(action(GitPin::Tag("4.1".to_owned()))).len(), 1);
        for fixed in ["v4.1.2", "release-4", "v4-beta", ""] {
            assert!(reasons(action(GitPin::Tag(fixed.to_owned()))).is_empty(), "{fixed}");
        }
        assert!(reasons(action(GitPin::Commit)).is_empty());
        assert!(reasons(action(GitPin::Branch("v4".to_owned()))).is_empty(), "that is branch tracking");
        let mut library = action(GitPin::Tag("v4".to_owned()));
        library.ecosystem = Ecosystem::Npm;
        assert!(reasons(library).is_empty(), "tags of libraries stay");
    }

    #[test]
    fn images_at_part_of_a_version_move_unless_a_digest_pins_them() {
        assert_eq!(reasons(image("nginx:1.27-alpine")), ["moves on with every release of 1.27"]);
        assert!(reasons(image(&format!("nginx:1.27@sha256:{}", "a".repeat(64)))).is_empty());
        assert!(reasons(image("nginx:1.27.3")).is_empty());
        assert!(reasons(image("nginx")).is_empty(), "that is branch tracking");
        assert!(reasons(image("scratch")).is_empty());
    }
}
