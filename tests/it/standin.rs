//! The stand-in for GitHub itself: what it promises to the other tests.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bot::{Bot, missing_tools};
use crate::support::client::{Answered, Client};
use crate::support::fixtures;
use crate::support::git;
use crate::support::github::{BOT, GitHub, TOKEN};

/// `git clone` over TLS with the private authority. Gives what it complains about when it fails.
fn clone(github: &GitHub, slug: &str, token: Option<&str>) -> Result<tempfile::TempDir, String> {
    let folder = tempfile::TempDir::new().expect("the temporary folder is writable");
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, github.authority_pem()).expect("the folder is writable");
    let mut command = git::command();
    command.current_dir(folder.path()).env("GIT_SSL_CAINFO", &authority);
    if let Some(token) = token {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        command.args(["-c", &format!("http.extraHeader=Authorization: Basic {basic}")]);
    }
    command.args(["clone", "--quiet", "--depth=1", &format!("{}/{slug}.git", github.server_url()), "copy"]);
    let output = git::feed(&mut command, b"");
    if output.status.success() { Ok(folder) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn git_clones_over_tls_with_the_token_and_not_without() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("README.md", "# Shop\n").symlink("link", "README.md").commit();
    let copy = clone(&github, "acme/shop", Some(TOKEN)).unwrap();
    assert_eq!(std::fs::read_to_string(copy.path().join("copy/README.md")).unwrap(), "# Shop\n");
    assert!(copy.path().join("copy/link").is_symlink());
    assert!(clone(&github, "acme/shop", None).is_err());
    assert!(clone(&github, "acme/shop", Some("ghp_wrong")).is_err());
    assert!(clone(&github, "acme/missing", Some(TOKEN)).is_err());
    github.rename("acme/shop", "store");
    clone(&github, "acme/shop", Some(TOKEN)).unwrap();
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn lists_come_in_pages_with_absolute_links() {
    let github = GitHub::start();
    for number in 0..7 {
        github.repository("acme", &format!("project-{number}")).empty();
    }
    let client = Client::new(&github);
    let (mut seen, mut next) = (Vec::new(), Some("/orgs/acme/repos?per_page=3&type=all".to_owned()));
    while let Some(path) = next {
        let page = client.get(&path).expect(200);
        assert!(page.body.as_array().unwrap().len() <= 3);
        seen.extend(page.body.as_array().unwrap().iter().map(|repo| repo["name"].as_str().unwrap().to_owned()));
        let link = page.header("link").split(", ").find(|link| link.ends_with("rel=\"next\"")).map(str::to_owned);
        next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
        assert!(next.as_ref().is_none_or(|next| next.starts_with("https://") && next.contains("type=all")));
    }
    assert_eq!(seen.len(), 7);
    assert!(client.get("/orgs/nobody/repos").status == 404);
    github.finish();
}

#[test]
fn the_git_database_makes_real_objects() {
    let github = GitHub::start();
    let base = github.repository("acme", "shop").file("a/lock", "old\n").file("gone", "x").file("kept", "y").commit();
    let client = Client::new(&github);
    let at = |path: &str| format!("/repos/acme/shop/git{path}");
    let encoded = base64::engine::general_purpose::STANDARD.encode("new\n");
    let blob = client.post(&at("/blobs"), &json!({ "content": encoded, "encoding": "base64" })).expect(201);
    let entries = json!([
        { "path": "a/lock", "mode": "100644", "type": "blob", "sha": blob.body["sha"] },
        { "path": "run.sh", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n" },
        { "path": "gone", "mode": "100644", "type": "blob", "sha": null },
    ]);
    let tree = client.post(&at("/trees"), &json!({ "base_tree": base, "tree": entries })).expect(201);
    let commit = json!({ "message": "Update\n\nBody", "tree": tree.body["sha"], "parents": [base] });
    let commit = client.post(&at("/commits"), &commit).expect(201);
    let sha = commit.body["sha"].as_str().unwrap().to_owned();
    let create = json!({ "ref": "refs/heads/patchparty/routine/main", "sha": sha });
    client.post(&at("/refs"), &create).expect(201);
    client.post(&at("/refs"), &create).expect_complaint(422, "Reference already exists");

    let branch = "patchparty/routine/main";
    assert_eq!(github.read("acme/shop", branch, "a/lock").unwrap(), b"new\n");
    assert_eq!(github.read("acme/shop", branch, "kept").unwrap(), b"y");
    assert!(github.read("acme/shop", branch, "gone").is_none());
    let shown = client.get("/repos/acme/shop/commits/patchparty/routine/main").expect(200);
    assert_eq!((&shown.body["author"]["login"], &shown.body["parents"][0]["sha"]), (&json!(BOT), &json!(base)));
    assert_eq!(shown.body["commit"]["message"], "Update\n\nBody");
    let compared = client.get(&format!("/repos/acme/shop/compare/main...{branch}")).expect(200);
    assert_eq!((&compared.body["status"], &compared.body["ahead_by"]), (&json!("ahead"), &json!(1)));
    let copy = clone(&github, "acme/shop", Some(TOKEN)).unwrap();
    assert_eq!(std::fs::read_to_string(copy.path().join("copy/a/lock")).unwrap(), "old\n");
    github.finish();
}

#[test]
fn references_move_only_as_they_may() {
    let github = GitHub::start();
    let first = github.repository("acme", "shop").file("a", "1").commit();
    let second = github.push("acme/shop", "main", "a", b"2");
    let client = Client::new(&github);
    let reference = "/repos/acme/shop/git/refs/heads/main";
    client.patch(reference, &json!({ "sha": first })).expect_complaint(422, "Update is not a fast forward");
    client.patch(reference, &json!({ "sha": first, "force": true })).expect(200);
    client.patch(reference, &json!({ "sha": second })).expect(200);
    let missing = "/repos/acme/shop/git/refs/heads/nothing";
    client.patch(missing, &json!({ "sha": second })).expect_complaint(422, "Reference does not exist");
    client.get("/repos/acme/shop/git/ref/heads/nothing").expect(404);
    client.post("/repos/acme/shop/git/refs", &json!({ "ref": "refs/heads/side", "sha": first })).expect(201);
    assert_eq!(client.send(Method::DELETE, "/repos/acme/shop/git/refs/heads/side", &Value::Null).status, 204);
    let blocked = json!({ "ref": "refs/heads/main/below", "sha": first });
    client.post("/repos/acme/shop/git/refs", &blocked).expect_complaint(422, "Reference update failed");
    let bad = json!({ "tree": [{ "path": "../x", "mode": "100644", "content": "" }] });
    let complaint = "tree.path contains a malformed path component";
    client.post("/repos/acme/shop/git/trees", &bad).expect_complaint(422, complaint);
    let absent = json!({ "message": "x", "tree": "0".repeat(40), "parents": [] });
    client.post("/repos/acme/shop/git/commits", &absent).expect_complaint(422, "Tree SHA does not exist");
    github.finish();
}

#[test]
fn pull_requests_are_refused_with_the_documented_words() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("a", "1").branch("same", &[]).branch("side", &[("a", b"2")]).commit();
    github.disk("acme/shop").git(&["update-ref", "refs/heads/level", "main"]).run();
    let client = Client::new(&github);
    let open = |head: &str, base: &str| {
        client.post("/repos/acme/shop/pulls", &json!({ "title": "Update", "head": head, "base": base, "body": "Text" }))
    };
    open("level", "main").expect_complaint(422, "No commits between main and level");
    open("side", "nowhere").expect_complaint(422, "invalid");
    open("nothing", "main").expect_complaint(422, "invalid");
    assert_eq!(open("side", "main").expect(201).body["number"], 1);
    open("acme:side", "main").expect_complaint(422, "A pull request already exists for acme:side.");
    let long = json!({ "body": "x".repeat(65_537) });
    let complaint = "body is too long (maximum is 65536 characters)";
    client.patch("/repos/acme/shop/pulls/1", &long).expect_complaint(422, complaint);
    client.patch("/repos/acme/shop/pulls/1", &json!({ "base": "nowhere" })).expect_complaint(422, "invalid");
    let listed = |query: &str| client.get(&format!("/repos/acme/shop/pulls?{query}")).body.as_array().unwrap().len();
    assert_eq!((listed("head=acme:side"), listed("head=acme:main"), listed("base=side")), (1, 0, 0));
    client.patch("/repos/acme/shop/pulls/1", &json!({ "state": "closed", "title": "Other" })).expect(200);
    assert_eq!((listed(""), listed("state=all"), listed("state=closed&head=acme:side")), (0, 1, 1));
    assert_eq!(github.only_pull("acme/shop").title, "Other");
    open("side", "main").expect(201);
    github.delete_branch("acme/shop", "side");
    assert!(github.pulls("acme/shop").iter().all(|pull| !pull.open));
    github.finish();
}

#[test]
fn labels_and_comments_behave_as_documented() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("a", "1").branch("side", &[("a", b"2")]).commit();
    let client = Client::new(&github);
    let at = |path: &str| format!("/repos/acme/shop{path}");
    client.post(&at("/pulls"), &json!({ "title": "Update", "head": "side", "base": "main" })).expect(201);
    let label = json!({ "name": "severity: high", "color": "d93f0b", "description": "Bad" });
    client.post(&at("/labels"), &label).expect(201);
    client.post(&at("/labels"), &label).expect_complaint(422, "already_exists");
    let complaint = "name is too long (maximum is 50 characters)";
    client.post(&at("/labels"), &json!({ "name": "x".repeat(51) })).expect_complaint(422, complaint);
    assert_eq!(client.get(&at("/labels/severity:%20high")).expect(200).body["description"], "Bad");
    client.get(&at("/labels/nothing")).expect(404);
    client.post(&at("/issues/1/labels"), &json!({ "labels": ["severity: high", "security"] })).expect(200);
    client.post(&at("/issues/1/labels"), &json!({ "labels": ["x".repeat(51)] })).expect_complaint(422, "invalid");
    let removed = client.send(Method::DELETE, &at("/issues/1/labels/severity:%20high"), &Value::Null).expect(200);
    assert_eq!(removed.body.as_array().unwrap().len(), 1);
    let again = client.send(Method::DELETE, &at("/issues/1/labels/severity:%20high"), &Value::Null);
    again.expect_complaint(404, "Label does not exist");
    assert_eq!(github.only_pull("acme/shop").labels, ["security"]);
    let comment = client.post(&at("/issues/1/comments"), &json!({ "body": "Hello" })).expect(201);
    let id = &comment.body["id"];
    client.patch(&at(&format!("/issues/comments/{id}")), &json!({ "body": "Bye" })).expect(200);
    assert_eq!(client.get(&at("/issues/1/comments")).body[0]["user"]["login"], BOT);
    assert_eq!(github.only_pull("acme/shop").comments, ["Bye"]);
    github.finish();
}

