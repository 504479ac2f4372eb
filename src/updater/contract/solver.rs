//! What a solver is: it plans the change of a whole lockfile from what the registry says, before any tool is started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::{Attempt, Files};
use crate::model::advisory::AdvisoryId;
use crate::model::release::Release;
use crate::model::remedy::{BlockCause, BlockingParent};
use crate::model::repository::RepoPath;
use crate::sandbox::skeleton::Place;

/// Locked packages, each at its version, and the flaws that they are to lose.
pub(crate) type Goals = BTreeMap<(String, String), BTreeSet<AdvisoryId>>;

/// What is asked for a package's releases.
pub(crate) type AskReleases<'a> = &'a (dyn Fn(&str) -> Result<Arc<Vec<Release>>, Obstacle> + Sync);

/// What a solver is given.
#[derive(Clone, Copy)]
pub(crate) struct Puzzle<'a> {
    /// The project as it stands.
    pub(crate) files: &'a Files,
    /// What is to go away.
    pub(crate) goals: &'a Goals,
    /// Every known flaw of a package at a version.
    pub(crate) affected: &'a dyn Fn(&str, &str) -> BTreeSet<AdvisoryId>,
    /// The releases of a package.
    pub(crate) releases: AskReleases<'a>,
    /// Packages that come from elsewhere: nobody is asked for them, and they stay.
    pub(crate) foreign: &'a BTreeSet<String>,
    /// How far the change may go.
    pub(crate) freedom: Freedom<'a>,
    /// When the search ends.
    pub(crate) deadline: Instant,
}

/// How far a change may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freedom<'a> {
    /// The requirements of the project that may be raised by a breaking step.
    pub(crate) breaking: Breaking<'a>,
    /// Whether an override may be written that the project does not have yet.
    pub(crate) overrides: bool,
}

/// Requirements that may be raised by a breaking step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Breaking<'a> {
    /// None.
    Never,
    /// Those of these packages.
    Only(&'a BTreeSet<String>),
    /// All.
    Any,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// Its kind.
    pub(crate) cause: BlockCause,
    /// One sentence for people. May hold untrusted text.
    pub(crate) explanation: String,
    /// The smallest step that a person can take: one command, or one line to change.
    pub(crate) next_step: Option<String>,
    /// Who requires what, from the package up to the direct dependency.
    pub(crate) chain: Vec<BlockingParent>,
    /// Whether nothing else can be done either.
    pub(crate) ends_all: bool,
}

/// One change of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestEdit {
    /// The manifest.
    pub(crate) manifest: RepoPath,
    /// The names that lead to the member.
    pub(crate) keys: Vec<String>,
    /// What it is to hold.
    pub(crate) value: Value,
}

/// A copy that keeps flaws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stay {
    /// The package.
    pub(crate) package: String,
    /// The version at which it stays.
    pub(crate) version: String,
    /// The lowest release without the flaws, where there is one.
    pub(crate) target: Option<String>,
    /// Whether it is a part of another package's archive.
    pub(crate) is_part: bool,
    /// Why it stays.
    pub(crate) obstacle: Obstacle,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Solution {
    /// The lockfile as planned; `None` where nothing changes.
    pub(crate) lock: Option<Vec<u8>>,
    /// What has to change in manifests.
    pub(crate) edits: Vec<ManifestEdit>,
    /// Why a package came to a version.
    pub(crate) reasons: BTreeMap<(String, String), String>,
    /// What stays, sorted.
    pub(crate) stays: Vec<Stay>,
}

/// One package manager's solver.
pub(crate) trait Solver: Sync {
    /// The way in a few words, for the evidence.
    fn what(&self) -> &'static str;

    /// How the tool writes the lockfile in a form that can be solved; `None` where it has one.
    fn open(&self, files: &Files, place: &Place) -> Option<Attempt>;

    /// The lockfile in such a form, without the tool; `None` where it has one.
    fn opened(&self, files: &Files) -> Option<Vec<u8>>;

    /// The step with which a person raises a requirement of the project; both texts are untrusted.
    fn raise_step(&self, package: &str, requirement: &str) -> String;

    /// Plans the change.
    fn solve(&self, puzzle: &Puzzle<'_>) -> Result<Solution, Obstacle>;

    /// The requirements of the project that would have to be raised by a breaking step for what stays, each set for itself.
    fn raises(&self, puzzle: &Puzzle<'_>) -> Result<Vec<BTreeSet<String>>, Obstacle>;

    /// A manifest with its edits made and everything else left alone; `None` where that is not possible.
    fn edit(&self, manifest: &[u8], edits: &[&ManifestEdit]) -> Option<Vec<u8>>;

    /// Every requirement that is not met, with the overrides of the project in mind; `None` where the lockfile does not tell.
    fn broken(&self, files: &Files) -> Option<BTreeSet<String>>;

    /// How the tool takes the planned lockfile over, in the format of the files' own.
    fn confirm(&self, files: &Files, planned: Vec<u8>, place: &Place) -> Attempt;
}
