//! Creation: bare repositories made of plain files, for the demo's sample organisation.

use std::path::Path;

use gix::bstr::BString;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use crate::model::repository::RepoPath;

/// The time of every sample commit, so that the same files give the same commits: 2026-01-01T00:00:00Z.
const SAMPLE_TIME: i64 = 1_767_225_600;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A branch with all its files.
pub(crate) struct NewBranch<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its files.
    pub(crate) files: Vec<(RepoPath, &'a [u8])>,
}

/// Creates a bare repository with one commit per branch; `HEAD` names the first branch.
pub(crate) fn bare_repository(folder: &Path, branches: &[NewBranch<'_>]) -> Result<(), Error> {
    let repository = gix::init_bare(folder)?;
    for branch in branches {
        let mut tree = repository.edit_tree(repository.empty_tree().id)?;
        for (path, content) in &branch.files {
            let blob = repository.write_blob(content)?;
            tree.upsert(path.as_str(), gix::objs::tree::EntryKind::Blob, blob)?;
        }
        let tree = tree.write()?.detach();
        let signature = gix::actor::Signature {
            name: BString::from("Sample"),
            email: BString::from("sample@example.com"),
            time: gix::date::Time { seconds: SAMPLE_TIME, offset: 0 },
        };
        let mut time = gix::date::parse::TimeBuf::default();
        let signature = signature.to_ref(&mut time);
        let parents: [gix::ObjectId; 0] = [];
        let commit = repository.new_commit_as(signature, signature, "Sample project", tree, parents)?.id;
        let name = format!("refs/heads/{}", branch.name);
        repository.edit_reference(point(&name, Target::Object(commit))?)?;
    }
    if let Some(first) = branches.first() {
        let name: FullName = format!("refs/heads/{}", first.name).try_into()?;
        repository.edit_reference(point("HEAD", Target::Symbolic(name))?)?;
    }
    Ok(())
}

fn point(name: &str, target: Target) -> Result<RefEdit, Error> {
    let log = LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: BString::default() };
    let change = Change::Update { log, expected: PreviousValue::Any, new: target };
    Ok(RefEdit { change, name: name.try_into()?, deref: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn git_itself_reads_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("sample.git");
        let files = vec![(RepoPath::new("apps/web/Cargo.lock").unwrap(), b"version = 4\n".as_slice())];
        bare_repository(&folder, &[NewBranch { name: "main", files }, NewBranch { name: "production", files: vec![] }])
            .unwrap();
        let git = |arguments: &[&str]| {
            let output = Command::new("git").arg("-C").arg(&folder).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(git(&["show", "HEAD:apps/web/Cargo.lock"]), "version = 4\n");
        assert_eq!(git(&["branch", "--format=%(refname:short)"]), "main\nproduction\n");
        git(&["fsck", "--strict"]);
    }
}
