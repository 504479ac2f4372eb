//! Cargo projects: which manifests a `Cargo.lock` is about, and which addresses lead out of the repository.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item};

use crate::model::bounded_toml;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

/// The manifest beside the lockfile, and those of the packages that the lockfile takes from a folder.
///
/// Where several manifests give a package that name, those win that have no other lockfile nearer.
pub(crate) fn manifests(lockfile: &RepoPath, tree: &dyn ProjectTree) -> BTreeSet<RepoPath> {
    let files = |name: &'static str| {
        let is_one = move |kind: EntryKind| matches!(kind, EntryKind::File { .. });
        tree.entries().iter().filter(move |it| it.path.file_name() == name && is_one(it.kind)).map(|it| &it.path)
    };
    let text = |path: &RepoPath| tree.read(path).ok().and_then(|content| String::from_utf8(content).ok());
    let lock = text(lockfile).and_then(|text| bounded_toml::parse::<cargo_lock::Lockfile>(&text));
    let packages = lock.map(|lock| lock.packages).unwrap_or_default();
    let local: BTreeSet<String> =
        packages.into_iter().filter(|it| it.source.is_none()).map(|it| it.name.to_string()).collect();
    let mut named: Vec<(String, &RepoPath, bool)> = Vec::new();
    for path in files("Cargo.toml") {
        let is_root = path.folder() == lockfile.folder();
        let document = text(path).and_then(|text| bounded_toml::parse::<DocumentMut>(&text));
        let name = document.as_ref().and_then(|document| document.get("package")?.get("name")).and_then(Item::as_str);
        let name = name.unwrap_or_default().to_owned();
        if is_root || local.contains(&name) {
            let nearest =
                files("Cargo.lock").filter(|lock| holds(lock.folder(), path)).max_by_key(|it| it.folder().len());
            named.push((name, path, nearest == Some(lockfile)));
        }
    }
    let is_clear = |name: &str| named.iter().any(|(other, _, own)| *own && other == name);
    let own = named.iter().filter(|(name, _, own)| *own || !is_clear(name));
    own.map(|(_, path, _)| (*path).clone()).collect()
}

/// Whether a folder (empty for the root) holds a file, at any depth.
fn holds(folder: &str, path: &RepoPath) -> bool {
    folder.is_empty() || path.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether an address is one of files (mirrors of other projects lie on this machine), with or without the kind of a registry in front.
pub(crate) fn names_this_machine(address: &str) -> bool {
    let address = address.trim().to_ascii_lowercase();
    ["file:", "sparse+file:", "git+file:", "registry+file:"].iter().any(|scheme| address.starts_with(scheme))
}
