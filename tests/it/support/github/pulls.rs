//! Pull requests: list, create, show and change.

use serde_json::{Value, json};

use super::disk::Disk;
use super::exchange::{Answer, Call, Reply};
use super::problem;
use super::state::{Issue, Pull, Repository, State, Unseen};
use super::views::{self, CommitFields};

/// The longest body (renovatebot/renovate#2032 quotes the complaint).
pub(super) const BODY_LIMIT: usize = 65_536;

/// The longest title.
const TITLE_LIMIT: usize = 256;

/// The routes below `pulls`.
pub(super) fn route(state: &mut State, call: &Call, index: usize, path: &[&str]) -> Option<Answer> {
    state.repositories[index].follow_branches();
    Some(match (call.method.as_str(), path) {
        ("GET", ["pulls"]) => Ok(list(state, call, index)),
        ("POST", ["pulls"]) => create(state, call, index),
        ("GET", ["pulls", number]) => show(state, index, number),
        ("PATCH", ["pulls", number]) => change(state, call, index, number),
        ("GET", ["pulls", number, "commits"]) => commits(state, call, index, number),
        ("GET", ["pulls", number, "files"]) => files(state, call, index, number),
        _ => return None,
    })
}

/// A pull request (`pull-request`).
pub(super) fn view(state: &State, repo: &Repository, issue: &Issue) -> Value {
    let Some(pull) = &issue.pull else { return Value::Null };
    let (slug, number) = (repo.slug(), issue.number);
    let shown = views::repository(state, repo, None);
    let side = |branch: &str, sha: Option<&str>| {
        json!({
            "label": format!("{}:{branch}", repo.owner), "ref": branch, "sha": sha,
            "user": views::user(state, &repo.owner), "repo": shown,
        })
    };
    let base_tip = repo.disk.tip(&pull.base);
    let labels = issue.labels.iter().filter_map(|name| repo.label(name)).map(|label| views::label(state, repo, label));
    let api = format!("{}/repos/{slug}", state.api());
    json!({
        "id": issue.id, "node_id": format!("PR_{}", issue.id), "number": number, "title": issue.title, "body": issue.body,
        "url": format!("{api}/pulls/{number}"), "issue_url": format!("{api}/issues/{number}"),
        "comments_url": format!("{api}/issues/{number}/comments"),
        "html_url": format!("{}/{slug}/pull/{number}", state.base),
        "diff_url": format!("{}/{slug}/pull/{number}.diff", state.base),
        "patch_url": format!("{}/{slug}/pull/{number}.patch", state.base),
        "state": if issue.open { "open" } else { "closed" }, "locked": false, "draft": pull.draft,
        "merged": pull.merged, "merged_at": pull.merged.then_some(&issue.updated_at),
        "closed_at": (!issue.open).then_some(&issue.updated_at),
        "created_at": issue.created_at, "updated_at": issue.updated_at,
        "user": views::user(state, &issue.author), "author_association": "COLLABORATOR",
        "labels": labels.collect::<Vec<_>>(), "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "head": side(&pull.head, Some(&pull.head_sha)), "base": side(&pull.base, base_tip.as_deref()),
        "comments": issue.comments.len(), "maintainer_can_modify": false, "_links": {},
    })
}

/// Filters as documented; `head` counts only in the form `owner:branch`, other forms are ignored.
fn list(state: &State, call: &Call, index: usize) -> Reply {
    let repo = &state.repositories[index];
    let (wanted, base) = (call.parameter("state").unwrap_or_else(|| "open".to_owned()), call.parameter("base"));
    let head = call.parameter("head").filter(|head| head.contains(':'));
    let mut pulls: Vec<&Issue> = repo.issues.iter().filter(|issue| issue.pull.is_some()).collect();
    pulls.retain(|issue| match wanted.as_str() {
        "all" => true,
        "closed" => !issue.open,
        _ => issue.open,
    });
    pulls.retain(|issue| {
        let Some(pull) = &issue.pull else { return false };
        head.as_ref().is_none_or(|head| *head == format!("{}:{}", repo.owner, pull.head))
            && base.as_ref().is_none_or(|base| *base == pull.base)
    });
    // Newest first is the default; `direction=asc` turns it.
    if call.parameter("direction").as_deref() != Some("asc") {
        pulls.reverse();
    }
    let views: Vec<Value> = pulls.into_iter().map(|issue| view(state, repo, issue)).collect();
    Reply::page(state, call, &views)
}

/// Refuses texts that are too long.
pub(super) fn check_texts(resource: &str, body: &Value) -> Result<(), Reply> {
    let too_long = |field: &str, limit: usize| {
        let long = body[field].as_str().is_some_and(|text| text.chars().count() > limit);
        let text = format!("{field} is too long (maximum is {limit} characters)");
        if long { Err(problem::custom(resource, Some(field), &text)) } else { Ok(()) }
    };
    too_long("title", TITLE_LIMIT)?;
    too_long("body", BODY_LIMIT)
}

