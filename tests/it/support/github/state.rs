//! State: everything that the stand-in knows, in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::composer::ComposerPackage;
use super::disk::Disk;
use super::exchange::{LogEntry, Reply};
use super::problem;

/// The whole of the stand-in's GitHub.
pub(crate) struct State {
    /// Where the bare repositories are.
    pub(super) root: PathBuf,
    /// `https://127.0.0.1:PORT`.
    pub(super) base: String,
    /// Logins with their kind.
    pub(super) users: BTreeMap<String, User>,
    /// Tokens with the login they stand for.
    pub(super) tokens: BTreeMap<String, String>,
    /// Organisations.
    pub(super) organisations: BTreeSet<String>,
    /// Repositories, in the order they were made.
    pub(super) repositories: Vec<Repository>,
    /// Packages of the Composer repository on the same server.
    pub(super) composer: Vec<ComposerPackage>,
    /// What goes wrong on purpose.
    pub(super) switches: Switches,
    /// Every exchange.
    pub(super) log: Vec<LogEntry>,
    /// Requests that nothing here answers.
    pub(super) unknown: Vec<String>,
    /// The most items of a page: 100, unless a test wants to see more pages.
    pub(super) page_limit: usize,
    /// Requests left in the primary rate limit.
    pub(super) remaining: u32,
    next_id: u64,
    seconds: i64,
}

/// A user or a bot.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// The numeric id.
    pub(super) id: u64,
    /// `User` or `Bot`.
    pub(super) kind: &'static str,
}

/// What goes wrong on purpose, and how often.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    /// So many API requests are answered with the secondary rate limit.
    pub(super) limited: u32,
    /// So many API requests that change something are answered with it.
    pub(super) limited_writes: u32,
    /// What they are told to wait.
    pub(super) retry_after: u64,
    /// So many API requests are answered 502 before anything happens.
    pub(super) broken: u32,
    /// The write with this number from now on is done and answered 502; 0 for none.
    pub(super) lost: u32,
    /// What other machines of GitHub do not see yet, once each.
    pub(super) unseen: BTreeSet<Unseen>,
    /// A person pushes a commit to this branch of this repository the moment the next write arrives.
    pub(super) push_at_next_write: Option<(usize, String)>,
    /// A person ticks the first open box of this pull request the moment the next write arrives.
    pub(super) tick_at_next_write: Option<(usize, u64)>,
    /// The server keeps no record of who moved a branch, as GitHub Enterprise Server did not for long.
    pub(super) without_activity: bool,
    /// Installation tokens may not even ask GraphQL who they are.
    pub(super) nameless_apps: bool,
}

/// What GitHub may not see for a moment after it was made (design: dependabot and others retry these).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unseen {
    /// A tree that a commit names: 422 "Tree SHA does not exist".
    Tree,
    /// A branch that a pull request names: 422 "No commits between".
    Branch,
    /// A pull request that is labelled: 422 "Could not resolve to a node".
    PullRequest,
}

/// A repository.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    /// Names it had before: they redirect.
    pub(super) former_names: Vec<String>,
    pub(super) default_branch: String,
    pub(super) oddities: BTreeSet<Oddity>,
    /// Logins with `read`, `write` or `admin`.
    pub(super) collaborators: BTreeMap<String, String>,
    pub(super) labels: Vec<Label>,
    /// Issues and pull requests: they share their numbers.
    pub(super) issues: Vec<Issue>,
    /// Every move of a reference through the API, oldest first.
    pub(super) moves: Vec<Move>,
    pub(super) disk: Disk,
}

/// A move of a reference. What tests do to the repository itself leaves no such trace, as if it were somebody else's.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(super) id: u64,
    pub(super) reference: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) actor: String,
    pub(super) at: String,
}

/// What may be special about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Oddity {
    /// It is read-only.
    Archived,
    /// It is hidden from those who are not its collaborators.
    Private,
    /// Its git asks for no token, as that of public repositories on a host whose API is not used.
    OpenToAll,
    /// The host has disabled it.
    Disabled,
    /// It has no issues.
    WithoutIssues,
    /// It disappears as soon as a list has named it.
    Vanishes,
    /// It has disappeared.
    Gone,
}

/// A label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: Option<String>,
}

/// An issue, or the part of a pull request that is an issue.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) open: bool,
    pub(crate) author: String,
    /// Who closed it.
    pub(crate) closed_by: Option<String>,
    /// Names of the repository's labels, in the order they were added.
    pub(crate) labels: Vec<String>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) pull: Option<Pull>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

