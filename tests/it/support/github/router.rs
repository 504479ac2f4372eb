//! The router: who asks, whether anything goes wrong on purpose, and which route answers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::disk::Entry;
use super::exchange::{Answer, Call, LogEntry, Reply};
use super::repositories::{self, RESET};
use super::state::State;
use super::{composer, git_data, issues, problem, pulls, smart_http, views};
use crate::support::git::PERSON;

/// The API versions that exist (<https://docs.github.com/rest/about-the-rest-api/api-versions>).
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// Locks the state; a test that failed while it held the lock has said so already.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request and remembers it.
pub(super) fn answer(state: &Mutex<State>, mut call: Call) -> Reply {
    let sent = token(&call);
    call.login = sent.as_ref().and_then(|token| lock(state).tokens.get(token).cloned());
    let is_git = smart_http::claims(&call.segments);
    let reply = if is_git {
        // The lock is not held while git talks: clones run side by side.
        let admitted = smart_http::admit(&lock(state), &call);
        match admitted {
            Ok(grant) => smart_http::serve(&grant, &call),
            Err(refusal) => refusal,
        }
    } else {
        rest(&mut lock(state), &call, sent.is_some())
    };
    let path = if call.query.is_empty() { call.path.clone() } else { format!("{}?{}", call.path, call.query) };
    let body = if is_git { String::new() } else { String::from_utf8_lossy(&call.body).into_owned() };
    let entry = LogEntry { method: call.method, path, body, status: reply.status, login: call.login };
    lock(state).log.push(entry);
    reply
}

/// The token of `Authorization: Bearer …`, `token …` or `Basic user:…`.
fn token(call: &Call) -> Option<String> {
    let (scheme, value) = call.header("authorization")?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64::engine::general_purpose::STANDARD.decode(value.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        return text.split_once(':').map(|(_, password)| password.to_owned());
    }
    Some(value.trim().to_owned())
}

/// Everything that is not git.
fn rest(state: &mut State, call: &Call, has_token: bool) -> Reply {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["composer", path @ ..] => match composer::answer(state, path) {
            Some(reply) => reply,
            None => unknown(state, call),
        },
        ["api", path @ ..] => {
            let reply = api(state, call, path, has_token);
            finish(state, call, reply)
        }
        _ => unknown(state, call),
    }
}

/// Remembers a request that nothing answers: the test fails at its end.
fn unknown(state: &mut State, call: &Call) -> Reply {
    state.unknown.push(format!("{} {}", call.method, call.path));
    problem::message(404, &format!("the stand-in for GitHub has no route {} {}", call.method, call.path))
}

fn api(state: &mut State, call: &Call, path: &[&str], has_token: bool) -> Reply {
    if call.header("user-agent").is_none_or(str::is_empty) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
        return problem::message(403, text);
    }
    if call.header("x-github-api-version").is_some_and(|version| !VERSIONS.contains(&version)) {
        return problem::message(400, "The given value for the X-GitHub-Api-Version header is not a supported version");
    }
    if has_token && call.login.is_none() {
        return problem::bad_credentials();
    }
    if state.switches.limited > 0 {
        state.switches.limited -= 1;
        return problem::secondary_limit(state.switches.retry_after);
    }
    if state.switches.limited_writes > 0 && !call.reads() {
        state.switches.limited_writes -= 1;
        return problem::secondary_limit(state.switches.retry_after);
    }
    if state.switches.broken > 0 {
        state.switches.broken -= 1;
        return problem::bad_gateway();
    }
    if !call.reads()
        && let Some((index, branch)) = state.switches.push_at_next_write.take()
    {
        let entry = Entry::File(b"Just in time.\n".to_vec());
        state.repositories[index].disk.commit(&branch, None, PERSON, &[("NOTES.md".to_owned(), entry)]);
    }
    if !call.reads()
        && let Some((index, number)) = state.switches.tick_at_next_write.take()
        && let Ok(issue) = state.repositories[index].issue(&number.to_string())
    {
        issue.body = issue.body.as_ref().map(|body| body.replacen("- [ ] ", "- [x] ", 1));
    }
    let reply = match dispatch(state, call, path) {
        Some(Ok(reply) | Err(reply)) => reply,
        None => unknown(state, call),
    };
    if state.switches.lost > 0 && !call.reads() {
        state.switches.lost -= 1;
        if state.switches.lost == 0 {
            return problem::bad_gateway();
        }
    }
    reply
}

fn dispatch(state: &mut State, call: &Call, path: &[&str]) -> Option<Answer> {
    let (found, rest) = match path {
        ["repos", owner, name, rest @ ..] => (state.find(owner, name, call.login.as_deref()), rest),
        ["repositories", id, rest @ ..] => {
            let position = state.repositories.iter().position(|repo| repo.id.to_string() == *id);
            (position.ok_or_else(problem::not_found), rest)
        }
        _ => return repositories::route_accounts(state, call, path),
    };
    let index = match found {
        Ok(index) => index,
        Err(reply) => return Some(Err(redirected(reply, call, rest))),
    };
    if !call.reads()
        && let Some(refusal) = state.repositories[index].refuses_writes_of(call.login.as_deref())
    {
        return Some(Err(refusal));
    }
    repositories::route(state, call, index, rest)
        .or_else(|| git_data::route(state, call, index, rest))
        .or_else(|| issues::route(state, call, index, rest))
        .or_else(|| pulls::route(state, call, index, rest))
}

/// Completes a redirect after a rename: 301 for reads, 307 for writes, which keep their method and body.
fn redirected(reply: Reply, call: &Call, rest: &[&str]) -> Reply {
    if reply.status != 301 {
        return reply;
    }
    let suffix: Vec<String> = rest.iter().map(|segment| views::encode(segment)).collect();
    let suffix = if suffix.is_empty() { String::new() } else { format!("/{}", suffix.join("/")) };
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    let mut reply = reply;
    for (_, value) in reply.headers.iter_mut().filter(|(name, _)| name == "location") {
        value.push_str(&suffix);
        value.push_str(&query);
    }
    if !call.reads() {
        reply.status = 307;
    }
    reply
}

/// Adds what every answer of the API carries: the rate limit, and an `ETag` that answers 304 when it comes back.
fn finish(state: &mut State, call: &Call, mut reply: Reply) -> Reply {
    if call.reads() && reply.status == 200 {
        let digest = views::hex(&Sha256::digest(&reply.body)[..16]);
        let tag = format!("W/\"{digest}\"");
        if call.header("if-none-match") == Some(tag.as_str()) {
            reply = Reply::empty(304);
        }
        reply = reply.with_header("etag", tag);
    }
    // A 304 does not count against the limit.
    if reply.status != 304 {
        state.remaining = state.remaining.saturating_sub(1);
    }
    reply
        .with_header("x-ratelimit-limit", "5000")
        .with_header("x-ratelimit-remaining", state.remaining.to_string())
        .with_header("x-ratelimit-used", (5000 - state.remaining).to_string())
        .with_header("x-ratelimit-reset", RESET.to_string())
        .with_header("x-ratelimit-resource", "core")
        .with_header("x-github-media-type", "github.v3; format=json")
        .with_header("x-github-request-id", "STAND:IN")
}