fn create(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let field = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let missing = |name: &str| problem::field("PullRequest", name, "missing_field");
    let title = field("title").ok_or_else(|| missing("title"))?.to_owned();
    let (head, base) = (field("head").ok_or_else(|| missing("head"))?, field("base").ok_or_else(|| missing("base"))?);
    check_texts("Issue", &body)?;
    let repo = &state.repositories[index];
    if state.switches.unseen.remove(&Unseen::Branch) {
        return Err(problem::custom("PullRequest", None, &format!("No commits between {base} and {head}")));
    }
    let head = head.strip_prefix(&format!("{}:", repo.owner)).unwrap_or(head);
    let head_sha = check_branches(repo, head, base)?;
    let pull = Pull {
        head: head.to_owned(),
        base: base.to_owned(),
        merged: false,
        draft: body["draft"] == json!(true),
        head_sha,
    };
    let (id, now) = (state.fresh_id(), state.tick());
    let number = state.repositories[index].next_number();
    let issue = Issue {
        id,
        number,
        title,
        body: body["body"].as_str().map(str::to_owned),
        open: true,
        author: call.login.clone().unwrap_or_default(),
        closed_by: None,
        labels: Vec::new(),
        comments: Vec::new(),
        pull: Some(pull),
        created_at: now.clone(),
        updated_at: now,
    };
    state.repositories[index].issues.push(issue);
    show(state, index, &number.to_string()).map(|reply| Reply { status: 201, ..reply })
}

/// What GitHub checks before it opens a pull request. Gives the head's commit.
fn check_branches(repo: &Repository, head: &str, base: &str) -> Result<String, Reply> {
    let invalid = |name: &str| problem::field("PullRequest", name, "invalid");
    let head_sha = repo.disk.tip(head).ok_or_else(|| invalid("head"))?;
    let base_sha = repo.disk.tip(base).ok_or_else(|| invalid("base"))?;
    let same =
        |issue: &Issue| issue.open && issue.pull.as_ref().is_some_and(|pull| pull.head == head && pull.base == base);
    if repo.issues.iter().any(same) {
        let text = format!("A pull request already exists for {}:{head}.", repo.owner);
        return Err(problem::custom("PullRequest", None, &text));
    }
    if repo.disk.git(&["merge-base", &base_sha, &head_sha]).answer().is_err() {
        let text = format!("The {head} branch has no history in common with {base}");
        return Err(problem::custom("PullRequest", None, &text));
    }
    if repo.disk.ahead(&base_sha, &head_sha) == 0 {
        return Err(problem::custom("PullRequest", None, &format!("No commits between {base} and {head}")));
    }
    Ok(head_sha)
}

fn show(state: &mut State, index: usize, number: &str) -> Answer {
    let issue = state.repositories[index].issue(number)?.clone();
    let shown = view(state, &state.repositories[index], &issue);
    if shown.is_null() { Err(problem::not_found()) } else { Ok(Reply::json(200, &shown)) }
}

fn change(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let body = call.json()?;
    check_texts("Issue", &body)?;
    let now = state.tick();
    let repo = &mut state.repositories[index];
    let disk: Disk = repo.disk.clone();
    let issue = repo.issue(number)?;
    let Some(pull) = issue.pull.as_mut() else { return Err(problem::not_found()) };
    if let Some(base) = body["base"].as_str() {
        if disk.tip(base).is_none() {
            return Err(problem::field("PullRequest", "base", "invalid"));
        }
        base.clone_into(&mut pull.base);
    }
    match body["state"].as_str() {
        Some("closed") => (issue.open, issue.closed_by) = (false, call.login.clone()),
        Some("open") if pull.merged || disk.tip(&pull.head).is_none() => {
            return Err(problem::custom("PullRequest", Some("state"), "state cannot be changed."));
        }
        Some("open") => (issue.open, issue.closed_by) = (true, None),
        Some(_) => return Err(problem::field("PullRequest", "state", "invalid")),
        None => {}
    }
    change_texts(issue, &body);
    issue.updated_at = now;
    show(state, index, number)
}

/// Takes over the title and the body of a request.
pub(super) fn change_texts(issue: &mut Issue, body: &Value) {
    if let Some(title) = body["title"].as_str() {
        title.clone_into(&mut issue.title);
    }
    if let Some(text) = body["body"].as_str() {
        issue.body = Some(text.to_owned());
    }
}

fn commits(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let (base, head) = sides(state, index, number)?;
    let repo = &state.repositories[index];
    let between = repo.disk.between(&base, &head);
    let views: Vec<Value> =
        between.iter().filter_map(|sha| Some(CommitFields::read(&repo.disk, sha)?.view(state, repo))).collect();
    Ok(Reply::page(state, call, &views))
}

fn files(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let (base, head) = sides(state, index, number)?;
    let changed = state.repositories[index].disk.git(&["diff", "--name-only", &format!("{base}...{head}")]).run();
    let views: Vec<Value> = changed.lines().map(|name| json!({ "filename": name, "status": "modified" })).collect();
    Ok(Reply::page(state, call, &views))
}

/// The commits at the base and the head of a pull request.
fn sides(state: &mut State, index: usize, number: &str) -> Result<(String, String), Reply> {
    let repo = &mut state.repositories[index];
    let pull = repo.issue(number)?.pull.clone().ok_or_else(problem::not_found)?;
    let base = repo.disk.tip(&pull.base).ok_or_else(problem::not_found)?;
    Ok((base, pull.head_sha))
}
