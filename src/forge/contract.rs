//! What a forge is.

use std::path::PathBuf;

use async_trait::async_trait;

use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, PublishedCommit};
use crate::model::repository::{CommitId, Project, RepoSlug};
use crate::net::secret::Token;

/// Why a forge could not do something: the variant says what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForgeError {
    /// It does not exist, or the token may not see it.
    #[error("find {what}: it does not exist, or the token may not see it")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The repository is archived or disabled: nothing can be written.
    #[error("write to the repository: it is archived or disabled")]
    ReadOnly,
    /// The repository has no commits.
    #[error("use the repository: it is empty")]
    Empty,
    /// The token may not do this.
    #[error("{what}: the token does not allow it ({detail})")]
    Forbidden {
        /// What was tried, as a fragment that fits after "failed to".
        what: String,
        /// What the forge says is lacking.
        detail: String,
    },
    /// Someone moved the branch between our look and our write: look again.
    #[error("update branch `{branch}`: it has moved")]
    BranchMoved {
        /// The branch.
        branch: String,
    },
    /// The forge asks to wait longer than this run is allowed to.
    #[error("reach the forge: its rate limit is used up for {seconds} s")]
    RateLimited {
        /// How long it asks to wait.
        seconds: u64,
    },
    /// Anything else.
    #[error("{what}")]
    Other {
        /// What was tried, as a fragment that fits after "failed to".
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ForgeError {
    /// The way out, where there is one that people can take.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some("check the name, and what the token may see"),
            Self::Forbidden { .. } => Some(
                "check PATCHPARTY_TOKEN or GITHUB_TOKEN: not expired, and with contents, pull requests and issues: write",
            ),
            Self::RateLimited { .. } => Some("run again later, or with an App's token, whose limit is higher"),
            Self::Other { .. } => Some("check the network and GITHUB_API_URL, and run again"),
            Self::ReadOnly | Self::Empty | Self::BranchMoved { .. } => None,
        }
    }
}

/// What was found when a forge was asked for projects.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// The projects, sorted by name.
    pub(crate) projects: Vec<Project>,
    /// What was asked for and could not be found, by name, sorted: reported, while the other projects go on.
    pub(crate) problems: Vec<(String, ForgeError)>,
}

/// Everything that a forge may need to know when a run begins.
#[derive(Debug, Clone)]
pub(crate) struct ForgeSettings {
    /// The address of GitHub's API, for example `https://api.github.com` or `https://host/api/v3`.
    pub(crate) api_url: String,
    /// The token, where there is one.
    pub(crate) token: Option<Token>,
    /// A whole organisation, or a user.
    pub(crate) organisation: Option<String>,
    /// Single repositories.
    pub(crate) repositories: Vec<RepoSlug>,
    /// A folder with local repositories, which then are the projects.
    pub(crate) local: Option<PathBuf>,
    /// The folder for what is written instead of a pull request.
    pub(crate) out: PathBuf,
    /// The time of the run, for commits that no forge dates.
    pub(crate) now: jiff::Timestamp,
}

/// Builds a forge, or answers `None` when the settings do not ask for it. It must be called on an asynchronous runtime.
pub(crate) type Connect = fn(&ForgeSettings) -> Result<Option<Box<dyn Forge>>, ForgeError>;

/// A place where projects live and proposals are published.
///
/// Every writing method is called only when something differs: a run with nothing new calls none of them.
#[async_trait]
pub(crate) trait Forge: Send + Sync {
    /// Its name in reports.
    fn id(&self) -> &'static str;

    /// The host that it is: what the bot seals for one must not pass at another.
    fn host(&self) -> &str;

    /// The projects to look after. Archived ones are listed as such; a missing one is a problem, not an error.
    async fn projects(&self) -> Result<Discovery, ForgeError>;

    /// The token for git over HTTPS, where one is needed.
    fn git_token(&self) -> Option<&Token>;

    /// The pull request from `branch` with the branch's tip: the open one, else the newest.
    async fn existing(&self, project: &Project, branch: &str) -> Result<Option<ExistingProposal>, ForgeError>;

    /// The tip of a branch, where it exists.
    async fn tip(&self, project: &Project, branch: &str) -> Result<Option<CommitId>, ForgeError>;

    /// A commit, and whether its author and committer are the bot as far as the commit says so: that can be forged.
    async fn commit(&self, project: &Project, commit: &CommitId) -> Result<(PublishedCommit, bool), ForgeError>;

    /// Whether it was the bot that made this branch point at this commit, by the forge's own record of who moved what.
    /// `None` when the forge does not tell.
    async fn pushed_by_us(
        &self,
        project: &Project,
        branch: &str,
        commit: &CommitId,
    ) -> Result<Option<bool>, ForgeError>;

    /// Whether it was the bot that closed this pull request, by the forge's word: else it is a person's decision.
    async fn closed_by_us(&self, project: &Project, existing: &ExistingProposal) -> Result<bool, ForgeError>;

    /// Publishes a change: one commit on top of `change.base`. The branch is created when `expected` is `None` (an error
    /// when it exists), else moved from `expected` (an error when it stands elsewhere). Gives the new commit.
    async fn publish(
        &self,
        project: &Project,
        change: &ChangeSet,
        expected: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError>;

    /// Opens a pull request, or brings the given one up to date, writing only what differs. Labels that people added
    /// stay. Gives its address.
    async fn propose(
        &self,
        project: &Project,
        proposal: &Proposal,
        existing: Option<&ExistingProposal>,
    ) -> Result<String, ForgeError>;

    /// Closes a pull request that has nothing left to fix, and deletes its branch.
    async fn close(&self, project: &Project, existing: &ExistingProposal, branch: &str) -> Result<(), ForgeError>;

    /// Leaves one comment on a pull request, unless a comment with the same `topic` of ours stands there.
    async fn comment_once(
        &self,
        project: &Project,
        existing: &ExistingProposal,
        topic: &str,
        body: &str,
    ) -> Result<(), ForgeError>;
}

/// The hidden line by which a comment on a topic is found again. Whatever is not a plain word becomes `-`, so that a topic
/// cannot end the HTML comment.
pub(crate) fn topic_marker(topic: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '.' || character == '/';
    let mut words: Vec<&str> = topic.split(|character| !plain(character)).collect();
    words.retain(|word| !word.is_empty());
    format!("<!-- patchparty:topic {} -->", words.join("-"))
}