#[test]
fn refusals_have_their_documented_status() {
    let github = GitHub::start();
    github.repository("acme", "old").file("a", "1").archived().commit();
    github.repository("acme", "off").file("a", "1").disabled().commit();
    github.repository("acme", "secret").file("a", "1").private().bot_permission(None).commit();
    github.repository("acme", "read").file("a", "1").bot_permission(Some("read")).without_issues().commit();
    github.repository("acme", "void").empty();
    let (client, label) = (Client::new(&github), json!({ "name": "x" }));
    client.post("/repos/acme/old/labels", &label).expect_complaint(403, "Repository was archived so is read-only.");
    client.post("/repos/acme/off/labels", &label).expect(403);
    client.post("/repos/acme/read/labels", &label).expect(403);
    client.get("/repos/acme/read/issues").expect(410);
    client.get("/repos/acme/secret").expect_complaint(404, "Not Found");
    assert_eq!(client.get("/orgs/acme/repos").body.as_array().unwrap().len(), 4);
    client.get("/repos/acme/void/git/ref/heads/main").expect_complaint(409, "Git Repository is empty.");
    let blob = json!({ "content": "" });
    client.post("/repos/acme/void/git/blobs", &blob).expect_complaint(409, "Git Repository is empty.");
    Client::with_token(&github, Some("ghp_wrong")).get("/user").expect_complaint(401, "Bad credentials");
    Client::with_token(&github, None).get("/user").expect(401);
    assert_eq!(client.get("/user").expect(200).body["login"], BOT);
    github.token("ghp_stranger", "stranger");
    let stranger = Client::with_token(&github, Some("ghp_stranger"));
    assert_eq!(stranger.get("/user").expect(200).body["type"], "User");
    stranger.get("/repos/acme/read").expect(200);
    stranger.post("/repos/acme/read/labels", &label).expect(403);
    let permission = client.get(&format!("/repos/acme/read/collaborators/{BOT}/permission")).expect(200);
    assert_eq!(permission.body["permission"], "read");
    let version = client.request(Method::GET, "/user").header("x-github-api-version", "2001-01-01");
    assert_eq!(version.send().unwrap().status().as_u16(), 400);
    let anonymous = client.request(Method::GET, "/user").header("user-agent", "");
    assert_eq!(anonymous.send().unwrap().status().as_u16(), 403);
    github.finish();
}

