//! The builder of repositories: what a test says about one, committed by git in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::disk::{Disk, Entry};
use super::router::lock;
use super::smart_http;
use super::standin::{BOT, REVIEWER};
use super::state::{Oddity, Repository, State};
use crate::support::git::PERSON;

/// A repository that is being described. It exists once [`RepositoryBuilder::commit`] or [`RepositoryBuilder::empty`] is
/// called.
pub(crate) struct RepositoryBuilder<'a> {
    state: &'a Mutex<State>,
    owner: String,
    name: String,
    default_branch: String,
    entries: Vec<(String, Entry)>,
    branches: Vec<(String, Vec<(String, Entry)>)>,
    oddities: BTreeSet<Oddity>,
    permission: Option<&'static str>,
}

impl<'a> RepositoryBuilder<'a> {
    pub(super) fn new(state: &'a Mutex<State>, owner: &str, name: &str) -> Self {
        Self {
            state,
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: "main".to_owned(),
            entries: Vec::new(),
            branches: Vec::new(),
            oddities: BTreeSet::new(),
            permission: Some("write"),
        }
    }

    /// Puts a file on the default branch.
    pub(crate) fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.entries.push((path.to_owned(), Entry::File(content.into())));
        self
    }

    /// Puts files on the default branch.
    pub(crate) fn files(mut self, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        self.entries.extend(files.into_iter().map(|(path, content)| (path, Entry::File(content))));
        self
    }

    /// Puts a symbolic link on the default branch.
    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.entries.push((path.to_owned(), Entry::Symlink(target.to_owned())));
        self
    }

    /// Names the default branch; otherwise it is `main`.
    pub(crate) fn default_branch(mut self, name: &str) -> Self {
        name.clone_into(&mut self.default_branch);
        self
    }

    /// Adds a branch: one commit with these files on top of the default branch.
    pub(crate) fn branch(mut self, name: &str, files: &[(&str, &[u8])]) -> Self {
        let entries = files.iter().map(|(path, content)| ((*path).to_owned(), Entry::File(content.to_vec()))).collect();
        self.branches.push((name.to_owned(), entries));
        self
    }

    /// Makes it read-only.
    pub(crate) fn archived(self) -> Self {
        self.is(Oddity::Archived)
    }

    /// Hides it from those who are not its collaborators.
    pub(crate) fn private(self) -> Self {
        self.is(Oddity::Private)
    }

    /// Lets everyone clone it, without a token.
    pub(crate) fn open_to_all(self) -> Self {
        self.is(Oddity::OpenToAll)
    }

    /// Has it disabled by the host.
    pub(crate) fn disabled(self) -> Self {
        self.is(Oddity::Disabled)
    }

    /// Turns its issues off.
    pub(crate) fn without_issues(self) -> Self {
        self.is(Oddity::WithoutIssues)
    }

    /// Makes it disappear once a list has named it.
    pub(crate) fn vanishes_after_listing(self) -> Self {
        self.is(Oddity::Vanishes)
    }

    fn is(mut self, oddity: Oddity) -> Self {
        self.oddities.insert(oddity);
        self
    }

    /// Gives the bot no more than `read`, or with `None` nothing: then only a public repository is visible to it.
    pub(crate) fn bot_permission(mut self, permission: Option<&'static str>) -> Self {
        self.permission = permission;
        self
    }

    /// Makes it without any commit.
    pub(crate) fn empty(self) {
        self.create();
    }

    /// Makes it, with one commit on the default branch. Gives that commit.
    pub(crate) fn commit(self) -> String {
        let (entries, branches) = (self.entries.clone(), self.branches.clone());
        let default = self.default_branch.clone();
        let disk = self.create();
        let commit = disk.commit(&default, None, PERSON, &entries);
        for (branch, entries) in branches {
            disk.commit(&branch, Some(&default), PERSON, &entries);
        }
        commit
    }

    fn create(self) -> Disk {
        let mut state = lock(self.state);
        let id = state.fresh_id();
        let disk = Disk::create(&smart_http::folder(&state.root, id), &self.default_branch);
        let mut collaborators = BTreeMap::from([(REVIEWER.to_owned(), "admin".to_owned())]);
        collaborators.extend(self.permission.map(|permission| (BOT.to_owned(), permission.to_owned())));
        state.repositories.push(Repository {
            id,
            owner: self.owner,
            name: self.name,
            former_names: Vec::new(),
            default_branch: self.default_branch,
            oddities: self.oddities,
            collaborators,
            labels: Vec::new(),
            issues: Vec::new(),
            moves: Vec::new(),
            disk: disk.clone(),
        });
        disk
    }
}
