//! Listing: every file below a folder, its folders listed on every core.

use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, TreeEntry};

/// A folder may hold this many entries; more is not one project.
const ENTRY_LIMIT: usize = 2_000_000;

/// Deeper folders are not looked into; a path has at most 4,096 bytes anyway.
const DEPTH_LIMIT: usize = 256;

/// The file that marks a folder as a cache (<https://bford.info/cachedir/>): Cargo writes it into `target`.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// What stands below a folder, in no order.
#[derive(Default)]
pub(super) struct Listing {
    /// The files and links.
    pub(super) entries: Vec<TreeEntry>,
    /// What cannot be read: a path that is not safe, or a folder, with `/`, that may not be listed.
    pub(super) refused: Vec<String>,
}

/// Lists what is below a folder, without `.git`, the folders of installed packages, and build output.
///
/// Level by level: the depth of a hostile folder must not become the depth of our calls.
pub(super) fn list(root: &Path) -> io::Result<Listing> {
    let mut found = Listing::default();
    let seen = AtomicUsize::new(0);
    let mut folders = vec![PathBuf::new()];
    for _ in 0..DEPTH_LIMIT {
        let list = |folder: &PathBuf| Folder { root, inside: folder }.list(&seen);
        let listed: Vec<Level> = match folders.as_slice() {
            // What cannot be listed at all is an error, not a folder that is left out.
            [top] if top.as_os_str().is_empty() => vec![list(top)?],
            // Waking the other cores takes longer than listing one folder.
            [one] => vec![list(one).unwrap_or_else(|_| Level::unreadable(one))],
            many => many.par_iter().map(|one| list(one).unwrap_or_else(|_| Level::unreadable(one))).collect(),
        };
        folders.clear();
        for level in listed {
            found.entries.extend(level.listing.entries);
            found.refused.extend(level.listing.refused);
            folders.extend(level.folders);
        }
        if seen.load(Ordering::Relaxed) > ENTRY_LIMIT {
            return Err(io::Error::other(format!("the folder has more than {ENTRY_LIMIT} entries")));
        }
        if folders.is_empty() {
            return Ok(found);
        }
    }
    for folder in &folders {
        found.refuse(folder, "/");
    }
    Ok(found)
}

/// What stands in one folder.
#[derive(Default)]
struct Level {
    listing: Listing,
    /// The folders in it, to be listed next.
    folders: Vec<PathBuf>,
}

impl Level {
    fn unreadable(folder: &Path) -> Self {
        let mut level = Self::default();
        level.listing.refuse(folder, "/");
        level
    }
}

#[derive(Clone, Copy)]
struct Folder<'a> {
    root: &'a Path,
    /// The folder, from the root.
    inside: &'a Path,
}

impl Folder<'_> {
    /// Lists it; `seen` counts the entries of all folders.
    fn list(self, seen: &AtomicUsize) -> io::Result<Level> {
        // More than may be is told from one entry too many.
        let room = (ENTRY_LIMIT + 1).saturating_sub(seen.load(Ordering::Relaxed));
        let children = std::fs::read_dir(self.root.join(self.inside))?.take(room);
        let children: Vec<DirEntry> = children.collect::<io::Result<_>>()?;
        seen.fetch_add(children.len(), Ordering::Relaxed);
        let mut level = Level::default();
        if self.is_left_out(&children) {
            return Ok(level);
        }
        for child in &children {
            let (name, path) = (child.file_name(), self.inside.join(child.file_name()));
            match child.file_type() {
                // In a linked working folder and in a submodule `.git` is a file.
                _ if name == ".git" => {}
                Ok(kind) if kind.is_dir() && name == "node_modules" => {}
                Ok(kind) if kind.is_dir() => level.folders.push(path),
                Ok(kind) if kind.is_symlink() => level.listing.add(&path, EntryKind::Symlink),
                Ok(kind) if kind.is_file() => {
                    let executable = child.metadata().is_ok_and(|metadata| is_executable(&metadata));
                    level.listing.add(&path, EntryKind::File { executable });
                }
                // Sockets, pipes and devices are nothing a project consists of.
                Ok(_) => {}
                // What vanished while we looked is named as not read.
                Err(_) => level.listing.refuse(&path, ""),
            }
        }
        Ok(level)
    }

    /// Folders of installed packages and build output: what they hold is not pinned by this project.
    fn is_left_out(self, children: &[DirEntry]) -> bool {
        let Some(own_name) = self.inside.file_name() else { return false };
        let has = |name: &str| {
            let named = children.iter().find(|child| child.file_name() == name);
            named.is_some_and(|child| child.file_type().is_ok_and(|kind| kind.is_file()))
        };
        // Composer's vendor folder; other tools keep sources of the project's own under this name.
        let is_installed =
            || has("autoload.php") || self.root.join(self.inside).join("composer/installed.json").is_file();
        has(CACHE_MARK) || own_name == "vendor" && is_installed()
    }
}

impl Listing {
    fn add(&mut self, inside: &Path, kind: EntryKind) {
        match repository_path(inside) {
            Some(path) => self.entries.push(TreeEntry { path, kind }),
            None => self.refuse(inside, ""),
        }
    }

    fn refuse(&mut self, inside: &Path, ending: &str) {
        self.refused.push(format!("{}{ending}", inside.display()));
    }
}

fn repository_path(relative: &Path) -> Option<RepoPath> {
    let components: Option<Vec<&str>> = relative.components().map(|component| component.as_os_str().to_str()).collect();
    RepoPath::new(&components?.join("/")).ok()
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
