//! Entries: one installed copy as a lockfile has it, and how a release is written as one.

use std::collections::BTreeSet;
use std::rc::Rc;

use base64::Engine as _;
use nodejs_semver::Version;
use serde_json::{Map, Value};

use super::super::entries::name_of;
use super::edge::{Edge, Reader};
use crate::model::advisory::AdvisoryId;

/// What npm copies from a release's record into the lockfile as it stands, in npm's order.
const COPIED: [&str; 7] = ["deprecated", "license", "engines", "os", "cpu", "libc", "peerDependenciesMeta"];
/// Why an entry is there: npm works it out again, but not always in full.
const FLAGS: [&str; 4] = ["dev", "optional", "devOptional", "peer"];

/// What may be done with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It came from the registry: it can move.
    Registry,
    /// A folder of the project, or the project itself.
    Project,
    /// A link to such a folder.
    Link(Rc<str>),
    /// A part of the archive of the package above it.
    Bundled,
    /// It came from elsewhere and stays.
    Elsewhere,
}

/// One installed copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The package; another one than the name of its folder for an alias.
    pub(super) package: Rc<str>,
    pub(super) version: Option<Version>,
    /// The version as it is written.
    pub(super) written: Rc<str>,
    /// Every known flaw of it.
    pub(super) flaws: Rc<BTreeSet<AdvisoryId>>,
    pub(super) edges: Vec<Rc<Edge>>,
    pub(super) standing: Standing,
    pub(super) fields: Rc<Map<String, Value>>,
}

impl Entry {
    /// Whether it is only for some platforms.
    pub(super) fn is_native(&self) -> bool {
        self.fields.contains_key("os") || self.fields.contains_key("cpu")
    }

    /// Whether it is an archive at an address.
    pub(super) fn comes_from_a_host(&self) -> bool {
        self.fields.get("resolved").and_then(Value::as_str).is_some_and(|address| address.starts_with("http"))
    }

    /// Whether its archive holds other packages, which are installed as they are in there: bundled ones, or those of a lockfile
    /// of its own.
    pub(super) fn brings_its_own(&self) -> bool {
        bundles(&self.fields) || self.fields.get("hasShrinkwrap").and_then(Value::as_bool) == Some(true)
    }
}

/// Whether a record or entry names packages that are part of its archive.
pub(super) fn bundles(fields: &Map<String, Value>) -> bool {
    ["bundleDependencies", "bundledDependencies"].iter().any(|name| match fields.get(*name) {
        Some(Value::Array(names)) => !names.is_empty(),
        Some(Value::Bool(all)) => *all && fields.contains_key("dependencies"),
        _ => false,
    })
}

/// What is needed to read entries.
pub(super) struct Reading<'a> {
    pub(super) edges: &'a Reader,
    /// The known flaws of a package at a version.
    pub(super) affected: &'a dyn Fn(&str, &str) -> BTreeSet<AdvisoryId>,
    /// Packages that come from elsewhere.
    pub(super) foreign: &'a BTreeSet<String>,
}

impl Reading<'_> {
    /// Reads the entry at a path.
    pub(super) fn entry(&self, path: &str, fields: &Map<String, Value>) -> Entry {
        let package = name_of(path, &Value::Object(fields.clone()));
        let written = fields.get("version").and_then(Value::as_str).unwrap_or_default();
        let standing = self.standing(path, &package, fields);
        let is_project = standing == Standing::Project;
        let flaws = if matches!(standing, Standing::Project | Standing::Link(_)) || written.is_empty() {
            BTreeSet::new()
        } else {
            (self.affected)(&package, written)
        };
        Entry {
            version: Version::parse(written).ok(),
            written: written.into(),
            flaws: Rc::new(flaws),
            edges: self.edges.edges(fields, is_project),
            standing,
            fields: Rc::new(fields.clone()),
            package: package.into(),
        }
    }

    fn standing(&self, path: &str, package: &str, fields: &Map<String, Value>) -> Standing {
        let is = |flag: &str| fields.get(flag).and_then(Value::as_bool) == Some(true);
        let resolved = fields.get("resolved").and_then(Value::as_str);
        if is("link") {
            return Standing::Link(resolved.unwrap_or_default().into());
        }
        if !path.contains("node_modules/") {
            return Standing::Project;
        }
        if is("inBundle") {
            return Standing::Bundled;
        }
        // The hosts of addresses are compared with the registry's by the pipeline, which says what is foreign.
        let from_registry = resolved.is_none_or(|address| address.starts_with("http") && address.contains("/-/"));
        if from_registry && !self.foreign.contains(package) { Standing::Registry } else { Standing::Elsewhere }
    }
}

