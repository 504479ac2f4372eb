//! Remedies: what is changed so that findings go away, and what stands in the way.

use serde::{Deserialize, Serialize};

use super::advisory::AdvisoryId;
use super::dependency::PackageVersion;
use super::dependency_path::DependencyPath;
use super::ecosystem::Ecosystem;
use super::proposal::FileChange;
use super::repository::RepoPath;

/// One package in one lockfile that is to move to one exact version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package. Untrusted: updaters check it against the ecosystem's grammar before it reaches a command.
    pub package: String,
    /// The locked version that is affected.
    pub from: String,
    /// The version to move to.
    pub target: String,
    /// The lockfile.
    pub lockfile: RepoPath,
}

/// How far a version moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// From a branch to the commit it stood at: nothing moves.
    Pin,
    /// Only fixes.
    Patch,
    /// New features.
    Minor,
    /// Breaking changes are allowed.
    Major,
}

/// One package that a remedy moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bump {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package. Untrusted.
    pub package: String,
    /// The lockfile.
    pub file: RepoPath,
    /// The version before, or the branch for a pin.
    pub from: String,
    /// The version after, or the commit for a pin; `None` when the package is gone.
    pub to: Option<String>,
    /// How far it moves.
    pub step: Step,
    /// Whether the project itself asks for the package.
    pub direct: bool,
    /// The shortest path from a direct dependency, both included.
    pub path: DependencyPath,
    /// What it fixes; empty for a package that only moves along.
    pub fixes: Vec<AdvisoryId>,
    /// Why this version and no other, in one sentence.
    pub reason: String,
}

/// A finished, verified change of one lockfile (and its manifest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What moves, sorted by file, package and version; packages that only move along come last.
    pub bumps: Vec<Bump>,
    /// The files as they are to be committed.
    pub changes: Vec<FileChange>,
    /// What was verified, and how.
    pub evidence: Vec<Evidence>,
}

/// A breaking step of one requirement of the project, offered apart from the safe remedy: a person decides on it.
///
/// It stands on top of what the safe remedy of the same lockfile makes, and is complete in itself: whoever merges it alone gets
/// both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The lockfile.
    pub file: RepoPath,
    /// The package whose requirement is raised. Untrusted.
    pub package: String,
    /// What the project asks for, as its manifest writes it. Untrusted.
    pub requirement: String,
    /// What it would ask for.
    pub raised: String,
    /// The other packages whose requirements are raised with it. Untrusted.
    pub also: Vec<String>,
    /// The change. `changes` lead from the base to the result with the safe remedy in it; `bumps` and `evidence` tell only what
    /// comes on top of the safe remedy, and `fixes` of the bumps only what stays unfixed without the raise.
    pub remedy: Remedy,
}

/// One thing that was verified after the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was done, for example "read the lockfile again".
    pub check: String,
    /// What came out.
    pub result: String,
}

/// A finding that nothing can remedy automatically.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blocked {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package. Untrusted.
    pub package: String,
    /// The locked version.
    pub from: String,
    /// The version it should move to, when one exists.
    pub target: Option<String>,
    /// The lockfile.
    pub file: RepoPath,
    /// The advisories that stay unfixed.
    pub advisories: Vec<AdvisoryId>,
    /// Why.
    pub cause: BlockCause,
    /// Who requires what, from the package up to the direct dependency. Empty when unknown.
    pub chain: Vec<BlockingParent>,
    /// How many links before the last one of `chain` are left out.
    pub chain_left_out: usize,
    /// One sentence for people: what stands in the way. May hold untrusted text.
    pub explanation: String,
    /// The smallest step that a person can take.
    pub next_step: String,
}

/// Why nothing could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockCause {
    /// No release is free of known flaws.
    NoFixedVersion,
    /// A parent's requirement excludes the fixed version.
    ParentRequirement,
    /// A breaking raise of a requirement of the project fixes it, which is offered apart ([`Raise`]).
    BreakingRaise,
    /// The lockfile does not match its manifest.
    LockfileStale,
    /// The registry could not be asked.
    RegistryUnreachable,
    /// The package manager failed.
    ToolFailed,
    /// The package manager is not installed.
    ToolMissing,
    /// The time that a project is given was used up.
    TimeLimit,
    /// The package manager cannot be confined here, and must not run otherwise.
    Unconfined,
    /// The result did not meet a post-condition.
    PostConditionFailed,
    /// The project does something that makes an automatic change unsafe.
    Refused,
    /// A manifest or lockfile leads elsewhere than to a range of the registry's releases, and the policy does not allow it.
    UntrustedSource,
    /// The package manager is older than the versions whose flags were proved.
    ToolTooOld,
    /// No updater handles the file.
    Unsupported,
    /// The policy has the file reported and never changed: it belongs to a test fixture.
    ReportOnly,
}

impl BlockCause {
    /// Whether it is the machine's or a service's, and not the project's: nothing was found out about the fix itself.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::RegistryUnreachable | Self::ToolMissing | Self::ToolTooOld | Self::TimeLimit | Self::Unconfined => {
                true
            }
            Self::NoFixedVersion
            | Self::ParentRequirement
            | Self::BreakingRaise
            | Self::LockfileStale
            | Self::ToolFailed
            | Self::PostConditionFailed
            | Self::Refused
            | Self::UntrustedSource
            | Self::Unsupported
            | Self::ReportOnly => false,
        }
    }
}

/// A link of a blocking chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockingParent {
    /// The parent.
    pub parent: PackageVersion,
    /// What it asks for, as its manifest writes it. Untrusted.
    pub requirement: String,
}
