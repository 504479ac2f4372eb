//! Stand-ins: what a project takes from elsewhere than the registry is shown to npm as a package that is locked already, so
//! that nobody is asked for it; in the lockfile that npm writes, the originals are put back.
//!
//! npm asks for nothing that the lockfile has and that everyone who gets it is content with. A stand-in therefore has the
//! place, the version and the requirements of the original, nothing of where it comes from, and a checksum that only a
//! stand-in has; who gets it asks for its version.

use std::collections::{BTreeMap, BTreeSet};

use nodejs_semver::Version;
use serde_json::{Map, Value};

use super::super::contract::Files;
use super::SECTIONS;
use super::ancient;
use super::entries::name_of;
use super::solver::tree::up;
use super::specifications::{is_outside, leads_elsewhere, link_leads_elsewhere};
use crate::model::repository::RepoPath;
use crate::sandbox::{inside, layout};

/// The checksum of every stand-in: no archive has it.
const SEAL: &str = "sha512-cGF0Y2hwYXJ0eSBzdGFuZC1pbjsgcGF0Y2hwYXJ0eSBzdGFuZC1pbjsgcGF0Y2hwYXJ0eSBzdGFuZC1pbjsgcA==";
/// A version that no release has: who asks for a stand-in asks for this one as well, so that the text is unmistakable.
const NEVER: &str = "0.0.0-patchparty-stand-in";
/// What a stand-in has of its original.
const KEPT: [&str; 9] = [
    "version",
    "dev",
    "optional",
    "devOptional",
    "peer",
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
];
/// Settings of a manifest that npm passes over, and that may lead anywhere.
const PASSED_OVER: [&str; 2] = ["resolutions", "pnpm"];

/// A map of a JSON file.
type Fields = Map<String, Value>;

/// The files with stand-ins; `None` where there is nothing to stand in for, or something leads elsewhere for which nothing
/// is locked.
pub(super) fn shown(files: &Files, foreign: &BTreeSet<String>) -> Option<Files> {
    let opened = ancient::opened(files);
    let mut lock: Value = serde_json::from_slice(opened.as_deref().unwrap_or(files.lock())).ok()?;
    let packages = lock.get("packages")?.as_object()?.clone();
    let originals = Originals::of(files, &packages, foreign);
    let mut asked = BTreeSet::new();
    let mut entries = Fields::new();
    for (path, entry) in packages.iter().filter(|(path, _)| !is_outside(files, path)) {
        let stands_in = originals.places.contains(path.as_str());
        let mut fields = if stands_in { originals.stand_in(path) } else { entry.as_object()?.clone() };
        originals.rewrite(path, &mut fields, &mut asked)?;
        entries.insert(path.clone(), Value::Object(fields));
    }
    let mut contents = files.contents.clone();
    for (path, content) in files.contents.iter().filter(|(path, _)| path.file_name() == "package.json") {
        contents.insert(path.clone(), originals.manifest((path, content), &mut asked)?);
    }
    // One that nobody asks for would be taken away by npm, and so would its original.
    if originals.places.is_empty() || asked != originals.places {
        return None;
    }
    let fields = lock.as_object_mut()?;
    fields.insert("packages".to_owned(), Value::Object(entries));
    fields.shift_remove("dependencies");
    let text = String::from_utf8_lossy(files.lock());
    contents.insert(files.lockfile.clone(), layout::write_like(&text, &lock));
    Some(Files { contents, ..files.clone() })
}

/// The lockfile that npm wrote from a planned one with stand-ins, with the originals in their place; `None` where npm did not
/// leave each where it was.
pub(super) fn put_back(planned: &Files, foreign: &BTreeSet<String>, written: &[u8]) -> Option<Vec<u8>> {
    let plan: Value = serde_json::from_slice(planned.lock()).ok()?;
    let packages = plan.get("packages")?.as_object()?;
    let originals = Originals::of(planned, packages, foreign);
    let mut lock: Value = serde_json::from_slice(written).ok()?;
    if let Some(entries) = lock.get_mut("packages").and_then(Value::as_object_mut) {
        originals.put_back(entries)?;
    }
    if let Some(entries) = lock.get_mut("dependencies").and_then(Value::as_object_mut) {
        put_back_nested(entries, plan.get("dependencies").and_then(Value::as_object))?;
    }
    let text = layout::write_like(&String::from_utf8_lossy(planned.lock()), &lock);
    let told = String::from_utf8_lossy(&text);
    (!told.contains(NEVER) && !told.contains(SEAL)).then_some(text.clone())
}

/// The packages of a lockfile, and where those stand that come from elsewhere.
struct Originals<'a> {
    files: &'a Files,
    packages: &'a Fields,
    foreign: &'a BTreeSet<String>,
    places: BTreeSet<&'a str>,
}