/// How npm writes a release in a lockfile; `None` without a checksum, which npm does not fill in again.
pub(super) fn written(record: &Map<String, Value>, version: &str, omits_resolved: bool) -> Option<Map<String, Value>> {
    let distribution = record.get("dist")?;
    let mut entry = Map::new();
    entry.insert("version".to_owned(), Value::from(version));
    if !omits_resolved {
        entry.insert("resolved".to_owned(), distribution.get("tarball")?.clone());
    }
    entry.insert("integrity".to_owned(), integrity(distribution)?);
    if record.get("hasInstallScript").and_then(Value::as_bool) == Some(true) {
        entry.insert("hasInstallScript".to_owned(), Value::Bool(true));
    }
    for name in COPIED {
        if let Some(value) = record.get(name).filter(|value| is_telling(value)) {
            entry.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(value) = record.get("_hasShrinkwrap").filter(|it| it.as_bool() == Some(true)) {
        entry.insert("hasShrinkwrap".to_owned(), value.clone());
    }
    let optional = record.get("optionalDependencies").and_then(Value::as_object);
    if let Some(dependencies) = record.get("dependencies").and_then(Value::as_object) {
        let is_needed = |name: &String| optional.is_none_or(|optional| !optional.contains_key(name));
        let needed: Map<String, Value> = dependencies
            .iter()
            .filter(|(name, _)| is_needed(name))
            .map(|(name, it)| (name.clone(), it.clone()))
            .collect();
        if !needed.is_empty() {
            entry.insert("dependencies".to_owned(), Value::Object(needed));
        }
    }
    for name in ["optionalDependencies", "peerDependencies", "bundleDependencies"] {
        if let Some(value) = record.get(name).filter(|value| is_telling(value)) {
            entry.insert(name.to_owned(), value.clone());
        }
    }
    entry.extend(programs(record).map(|programs| ("bin".to_owned(), programs)));
    entry.extend(funding(record).map(|funding| ("funding".to_owned(), funding)));
    Some(entry)
}

/// What replaces an entry: the release, at the place and for the reason of the old one.
pub(super) fn in_place_of(old: &Map<String, Value>, mut fresh: Map<String, Value>) -> Map<String, Value> {
    for kept in FLAGS.iter().chain(&["name"]) {
        if let Some(value) = old.get(*kept) {
            fresh.insert((*kept).to_owned(), value.clone());
        }
    }
    fresh
}

fn is_telling(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Old releases have a SHA-1 in hexadecimal digits only.
fn integrity(distribution: &Value) -> Option<Value> {
    if let Some(known) = distribution.get("integrity").filter(|known| known.is_string()) {
        return Some(known.clone());
    }
    let digits = distribution.get("shasum")?.as_str()?;
    let bytes: Option<Vec<u8>> =
        digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Some(Value::from(format!("sha1-{}", base64::engine::general_purpose::STANDARD.encode(bytes?))))
}

/// `bin` is a list of programs, or one with the package's own name.
fn programs(record: &Map<String, Value>) -> Option<Value> {
    let plain = |path: &str| Value::from(path.strip_prefix("./").unwrap_or(path));
    match record.get("bin")? {
        Value::String(path) => {
            let name = record.get("name")?.as_str()?.rsplit('/').next()?;
            Some(Value::Object(Map::from_iter([(name.to_owned(), plain(path))])))
        }
        Value::Object(programs) if !programs.is_empty() => {
            let programs = programs.iter().filter_map(|(name, path)| Some((name.clone(), plain(path.as_str()?))));
            Some(Value::Object(programs.collect()))
        }
        _ => None,
    }
}

fn funding(record: &Map<String, Value>) -> Option<Value> {
    let funding = record.get("funding")?;
    let whole = |one: &Value| match one {
        Value::String(url) => serde_json::json!({"url": url}),
        other => other.clone(),
    };
    match funding {
        Value::Array(list) if !list.is_empty() => Some(Value::Array(list.iter().map(whole).collect())),
        Value::String(_) | Value::Object(_) => Some(whole(funding)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_written_as_npm_writes_it() {
        let record = serde_json::json!({
            "name": "@acme/tool",
            "dist": {"tarball": "https://registry.example/tool.tgz", "shasum": "00ff10"},
            "bin": "./cli.js", "funding": "https://acme.example", "hasInstallScript": true, "deprecated": "",
            "dependencies": {"a": "1", "b": "2"}, "optionalDependencies": {"b": "2"}, "engines": {}
        });
        let entry = written(record.as_object().unwrap(), "1.2.3", false).unwrap();
        assert_eq!(
            Value::Object(entry),
            serde_json::json!({
                "version": "1.2.3", "resolved": "https://registry.example/tool.tgz", "integrity": "sha1-AP8Q",
                "hasInstallScript": true, "dependencies": {"a": "1"}, "optionalDependencies": {"b": "2"},
                "bin": {"tool": "cli.js"}, "funding": {"url": "https://acme.example"}
            })
        );
        let bare = serde_json::json!({"dist": {"tarball": "https://registry.example/tool.tgz"}});
        assert!(written(bare.as_object().unwrap(), "1.2.3", false).is_none(), "never without a checksum");
    }

    #[test]
    fn a_package_that_bundles_is_known() {
        for (fields, expected) in [
            (serde_json::json!({"bundleDependencies": ["a"]}), true),
            (serde_json::json!({"bundledDependencies": true, "dependencies": {"a": "1"}}), true),
            (serde_json::json!({"bundleDependencies": []}), false),
            (serde_json::json!({"bundleDependencies": false}), false),
            (serde_json::json!({}), false),
        ] {
            assert_eq!(bundles(fields.as_object().unwrap()), expected, "{fields}");
        }
    }
}
