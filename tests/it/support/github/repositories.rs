//! Repositories: lists, single ones, branches, commits, comparisons, files and permissions.

use base64::Engine as _;
use serde_json::{Value, json};

use super::exchange::{Answer, Call, Reply};
use super::problem;
use super::state::{Move, Oddity, State};
use super::views::{self, CommitFields};

/// Accounts and lists: the routes that are not below one repository.
pub(super) fn route_accounts(state: &mut State, call: &Call, path: &[&str]) -> Option<Answer> {
    Some(match (call.method.as_str(), path) {
        ("GET", ["user"]) => match &call.login {
            // An installation token is nobody's (S: "Resource not accessible by integration").
            Some(login) if login.ends_with("[bot]") => Err(problem::not_for_integrations()),
            Some(login) => Ok(Reply::json(200, &views::user(state, login))),
            None => Err(problem::message(401, "Requires authentication")),
        },
        ("POST", ["graphql"]) => return viewer(state, call),
        ("GET", ["user", "repos"]) => Ok(list(state, call, None)),
        ("GET", ["orgs", name]) => organisation(state, name),
        ("GET", ["orgs", name, "repos"]) if state.organisations.contains(*name) => Ok(list(state, call, Some(name))),
        ("GET", ["users", name, "repos"]) if state.users.contains_key(*name) => Ok(list(state, call, Some(name))),
        ("GET", ["users", name]) if state.users.contains_key(*name) => Ok(Reply::json(200, &views::user(state, name))),
        ("GET", ["orgs" | "users", _, "repos"] | ["users", _]) => Err(problem::not_found()),
        ("GET", ["rate_limit"]) => Ok(rate_limit(state)),
        _ => return None,
    })
}

/// GraphQL, of which one query is known: who the token belongs to.
fn viewer(state: &State, call: &Call) -> Option<Answer> {
    let body = call.json().ok()?;
    let query: String = body["query"].as_str()?.split_whitespace().collect();
    if !query.trim_start_matches("query").eq("{viewer{login}}") {
        return None;
    }
    let Some(login) = call.login.as_deref() else {
        return Some(Err(problem::message(401, "This endpoint requires you to be authenticated.")));
    };
    if state.switches.nameless_apps && login.ends_with("[bot]") {
        return Some(Err(problem::not_for_integrations()));
    }
    Some(Ok(Reply::json(200, &json!({ "data": { "viewer": { "login": login } } }))))
}

fn organisation(state: &State, name: &str) -> Answer {
    if !state.organisations.contains(name) {
        return Err(problem::not_found());
    }
    let mut account = views::user(state, name);
    account["type"] = json!("Organization");
    Ok(Reply::json(200, &account))
}

fn rate_limit(state: &State) -> Reply {
    let core = json!({ "limit": 5000, "used": 5000 - state.remaining, "remaining": state.remaining, "reset": RESET });
    Reply::json(200, &json!({ "resources": { "core": core }, "rate": core }))
}

/// When the primary rate limit is said to be fresh again: far away, in seconds since 1970.
pub(super) const RESET: u64 = 1_900_000_000;

/// The repositories that the caller may see, of one owner or of all.
fn list(state: &mut State, call: &Call, owner: Option<&str>) -> Reply {
    let login = call.login.as_deref();
    let shown = |state: &State| -> Vec<Value> {
        let wanted = state.repositories.iter().filter(|repo| owner.is_none_or(|owner| repo.owner == owner));
        wanted.filter(|repo| repo.is_visible_to(login)).map(|repo| views::repository(state, repo, login)).collect()
    };
    let reply = Reply::page(state, call, &shown(state));
    // Not before the last page, so that every page shows the same list.
    let is_last = !reply.headers.iter().any(|(name, value)| name == "link" && value.contains("rel=\"next\""));
    for repo in state.repositories.iter_mut().filter(|repo| is_last && repo.is(Oddity::Vanishes)) {
        repo.oddities.insert(Oddity::Gone);
    }
    reply
}

/// The routes below one repository that only read.
pub(super) fn route(state: &mut State, call: &Call, index: usize, path: &[&str]) -> Option<Answer> {
    if call.method != "GET" {
        return None;
    }
    let repo = &state.repositories[index];
    Some(match path {
        [] => Ok(Reply::json(200, &views::repository(state, repo, call.login.as_deref()))),
        ["branches"] => {
            let branches: Vec<Value> = repo.disk.branches().iter().map(|(name, sha)| branch(name, sha)).collect();
            Ok(Reply::page(state, call, &branches))
        }
        ["branches", name @ ..] => single_branch(state, index, &name.join("/")),
        ["commits"] => commits(state, call, index),
        ["commits", revision @ ..] => single_commit(state, index, &revision.join("/")),
        ["activity"] => activity(state, call, index),
        ["compare", range @ ..] => compare(state, index, &range.join("/")),
        ["contents", file @ ..] => contents(state, call, index, &file.join("/")),
        ["collaborators", login, "permission"] => {
            let permission = repo.collaborators.get(*login).map_or("none", String::as_str);
            let user = views::user(state, login);
            Ok(Reply::json(200, &json!({ "permission": permission, "role_name": permission, "user": user })))
        }
        _ => return None,
    })
}

fn branch(name: &str, sha: &str) -> Value {
    json!({ "name": name, "commit": { "sha": sha, "url": "" }, "protected": false })
}

