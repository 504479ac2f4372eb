//! Publishing: blobs, a tree, a commit and a branch through the Git Data API.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, segments};
use super::failure::Failure;
use crate::forge::contract::ForgeError;
use crate::model::proposal::ChangeSet;
use crate::model::repository::{CommitId, RepoSlug};

/// How often something is tried that GitHub does not see yet although it was just made, and the pause in between
/// (dependabot: "Tree SHA does not exist" three times with 1 to 2 s, "Reference update failed" ten times).
const CONSISTENCY_ATTEMPTS: u32 = 5;
const CONSISTENCY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// A reference. GitHub Enterprise Server has answered a prefix with a list of what begins with it.
#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "ref")]
    name: String,
    object: Object,
}

#[derive(Deserialize)]
struct Commit {
    tree: Object,
}

/// The tip of a branch, where it exists.
pub(super) async fn tip(api: &Api, slug: &RepoSlug, branch: &str) -> Result<Option<CommitId>, ForgeError> {
    read_tip(api, slug, branch).await.map_err(|failure| failure.explain("look up the branch"))
}

/// Deletes a branch; one that is gone already is as good (GitHub answers 422 "Reference does not exist").
pub(super) async fn delete_branch(api: &Api, slug: &RepoSlug, branch: &str) -> Result<(), ForgeError> {
    match api.delete(&format!("/repos/{slug}/git/refs/heads/{}", segments(branch))).await {
        Err(failure) if !matches!(failure.status(), Some(404 | 422)) => Err(failure.explain("delete the branch")),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn read_tip(api: &Api, slug: &RepoSlug, branch: &str) -> Result<Option<CommitId>, Failure> {
    let answer = api.get::<serde_json::Value>(&format!("/repos/{slug}/git/ref/heads/{}", segments(branch))).await;
    let references: Vec<Reference> = match answer {
        Ok(serde_json::Value::Array(several)) => serde_json::from_value(several.into()).map_err(Failure::transport)?,
        Ok(single) => vec![serde_json::from_value(single).map_err(Failure::transport)?],
        Err(failure) if failure.status() == Some(404) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let wanted = format!("refs/heads/{branch}");
    let found = references.into_iter().find(|reference| reference.name == wanted);
    found.map(|reference| commit_id(&reference.object)).transpose()
}

/// Publishes a change as one commit on top of its base.
///
/// `PATCH git/refs` has no comparison of its own, so that the branch is looked at right before it is moved. A person's push
/// between the two requests would be lost from the branch (not from the repository); the branch lies in our own namespace,
/// and callers have checked that nobody else has worked on it.
pub(super) async fn publish(
    api: &Api,
    slug: &RepoSlug,
    change: &ChangeSet,
    expected: Option<&CommitId>,
) -> Result<CommitId, ForgeError> {
    // Looked at before anything is written, so that a branch that has moved leaves no objects behind.
    require_tip(api, slug, &change.branch, expected).await?;
    let explain = |failure: Failure| failure.explain("write the commit");
    let commit = write_commit(api, slug, change).await.map_err(explain)?;
    if expected.is_none() {
        create_branch(api, slug, &change.branch, &commit).await?;
    } else {
        require_tip(api, slug, &change.branch, expected).await?;
        move_branch(api, slug, &change.branch, &commit).await?;
    }
    Ok(commit)
}

async fn require_tip(api: &Api, slug: &RepoSlug, branch: &str, expected: Option<&CommitId>) -> Result<(), ForgeError> {
    let actual = tip(api, slug, branch).await?;
    if actual.as_ref() == expected { Ok(()) } else { Err(moved(branch)) }
}

fn moved(branch: &str) -> ForgeError {
    ForgeError::BranchMoved { branch: branch.to_owned() }
}

async fn write_commit(api: &Api, slug: &RepoSlug, change: &ChangeSet) -> Result<CommitId, Failure> {
    let base: Commit = api.get(&format!("/repos/{slug}/git/commits/{}", change.base)).await?;
    let mut entries = Vec::with_capacity(change.files.len());
    for file in &change.files {
        let content = json!({ "content": STANDARD.encode(&file.after), "encoding": "base64" });
        let blob: Object = api.store(&format!("/repos/{slug}/git/blobs"), content).await?;
        let mode = if file.executable { "100755" } else { "100644" };
        entries.push(json!({ "path": file.path, "mode": mode, "type": "blob", "sha": blob.sha }));
    }
    let tree = json!({ "base_tree": base.tree.sha, "tree": entries });
    let tree: Object = store_when_seen(api, &format!("/repos/{slug}/git/trees"), &tree).await?;
    // Without author, committer and signature: GitHub then signs the commit of an App's token.
    let commit = json!({ "message": change.message, "tree": tree.sha, "parents": [change.base] });
    commit_id(&store_when_seen(api, &format!("/repos/{slug}/git/commits"), &commit).await?)
}

/// Writes an object that names others which GitHub may not see everywhere yet.
async fn store_when_seen(api: &Api, route: &str, body: &serde_json::Value) -> Result<Object, Failure> {
    let mut attempt = 1;
    loop {
        match api.store(route, body).await {
            Err(failure) if is_not_seen_yet(&failure) && attempt < CONSISTENCY_ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(CONSISTENCY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Whether GitHub says that something does not exist which it has just given us.
fn is_not_seen_yet(failure: &Failure) -> bool {
    ["does not exist", "reference update failed", "is not a valid"].iter().any(|words| failure.says(422, words))
}

async fn create_branch(api: &Api, slug: &RepoSlug, branch: &str, commit: &CommitId) -> Result<(), ForgeError> {
    let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": commit });
    let route = format!("/repos/{slug}/git/refs");
    let mut attempt = 1;
    loop {
        let Err(failure) = api.create::<serde_json::Value>(&route, &body).await else { return Ok(()) };
        if failure.says(422, "already exists") || failure.is_uncertain() {
            // Perhaps it was our own request whose answer got lost.
            match tip(api, slug, branch).await? {
                Some(tip) if tip == *commit => return Ok(()),
                Some(_) => return Err(moved(branch)),
                None => {}
            }
        } else if !is_not_seen_yet(&failure) {
            return Err(failure.explain("create the branch"));
        }
        if attempt == CONSISTENCY_ATTEMPTS {
            return Err(failure.explain("create the branch"));
        }
        attempt += 1;
        tokio::time::sleep(CONSISTENCY_PAUSE).await;
    }
}

async fn move_branch(api: &Api, slug: &RepoSlug, branch: &str, commit: &CommitId) -> Result<(), ForgeError> {
    let body = json!({ "sha": commit, "force": true });
    let route = format!("/repos/{slug}/git/refs/heads/{}", segments(branch));
    let mut attempt = 1;
    loop {
        let Err(failure) = api.update::<serde_json::Value>(&route, &body).await else { return Ok(()) };
        if failure.says(422, "reference does not exist") || failure.status() == Some(404) {
            return Err(moved(branch));
        }
        let lost = failure.is_uncertain();
        if lost && tip(api, slug, branch).await?.as_ref() == Some(commit) {
            return Ok(());
        }
        if !(lost || is_not_seen_yet(&failure)) || attempt == CONSISTENCY_ATTEMPTS {
            return Err(failure.explain("update the branch"));
        }
        attempt += 1;
        tokio::time::sleep(CONSISTENCY_PAUSE).await;
    }
}

fn commit_id(object: &Object) -> Result<CommitId, Failure> {
    CommitId::new(&object.sha).map_err(Failure::transport)
}