impl<'a> Originals<'a> {
    fn of(files: &'a Files, packages: &'a Fields, foreign: &'a BTreeSet<String>) -> Self {
        let mut originals = Self { files, packages, foreign, places: BTreeSet::new() };
        let mut places = BTreeSet::new();
        for (path, entry) in packages.iter().filter(|(path, _)| !is_outside(files, path)) {
            if path.contains("node_modules/") && originals.is_from_elsewhere(path, entry) {
                places.insert(path.as_str());
            }
            let folder = originals.folder(path);
            for (section, name, written) in requirements(entry) {
                let found = originals.found(path, (section, name));
                let installed = found.filter(|found| found.contains("node_modules/") && !is_link(&packages[*found]));
                if leads_elsewhere(files, (&folder, written)) {
                    places.extend(installed);
                }
            }
        }
        originals.places = places;
        originals
    }

    fn is_from_elsewhere(&self, path: &str, entry: &Value) -> bool {
        let Some(resolved) = entry.get("resolved").and_then(Value::as_str) else { return false };
        if is_link(entry) {
            return link_leads_elsewhere(self.files, resolved);
        }
        let is_archive = url::Url::parse(resolved).is_ok_and(|it| matches!(it.scheme(), "http" | "https"));
        if is_archive {
            return self.foreign.contains(&name_of(path, entry));
        }
        leads_elsewhere(self.files, (self.files.lockfile.folder(), resolved))
    }

    /// The folder in the repository of an entry.
    fn folder(&self, path: &str) -> String {
        inside::resolve(self.files.lockfile.folder(), path).unwrap_or_default()
    }

    /// The place of the copy that an entry gets for a requirement.
    fn found(&self, from: &str, (section, name): (&str, &str)) -> Option<&'a str> {
        // Peers are never taken from the own folder.
        let is_above = section == "peerDependencies" && from.contains("node_modules/");
        let mut folder = if is_above { up(from) } else { Some(from) };
        while let Some(here) = folder {
            let separator = if here.is_empty() { "" } else { "/" };
            if let Some((found, _)) = self.packages.get_key_value(&format!("{here}{separator}node_modules/{name}")) {
                return Some(found);
            }
            folder = up(here);
        }
        None
    }

    /// The version of an original, where it has one that npm can read.
    fn version(&self, place: &str) -> Option<&'a str> {
        let entry = self.packages.get(place)?;
        let entry = match entry.get("resolved").and_then(Value::as_str).filter(|_| is_link(entry)) {
            Some(target) => self.packages.get(target)?,
            None => entry,
        };
        entry.get("version").and_then(Value::as_str).filter(|version| Version::parse(version).is_ok())
    }

    fn stand_in(&self, place: &str) -> Fields {
        let old = self.packages.get(place).and_then(Value::as_object);
        let mut fields: Fields =
            KEPT.iter().filter_map(|name| Some(((*name).to_owned(), old?.get(*name)?.clone()))).collect();
        fields.insert("version".to_owned(), Value::from(self.version(place).unwrap_or(NEVER)));
        fields.insert("integrity".to_owned(), Value::from(SEAL));
        fields
    }

    /// What asks for a stand-in.
    fn requirement(&self, place: &str) -> String {
        self.version(place).map_or_else(|| format!("={NEVER}"), |version| format!("={version} || ={NEVER}"))
    }

    /// Has those ask for a stand-in who get one, and notes which these are; `None` where something else leads elsewhere.
    fn rewrite(&self, path: &str, fields: &mut Fields, asked: &mut BTreeSet<&'a str>) -> Option<()> {
        let folder = self.folder(path);
        for section in SECTIONS {
            let Some(members) = fields.get_mut(section).and_then(Value::as_object_mut) else { continue };
            for (name, written) in members {
                match self.found(path, (section, name)).filter(|found| self.places.contains(found)) {
                    Some(place) => {
                        *written = Value::from(self.requirement(place));
                        asked.insert(place);
                    }
                    None if leads_elsewhere(self.files, (&folder, written.as_str()?)) => return None,
                    None => {}
                }
            }
        }
        Some(())
    }

    fn manifest(&self, (path, content): (&RepoPath, &[u8]), asked: &mut BTreeSet<&'a str>) -> Option<Vec<u8>> {
        let mut manifest: Fields = serde_json::from_slice(content).ok()?;
        let is_it = |place: &&String| {
            !place.contains("node_modules/")
                && inside::resolve(self.files.lockfile.folder(), place).as_deref() == Some(path.folder())
        };
        // A manifest that the lockfile does not know: the judge looks at it as it is.
        let Some(place) = self.packages.keys().find(is_it) else { return Some(content.to_vec()) };
        self.rewrite(place, &mut manifest, asked)?;
        for setting in PASSED_OVER {
            manifest.shift_remove(setting);
        }
        if let Some(workspaces) = manifest.get_mut("workspaces").and_then(Value::as_object_mut) {
            workspaces.retain(|name, _| name == "packages");
        }
        if let Some(overrides) = manifest.get_mut("overrides") {
            self.override_with(&mut Vec::new(), overrides)?;
        }
        Some(layout::write_like(&String::from_utf8_lossy(content), &Value::Object(manifest)))
    }

    /// Has overrides that lead elsewhere ask for the stand-in of that name.
    fn override_with(&self, way: &mut Vec<String>, value: &mut Value) -> Option<()> {
        match value {
            Value::String(written)
                if !written.starts_with('$')
                    && leads_elsewhere(self.files, (self.files.lockfile.folder(), written)) =>
            {
                let key = way.iter().rev().find(|key| *key != ".")?;
                let at = key.char_indices().skip(1).find(|(_, it)| *it == '@');
                let name = at.map_or(key.as_str(), |(at, _)| &key[..at]);
                let of_name = self.places.iter().filter(|place| last(place) == name);
                let wanted: BTreeSet<String> = of_name.map(|place| self.requirement(place)).collect();
                let (1, Some(one)) = (wanted.len(), wanted.first()) else { return None };
                *value = Value::from(one.as_str());
            }
            Value::Object(members) => {
                for (key, value) in members {
                    way.push(key.clone());
                    self.override_with(way, value)?;
                    way.pop();
                }
            }
            _ => {}
        }
        Some(())
    }

    fn put_back(&self, entries: &mut Fields) -> Option<()> {
        let names: BTreeSet<&str> = self.places.iter().map(|place| last(place)).collect();
        for (path, entry) in entries.iter_mut() {
            let old = self.packages.get(path);
            if is_sealed(entry) {
                *entry = old.filter(|_| self.places.contains(path.as_str()))?.clone();
                continue;
            }
            // A package of that name from the registry is another package.
            if names.contains(last(path)) || self.foreign.contains(&name_of(path, entry)) {
                let stays =
                    old.is_some_and(|old| old.get("version") == entry.get("version") && is_link(old) == is_link(entry));
                if !stays || self.places.contains(path.as_str()) {
                    return None;
                }
            }
            for section in SECTIONS {
                let members = entry.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten();
                for (name, written) in members.filter(|(_, written)| asks_for_stand_in(written)) {
                    *written = old?.get(section)?.get(name)?.clone();
                }
            }
        }
        self.put_back_outside(entries);
        Some(())
    }

    /// What lies outside of the project comes back before what it stood before.
    fn put_back_outside(&self, entries: &mut Fields) {
        let mut waiting: Vec<&String> = Vec::new();
        let mut before: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for path in self.packages.keys() {
            if is_outside(self.files, path) {
                waiting.push(path);
            } else if entries.contains_key(path) {
                before.insert(path, std::mem::take(&mut waiting));
            }
        }
        let mut complete = Fields::new();
        for (path, entry) in std::mem::take(entries) {
            let outside = before.get(path.as_str()).into_iter().flatten();
            complete.extend(outside.map(|outside| ((*outside).clone(), self.packages[*outside].clone())));
            complete.insert(path, entry);
        }
        complete.extend(waiting.into_iter().map(|outside| (outside.clone(), self.packages[outside].clone())));
        *entries = complete;
    }
}

