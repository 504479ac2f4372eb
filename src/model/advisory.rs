//! Advisories: what is known about the flaws of packages, whatever source said it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ecosystem::Ecosystem;
use super::severity::{Cvss, Severity};

/// The longest identifier that is accepted; real ones have less than 40 characters.
const ID_LIMIT: usize = 100;

/// The identifier of an advisory, such as `RUSTSEC-2024-0421`, `GHSA-…` or `CVE-…`.
///
/// Only ASCII letters, digits, `-`, `_`, `.`, `:` and `/` are accepted, so that an identifier is safe in a title, a commit
/// message and a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AdvisoryId(String);

/// Text that cannot be an advisory's identifier.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not an advisory identifier", .0.escape_default())]
pub struct InvalidAdvisoryId(pub String);

impl AdvisoryId {
    /// Takes an identifier, or refuses text that is none.
    pub fn new(text: &str) -> Result<Self, InvalidAdvisoryId> {
        let well_formed = !text.is_empty()
            && text.len() <= ID_LIMIT
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !text.contains("..")
            && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_.:/".contains(character));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidAdvisoryId(text.to_owned())) }
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page about it, where the name tells who keeps one.
    pub fn page(&self) -> Option<String> {
        let id = &self.0;
        let pages = [
            ("CVE-", "https://nvd.nist.gov/vuln/detail/", ""),
            ("GHSA-", "https://github.com/advisories/", ""),
            ("RUSTSEC-", "https://rustsec.org/advisories/", ".html"),
            ("MAL-", "https://osv.dev/vulnerability/", ""),
        ];
        let (_, start, end) = pages.into_iter().find(|(prefix, _, _)| id.starts_with(prefix))?;
        Some(format!("{start}{id}{end}"))
    }

    /// The rank of the name when one flaw has several: CVE first, then GHSA, then the source's own.
    pub fn preference(&self) -> u8 {
        if self.0.starts_with("CVE-") {
            0
        } else if self.0.starts_with("GHSA-") {
            1
        } else {
            2
        }
    }
}

impl fmt::Display for AdvisoryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for AdvisoryId {
    type Error = InvalidAdvisoryId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<AdvisoryId> for String {
    fn from(id: AdvisoryId) -> Self {
        id.0
    }
}

/// What an advisory warns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryKind {
    /// A flaw that can be exploited.
    Vulnerability,
    /// The package itself is an attack.
    Malicious,
    /// Nobody maintains the package.
    Unmaintained,
    /// Safe code can reach undefined behaviour.
    Unsound,
    /// Anything else its users should know.
    Notice,
}

/// One advisory as one source tells it. All texts are untrusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// The source's name for it.
    pub id: AdvisoryId,
    /// Other names of the same flaw, as the source lists them, sorted.
    pub aliases: Vec<AdvisoryId>,
    /// The id of the source, for example `rustsec`.
    pub source: String,
    /// What it warns of.
    pub kind: AdvisoryKind,
    /// One line.
    pub summary: String,
    /// The long text, possibly empty.
    pub details: String,
    /// `https` addresses to read on.
    pub references: Vec<String>,
    /// The CVSS vector with the highest version that the source gives.
    pub cvss: Option<Cvss>,
    /// The rating: of the CVSS score, else the source's own word, else unknown.
    pub severity: Severity,
    /// Withdrawn advisories never match.
    pub withdrawn: bool,
    /// The packages and versions it is about.
    pub affected: Vec<Affected>,
}

/// A package of an advisory with its affected versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The release of an operating system that it is about, for example `12` of `Debian:12`; `None` for all of them.
    pub release: Option<String>,
    /// The package's name as the source writes it.
    pub package: String,
    /// Affected ranges: a version is affected when any of them, or `versions`, holds it.
    pub ranges: Vec<AffectedRange>,
    /// Versions that are affected one by one.
    pub versions: Vec<String>,
}

/// One affected range: events in the ecosystem's order, as in the OSV schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffectedRange {
    /// The events as the source gives them, not necessarily sorted.
    pub events: Vec<RangeEvent>,
}

/// One event of an affected range (<https://ossf.github.io/osv-schema/#affectedrangesevents-fields>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeEvent {
    /// The first affected version; `0` is before every version.
    Introduced(String),
    /// The first version that is not affected any more.
    Fixed(String),
    /// The last affected version.
    LastAffected(String),
    /// Versions from here on are not described by the range.
    Limit(String),
}
