//! What an updater is: commands and native edits as data; the pipeline runs them and judges by the files alone.

mod said;
mod solver;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use said::{Reason, Said, Sibling, between, package, requirement, version};
#[cfg(test)]
pub(crate) use solver::Goals;
pub(crate) use solver::{Breaking, Freedom, ManifestEdit, Obstacle, Puzzle, Solution, Solver, Stay};

use crate::model::dependency::{Dependency, PackageVersion};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::specification::Specification;
use crate::model::tree::{ProjectTree, TreeError};
use crate::sandbox::grammar::InvalidToken;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

/// What a package manager is shown of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The lockfile: the only file that is read back.
    pub(crate) lockfile: RepoPath,
    /// Every file of the skeleton, the lockfile included.
    pub(crate) contents: BTreeMap<RepoPath, Vec<u8>>,
    /// Flags that stand for what the project's own configuration says about resolution: the files that say it are not shown.
    pub(crate) settings: Vec<String>,
}

impl Files {
    /// Files without settings of the project.
    pub(crate) fn new(lockfile: RepoPath, contents: BTreeMap<RepoPath, Vec<u8>>) -> Self {
        Self { lockfile, contents, settings: Vec::new() }
    }

    /// The lockfile's content.
    pub(crate) fn lock(&self) -> &[u8] {
        self.contents.get(&self.lockfile).map_or(&[], Vec::as_slice)
    }

    /// The content of a file beside the lockfile.
    pub(crate) fn beside(&self, name: &str) -> Option<(RepoPath, &[u8])> {
        let path = self.lockfile.sibling(name).ok()?;
        self.contents.get(&path).map(|content| (path.clone(), content.as_slice()))
    }
}

/// Why a project's lockfile is left alone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// One sentence for people. May hold untrusted text.
    pub(crate) message: String,
    /// The smallest step that a person can take.
    pub(crate) next_step: String,
}

impl Refusal {
    /// A refusal with its way out.
    pub(crate) fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { message: message.into(), next_step: next_step.into() }
    }

    /// The refusal of a lockfile that cannot be read.
    pub(crate) fn unreadable(lockfile: &RepoPath, error: &TreeError) -> Self {
        let message = format!("`{lockfile}` cannot be used: failed to {error}");
        Self::new(message, "make it a regular file of reasonable size")
    }
}

/// One package that is to stand at one exact version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move<'a> {
    /// The package.
    pub(crate) package: &'a str,
    /// Its locked version.
    pub(crate) from: &'a str,
    /// The version to move to.
    pub(crate) target: &'a str,
    /// What the registry says of the target.
    pub(crate) release: Option<&'a Release>,
}

/// One thing to do in a skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Run a command; anything but exit code 0 ends the attempt.
    Run(Invocation),
    /// Write a file.
    Write(RepoPath, Vec<u8>),
}

/// One way to make a move, from the smallest change to the largest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The way in a few words, for the evidence.
    pub(crate) what: &'static str,
    /// What to do, in order.
    pub(crate) actions: Vec<Action>,
}

/// How to learn whether a lockfile matches its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncCheck {
    /// It is known without a tool.
    Known(bool),
    /// The tool says so by its exit code.
    Ask(Invocation),
}

/// A requirement that the project itself writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectRequirement {
    /// The manifest.
    pub(crate) manifest: RepoPath,
    /// The requirement as written. Untrusted.
    pub(crate) requirement: String,
    /// The features that the manifest asks for. Untrusted.
    pub(crate) features: BTreeSet<String>,
    /// Those that other manifests ask for besides, which take the requirement from this one. Untrusted.
    pub(crate) inherited: BTreeMap<RepoPath, BTreeSet<String>>,
}

/// One entry of a lockfile as far as its source can be verified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockedEntry {
    /// The package.
    pub(crate) package: String,
    /// Its version.
    pub(crate) version: String,
    /// The scheme and host (or kind) of its source; empty where the lockfile names none.
    pub(crate) source: String,
    /// Its checksum, where the format has one.
    pub(crate) checksum: Option<String>,
}

/// The versions of a tool whose flags were proved to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proved {
    /// The oldest one that is started: major, minor and patch.
    pub(crate) oldest: [u64; 3],
    /// The newest major version that was tried.
    pub(crate) newest_major: u64,
    /// The command that installs a newer one.
    pub(crate) install: &'static str,
}

/// The registry's own record of a release: package and version.
pub(crate) type Lookup<'a> = dyn Fn(&str, &str) -> Option<serde_json::Value> + 'a;

/// One package manager.
pub(crate) trait Updater: Sync {
    /// Its name: the program.
    fn id(&self) -> &'static str;

    /// The ecosystem of its packages.
    fn ecosystem(&self) -> Ecosystem;

    /// Whether it maintains the lockfile at this path.
    fn handles(&self, lockfile: &RepoPath) -> bool;

    /// The files that the tool may see, or why it must not run on this project.
    fn files(&self, lockfile: &RepoPath, tree: &dyn ProjectTree) -> Result<Files, Refusal>;

    /// The files with stand-ins for what comes from hosts that need not be asked; `None` where there is no such thing. Given
    /// are the packages that come from another registry.
    fn standing_in(&self, _: &Files, _: &BTreeSet<String>, _: &Lookup<'_>) -> Option<Files> {
        None
    }

