//! Decisions that need a server: a scripted one answers request by request, and records what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use serde_json::{Value, json};

use super::forge::connect;
use crate::forge::contract::{Forge, ForgeError, ForgeSettings};
use crate::model::proposal::{ChangeSet, ExistingProposal, FileChange, Label, Proposal, ProposalState};
use crate::model::repository::{CommitId, Project, RepoPath};
use crate::net::secret::Token;

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const BRANCH: &str = "patchparty/routine/main";

/// One expected request with its answer.
struct Step {
    request: &'static str,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn step(request: &'static str, status: u16, body: Value) -> Step {
    Step { request, status, headers: Vec::new(), body }
}

impl Step {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Clone, Default)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
    complaints: Arc<Mutex<Vec<String>>>,
}

async fn answer(State(script): State<Script>, request: Request) -> Response<Body> {
    let target = request.uri().path_and_query().expect("a path").to_string();
    let seen = format!("{} {target}", request.method());
    if request.headers().get("authorization").is_none_or(|value| value != "Bearer canary-token") {
        script.complaints.lock().expect("lock").push(format!("{seen} came without the token"));
    }
    let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    if let Ok(value) = serde_json::from_slice(&body) {
        script.bodies.lock().expect("lock").push(value);
    }
    let Some(step) = script.steps.lock().expect("lock").pop_front() else {
        script.complaints.lock().expect("lock").push(format!("{seen} was not expected"));
        return Response::builder().status(599).body(Body::empty()).expect("a response");
    };
    if !seen.starts_with(step.request) {
        script.complaints.lock().expect("lock").push(format!("{seen} came instead of {}", step.request));
    }
    let mut response = Response::builder().status(step.status);
    for (name, value) in step.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(step.body.to_string())).expect("a response")
}

/// A scripted GitHub below `/api/v3`, and the forge that talks to it.
struct World {
    script: Script,
    url: String,
    forge: Box<dyn Forge>,
}

