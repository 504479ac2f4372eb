//! Proposals: pull requests as data, before a forge knows them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::repository::{CommitId, RepoPath};

/// Where the part of a body begins that belongs to people: no forge may cut it off.
pub const NOTES_START: &str = "<!-- patchparty:notes -->";

/// The way a fix takes: severity decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// Critical: from what production runs, due in 24 hours.
    Emergency,
    /// All else: follows the code line.
    Routine,
}

impl Route {
    /// The lower-case word used in branches and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Routine => "routine",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One file as a proposal changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub path: RepoPath,
    /// Its content at the base commit.
    pub before: Vec<u8>,
    /// Its content after the change.
    pub after: Vec<u8>,
    /// Whether its mode has the executable bit, which is kept.
    pub executable: bool,
}

/// A label with the looks it gets when it is created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label {
    /// At most 50 characters (GitHub's limit).
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// At most 100 characters (GitHub's limit).
    pub description: String,
}

impl Label {
    /// The name of the label of breaking raises.
    pub const BREAKING: &str = "breaking";

    /// Whether only the bot sets a label of this name on its pull requests, and takes it off when it does not hold any more.
    /// `dependencies` is not among them: it never ceases to hold. Labels ignore case.
    pub fn is_ours(name: &str) -> bool {
        let name = name.to_lowercase();
        name.starts_with("severity: ")
            || [Self::BREAKING, "loose-dependency", "patchparty: emergency", "security"].contains(&name.as_str())
    }
}

/// The change that a proposal publishes: a tree on top of an audited commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// The branch to publish on, for example `patchparty/routine/main`.
    pub branch: String,
    /// The audited commit, which becomes the only parent.
    pub base: CommitId,
    /// The files, sorted by path.
    pub files: Vec<FileChange>,
    /// The commit message. Holds validated tokens only.
    pub message: String,
}

/// A pull request as it should stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The branch with the change.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base: String,
    /// One line.
    pub title: String,
    /// Markdown. Ticked boxes of the body that stands on the forge have been carried over.
    pub body: String,
    /// Its labels, sorted by name.
    pub labels: Vec<Label>,
}

/// A pull request as it stands on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingProposal {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its body, with the boxes people ticked.
    pub body: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The branch it is to be merged into.
    pub base: String,
    /// Open, closed by a person, or merged.
    pub state: ProposalState,
    /// Whether the bot itself opened it, by the forge's word.
    pub ours: bool,
    /// When it was opened, by the forge's clock, where it has one.
    pub created_at: Option<jiff::Timestamp>,
    /// The commit at the tip of its branch; `None` when the branch is gone.
    pub head: Option<CommitId>,
    /// The commit at which it stood last: outlives its branch.
    pub last_head: Option<CommitId>,
}

/// A commit as the forge, or the mirror, knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCommit {
    /// Its message.
    pub message: String,
    /// The name of its tree.
    pub tree: String,
    /// The commits that it stands on.
    pub parents: Vec<CommitId>,
}

/// Where a pull request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProposalState {
    /// It waits for its reviewer.
    Open,
    /// A person closed it without merging.
    Closed,
    /// It is merged.
    Merged,
}
