//! Tracked: what git says is the project's own in the folders that a listing has left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{listing, own_repository};
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, TreeEntry};
use crate::model::unread::LeftOut;

/// An index of two million files, which is more than one project has, takes less.
const INDEX_SIZE_LIMIT: u64 = 512 * 1024 * 1024;

/// What is found in folders that were left out. Every repository that such a folder lies in is asked, and not only the
/// nearest: a project may be audited from one of its own folders, and one that stands in between must hide nothing.
#[derive(Default)]
pub(super) struct Tracked {
    /// By the folder of the working tree.
    repositories: BTreeMap<PathBuf, Claim>,
    entries: BTreeMap<RepoPath, EntryKind>,
    refused: BTreeSet<String>,
    unreadable: BTreeSet<String>,
}

/// What a folder is to git.
enum Claim {
    /// Not the top of a working tree.
    None,
    /// One, whose tracked files cannot be told.
    Unreadable,
    /// One with these tracked files.
    Readable(gix::worktree::Index),
}

impl Claim {
    fn of(top: &Path) -> Self {
        let data = top.join(".git");
        let Ok(metadata) = data.symlink_metadata() else { return Self::None };
        // Git itself goes on upwards from a folder of this name that is no repository.
        let is_repository = || {
            data.join("HEAD").symlink_metadata().is_ok() && data.join("objects").is_dir() && data.join("refs").is_dir()
        };
        if metadata.is_dir() && !is_repository() {
            return Self::None;
        }
        Self::read(top).map_or(Self::Unreadable, Self::Readable)
    }

    /// The index of the repository at `top`, if its data are its own.
    fn read(top: &Path) -> Option<gix::worktree::Index> {
        let repository = own_repository(top)?;
        match repository.index_path().metadata() {
            // A pipe would keep us waiting.
            Ok(metadata) if metadata.is_file() && metadata.len() <= INDEX_SIZE_LIMIT => {}
            // Nothing was ever added.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && repository.head_id().is_err() => {}
            Ok(_) | Err(_) => return None,
        }
        repository.index_or_empty().ok()
    }
}

impl Tracked {
    /// Finds what is tracked in a folder that was left out, as it stands on the disk below `root`.
    pub(super) fn look_into(&mut self, root: &Path, left_out: &LeftOut) {
        // The name of the folder is not the one on the disk: nobody could say what is tracked in it.
        if left_out.folder.contains(char::REPLACEMENT_CHARACTER) {
            self.refused.insert(left_out.folder.clone());
            return;
        }
        let folder = root.join(left_out.folder.trim_end_matches('/'));
        for top in folder.ancestors() {
            match self.repositories.entry(top.to_owned()).or_insert_with(|| Claim::of(top)) {
                Claim::None => {}
                Claim::Unreadable => {
                    self.unreadable.insert(seen_from(root, top));
                }
                Claim::Readable(index) => {
                    let (paths, refused) = listed(index, &folder, top);
                    self.refused.extend(refused.into_iter().map(|path| format!("{}{path}", left_out.folder)));
                    for path in paths {
                        self.add(root, &format!("{}{path}", left_out.folder));
                    }
                }
            }
        }
    }

    fn add(&mut self, root: &Path, path: &str) {
        // It may have been deleted, which is not committed yet.
        let Ok(metadata) = root.join(path).symlink_metadata() else { return };
        let kind = match () {
            () if metadata.is_symlink() => EntryKind::Symlink,
            () if metadata.is_file() => EntryKind::File { executable: listing::is_executable(&metadata) },
            () => return,
        };
        match RepoPath::new(path) {
            Ok(path) => _ = self.entries.insert(path, kind),
            Err(_) => _ = self.refused.insert(path.to_owned()),
        }
    }

    /// The files and links; the paths that cannot be read; and the indexes that cannot, as they are seen from the root.
    pub(super) fn finish(self) -> (Vec<TreeEntry>, BTreeSet<String>, Vec<String>) {
        let entries = self.entries.into_iter().map(|(path, kind)| TreeEntry { path, kind });
        (entries.collect(), self.refused, self.unreadable.into_iter().collect())
    }
}

/// The paths from `folder` of what an index has below it; those that are no text apart.
fn listed(index: &gix::worktree::Index, folder: &Path, top: &Path) -> (Vec<String>, Vec<String>) {
    let Some(prefix) = folder.strip_prefix(top).ok().and_then(Path::to_str) else { return Default::default() };
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let entries = index.prefixed_entries(prefix.as_str().into()).unwrap_or_default();
    let (mut paths, mut refused) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.path(index).get(prefix.len()..).unwrap_or_default();
        match std::str::from_utf8(path) {
            Ok(path) => paths.push(path.to_owned()),
            Err(_) => refused.push(String::from_utf8_lossy(path).into_owned()),
        }
    }
    (paths, refused)
}

/// The index of the repository at `top`, as a path from the root, which may lie below it.
fn seen_from(root: &Path, top: &Path) -> String {
    match (top.strip_prefix(root), root.strip_prefix(top)) {
        (Ok(inside), _) => inside.join(".git/index").display().to_string(),
        (Err(_), Ok(above)) => format!("{}.git/index", "../".repeat(above.components().count())),
        (Err(_), Err(_)) => ".git/index".to_owned(),
    }
}
