//! The git database: blobs, trees, commits and references, every one a real object of the bare repository.

use base64::Engine as _;
use serde_json::{Value, json};

use super::disk::Disk;
use super::exchange::{Answer, Call, Reply};
use super::problem;
use super::state::{Move, State, Unseen};
use super::views::{CommitFields, NOREPLY};

/// The modes that a tree entry may have.
const MODES: [&str; 5] = ["100644", "100755", "040000", "160000", "120000"];

/// The routes below `git/`.
pub(super) fn route(state: &mut State, call: &Call, index: usize, path: &[&str]) -> Option<Answer> {
    let ["git", path @ ..] = path else { return None };
    // The documentation names 409 for all of these while a repository is empty.
    if state.repositories[index].disk.is_empty() {
        return Some(Err(problem::empty_repository()));
    }
    Some(match (call.method.as_str(), path) {
        ("POST", ["blobs"]) => create_blob(state, call, index),
        ("GET", ["blobs", sha]) => show_blob(state, index, sha),
        ("POST", ["trees"]) => create_tree(state, call, index),
        ("GET", ["trees", revision @ ..]) => show_tree(state, call, index, &revision.join("/")),
        ("POST", ["commits"]) => create_commit(state, call, index),
        ("GET", ["commits", sha]) => show_commit(state, index, sha),
        ("POST", ["refs"]) => create_reference(state, call, index),
        ("GET", ["ref", name @ ..]) => show_reference(state, index, &name.join("/")),
        ("GET", ["matching-refs", name @ ..]) => Ok(matching_references(state, call, index, &name.join("/"))),
        ("PATCH", ["refs", name @ ..]) => update_reference(state, call, index, &name.join("/")),
        ("DELETE", ["refs", name @ ..]) => delete_reference(state, call, index, &name.join("/")),
        _ => return None,
    })
}

/// A field that must be text.
fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Reply> {
    let missing = || problem::unprocessable(&format!("Invalid request.\n\n\"{name}\" wasn't supplied."));
    body[name].as_str().ok_or_else(missing)
}

/// A full object id, as the git database demands it.
fn object_id<'a>(body: &'a Value, name: &str) -> Result<&'a str, Reply> {
    let sha = text(body, name)?;
    let full = sha.len() == 40 && sha.chars().all(|digit| digit.is_ascii_hexdigit());
    if full {
        Ok(sha)
    } else {
        Err(problem::unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f]."))
    }
}

fn create_blob(state: &State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let content = text(&body, "content")?;
    let bytes = match body["encoding"].as_str().unwrap_or("utf-8") {
        "utf-8" => content.as_bytes().to_vec(),
        "base64" => base64::engine::general_purpose::STANDARD
            .decode(content.replace('\n', ""))
            .map_err(|_| problem::unprocessable("content is not valid Base64"))?,
        other => return Err(problem::unprocessable(&format!("encoding must be one of utf-8, base64: {other}"))),
    };
    let repo = &state.repositories[index];
    let sha = repo.disk.git(&["hash-object", "-w", "--stdin"]).input(bytes).run();
    let url = format!("{}/repos/{}/git/blobs/{sha}", state.api(), repo.slug());
    Ok(Reply::json(201, &json!({ "sha": sha, "url": url })))
}

fn show_blob(state: &State, index: usize, sha: &str) -> Answer {
    let disk = &state.repositories[index].disk;
    let output = disk.git(&["cat-file", "blob", sha]).output();
    if !output.status.success() {
        return Err(problem::not_found());
    }
    let content = base64::engine::general_purpose::STANDARD.encode(&output.stdout);
    let view = json!({ "sha": sha, "size": output.stdout.len(), "encoding": "base64", "content": content });
    Ok(Reply::json(200, &view))
}

/// Builds the tree through an index of its own, so that `base_tree`, nested paths and deletions behave as git does.
fn create_tree(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let entries = body["tree"].as_array().ok_or_else(|| problem::unprocessable("Invalid tree info"))?;
    let id = state.fresh_id();
    let scratch = state.root.join(format!("index-{id}")).display().to_string();
    let repo = &state.repositories[index];
    if let Some(base) = body["base_tree"].as_str() {
        let tree = repo.disk.resolve(&format!("{base}^{{tree}}"));
        let tree = tree.ok_or_else(|| problem::unprocessable("base_tree is not a valid tree oid"))?;
        repo.disk.git(&["read-tree", &tree]).variable("GIT_INDEX_FILE", &*scratch).run();
    }
    let mut lines = String::new();
    for entry in entries {
        lines.push_str(&index_line(&repo.disk, entry, body["base_tree"].as_str())?);
    }
    let update = repo.disk.git(&["update-index", "--index-info"]).variable("GIT_INDEX_FILE", &*scratch).input(lines);
    update.answer().map_err(|_| problem::unprocessable("tree.path contains a malformed path component"))?;
    let written = repo.disk.git(&["write-tree"]).variable("GIT_INDEX_FILE", &*scratch).answer();
    drop(std::fs::remove_file(&scratch));
    let sha = written.map_err(|_| problem::unprocessable("GitRPC::BadObjectState"))?;
    let tree = listing(&repo.disk, &sha, false);
    let url = format!("{}/repos/{}/git/trees/{sha}", state.api(), repo.slug());
    Ok(Reply::json(201, &json!({ "sha": sha, "url": url, "tree": tree, "truncated": false })))
}

