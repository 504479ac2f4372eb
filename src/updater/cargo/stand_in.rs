//! Stand-ins: packages from git repositories that a change does not touch are replaced by empty packages in folders, so that
//! no foreign host has to be asked. A stand-in has the name, the version and exactly the locked dependencies of the
//! original, each with the features that its locked dependencies allow.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::super::contract::{Files, Lookup};
use super::lock_edit;
use super::turned_on::Records;
use crate::model::bounded_toml;
use crate::model::repository::RepoPath;
use crate::sandbox::cargo_project::{REQUIREMENTS, names_this_machine};

/// The folder of the stand-ins, beside the lockfile. The workspace excludes it.
const FOLDER: &str = "patchparty-stand-ins";

/// A package as the lockfile has it.
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: String,
    source: Option<String>,
    /// Places in the list of all packages.
    pub(super) edges: Vec<usize>,
}

impl Locked {
    fn is_git(&self) -> bool {
        self.source.as_deref().is_some_and(|source| source.starts_with("git+"))
    }

    fn folder(&self) -> String {
        format!("{FOLDER}/{}-{}", self.name, self.version.replace('+', "-"))
    }
}

/// The files with stand-ins; `None` where there is nothing to stand in for, or a package is not what the manifests ask for.
pub(super) fn shown(files: &Files, lookup: &Lookup<'_>) -> Option<BTreeMap<RepoPath, Vec<u8>>> {
    let text = String::from_utf8_lossy(files.lock()).replace("\r\n", "\n");
    let packages = lock_edit::packages(&text)?;
    let packages: Vec<Locked> =
        packages.into_iter().map(|(name, version, source, edges)| Locked { name, version, source, edges }).collect();
    let originals: Vec<&Locked> = packages.iter().filter(|it| it.is_git()).collect();
    if originals.is_empty() || !are_unmistakable(&packages) {
        return None;
    }
    let mut contents = files.contents.clone();
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    for (path, content) in &files.contents {
        if path.file_name() != "Cargo.toml" {
            continue;
        }
        let mut document: DocumentMut = bounded_toml::parse(&String::from_utf8_lossy(content))?;
        let up = back(path.folder(), files.lockfile.folder());
        let mut complete = true;
        let mut keys: BTreeMap<String, String> = BTreeMap::new();
        each_table(&mut document, &mut |key, table| {
            let Some(address) = table.get("git").and_then(Item::as_str).map(str::to_owned) else { return };
            let name = table.get("package").and_then(Item::as_str).unwrap_or(key).to_owned();
            let is_it = |it: &&&Locked| it.name == name && is_from(it, &address);
            let Some(original) = originals.iter().find(is_it).filter(|_| !names_this_machine(&address)) else {
                complete = false;
                return;
            };
            reached.insert(name.clone());
            let features = table.get("features").and_then(Item::as_array).into_iter().flatten();
            asked.entry(name.clone()).or_default().extend(features.filter_map(Value::as_str).map(str::to_owned));
            keys.insert(key.to_owned(), name);
            for word in ["git", "rev", "branch", "tag"] {
                table.remove(word);
            }
            table.insert("path", Item::Value(Value::from(format!("{up}{}", original.folder()))));
        });
        if !complete {
            return None;
        }
        note_features(&document, &keys, &mut asked);
        if path.folder() == files.lockfile.folder() {
            exclude(&mut document);
        }
        contents.insert(path.clone(), document.to_string().into_bytes());
    }
    if !are_reached(&packages, reached) {
        return None;
    }
    let records = Records::new(&packages, lookup);
    for original in &originals {
        let place = |file: &str| files.lockfile.sibling(&format!("{}/{file}", original.folder())).ok();
        let manifest = manifest(original, &packages, (asked.get(&original.name), &records));
        contents.insert(place("Cargo.toml")?, manifest.into_bytes());
        contents.insert(place("src/lib.rs")?, Vec::new());
    }
    contents.insert(files.lockfile.clone(), lock_edit::without_git(&text)?.into_bytes());
    Some(contents)
}

/// Whether no other package that a folder or git holds has the name and version of one from git, so that its source can be put
/// back. A namesake from a registry keeps its source.
fn are_unmistakable(packages: &[Locked]) -> bool {
    let is_from_registry = |it: &Locked| it.source.is_some() && !it.is_git();
    let is_like = |one: &Locked, it: &Locked| it.name == one.name && it.version == one.version && !is_from_registry(it);
    let count = |one: &Locked| packages.iter().filter(|it| is_like(one, it)).count();
    packages.iter().filter(|it| it.is_git()).all(|it| count(it) == 1)
}

/// Whether a locked package comes from an address.
fn is_from(package: &Locked, address: &str) -> bool {
    let plain = |text: &str| {
        let text = text.strip_prefix("git+").unwrap_or(text);
        let text = text.split(['?', '#']).next().unwrap_or(text);
        text.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase()
    };
    package.source.as_deref().is_some_and(|source| plain(source) == plain(address))
}

