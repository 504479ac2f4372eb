//! Scan: the files of a project → its lockfiles, and what could not be read.

use globset::GlobSet;
use rayon::prelude::*;

use crate::extractor::{EXTRACTORS, Extractor, SourceFile};
use crate::model::lockfile::Lockfile;
use crate::model::report::Problem;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree, TreeEntry, TreeError};

/// What a project pins, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The lockfiles, sorted by path.
    pub(crate) lockfiles: Vec<Lockfile>,
    /// The files that claim to be lockfiles and could not be read, sorted by path.
    pub(crate) problems: Vec<Problem>,
}

/// Reads every file that an extractor claims and the policy does not exclude, on every core.
pub(crate) fn scan(tree: &dyn ProjectTree, exclude: &GlobSet) -> Scan {
    let installed = Installed::of(tree);
    let claimed: Vec<(&TreeEntry, Vec<&dyn Extractor>)> = tree
        .entries()
        .iter()
        .filter_map(|entry| Some((entry, extractors(&entry.path))).filter(|(_, extractors)| !extractors.is_empty()))
        .filter(|(entry, _)| !exclude.is_match(entry.path.as_str()) && !installed.holds(&entry.path))
        .collect();
    // Results come in the order of the paths, whichever file is read first.
    let read = |(entry, extractors): &(&TreeEntry, Vec<&dyn Extractor>)| match entry.kind {
        EntryKind::File { .. } => Some(read(tree, extractors, &entry.path)),
        EntryKind::Symlink => Some(Err(symlink(&entry.path))),
        // What a submodule holds belongs to another project.
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
    let refused = tree.refused().iter().filter(|path| !exclude.is_match(path.as_str()) && may_pin(path));
    scan.problems.extend(refused.map(|path| refusal(path)));
    scan
}

/// The extractors that know a file of this name: two tools may call their own files the same.
fn extractors(path: &RepoPath) -> Vec<&'static dyn Extractor> {
    EXTRACTORS.iter().filter(|extractor| extractor.claims(path)).copied().collect()
}

/// Folders of installed packages that were committed: their lockfiles pin nothing of this project.
struct Installed<'a> {
    /// Each ends with `/`.
    folders: Vec<&'a str>,
}

impl<'a> Installed<'a> {
    /// Composer's folders are known by the autoloader that Composer writes; another `vendor` may be the project's own.
    fn of(tree: &'a dyn ProjectTree) -> Self {
        let autoloaders = tree.entries().iter().filter(|entry| entry.path.as_str().ends_with("vendor/autoload.php"));
        Self { folders: autoloaders.filter_map(|entry| entry.path.as_str().strip_suffix("autoload.php")).collect() }
    }

    fn holds(&self, path: &RepoPath) -> bool {
        path.folder().split('/').any(|component| component == "node_modules")
            || self.folders.iter().any(|folder| path.as_str().starts_with(folder))
    }
}

/// Whether what stands at a refused path may be, or hold, a lockfile.
fn may_pin(path: &str) -> bool {
    if path.ends_with('/') {
        return true;
    }
    // The nearest path that is allowed: extractors know a file by its name and folder.
    let plain: String = path
        .chars()
        .map(|character| if character.is_control() || "\\:".contains(character) { '_' } else { character })
        .collect();
    let name = plain.rsplit('/').next().unwrap_or(&plain);
    let path = RepoPath::new(&plain).or_else(|_| RepoPath::new(name));
    path.is_ok_and(|path| !extractors(&path).is_empty())
}

fn refusal(path: &str) -> Problem {
    let what = if path.ends_with('/') { "look into" } else { "read" };
    Problem::new(
        format!("{what} `{}`: its path is not safe, or it may not be listed", path.escape_debug()),
        Some("rename it, or exclude the path in patchparty.toml"),
    )
}

/// Reads a file as the first format that it is in; what is wrong is said in the words of the first that knows its name.
fn read(tree: &dyn ProjectTree, extractors: &[&dyn Extractor], path: &RepoPath) -> Result<Lockfile, Problem> {
    let content = tree.read(path).map_err(|error| unreadable(path, &error))?;
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
