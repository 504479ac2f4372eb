//! Pull requests and their comments.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::api::{Api, PAGE_SIZE, segment};
use super::failure::Failure;
use super::identity::{Author, Identity};
use super::labels::{LabelChange, Named};
use super::publish;
use crate::forge::contract::{ForgeError, topic_marker};
use crate::model::proposal::{ExistingProposal, NOTES_START, Proposal, ProposalState};
use crate::model::repository::{CommitId, RepoSlug};
use crate::net::secret::Token;

/// A body has at most 65,536 characters ("body is too long"); like dependabot we stay one below. Counted in UTF-16 units,
/// which is never less than what GitHub counts.
const BODY_LIMIT: usize = 65_535;

/// What stands where a body had to be cut.
const CUT_MARK: &str = "\n\n…\n\n";

/// At most this many pages of comments are read. Ours are among the first: we comment once per topic.
const COMMENT_PAGES: usize = 20;

/// At most this many pages of pull requests of one branch are read.
const PROPOSAL_PAGES: usize = 5;

/// A branch that was just made may not be seen everywhere yet ("No commits between", octokit.rb#622).
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);

/// A pull request as GitHub gives it.
#[derive(Debug, Deserialize)]
struct PullRequest {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Named>,
    state: String,
    merged_at: Option<String>,
    #[serde(default)]
    created_at: Option<jiff::Timestamp>,
    user: Option<Author>,
    head: Side,
    base: Side,
}

#[derive(Debug, Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    #[serde(default)]
    sha: Option<String>,
    repo: Option<SideRepository>,
}

#[derive(Debug, Deserialize)]
struct SideRepository {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct IssueComment {
    body: Option<String>,
    user: Option<Author>,
}

/// A comment to leave.
pub(super) struct Comment<'a> {
    pub(super) number: u64,
    pub(super) topic: &'a str,
    pub(super) body: &'a str,
}

impl PullRequest {
    /// Whether its branch is this one, of the repository itself and not of a fork. GitHub ignores a `head` filter that it
    /// does not understand, so what it lists is checked.
    fn comes_from(&self, branch: &str) -> bool {
        let name = |side: &Side| side.repo.as_ref().map(|repository| repository.full_name.to_lowercase());
        self.head.name == branch && name(&self.head).is_some() && name(&self.head) == name(&self.base)
    }

    fn state(&self) -> ProposalState {
        match (self.state.as_str(), &self.merged_at) {
            (_, Some(_)) => ProposalState::Merged,
            ("open", None) => ProposalState::Open,
            _ => ProposalState::Closed,
        }
    }
}

/// The pull requests from a branch: open ones first, then the newest.
async fn find(api: &Api, slug: &RepoSlug, branch: &str) -> Result<Vec<PullRequest>, Failure> {
    let head = segment(&format!("{}:{branch}", slug.owner()));
    let query = format!("state=all&head={head}&sort=created&direction=desc&per_page={PAGE_SIZE}");
    let (found, _) = api.list::<PullRequest>(&format!("/repos/{slug}/pulls?{query}"), PROPOSAL_PAGES).await?;
    let mut found: Vec<PullRequest> = found.into_iter().filter(|pull| pull.comes_from(branch)).collect();
    found.sort_by_key(|pull| (pull.state() != ProposalState::Open, std::cmp::Reverse(pull.number)));
    Ok(found)
}

/// The pull request from a branch as the pipeline sees it.
pub(super) async fn existing(
    api: &Api,
    identity: &Identity,
    token: Option<&Token>,
    slug: &RepoSlug,
    branch: &str,
) -> Result<Option<ExistingProposal>, ForgeError> {
    let explain = |failure: Failure| failure.explain("look up the pull request");
    let mut candidates = Vec::new();
    for pull in find(api, slug, branch).await.map_err(explain)? {
        let ours = identity.is_ours(api, token, pull.user.as_ref()).await.map_err(explain)?;
        candidates.push((pull, ours));
    }
    // Anybody may open another one from our branch, into another base or after ours was closed: it must not hide ours.
    candidates.sort_by_key(|(pull, ours)| (pull.state() != ProposalState::Open, !ours));
    let Some((pull, ours)) = candidates.into_iter().next() else { return Ok(None) };
    // Not the pull request's own head: that of a closed one stays when its branch is deleted.
    let head = publish::tip(api, slug, branch).await?;
    Ok(Some(ExistingProposal {
        number: pull.number,
        state: pull.state(),
        url: pull.html_url,
        title: pull.title,
        body: pull.body.unwrap_or_default(),
        labels: pull.labels.into_iter().map(|label| label.name).collect(),
        base: pull.base.name,
        ours,
        created_at: pull.created_at,
        head,
        last_head: pull.head.sha.and_then(|sha| CommitId::new(&sha).ok()),
    }))
}

