//! Git's smart HTTP protocol through the real `git http-backend`, with the token checked.

use std::path::{Path, PathBuf};

use super::exchange::{Call, Reply};
use super::problem;
use super::state::{Oddity, State};
use crate::support::git;

/// What the backend needs once access is granted.
pub(super) struct Grant {
    root: PathBuf,
    /// The repository's folder below the root, with the rest of the path.
    path: String,
}

/// Checks the token and finds the repository; refuses as GitHub does.
pub(super) fn admit(state: &State, call: &Call) -> Result<Grant, Reply> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let [owner, name, rest @ ..] = segments.as_slice() else { return Err(problem::not_found()) };
    let name = name.strip_suffix(".git").unwrap_or(name);
    let login = call.login.as_deref();
    let found = state.find(owner, name, login);
    if login.is_none() && !found.as_ref().is_ok_and(|index| state.repositories[*index].is(Oddity::OpenToAll)) {
        let refusal = Reply { status: 401, headers: Vec::new(), body: b"Repository not found.\n".to_vec() };
        return Err(refusal.with_header("www-authenticate", "Basic realm=\"GitHub\""));
    }
    match found {
        Ok(index) => {
            let folder = state.repositories[index].disk.folder();
            let folder = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Grant { root: state.root.clone(), path: format!("/{folder}/{}", rest.join("/")) })
        }
        Err(reply) if reply.status == 301 => Err(renamed(state, owner, name, &rest.join("/"), &call.query)),
        Err(_) => Err(Reply { status: 404, headers: Vec::new(), body: b"Repository not found.\n".to_vec() }),
    }
}

/// A renamed repository: git follows to the new name.
fn renamed(state: &State, owner: &str, name: &str, rest: &str, query: &str) -> Reply {
    let former =
        |repo: &&super::state::Repository| repo.owner == owner && repo.former_names.iter().any(|old| old == name);
    let Some(repo) = state.repositories.iter().find(former) else { return problem::not_found() };
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    Reply::empty(301).with_header("location", format!("{}/{}.git/{rest}{query}", state.base, repo.slug()))
}

/// Runs the backend as a CGI program.
pub(super) fn serve(grant: &Grant, call: &Call) -> Reply {
    let mut command = git::command();
    command.arg("http-backend").current_dir(&grant.root);
    command
        .env("GIT_PROJECT_ROOT", &grant.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", &grant.path)
        .env("QUERY_STRING", &call.query)
        .env("REQUEST_METHOD", &call.method)
        .env("CONTENT_TYPE", call.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", call.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        // The temporary folder may belong to another user than the one who runs the tests in a container.
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")]);
    if let Some(encoding) = call.header("content-encoding") {
        command.env("HTTP_CONTENT_ENCODING", encoding);
    }
    if let Some(version) = call.header("git-protocol") {
        command.env("GIT_PROTOCOL", version);
    }
    parse(&git::feed(&mut command, &call.body).stdout)
}

/// Takes a CGI answer apart.
fn parse(output: &[u8]) -> Reply {
    let split = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(split) = split else { return problem::bad_gateway() };
    let mut reply = Reply { status: 200, headers: Vec::new(), body: output[split + 4..].to_vec() };
    for line in String::from_utf8_lossy(&output[..split]).lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            reply.status = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
        } else {
            reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    reply
}

/// Whether a path is git's: `/owner/name.git/…` or `/owner/name/info/refs`.
pub(super) fn claims(segments: &[String]) -> bool {
    let service = |rest: &[String]| {
        matches!(
            rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
            ["info", "refs"] | ["git-upload-pack" | "git-receive-pack"]
        )
    };
    segments.len() > 2 && service(&segments[2..])
}

/// The name of a folder on disk for a repository.
pub(super) fn folder(root: &Path, id: u64) -> PathBuf {
    root.join(format!("{id}.git"))
}
