//! What a forge is.

use async_trait::async_trait;

use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal};
use crate::model::repository::{CommitId, Project};
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
    #[error("{what}: the token lacks a permission ({detail})")]
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

/// A place where projects live and proposals are published.
///
/// Every writing method is called only when something differs: a run with nothing new calls none of them.
#[async_trait]
pub(crate) trait Forge: Send + Sync {
    /// Its name in reports.
    fn id(&self) -> &'static str;

    /// The projects to look after, sorted by name. Archived ones are listed as such.
    async fn projects(&self) -> Result<Vec<Project>, ForgeError>;

    /// The token for git over HTTPS, where one is needed.
    fn git_token(&self) -> Option<&Token>;

    /// The newest pull request from `branch`, open or not, and the branch's tip.
    async fn existing(&self, project: &Project, branch: &str) -> Result<Option<ExistingProposal>, ForgeError>;

    /// The tip of a branch, where it exists.
    async fn tip(&self, project: &Project, branch: &str) -> Result<Option<CommitId>, ForgeError>;

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

    /// Leaves one comment on a pull request, unless a comment with the same `topic` of ours stands there.
    async fn comment_once(
        &self,
        project: &Project,
        existing: &ExistingProposal,
        topic: &str,
        body: &str,
    ) -> Result<(), ForgeError>;
}