/// Opens a pull request, or brings the open one up to date.
pub(super) async fn propose(
    api: &Api,
    slug: &RepoSlug,
    proposal: &Proposal,
    existing: Option<&ExistingProposal>,
) -> Result<String, ForgeError> {
    let body = fitting(&proposal.body);
    let (number, url, labels) = match existing.filter(|existing| existing.state == ProposalState::Open) {
        Some(existing) => {
            bring_up_to_date(api, slug, proposal, existing, &body).await?;
            (existing.number, existing.url.clone(), existing.labels.clone())
        }
        None => open(api, slug, proposal, &body).await?,
    };
    let change = LabelChange::between(&labels, &proposal.labels);
    change.apply(api, slug, number).await.map_err(|failure| failure.explain("label the pull request"))?;
    Ok(url)
}

/// Writes only what differs.
async fn bring_up_to_date(
    api: &Api,
    slug: &RepoSlug,
    proposal: &Proposal,
    existing: &ExistingProposal,
    body: &str,
) -> Result<(), ForgeError> {
    let mut fields = serde_json::Map::new();
    let mut set = |name: &str, standing: &str, wanted: &str| {
        // GitHub stores line ends as a browser sends them.
        if standing.replace("\r\n", "\n").trim_end() != wanted.replace("\r\n", "\n").trim_end() {
            fields.insert(name.to_owned(), wanted.into());
        }
    };
    set("title", &existing.title, &proposal.title);
    set("body", &existing.body, body);
    set("base", &existing.base, &proposal.base);
    if fields.is_empty() {
        return Ok(());
    }
    let route = format!("/repos/{slug}/pulls/{}", existing.number);
    let mut updated = api.update::<serde_json::Value>(&route, &fields).await;
    if updated.as_ref().is_err_and(Failure::is_uncertain) {
        // Setting the same fields to the same values once more does no harm.
        tokio::time::sleep(PAUSE).await;
        updated = api.update(&route, &fields).await;
    }
    updated.map(drop).map_err(|failure| failure.explain("update the pull request"))
}