impl World {
    async fn new(steps: impl FnOnce(&str) -> Vec<Step>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/api/v3", listener.local_addr().expect("an address"));
        let script = Script::default();
        script.steps.lock().expect("lock").extend(steps(&url));
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let settings = ForgeSettings {
            api_url: url.clone(),
            token: Token::new("canary-token"),
            organisation: Some("acme".to_owned()),
            repositories: vec!["acme/extra".parse().expect("a slug")],
            local: None,
            out: "unused".into(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let forge = connect(&settings).expect("connected").expect("asked for");
        Self { script, url, forge }
    }

    /// Ends the test: everything was asked for, and nothing else. Gives the bodies that were sent.
    fn end(self) -> Vec<Value> {
        let complaints = self.script.complaints.lock().expect("lock").clone();
        assert!(complaints.is_empty(), "{complaints:#?}");
        let left: Vec<_> = self.script.steps.lock().expect("lock").iter().map(|step| step.request).collect();
        assert!(left.is_empty(), "never asked for: {left:?}");
        self.script.bodies.lock().expect("lock").clone()
    }
}

fn repository(name: &str) -> Value {
    json!({ "full_name": name, "clone_url": format!("https://git.example/{name}.git"), "default_branch": "main" })
}

fn project() -> Project {
    Project {
        slug: "acme/shop".parse().expect("a slug"),
        id: None,
        clone_url: "https://git.example/acme/shop.git".to_owned(),
        default_branch: Some("main".to_owned()),
        archived: false,
        private: false,
    }
}

fn pull(number: u64, state: &str, author: &str) -> Value {
    json!({
        "number": number, "html_url": format!("https://git.example/acme/shop/pull/{number}"), "title": "title",
        "body": "body\r\n", "state": state, "merged_at": null, "user": { "login": author, "type": "User" },
        "labels": [{ "name": "security" }],
        "head": { "ref": BRANCH, "repo": { "full_name": "acme/shop" } },
        "base": { "ref": "main", "repo": { "full_name": "acme/shop" } },
    })
}

fn reference(commit: &str) -> Value {
    json!({ "ref": format!("refs/heads/{BRANCH}"), "object": { "sha": commit } })
}

fn proposal(title: &str) -> Proposal {
    let label = Label { name: "security".to_owned(), color: "d73a4a".to_owned(), description: String::new() };
    Proposal {
        branch: BRANCH.to_owned(),
        base: "main".to_owned(),
        title: title.to_owned(),
        body: "body\n".to_owned(),
        labels: vec![label],
    }
}

fn change() -> ChangeSet {
    let file = FileChange {
        path: RepoPath::new("app/Cargo.lock").expect("plain"),
        before: Vec::new(),
        after: b"after".to_vec(),
        executable: true,
    };
    let base = CommitId::new(OLD).expect("an id");
    ChangeSet { branch: BRANCH.to_owned(), base, files: vec![file], message: "fix".to_owned() }
}

fn existing() -> ExistingProposal {
    ExistingProposal {
        number: 7,
        url: "https://git.example/acme/shop/pull/7".to_owned(),
        title: "title".to_owned(),
        body: "body\r\n".to_owned(),
        labels: vec!["Security".to_owned(), "qa".to_owned()],
        base: "main".to_owned(),
        state: ProposalState::Open,
        ours: true,
        created_at: None,
        head: CommitId::new(OLD).ok(),
        last_head: CommitId::new(OLD).ok(),
    }
}

#[tokio::test]
async fn pages_are_followed_with_the_token_and_missing_repositories_are_reported() {
    let world = World::new(|url| {
        vec![
            step("GET /api/v3/orgs/acme/repos?type=all", 502, json!("Bad gateway")),
            step("GET /api/v3/orgs/acme/repos?type=all", 200, json!([repository("acme/z"), repository("acme/a")]))
                .with("link", format!("<{url}/organizations/1/repos?page=2>; rel=\"next\"")),
            step("GET /api/v3/organizations/1/repos?page=2", 200, json!([repository("acme/m")])),
            step("GET /api/v3/repos/acme/extra", 404, json!({ "message": "Not Found" })),
        ]
    })
    .await;
    let found = world.forge.projects().await.expect("found");
    let names: Vec<String> = found.projects.iter().map(|project| project.slug.to_string()).collect();
    assert_eq!(names, ["acme/a", "acme/m", "acme/z"]);
    assert!(matches!(found.problems.as_slice(), [(name, ForgeError::NotFound { .. })] if name == "acme/extra"));
    world.end();
}

#[tokio::test]
async fn a_list_that_goes_on_elsewhere_is_an_error_and_not_the_end() {
    for scheme in ["http://git.example", "https://127.0.0.1"] {
        let world = World::new(|_| {
            vec![
                step("GET /api/v3/orgs/acme/repos?type=all", 200, json!([repository("acme/a")]))
                    .with("link", format!("<{scheme}/organizations/1/repos?page=2>; rel=\"next\"")),
            ]
        })
        .await;
        assert!(world.forge.projects().await.is_err(), "{scheme}");
        world.end();
    }
}

#[tokio::test]
async fn a_user_is_asked_for_where_there_is_no_organisation() {
    let world = World::new(|_| {
        vec![
            step("GET /api/v3/orgs/acme/repos", 404, json!({ "message": "Not Found" })),
            step("GET /api/v3/users/acme/repos?type=owner", 200, json!([])),
            step("GET /api/v3/repos/acme/extra", 301, json!({})).with("location", "/api/v3/repositories/5"),
            step("GET /api/v3/repositories/5", 200, repository("acme/renamed")),
        ]
    })
    .await;
    let found = world.forge.projects().await.expect("found");
    assert_eq!(found.projects[0].slug.to_string(), "acme/renamed");
    world.end();
}

#[tokio::test]
async fn the_open_pull_request_outranks_a_newer_closed_one() {
    let world = World::new(|_| {
        let mut fork = pull(9, "open", "mallory");
        fork["head"]["repo"]["full_name"] = json!("mallory/shop");
        vec![
            step(
                "GET /api/v3/repos/acme/shop/pulls?state=all&head=acme%3Apatchparty%2Froutine%2Fmain",
                200,
                json!([fork, pull(8, "closed", "bot"), pull(7, "open", "Bot")]),
            ),
            step("GET /api/v3/user", 200, json!({ "login": "bot" })),
            step("GET /api/v3/repos/acme/shop/git/ref/heads/patchparty/routine/main", 200, reference(NEW)),
        ]
    })
    .await;
    let found = world.forge.existing(&project(), BRANCH).await.expect("read").expect("it stands there");
    assert_eq!((found.number, found.state, found.ours), (7, ProposalState::Open, true));
    assert_eq!(found.head.expect("a tip").as_str(), NEW);
    world.end();
}

#[tokio::test]
async fn an_installation_token_learns_its_login_from_graphql() {
    let world = World::new(|_| {
        vec![
            step("GET /api/v3/repos/acme/shop/pulls", 200, json!([pull(7, "closed", "mallory[bot]")])),
            step("GET /api/v3/user", 403, json!({ "message": "Resource not accessible by integration" })),
            step("POST /api/graphql", 200, json!({ "data": { "viewer": { "login": "github-actions[bot]" } } })),
            step("GET /api/v3/repos/acme/shop/git/ref/heads/", 404, json!({ "message": "Not Found" })),
        ]
    })
    .await;
    let found = world.forge.existing(&project(), BRANCH).await.expect("read").expect("it stands there");
    assert_eq!((found.state, found.ours, found.head), (ProposalState::Closed, false, None));
    world.end();
}

#[tokio::test]
async fn a_change_becomes_one_commit_without_an_author() {
    let world = World::new(|_| {
        vec![
            step("GET /api/v3/repos/acme/shop/git/ref/heads/", 404, json!({ "message": "Not Found" })),
            step("GET /api/v3/repos/acme/shop/git/commits/1111", 200, json!({ "tree": { "sha": "base-tree" } })),
            step("POST /api/v3/repos/acme/shop/git/blobs", 201, json!({ "sha": "blob" })),
            step("POST /api/v3/repos/acme/shop/git/trees", 201, json!({ "sha": "tree" })),
            step("POST /api/v3/repos/acme/shop/git/commits", 422, json!({ "message": "Tree SHA does not exist" })),
            step("POST /api/v3/repos/acme/shop/git/commits", 201, json!({ "sha": NEW })),
            // The answer is lost, but the branch stands where we wanted it.
            step("POST /api/v3/repos/acme/shop/git/refs", 502, json!("Bad gateway")),
            step("GET /api/v3/repos/acme/shop/git/ref/heads/", 200, reference(NEW)),
        ]
    })
    .await;
    let commit = world.forge.publish(&project(), &change(), None).await.expect("published");
    assert_eq!(commit.as_str(), NEW);
    let bodies = world.end();
    assert_eq!(bodies[0], json!({ "content": "YWZ0ZXI=", "encoding": "base64" }));
    let entry = json!({ "path": "app/Cargo.lock", "mode": "100755", "type": "blob", "sha": "blob" });
    assert_eq!(bodies[1], json!({ "base_tree": "base-tree", "tree": [entry] }));
    assert_eq!(bodies[2], json!({ "message": "fix", "tree": "tree", "parents": [OLD] }));
}

#[tokio::test]
async fn a_branch_that_somebody_moved_is_left_alone() {
    let third = "3333333333333333333333333333333333333333";
    let world = World::new(|_| vec![step("GET /api/v3/repos/acme/shop/git/ref/heads/", 200, reference(third))]).await;
    let expected = CommitId::new(NEW).expect("an id");
    let outcome = world.forge.publish(&project(), &change(), Some(&expected)).await;
    assert!(matches!(outcome, Err(ForgeError::BranchMoved { .. })));
    world.end();
}

#[tokio::test]
async fn nothing_is_written_when_nothing_differs() {
    let world = World::new(|_| Vec::new()).await;
    let url = world.forge.propose(&project(), &proposal("title"), Some(&existing())).await.expect("up to date");
    assert!(url.ends_with("/pull/7"));
    world.end();
}

#[tokio::test]
async fn only_what_differs_is_written_and_a_renamed_repository_is_followed() {
    let world = World::new(|url| {
        vec![
            step("PATCH /api/v3/repos/acme/shop/pulls/7", 307, json!({}))
                .with("location", format!("{url}/repositories/5/pulls/7")),
            step("PATCH /api/v3/repositories/5/pulls/7", 200, json!({})),
        ]
    })
    .await;
    world.forge.propose(&project(), &proposal("new title"), Some(&existing())).await.expect("updated");
    assert_eq!(world.end(), [json!({ "title": "new title" }), json!({ "title": "new title" })]);
}

#[tokio::test]
async fn a_pull_request_that_exists_already_is_adopted_and_never_opened_twice() {
    let world = World::new(|_| {
        let problem = json!({ "message": "Validation Failed", "errors": [
            { "resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:x." }] });
        vec![
            step("POST /api/v3/repos/acme/shop/pulls", 422, problem),
            step("GET /api/v3/repos/acme/shop/pulls?state=all", 200, json!([pull(7, "open", "bot")])),
        ]
    })
    .await;
    let url = world.forge.propose(&project(), &proposal("title"), None).await.expect("adopted");
    assert!(url.ends_with("/pull/7"));
    world.end();
}

#[tokio::test]
async fn labels_are_created_with_their_colours() {
    let world = World::new(|_| {
        let mut fresh = pull(8, "open", "bot");
        fresh["labels"] = json!([]);
        let exists =
            json!({ "message": "Validation Failed", "errors": [{ "code": "already_exists", "field": "name" }] });
        let unseen = json!({ "message": "Could not resolve to a node with the global id of 'x'." });
        vec![
            step("POST /api/v3/repos/acme/shop/pulls", 201, fresh),
            step("GET /api/v3/repos/acme/shop/labels?per_page=100", 200, json!([{ "name": "bug" }])),
            step("POST /api/v3/repos/acme/shop/labels", 422, exists),
            step("POST /api/v3/repos/acme/shop/issues/8/labels", 422, unseen),
            step("POST /api/v3/repos/acme/shop/issues/8/labels", 200, json!([])),
        ]
    })
    .await;
    world.forge.propose(&project(), &proposal("title"), None).await.expect("opened");
    let bodies = world.end();
    assert_eq!(bodies[0]["head"], BRANCH);
    assert_eq!(bodies[1], json!({ "name": "security", "color": "d73a4a", "description": "" }));
    assert_eq!(bodies[2], json!({ "labels": ["security"] }));
}

#[tokio::test]
async fn a_comment_is_left_once_and_only_ours_counts() {
    let marker = "<!-- patchparty:topic people-1 -->";
    let comment = |author: &str| json!([{ "body": format!("x\n\n{marker}"), "user": { "login": author } }]);
    let world = World::new(|_| {
        vec![
            step("GET /api/v3/repos/acme/shop/issues/7/comments", 200, comment("mallory")),
            step("GET /api/v3/user", 200, json!({ "login": "bot" })),
            step("POST /api/v3/repos/acme/shop/issues/7/comments", 201, json!({})),
            step("GET /api/v3/repos/acme/shop/issues/7/comments", 200, comment("bot")),
        ]
    })
    .await;
    for _ in 0..2 {
        world.forge.comment_once(&project(), &existing(), "people --> 1", "Hands off.").await.expect("said");
    }
    assert_eq!(world.end(), [json!({ "body": format!("Hands off.\n\n{marker}\n") })]);
}

#[tokio::test]
async fn limits_are_waited_for_or_reported() {
    let limited = json!({ "message": "You have exceeded a secondary rate limit." });
    let world = World::new(|_| {
        vec![
            step("GET /api/v3/repos/acme/shop/git/ref", 403, limited.clone()).with("retry-after", "0"),
            step("GET /api/v3/repos/acme/shop/git/ref", 200, reference(NEW)),
            step("GET /api/v3/repos/acme/shop/git/ref", 429, limited).with("retry-after", "4000"),
            step("GET /api/v3/repos/acme/shop/git/ref", 409, json!({ "message": "Git Repository is empty." })),
        ]
    })
    .await;
    assert!(world.forge.tip(&project(), BRANCH).await.expect("read").is_some());
    let outcome = world.forge.tip(&project(), BRANCH).await;
    assert!(matches!(outcome, Err(ForgeError::RateLimited { seconds: 4000 })));
    assert!(matches!(world.forge.tip(&project(), BRANCH).await, Err(ForgeError::Empty)));
    assert!(world.url.ends_with("/api/v3"));
    world.end();
}
