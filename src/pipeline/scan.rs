//! Scan: the files of a project → its lockfiles, what could not be read, and what is left unread on purpose.

mod almost;
mod configured;
mod installed;
mod reader;
mod recorder;

use std::collections::HashMap;
use std::time::Instant;

use globset::GlobSet;

use self::almost::{is_almost_lockfile, may_pin};
use self::installed::{Installed, record_of};
use self::reader::{Done, Reader};
use crate::config::policy::Limits;
use crate::extractor::{EXTRACTORS, Extractor};
use crate::model::lockfile::Lockfile;
use crate::model::report::{Problem, Remark};
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
    /// What nobody can look up in the files that were read, and which lockfiles are not in use.
    pub(crate) remarks: Vec<Remark>,
}

/// A file that is to be read.
struct Claim<'a> {
    entry: &'a TreeEntry,
    /// The extractors that know a file of this name, in their order.
    extractors: Vec<&'static dyn Extractor>,
}

/// Reads every file that an extractor claims and the organisation's policy does not exclude, on every core, up to the limits
/// and the deadline.
pub(crate) fn scan(tree: &dyn ProjectTree, exclude: &GlobSet, limits: &Limits, deadline: Instant) -> Scan {
    let mut unread: Vec<(UnreadReason, String)> =
        tree.left_out().iter().map(|left_out| (left_out.reason, left_out.folder.clone())).collect();
    let installed = Installed::of(tree);
    let mut claimed = claimed(tree, exclude, &installed, &mut unread);
    let mut scan = Scan::default();
    let found = configured::find(tree, &installed, limits.bytes());
    scan.problems.extend(found.problems);
    scan.remarks.extend(found.remarks);
    add_configured(&mut claimed, found.claims, exclude, &mut unread);
    let mut files = Vec::new();
    for claim in claimed {
        match claim.entry.kind {
            EntryKind::File { .. } => files.push(claim),
            EntryKind::Symlink => scan.problems.push(symlink(&claim.entry.path)),
            // What a submodule holds belongs to another project, and is named as one.
            EntryKind::Submodule => {}
        }
    }
    let Done { lockfiles, problems, remarks } = Reader::new(tree, limits, deadline).read(files);
    scan.lockfiles = lockfiles;
    scan.remarks.extend(remarks);
    scan.remarks.sort();
    scan.problems.extend(problems);
    scan.problems.sort_by(|left, right| left.file.cmp(&right.file));
    for path in tree.refused().iter().filter(|path| may_pin(path)) {
        if exclude.is_match(path.as_str()) {
            unread.push((UnreadReason::ExcludedByPolicy, path.clone()));
        } else {
            scan.problems.push(refusal(path));
        }
    }
    scan.problems.extend(tree.unreadable_indexes().iter().map(|path| unreadable_index(path)));
    scan.unread = Unread::collect(unread);
    scan
}

/// The files that extractors know and that are to be read; what else stands in the project and could hide something goes
/// to the unread.
fn claimed<'a>(
    tree: &'a dyn ProjectTree,
    exclude: &GlobSet,
    installed: &Installed<'_>,
    unread: &mut Vec<(UnreadReason, String)>,
) -> Vec<Claim<'a>> {
    let mut claimed = Vec::new();
    for entry in tree.entries() {
        let extractors = extractors(&entry.path);
        let reason = match entry.kind {
            EntryKind::Submodule => Some(UnreadReason::Submodule),
            _ if extractors.is_empty() => unclaimed(entry),
            _ if exclude.is_match(entry.path.as_str()) => Some(UnreadReason::ExcludedByPolicy),
            EntryKind::File { .. } | EntryKind::Symlink => {
                installed.installer_of(&entry.path).map(UnreadReason::Installed).or_else(|| {
                    extractors.iter().all(|it| it.is_passed_over(&entry.path, tree)).then_some(UnreadReason::NotInUse)
                })
            }
        };
        match reason {
            Some(reason) => unread.push((reason, entry.path.to_string())),
            None if extractors.is_empty() => {}
            None => claimed.push(Claim { entry, extractors }),
        }
    }
    claimed
}