#[test]
fn a_renamed_repository_redirects() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("a", "1").commit();
    github.rename("acme/shop", "store");
    let client = Client::new(&github);
    assert_eq!(client.get("/repos/acme/shop").expect(200).body["full_name"], "acme/store");
    assert_eq!(client.get("/repos/acme/shop/branches/main").expect(200).body["name"], "main");
    client.post("/repos/acme/shop/labels", &json!({ "name": "x" })).expect(201);
    assert_eq!(github.labels("acme/store")[0].name, "x");
    github.finish();
}

#[test]
fn switches_make_things_go_wrong() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("a", "1").vanishes_after_listing().commit();
    let client = Client::new(&github);
    github.limit_next(1, 7);
    let limited = client.get("/repos/acme/shop").expect(403);
    assert_eq!(limited.header("retry-after"), "7");
    github.break_next(1);
    client.get("/repos/acme/shop").expect(502);
    github.lose_answer_of_write(1);
    client.get("/repos/acme/shop").expect(200);
    client.post("/repos/acme/shop/labels", &json!({ "name": "x" })).expect(502);
    assert_eq!(github.labels("acme/shop").len(), 1);
    let first = client.get("/repos/acme/shop").expect(200);
    let tagged = client.request(Method::GET, "/repos/acme/shop").header("if-none-match", first.header("etag"));
    let same = Answered::read(tagged.send().unwrap()).expect(304);
    assert_eq!(same.header("x-ratelimit-remaining"), first.header("x-ratelimit-remaining"));
    assert_eq!(client.get("/orgs/acme/repos").body.as_array().unwrap().len(), 1);
    client.get("/repos/acme/shop").expect(404);
    github.finish();
}

