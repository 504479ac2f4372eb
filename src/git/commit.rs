//! Commits: writes a change into a repository of this machine, and moves a branch only from where it is expected.

use std::path::Path;

use gix::bstr::BStr;
use gix::objs::tree::EntryKind;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};

use crate::git::connection::open_options;
use crate::model::proposal::{ChangeSet, FileChange, PublishedCommit};
use crate::model::repository::CommitId;

/// Who commits, where no forge does it in the name of an account.
const COMMITTER: &str = "patchparty";
const COMMITTER_ADDRESS: &str = "patchparty@localhost";

/// Why a commit could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The branch is not where it was expected.
    #[error("move the branch: it is not where it was")]
    Moved,
    /// Somebody has the branch checked out, and would find their folder changed.
    #[error("move the branch: it is checked out")]
    CheckedOut,
    /// Anything else.
    #[error("write the commit")]
    Git(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<gix::Error> for CommitError {
    fn from(error: gix::Error) -> Self {
        Self::Git(error.into())
    }
}

/// Commits a change on top of its base and points its branch there: a new branch when `expected` is `None`, else one that
/// stands exactly there. The comparison happens under the reference's lock.
pub(crate) fn commit(
    repository: &Path,
    change: &ChangeSet,
    expected: Option<&CommitId>,
    now: jiff::Timestamp,
) -> Result<CommitId, CommitError> {
    let repository = gix::open_opts(repository, open_options())?;
    let name: gix::refs::FullName =
        format!("refs/heads/{}", change.branch).try_into().map_err(gix::Error::from_error)?;
    if repository.workdir().is_some() && repository.head_name()?.as_ref() == Some(&name) {
        return Err(CommitError::CheckedOut);
    }
    let base = object_id(&change.base)?;
    let tree = write_tree(&repository, base, &change.files)?;
    let time = format!("{} +0000", now.as_second());
    let signature = gix::actor::SignatureRef {
        name: BStr::new(COMMITTER),
        email: BStr::new(COMMITTER_ADDRESS),
        time: time.as_str(),
    };
    let commit = repository.new_commit_as(signature, signature, &change.message, tree, [base])?.id;
    let previous = match expected {
        None => PreviousValue::MustNotExist,
        Some(expected) => PreviousValue::MustExistAndMatch(gix::refs::Target::Object(object_id(expected)?)),
    };
    let edit = RefEdit::update(name, commit, previous, "patchparty");
    if let Err(error) = repository.edit_references_as([edit], Some(signature)) {
        let actual = tip_in(&repository, &change.branch)?;
        return Err(if actual.as_ref() == expected { CommitError::Git(error.into()) } else { CommitError::Moved });
    }
    CommitId::new(&commit.to_string()).map_err(|error| CommitError::Git(error.into()))
}

/// The tip of a branch of a repository of this machine, where it exists.
pub(crate) fn tip(repository: &Path, branch: &str) -> Result<Option<CommitId>, CommitError> {
    tip_in(&gix::open_opts(repository, open_options())?, branch)
}

/// Deletes a branch of a repository of this machine, as long as it stands where it is expected to; a checked-out branch
/// stays.
pub(crate) fn delete_branch(repository: &Path, branch: &str, expected: Option<&CommitId>) -> Result<(), CommitError> {
    let repository = gix::open_opts(repository, open_options())?;
    let Some(expected) = expected else { return Ok(()) };
    let name = format!("refs/heads/{branch}");
    let name: gix::refs::FullName = name.try_into().map_err(gix::Error::from_error)?;
    if repository.head_name()?.as_ref() == Some(&name) {
        return Err(CommitError::CheckedOut);
    }
    let target = gix::refs::Target::Object(object_id(expected)?);
    let change = Change::Delete { expected: PreviousValue::MustExistAndMatch(target), log: RefLog::AndReference };
    repository.edit_reference(RefEdit { change, name, deref: false })?;
    Ok(())
}

/// A commit of a repository of this machine, and whether it names [`commit`] as its author and committer.
pub(crate) fn read(repository: &Path, commit: &CommitId) -> Result<(PublishedCommit, bool), CommitError> {
    let repository = gix::open_opts(repository, open_options())?;
    let commit = repository.find_commit(object_id(commit)?)?;
    let message = commit.message_raw_sloppy().to_string();
    let is_ours = |who: gix::actor::SignatureRef<'_>| who.name == COMMITTER && who.email == COMMITTER_ADDRESS;
    let by_us = is_ours(commit.author()?) && is_ours(commit.committer()?);
    let parents = commit.parent_ids().map(|parent| CommitId::new(&parent.to_string())).collect::<Result<_, _>>();
    let parents = parents.map_err(|error| CommitError::Git(error.into()))?;
    Ok((PublishedCommit { message, tree: commit.tree_id()?.to_string(), parents }, by_us))
}

/// The name of the tree that a change makes of its base.
pub(crate) fn tree_of(repository: &Path, base: &CommitId, files: &[FileChange]) -> Result<String, CommitError> {
    let repository = gix::open_opts(repository, open_options())?;
    Ok(write_tree(&repository, object_id(base)?, files)?.to_string())
}

fn write_tree(
    repository: &gix::Repository,
    base: gix::ObjectId,
    files: &[FileChange],
) -> Result<gix::ObjectId, gix::Error> {
    let mut tree = repository.edit_tree(repository.find_commit(base)?.tree_id()?)?;
    for file in files {
        let blob = repository.write_blob(&file.after)?;
        let kind = if file.executable { EntryKind::BlobExecutable } else { EntryKind::Blob };
        tree.upsert(file.path.as_str(), kind, blob)?;
    }
    Ok(tree.write()?.detach())
}

fn tip_in(repository: &gix::Repository, branch: &str) -> Result<Option<CommitId>, CommitError> {
    let name = format!("refs/heads/{branch}");
    if gix::validate::reference::name(BStr::new(&name)).is_err() {
        return Ok(None);
    }
    let Some(mut reference) = repository.try_find_reference(&name)? else { return Ok(None) };
    let id = reference.peel_to_commit()?.id.to_string();
    CommitId::new(&id).map(Some).map_err(|error| CommitError::Git(error.into()))
}

fn object_id(commit: &CommitId) -> Result<gix::ObjectId, gix::Error> {
    gix::ObjectId::from_hex(commit.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use crate::model::repository::RepoPath;

    fn change(base: &CommitId, after: &str) -> ChangeSet {
        let file = |path: &str, executable| FileChange {
            path: RepoPath::new(path).expect("plain"),
            before: Vec::new(),
            after: after.as_bytes().to_vec(),
            executable,
        };
        ChangeSet {
            branch: "patchparty/routine/main".to_owned(),
            base: base.clone(),
            files: vec![file("app/Cargo.lock", false), file("bin/run", true)],
            message: "fix(deps): bump a\n\nPatchparty-Advisory: RUSTSEC-2020-0001\n".to_owned(),
        }
    }

    #[test]
    fn a_branch_is_created_and_moved_only_from_where_it_is_expected() {
        let source = Scratch::new();
        source.write("app/Cargo.lock", "before");
        source.write("README.md", "kept");
        let base = source.commit("first");
        let now = jiff::Timestamp::from_second(1_800_000_000).expect("in range");

        let first = commit(source.path(), &change(&base, "one"), None, now).expect("created");
        assert_eq!(source.git(&["show", "patchparty/routine/main:app/Cargo.lock"]), "one");
        assert_eq!(source.git(&["show", "patchparty/routine/main:README.md"]), "kept");
        assert!(source.git(&["ls-tree", "patchparty/routine/main", "bin/run"]).starts_with("100755"));
        assert_eq!(source.git(&["rev-parse", "patchparty/routine/main^"]), base.as_str());
        assert_eq!(source.git(&["log", "-1", "--format=%an %at", first.as_str()]), "patchparty 1800000000");
        source.git(&["fsck", "--strict"]);

        let again = commit(source.path(), &change(&base, "two"), None, now);
        assert!(matches!(again, Err(CommitError::Moved)), "{again:?}");
        let stale = commit(source.path(), &change(&base, "two"), Some(&base), now);
        assert!(matches!(stale, Err(CommitError::Moved)), "{stale:?}");
        let second = commit(source.path(), &change(&base, "two"), Some(&first), now).expect("moved");
        assert_eq!(tip(source.path(), "patchparty/routine/main").expect("readable"), Some(second.clone()));
        assert_eq!(tip(source.path(), "no/such").expect("readable"), None);
        assert_eq!(tip(source.path(), "no..such").expect("readable"), None);

        source.git(&["checkout", "-q", "patchparty/routine/main"]);
        let used = commit(source.path(), &change(&base, "three"), Some(&second), now);
        assert!(matches!(used, Err(CommitError::CheckedOut)), "{used:?}");
    }
}
