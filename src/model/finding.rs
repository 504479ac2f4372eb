//! Findings: what a check has to say about a dependency or a file.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::advisory::AdvisoryId;
use super::dependency::{Origin, Scope};
use super::dependency_path::DependencyPath;
use super::ecosystem::Ecosystem;
use super::nearest::Nearest;
use super::repository::RepoPath;
use super::severity::{Cvss, Severity};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A known flaw affects the locked version.
    Vulnerability,
    /// The locked package is an attack.
    Malicious,
    /// An entry of the lockfile contradicts itself: what is installed is not what it says.
    InconsistentLock,
    /// The dependency follows a branch.
    BranchTracking,
    /// A manifest asks for dependencies that no lockfile pins.
    Unlocked,
    /// A manifest allows any version, or versions that are not stable.
    LooseRequirement,
    /// The dependency is at a tag that its owner moves on, such as `v4` of an action or `1.27` of an image.
    MovableTag,
    /// The lockfile does not fit its manifest.
    StaleLockfile,
    /// The registry has withdrawn the locked version.
    Yanked,
    /// The named runtime gets no fixes any more.
    EndOfLife,
    /// The package comes from an unexpected host, or the lockfile has no checksum of it.
    UnverifiedSource,
    /// Nobody maintains the package.
    Unmaintained,
    /// Safe code can reach undefined behaviour.
    Unsound,
    /// Anything else an advisory says.
    Notice,
}

impl FindingKind {
    /// The kebab-case word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Malicious => "malicious",
            Self::BranchTracking => "branch-tracking",
            Self::Unlocked => "unlocked",
            Self::LooseRequirement => "loose-requirement",
            Self::MovableTag => "movable-tag",
            Self::StaleLockfile => "stale-lockfile",
            Self::Yanked => "yanked",
            Self::EndOfLife => "end-of-life",
            Self::InconsistentLock => "inconsistent-lock",
            Self::UnverifiedSource => "unverified-source",
            Self::Unmaintained => "unmaintained",
            Self::Unsound => "unsound",
            Self::Notice => "notice",
        }
    }

    /// Warnings are shown but, unless asked for, decide neither the exit code nor a pull request.
    pub const fn is_warning(self) -> bool {
        match self {
            Self::LooseRequirement
            | Self::MovableTag
            | Self::StaleLockfile
            | Self::Yanked
            | Self::EndOfLife
            | Self::UnverifiedSource
            | Self::Unmaintained
            | Self::Unsound
            | Self::Notice => true,
            Self::Vulnerability | Self::Malicious | Self::InconsistentLock | Self::BranchTracking | Self::Unlocked => {
                false
            }
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// How bad it is.
    ///
    /// Of the advisory where there is one. A dependency that follows a branch, or that nothing locks, has no score; both
    /// are medium, as zizmor rates an action that is not pinned. A lockfile that contradicts itself is high: no tool writes
    /// one, and what it hides may be anything.
    pub severity: Severity,
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package; for an unlocked manifest the name of its folder, at the project's root of its file. Untrusted.
    pub package: String,
    /// The locked version; empty for an unlocked manifest. Untrusted.
    pub version: String,
    /// The file that pins it.
    pub file: RepoPath,
    /// The line in that file, from 1.
    pub line: u32,
    /// Whether the project itself asks for the package.
    pub direct: bool,
    /// What the project needs it for.
    pub scope: Scope,
    /// The shortest path from a direct dependency to the package, both included.
    pub path: DependencyPath,
    /// Where the package comes from: for branch tracking, the branch and the commit it stands at.
    pub origin: Origin,
    /// What is known, for a finding that comes from advisories. Many files may pin the same version.
    pub advisory: Option<Arc<KnownFlaw>>,
    /// What there is to say beyond the kind.
    pub detail: Option<Detail>,
}

/// What a finding says beyond its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The release nearest to the commit at which the dependency is locked.
    Nearest(Nearest),
    /// The runtime's release line has ended.
    EndOfLife {
        /// The runtime's name, for example `Node.js`.
        product: String,
        /// Its release line, for example `18`.
        cycle: String,
        /// The day after which there are no fixes.
        ended: Date,
    },
    /// A fragment that says why, for example what a lockfile does not fit. May hold untrusted text.
    Reason(String),
    /// It stands in a path that the project's own file excludes, and is found all the same; what else there is to say.
    Excluded(Option<Box<Self>>),
}