/// Adds the lockfiles that configurations name: read as the format that their tool takes them for.
fn add_configured<'a>(
    claimed: &mut Vec<Claim<'a>>,
    named: Vec<Claim<'a>>,
    exclude: &GlobSet,
    unread: &mut Vec<(UnreadReason, String)>,
) {
    let mut positions: HashMap<&RepoPath, usize> =
        claimed.iter().enumerate().map(|(position, claim)| (&claim.entry.path, position)).collect();
    for claim in named {
        let path = &claim.entry.path;
        if exclude.is_match(path.as_str()) {
            unread.push((UnreadReason::ExcludedByPolicy, path.to_string()));
            continue;
        }
        let Some(known) = positions.get(path).and_then(|position| claimed.get_mut(*position)) else {
            positions.insert(path, claimed.len());
            claimed.push(claim);
            continue;
        };
        // Its name is that of another format, which comes second.
        let is_new = |extractor: &&dyn Extractor| known.extractors.iter().all(|it| it.id() != extractor.id());
        let new: Vec<_> = claim.extractors.into_iter().filter(is_new).collect();
        known.extractors.splice(0..0, new);
    }
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

fn unreadable_index(path: &str) -> Problem {
    Problem::new(
        format!(
            "read `{}`: git alone knows what of the folders that were left out is the project's",
            path.escape_debug()
        ),
        Some("audit a fresh clone, or write the index anew with `git reset`"),
    )
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
        let limits = crate::config::policy::Policy::default().limits;
        let scan = scan(&tree, &GlobSet::empty(), &limits, Instant::now() + limits.time);
        let read: Vec<_> = scan.lockfiles.iter().map(|file| (file.path.as_str(), file.dependencies.len())).collect();
        assert_eq!(read, [("chart/requirements.lock", 1), ("python/requirements.lock", 1)]);
        assert_eq!(scan.problems.len(), 1, "{:?}", scan.problems);
    }

    /// What is read of some files, within the built-in limits changed as asked.
    fn read(files: &[(&str, &str)], change: impl FnOnce(&mut Limits)) -> Scan {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let tree = FolderTree::open(folder.path()).expect("a folder");
        let mut limits = crate::config::policy::Policy::default().limits;
        change(&mut limits);
        scan(&tree, &GlobSet::empty(), &limits, Instant::now() + limits.time)
    }

    #[test]
    fn a_lockfile_of_yarn_under_another_name_is_read_or_named() {
        let configuration = "lockfileFilename: own.txt\n";
        let scan = read(&[("web/.yarnrc.yml", configuration), ("web/own.txt", YARN), ("web/yarn.lock", YARN)], |_| {});
        assert_eq!(paths(&scan), ["web/own.txt", "web/yarn.lock"]);
        assert!(scan.problems.is_empty(), "{:?}", scan.problems);
        assert_eq!(scan.remarks[0].message, "`web/yarn.lock` is not the lockfile in use: this names `web/own.txt`");
        let scan = read(&[("web/.yarnrc.yml", configuration), ("web/yarn.lock", YARN)], |_| {});
        let [problem] = scan.problems.as_slice() else { panic!("one problem, not {:?}", scan.problems) };
        assert!(
            problem.message.starts_with("read the lockfile `web/own.txt` that `web/.yarnrc.yml` names"),
            "{problem:?}"
        );
    }

    fn paths(scan: &Scan) -> Vec<&str> {
        scan.lockfiles.iter().map(|lockfile| lockfile.path.as_str()).collect()
    }

    const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}}"#;
    const YARN: &str = "# yarn lockfile v1\n\na@^1:\n  version \"1.0.0\"\n";
    const ASKS: &str = r#"{"devDependencies": {"a": "^1"}}"#;
    const ASKS_OTHERWISE: &str = r#"{"dependencies": {"a": "^1"}}"#;

    #[test]
    fn equal_files_with_equal_neighbours_are_read_once() {
        let scan = read(
            &[
                ("a/yarn.lock", YARN),
                ("a/package.json", ASKS),
                ("b/yarn.lock", YARN),
                ("b/package.json", ASKS),
                ("c/yarn.lock", YARN),
                ("c/package.json", ASKS_OTHERWISE),
                ("d/yarn.lock", YARN),
                ("e/yarn.lock", &YARN.replace("1.0.0", "2.0.0")),
            ],
            |_| {},
        );
        let contents: Vec<_> = scan.lockfiles.iter().map(Lockfile::content).collect();
        assert_eq!(contents.len(), 5);
        assert!(std::sync::Arc::ptr_eq(contents[0], contents[1]), "a and b are the same");
        for other in 2..5 {
            assert!(!std::sync::Arc::ptr_eq(contents[0], contents[other]), "{other} differs");
        }
        // What the neighbours say is what each is read with.
        let scopes: Vec<_> = contents.iter().map(|content| format!("{:?}", content.dependencies[0].scope)).collect();
        assert_eq!(scopes[..3], ["Development", "Development", "Runtime"]);
        assert_eq!(contents[4].dependencies[0].version, "2.0.0");
    }

    #[test]
    fn decoys_in_deep_folders_do_not_push_out_the_lockfile_of_the_root() {
        let decoys: Vec<String> = (0..100).map(|number| format!("a/a/a/{number:03}/package-lock.json")).collect();
        let mut files: Vec<(&str, &str)> = decoys.iter().map(|path| (path.as_str(), LOCK)).collect();
        files.push(("z/package-lock.json", LOCK));
        files.push(("package-lock.json", LOCK));
        let scan = read(&files, |limits| limits.lockfiles = 3);
        assert_eq!(paths(&scan), ["a/a/a/000/package-lock.json", "package-lock.json", "z/package-lock.json"]);
        let [problem] = scan.problems.as_slice() else { panic!("one problem, not {:?}", scan.problems) };
        assert_eq!(
            problem.message,
            "read 99 lockfiles: `a/a/a/001/package-lock.json`, `a/a/a/002/package-lock.json`, \
             `a/a/a/003/package-lock.json` and 96 more: the repository has more than 3 lockfiles (`lockfiles`)"
        );
    }

    #[test]
    fn every_limit_is_named_where_it_is_exceeded() {
        let big = format!("{LOCK}{}", " ".repeat(700 * 1024));
        let other = format!("{big} ");
        let files =
            [("package-lock.json", big.as_str()), ("a/package-lock.json", &other), ("b/package-lock.json", LOCK)];
        let said = |change: fn(&mut Limits)| {
            let scan = read(&files, change);
            let problems: Vec<String> = scan.problems.iter().map(|problem| problem.message.clone()).collect();
            (paths(&scan).len(), problems.join("; "))
        };
        assert_eq!(said(|_| {}), (3, String::new()));
        let (read, problem) = said(|limits| limits.mebibytes = 1);
        assert_eq!(read, 1);
        assert!(problem.ends_with("has lockfiles of more than 1 MiB (`mebibytes`)"), "{problem}");
        let (read, problem) = said(|limits| limits.dependencies = 2);
        assert_eq!(read, 2);
        assert!(problem.starts_with("read 1 lockfile: `b/package-lock.json`: "), "{problem}");
        assert!(problem.ends_with("has more than 2 dependencies (`dependencies`)"), "{problem}");
        let (read, problem) = said(|limits| limits.time = std::time::Duration::ZERO);
        assert_eq!(read, 0);
        assert!(problem.ends_with("takes longer than 0 s to read (`time`)"), "{problem}");
    }

    #[test]
    fn equal_files_count_their_bytes_once() {
        let big = format!("{LOCK}{}", " ".repeat(700 * 1024));
        let copies: Vec<String> = (0..9).map(|number| format!("{number}/package-lock.json")).collect();
        let files: Vec<(&str, &str)> = copies.iter().map(|path| (path.as_str(), big.as_str())).collect();
        let scan = read(&files, |limits| limits.mebibytes = 1);
        assert_eq!((paths(&scan).len(), scan.problems.len()), (9, 0));
    }
}