/// Whether every package from git is asked for by a manifest, or by another one from git.
fn are_reached(packages: &[Locked], mut reached: BTreeSet<String>) -> bool {
    loop {
        let before = reached.len();
        for package in packages.iter().filter(|it| it.is_git() && reached.contains(&it.name)).collect::<Vec<_>>() {
            reached.extend(package.edges.iter().filter_map(|place| packages.get(*place)).map(|it| it.name.clone()));
        }
        if reached.len() == before {
            return packages.iter().filter(|it| it.is_git()).all(|it| reached.contains(&it.name));
        }
    }
}

/// The way from a folder up to another one that holds it; both from the root.
fn back(folder: &str, to: &str) -> String {
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(folder), parts(to));
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let down: String = to[shared..].iter().map(|part| format!("{part}/")).collect();
    "../".repeat(from.len() - shared) + &down
}

/// Calls back for every requirement that is a table.
fn each_table(document: &mut DocumentMut, visit: &mut dyn FnMut(&str, &mut dyn TableLike)) {
    fn of(table: &mut dyn TableLike, names: &[&str], visit: &mut dyn FnMut(&str, &mut dyn TableLike)) {
        for name in names {
            let Some(requirements) = table.get_mut(name).and_then(Item::as_table_like_mut) else { continue };
            all(requirements, visit);
        }
    }
    fn all(requirements: &mut dyn TableLike, visit: &mut dyn FnMut(&str, &mut dyn TableLike)) {
        for (key, item) in requirements.iter_mut() {
            let key = key.get().to_owned();
            if let Some(table) = item.as_table_like_mut() {
                visit(&key, table);
            }
        }
    }
    of(document.as_table_mut(), &REQUIREMENTS, visit);
    if let Some(workspace) = document.get_mut("workspace").and_then(Item::as_table_like_mut) {
        of(workspace, &REQUIREMENTS, visit);
    }
    for groups in ["target", "patch"] {
        let Some(group) = document.get_mut(groups).and_then(Item::as_table_like_mut) else { continue };
        for (_, item) in group.iter_mut() {
            let Some(table) = item.as_table_like_mut() else { continue };
            if groups == "patch" { all(table, visit) } else { of(table, &REQUIREMENTS, visit) }
        }
    }
}

/// Features of the stand-ins that the project's own features turn on.
fn note_features(
    document: &DocumentMut,
    keys: &BTreeMap<String, String>,
    asked: &mut BTreeMap<String, BTreeSet<String>>,
) {
    let features = document.get("features").and_then(Item::as_table_like);
    let lists = features.into_iter().flat_map(|features| features.iter()).filter_map(|(_, list)| list.as_array());
    for word in lists.flatten().filter_map(Value::as_str) {
        let Some((key, feature)) = word.split_once('/') else { continue };
        if let Some(name) = keys.get(key.trim_end_matches('?')) {
            asked.entry(name.clone()).or_default().insert(feature.to_owned());
        }
    }
}

/// Keeps the stand-ins out of the workspace, whose members all folders below it would become.
fn exclude(document: &mut DocumentMut) {
    let workspace = document.entry("workspace").or_insert_with(|| Item::Table(Table::new()));
    let Some(workspace) = workspace.as_table_like_mut() else { return };
    let list = workspace.entry("exclude").or_insert_with(|| Item::Value(Value::Array(Array::new())));
    if let Some(list) = list.as_array_mut() {
        list.push(FOLDER);
    }
}

fn manifest(
    original: &Locked,
    packages: &[Locked],
    (asked, records): (Option<&BTreeSet<String>>, &Records<'_>),
) -> String {
    let mut document = DocumentMut::new();
    let mut package = Table::new();
    for (key, text) in [("name", &original.name), ("version", &original.version), ("edition", &"2018".to_owned())] {
        package.insert(key, Item::Value(Value::from(text.as_str())));
    }
    document.insert("package", Item::Table(package));
    document.insert("workspace", Item::Table(Table::new()));
    let mut features = Table::new();
    for feature in asked.into_iter().flatten() {
        features.insert(feature, Item::Value(Value::Array(Array::new())));
    }
    document.insert("features", Item::Table(features));
    let mut dependencies = Table::new();
    for (index, place) in original.edges.iter().enumerate() {
        let Some(child) = packages.get(*place) else { continue };
        let Locked { name, version, .. } = child;
        let mut entry = InlineTable::new();
        entry.insert("package", Value::from(name.as_str()));
        if child.is_git() {
            entry.insert("path", Value::from(format!("../../{}", child.folder())));
        } else {
            let plain = version.split('+').next().unwrap_or(version);
            entry.insert("version", Value::from(format!("={plain}")));
            entry.insert("default-features", Value::from(false));
            let features: Array = records.allowed(*place).into_iter().collect();
            entry.insert("features", Value::Array(features));
        }
        dependencies.insert(&format!("d{index}"), Item::Value(Value::InlineTable(entry)));
    }
    document.insert("dependencies", Item::Table(dependencies));
    document.to_string()
}
