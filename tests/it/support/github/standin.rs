//! The handle by which tests build the stand-in's world, act as people in it, and look at what became of it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::builder::RepositoryBuilder;
use super::composer::ComposerPackage;
use super::disk::{Disk, Entry};
use super::exchange::LogEntry;
use super::router::lock;
use super::state::{Comment, Issue, Label, Oddity, State, Unseen, User};
use super::{certificate, server};
use crate::support::git::PERSON;

/// The account of the bot under test.
pub(crate) const BOT: &str = "patchparty-bot";

/// Its token: a canary that must turn up nowhere.
pub(crate) const TOKEN: &str = "ghp_Canary0Token1That2Must3Not4Leak5Out6";

/// A person who reviews.
pub(crate) const REVIEWER: &str = "ada";

/// A running stand-in. [`GitHub::finish`] must be called: it fails the test on requests that nothing answers.
pub(crate) struct GitHub {
    state: Arc<Mutex<State>>,
    base: String,
    authority_pem: String,
    finished: bool,
    // The order of the fields is the order of their drops: the server stops before its folder goes.
    _runtime: Runtime,
    _root: TempDir,
}

/// A pull request as it stands.
#[derive(Debug, Clone)]
pub(crate) struct PullRequest {
    /// Its number.
    pub(crate) number: u64,
    /// Its title.
    pub(crate) title: String,
    /// Its body.
    pub(crate) body: String,
    /// Whether it waits for its reviewer.
    pub(crate) open: bool,
    /// The branch to merge.
    pub(crate) head: String,
    /// The branch it is merged into.
    pub(crate) base: String,
    /// The names of its labels, sorted.
    pub(crate) labels: Vec<String>,
    /// The texts of its comments.
    pub(crate) comments: Vec<String>,
    /// The commit at its head.
    pub(crate) head_sha: String,
}

