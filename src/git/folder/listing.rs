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
pub(super) fn list(root: &Path) -> io::Result<Listing> {
    let walk = Walk { root, seen: AtomicUsize::new(0) };
    let children = walk.children(Path::new(""))?;
    walk.list(&children, 1)
}

struct Walk<'a> {
    root: &'a Path,
    /// How many entries were seen.
    seen: AtomicUsize,
}

/// An entry of a folder, and its path below the root.
struct Child {
    path: PathBuf,
    entry: DirEntry,
}

impl Child {
    fn is_called(&self, name: &str) -> bool {
        self.entry.file_name() == name
    }
}

impl Walk<'_> {
    fn children(&self, inside: &Path) -> io::Result<Vec<Child>> {
        let child = |entry: io::Result<DirEntry>| {
            let entry = entry?;
            Ok(Child { path: inside.join(entry.file_name()), entry })
        };
        std::fs::read_dir(self.root.join(inside))?.map(child).collect()
    }

    fn list(&self, children: &[Child], depth: usize) -> io::Result<Listing> {
        if self.seen.fetch_add(children.len(), Ordering::Relaxed) + children.len() > ENTRY_LIMIT {
            return Err(io::Error::other(format!("the folder has more than {ENTRY_LIMIT} entries")));
        }
        let mut found = Listing::default();
        let mut folders = Vec::new();
        for child in children {
            match child.entry.file_type() {
                // In a linked working folder and in a submodule `.git` is a file.
                _ if child.is_called(".git") => {}
                Ok(kind) if kind.is_dir() && child.is_called("node_modules") => {}
                Ok(kind) if kind.is_dir() && depth < DEPTH_LIMIT => folders.push(child.path.as_path()),
                // What vanished while we looked, or may not be looked into, is named as not read.
                Ok(kind) if kind.is_dir() => found.refuse(&child.path, "/"),
                Err(_) => found.refuse(&child.path, ""),
                Ok(kind) if kind.is_symlink() => found.add(&child.path, EntryKind::Symlink),
                Ok(kind) if kind.is_file() => {
                    let executable = child.entry.metadata().is_ok_and(|metadata| is_executable(&metadata));
                    found.add(&child.path, EntryKind::File { executable });
                }
                // Sockets, pipes and devices are nothing a project consists of.
                Ok(_) => {}
            }
        }
        let below: io::Result<Vec<Listing>> = match folders.as_slice() {
            // Waking the other cores takes longer than listing one folder.
            few @ ([] | [_]) => few.iter().map(|folder| self.below(folder, depth)).collect(),
            folders => folders.par_iter().map(|folder| self.below(folder, depth)).collect(),
        };
        for listing in below? {
            found.entries.extend(listing.entries);
            found.refused.extend(listing.refused);
        }
        Ok(found)
    }

    fn below(&self, folder: &Path, depth: usize) -> io::Result<Listing> {
        match self.children(folder) {
            Ok(children) if self.is_left_out(folder, &children) => Ok(Listing::default()),
            Ok(children) => self.list(&children, depth + 1),
            Err(_) => {
                let mut refused = Listing::default();
                refused.refuse(folder, "/");
                Ok(refused)
            }
        }
    }

    /// Folders of installed packages and build output: what they hold is not pinned by this project.
    fn is_left_out(&self, folder: &Path, children: &[Child]) -> bool {
        let has = |name: &str| {
            let named = children.iter().find(|child| child.is_called(name));
            named.is_some_and(|child| child.entry.file_type().is_ok_and(|kind| kind.is_file()))
        };
        // Composer's vendor folder; other tools keep sources of the project's own under this name.
        let is_installed = || has("autoload.php") || self.root.join(folder).join("composer/installed.json").is_file();
        has(CACHE_MARK) || folder.file_name().is_some_and(|name| name == "vendor") && is_installed()
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
