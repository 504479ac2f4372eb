//! GitHub's lockfile of actions: which commit stands behind each `uses:` (<https://gh.io/actions-lockfile>, v0.0.1 and v0.0.2).

use std::collections::{BTreeMap, BTreeSet};

use super::yaml::Node;
use super::{ParseError, SourceFile, check_package_count};
use crate::model::repository::{CommitId, RepoPath};

/// Where it is.
pub(in crate::extractor) const PATH: &str = ".github/workflows/actions.lock";

/// An action at a commit.
pub(in crate::extractor) struct LockedAction {
    /// `owner/name`. Untrusted.
    pub(in crate::extractor) name: String,
    /// The tag or branch that the commit was found by. Untrusted.
    pub(in crate::extractor) reference: String,
    /// The commit.
    pub(in crate::extractor) commit: CommitId,
    /// The line, from 1.
    pub(in crate::extractor) line: u32,
}

/// The lockfile.
pub(in crate::extractor) struct ActionsLock {
    /// The actions that each workflow uses, by its path.
    workflows: BTreeMap<String, BTreeSet<String>>,
    actions: BTreeMap<String, LockedAction>,
    /// The actions that other actions use.
    used: BTreeSet<String>,
}

impl ActionsLock {
    /// Reads the text.
    pub(in crate::extractor) fn read(text: &str) -> Result<Self, ParseError> {
        let mut documents = Node::documents(text)?;
        let root = documents.pop().filter(|root| documents.is_empty() && root.is_map());
        let root = root.ok_or_else(|| ParseError::new("find keys at its top").at_line(1))?;
        let version = root.text_at("version").unwrap_or_default();
        if !matches!(version, "v0.0.1" | "v0.0.2") {
            let line = root.get("version").map_or(1, |version| version.line);
            let message = format!("read it: its version is `{}`, v0.0.1 and v0.0.2 are read", version.escape_debug());
            return Err(ParseError::new(message).at_line(line));
        }
        let mut lock = Self { workflows: BTreeMap::new(), actions: BTreeMap::new(), used: BTreeSet::new() };
        for workflow in root.get("workflows").map_or(&[][..], Node::members) {
            let pins = workflow.value.items().iter().filter_map(Node::text).map(key);
            lock.workflows.insert(workflow.key.clone().into_owned(), pins.collect());
        }
        let actions = root.get("dependencies").map_or(&[][..], Node::members);
        check_package_count(actions.len())?;
        for action in actions {
            let fault = |what: &str| {
                let message = format!("read it: `{}` has no {what}", action.key.escape_debug());
                ParseError::new(message).at_line(action.line)
            };
            let (name, asked) = action.key.split_once('@').ok_or_else(|| fault("reference"))?;
            let commit = action.value.text_at("commit").and_then(|text| text.split_once('-'));
            let commit = commit.and_then(|(_, digits)| CommitId::new(digits).ok()).ok_or_else(|| fault("commit"))?;
            let found_by = ["ref", "tag", "branch"].into_iter().find_map(|key| action.value.text_at(key));
            let asked = asked.split(':').next().unwrap_or(asked);
            let (name, reference) = (name.to_owned(), found_by.unwrap_or(asked).to_owned());
            lock.actions.insert(key(&action.key), LockedAction { name, reference, commit, line: action.line });
            let used = action.value.get("uses").map_or(&[][..], Node::items);
            lock.used.extend(used.iter().filter_map(Node::text).map(key));
        }
        Ok(lock)
    }

    /// The lockfile of a workflow's repository; `None` where there is none, and where it cannot be read, which is said of
    /// the file itself.
    pub(in crate::extractor) fn of(file: &SourceFile<'_>) -> Option<Self> {
        let content = file.tree.read(&RepoPath::new(PATH).ok()?).ok()?;
        Self::read(std::str::from_utf8(&content).ok()?).ok()
    }

    /// What stands behind `owner/name@reference` in a workflow.
    pub(in crate::extractor) fn pin(&self, workflow: &RepoPath, uses: &str) -> Option<&LockedAction> {
        let key = key(uses);
        let pins = self.workflows.get(workflow.as_str())?;
        self.actions.get(&key).filter(|_| pins.contains(&key))
    }

    /// What only other actions use: no workflow has a line about it.
    pub(in crate::extractor) fn used_by_actions(&self) -> Vec<&LockedAction> {
        let mut found: Vec<_> = self.used.iter().filter_map(|key| self.actions.get(key)).collect();
        found.sort_by_key(|action| action.line);
        found
    }
}

/// `owner/name@reference`, without the digest that v0.0.1 adds; GitHub ignores the case of names.
fn key(pin: &str) -> String {
    let (name, reference) = pin.split_once('@').unwrap_or((pin, ""));
    let digest = [":sha1-", ":sha256-"].into_iter().find_map(|mark| reference.find(mark));
    format!("{}@{}", name.to_ascii_lowercase(), reference.get(..digest.unwrap_or(reference.len())).unwrap_or_default())
}
