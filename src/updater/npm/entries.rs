//! Entries of a package-lock.json, replaced natively by what the registry says of a release.

use serde_json::{Map, Value};

use super::super::contract::Move;

use crate::model::release::Release;
use crate::sandbox::layout;

/// What npm copies from a release's record into the lockfile, in npm's order.
const COPIED: [&str; 14] = [
    "deprecated",
    "license",
    "dependencies",
    "bin",
    "engines",
    "os",
    "cpu",
    "libc",
    "funding",
    "hasInstallScript",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
];

/// The real name of an entry: `name` where it is an alias, else the path's end.
pub(super) fn name_of(path: &str, entry: &Value) -> String {
    let last = path.rsplit("node_modules/").next().unwrap_or(path);
    entry.get("name").and_then(Value::as_str).unwrap_or(last).to_owned()
}

/// The lockfile with every entry of the moved packages at its old version replaced by what the registry says of the new
/// one; `None` where the format or the registry's record does not allow it.
pub(super) fn edit_entries(lock: &[u8], moves: &[Move<'_>], omits_resolved: bool) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(lock).ok()?;
    let mut value: Value = serde_json::from_str(text).ok()?;
    let packages = value.get_mut("packages")?.as_object_mut()?;
    for step in moves {
        let record = step.release.and_then(|release| entry_record(release, omits_resolved))?;
        let mut edited = false;
        for (path, entry) in packages.iter_mut().filter(|(path, _)| path.contains("node_modules/")) {
            let at_old = entry.get("version").and_then(Value::as_str) == Some(step.from);
            if at_old && name_of(path, entry) == step.package {
                replace_entry(entry.as_object_mut()?, &record);
                edited = true;
            }
        }
        if !edited {
            return None;
        }
    }
    // A second copy in the old form stands in version 2; npm writes it anew from `packages`.
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("dependencies");
    }
    Some(layout::write_like(text, &value))
}

/// Keeps where and why the package is there, replaces what it is.
fn replace_entry(entry: &mut Map<String, Value>, record: &Map<String, Value>) {
    let mut fresh = record.clone();
    if let Some(name) = entry.get("name") {
        fresh.insert("name".to_owned(), name.clone());
    }
    for kept in ["dev", "optional", "devOptional", "peer", "inBundle"] {
        if let Some(flag) = entry.get(kept) {
            fresh.insert(kept.to_owned(), flag.clone());
        }
    }
    *entry = fresh;
}

/// What npm writes of a release. Never without `integrity`: npm does not fill it in again.
fn entry_record(release: &Release, omits_resolved: bool) -> Option<Map<String, Value>> {
    let record = release.record.as_ref()?;
    let mut entry = Map::new();
    entry.insert("version".to_owned(), Value::from(release.version.as_str()));
    let distribution = record.get("dist")?;
    if !omits_resolved {
        entry.insert("resolved".to_owned(), distribution.get("tarball")?.clone());
    }
    entry.insert("integrity".to_owned(), distribution.get("integrity")?.clone());
    for field in COPIED {
        if let Some(value) = record.get(field) {
            entry.insert(field.to_owned(), value.clone());
        }
    }
    Some(entry)
}