/// What makes an issue a pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    /// The branch to merge.
    pub(crate) head: String,
    /// The branch it is merged into.
    pub(crate) base: String,
    pub(crate) merged: bool,
    pub(crate) draft: bool,
    /// The tip of the head as it was last seen: it outlives the branch.
    pub(crate) head_sha: String,
}

/// A comment.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl State {
    pub(super) fn new(root: PathBuf, base: String) -> Self {
        Self {
            root,
            base,
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            organisations: BTreeSet::new(),
            repositories: Vec::new(),
            composer: Vec::new(),
            switches: Switches::default(),
            log: Vec::new(),
            unknown: Vec::new(),
            page_limit: 100,
            remaining: 5000,
            next_id: 1000,
            seconds: 0,
        }
    }

    /// A number that nothing else has.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The stand-in's clock: it moves by a second whenever something is written, so that runs are alike.
    pub(super) fn tick(&mut self) -> String {
        self.seconds += 1;
        let start: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().expect("a constant time");
        (start + jiff::SignedDuration::from_secs(self.seconds)).to_string()
    }

    /// The address of the REST API.
    pub(super) fn api(&self) -> String {
        format!("{}/api", self.base)
    }

    /// The repository `owner/name` as `login` may see it: its index, a redirect after a rename, or 404.
    pub(super) fn find(&self, owner: &str, name: &str, login: Option<&str>) -> Result<usize, Reply> {
        let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
        let position = self.repositories.iter().position(|repo| same(&repo.owner, owner) && same(&repo.name, name));
        if let Some(index) = position {
            return if self.repositories[index].is_visible_to(login) { Ok(index) } else { Err(problem::not_found()) };
        }
        let former =
            |repo: &&Repository| same(&repo.owner, owner) && repo.former_names.iter().any(|former| same(former, name));
        match self.repositories.iter().find(former) {
            Some(repo) if repo.is_visible_to(login) => Err(self.moved(repo)),
            Some(_) | None => Err(problem::not_found()),
        }
    }

    /// 301 to the address by id; the router appends the rest of the path.
    fn moved(&self, repo: &Repository) -> Reply {
        let target = format!("{}/repositories/{}", self.api(), repo.id);
        let body = serde_json::json!({ "message": "Moved Permanently", "url": target });
        Reply::json(301, &body).with_header("location", target)
    }
}

impl Repository {
    /// `owner/name`.
    pub(super) fn slug(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(super) fn is(&self, oddity: Oddity) -> bool {
        self.oddities.contains(&oddity)
    }

    pub(super) fn is_visible_to(&self, login: Option<&str>) -> bool {
        !self.is(Oddity::Gone)
            && (!self.is(Oddity::Private) || login.is_some_and(|login| self.collaborators.contains_key(login)))
    }

    /// Why a write is refused, if it is.
    pub(super) fn refuses_writes_of(&self, login: Option<&str>) -> Option<Reply> {
        let Some(login) = login else { return Some(problem::message(401, "Requires authentication")) };
        let permission = self.collaborators.get(login).map_or("none", String::as_str);
        if !matches!(permission, "write" | "admin") {
            Some(problem::read_only_token())
        } else if self.is(Oddity::Archived) {
            Some(problem::archived())
        } else {
            self.is(Oddity::Disabled).then(problem::disabled)
        }
    }

    /// The issue or pull request with a number, or 404.
    pub(super) fn issue(&mut self, number: &str) -> Result<&mut Issue, Reply> {
        let wanted = number.parse::<u64>().map_err(|_| problem::not_found())?;
        self.issues.iter_mut().find(|issue| issue.number == wanted).ok_or_else(problem::not_found)
    }

    /// The next number of an issue or pull request.
    pub(super) fn next_number(&self) -> u64 {
        self.issues.len() as u64 + 1
    }

    /// The label with a name; names are compared without case.
    pub(super) fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// Writes down who moved a reference.
    pub(super) fn note_move(&mut self, one: Move) {
        self.moves.push(one);
    }

    /// Looks at the branches: open pull requests follow their heads, and are closed when the head is deleted.
    pub(super) fn follow_branches(&mut self) {
        for issue in &mut self.issues {
            let Some(pull) = issue.pull.as_mut().filter(|_| issue.open) else { continue };
            match self.disk.tip(&pull.head) {
                Some(tip) => pull.head_sha = tip,
                None => issue.open = false,
            }
        }
    }
}
