//! Scan: the files of a project → its lockfiles, and what could not be read.

use globset::GlobSet;

use crate::extractor::{EXTRACTORS, Extractor, SourceFile};
use crate::model::lockfile::Lockfile;
use crate::model::report::Problem;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree, TreeError};

/// What a project pins, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The lockfiles, sorted by path.
    pub(crate) lockfiles: Vec<Lockfile>,
    /// The files that claim to be lockfiles and could not be read, sorted by path.
    pub(crate) problems: Vec<Problem>,
}

/// Reads every file that an extractor claims and the policy does not exclude.
pub(crate) fn scan(tree: &dyn ProjectTree, exclude: &GlobSet) -> Scan {
    let mut scan = Scan { problems: hidden(tree, exclude), ..Scan::default() };
    let installed = Installed::of(tree);
    for entry in tree.entries() {
        if exclude.is_match(entry.path.as_str()) || installed.holds(&entry.path) {
            continue;
        }
        let Some(extractor) = EXTRACTORS.iter().find(|extractor| extractor.claims(&entry.path)) else { continue };
        match entry.kind {
            EntryKind::File { .. } => match read(tree, *extractor, &entry.path) {
                Ok(lockfile) => scan.lockfiles.push(lockfile),
                Err(problem) => scan.problems.push(problem),
            },
            EntryKind::Symlink => scan.problems.push(symlink(&entry.path)),
            // What a submodule holds belongs to another project.
            EntryKind::Submodule => {}
        }
    }
    scan
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

/// Lockfiles, and folders that may hold some, whose paths are not safe: they are not read, and that is said.
fn hidden(tree: &dyn ProjectTree, exclude: &GlobSet) -> Vec<Problem> {
    let is_lockfile = |path: &str| {
        let name = path.rsplit('/').next().and_then(|name| RepoPath::new(name).ok());
        name.is_some_and(|name| EXTRACTORS.iter().any(|extractor| extractor.claims(&name)))
    };
    let matters = |path: &&String| (path.ends_with('/') || is_lockfile(path)) && !exclude.is_match(path.as_str());
    let complain = |path: &String| {
        let message = format!("read `{}`: its path is not safe, or it cannot be listed", path.escape_debug());
        Problem::new(message, Some("rename it, or exclude it in patchparty.toml"))
    };
    tree.refused().iter().filter(matters).map(complain).collect()
}

fn read(tree: &dyn ProjectTree, extractor: &dyn Extractor, path: &RepoPath) -> Result<Lockfile, Problem> {
    let content = tree.read(path).map_err(|error| unreadable(path, &error))?;
    let file = SourceFile { path, content: &content, tree };
    let dependencies = extractor.extract(&file).map_err(|error| Problem {
        file: Some(path.clone()),
        line: error.line,
        message: format!("read the {} `{path}`: {}", extractor.id(), error.message),
        hint: error.hint,
    })?;
    Ok(Lockfile::new(path.clone(), extractor.id(), dependencies))
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