/// One entry as `git update-index --index-info` takes it. A `sha` of null deletes the path.
fn index_line(disk: &Disk, entry: &Value, base: Option<&str>) -> Result<String, Reply> {
    let path = text(entry, "path")?;
    let malformed = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    if path.contains('\n') || path.split('/').any(malformed) {
        return Err(problem::unprocessable("tree.path contains a malformed path component"));
    }
    let mode = text(entry, "mode")?;
    if !MODES.contains(&mode) {
        return Err(problem::unprocessable("tree.mode must be one of 100644, 100755, 040000, 160000, 120000"));
    }
    if entry.get("sha").is_some_and(Value::is_null) {
        let existed = base.is_some_and(|base| disk.resolve(&format!("{base}:{path}")).is_some());
        let deleted = format!("0 {:040}\t{path}\n", 0);
        return if existed { Ok(deleted) } else { Err(problem::unprocessable("GitRPC::BadObjectState")) };
    }
    let sha = match (entry["sha"].as_str(), entry["content"].as_str()) {
        (Some(sha), None) => sha.to_owned(),
        (None, Some(content)) => disk.git(&["hash-object", "-w", "--stdin"]).input(content).run(),
        (Some(_), Some(_)) | (None, None) => return Err(problem::unprocessable("Must supply either sha or content")),
    };
    if mode != "160000" && disk.resolve(&format!("{sha}^{{object}}")).is_none() {
        return Err(problem::unprocessable(&format!("tree.sha {sha} is not a valid blob")));
    }
    Ok(format!("{mode} {sha}\t{path}\n"))
}

/// The entries of a tree.
fn listing(disk: &Disk, tree: &str, recursive: bool) -> Vec<Value> {
    let mut arguments = vec!["ls-tree", "-z", "--full-tree"];
    if recursive {
        arguments.extend(["-r", "-t"]);
    }
    arguments.push(tree);
    let listed = disk.git(&arguments).run();
    let entry = |line: &str| {
        let (meta, path) = line.split_once('\t')?;
        let parts: Vec<&str> = meta.split_whitespace().collect();
        let &[mode, kind, sha] = parts.as_slice() else { return None };
        Some(json!({ "path": path, "mode": mode, "type": kind, "sha": sha }))
    };
    listed.split('\0').filter_map(entry).collect()
}

fn show_tree(state: &State, call: &Call, index: usize, revision: &str) -> Answer {
    let disk = &state.repositories[index].disk;
    let sha = disk.resolve(&format!("{revision}^{{tree}}")).ok_or_else(problem::not_found)?;
    let tree = listing(disk, &sha, call.parameter("recursive").is_some());
    Ok(Reply::json(200, &json!({ "sha": sha, "tree": tree, "truncated": false })))
}

/// Without `author`, the commit is the caller's, with the address that GitHub gives to accounts.
fn create_commit(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let (message, tree) = (text(&body, "message")?, object_id(&body, "tree")?);
    let login = call.login.clone().unwrap_or_default();
    let now = state.tick();
    if state.switches.unseen.remove(&Unseen::Tree) {
        return Err(problem::unprocessable("Tree SHA does not exist"));
    }
    let id = state.users.get(&login).map_or(0, |user| user.id);
    let own = json!({ "name": login, "email": format!("{id}+{login}{NOREPLY}"), "date": now });
    let author = if body["author"].is_object() { &body["author"] } else { &own };
    let committer = if body["committer"].is_object() { &body["committer"] } else { author };
    let repo = &state.repositories[index];
    if repo.disk.resolve(&format!("{tree}^{{tree}}")).is_none() {
        return Err(problem::unprocessable("Tree SHA does not exist"));
    }
    let mut arguments = vec!["commit-tree", tree];
    for parent in body["parents"].as_array().into_iter().flatten() {
        let parent = parent.as_str().filter(|sha| repo.disk.resolve(&format!("{sha}^{{commit}}")).is_some());
        arguments.extend([
            "-p",
            parent.ok_or_else(|| problem::unprocessable("Parent SHA does not exist or is not a commit object"))?,
        ]);
    }
    let value = |person: &Value, field: &str, default: &str| person[field].as_str().unwrap_or(default).to_owned();
    let sha = repo
        .disk
        .git(&arguments)
        .input(message)
        .variable("GIT_AUTHOR_NAME", value(author, "name", &login))
        .variable("GIT_AUTHOR_EMAIL", value(author, "email", "missing@people.example"))
        .variable("GIT_AUTHOR_DATE", value(author, "date", &now))
        .variable("GIT_COMMITTER_NAME", value(committer, "name", &login))
        .variable("GIT_COMMITTER_EMAIL", value(committer, "email", "missing@people.example"))
        .variable("GIT_COMMITTER_DATE", value(committer, "date", &now))
        .run();
    let commit = CommitFields::read(&repo.disk, &sha).expect("the commit was just made");
    Ok(Reply::json(201, &commit.git_view(state, repo)))
}

