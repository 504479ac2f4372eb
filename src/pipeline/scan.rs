//! Scan: the files of a project → its lockfiles, what could not be read, and what is left unread on purpose.

mod almost;
mod installed;

use globset::GlobSet;
use rayon::prelude::*;

use self::almost::is_almost_lockfile;
use self::installed::{Installed, record_of};
use crate::extractor::{EXTRACTORS, Extractor, SourceFile};
use crate::model::lockfile::Lockfile;
use crate::model::report::Problem;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree, TreeEntry, TreeError};
use crate::model::unread::{Unread, UnreadReason};

/// How a pointer begins that Git LFS keeps in the place of a file
/// (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a project pins, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The lockfiles, sorted by path.
    pub(crate) lockfiles: Vec<Lockfile>,
    /// The files that claim to be lockfiles and could not be read, sorted by path.
    pub(crate) problems: Vec<Problem>,
    /// What is not read on purpose.
    pub(crate) unread: Vec<Unread>,
}

/// A file and the extractors that know it.
type Claimed<'a> = (&'a TreeEntry, Vec<&'static dyn Extractor>);

/// Reads every file that an extractor claims and the organisation's policy does not exclude, on every core.
pub(crate) fn scan(tree: &dyn ProjectTree, exclude: &GlobSet) -> Scan {
    let mut unread: Vec<(UnreadReason, String)> =
        tree.left_out().iter().map(|left_out| (left_out.reason, left_out.folder.clone())).collect();
    let claimed = claimed(tree, exclude, &mut unread);
    // Results come in the order of the paths, whichever file is read first.
    let read = |(entry, extractors): &Claimed<'_>| match entry.kind {
        EntryKind::File { .. } => Some(read(tree, extractors, &entry.path)),
        EntryKind::Symlink => Some(Err(symlink(&entry.path))),
        // What a submodule holds belongs to another project, and is named as one.
        EntryKind::Submodule => None,
    };
    let read: Vec<Option<Result<Lockfile, Problem>>> = match claimed.as_slice() {
        // Waking the other cores takes longer than reading one file.
        few @ ([] | [_]) => few.iter().map(read).collect(),
        claimed => claimed.par_iter().map(read).collect(),
    };
    let mut scan = Scan::default();
    for outcome in read.into_iter().flatten() {
        match outcome {
            Ok(lockfile) => scan.lockfiles.push(lockfile),
            Err(problem) => scan.problems.push(problem),
        }
    }
    for path in tree.refused().iter().filter(|path| may_pin(path)) {
        if exclude.is_match(path.as_str()) {
            unread.push((UnreadReason::ExcludedByPolicy, path.clone()));
        } else {
            scan.problems.push(refusal(path));
        }
    }
    scan.unread = Unread::collect(unread);
    scan
}

/// The files that extractors know and that are to be read; what else stands in the project and could hide something goes
/// to the unread.
fn claimed<'a>(
    tree: &'a dyn ProjectTree,
    exclude: &GlobSet,
    unread: &mut Vec<(UnreadReason, String)>,
) -> Vec<Claimed<'a>> {
    let installed = Installed::of(tree);
    let mut claimed = Vec::new();
    for entry in tree.entries() {
        let extractors = extractors(&entry.path);
        let reason = match entry.kind {
            EntryKind::Submodule => Some(UnreadReason::Submodule),
            _ if extractors.is_empty() => unclaimed(entry),
            _ if exclude.is_match(entry.path.as_str()) => Some(UnreadReason::ExcludedByPolicy),
            EntryKind::File { .. } | EntryKind::Symlink => {
                installed.installer_of(&entry.path).map(UnreadReason::Installed)
            }
        };
        match reason {
            Some(reason) => unread.push((reason, entry.path.to_string())),
            None if extractors.is_empty() => {}
            None => claimed.push((entry, extractors)),
        }
    }
    claimed
}