    /// The lockfile that the tool has written, with what was stood in for put back, as the files have it; `None` where that is
    /// not possible. Needed where [`Updater::restore`] does not do it already.
    fn put_back(&self, _: &Files, _: &BTreeSet<String>, written: Vec<u8>) -> Option<Vec<u8>> {
        Some(written)
    }

    /// What the project lacks so that the tool cannot read it: asked where the tool has said that it cannot.
    fn missing(&self, _: &RepoPath, _: &dyn ProjectTree) -> Option<Refusal> {
        None
    }

    /// The versions of the tool whose flags were proved to hold.
    fn proved(&self) -> Proved;

    /// Everything in the files that is no range of the registry's releases, in order. The tool is started only where the
    /// policy allows all of it.
    fn specifications(&self, files: &Files) -> Result<Vec<Specification>, Refusal>;

    /// How to learn whether the lockfile matches its manifest.
    fn sync_check(&self, files: &Files, place: &Place) -> SyncCheck;

    /// Ways to make the moves together (the parents first), from the smallest change to the largest. None where a
    /// [`Updater::solver`] plans instead, which has no use for `moves_together`, `reconcile`, `requirements` and `raise` either.
    fn attempts(&self, _: &[Move<'_>], _: &Files, _: &Place) -> Result<Vec<Attempt>, InvalidToken> {
        Ok(Vec::new())
    }

    /// Whether several moves go into one attempt; otherwise each is made on the result of the one before.
    fn moves_together(&self) -> bool {
        false
    }

    /// How to bring the lockfile in line with a changed manifest, where [`Updater::attempts`] does not do it anyway.
    fn reconcile(&self, _: &Files, _: &Place) -> Option<Attempt> {
        None
    }

    /// The way to make planned moves at once, which leaves to the tool only what comes or goes with them, and the versions of
    /// packages that are freed; `None` where the tool
    /// has no such way: then the moves are found and made one by one, by [`Updater::attempts`].
    fn settle(
        &self,
        _: &[Move<'_>],
        _freed: &[PackageVersion],
        _: &Files,
        _: &Place,
    ) -> Result<Option<Attempt>, InvalidToken> {
        Ok(None)
    }

    /// The lockfile with the moves in it and nothing else, for those that leave nothing to settle.
    fn edit(&self, _moves: &[Move<'_>], _lockfile: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Whether [`Updater::settle`] makes moves.
    fn settles(&self) -> bool {
        false
    }

    /// The lockfile with what the tool chose anew without need put back: who requires what among packages that did not move.
    /// `None` where there is no such thing.
    fn rewired(&self, _before: &[u8], _after: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Everything that the project's own manifests ask for: package and requirement. Needed where moves are settled.
    fn every_requirement(&self, _: &Files, _: &dyn ProjectTree) -> Vec<(String, DirectRequirement)> {
        Vec::new()
    }

    /// The oldest version of the language that the project is for, where its manifests say so.
    fn floor(&self, _: &Files) -> Option<String> {
        None
    }

    /// What the project's own manifests ask of the package.
    fn requirements(&self, _: &Files, _: &dyn ProjectTree, _package: &str) -> Vec<DirectRequirement> {
        Vec::new()
    }

    /// The manifest with the package's requirement raised so that it admits the release; formatting is kept. Features that
    /// the release does not have are not asked for any more.
    fn raise(&self, _manifest: &[u8], _package: &str, _release: &Release) -> Option<Vec<u8>> {
        None
    }

    /// The manifests that take the package's requirement from another one, as they are once that one is raised: without
    /// features that the release does not have. Only those that change.
    fn heirs(&self, _: &Files, _raised: &RepoPath, _package: &str, _: &Release) -> BTreeMap<RepoPath, Vec<u8>> {
        BTreeMap::new()
    }

    /// The tool's output with the format of the file before: what the tool rewrote without need is put back.
    fn restore(&self, before: &[u8], after: Vec<u8>) -> Vec<u8>;

    /// The version of the lockfile's format.
    fn format_version(&self, lockfile: &[u8]) -> Option<String>;

    /// The sources and checksums of a lockfile.
    fn entries(&self, lockfile: &[u8]) -> Vec<LockedEntry>;

    /// What the tool's messages say, as far as they have a known form.
    fn said(&self, messages: &str) -> Said;

    /// The solver that plans whole changes of its lockfiles, where it has one; others go up the ladder package by package.
    fn solver(&self) -> Option<&'static dyn Solver> {
        None
    }
}

/// A dependency that follows a branch and is to be pinned.
#[derive(Clone, Copy)]
pub(crate) struct PinRequest<'a> {
    /// The file that pins it (or should).
    pub(crate) lockfile: &'a RepoPath,
    /// The dependency.
    pub(crate) dependency: &'a Dependency,
    /// The commit to pin to.
    pub(crate) commit: &'a CommitId,
    /// The project, with earlier changes.
    pub(crate) tree: &'a dyn ProjectTree,
}

/// Pins without any tool.
pub(crate) trait Pinner: Sync {
    /// Whether it can pin what this file names.
    fn handles(&self, lockfile: &RepoPath) -> bool;

    /// The files as they are to be.
    fn pin(&self, request: &PinRequest<'_>) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal>;
}