impl Detail {
    /// A reason of at most 1,024 bytes: what is said may be as long as a file, and of many files.
    pub fn reason(mut reason: String) -> Self {
        reason.truncate(reason.floor_char_boundary(1_024));
        Self::Reason(reason)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(nearest) => nearest.fmt(formatter),
            Self::EndOfLife { product, cycle, ended } => write!(formatter, "{product} {cycle} ended on {ended}"),
            Self::Reason(reason) => formatter.write_str(reason),
            Self::Excluded(None) => formatter.write_str("in a path that the project excludes"),
            Self::Excluded(Some(detail)) => write!(formatter, "{detail}, in a path that the project excludes"),
        }
    }
}

#[cfg(test)]
impl Finding {
    /// A finding of tests: of a package at 1.0.0 that the project asks for itself, without an advisory.
    pub(crate) fn sample(
        (kind, severity): (FindingKind, Severity),
        (ecosystem, package): (Ecosystem, &str),
        file: &str,
    ) -> Self {
        Self {
            kind,
            severity,
            ecosystem,
            package: package.to_owned(),
            version: "1.0.0".to_owned(),
            file: RepoPath::new(file).expect("a path"),
            line: 1,
            direct: true,
            scope: Scope::Runtime,
            path: DependencyPath::default(),
            origin: Origin::Registry { url: None },
            advisory: None,
            detail: None,
        }
    }
}

impl Finding {
    /// Whether only the organisation may leave it alone: it is critical, an attack, or exploited.
    pub fn is_the_organisations(&self) -> bool {
        self.severity == Severity::Critical
            || self.kind == FindingKind::Malicious
            || self.advisory.as_ref().is_some_and(|flaw| flaw.exploited)
    }

    /// The order of reports: most urgent first, then by place, so that equal inputs give equal bytes.
    pub fn report_order(&self, other: &Self) -> Ordering {
        self.report_key().cmp(&other.report_key())
    }

    /// The order in which findings are kept when there are too many: most urgent first, then those of files in few folders,
    /// which decoys in deep ones must not push out.
    pub fn keep_order(&self, other: &Self) -> Ordering {
        let key = |finding: &Self| {
            let depth = finding.file.as_str().bytes().filter(|byte| *byte == b'/').count();
            (finding.kind.is_warning(), std::cmp::Reverse(finding.severity), depth)
        };
        key(self).cmp(&key(other)).then_with(|| self.report_order(other))
    }

    fn report_key(&self) -> impl Ord + '_ {
        (
            self.kind.is_warning(),
            std::cmp::Reverse(self.severity),
            &self.file,
            &self.package,
            &self.version,
            self.line,
            self.kind,
            self.advisory.as_ref().map(|flaw| &flaw.id),
        )
    }
}

/// One flaw as all sources together know it: the same flaw under several names is one finding.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownFlaw {
    /// The preferred name: CVE, then GHSA, then the source's own.
    pub id: AdvisoryId,
    /// All other names, sorted.
    pub aliases: Vec<AdvisoryId>,
    /// The records that matched: which source says it under which name, sorted.
    pub records: Vec<AdvisoryRecord>,
    /// One line. Untrusted.
    pub summary: String,
    /// The long text. Untrusted.
    pub details: String,
    /// `https` addresses to read on, sorted.
    pub references: Vec<String>,
    /// The highest score that a source gives.
    pub cvss: Option<Cvss>,
    /// Whether it is exploited in the wild (CISA's catalogue of known exploited vulnerabilities).
    pub exploited: bool,
    /// How likely it is exploited within 30 days, 0.0 to 1.0 (EPSS, <https://www.first.org/epss/model>).
    pub likelihood: Option<f64>,
    /// The lowest fixed version above the locked one that the records name.
    pub fixed: Option<String>,
}

impl KnownFlaw {
    /// The page to read on: of its name, else the first reference.
    pub fn page(&self) -> Option<String> {
        self.id.page().or_else(|| self.references.first().cloned())
    }

    /// How likely it is exploited, for people: `91 %`. Below one percent it is as good as unlikely, and is not shown; what
    /// is exploited already is a fact and needs no estimate.
    pub fn likelihood_for_people(&self) -> Option<String> {
        let likelihood = self.likelihood.filter(|likelihood| !self.exploited && (0.01..=1.0).contains(likelihood))?;
        Some(format!("{:.0} %", likelihood * 100.0))
    }

    /// Whether `id` is one of its names.
    pub fn is_called(&self, id: &AdvisoryId) -> bool {
        self.id == *id || self.aliases.contains(id) || self.records.iter().any(|record| record.id == *id)
    }
}

/// A record in an advisory database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdvisoryRecord {
    /// The source's id, for example `rustsec`.
    pub source: String,
    /// The record's id in it.
    pub id: AdvisoryId,
}
