//! Cargo projects: which manifests a `Cargo.lock` is about, which of them Cargo reads, and which addresses lead out of the
//! repository.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::inside;

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

/// The tables of a manifest that hold requirements, with the names that older editions take as well.
pub(crate) const REQUIREMENTS: [&str; 5] =
    ["dependencies", "dev-dependencies", "dev_dependencies", "build-dependencies", "build_dependencies"];

/// A manifest that Cargo reads.
pub(crate) struct Manifest {
    /// Its bytes.
    pub(crate) content: Vec<u8>,
    /// What they say.
    pub(crate) document: DocumentMut,
}

/// The manifests that Cargo reads to maintain a lockfile: the one beside it, the members of its workspace, the packages
/// that these take from folders, and the roots that they inherit from.
/// <https://doc.rust-lang.org/cargo/reference/workspaces.html>
///
/// Others of the repository (fixtures, other projects) are none of its business. One that cannot be read, or is not TOML,
/// is left out; if the project needs it, Cargo says so.
pub(crate) fn read_by_cargo(lockfile: &RepoPath, tree: &dyn ProjectTree) -> BTreeMap<RepoPath, Manifest> {
    let is_file = |kind: EntryKind| matches!(kind, EntryKind::File { .. });
    let entries = tree.entries().iter().filter(|it| it.path.file_name() == "Cargo.toml" && is_file(it.kind));
    let all: BTreeSet<&RepoPath> = entries.map(|it| &it.path).collect();
    let parse = |path: &RepoPath| {
        let content = tree.read(path).ok()?;
        let document = bounded_toml::parse::<DocumentMut>(&String::from_utf8_lossy(&content))?;
        Some(Manifest { content, document })
    };
    let mut found: BTreeMap<RepoPath, Manifest> = BTreeMap::new();
    let mut roots: BTreeMap<RepoPath, Option<Manifest>> = BTreeMap::new();
    let mut open: Vec<(RepoPath, bool)> = lockfile.sibling("Cargo.toml").map(|path| (path, true)).into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some((path, is_root)) = open.pop() {
        // Only the members of the lockfile's own workspace are its business, not those of a folder's that it takes.
        if !all.contains(&path) || !seen.insert((path.clone(), is_root)) {
            continue;
        }
        let Some(manifest) = parse(&path) else { continue };
        let folder = path.folder();
        let members = if is_root { members(folder, &manifest.document, &all) } else { BTreeSet::new() };
        open.extend(members.into_iter().map(|path| (path, false)));
        for place in folders(&manifest.document).into_iter().filter_map(|written| inside::resolve(folder, &written)) {
            open.extend(manifest_of(&place).map(|path| (path, false)));
        }
        if manifest.document.get("workspace").is_none() {
            let mut above = folder;
            while let Some((outer, _)) = above.rsplit_once('/').or((!above.is_empty()).then_some(("", above))) {
                above = outer;
                let Some(root) = manifest_of(outer).filter(|root| all.contains(root)) else { continue };
                let known = roots.entry(root.clone()).or_insert_with(|| parse(&root));
                if known.as_ref().is_some_and(|known| takes(outer, &known.document, &path)) {
                    open.push((root, is_root));
                    break;
                }
            }
        }
        found.insert(path, manifest);
    }
    found
}

/// The manifest in a folder of the repository.
fn manifest_of(folder: &str) -> Option<RepoPath> {
    RepoPath::in_folder(folder, "Cargo.toml").ok()
}

/// Calls back for every requirement of a manifest: its key and what stands there. `[patch]` and `[replace]` count.
pub(crate) fn each_dependency(document: &DocumentMut, mut visit: impl FnMut(&str, &Item)) {
    let mut holders: Vec<&dyn TableLike> = vec![document.as_table()];
    holders.extend(document.get("workspace").and_then(Item::as_table_like));
    let targets = document.get("target").and_then(Item::as_table_like);
    holders.extend(targets.into_iter().flat_map(|it| it.iter()).filter_map(|(_, target)| target.as_table_like()));
    let mut tables: Vec<&dyn TableLike> = Vec::new();
    for holder in holders {
        tables.extend(REQUIREMENTS.iter().filter_map(|name| holder.get(name).and_then(Item::as_table_like)));
    }
    let patches = document.get("patch").and_then(Item::as_table_like);
    tables.extend(patches.into_iter().flat_map(|it| it.iter()).filter_map(|(_, patch)| patch.as_table_like()));
    tables.extend(document.get("replace").and_then(Item::as_table_like));
    for (key, item) in tables.into_iter().flat_map(|table| table.iter()) {
        visit(key, item);
    }
}

/// The strings of a list of a table, such as the members of a workspace.
pub(crate) fn strings(table: Option<&dyn TableLike>, key: &str) -> Vec<String> {
    let list = table.and_then(|table| table.get(key)).and_then(Item::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The folders that a manifest names: those of packages that it takes from there, and that of its workspace.
fn folders(document: &DocumentMut) -> Vec<String> {
    let mut folders = Vec::new();
    each_dependency(document, |_, item| {
        let path = item.as_table_like().and_then(|table| table.get("path")).and_then(Item::as_str);
        folders.extend(path.map(str::to_owned));
    });
    // Older editions take `project` for `package`.
    let package = document.get("package").or_else(|| document.get("project")).and_then(Item::as_table_like);
    let workspace = package.and_then(|package| package.get("workspace")).and_then(Item::as_str);
    folders.extend(workspace.map(str::to_owned));
    folders
}

/// The manifests of a workspace's members, those that its patterns match and that it does not exclude.
fn members(folder: &str, document: &DocumentMut, all: &BTreeSet<&RepoPath>) -> BTreeSet<RepoPath> {
    let workspace = document.get("workspace").and_then(Item::as_table_like);
    let mut members = BTreeSet::new();
    for pattern in strings(workspace, "members").iter().filter_map(|written| inside::resolve(folder, written)) {
        members.extend(manifest_of(&pattern).filter(|path| all.contains(path)));
        let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() else { continue };
        let glob = glob.compile_matcher();
        let matching = all.iter().filter(|path| glob.is_match(path.folder()) && takes(folder, document, path));
        members.extend(matching.map(|path| (*path).clone()));
    }
    members
}

/// Whether a manifest is that of a workspace which does not exclude another manifest below it. What it names as a member
/// literally, it does not exclude.
fn takes(folder: &str, document: &DocumentMut, path: &RepoPath) -> bool {
    let Some(workspace) = document.get("workspace").and_then(Item::as_table_like) else { return false };
    let below = |key: &str| {
        let places = strings(Some(workspace), key).into_iter().filter_map(|written| inside::resolve(folder, &written));
        places.into_iter().any(|place| holds(&place, path))
    };
    below("members") || !below("exclude")
}

/// Whether an address is one of files (mirrors of other projects lie on this machine), with or without the kind of a registry in front.
pub(crate) fn names_this_machine(address: &str) -> bool {
    let address = address.trim().to_ascii_lowercase();
    ["file:", "sparse+file:", "git+file:", "registry+file:"].iter().any(|scheme| address.starts_with(scheme))
}