fn show_commit(state: &State, index: usize, sha: &str) -> Answer {
    let repo = &state.repositories[index];
    let commit = CommitFields::read(&repo.disk, sha).ok_or_else(problem::not_found)?;
    Ok(Reply::json(200, &commit.git_view(state, repo)))
}

fn reference(state: &State, index: usize, name: &str, sha: &str) -> Value {
    let repo = &state.repositories[index];
    let api = format!("{}/repos/{}/git", state.api(), repo.slug());
    json!({
        "ref": name, "node_id": format!("REF_{}_{name}", repo.id), "url": format!("{api}/{name}"),
        "object": { "type": "commit", "sha": sha, "url": format!("{api}/commits/{sha}") },
    })
}

fn show_reference(state: &State, index: usize, name: &str) -> Answer {
    let name = format!("refs/{name}");
    let sha = state.repositories[index].disk.git(&["show-ref", "--verify", "--hash", &name]).answer();
    let sha = sha.map_err(|_| problem::not_found())?;
    Ok(Reply::json(200, &reference(state, index, &name, &sha)))
}

fn matching_references(state: &State, call: &Call, index: usize, prefix: &str) -> Reply {
    let disk = &state.repositories[index].disk;
    let listed = disk.git(&["for-each-ref", "--format=%(refname) %(objectname)"]).run();
    let prefix = format!("refs/{prefix}");
    let pairs = listed.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| name.starts_with(&prefix));
    let views: Vec<Value> = pairs.map(|(name, sha)| reference(state, index, name, sha)).collect();
    Reply::page(state, call, &views)
}

fn create_reference(state: &mut State, call: &Call, index: usize) -> Answer {
    let body = call.json()?;
    let (name, sha) = (text(&body, "ref")?.to_owned(), object_id(&body, "sha")?);
    if !name.starts_with("refs/") || name.matches('/').count() < 2 {
        return Err(problem::unprocessable("Reference name must start with 'refs/' and have at least two slashes"));
    }
    let disk = &state.repositories[index].disk;
    if disk.git(&["check-ref-format", &name]).answer().is_err() {
        return Err(problem::unprocessable(&format!("{name} is not a valid ref name")));
    }
    if disk.git(&["show-ref", "--verify", "--quiet", &name]).answer().is_ok() {
        return Err(problem::unprocessable("Reference already exists"));
    }
    if disk.resolve(&format!("{sha}^{{object}}")).is_none() {
        return Err(problem::unprocessable("Object does not exist"));
    }
    // The old value of zeros: it fails when someone else has made the reference in between, or when `a` bars `a/b`.
    let update = disk.git(&["update-ref", &name, sha, &"0".repeat(40)]).answer();
    update.map_err(|_| problem::unprocessable("Reference update failed"))?;
    note_move(state, call, index, &name, (&"0".repeat(40), sha));
    Ok(Reply::json(201, &reference(state, index, &name, sha)))
}

fn update_reference(state: &mut State, call: &Call, index: usize, name: &str) -> Answer {
    let body = call.json()?;
    let (name, sha) = (format!("refs/{name}"), object_id(&body, "sha")?);
    let disk = &state.repositories[index].disk;
    let old = disk.git(&["show-ref", "--verify", "--hash", &name]).answer();
    let old = old.map_err(|_| problem::unprocessable("Reference does not exist"))?;
    if disk.resolve(&format!("{sha}^{{commit}}")).is_none() {
        return Err(problem::unprocessable("Object does not exist"));
    }
    if body["force"] != json!(true) && !disk.contains(sha, &old) {
        return Err(problem::unprocessable("Update is not a fast forward"));
    }
    let update = disk.git(&["update-ref", &name, sha, &old]).answer();
    update.map_err(|_| problem::unprocessable("Reference update failed"))?;
    note_move(state, call, index, &name, (&old, sha));
    state.repositories[index].follow_branches();
    Ok(Reply::json(200, &reference(state, index, &name, sha)))
}

/// Remembers who moved a reference.
fn note_move(state: &mut State, call: &Call, index: usize, reference: &str, (before, after): (&str, &str)) {
    let one = Move {
        id: state.fresh_id(),
        reference: reference.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
        actor: call.login.clone().unwrap_or_default(),
        at: state.tick(),
    };
    state.repositories[index].note_move(one);
}

fn delete_reference(state: &mut State, call: &Call, index: usize, name: &str) -> Answer {
    let name = format!("refs/{name}");
    let disk = &state.repositories[index].disk;
    let old = disk.git(&["show-ref", "--verify", "--hash", &name]).answer();
    let old = old.map_err(|_| problem::unprocessable("Reference does not exist"))?;
    disk.git(&["update-ref", "-d", &name]).run();
    note_move(state, call, index, &name, (&old, &"0".repeat(40)));
    state.repositories[index].follow_branches();
    Ok(Reply::empty(204))
}
