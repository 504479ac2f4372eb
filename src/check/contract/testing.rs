//! A project in memory, for the tests of checks.

use std::collections::BTreeMap;

use super::{Check, CheckContext};
use crate::advisory::AdvisoryDatabase;
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::Finding;
use crate::model::lockfile::Lockfile;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{EntryKind, ProjectTree, TreeEntry, TreeError};

/// Files by path.
pub(in crate::check) struct Files {
    entries: Vec<TreeEntry>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl Files {
    /// A project of these files.
    pub(in crate::check) fn new(files: &[(&str, &str)]) -> Self {
        let contents: BTreeMap<_, _> =
            files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), text.as_bytes().to_vec())).collect();
        let kind = EntryKind::File { executable: false };
        let entries = contents.keys().map(|path| TreeEntry { path: path.clone(), kind }).collect();
        Self { entries, contents }
    }
}

impl ProjectTree for Files {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        self.contents.get(path).cloned().ok_or_else(|| TreeError::Missing { path: path.clone() })
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}

/// What a check finds in files and lockfiles on 2026-11-21.
pub(in crate::check) fn inspect(check: &dyn Check, files: &[(&str, &str)], lockfiles: &[Lockfile]) -> Vec<Finding> {
    check.inspect(&CheckContext {
        tree: &Files::new(files),
        lockfiles,
        advisories: &AdvisoryDatabase::default(),
        today: jiff::civil::date(2026, 11, 21),
        effort: &crate::check::contract::effort::Effort::default(),
    })
}

/// The lockfile `file`, with these dependencies.
pub(in crate::check) fn lockfile(file: &str, dependencies: Vec<Dependency>) -> Lockfile {
    Lockfile::new(RepoPath::new(file).unwrap(), "test", dependencies)
}

/// An image as a file writes it: `nginx:1.27@sha256:…`.
pub(in crate::check) fn image(reference: &str) -> Dependency {
    let (rest, digest) = reference.split_once('@').map_or((reference, None), |(rest, digest)| (rest, Some(digest)));
    let (name, tag) = rest.rsplit_once(':').map_or((rest, None), |(name, tag)| (name, Some(tag)));
    Dependency {
        origin: Origin::Image { tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) },
        direct: true,
        ..Dependency::new(Ecosystem::Docker, name, tag.or(digest).unwrap_or("latest"), 1)
    }
}
