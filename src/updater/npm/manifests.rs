//! The manifests that npm reads for a lockfile, each reduced to what its resolver needs.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;
use serde_json::Value;

use super::SECTIONS;
use super::specifications::path_of;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};
use crate::sandbox::inside;
use crate::sandbox::layout;

/// What npm resolves by or notes in the lockfile, and what other managers call overrides; everything else is dropped.
const KEPT: [&str; 25] = [
    "name",
    "version",
    "private",
    "license",
    "licenses",
    "funding",
    "engines",
    "os",
    "cpu",
    "libc",
    "bin",
    "scripts",
    "gypfile",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "acceptDependencies",
    "overrides",
    "resolutions",
    "workspaces",
    "pnpm",
];

/// The manifests that belong to a lockfile: the one beside it, those of its workspaces, and those of folders that are linked
/// by it or by one of these. Others of the repository are none of its business. What cannot be read is left out; if
/// the project needs it, npm says so.
pub(super) fn belonging_to(lockfile: &RepoPath, lock: &Value, tree: &dyn ProjectTree) -> BTreeMap<RepoPath, Vec<u8>> {
    let is_manifest = |path: &RepoPath| {
        path.file_name() == "package.json" && !path.as_str().split('/').any(|component| component == "node_modules")
    };
    let files = tree.entries().iter().filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
    let all: BTreeSet<&RepoPath> = files.map(|entry| &entry.path).filter(|path| is_manifest(path)).collect();
    let start = lockfile.folder();
    let mut open = vec![start.to_owned()];
    open.extend(locked_folders(lock).into_iter().filter_map(|folder| inside::resolve(start, folder)));
    let mut found = BTreeMap::new();
    while let Some(folder) = open.pop() {
        let manifest = RepoPath::in_folder(&folder, "package.json").ok();
        let Some(path) = manifest.filter(|path| all.contains(path) && !found.contains_key(path)) else {
            continue;
        };
        let Some((manifest, reduced)) = tree.read(&path).ok().and_then(|content| reduce(&content)) else { continue };
        if folder == start {
            open.extend(members(start, &manifest, &all));
        }
        let written = SECTIONS.iter().filter_map(|section| manifest.get(section)?.as_object()).flatten();
        let paths = written.filter_map(|(_, specification)| path_of(specification.as_str()?));
        open.extend(paths.filter_map(|written| inside::resolve(&folder, written)));
        found.insert(path, reduced);
    }
    found
}

/// The folders of the project that a lockfile has entries or links for.
fn locked_folders(lock: &Value) -> Vec<&str> {
    let packages = lock.get("packages").and_then(Value::as_object);
    let mut folders = Vec::new();
    for (path, entry) in packages.into_iter().flatten() {
        if !path.contains("node_modules") {
            folders.push(path.as_str());
        }
        if entry.get("link").and_then(Value::as_bool) == Some(true) {
            let target = entry.get("resolved").and_then(Value::as_str);
            folders.extend(target.map(|target| path_of(target).unwrap_or(target)));
        }
    }
    folders
}

/// The folders that the patterns of a manifest's workspaces match. What a pattern excludes again counts as matched: that
/// npm does not look at it changes nothing.
fn members(start: &str, manifest: &Value, all: &BTreeSet<&RepoPath>) -> Vec<String> {
    let mut members = Vec::new();
    for pattern in workspaces(manifest).into_iter().filter_map(Value::as_str).filter(|it| !it.starts_with('!')) {
        // npm takes a slash in front for none.
        let Some(pattern) = inside::resolve(start, pattern.trim_start_matches(['.', '/'])) else { continue };
        let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() else { continue };
        let glob = glob.compile_matcher();
        members.extend(all.iter().map(|path| path.folder()).filter(|folder| glob.is_match(folder)).map(str::to_owned));
    }
    members
}

/// The patterns of a manifest's workspaces, in either of the two forms.
pub(super) fn workspaces(manifest: &Value) -> Vec<&Value> {
    let written = manifest.get("workspaces");
    let list = written.and_then(|it| it.get("packages")).or(written).and_then(Value::as_array);
    list.into_iter().flatten().collect()
}

/// A manifest, and the same without what could run or redirect: scripts keep their names (npm notes the presence of some in
/// the lockfile) but do nothing.
pub(super) fn reduce(manifest: &[u8]) -> Option<(Value, Vec<u8>)> {
    let text = std::str::from_utf8(manifest).ok()?;
    let mut value: Value = serde_json::from_str(text).ok()?;
    let fields = value.as_object_mut()?;
    fields.retain(|name, _| KEPT.contains(&name.as_str()));
    if let Some(scripts) = fields.get_mut("scripts").and_then(Value::as_object_mut) {
        for command in scripts.values_mut() {
            *command = Value::from("exit 1");
        }
    }
    let written = layout::write_like(text, &value);
    Some((value, written))
}