#[test]
fn unknown_routes_are_found_and_writes_are_told_from_reads() {
    let github = GitHub::start();
    github.repository("acme", "shop").file("a", "1").commit();
    let client = Client::new(&github);
    let mark = github.mark();
    client.get("/repos/acme/shop/surprise").expect(404);
    clone(&github, "acme/shop", Some(TOKEN)).unwrap();
    github.assert_no_writes_since(mark);
    client.post("/repos/acme/shop/labels", &json!({ "name": "x" })).expect(201);
    let writes = github.writes_since(mark);
    assert_eq!((writes.len(), writes[0].json()["name"].as_str()), (1, Some("x")));
    let query = json!({ "query": "query { viewer { login } }" });
    assert_eq!(client.post("/graphql", &query).expect(200).body["data"]["viewer"]["login"], BOT);
    client.post("/graphql", &json!({ "query": "mutation { surprise }" })).expect(404);
    assert_eq!(github.writes_since(mark).len(), 2, "a query is no write, a mutation is one");
    assert_eq!(github.take_unknown(), ["GET /api/repos/acme/shop/surprise", "POST /api/graphql"]);
    github.finish();
}

#[test]
fn the_real_composer_locks_from_the_registry() {
    if let Some(reason) = missing_tools(&["composer"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let files = fixtures::composer_project(&github, &bot);
    let lock: Value = serde_json::from_slice(&files[1].1).unwrap();
    let version = |name: &str| {
        let packages = lock["packages"].as_array().unwrap();
        packages.iter().find(|package| package["name"] == name).map(|package| package["version"].clone())
    };
    assert_eq!(version("guzzlehttp/psr7"), Some(json!("1.8.3")));
    assert_eq!(version("psr/http-message"), Some(json!("1.0.1")));
    github.finish();
}

#[test]
fn tools_are_watched_and_remain_themselves() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    assert!(bot.call("cargo", &["--version"]).starts_with("cargo 1."));
    assert!(bot.call("npm", &["--version"]).contains('.'));
    assert!(bot.call("rustc", &["--version"]).starts_with("rustc 1."));
    // Whoever looks for the toolchain behind rustup's proxies finds the scripts again.
    assert_eq!(bot.call("rustc", &["--print", "sysroot"]), bot.path("").display().to_string().trim_end_matches('/'));
    let calls = bot.tool_calls("cargo");
    assert!(calls.contains("== arguments\n--version\n== environment\n") && calls.contains(TOKEN), "{calls}");
    assert_eq!(bot.files_with(TOKEN), ["watch/watch-cargo", "watch/watch-npm", "watch/watch-rustc"]);
    github.finish();
}
