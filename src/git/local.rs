//! Repositories of this machine: read where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::git::connection::open_options;
use crate::git::link;
use crate::git::mirror::{self, FOLDER_LIMIT, MirrorError, Snapshot, fetch_error};
use crate::model::repository::CommitId;

/// How deep below the given folder repositories are looked for.
const DEPTH_LIMIT: usize = 12;

/// A repository of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalRepository {
    /// The folder of git's own data.
    pub(crate) folder: PathBuf,
    /// Whether it has no working folder: its files can only be read at a commit.
    pub(crate) bare: bool,
    /// The branch that `HEAD` names, whether or not it has commits.
    pub(crate) branch: Option<String>,
    /// The commit that `HEAD` points to; `None` for a repository without commits.
    pub(crate) head: Option<CommitId>,
}

/// Opens the repository that stands at exactly `path`; `Ok(None)` when there is none (a plain folder). One whose data
/// are another folder's is an error.
pub(crate) fn open_local(path: &Path) -> Result<Option<LocalRepository>, Box<dyn std::error::Error + Send + Sync>> {
    if !is_repository(path) {
        return Ok(None);
    }
    link::check(path)?;
    let repository = gix::open_opts(path, open_options())?;
    let branch = repository.head_name()?.map(|name| name.shorten().to_string());
    let head = match repository.head()?.try_into_peeled_id()? {
        Some(id) => Some(CommitId::new(&id.to_string())?),
        None => None,
    };
    let bare = repository.workdir().is_none();
    Ok(Some(LocalRepository { folder: repository.git_dir().to_owned(), bare, branch, head }))
}

/// Every repository at or below a folder, with a working folder or bare, sorted. Links are not followed, and what lies
/// inside a repository belongs to it.
pub(crate) fn repositories_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut walk = walkdir::WalkDir::new(folder).max_depth(DEPTH_LIMIT).into_iter();
    while let Some(entry) = walk.next() {
        // A folder that may not be listed holds no repository that could be read.
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_dir() {
            continue;
        }
        if is_repository(entry.path()) {
            found.push(entry.path().to_owned());
            walk.skip_current_dir();
        } else if entry.file_name() == "node_modules" {
            walk.skip_current_dir();
        }
    }
    found.sort();
    found
}

fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists()
        || (folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir())
}

/// The branches of a repository below the wanted ones.
fn all_below(repository: &gix::Repository, wanted: &[String]) -> gix::Result<BTreeSet<String>> {
    let references = repository.references()?;
    let names = references.local_branches()?.flatten().map(|reference| reference.name().shorten().to_string());
    let names: Vec<String> = names.collect();
    Ok(mirror::below(names.iter().map(String::as_str), wanted))
}

/// The branches of a local repository as a mirror of it would show them.
pub(super) fn snapshot(folder: &Path, branches: &[String]) -> Result<Snapshot, MirrorError> {
    if !is_repository(folder) {
        return Err(MirrorError::NotFound);
    }
    link::check(folder).map_err(fetch_error)?;
    let repository = gix::open_opts(folder, open_options()).map_err(fetch_error)?;
    let named = repository.head_name().map_err(fetch_error)?.map(|name| name.shorten().to_string());
    let mut heads = BTreeMap::new();
    let (folders, single): (Vec<&String>, Vec<&String>) = branches.iter().partition(|branch| branch.ends_with("/*"));
    let mut below = Vec::new();
    for folder in folders {
        let prefix = format!("refs/heads/{}", folder.trim_end_matches('*'));
        let all = repository.references().map_err(fetch_error)?;
        // A prefix that git would not accept has nothing below it.
        let Ok(found) = all.prefixed(prefix.as_str()) else { continue };
        let branches = found.flatten().map(|reference| reference.name().shorten().to_string());
        below.extend(branches.take(FOLDER_LIMIT));
    }
    for branch in single.into_iter().chain(&below).chain(&named) {
        // A name that git would not accept does not exist.
        let Ok(Some(mut reference)) = repository.try_find_reference(&format!("refs/heads/{branch}")) else { continue };
        let commit = reference.peel_to_commit().map_err(fetch_error)?.id.to_string();
        heads.insert(branch.clone(), CommitId::new(&commit).map_err(fetch_error)?);
    }
    if heads.is_empty() {
        let any_branch = repository.references().and_then(|all| Ok(all.local_branches()?.next().is_some()));
        return Err(if any_branch.map_err(fetch_error)? { MirrorError::NoDefaultBranch } else { MirrorError::Empty });
    }
    let default_branch = named.filter(|branch| heads.contains_key(branch));
    let below = all_below(&repository, branches).map_err(fetch_error)?;
    Ok(Snapshot { folder: repository.git_dir().to_owned(), default_branch, heads, below })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;

    #[test]
    fn working_folders_bare_repositories_and_plain_folders_are_told_apart() {
        let source = Scratch::new();
        let commit = source.commit("first");
        source.git(&["clone", "-q", "--bare", ".", "copies/bare.git"]);
        let opened = open_local(source.path()).expect("readable").expect("a repository");
        assert_eq!((opened.bare, opened.branch.as_deref(), opened.head.as_ref()), (false, Some("main"), Some(&commit)));
        let bare = open_local(&source.path().join("copies/bare.git")).expect("readable").expect("a repository");
        assert_eq!((bare.bare, bare.branch.as_deref(), bare.head.as_ref()), (true, Some("main"), Some(&commit)));
        assert!(open_local(&source.path().join("copies")).expect("readable").is_none());
        assert!(open_local(Path::new("/nowhere/at/all")).expect("readable").is_none());
    }

    #[test]
    fn repositories_are_found_below_a_folder_but_not_below_repositories() {
        let root = tempfile::tempdir().expect("a folder");
        for (folder, bare) in [("b/work", false), ("a.git", true), ("b/work/nested", false), ("node_modules/x", false)]
        {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).expect("folders");
            let kind = if bare { gix::create::Kind::Bare } else { gix::create::Kind::WithWorktree };
            let options = gix::create::Options { destination_must_be_empty: Some(false), ..Default::default() };
            gix::ThreadSafeRepository::init_opts(folder, kind, options, open_options()).expect("a repository");
        }
        std::fs::create_dir_all(root.path().join("plain/folder")).expect("folders");
        let found = repositories_below(root.path());
        assert_eq!(found, [root.path().join("a.git"), root.path().join("b/work")]);
    }
}
