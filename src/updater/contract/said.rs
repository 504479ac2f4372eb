//! What a tool said, as far as it is understood: nothing else of its messages is ever told, because they repeat what files
//! hold, and those may be anyone's.

use std::fmt;

use crate::model::dependency::PackageVersion;
use crate::model::dependency_path::TOLD_LINKS;
use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::BlockingParent;
use crate::model::specification::SpecificationKind;
use crate::sandbox::grammar;

/// What a tool's messages say. Every name, version and requirement in it has passed the ecosystem's grammar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// What went wrong; `None` when the messages have no known form.
    pub(crate) reason: Option<Reason>,
    /// Who stands in the way, from the package up to the project; empty when the messages do not tell.
    pub(crate) chain: Vec<BlockingParent>,
    /// The locked packages that would have to move for it, where the messages name them.
    pub(crate) siblings: Vec<Sibling>,
}

/// A locked package that stands in the way of another one's move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sibling {
    /// The package.
    pub(crate) package: String,
    /// Its locked version.
    pub(crate) version: String,
    /// What it would have to meet.
    pub(crate) wanted: Vec<String>,
}

impl Said {
    /// Messages with a known reason.
    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::default() }
    }

    /// Adds a link of the chain, unless it is there already or something in it is not in the ecosystem's grammar.
    pub(crate) fn link(&mut self, ecosystem: Ecosystem, (name, version, requirement): (&str, &str, &str)) {
        let Some((name, version)) = package(ecosystem, name).zip(self::version(ecosystem, version)) else { return };
        // A requirement in no known form leaves the link, which is worth telling without it.
        let requirement = self::requirement(ecosystem, requirement).unwrap_or_default();
        let link = BlockingParent { parent: PackageVersion { name, version }, requirement };
        if self.chain.len() < TOLD_LINKS && !self.chain.contains(&link) {
            self.chain.push(link);
        }
    }
}

/// Why a tool gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The lockfile does not match its manifest.
    Stale,
    /// The registry, or whatever else it needed, did not answer.
    Unreachable,
    /// There is no such package.
    NoPackage(String),
    /// No release of the package meets the requirement.
    NoRelease(String, String),
    /// The requirements on a package exclude each other; its name is not always told.
    Conflict(Option<String>),
    /// The lockfile has no such package at that version.
    NotLocked(String),
    /// The manifest of a package cannot be read.
    NotLoaded(String),
    /// The package would come from where the tool may not take it.
    NotAllowed(SpecificationKind),
    /// The manifest itself is not accepted.
    Manifest,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => formatter.write_str("the lockfile does not match its manifest"),
            Self::Unreachable => formatter.write_str("the registry does not answer"),
            Self::NoPackage(package) => write!(formatter, "its registry has no package `{package}`"),
            Self::NoRelease(package, wanted) => write!(formatter, "no release of `{package}` meets `{wanted}`"),
            Self::Conflict(Some(package)) => {
                write!(formatter, "no release of `{package}` meets everything that is asked of it")
            }
            Self::Conflict(None) => formatter.write_str("what is asked for cannot all be had together"),
            Self::NotLocked(package) => write!(formatter, "`{package}` is not locked as it was"),
            Self::NotLoaded(package) => write!(formatter, "the manifest of `{package}` cannot be read"),
            Self::NotAllowed(kind) => write!(formatter, "a package would come from {kind}, which is not allowed here"),
            Self::Manifest => formatter.write_str("the manifest is not accepted"),
        }
    }
}

/// A package name, if it is one.
pub(crate) fn package(ecosystem: Ecosystem, text: &str) -> Option<String> {
    grammar::package(ecosystem, text).ok().map(str::to_owned)
}

/// A version, if it is one.
pub(crate) fn version(ecosystem: Ecosystem, text: &str) -> Option<String> {
    grammar::version(ecosystem, text).ok().map(str::to_owned)
}

/// A requirement, if it is one.
pub(crate) fn requirement(ecosystem: Ecosystem, text: &str) -> Option<String> {
    grammar::requirement(ecosystem, text).ok().map(str::to_owned)
}

/// What stands between two marks, from the first of each.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0)
}
