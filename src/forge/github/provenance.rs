//! Provenance: who made a commit, moved a branch or closed a pull request, by GitHub's own records.

use serde::Deserialize;

use super::api::{Api, PAGE_SIZE, segment};
use super::failure::Failure;
use super::identity::{Author, Identity};
use crate::forge::contract::ForgeError;
use crate::model::proposal::PublishedCommit;
use crate::model::repository::{CommitId, RepoSlug};
use crate::net::secret::Token;

/// The account in whose name GitHub commits for Apps, and on its own pages.
const WEB_FLOW: &str = "web-flow";

/// At most this many pages of a branch's history are read, newest first.
const ACTIVITY_PAGES: usize = 3;

/// A commit with the accounts that its addresses belong to (`GET /repos/{owner}/{repo}/commits/{ref}`).
#[derive(Deserialize)]
struct Found {
    commit: CommitFields,
    #[serde(default)]
    parents: Vec<Object>,
    author: Option<Author>,
    committer: Option<Author>,
}

#[derive(Deserialize)]
struct CommitFields {
    #[serde(default)]
    message: String,
    tree: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// One move of a branch (`GET /repos/{owner}/{repo}/activity`).
#[derive(Deserialize)]
struct Activity {
    after: String,
    #[serde(rename = "ref")]
    name: String,
    actor: Option<Author>,
}

/// The part of an issue that says who closed it (`GET /repos/{owner}/{repo}/issues/{number}`).
#[derive(Deserialize)]
struct Issue {
    closed_by: Option<Author>,
}

/// A commit, and whether its author and committer are us. GitHub goes by the addresses in the commit, which anybody can
/// write there.
pub(super) async fn commit(
    api: &Api,
    identity: &Identity,
    token: Option<&Token>,
    slug: &RepoSlug,
    commit: &CommitId,
) -> Result<(PublishedCommit, bool), ForgeError> {
    let explain = |failure: Failure| failure.explain("read the commit on the branch");
    let found: Found = match api.get(&format!("/repos/{slug}/commits/{commit}")).await {
        Ok(found) => found,
        // 422: "No commit found for SHA".
        Err(failure) if matches!(failure.status(), Some(404 | 422)) => {
            return Err(ForgeError::NotFound { what: format!("commit {commit}") });
        }
        Err(failure) => return Err(explain(failure)),
    };
    let is_ours = async |author: Option<&Author>| identity.is_ours(api, token, author).await.map_err(explain);
    let by_web_flow = found.committer.as_ref().is_some_and(|committer| committer.is_called(WEB_FLOW));
    let by_us = is_ours(found.author.as_ref()).await? && (by_web_flow || is_ours(found.committer.as_ref()).await?);
    let parents = found.parents.iter().map(|parent| CommitId::new(&parent.sha)).collect::<Result<_, _>>();
    let parents = parents.map_err(|error| explain(Failure::transport(error)))?;
    Ok((PublishedCommit { message: found.commit.message, tree: found.commit.tree.sha, parents }, by_us))
}

/// Whether we made the branch point at the commit. Who signs in decides what stands in this record, not what a commit
/// says. Servers that do not keep it answer 404, and a token may be refused it: then nobody knows.
pub(super) async fn pushed_by_us(
    api: &Api,
    identity: &Identity,
    token: Option<&Token>,
    slug: &RepoSlug,
    (branch, commit): (&str, &CommitId),
) -> Result<Option<bool>, ForgeError> {
    let explain = |failure: Failure| failure.explain("look up who moved the branch");
    let name = format!("refs/heads/{branch}");
    let route = format!("/repos/{slug}/activity?ref={}&per_page={PAGE_SIZE}", segment(&name));
    let (moves, _) = match api.list::<Activity>(&route, ACTIVITY_PAGES).await {
        Ok(found) => found,
        Err(failure) if matches!(failure.status(), Some(403 | 404)) => return Ok(None),
        Err(failure) => return Err(explain(failure)),
    };
    for one in moves.iter().filter(|one| one.name == name && one.after == commit.as_str()) {
        if identity.is_ours(api, token, one.actor.as_ref()).await.map_err(explain)? {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// Whether we closed the pull request.
pub(super) async fn closed_by_us(
    api: &Api,
    identity: &Identity,
    token: Option<&Token>,
    slug: &RepoSlug,
    number: u64,
) -> Result<bool, ForgeError> {
    let explain = |failure: Failure| failure.explain("look up who closed the pull request");
    let issue: Issue = api.get(&format!("/repos/{slug}/issues/{number}")).await.map_err(explain)?;
    identity.is_ours(api, token, issue.closed_by.as_ref()).await.map_err(explain)
}
