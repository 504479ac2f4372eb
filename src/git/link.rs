//! Links: whether the git data of a folder is its own, before any of it is read.
//!
//! A folder that somebody hands over can say that its repository is anywhere on this machine: by a `.git` file, by a
//! symbolic link, or by a `commondir` file. What it leads to counts as its own when it lies in the folder, or when it points
//! back: the data of a worktree and of a submodule name the folder that they belong to, as git itself checks
//! (<https://git-scm.com/docs/gitrepository-layout>).

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use gix::config::parse::{EventRef, Events};

/// The files that say where something is hold a path.
const SIZE_LIMIT: u64 = 64 * 1024;

/// What git reads of a repository first. None of these is a link in any repository that git makes.
const PARTS: [&str; 6] = ["HEAD", "config", "index", "objects", "packed-refs", "refs"];

/// Git data that is not the folder's own.
#[derive(Debug, thiserror::Error)]
#[error("follow `{}`: it leads out of the folder, and what it leads to does not point back", .0.display())]
pub(crate) struct LeadsOutside(PathBuf);

/// Fails when the git data of a folder (with a working folder or bare) is somebody else's. A folder without any is fine.
pub(super) fn check(folder: &Path) -> Result<(), LeadsOutside> {
    // What cannot be found is no repository, which whoever opens it says.
    let Ok(root) = folder.canonicalize() else { return Ok(()) };
    let link = root.join(".git");
    let data = match link.symlink_metadata() {
        Err(_) => root.clone(),
        Ok(metadata) if metadata.is_file() => match pointed_at(&link) {
            Some(data) if data.starts_with(&root) => data,
            Some(data) if points_back(&data, &root, &link) => return Ok(()),
            _ => return Err(LeadsOutside(link)),
        },
        Ok(_) => link.canonicalize().ok().filter(|data| data.starts_with(&root)).ok_or(LeadsOutside(link))?,
    };
    let leads_outside = |path: &Path| !path.canonicalize().is_ok_and(|place| place.starts_with(&root));
    let common = data.join("commondir");
    if common.symlink_metadata().is_ok() && !named_in(&common, "").is_some_and(|place| place.starts_with(&root)) {
        return Err(LeadsOutside(common));
    }
    let is_link = |path: &PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    match PARTS.map(|part| data.join(part)).into_iter().find(|part| is_link(part) && leads_outside(part)) {
        Some(part) => Err(LeadsOutside(part)),
        None => Ok(()),
    }
}

/// Where a `.git` file says that the data are.
fn pointed_at(link: &Path) -> Option<PathBuf> {
    named_in(link, "gitdir:")
}

/// The place that a file names after a word, without links; a relative one is seen from the file's folder.
fn named_in(file: &Path, word: &str) -> Option<PathBuf> {
    let text = read(file)?;
    let named = text.strip_prefix(word)?.trim();
    if named.is_empty() { None } else { file.parent()?.join(named).canonicalize().ok() }
}

fn read(file: &Path) -> Option<String> {
    let mut text = String::new();
    // A pipe would keep us waiting.
    file.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    File::open(file).ok()?.take(SIZE_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether git data name the folder as the one that they belong to: those of a worktree by its `.git` file, those of a
/// submodule by `core.worktree`.
fn points_back(data: &Path, root: &Path, link: &Path) -> bool {
    named_in(&data.join("gitdir"), "").is_some_and(|place| place == link)
        || worktree(&data.join("config"))
            .is_some_and(|place| data.join(place).canonicalize().is_ok_and(|it| it == root))
}

/// The last `core.worktree` of a configuration file; files that it includes are not followed.
fn worktree(config: &Path) -> Option<PathBuf> {
    let text = read(config)?;
    let events = Events::from_bytes(text.as_bytes(), None).ok()?;
    let (mut in_core, mut is_wanted, mut value, mut found) = (false, false, Vec::new(), None);
    for event in events.iter() {
        match event {
            EventRef::SectionHeader { name, subsection_name, .. } => {
                in_core = name.eq_ignore_ascii_case(b"core") && subsection_name.is_none();
            }
            EventRef::SectionValueName(name) => {
                is_wanted = in_core && name.eq_ignore_ascii_case(b"worktree");
                value.clear();
            }
            EventRef::ValueNotDone(part) => value.extend_from_slice(part),
            EventRef::Value(part) | EventRef::ValueDone(part) if is_wanted => {
                value.extend_from_slice(part);
                found = Some(gix::config::value::normalize(gix::bstr::BStr::new(&value)).to_string());
            }
            _ => {}
        }
    }
    found.map(PathBuf::from)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use std::os::unix::fs::symlink;

    #[test]
    fn worktrees_submodules_and_plain_repositories_are_their_own() {
        let (home, apart) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        home.write("Cargo.lock", "");
        home.commit("first");
        let tree = apart.path().join("tree");
        home.git(&["worktree", "add", "-q", tree.to_str().expect("text")]);
        let whole = apart.path().join("whole");
        home.git(&["clone", "-q", ".", whole.to_str().expect("text")]);
        let allowed = ["-c", "protocol.file.allow=always", "submodule", "add", "-q"];
        let address = home.path().display().to_string();
        let git = |arguments: &[&str]| home.git(&[&["-C", whole.to_str().expect("text")], arguments].concat());
        git(&[&allowed[..], &[&address, "lib"]].concat());
        home.git(&["clone", "-q", "--bare", ".", apart.path().join("bare").to_str().expect("text")]);
        for folder in [home.path().to_owned(), tree, whole.clone(), whole.join("lib"), apart.path().join("bare")] {
            check(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        check(Path::new("/nowhere/at/all")).expect("nothing there");
    }

    #[test]
    fn what_leads_to_another_repository_is_refused() {
        let other = Scratch::new();
        other.write("Cargo.lock", "");
        other.commit("secret");
        let data = other.path().join(".git");
        let case = |name: &str, make: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().expect("a folder");
            make(folder.path());
            let refused = check(folder.path());
            assert!(refused.is_err(), "{name}");
            assert!(
                !refused.expect_err("refused").to_string().contains(other.path().to_str().expect("text")),
                "{name}"
            );
        };
        let write = |path: PathBuf, text: String| std::fs::write(path, text).expect("written");
        case("a file", &|folder| write(folder.join(".git"), format!("gitdir: {}\n", data.display())));
        case("an empty file", &|folder| write(folder.join(".git"), String::new()));
        case("a link", &|folder| symlink(&data, folder.join(".git")).expect("a link"));
        case("a common folder", &|folder| {
            std::fs::create_dir(folder.join(".git")).expect("a folder");
            write(folder.join(".git/commondir"), data.display().to_string());
        });
        case("linked parts", &|folder| {
            std::fs::create_dir(folder.join(".git")).expect("a folder");
            symlink(data.join("refs"), folder.join(".git/refs")).expect("a link");
        });
        case("a bare one of links", &|folder| symlink(data.join("HEAD"), folder.join("HEAD")).expect("a link"));
    }
}
