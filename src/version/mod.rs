//! Versions: one total order per ecosystem, behind an exhaustive match. To add one: write `version/<name>.rs`, then its
//! arms below.

mod apk;
mod composer;
mod composer_constraint;
mod composer_raw;
mod conan;
mod debian;
mod gem;
mod gem_requirement;
mod maven;
mod npm_range;
mod nuget;
mod number;
mod numeric_list;
mod opam;
mod ordered_build;
mod python;
mod rpm;
mod semantic;

use std::cmp::Ordering;

use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::Step;
use apk::ApkVersion;
use composer::ComposerVersion;
use composer_constraint::ComposerConstraint;
use conan::ConanVersion;
use debian::DebianVersion;
use gem::GemVersion;
use maven::MavenVersion;
pub(crate) use npm_range::NpmRange;
use nuget::NuGetVersion;
use number::Number;
use numeric_list::NumericList;
use opam::OpamVersion;
use ordered_build::BuildVersion;
use python::PythonVersion;
use rpm::RpmVersion;
use semantic::{SemanticVersion, step_between};

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
    /// A tag whose suffix names a variant of an image rather than a pre-release.
    ImageTag(SemanticVersion),
    Build(BuildVersion),
    NuGet(NuGetVersion),
    Composer(ComposerVersion),
    Python(PythonVersion),
    Gem(GemVersion),
    Maven(MavenVersion),
    Numeric(NumericList),
    Opam(OpamVersion),
    Conan(ConanVersion),
    Debian(DebianVersion),
    Apk(ApkVersion),
    Rpm(RpmVersion),
}

impl Version {
    /// Compares with a version of the same ecosystem as its tool does.
    ///
    /// It agrees with `Ord` except for rare versions of Maven and Conan, which these compare in circles: sort by `Ord`.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Kind::Maven(left), Kind::Maven(right)) => left.compare(right),
            (Kind::Conan(left), Kind::Conan(right)) => left.compare(right),
            _ => self.cmp(other),
        }
    }

    /// Whether it is a pre-release (Composer: less stable than `stable`; where `~` marks one: whether it is there).
    pub fn is_prerelease(&self) -> bool {
        match &self.0 {
            Kind::Semantic(version) => version.is_prerelease(),
            Kind::ImageTag(version) => version.announces_a_release(),
            Kind::Build(version) => version.is_prerelease(),
            Kind::NuGet(version) => version.is_prerelease(),
            Kind::Composer(version) => version.is_unstable(),
            Kind::Python(version) => version.is_prerelease(),
            Kind::Gem(version) => version.is_prerelease(),
            Kind::Maven(version) => version.is_prerelease(),
            Kind::Numeric(_) => false,
            Kind::Opam(version) => version.is_prerelease(),
            Kind::Conan(version) => version.is_prerelease(),
            Kind::Debian(version) => version.is_prerelease(),
            Kind::Apk(version) => version.is_prerelease(),
            Kind::Rpm(version) => version.is_prerelease(),
        }
    }

    /// How far a move to a higher version goes: leaving the caret range of `self`, or its epoch, is major.
    pub fn step_to(&self, to: &Self) -> Step {
        let (Some((from_epoch, from)), Some((to_epoch, to))) = (self.numbers(), to.numbers()) else {
            // From or to a branch, anything may change.
            return Step::Major;
        };
        if from_epoch == to_epoch { step_between(&from, &to) } else { Step::Major }
    }

    /// The epoch and the numbers at the front; `None` for a branch of Composer.
    fn numbers(&self) -> Option<(Number, Vec<Number>)> {
        let epoch_and_numbers = match &self.0 {
            Kind::Semantic(version) | Kind::ImageTag(version) => (Number::ZERO, version.numbers().to_vec()),
            Kind::Build(version) => (Number::ZERO, version.numbers().to_vec()),
            Kind::NuGet(version) => (Number::ZERO, version.numbers().to_vec()),
            Kind::Composer(version) => (Number::ZERO, version.numbers()?.to_vec()),
            Kind::Python(version) => {
                let (epoch, numbers) = version.numbers();
                (epoch.clone(), numbers.to_vec())
            }
            Kind::Gem(version) => (Number::ZERO, version.numbers()),
            Kind::Maven(version) => (Number::ZERO, version.numbers()),
            Kind::Numeric(version) => (Number::ZERO, version.numbers().to_vec()),
            Kind::Opam(version) => (Number::ZERO, version.numbers()),
            Kind::Conan(version) => (Number::ZERO, version.numbers()),
            Kind::Debian(version) => {
                let (epoch, numbers) = version.numbers();
                (epoch.clone(), numbers)
            }
            Kind::Apk(version) => (Number::ZERO, version.numbers()),
            Kind::Rpm(version) => {
                let (epoch, numbers) = version.numbers();
                (epoch.clone(), numbers.to_vec())
            }
        };
        Some(epoch_and_numbers)
    }
}

/// Reads a version of an ecosystem.
pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Version, InvalidVersion> {
    let trimmed = text.trim();
    let kind = if trimmed.len() > LENGTH_LIMIT { None } else { parse_kind(ecosystem, trimmed) };
    kind.map(Version).ok_or_else(|| InvalidVersion { ecosystem, text: text.to_owned() })
}