impl GitHub {
    /// Starts a stand-in with the bot and one person, and nothing else.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("the socket is bound").port();
        let base = format!("https://127.0.0.1:{port}");
        let root = TempDir::new().expect("the temporary folder is writable");
        let mut state = State::new(root.path().to_owned(), base.clone());
        for (login, kind) in [(BOT, "Bot"), (REVIEWER, "User")] {
            let id = state.fresh_id();
            state.users.insert(login.to_owned(), User { id, kind });
        }
        state.tokens.insert(TOKEN.to_owned(), BOT.to_owned());
        let state = Arc::new(Mutex::new(state));
        let certificates = certificate::make();
        let runtime = server::serve(listener, TlsAcceptor::from(certificates.server), Arc::clone(&state));
        let authority_pem = certificates.authority_pem;
        Self { state, base, authority_pem, finished: false, _runtime: runtime, _root: root }
    }

    /// `https://127.0.0.1:PORT`, for clones.
    pub(crate) fn server_url(&self) -> &str {
        &self.base
    }

    /// The address of the REST API.
    pub(crate) fn api_url(&self) -> String {
        format!("{}/api", self.base)
    }

    /// The address of the Composer repository on the same server.
    pub(crate) fn composer_url(&self) -> String {
        format!("{}/composer", self.base)
    }

    /// The certificate that clients must trust.
    pub(crate) fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// Makes an organisation.
    pub(crate) fn organisation(&self, name: &str) {
        lock(&self.state).organisations.insert(name.to_owned());
    }

    /// Begins a repository; the organisation is made when it is new.
    pub(crate) fn repository(&self, owner: &str, name: &str) -> RepositoryBuilder<'_> {
        if !lock(&self.state).users.contains_key(owner) {
            self.organisation(owner);
        }
        RepositoryBuilder::new(&self.state, owner, name)
    }

    /// Adds a release to the Composer repository.
    pub(crate) fn composer_package(&self, name: &str, version: &str, require: &[(&str, &str)]) {
        let require = require.iter().map(|(name, constraint)| ((*name).to_owned(), (*constraint).to_owned())).collect();
        let release = ComposerPackage { name: name.to_owned(), version: version.to_owned(), require };
        lock(&self.state).composer.push(release);
    }

    /// Makes another token for an account, which is made when it is new.
    pub(crate) fn token(&self, token: &str, login: &str) {
        let mut state = lock(&self.state);
        let id = state.fresh_id();
        state.users.entry(login.to_owned()).or_insert(User { id, kind: "User" });
        state.tokens.insert(token.to_owned(), login.to_owned());
    }

    /// Makes an App's installation token that may write to every repository.
    pub(crate) fn installation_token(&self, token: &str, login: &str) {
        let mut state = lock(&self.state);
        let id = state.fresh_id();
        state.users.insert(login.to_owned(), User { id, kind: "Bot" });
        state.tokens.insert(token.to_owned(), login.to_owned());
        for repo in &mut state.repositories {
            repo.collaborators.insert(login.to_owned(), "write".to_owned());
        }
    }

    /// Refuses to tell installation tokens whose they are.
    pub(crate) fn hide_names_of_apps(&self) {
        lock(&self.state).switches.nameless_apps = true;
    }

    /// Keeps no record of who moved which branch.
    pub(crate) fn forget_who_pushed(&self) {
        lock(&self.state).switches.without_activity = true;
    }

    /// Does not see, once, what was just made.
    pub(crate) fn overlook(&self, unseen: &[Unseen]) {
        lock(&self.state).switches.unseen.extend(unseen);
    }

    /// Answers the next API requests with the secondary rate limit.
    pub(crate) fn limit_next(&self, requests: u32, retry_after: u64) {
        let switches = &mut lock(&self.state).switches;
        (switches.limited, switches.retry_after) = (requests, retry_after);
    }

    /// Answers the next API requests that change something with the secondary rate limit.
    pub(crate) fn limit_next_writes(&self, requests: u32, retry_after: u64) {
        let switches = &mut lock(&self.state).switches;
        (switches.limited_writes, switches.retry_after) = (requests, retry_after);
    }

    /// Makes lists come in pages of at most so many items.
    pub(crate) fn limit_pages(&self, items: usize) {
        lock(&self.state).page_limit = items;
    }

    /// Answers the next API requests 502, before anything happens.
    pub(crate) fn break_next(&self, requests: u32) {
        lock(&self.state).switches.broken = requests;
    }

    /// Does the write with this number from now on, and answers 502 all the same.
    pub(crate) fn lose_answer_of_write(&self, number: u32) {
        lock(&self.state).switches.lost = number;
    }

    /// Renames a repository; its old name redirects.
    pub(crate) fn rename(&self, slug: &str, name: &str) {
        self.change(slug, |repo| {
            let former = std::mem::replace(&mut repo.name, name.to_owned());
            repo.former_names.push(former);
        });
    }

    /// Archives a repository that has been in use.
    pub(crate) fn archive(&self, slug: &str) {
        self.change(slug, |repo| {
            repo.oddities.insert(Oddity::Archived);
        });
    }

    /// Where the log stands now.
    pub(crate) fn mark(&self) -> usize {
        lock(&self.state).log.len()
    }

    /// Every exchange since a mark.
    pub(crate) fn log_since(&self, mark: usize) -> Vec<LogEntry> {
        lock(&self.state).log[mark..].to_vec()
    }

    /// Every request since a mark that asked for a change.
    pub(crate) fn writes_since(&self, mark: usize) -> Vec<LogEntry> {
        self.log_since(mark).into_iter().filter(LogEntry::writes).collect()
    }

    /// Fails the test when something was asked since a mark that changes anything.
    pub(crate) fn assert_no_writes_since(&self, mark: usize) {
        let writes: Vec<String> = self.writes_since(mark).iter().map(ToString::to_string).collect();
        assert!(writes.is_empty(), "expected no write request, got:\n{}", writes.join("\n"));
    }

    /// Every pull request of a repository, open or not, oldest first.
    pub(crate) fn pulls(&self, slug: &str) -> Vec<PullRequest> {
        let mut state = lock(&self.state);
        let index = position(&state, slug);
        state.repositories[index].follow_branches();
        state.repositories[index].issues.iter().filter_map(PullRequest::of).collect()
    }

    /// The only pull request of a repository.
    pub(crate) fn only_pull(&self, slug: &str) -> PullRequest {
        let mut pulls = self.pulls(slug);
        assert_eq!(pulls.len(), 1, "expected one pull request in {slug}, got {pulls:#?}");
        pulls.remove(0)
    }

    /// The labels of a repository.
    pub(crate) fn labels(&self, slug: &str) -> Vec<Label> {
        let state = lock(&self.state);
        state.repositories[position(&state, slug)].labels.clone()
    }

    /// The bytes of a file on a branch.
    pub(crate) fn read(&self, slug: &str, branch: &str, path: &str) -> Option<Vec<u8>> {
        self.disk(slug).read(branch, path)
    }

    /// The text of a file on a branch, which must be there.
    pub(crate) fn text(&self, slug: &str, branch: &str, path: &str) -> String {
        let content = self.read(slug, branch, path).unwrap_or_else(|| panic!("{slug} has no {path} on {branch}"));
        String::from_utf8_lossy(&content).into_owned()
    }

    /// The commit at the tip of a branch.
    pub(crate) fn tip(&self, slug: &str, branch: &str) -> Option<String> {
        self.disk(slug).tip(branch)
    }

    /// The git repository itself.
    pub(crate) fn disk(&self, slug: &str) -> Disk {
        let state = lock(&self.state);
        state.repositories[position(&state, slug)].disk.clone()
    }

    /// A person pushes one file to a branch. Gives the new commit.
    pub(crate) fn push(&self, slug: &str, branch: &str, path: &str, content: &[u8]) -> String {
        self.disk(slug).commit(branch, None, PERSON, &[(path.to_owned(), Entry::File(content.to_vec()))])
    }

    /// A person pushes to a branch at the worst moment: when the bot's next write arrives.
    pub(crate) fn push_at_next_write(&self, slug: &str, branch: &str) {
        let mut state = lock(&self.state);
        let index = position(&state, slug);
        state.switches.push_at_next_write = Some((index, branch.to_owned()));
    }

    /// A person ticks the first open box of a pull request when the bot's next write arrives.
    pub(crate) fn tick_at_next_write(&self, slug: &str, number: u64) {
        let mut state = lock(&self.state);
        let index = position(&state, slug);
        state.switches.tick_at_next_write = Some((index, number));
    }

    /// A person deletes a branch.
    pub(crate) fn delete_branch(&self, slug: &str, branch: &str) {
        self.disk(slug).git(&["update-ref", "-d", &format!("refs/heads/{branch}")]).run();
    }

    /// A person closes a pull request without merging it.
    pub(crate) fn close(&self, slug: &str, number: u64) {
        self.change_issue(slug, number, |issue| (issue.open, issue.closed_by) = (false, Some(REVIEWER.to_owned())));
    }

    /// A person merges a pull request: the base moves to the head.
    pub(crate) fn merge(&self, slug: &str, number: u64) {
        let disk = self.disk(slug);
        self.change_issue(slug, number, |issue| {
            let pull = issue.pull.as_mut().expect("the number is a pull request's");
            disk.git(&["update-ref", &format!("refs/heads/{}", pull.base), &pull.head_sha]).run();
            pull.merged = true;
            (issue.open, issue.closed_by) = (false, Some(REVIEWER.to_owned()));
        });
    }

    /// A person edits the body of a pull request.
    pub(crate) fn edit_body(&self, slug: &str, number: u64, edit: impl FnOnce(&str) -> String) {
        self.change_issue(slug, number, |issue| issue.body = Some(edit(issue.body.as_deref().unwrap_or_default())));
    }

    /// A person edits the title of a pull request.
    pub(crate) fn edit_title(&self, slug: &str, number: u64, title: &str) {
        self.change_issue(slug, number, |issue| title.clone_into(&mut issue.title));
    }

    /// A person takes all labels off a pull request.
    pub(crate) fn remove_labels(&self, slug: &str, number: u64) {
        self.change_issue(slug, number, |issue| issue.labels.clear());
    }

    /// A person makes a branch point at a commit.
    pub(crate) fn force_push(&self, slug: &str, branch: &str, commit: &str) {
        self.disk(slug).git(&["update-ref", &format!("refs/heads/{branch}"), commit]).run();
    }

    /// A person adds a label to a pull request; the repository gets it when it is new.
    pub(crate) fn add_label(&self, slug: &str, number: u64, name: &str) {
        let id = lock(&self.state).fresh_id();
        self.change(slug, |repo| {
            if repo.label(name).is_none() {
                let color = "c5def5".to_owned();
                repo.labels.push(Label { id, name: name.to_owned(), color, description: None });
            }
        });
        self.change_issue(slug, number, |issue| issue.labels.push(name.to_owned()));
    }

    /// A person comments on a pull request.
    pub(crate) fn comment(&self, slug: &str, number: u64, text: &str) {
        let (id, now) = {
            let mut state = lock(&self.state);
            (state.fresh_id(), state.tick())
        };
        let author = REVIEWER.to_owned();
        let comment = Comment { id, author, body: text.to_owned(), created_at: now.clone(), updated_at: now };
        self.change_issue(slug, number, |issue| issue.comments.push(comment));
    }

    /// Requests so far that nothing answers; they are forgotten, so that a test of the stand-in itself can end well.
    pub(crate) fn take_unknown(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state).unknown)
    }

    /// Ends the test: no request may have been left without a route.
    pub(crate) fn finish(mut self) {
        self.finished = true;
        let unknown = self.take_unknown();
        assert!(unknown.is_empty(), "the stand-in for GitHub has no such route:\n{}", unknown.join("\n"));
    }

    fn change(&self, slug: &str, change: impl FnOnce(&mut super::state::Repository)) {
        let mut state = lock(&self.state);
        let index = position(&state, slug);
        change(&mut state.repositories[index]);
    }

    fn change_issue(&self, slug: &str, number: u64, change: impl FnOnce(&mut Issue)) {
        let now = lock(&self.state).tick();
        self.change(slug, |repo| {
            let Ok(issue) = repo.issue(&number.to_string()) else { panic!("{slug} has no #{number}") };
            change(issue);
            issue.updated_at = now;
        });
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        // A second panic while one is under way would abort and hide the first.
        assert!(self.finished || std::thread::panicking(), "call `finish` at the end of the test");
    }
}

impl PullRequest {
    fn of(issue: &Issue) -> Option<Self> {
        let pull = issue.pull.as_ref()?;
        let mut labels = issue.labels.clone();
        labels.sort();
        Some(Self {
            number: issue.number,
            title: issue.title.clone(),
            body: issue.body.clone().unwrap_or_default(),
            open: issue.open,
            head: pull.head.clone(),
            base: pull.base.clone(),
            labels,
            comments: issue.comments.iter().map(|comment| comment.body.clone()).collect(),
            head_sha: pull.head_sha.clone(),
        })
    }
}

/// Where a repository stands; tests name only those that exist.
fn position(state: &State, slug: &str) -> usize {
    let found = state.repositories.iter().position(|repo| repo.slug() == slug);
    found.unwrap_or_else(|| panic!("there is no repository {slug}"))
}
