//! Disk: the bare git repository behind a repository of the stand-in, driven by git's own plumbing.

use std::path::{Path, PathBuf};

use crate::support::git::Git;

/// A bare repository on disk.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
}

/// One file of a commit that is made directly on disk.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// A regular file.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Symlink(String),
}

impl Disk {
    /// Makes an empty repository that allows what GitHub allows: any commit, and partial clones.
    pub(super) fn create(folder: &Path, default_branch: &str) -> Self {
        std::fs::create_dir_all(folder).expect("the temporary folder is writable");
        Git::new(folder, &["init", "--quiet", "--bare", "--initial-branch", default_branch, "."]).run();
        let disk = Self { folder: folder.to_owned() };
        for setting in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            disk.git(&["config", setting, "true"]).run();
        }
        disk
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Prepares a git command in it.
    pub(crate) fn git<'a>(&self, arguments: &[&'a str]) -> Git<'a> {
        Git::new(&self.folder, arguments)
    }

    /// The commit at the tip of a branch.
    pub(crate) fn tip(&self, branch: &str) -> Option<String> {
        self.resolve(&format!("refs/heads/{branch}^{{commit}}"))
    }

    /// The object that an expression names.
    pub(crate) fn resolve(&self, expression: &str) -> Option<String> {
        self.git(&["rev-parse", "--quiet", "--verify", "--end-of-options", expression]).answer().ok()
    }

    /// Whether there is no branch at all.
    pub(super) fn is_empty(&self) -> bool {
        self.git(&["for-each-ref", "--count=1", "refs/heads"]).run().is_empty()
    }

    /// Every branch with its commit, sorted by name.
    pub(super) fn branches(&self) -> Vec<(String, String)> {
        let listed = self.git(&["for-each-ref", "--format=%(refname:strip=2) %(objectname)", "refs/heads"]).run();
        let pair = |line: &str| line.split_once(' ').map(|(name, commit)| (name.to_owned(), commit.to_owned()));
        listed.lines().filter_map(pair).collect()
    }

    /// The bytes of a file on a branch or at a commit.
    pub(crate) fn read(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        let output = self.git(&["cat-file", "blob", &format!("{revision}:{path}")]).output();
        output.status.success().then_some(output.stdout)
    }

    /// Commits files on top of a branch (which is made when it is new, from `start` when given) as `identity`.
    pub(super) fn commit(
        &self,
        branch: &str,
        start: Option<&str>,
        identity: &str,
        entries: &[(String, Entry)],
    ) -> String {
        let parent = self.tip(branch).or_else(|| start.and_then(|start| self.tip(start)));
        let mut stream = format!("commit refs/heads/{branch}\ncommitter {identity} 1763640000 +0000\n").into_bytes();
        stream.extend(b"data 13\nChange files\n\n");
        if let Some(parent) = &parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        for (path, entry) in entries {
            let (mode, content) = match entry {
                Entry::File(content) => ("100644", content.as_slice()),
                Entry::Symlink(target) => ("120000", target.as_bytes()),
            };
            stream.extend(format!("M {mode} inline {path}\ndata {}\n", content.len()).bytes());
            stream.extend(content);
            stream.push(b'\n');
        }
        stream.extend(b"done\n");
        self.git(&["fast-import", "--quiet", "--force", "--done"]).input(stream).run();
        self.tip(branch).expect("the commit was just made")
    }

    /// Whether `ancestor` is reachable from `commit`.
    pub(super) fn contains(&self, commit: &str, ancestor: &str) -> bool {
        self.git(&["merge-base", "--is-ancestor", ancestor, commit]).output().status.success()
    }

    /// How many commits `head` has that `base` lacks.
    pub(super) fn ahead(&self, base: &str, head: &str) -> usize {
        let counted = self.git(&["rev-list", "--count", &format!("{base}..{head}")]).answer();
        counted.ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The commits of `head` that `base` lacks, oldest first.
    pub(super) fn between(&self, base: &str, head: &str) -> Vec<String> {
        let listed = self.git(&["rev-list", "--reverse", &format!("{base}..{head}")]).answer().unwrap_or_default();
        listed.lines().map(str::to_owned).collect()
    }
}
