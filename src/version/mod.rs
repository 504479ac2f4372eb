//! Versions: one total order per ecosystem, behind an exhaustive match.

use std::cmp::Ordering;

use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::Step;

/// Text that is not a version of its ecosystem.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a version of {ecosystem}", .text.escape_default())]
pub struct InvalidVersion {
    /// The ecosystem.
    pub ecosystem: Ecosystem,
    /// The text.
    pub text: String,
}

/// Compares two versions as the ecosystem's own tools do.
pub fn compare(ecosystem: Ecosystem, left: &str, right: &str) -> Result<Ordering, InvalidVersion> {
    Ok(parse(ecosystem, left)?.cmp(&parse(ecosystem, right)?))
}

fn parse(ecosystem: Ecosystem, text: &str) -> Result<semver::Version, InvalidVersion> {
    semver::Version::parse(text.trim_start_matches('v'))
        .map_err(|_| InvalidVersion { ecosystem, text: text.to_owned() })
}

/// Whether the version is a pre-release; `false` for text that is no version.
pub fn is_prerelease(ecosystem: Ecosystem, version: &str) -> bool {
    parse(ecosystem, version).is_ok_and(|version| !version.pre.is_empty())
}

/// How far a move from one version to a higher one goes: below 1.0.0, minor and patch steps count one place higher, as
/// caret requirements do.
pub fn step(ecosystem: Ecosystem, from: &str, to: &str) -> Result<Step, InvalidVersion> {
    let (from, to) = (parse(ecosystem, from)?, parse(ecosystem, to)?);
    Ok(if from.major != to.major {
        Step::Major
    } else if from.minor != to.minor {
        Step::Minor
    } else {
        Step::Patch
    })
}

/// Whether a version meets a requirement in the ecosystem's own grammar; `None` when the requirement cannot be read.
pub fn satisfies(ecosystem: Ecosystem, requirement: &str, version: &str) -> Option<bool> {
    let requirement = semver::VersionReq::parse(requirement).ok()?;
    Some(requirement.matches(&parse(ecosystem, version).ok()?))
}
