//! What stands in the blocks of an index, as postcard writes it.

use serde::{Deserialize, Serialize};

use super::block::Place;
use crate::advisory::ranges::Claims;
use crate::model::advisory::AdvisoryKind;
use crate::model::severity::Severity;

/// What an index says about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::advisory) struct Metadata {
    /// What it was compiled from, as its maker tells one content from another.
    pub(in crate::advisory) key: String,
    /// Records, withdrawn ones left out.
    pub(in crate::advisory) advisories: u64,
    /// Affected ranges; an entry without one, which names versions only, counts as one.
    pub(in crate::advisory) ranges: u64,
    /// Packages.
    pub(in crate::advisory) packages: u64,
    /// The names of the sources that records come from, sorted.
    pub(super) source_names: Vec<String>,
    /// The ecosystems of the packages, sorted.
    pub(in crate::advisory) ecosystems: Vec<String>,
    /// The sources, in the order of the policy.
    pub(in crate::advisory) sources: Vec<SourceSummary>,
}

/// What an index says about one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::advisory) struct SourceSummary {
    /// The source's name.
    pub(in crate::advisory) id: String,
    /// Where it was read from, without credentials.
    pub(in crate::advisory) location: String,
    /// The SHA-256 of the files that were read of it, with their paths.
    pub(in crate::advisory) digest: String,
    /// How many advisories it gave.
    pub(in crate::advisory) advisories: u64,
    /// How many flaws of other sources it said something about.
    pub(in crate::advisory) annotations: u64,
    /// How many of its records are about nothing that is known here.
    pub(in crate::advisory) foreign: u64,
    /// How many of its records could not be understood.
    pub(in crate::advisory) skipped: u64,
    /// When the newest record was written, in seconds since 1970.
    pub(in crate::advisory) changed: Option<i64>,
    /// When its youngest file was written, of what stood on this machine.
    pub(in crate::advisory) written: Option<i64>,
    /// When it was fetched or last found unchanged, of a copy in the cache.
    pub(in crate::advisory) fetched: Option<i64>,
}

/// What one record says about one package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::advisory) struct Entry<'a> {
    /// The flaw.
    pub(in crate::advisory) flaw: Place,
    /// The number of the record among those of the flaw.
    pub(in crate::advisory) record: u32,
    /// The kind of the record.
    pub(in crate::advisory) kind: AdvisoryKind,
    /// The release of an operating system.
    pub(in crate::advisory) release: Option<&'a str>,
    /// The package as the record writes it, where that differs from the name that it is found under.
    pub(in crate::advisory) spelling: Option<&'a str>,
    /// The affected versions.
    #[serde(borrow)]
    pub(in crate::advisory) claims: Claims<'a>,
}

/// A flaw: what all its records are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::advisory) struct FlawBlock<'a> {
    /// All its names, in order of preference.
    #[serde(borrow)]
    pub(in crate::advisory) names: Vec<&'a str>,
    /// Whether it is exploited in the wild.
    pub(in crate::advisory) exploited: bool,
    /// How likely it is exploited.
    pub(in crate::advisory) likelihood: Option<f64>,
    /// Its records, sorted by source and name.
    pub(in crate::advisory) records: Vec<FlawRecord>,
}

/// A record of a flaw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::advisory) struct FlawRecord {
    /// The number of the source among the names of sources.
    pub(super) source: u32,
    /// The number of its own name among those of the flaw.
    pub(super) name: u32,
    /// The numbers of its aliases among those names, ascending: what this record says, whichever others share the flaw.
    pub(super) aliases: Vec<u32>,
    /// What it warns of.
    pub(in crate::advisory) kind: AdvisoryKind,
    /// Its rating.
    pub(in crate::advisory) severity: Severity,
    /// What people read.
    pub(in crate::advisory) text: Place,
}
