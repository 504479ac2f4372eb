//! A tree that gives no more bytes, and for no longer, than the checks of one repository may read.
//!
//! They read manifests, which no other limit counts: a manifest of 32 MiB that git keeps once may stand at a thousand paths.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::config::policy::Limits;
use crate::model::report::Problem;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{ContentId, EntryKind, ProjectTree, TreeEntry, TreeError};
use crate::model::unread::LeftOut;

/// Several checks read the same files.
const READINGS: u64 = 8;

/// Passes reading on until the limit.
pub(crate) struct Metered<'a> {
    tree: &'a dyn ProjectTree,
    limits: &'a Limits,
    deadline: Instant,
    bytes: AtomicU64,
    refused: AtomicUsize,
}

/// The budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("the limits of the repository are used up")]
struct UsedUp;

impl<'a> Metered<'a> {
    pub(crate) fn new(tree: &'a dyn ProjectTree, limits: &'a Limits, deadline: Instant) -> Self {
        Self { tree, limits, deadline, bytes: AtomicU64::new(0), refused: AtomicUsize::new(0) }
    }

    /// What was not read.
    pub(crate) fn problem(&self) -> Option<Problem> {
        const HINT: &str = "exclude what is no part of the project, or raise the limit under [limits] of the \
            organisation's policy";
        let refused = self.refused.load(Ordering::Relaxed);
        let (mebibytes, seconds) = (self.limits.mebibytes.saturating_mul(READINGS), self.limits.time.as_secs());
        let message = format!(
            "check all files: {refused} readings of manifests were left out, the repository takes more than {mebibytes} MiB \
             of them (8 times `mebibytes`) or longer than {seconds} s (`time`)"
        );
        (refused > 0).then(|| Problem::new(message, Some(HINT)))
    }
}

impl ProjectTree for Metered<'_> {
    fn entries(&self) -> &[TreeEntry] {
        self.tree.entries()
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        let limit = self.limits.bytes().saturating_mul(READINGS);
        if self.bytes.load(Ordering::Relaxed) > limit || Instant::now() > self.deadline {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(TreeError::Unreadable { path: path.clone(), source: Box::new(UsedUp) });
        }
        let content = self.tree.read(path)?;
        self.bytes.fetch_add(u64::try_from(content.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(content)
    }

    fn refused(&self) -> &[String] {
        self.tree.refused()
    }

    fn left_out(&self) -> &[LeftOut] {
        self.tree.left_out()
    }

    fn unreadable_indexes(&self) -> &[String] {
        self.tree.unreadable_indexes()
    }

    fn commit(&self) -> Option<&CommitId> {
        self.tree.commit()
    }

    fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
        self.tree.submodule_commit(path)
    }

    fn content_id(&self, path: &RepoPath) -> Option<ContentId> {
        self.tree.content_id(path)
    }

    fn size(&self, path: &RepoPath) -> Option<u64> {
        self.tree.size(path)
    }

    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        self.tree.kind(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::folder::FolderTree;

    #[test]
    fn what_is_read_has_a_limit_of_bytes_and_of_time() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("package.json"), vec![b' '; 1024 * 1024]).expect("a file");
        let tree = FolderTree::open(folder.path()).expect("a folder");
        let path = RepoPath::new("package.json").expect("a plain path");
        let limits = Limits { mebibytes: 1, ..crate::config::policy::Policy::default().limits };
        let later = Instant::now() + limits.time;
        let metered = Metered::new(&tree, &limits, later);
        let read = (0..20).filter(|_| metered.read(&path).is_ok()).count();
        assert_eq!(read, 9, "the limit is looked at before each reading");
        let problem = metered.problem().expect("something was left out");
        assert!(problem.message.starts_with("check all files: 11 readings"), "{}", problem.message);
        let late = Metered::new(&tree, &limits, Instant::now());
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(late.read(&path).is_err() && late.problem().is_some());
        assert!(Metered::new(&tree, &limits, later).problem().is_none());
    }
}
