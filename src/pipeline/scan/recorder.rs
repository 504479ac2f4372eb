//! A tree that remembers what an extractor looked at beside its file, so that the same file elsewhere need not be read
//! again where everything beside it is the same.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{ContentId, EntryKind, ProjectTree, TreeEntry, TreeError};
use crate::model::unread::LeftOut;

/// What was looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    /// The paths that were read, or asked about.
    paths: BTreeSet<RepoPath>,
    /// Whether the paths of the project were listed.
    listed: bool,
    /// Whether something was asked that has another answer in every folder.
    particular: bool,
}

/// Passes everything on to a tree and notes it.
pub(super) struct Recorder<'a> {
    tree: &'a dyn ProjectTree,
    looks: Mutex<Looks>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(tree: &'a dyn ProjectTree) -> Self {
        Self { tree, looks: Mutex::default() }
    }

    /// What was looked at so far.
    pub(super) fn into_looks(self) -> Looks {
        self.looks.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, what: impl FnOnce(&mut Looks)) {
        what(&mut self.looks.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ProjectTree for Recorder<'_> {
    fn entries(&self) -> &[TreeEntry] {
        self.note(|looks| looks.listed = true);
        self.tree.entries()
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        self.note(|looks| {
            looks.paths.insert(path.clone());
        });
        self.tree.read(path)
    }

    fn refused(&self) -> &[String] {
        self.note(|looks| looks.particular = true);
        self.tree.refused()
    }

    fn left_out(&self) -> &[LeftOut] {
        self.note(|looks| looks.particular = true);
        self.tree.left_out()
    }

    fn unreadable_indexes(&self) -> &[String] {
        self.note(|looks| looks.particular = true);
        self.tree.unreadable_indexes()
    }

    fn commit(&self) -> Option<&CommitId> {
        // The same for all files of a project.
        self.tree.commit()
    }

    fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
        self.note(|looks| looks.particular = true);
        self.tree.submodule_commit(path)
    }

    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        self.note(|looks| {
            looks.paths.insert(path.clone());
        });
        self.tree.kind(path)
    }

    fn content_id(&self, path: &RepoPath) -> Option<ContentId> {
        self.tree.content_id(path)
    }

    fn size(&self, path: &RepoPath) -> Option<u64> {
        self.tree.size(path)
    }
}

impl Looks {
    /// Whether an extractor that has read the file at `first` would see the same beside an equal file at `other`.
    ///
    /// What it read outside of the folder of the file is beside neither in the same way: then the answer is no.
    pub(super) fn are_the_same_at(&self, tree: &dyn ProjectTree, first: &RepoPath, other: &RepoPath) -> bool {
        let (here, there) = (first.folder(), other.folder());
        let is_same = |path: &RepoPath| {
            let Some(inner) = below(path, here) else { return false };
            let Ok(moved) = other.sibling(inner) else { return false };
            let kind = tree.kind(path);
            kind == tree.kind(&moved)
                && match kind {
                    Some(EntryKind::File { .. }) => {
                        let content = tree.content_id(path);
                        content.is_some() && content == tree.content_id(&moved)
                    }
                    // Neither is read.
                    Some(EntryKind::Symlink | EntryKind::Submodule) | None => true,
                }
        };
        !self.particular
            && self.paths.iter().all(is_same)
            && (!self.listed || listing(tree, here).eq(listing(tree, there)))
    }
}

/// A path as seen from a folder (empty: the root) that it is in.
fn below<'a>(path: &'a RepoPath, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path.as_str());
    }
    path.as_str().strip_prefix(folder)?.strip_prefix('/')
}

/// What stands in a folder, as seen from it.
fn listing<'a>(tree: &'a dyn ProjectTree, folder: &'a str) -> impl Iterator<Item = (&'a str, EntryKind)> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let entries = tree.entries();
    let start = entries.partition_point(|entry| entry.path.as_str() < prefix.as_str());
    let inside = entries.get(start..).unwrap_or_default().iter();
    inside.map_while(move |entry| Some((entry.path.as_str().strip_prefix(prefix.as_str())?, entry.kind)))
}