fn single_branch(state: &State, index: usize, name: &str) -> Answer {
    let repo = &state.repositories[index];
    let commit = repo.disk.tip(name).and_then(|tip| CommitFields::read(&repo.disk, &tip));
    let commit = commit.ok_or_else(|| problem::message(404, "Branch not found"))?;
    let mut shown = branch(name, &commit.sha);
    shown["commit"] = commit.view(state, repo);
    shown["_links"] = json!({});
    Ok(Reply::json(200, &shown))
}

fn commits(state: &State, call: &Call, index: usize) -> Answer {
    let repo = &state.repositories[index];
    if repo.disk.is_empty() {
        return Err(problem::empty_repository());
    }
    let start = call.parameter("sha").unwrap_or_else(|| repo.default_branch.clone());
    let start = repo.disk.resolve(&format!("{start}^{{commit}}")).ok_or_else(problem::not_found)?;
    let listed = repo.disk.git(&["rev-list", "--max-count=300", &start]).run();
    let views: Vec<Value> =
        listed.lines().filter_map(|sha| Some(CommitFields::read(&repo.disk, sha)?.view(state, repo))).collect();
    Ok(Reply::page(state, call, &views))
}

fn single_commit(state: &State, index: usize, revision: &str) -> Answer {
    let repo = &state.repositories[index];
    if repo.disk.is_empty() {
        return Err(problem::empty_repository());
    }
    let missing = || problem::unprocessable(&format!("No commit found for SHA: {revision}"));
    let commit = CommitFields::read(&repo.disk, revision).ok_or_else(missing)?;
    Ok(Reply::json(200, &commit.view(state, repo)))
}

/// Who moved which reference, newest first
/// (<https://docs.github.com/rest/repos/repos#list-repository-activities>, schema `activity`).
fn activity(state: &State, call: &Call, index: usize) -> Answer {
    let repo = &state.repositories[index];
    if state.switches.without_activity {
        return Err(problem::not_found());
    }
    let wanted = call.parameter("ref");
    let fits = |name: &str| {
        wanted.as_deref().is_none_or(|wanted| name == wanted || name.strip_prefix("refs/heads/") == Some(wanted))
    };
    let view = |one: &Move| {
        let kind = if one.before.starts_with("0000000000") { "branch_creation" } else { "force_push" };
        let kind = if one.after.starts_with("0000000000") { "branch_deletion" } else { kind };
        json!({
            "id": one.id, "node_id": format!("A_{}", one.id), "before": one.before, "after": one.after,
            "ref": one.reference, "timestamp": one.at, "activity_type": kind, "actor": views::user(state, &one.actor),
        })
    };
    let views: Vec<Value> = repo.moves.iter().rev().filter(|one| fits(&one.reference)).map(view).collect();
    Ok(Reply::page(state, call, &views))
}

/// `base...head`, as <https://docs.github.com/rest/commits/commits#compare-two-commits> describes it.
fn compare(state: &State, index: usize, range: &str) -> Answer {
    let repo = &state.repositories[index];
    let (base, head) = range.split_once("...").ok_or_else(problem::not_found)?;
    let read = |name: &str| {
        let name = name.rsplit_once(':').map_or(name, |(_, branch)| branch);
        CommitFields::read(&repo.disk, name).ok_or_else(problem::not_found)
    };
    let (base, head) = (read(base)?, read(head)?);
    let merge_base = repo.disk.git(&["merge-base", &base.sha, &head.sha]).answer().map_err(|_| problem::not_found())?;
    let merge_base = CommitFields::read(&repo.disk, &merge_base).ok_or_else(problem::not_found)?;
    let (ahead, behind) = (repo.disk.ahead(&base.sha, &head.sha), repo.disk.ahead(&head.sha, &base.sha));
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        (_, _) => "diverged",
    };
    let between = repo.disk.between(&base.sha, &head.sha);
    let commits: Vec<Value> =
        between.iter().filter_map(|sha| Some(CommitFields::read(&repo.disk, sha)?.view(state, repo))).collect();
    let changed = repo.disk.git(&["diff", "--name-only", &merge_base.sha, &head.sha]).run();
    let files: Vec<Value> = changed.lines().map(|name| json!({ "filename": name, "status": "modified" })).collect();
    let view = json!({
        "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "commits": commits,
        "files": files, "base_commit": base.view(state, repo), "merge_base_commit": merge_base.view(state, repo),
    });
    Ok(Reply::json(200, &view))
}

fn contents(state: &State, call: &Call, index: usize, path: &str) -> Answer {
    let repo = &state.repositories[index];
    if repo.disk.is_empty() {
        return Err(problem::message(404, "This repository is empty."));
    }
    let revision = call.parameter("ref").unwrap_or_else(|| repo.default_branch.clone());
    let content = repo.disk.read(&revision, path).ok_or_else(problem::not_found)?;
    let sha = repo.disk.resolve(&format!("{revision}:{path}")).ok_or_else(problem::not_found)?;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&content);
    let name = path.rsplit('/').next().unwrap_or(path);
    let view = json!({
        "type": "file", "encoding": "base64", "size": content.len(), "name": name, "path": path, "sha": sha,
        "content": encoded, "url": format!("{}/repos/{}/contents/{path}", state.api(), repo.slug()),
    });
    Ok(Reply::json(200, &view))
}
