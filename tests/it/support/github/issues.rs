//! Issues: the part of pull requests that are issues, their comments, and the labels of both.

use serde_json::{Value, json};

use super::exchange::{Answer, Call, Reply};
use super::problem;
use super::pulls::{self, check_texts};
use super::state::{Comment, Issue, Label, Oddity, Repository, State, Unseen};
use super::views;

/// The longest name of a label.
const LABEL_LIMIT: usize = 50;

/// The longest description of a label.
const DESCRIPTION_LIMIT: usize = 100;

/// The routes below `labels` and `issues`.
pub(super) fn route(state: &mut State, call: &Call, index: usize, path: &[&str]) -> Option<Answer> {
    if let ["issues"] = path
        && state.repositories[index].is(Oddity::WithoutIssues)
    {
        return Some(Err(problem::issues_disabled()));
    }
    Some(match (call.method.as_str(), path) {
        ("GET", ["labels"]) => Ok(label_page(state, call, index, None)),
        ("POST", ["labels"]) => create_label(state, call, index),
        ("GET", ["labels", name]) => show_label(state, index, name),
        ("GET", ["issues"]) => Ok(list(state, call, index)),
        ("POST", ["issues"]) => create(state, call, index),
        ("GET", ["issues", number]) if !matches!(*number, "comments") => show(state, index, number),
        ("PATCH", ["issues", number]) => change(state, call, index, number),
        ("GET", ["issues", number, "labels"]) => state.repositories[index]
            .issue(number)
            .map(|issue| issue.labels.clone())
            .map(|names| label_page(state, call, index, Some(&names))),
        ("POST" | "PUT", ["issues", number, "labels"]) => set_labels(state, call, index, number),
        ("DELETE", ["issues", number, "labels", name]) => remove_label(state, index, number, name),
        ("GET", ["issues", number, "comments"]) => comments(state, call, index, number),
        ("POST", ["issues", number, "comments"]) => create_comment(state, call, index, number),
        ("PATCH", ["issues", "comments", id]) => change_comment(state, call, index, id),
        _ => return None,
    })
}

/// A page of the repository's labels, or of those with the given names.
fn label_page(state: &State, call: &Call, index: usize, names: Option<&[String]>) -> Reply {
    let repo = &state.repositories[index];
    let wanted = |label: &&Label| names.is_none_or(|names| names.contains(&label.name));
    let views: Vec<Value> = repo.labels.iter().filter(wanted).map(|label| views::label(state, repo, label)).collect();
    Reply::page(state, call, &views)
}

fn create_label(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let name = body["name"].as_str().ok_or_else(|| problem::field("Label", "name", "missing_field"))?;
    if name.chars().count() > LABEL_LIMIT {
        let text = format!("name is too long (maximum is {LABEL_LIMIT} characters)");
        return Err(problem::custom("Label", Some("name"), &text));
    }
    let description = body["description"].as_str().map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_LIMIT) {
        let text = format!("description is too long (maximum is {DESCRIPTION_LIMIT} characters)");
        return Err(problem::custom("Label", Some("description"), &text));
    }
    let color = body["color"].as_str().unwrap_or("ededed");
    if color.len() != 6 || !color.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(problem::field("Label", "color", "invalid"));
    }
    if state.repositories[index].label(name).is_some() {
        return Err(problem::field("Label", "name", "already_exists"));
    }
    let label = Label { id: state.fresh_id(), name: name.to_owned(), color: color.to_owned(), description };
    let reply = Reply::json(201, &views::label(state, &state.repositories[index], &label));
    state.repositories[index].labels.push(label);
    Ok(reply)
}

fn show_label(state: &State, index: usize, name: &str) -> Answer {
    let repo = &state.repositories[index];
    let label = repo.label(name).ok_or_else(problem::not_found)?;
    Ok(Reply::json(200, &views::label(state, repo, label)))
}