fn parse_kind(ecosystem: Ecosystem, text: &str) -> Option<Kind> {
    match ecosystem {
        Ecosystem::CratesIo
        | Ecosystem::Npm
        | Ecosystem::Hex
        | Ecosystem::SwiftUrl
        | Ecosystem::Ghc
        | Ecosystem::Jsr
        | Ecosystem::Terraform
        | Ecosystem::Helm
        | Ecosystem::Bitnami
        | Ecosystem::GitHubActions
        | Ecosystem::Git => SemanticVersion::parse(text).map(Kind::Semantic),
        Ecosystem::Go => SemanticVersion::parse_go(text).map(Kind::Semantic),
        Ecosystem::ConanCenter => ConanVersion::parse(text).map(Kind::Conan),
        Ecosystem::Docker => SemanticVersion::parse(text).map(Kind::ImageTag),
        Ecosystem::Pub => BuildVersion::parse_dart(text).map(Kind::Build),
        Ecosystem::Julia => BuildVersion::parse_julia(text).map(Kind::Build),
        Ecosystem::NuGet => NuGetVersion::parse(text).map(Kind::NuGet),
        Ecosystem::Packagist => ComposerVersion::parse(text).or_else(|| composer_raw::parse(text)).map(Kind::Composer),
        Ecosystem::PyPi => PythonVersion::parse(text).map(Kind::Python),
        Ecosystem::RubyGems => GemVersion::parse(text).map(Kind::Gem),
        Ecosystem::CocoaPods => GemVersion::parse_pod(text).map(Kind::Gem),
        Ecosystem::Maven => Some(Kind::Maven(MavenVersion::parse(text))),
        Ecosystem::Cran | Ecosystem::Bioconductor => NumericList::parse_r(text).map(Kind::Numeric),
        Ecosystem::Hackage => NumericList::parse_haskell(text).map(Kind::Numeric),
        Ecosystem::Opam => OpamVersion::parse(text).map(Kind::Opam),
        Ecosystem::Debian | Ecosystem::Echo | Ecosystem::Ubuntu => DebianVersion::parse(text).map(Kind::Debian),
        Ecosystem::Alpaquita
        | Ecosystem::Alpine
        | Ecosystem::BellSoft
        | Ecosystem::Chainguard
        | Ecosystem::MinimOs
        | Ecosystem::Wolfi => ApkVersion::parse(text).map(Kind::Apk),
        Ecosystem::AlmaLinux
        | Ecosystem::AzureLinux
        | Ecosystem::Mageia
        | Ecosystem::OpenEuler
        | Ecosystem::OpenSuse
        | Ecosystem::PhotonOs
        | Ecosystem::RedHat
        | Ecosystem::RockyLinux
        | Ecosystem::Suse => RpmVersion::parse(text).map(Kind::Rpm),
    }
}

/// Compares two versions in the total order of the ecosystem: lists may be sorted by it.
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
/// A reference to an action is a requirement as well: `v4` is met by every `v4.x.y` to which that tag moves on.
pub fn satisfies(ecosystem: Ecosystem, requirement: &str, version: &str) -> Option<bool> {
    let (requirement, version) = (requirement.trim(), version.trim());
    if requirement.len() > LENGTH_LIMIT || version.len() > LENGTH_LIMIT {
        return None;
    }
    meets(ecosystem, requirement, version)
}

fn meets(ecosystem: Ecosystem, requirement: &str, version: &str) -> Option<bool> {
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
        Ecosystem::PyPi => {
            let specifiers = requirement.parse::<pep440_rs::VersionSpecifiers>().ok()?;
            Some(specifiers.contains(&version.parse().ok()?))
        }
        Ecosystem::RubyGems => gem_requirement::satisfies(requirement, version),
        // Nobody asks these for more than an order yet.
        Ecosystem::Go
        | Ecosystem::Maven
        | Ecosystem::NuGet
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::SwiftUrl
        | Ecosystem::ConanCenter
        | Ecosystem::Cran
        | Ecosystem::Bioconductor
        | Ecosystem::Hackage
        | Ecosystem::Ghc
        | Ecosystem::Julia
        | Ecosystem::Opam
        | Ecosystem::CocoaPods
        | Ecosystem::Jsr
        | Ecosystem::Terraform
        | Ecosystem::Helm
        | Ecosystem::Bitnami
        | Ecosystem::Docker
        | Ecosystem::Git
        | Ecosystem::Alpaquita
        | Ecosystem::Alpine
        | Ecosystem::BellSoft
        | Ecosystem::Chainguard
        | Ecosystem::MinimOs
        | Ecosystem::Wolfi
        | Ecosystem::Debian
        | Ecosystem::Echo
        | Ecosystem::Ubuntu
        | Ecosystem::AlmaLinux
        | Ecosystem::AzureLinux
        | Ecosystem::Mageia
        | Ecosystem::OpenEuler
        | Ecosystem::OpenSuse
        | Ecosystem::PhotonOs
        | Ecosystem::RedHat
        | Ecosystem::RockyLinux
        | Ecosystem::Suse => None,
    }
}

#[cfg(test)]
mod tests;
