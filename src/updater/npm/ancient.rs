//! Ancient: a lockfile of version 1 of the format, with the list of packages by folder that later versions have.
//!
//! npm does the same, but asks the registry for every package of the lockfile then, also for those that do not come from it.
//! What version 1 does not say (peers, engines) is not said here either.

use nodejs_semver::Version;
use serde_json::{Map, Value, json};

use super::super::contract::Files;
use super::solver::tree::up;
use super::specifications::path_of;
use super::{SECTIONS, lockfile_version};
use crate::model::repository::RepoPath;
use crate::sandbox::{inside, layout};

/// The lockfile with a list of packages beside the old one, which makes it one of version 2; `None` for later versions, and for
/// what cannot be read.
pub(super) fn opened(files: &Files) -> Option<Vec<u8>> {
    if lockfile_version(files.lock()) != Some(1) {
        return None;
    }
    let mut lock: Value = serde_json::from_slice(files.lock()).ok()?;
    let mut packages = Map::from_iter([(String::new(), project(files, files.lockfile.folder())?)]);
    collect(files, (lock.get("dependencies")?.as_object()?, ""), &mut packages);
    note_missing(&mut packages);
    let fields = lock.as_object_mut()?;
    fields.insert("lockfileVersion".to_owned(), Value::from(2));
    fields.insert("packages".to_owned(), Value::Object(packages));
    Some(layout::write_like(&String::from_utf8_lossy(files.lock()), &lock))
}

/// The entry of a folder of the project: what its manifest asks for.
fn project(files: &Files, folder: &str) -> Option<Value> {
    let path = RepoPath::in_folder(folder, "package.json").ok()?;
    let mut manifest: Map<String, Value> = serde_json::from_slice(files.contents.get(&path)?).ok()?;
    manifest.retain(|name, _| ["name", "version"].contains(&name.as_str()) || SECTIONS.contains(&name.as_str()));
    Some(Value::Object(manifest))
}

/// The entries of one level, and of those below it.
fn collect(files: &Files, (level, above): (&Map<String, Value>, &str), packages: &mut Map<String, Value>) {
    for (name, entry) in level {
        let place = format!("{above}node_modules/{name}");
        let written = entry.get("version").and_then(Value::as_str).unwrap_or_default();
        let folder = path_of(written).and_then(|path| inside::resolve(files.lockfile.folder(), path));
        let linked = folder.as_deref().and_then(|folder| Some((path_of(written)?, project(files, folder)?)));
        let mut below = format!("{place}/");
        if let Some((target, project)) = linked {
            let target = target.trim_start_matches("./").trim_end_matches('/');
            packages.insert(place, json!({"resolved": target, "link": true}));
            packages.insert(target.to_owned(), project);
            below = format!("{target}/");
        } else {
            packages.insert(place, package(entry, written));
        }
        if let Some(children) = entry.get("dependencies").and_then(Value::as_object) {
            collect(files, (children, &below), packages);
        }
    }
}

/// The entry of an installed package.
fn package(entry: &Value, written: &str) -> Value {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.clone());
        }
    };
    let alias = written.strip_prefix("npm:").and_then(|target| target.rsplit_once('@'));
    let (name, version) = alias.map_or((None, written), |(name, version)| (Some(Value::from(name)), version));
    set("name", name.as_ref());
    let is_version = Version::parse(version).is_ok();
    let version = Value::from(version);
    set(if is_version { "version" } else { "resolved" }, Some(&version));
    if is_version {
        set("resolved", entry.get("resolved"));
    }
    set("integrity", entry.get("integrity"));
    for flag in ["dev", "optional"] {
        set(flag, entry.get(flag));
    }
    set("inBundle", entry.get("bundled"));
    set("dependencies", entry.get("requires").filter(|requires| requires.is_object()));
    Value::Object(fields)
}

/// Version 1 does not tell apart what is needed and what may be missing: what is missing, may.
fn note_missing(packages: &mut Map<String, Value>) {
    let is_there = |packages: &Map<String, Value>, from: &str, name: &str| {
        let mut folder = Some(from);
        while let Some(here) = folder {
            let separator = if here.is_empty() { "" } else { "/" };
            if packages.contains_key(&format!("{here}{separator}node_modules/{name}")) {
                return true;
            }
            folder = up(here);
        }
        false
    };
    let mut missing: Vec<(String, String)> = Vec::new();
    for (path, entry) in packages.iter().filter(|(path, _)| path.contains("node_modules/")) {
        let names = entry.get("dependencies").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        missing.extend(names.filter(|name| !is_there(packages, path, name)).map(|name| (path.clone(), name.clone())));
    }
    for (path, name) in missing {
        let Some(entry) = packages.get_mut(&path).and_then(Value::as_object_mut) else { continue };
        let Some(written) = entry["dependencies"].as_object_mut().and_then(|members| members.shift_remove(&name))
        else {
            continue;
        };
        let optional = entry.entry("optionalDependencies").or_insert_with(|| Value::Object(Map::new()));
        if let Some(optional) = optional.as_object_mut() {
            optional.insert(name, written);
        }
    }
}
