//! Cargo.lock: the requests of the packages that it locks for, against the versions in it.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use toml::{Table, Value};

use super::super::contract::manifest::is_foreign;
use super::{Misfit, Pair};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;
use crate::model::tree::{EntryKind, TreeEntry};
use crate::version::satisfies;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
}

/// A workspace with more members than this is compared in part.
const MEMBER_LIMIT: usize = 1_000;

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let lock: Lock = bounded_toml::from_str(pair.lock).ok()?;
    let mut versions: HashMap<String, Vec<&str>> = HashMap::new();
    for package in &lock.package {
        versions.entry(plain(&package.name)).or_default().push(&package.version);
    }
    let root: Table = bounded_toml::from_str(&pair.beside("Cargo.toml")?).ok()?;
    if let Some(misfit) = package(pair, &root, &root, &versions, true) {
        return Some(misfit);
    }
    let own: HashSet<&str> =
        lock.package.iter().filter(|package| package.source.is_none()).map(|package| package.name.as_str()).collect();
    members(pair).find_map(|text| {
        let manifest: Table = bounded_toml::from_str(&text).ok()?;
        let name = manifest.get("package")?.get("name")?.as_str()?;
        // Another workspace may lie below this one.
        if manifest.contains_key("workspace") || !own.contains(&name) {
            return None;
        }
        package(pair, &manifest, &root, &versions, false)
    })
}

/// Other manifests below the lockfile that have no lockfile of their own.
fn members<'a>(pair: &'a Pair<'_>) -> impl Iterator<Item = String> + 'a {
    let home = pair.path.folder();
    let entries = pair.tree.entries();
    // Sorted by path: what lies below the folder stands together.
    let start = if home.is_empty() { 0 } else { entries.partition_point(|entry| entry.path.as_str() < home) };
    let below =
        entries.get(start..).unwrap_or_default().iter().take_while(move |entry| entry.path.as_str().starts_with(home));
    let files: Vec<&TreeEntry> = below
        .filter(|entry| matches!(entry.kind, EntryKind::File { .. }) && lies_in(entry.path.folder(), home))
        .filter(|entry| matches!(entry.path.file_name(), "Cargo.lock" | "Cargo.toml"))
        .collect();
    let named = |name: &'static str| files.iter().copied().filter(move |entry| entry.path.file_name() == name);
    let others: HashSet<&str> =
        named("Cargo.lock").map(|entry| entry.path.folder()).filter(|other| *other != home).collect();
    let manifests: Vec<&TreeEntry> = named("Cargo.toml")
        .filter(|entry| entry.path.folder() != home && !is_foreign(&entry.path))
        .filter(|entry| !ancestors(entry.path.folder()).any(|folder| others.contains(folder)))
        .take(MEMBER_LIMIT)
        .collect();
    manifests.into_iter().filter_map(|entry| String::from_utf8(pair.tree.read(&entry.path).ok()?).ok())
}

/// A folder and all above it.
fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| folder.rsplit_once('/').map(|(above, _)| above))
}

fn lies_in(folder: &str, above: &str) -> bool {
    above.is_empty() || folder.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first request of a package that the lockfile does not answer. `whole`: also what only its own workspace locks; a
/// folder elsewhere that is only required by path brings neither its development dependencies nor its optional ones.
fn package(
    pair: &Pair<'_>,
    manifest: &Table,
    root: &Table,
    versions: &HashMap<String, Vec<&str>>,
    whole: bool,
) -> Option<Misfit> {
    manifest.get("package")?;
    let tables: &[&str] = if whole {
        &["dependencies", "build-dependencies", "dev-dependencies"]
    } else {
        &["dependencies", "build-dependencies"]
    };
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let parts = std::iter::once(manifest).chain(targets.filter_map(|(_, target)| target.as_table()));
    let requests = parts.flat_map(|part| tables.iter().filter_map(|table| part.get(*table)?.as_table())).flatten();
    for (key, request) in requests {
        let is_optional = request.get("optional").and_then(Value::as_bool).unwrap_or(false);
        if is_optional && !whole {
            continue;
        }
        let inherited = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
        let written =
            if request.get("workspace").is_some() { inherited.and_then(|table| table.get(key)) } else { Some(request) };
        let Some(written) = written else { continue };
        let name = written.get("package").and_then(Value::as_str).unwrap_or(key);
        let Some(locked) = versions.get(&plain(name)) else {
            return Some(Misfit::new(1, format!("`{name}`, which a Cargo.toml asks for, is not in it")));
        };
        let Some(requirement) = written.as_str().or_else(|| written.get("version")?.as_str()) else { continue };
        // What cannot be compared is met, as far as can be told.
        let is_met = |version: &&str| satisfies(Ecosystem::CratesIo, requirement, version) != Some(false);
        if !locked.iter().any(is_met) {
            let reason = format!("it has `{name}` {}, Cargo.toml asks for `{requirement}`", locked.join(", "));
            return Some(Misfit::new(pair.line_with(&format!("name = \"{name}\"")), reason));
        }
    }
    None
}

/// Cargo finds `a_b` for `a-b` in some places.
fn plain(name: &str) -> String {
    name.replace('_', "-")
}
