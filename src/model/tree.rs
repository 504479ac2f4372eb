//! The files of a project at one point: a git tree or a working folder, read and never executed.

use super::repository::{CommitId, RepoPath};
use super::unread::LeftOut;

/// Files larger than this are refused by name before they are parsed: 32 MiB.
pub const FILE_SIZE_LIMIT: u64 = 32 * 1024 * 1024;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Whether its mode has the executable bit.
        executable: bool,
    },
    /// A symbolic link: never followed.
    Symlink,
    /// A submodule.
    Submodule,
}

/// One path of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// The path from the project's root.
    pub path: RepoPath,
    /// What it is.
    pub kind: EntryKind,
}

/// Names the bytes of a file of one tree: equal names mean equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub Vec<u8>);

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is nothing at the path.
    #[error("find `{path}`")]
    Missing {
        /// The path.
        path: RepoPath,
    },
    /// It is a symbolic link or a submodule.
    #[error("read `{path}`: it is not a regular file")]
    NotAFile {
        /// The path.
        path: RepoPath,
    },
    /// It is larger than the limit.
    #[error("read `{path}`: it has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The path.
        path: RepoPath,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The repository or the folder cannot be read.
    #[error("read `{path}`")]
    Unreadable {
        /// The path.
        path: RepoPath,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The files of a project at one point.
pub trait ProjectTree: Send + Sync {
    /// Every entry below the root, sorted by path.
    fn entries(&self) -> &[TreeEntry];

    /// The content of a regular file of at most [`FILE_SIZE_LIMIT`] bytes.
    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError>;

    /// What stands at a path that is no [`RepoPath`], or could not be listed: it cannot be read, and must not be passed
    /// over in silence. Folders end with `/`; what they hold is not listed.
    fn refused(&self) -> &[String] {
        &[]
    }

    /// The folders of which nothing was listed on purpose, sorted.
    fn left_out(&self) -> &[LeftOut] {
        &[]
    }

    /// The indexes of git that cannot be read, as paths from the root, where they would say what of the folders that were
    /// left out is the project's own; sorted.
    fn unreadable_indexes(&self) -> &[String] {
        &[]
    }

    /// The commit, when the files are those of a commit.
    fn commit(&self) -> Option<&CommitId>;

    /// The commit at which a submodule stands; `None` where nothing tells it.
    fn submodule_commit(&self, _path: &RepoPath) -> Option<CommitId> {
        None
    }

    /// What names the content of a regular file; `None` where nothing does.
    fn content_id(&self, _path: &RepoPath) -> Option<ContentId> {
        None
    }

    /// The size of a regular file in bytes, where that is told without reading it; files of different sizes need not be
    /// compared.
    fn size(&self, _path: &RepoPath) -> Option<u64> {
        None
    }

    /// What stands at `path`.
    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let entries = self.entries();
        let position = entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        entries.get(position).map(|entry| entry.kind)
    }
}
