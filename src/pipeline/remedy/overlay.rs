//! A project's files with changes laid over them, so that what was changed is read by the same extractors.

use std::collections::BTreeMap;

use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{FILE_SIZE_LIMIT, ProjectTree, TreeEntry, TreeError};

/// A project with some files replaced. Files are never added or removed.
pub(crate) struct Overlay<'a> {
    /// The project.
    pub(crate) base: &'a dyn ProjectTree,
    /// The files that are replaced.
    pub(crate) changed: &'a BTreeMap<RepoPath, Vec<u8>>,
}

impl ProjectTree for Overlay<'_> {
    fn entries(&self) -> &[TreeEntry] {
        self.base.entries()
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        match self.changed.get(path) {
            Some(content) if content.len() as u64 > FILE_SIZE_LIMIT => {
                Err(TreeError::TooLarge { path: path.clone(), size: content.len() as u64, limit: FILE_SIZE_LIMIT })
            }
            Some(content) => Ok(content.clone()),
            None => self.base.read(path),
        }
    }

    fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
        self.base.submodule_commit(path)
    }

    fn commit(&self) -> Option<&CommitId> {
        // With changes, these are the files of no commit.
        None
    }
}
