//! Versions: one total order per ecosystem, behind an exhaustive match. To add one: write `version/<name>.rs`, then its
//! arms below.

mod composer;
mod composer_constraint;
mod npm_range;
mod number;
mod semantic;

use std::cmp::Ordering;

use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::Step;
use composer::ComposerVersion;
use composer_constraint::ComposerConstraint;
use semantic::SemanticVersion;

/// Longer text is no version: npm's limit is 256 characters, Composer's branches are git references.
const LENGTH_LIMIT: usize = 1024;

/// Text that is not a version of its ecosystem.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a version of {ecosystem}", .text.escape_default())]
pub struct InvalidVersion {
    /// The ecosystem.
    pub ecosystem: Ecosystem,
    /// The text.
    pub text: String,
}

/// A version, read once so that it can be compared many times.
///
/// Two versions are equal when their ecosystem ranks them equal: `1.0` and `v1.0.0`, or `1.0.0+a` and `1.0.0+b`. The
/// order is total; versions of different ecosystems, which nobody should compare, are in the order of their kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Kind);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Semantic(SemanticVersion),
    Composer(ComposerVersion),
}

impl Version {
    /// Compares with a version of the same ecosystem.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    /// Whether it is a pre-release (Composer: less stable than `stable`).
    pub fn is_prerelease(&self) -> bool {
        match &self.0 {
            Kind::Semantic(version) => version.is_prerelease(),
            Kind::Composer(version) => version.is_unstable(),
        }
    }

    /// How far a move to a higher version goes: leaving the caret range of `self` is major.
    pub fn step_to(&self, to: &Self) -> Step {
        match (&self.0, &to.0) {
            (Kind::Semantic(from), Kind::Semantic(to)) => from.step_to(to),
            (Kind::Composer(from), Kind::Composer(to)) => from.step_to(to),
            (Kind::Semantic(_), Kind::Composer(_)) | (Kind::Composer(_), Kind::Semantic(_)) => Step::Major,
        }
    }
}

/// Reads a version of an ecosystem.
pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Version, InvalidVersion> {
    let trimmed = text.trim();
    let kind = if trimmed.len() > LENGTH_LIMIT {
        None
    } else {
        match ecosystem {
            Ecosystem::Packagist => ComposerVersion::parse(trimmed).map(Kind::Composer),
            _ => SemanticVersion::parse(trimmed).map(Kind::Semantic),
        }
    };
    kind.map(Version).ok_or_else(|| InvalidVersion { ecosystem, text: text.to_owned() })
}

/// Compares two versions as the ecosystem's own tools do.
pub fn compare(ecosystem: Ecosystem, left: &str, right: &str) -> Result<Ordering, InvalidVersion> {
    Ok(parse(ecosystem, left)?.cmp(&parse(ecosystem, right)?))
}

/// Whether the version is a pre-release; `false` for text that is no version.
pub fn is_prerelease(ecosystem: Ecosystem, version: &str) -> bool {
    parse(ecosystem, version).is_ok_and(|version| version.is_prerelease())
}

/// How far a move from one version to a higher one goes: a move that leaves the caret range of `from` is major (below
/// 1.0.0 that is any other minor version, below 0.1.0 any other version), else minor when the minor number moves.
pub fn step(ecosystem: Ecosystem, from: &str, to: &str) -> Result<Step, InvalidVersion> {
    Ok(parse(ecosystem, from)?.step_to(&parse(ecosystem, to)?))
}

/// Whether a version meets a requirement in the ecosystem's own grammar; `None` when the requirement (or the version)
/// cannot be read.
///
/// A reference to an action is a requirement as well: `v4` is met by every `v4.x.y` over which that tag floats.
pub fn satisfies(ecosystem: Ecosystem, requirement: &str, version: &str) -> Option<bool> {
    let (requirement, version) = (requirement.trim(), version.trim());
    if requirement.len() > LENGTH_LIMIT || version.len() > LENGTH_LIMIT {
        return None;
    }
    match ecosystem {
        Ecosystem::CratesIo => {
            let requirement = semver::VersionReq::parse(requirement).ok()?;
            Some(requirement.matches(&semver::Version::parse(version).ok()?))
        }
        Ecosystem::Npm => npm_range::satisfies(requirement, version),
        Ecosystem::Packagist => {
            let constraint = ComposerConstraint::parse(requirement)?;
            Some(constraint.matches(&ComposerVersion::parse(version)?))
        }
        Ecosystem::GitHubActions => {
            Some(SemanticVersion::parse(requirement)?.covers(&SemanticVersion::parse(version)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