/// An issue; a pull request carries a `pull_request` object, by which clients tell it.
fn view(state: &State, repo: &Repository, issue: &Issue) -> Value {
    let (slug, number, api) = (repo.slug(), issue.number, state.api());
    let url = format!("{api}/repos/{slug}/issues/{number}");
    let labels = issue.labels.iter().filter_map(|name| repo.label(name)).map(|label| views::label(state, repo, label));
    let mut shown = json!({
        "id": issue.id, "node_id": format!("I_{}", issue.id), "number": number, "title": issue.title, "body": issue.body,
        "url": url, "repository_url": format!("{api}/repos/{slug}"), "labels_url": format!("{url}/labels"),
        "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
        "html_url": format!("{}/{slug}/issues/{number}", state.base),
        "state": if issue.open { "open" } else { "closed" }, "locked": false, "user": views::user(state, &issue.author),
        // <https://docs.github.com/rest/issues/issues#get-an-issue>: `closed_by`, a simple user or null.
        "closed_by": issue.closed_by.as_ref().map(|login| views::user(state, login)),
        "author_association": "COLLABORATOR", "labels": labels.collect::<Vec<_>>(), "assignees": [],
        "comments": issue.comments.len(), "created_at": issue.created_at, "updated_at": issue.updated_at,
    });
    if issue.pull.is_some() {
        let page = format!("{}/{slug}/pull/{number}", state.base);
        shown["html_url"] = json!(page);
        shown["pull_request"] = json!({
            "url": format!("{api}/repos/{slug}/pulls/{number}"), "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        });
    }
    shown
}

fn list(state: &State, call: &Call, index: usize) -> Reply {
    let repo = &state.repositories[index];
    let wanted = call.parameter("state").unwrap_or_else(|| "open".to_owned());
    let labels = call.parameter("labels").unwrap_or_default();
    let shown = |issue: &&Issue| {
        let state_fits = wanted == "all" || issue.open == (wanted == "open");
        let labelled =
            labels.split(',').filter(|name| !name.is_empty()).all(|name| issue.labels.iter().any(|own| own == name));
        state_fits && labelled
    };
    let views: Vec<Value> = repo.issues.iter().rev().filter(shown).map(|issue| view(state, repo, issue)).collect();
    Reply::page(state, call, &views)
}

fn create(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    check_texts("Issue", &body)?;
    let title = body["title"].as_str().ok_or_else(|| problem::field("Issue", "title", "missing_field"))?.to_owned();
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
        pull: None,
        created_at: now.clone(),
        updated_at: now,
    };
    state.repositories[index].issues.push(issue);
    if let Some(names) = body["labels"].as_array() {
        attach(state, index, &number.to_string(), names)?;
    }
    show(state, index, &number.to_string()).map(|reply| Reply { status: 201, ..reply })
}

fn show(state: &mut State, index: usize, number: &str) -> Answer {
    let issue = state.repositories[index].issue(number)?.clone();
    Ok(Reply::json(200, &view(state, &state.repositories[index], &issue)))
}

fn change(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let body = call.json()?;
    check_texts("Issue", &body)?;
    let now = state.tick();
    let issue = state.repositories[index].issue(number)?;
    match body["state"].as_str() {
        Some("open") => (issue.open, issue.closed_by) = (true, None),
        Some("closed") => (issue.open, issue.closed_by) = (false, call.login.clone()),
        Some(_) => return Err(problem::field("Issue", "state", "invalid")),
        None => {}
    }
    pulls::change_texts(issue, &body);
    issue.updated_at = now;
    if let Some(names) = body["labels"].as_array() {
        state.repositories[index].issue(number)?.labels.clear();
        attach(state, index, number, names)?;
    }
    show(state, index, number)
}

/// Adds labels to an issue. As GitHub does, a label that the repository lacks is made, in grey.
fn attach(state: &mut State, index: usize, number: &str, names: &[Value]) -> Result<(), Reply> {
    for name in names {
        let name = name.as_str().or_else(|| name["name"].as_str()).unwrap_or_default();
        if name.is_empty() || name.chars().count() > LABEL_LIMIT {
            let error = json!({ "resource": "Label", "field": "name", "code": "invalid", "value": name });
            return Err(problem::validation(&error));
        }
        let id = state.fresh_id();
        let repo = &mut state.repositories[index];
        if repo.label(name).is_none() {
            repo.labels.push(Label { id, name: name.to_owned(), color: "ededed".to_owned(), description: None });
        }
        let name = repo.label(name).map(|label| label.name.clone()).unwrap_or_default();
        let issue = repo.issue(number)?;
        if !issue.labels.contains(&name) {
            issue.labels.push(name);
        }
    }
    Ok(())
}

/// `POST` adds, `PUT` replaces.
fn set_labels(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    if state.switches.unseen.remove(&Unseen::PullRequest) {
        let text = "Could not resolve to a node with the global id of 'PR_kwDOA'.";
        return Err(problem::unprocessable(text));
    }
    let body: Value = serde_json::from_slice(&call.body).map_err(|_| problem::message(400, "Problems parsing JSON"))?;
    let names = body.as_array().or_else(|| body["labels"].as_array());
    let names = names.cloned().ok_or_else(|| problem::unprocessable("Invalid request."))?;
    let issue = state.repositories[index].issue(number)?;
    if call.method == "PUT" {
        issue.labels.clear();
    }
    attach(state, index, number, &names)?;
    let names = state.repositories[index].issue(number)?.labels.clone();
    Ok(label_page(state, call, index, Some(&names)))
}

fn remove_label(state: &mut State, index: usize, number: &str, name: &str) -> Answer {
    let issue = state.repositories[index].issue(number)?;
    let before = issue.labels.len();
    issue.labels.retain(|label| !label.eq_ignore_ascii_case(name));
    if issue.labels.len() == before {
        return Err(problem::message(404, "Label does not exist"));
    }
    let names = issue.labels.clone();
    let repo = &state.repositories[index];
    let views: Vec<Value> =
        names.iter().filter_map(|name| repo.label(name)).map(|label| views::label(state, repo, label)).collect();
    Ok(Reply::json(200, &Value::Array(views)))
}

fn comment_view(state: &State, repo: &Repository, number: u64, comment: &Comment) -> Value {
    let (slug, id) = (repo.slug(), comment.id);
    json!({
        "id": id, "node_id": format!("IC_{id}"), "body": comment.body, "user": views::user(state, &comment.author),
        "url": format!("{}/repos/{slug}/issues/comments/{id}", state.api()),
        "html_url": format!("{}/{slug}/issues/{number}#issuecomment-{id}", state.base),
        "issue_url": format!("{}/repos/{slug}/issues/{number}", state.api()),
        "created_at": comment.created_at, "updated_at": comment.updated_at, "author_association": "COLLABORATOR",
    })
}

fn comments(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let issue = state.repositories[index].issue(number)?.clone();
    let repo = &state.repositories[index];
    let views: Vec<Value> =
        issue.comments.iter().map(|comment| comment_view(state, repo, issue.number, comment)).collect();
    Ok(Reply::page(state, call, &views))
}

fn create_comment(state: &mut State, call: &Call, index: usize, number: &str) -> Answer {
    let body = call.json()?;
    check_texts("IssueComment", &body)?;
    let text = body["body"].as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| problem::field("IssueComment", "body", "missing_field"))?.to_owned();
    let (id, now) = (state.fresh_id(), state.tick());
    let author = call.login.clone().unwrap_or_default();
    let comment = Comment { id, author, body: text, created_at: now.clone(), updated_at: now };
    let issue = state.repositories[index].issue(number)?;
    issue.comments.push(comment.clone());
    let number = issue.number;
    Ok(Reply::json(201, &comment_view(state, &state.repositories[index], number, &comment)))
}

fn change_comment(state: &mut State, call: &Call, index: usize, id: &str) -> Answer {
    let body = call.json()?;
    check_texts("IssueComment", &body)?;
    let text = body["body"].as_str().ok_or_else(|| problem::field("IssueComment", "body", "missing_field"))?;
    let now = state.tick();
    let repo = &mut state.repositories[index];
    let mut all = repo.issues.iter_mut().flat_map(|issue| {
        let number = issue.number;
        issue.comments.iter_mut().map(move |comment| (number, comment))
    });
    let found = all.find(|(_, comment)| comment.id.to_string() == id);
    let (number, comment) = found.ok_or_else(problem::not_found)?;
    text.clone_into(&mut comment.body);
    comment.updated_at = now;
    let comment = comment.clone();
    Ok(Reply::json(200, &comment_view(state, &state.repositories[index], number, &comment)))
}