/// The same in the form that versions 1 and 2 of the format have, where packages stand below one another.
fn put_back_nested(entries: &mut Fields, originals: Option<&Fields>) -> Option<()> {
    for (name, entry) in entries {
        let old = originals.and_then(|originals| originals.get(name));
        if is_sealed(entry) {
            let mut original = old?.as_object()?.clone();
            // A folder outside has what it needs in itself.
            let is_folder = original.get("version").and_then(Value::as_str).is_some_and(|it| it.starts_with("file:"));
            if let (false, Some(children)) = (is_folder, entry.get_mut("dependencies").map(Value::take)) {
                original.insert("dependencies".to_owned(), children);
            }
            *entry = Value::Object(original);
        } else {
            let asks = entry.get_mut("requires").and_then(Value::as_object_mut).into_iter().flatten();
            for (name, written) in asks.filter(|(_, written)| asks_for_stand_in(written)) {
                *written = old?.get("requires")?.get(name)?.clone();
            }
        }
        if let Some(children) = entry.get_mut("dependencies").and_then(Value::as_object_mut) {
            put_back_nested(children, old.and_then(|old| old.get("dependencies")?.as_object()))?;
        }
    }
    Some(())
}

/// What an entry asks for: section, name and specification.
fn requirements(entry: &Value) -> impl Iterator<Item = (&'static str, &String, &str)> {
    SECTIONS.into_iter().flat_map(move |section| {
        let members = entry.get(section).and_then(Value::as_object).into_iter().flatten();
        members.filter_map(move |(name, written)| Some((section, name, written.as_str()?)))
    })
}

fn is_link(entry: &Value) -> bool {
    entry.get("link").and_then(Value::as_bool) == Some(true)
}

fn is_sealed(entry: &Value) -> bool {
    entry.get("integrity").and_then(Value::as_str) == Some(SEAL)
}

fn asks_for_stand_in(written: &Value) -> bool {
    written.as_str().is_some_and(|text| text.contains(NEVER))
}

/// The name of the folder of a copy.
fn last(path: &str) -> &str {
    path.rsplit("node_modules/").next().unwrap_or(path)
}
