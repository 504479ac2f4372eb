//! package-lock.json: what the project asks for, against the packages of its own `node_modules`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Misfit, Pair};
use crate::model::ecosystem::Ecosystem;
use crate::version::satisfies;

/// The tables of package.json whose packages npm always locks; peers may be left out (`--legacy-peer-deps`).
pub(super) const TABLES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest: Map<String, Value> = serde_json::from_str(&pair.beside("package.json")?).ok()?;
    let lock: Value = serde_json::from_str(pair.lock).ok()?;
    let packages = lock.get("packages").and_then(Value::as_object);
    let legacy = lock.get("dependencies").and_then(Value::as_object);
    let entry = |name: &str| match packages {
        Some(packages) => packages.get(&format!("node_modules/{name}")),
        None => legacy.and_then(|legacy| legacy.get(name)),
    };
    for (name, requirement) in requests(&manifest) {
        let Some(entry) = entry(name) else {
            return Some(Misfit::new(1, format!("`{name}`, which package.json asks for, is not in it")));
        };
        // A link to a folder, and what an override puts there, need not meet the request.
        if manifest.contains_key("overrides") || entry.get("link").is_some() {
            continue;
        }
        let Some(version) = entry.get("version").and_then(Value::as_str) else { continue };
        // Tags, addresses and aliases are no ranges: they are met by what npm says.
        let is_range = requirement.starts_with(|first: char| first.is_ascii_digit() || "^~<>=".contains(first));
        if is_range && satisfies(Ecosystem::Npm, requirement, version) == Some(false) {
            let reason = format!("it has `{name}` {version}, package.json asks for `{requirement}`");
            return Some(Misfit::new(pair.line_with(&format!("\"node_modules/{name}\"")), reason));
        }
    }
    let root = packages.and_then(|packages| packages.get("")).and_then(Value::as_object)?;
    let asked: BTreeSet<&str> = requests(&manifest).map(|(name, _)| name).collect();
    let extra = requests(root).map(|(name, _)| name).find(|name| !asked.contains(name))?;
    // npm keeps what is a peer and a development dependency in whichever table it likes.
    let is_peer = manifest.get("peerDependencies").and_then(|peers| peers.get(extra)).is_some();
    (!is_peer).then(|| Misfit::new(1, format!("it asks for `{extra}`, package.json does not")))
}

/// Package and requirement of everything that the project asks for.
pub(super) fn requests(manifest: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let tables = TABLES.iter().filter_map(|table| manifest.get(*table)?.as_object());
    tables.flatten().filter_map(|(name, requirement)| Some((name.as_str(), requirement.as_str()?)))
}
