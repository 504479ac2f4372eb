//! Listing: every file below a folder, its folders listed on every core.

use std::fs::{DirEntry, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::open_without_following;
use crate::model::installed::{MARKER_SIZE_LIMIT, is_cache_mark, is_composers_autoloader, is_virtual_environment};
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, TreeEntry};
use crate::model::unread::{Installer, LeftOut, UnreadReason};

/// A folder may hold this many entries; more is not one project.
const ENTRY_LIMIT: usize = 2_000_000;

/// Deeper folders are not looked into; a path has at most 4,096 bytes anyway.
const DEPTH_LIMIT: usize = 256;

/// The file that marks a folder as a cache (<https://bford.info/cachedir/>): Cargo writes it into `target`.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// What npm, yarn and pnpm write into the `node_modules` of a project: their own record of what they have installed.
const NODE_RECORDS: [&str; 4] = [".package-lock.json", ".yarn-integrity", ".yarn-state.yml", ".modules.yaml"];

/// What stands below a folder, in no order.
#[derive(Default)]
pub(super) struct Listing {
    /// The files and links.
    pub(super) entries: Vec<TreeEntry>,
    /// What cannot be read: a path that is not safe, or a folder, with `/`, that may not be listed.
    pub(super) refused: Vec<String>,
    /// The folders of installed packages and the caches.
    pub(super) left_out: Vec<LeftOut>,
}

/// Lists what is below a folder, without `.git`, the folders of installed packages, and caches such as build output.
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
            found.left_out.extend(level.listing.left_out);
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
        if let Some(reason) = self.reason_to_leave_out(&children) {
            level.listing.left_out.push(LeftOut { folder: format!("{}/", self.inside.display()), reason });
            return Ok(level);
        }
        for child in &children {
            let (name, path) = (child.file_name(), self.inside.join(child.file_name()));
            match child.file_type() {
                // In a linked working folder and in a submodule `.git` is a file.
                _ if name == ".git" => {}
                Ok(kind) if kind.is_dir() => level.folders.push(path),
                Ok(kind) if kind.is_symlink() => level.listing.add(&path, EntryKind::Symlink),
                Ok(kind) if kind.is_file() => {
                    let executable = child.metadata().is_ok_and(|metadata| is_executable(&metadata));
                    level.listing.add(&path, EntryKind::File { executable });
                }
                // Sockets, pipes and devices are nothing a project consists of, unless one has the name of a lockfile. What
                // vanished while we looked is named as not read.
                Ok(_) | Err(_) => level.listing.refuse(&path, ""),
            }
        }
        Ok(level)
    }

    /// Why nothing of the folder is listed: a tool's marker with the content that the tool writes. What git tracks in such
    /// a folder is looked at all the same ([`super::FolderTree`]).
    fn reason_to_leave_out(self, children: &[DirEntry]) -> Option<UnreadReason> {
        // The folder that was named is always looked at.
        let own_name = self.inside.file_name()?;
        let is_file = |name: &str| {
            let named = children.iter().find(|child| child.file_name() == name);
            named.is_some_and(|child| child.file_type().is_ok_and(|kind| kind.is_file()))
        };
        let has = |name: &str, is_genuine: fn(&[u8]) -> bool| {
            is_file(name) && self.marker(name).is_some_and(|content| is_genuine(&content))
        };
        if has(CACHE_MARK, is_cache_mark) {
            return Some(UnreadReason::Cache);
        }
        if has("pyvenv.cfg", is_virtual_environment) {
            return Some(UnreadReason::Installed(Installer::Pip));
        }
        if own_name == "node_modules" && NODE_RECORDS.iter().any(|name| is_file(name)) {
            return Some(UnreadReason::Installed(Installer::Npm));
        }
        // Other tools keep sources of the project's own under this name.
        let is_composers = own_name == "vendor"
            && has("autoload.php", is_composers_autoloader)
            && self.root.join(self.inside).join("composer/installed.json").is_file();
        is_composers.then_some(UnreadReason::Installed(Installer::Composer))
    }

    /// The content of a marker in the folder.
    fn marker(self, name: &str) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let file = open_without_following(&self.root.join(self.inside).join(name)).ok()?;
        file.take(MARKER_SIZE_LIMIT as u64).read_to_end(&mut content).ok()?;
        Some(content)
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
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
pub(super) fn is_executable(_: &Metadata) -> bool {
    false
}
