//! Lockfiles that a project's configuration names: the tool goes by these, and whatever stands under the usual name is a
//! decoy for whoever does not look. What is named is read as the format it is; what the tool passes over is read as well,
//! because another configuration may use it, and is told as what it is.

use std::collections::{BTreeMap, BTreeSet};

use super::installed::Installed;
use super::{Claim, unreadable};
use crate::extractor::{Configured, EXTRACTORS, Extractor, LockfileChoice, SourceFile};
use crate::model::report::{Problem, Remark};
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

/// Longer names are cut in what is said.
const NAME: usize = 80;

const COMPUTED: &str = "write its path as plain text, so that it can be read, or call it by its usual name";
const ABSENT: &str = "call it by its usual name, or commit it under the one that is named";

/// What the configurations of a project say.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The lockfiles that are named, each with the format it is in.
    pub(super) claims: Vec<Claim<'a>>,
    /// What is named and cannot be read.
    pub(super) problems: Vec<Problem>,
    /// The lockfiles that are not in use.
    pub(super) remarks: Vec<Remark>,
}

/// Asks every configuration of the project's own for the lockfiles that it names, up to so many bytes of them.
pub(super) fn find<'a>(tree: &'a dyn ProjectTree, installed: &Installed<'_>, limit: u64) -> Found<'a> {
    let mut found = Found::default();
    let mut left = limit;
    // What is in use by one configuration is no decoy for another.
    let mut used: BTreeSet<RepoPath> = BTreeSet::new();
    let mut passed_over: BTreeMap<RepoPath, Remark> = BTreeMap::new();
    for entry in tree.entries() {
        let path = &entry.path;
        let asked: Vec<&'static dyn Extractor> =
            EXTRACTORS.iter().filter(|extractor| extractor.is_configured_by(path)).copied().collect();
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        if asked.is_empty() || !is_file || installed.installer_of(path).is_some() {
            continue;
        }
        let content = match tree.read(path) {
            Ok(content) => content,
            Err(error) => {
                found.problems.push(unreadable(path, &error));
                continue;
            }
        };
        let Some(rest) = left.checked_sub(u64::try_from(content.len()).unwrap_or(u64::MAX)) else {
            found.problems.push(too_many(path, limit));
            break;
        };
        left = rest;
        let file = SourceFile { path, content: &content, tree };
        for extractor in asked {
            for said in extractor.configured(&file) {
                if let Some((usual, remark)) = found.take((path, extractor), said, tree, &mut used) {
                    passed_over.entry(usual).or_insert(remark);
                }
            }
        }
    }
    found.remarks = passed_over.into_iter().filter(|(usual, _)| !used.contains(usual)).map(|(_, it)| it).collect();
    found
}

impl<'a> Found<'a> {
    /// Takes what one configuration says; gives the lockfile that is not in use because of it.
    fn take(
        &mut self,
        (configuration, extractor): (&RepoPath, &'static dyn Extractor),
        said: Configured,
        tree: &'a dyn ProjectTree,
        used: &mut BTreeSet<RepoPath>,
    ) -> Option<(RepoPath, Remark)> {
        let Configured { line, usual, choice } = said;
        let problem = |message: String, hint: &str| Problem {
            file: Some(configuration.clone()),
            line: Some(line),
            message,
            hint: Some(hint.to_owned()),
        };
        let instead = match choice {
            LockfileChoice::File(path) => {
                used.insert(path.clone());
                if usual.as_ref() == Some(&path) {
                    return None;
                }
                let is_file = matches!(tree.kind(&path), Some(EntryKind::File { .. }));
                let entry = tree.entries().binary_search_by(|entry| entry.path.cmp(&path)).ok();
                match entry.and_then(|position| tree.entries().get(position)).filter(|_| is_file) {
                    Some(entry) => self.claims.push(Claim { entry, extractors: vec![extractor] }),
                    None => self.problems.push(problem(no_such_file(path.as_str(), configuration), ABSENT)),
                }
                format!("names `{}`", shown(path.as_str()))
            }
            LockfileChoice::Outside(written) => {
                let message = format!(
                    "read the lockfile `{}` that `{configuration}` names: it is outside of the project",
                    shown(&written)
                );
                self.problems.push(problem(message, ABSENT));
                format!("names `{}`", shown(&written))
            }
            LockfileChoice::Computed(written) => {
                let message = format!(
                    "tell which lockfile `{configuration}` names: `{}` is computed when the tool runs",
                    shown(&written)
                );
                self.problems.push(problem(message, COMPUTED));
                return None;
            }
            LockfileChoice::Off => "turns lockfiles off".to_owned(),
        };
        let usual = usual.filter(|usual| tree.kind(usual).is_some())?;
        let place = format!("{configuration}:{line}");
        let message = format!("`{usual}` is not the lockfile in use: this {instead}");
        Some((usual, Remark { place, message }))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(NAME).collect::<String>().escape_debug().to_string()
}

fn no_such_file(name: &str, configuration: &RepoPath) -> String {
    format!("read the lockfile `{}` that `{configuration}` names: there is no such file", shown(name))
}

fn too_many(path: &RepoPath, limit: u64) -> Problem {
    let message =
        format!("look for lockfiles that `{path}` and the files behind it name: they have more than {limit} bytes");
    Problem::new(message, Some("exclude what is no part of the project, or raise `mebibytes` under [limits]"))
}