/// Opens a pull request. Gives its number, its address and its labels.
async fn open(
    api: &Api,
    slug: &RepoSlug,
    proposal: &Proposal,
    body: &str,
) -> Result<(u64, String, Vec<String>), ForgeError> {
    let fields = json!({ "title": proposal.title, "head": proposal.branch, "base": proposal.base, "body": body });
    let route = format!("/repos/{slug}/pulls");
    let explain = |failure: Failure| failure.explain("open the pull request");
    let mut attempt = 1;
    loop {
        let failure = match api.create::<PullRequest>(&route, &fields).await {
            Ok(pull) => {
                let labels = pull.labels.into_iter().map(|label| label.name).collect();
                return Ok((pull.number, pull.html_url, labels));
            }
            Err(failure) => failure,
        };
        let exists = failure.says(422, "already exists");
        if exists || failure.is_uncertain() {
            // It may be ours whose answer got lost, or stand since a run that was interrupted.
            let found = find(api, slug, &proposal.branch).await.map_err(explain)?;
            if let Some(pull) = found.into_iter().find(|pull| pull.state() == ProposalState::Open) {
                return adopt(api, slug, proposal, pull, body).await;
            }
        }
        let unseen = failure.says(422, "no commits between") || failure.says(422, "invalid");
        if !(exists || unseen || failure.is_uncertain()) || attempt == ATTEMPTS {
            return Err(explain(failure));
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Takes over an open pull request that a lookup found.
async fn adopt(
    api: &Api,
    slug: &RepoSlug,
    proposal: &Proposal,
    pull: PullRequest,
    body: &str,
) -> Result<(u64, String, Vec<String>), ForgeError> {
    let standing = ExistingProposal {
        number: pull.number,
        state: pull.state(),
        url: pull.html_url,
        title: pull.title,
        body: pull.body.unwrap_or_default(),
        labels: pull.labels.into_iter().map(|label| label.name).collect(),
        base: pull.base.name,
        ours: false,
        created_at: None,
        head: None,
        last_head: None,
    };
    bring_up_to_date(api, slug, proposal, &standing, body).await?;
    Ok((standing.number, standing.url, standing.labels))
}

/// Closes a pull request.
pub(super) async fn close(api: &Api, slug: &RepoSlug, number: u64) -> Result<(), ForgeError> {
    let change = json!({ "state": "closed" });
    let closed = api.update::<serde_json::Value>(&format!("/repos/{slug}/pulls/{number}"), &change).await;
    closed.map(|_| ()).map_err(|failure| failure.explain("close the pull request"))
}

/// Leaves a comment unless one of ours on the same topic stands there.
pub(super) async fn comment_once(
    api: &Api,
    identity: &Identity,
    token: Option<&Token>,
    slug: &RepoSlug,
    comment: &Comment<'_>,
) -> Result<(), ForgeError> {
    let explain = |failure: Failure| failure.explain("comment on the pull request");
    let marker = topic_marker(comment.topic);
    let route = format!("/repos/{slug}/issues/{}/comments", comment.number);
    let text = fitting(&format!("{}\n\n{marker}\n", comment.body.trim_end()));
    for attempt in 1..=ATTEMPTS {
        let list = format!("{route}?per_page={PAGE_SIZE}");
        let (standing, _) = api.list::<IssueComment>(&list, COMMENT_PAGES).await.map_err(explain)?;
        for one in &standing {
            let on_topic = one.body.as_deref().is_some_and(|body| body.contains(&marker));
            // Anybody can write our marker; only a comment of ours says that we have spoken.
            if on_topic && identity.is_ours(api, token, one.user.as_ref()).await.map_err(explain)? {
                return Ok(());
            }
        }
        match api.create::<serde_json::Value>(&route, json!({ "body": text })).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_uncertain() && attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
            Err(failure) => return Err(explain(failure)),
        }
    }
    Ok(())
}

/// A text that fits into a body. What is too long loses its middle: the verdict stands at the beginning, and what must not
/// be lost (people's notes, the hidden state) in comments at the end.
fn fitting(text: &str) -> String {
    let length = |text: &str| text.encode_utf16().count();
    let total = length(text);
    if total <= BODY_LIMIT {
        return text.to_owned();
    }
    let fits = |start: &usize| length(&text[*start..]) <= BODY_LIMIT / 2;
    let tail_start = text.find(NOTES_START).filter(fits).or_else(|| text.rfind("<!--").filter(fits));
    let tail = tail_start.map_or("", |start| &text[start..]);
    let mut room = BODY_LIMIT.saturating_sub(length(tail) + length(CUT_MARK));
    let head: String = text
        .chars()
        .take_while(|character| {
            let fits = character.len_utf16() <= room;
            room = room.saturating_sub(character.len_utf16());
            fits
        })
        .collect();
    // A whole line, so that no table row or code fence ends in its middle.
    let head = head.rsplit_once('\n').map_or(head.as_str(), |(lines, _)| lines);
    format!("{head}{CUT_MARK}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_long_keeps_its_beginning_and_its_state() {
        assert_eq!(fitting("short"), "short");
        let long = format!("# verdict\n{}\n<!--patchparty:state v1 abc-->", "ä row of a table 🎉\n".repeat(9_000));
        let cut = fitting(&long);
        assert!(cut.encode_utf16().count() <= BODY_LIMIT);
        assert!(cut.starts_with("# verdict\n") && cut.ends_with("\n\n<!--patchparty:state v1 abc-->"));
        assert!(cut.contains("🎉\n\n…"), "cut at the end of a line");
    }

    fn pull(head: &str, repository: Option<&str>) -> PullRequest {
        let value = json!({
            "number": 1, "html_url": "https://git.example/1", "title": "t", "body": null, "state": "closed",
            "merged_at": null, "user": null,
            "head": { "ref": head, "repo": repository.map(|name| json!({ "full_name": name })) },
            "base": { "ref": "main", "repo": { "full_name": "acme/shop" } },
        });
        serde_json::from_value(value).expect("well-formed")
    }

    #[test]
    fn a_fork_with_the_same_branch_is_not_taken_for_ours() {
        assert!(pull("patchparty/routine/main", Some("Acme/Shop")).comes_from("patchparty/routine/main"));
        assert!(!pull("patchparty/routine/main", Some("mallory/shop")).comes_from("patchparty/routine/main"));
        assert!(!pull("patchparty/routine/main", None).comes_from("patchparty/routine/main"));
        assert!(!pull("patchparty/routine/main-2", Some("acme/shop")).comes_from("patchparty/routine/main"));
    }

    #[test]
    fn merged_outranks_closed() {
        let mut pull = pull("x", None);
        assert_eq!(pull.state(), ProposalState::Closed);
        pull.merged_at = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(pull.state(), ProposalState::Merged);
    }
}