/// Why a file that no extractor knows has to be named.
fn unclaimed(entry: &TreeEntry) -> Option<UnreadReason> {
    let path = entry.path.as_str();
    match entry.kind {
        // How npm and pnpm put packages into `node_modules`: what they lead to stands elsewhere in the project.
        EntryKind::Symlink if path.split('/').any(|component| component == "node_modules") => None,
        EntryKind::Symlink => Some(UnreadReason::Link),
        _ if is_almost_lockfile(path) => Some(UnreadReason::AlmostLockfile),
        _ => record_of(&entry.path).map(UnreadReason::Installed),
    }
}

/// The extractors that know a file of this name: two tools may call their own files the same.
fn extractors(path: &RepoPath) -> Vec<&'static dyn Extractor> {
    EXTRACTORS.iter().filter(|extractor| extractor.claims(path)).copied().collect()
}

/// Whether what stands at a refused path may be, or hold, a lockfile.
fn may_pin(path: &str) -> bool {
    if path.ends_with('/') {
        return true;
    }
    is_almost_lockfile(path) || RepoPath::new(path).is_ok_and(|path| !extractors(&path).is_empty())
}

fn refusal(path: &str) -> Problem {
    let what = if path.ends_with('/') { "look into" } else { "read" };
    Problem::new(
        format!(
            "{what} `{}`: its path is not safe, it is no regular file, or it may not be listed",
            path.escape_debug()
        ),
        Some("rename it, or exclude the path in patchparty.toml"),
    )
}

/// Reads a file as the first format that it is in; what is wrong is said in the words of the first that knows its name.
fn read(tree: &dyn ProjectTree, extractors: &[&dyn Extractor], path: &RepoPath) -> Result<Lockfile, Problem> {
    let content = tree.read(path).map_err(|error| unreadable(path, &error))?;
    if content.starts_with(LFS_POINTER) {
        return Err(pointer(path));
    }
    let file = SourceFile { path, content: &content, tree };
    let mut problem = None;
    for extractor in extractors {
        match extractor.extract(&file) {
            Ok(dependencies) => return Ok(Lockfile::new(path.clone(), extractor.id(), dependencies)),
            Err(error) => problem = problem.or(Some((extractor.id(), error))),
        }
    }
    let (id, error) = problem.expect("somebody knows every file that is read");
    Err(Problem {
        file: Some(path.clone()),
        line: error.line,
        message: format!("read the {id} `{path}`: {}", error.message),
        hint: error.hint,
    })
}

fn pointer(path: &RepoPath) -> Problem {
    Problem {
        file: Some(path.clone()),
        line: None,
        message: format!("read `{path}`: it is a pointer of Git LFS, and what it points to is not in the repository"),
        hint: Some("commit the lockfile itself, or exclude the path in patchparty.toml".to_owned()),
    }
}

fn symlink(path: &RepoPath) -> Problem {
    Problem {
        file: Some(path.clone()),
        line: None,
        message: format!("read `{path}`: it is a symbolic link, and links are never followed"),
        hint: Some("commit the lockfile itself, or exclude the path in patchparty.toml".to_owned()),
    }
}

fn unreadable(path: &RepoPath, error: &TreeError) -> Problem {
    let hint = match error {
        TreeError::TooLarge { .. } => Some("exclude the path in patchparty.toml if it is no lockfile".to_owned()),
        TreeError::Missing { .. } | TreeError::NotAFile { .. } | TreeError::Unreadable { .. } => None,
    };
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Problem { file: Some(path.clone()), line: None, message: format!("{error}{cause}"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::folder::FolderTree;

    #[test]
    fn two_tools_may_call_their_locks_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("python/requirements.lock", "# by Rye\n-e file:.\nrequests==2.31.0\n    # via shop\n"),
            (
                "chart/requirements.lock",
                "dependencies:\n- name: a\n  repository: https://h.example\n  version: 1.0.0\n",
            ),
            ("neither/requirements.lock", "neither: [of them\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let tree = FolderTree::open(folder.path()).expect("a folder");
        let scan = scan(&tree, &GlobSet::empty());
        let read: Vec<_> = scan.lockfiles.iter().map(|file| (file.path.as_str(), file.dependencies.len())).collect();
        assert_eq!(read, [("chart/requirements.lock", 1), ("python/requirements.lock", 1)]);
        assert_eq!(scan.problems.len(), 1, "{:?}", scan.problems);
    }
}
