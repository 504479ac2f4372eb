//! Requirements that a member takes from its workspace with `workspace = true`, and the features that it asks for besides.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{DocumentMut, Item, TableLike};

use super::super::contract::Files;
use super::manifest;
use super::parse;
use crate::model::release::Release;
use crate::model::repository::RepoPath;
use crate::sandbox::layout;

/// The features that other manifests ask for of a requirement of the workspace, each of which inherits it.
pub(super) fn asked(
    files: &Files,
    root: &RepoPath,
    document: &DocumentMut,
    key: &str,
) -> BTreeMap<RepoPath, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    if !is_of_workspace(document, key) {
        return found;
    }
    for (path, heir) in manifests(files).filter(|(path, _)| *path != root) {
        let mut features = BTreeSet::new();
        manifest::each_requirement(&heir, |(name, _), item| {
            if name == key && is_inherited(item) {
                features.extend(manifest::asked_features(&heir, key, item));
            }
        });
        if !features.is_empty() {
            found.insert(path.clone(), features);
        }
    }
    found
}

/// The manifests that inherit the requirement on a package, without features that its release does not have; those that change.
pub(super) fn without_lost(
    files: &Files,
    root: &RepoPath,
    package: &str,
    release: &Release,
) -> BTreeMap<RepoPath, Vec<u8>> {
    let mut changed = BTreeMap::new();
    let Some(document) = files.contents.get(root).and_then(|content| parse(content)) else { return changed };
    let mut keys = BTreeSet::new();
    manifest::each_requirement(&document, |(key, name), _| {
        if name == package && is_of_workspace(&document, key) {
            keys.insert(key.to_owned());
        }
    });
    for (path, mut heir) in manifests(files).filter(|(path, _)| *path != root) {
        let mut inherited = BTreeSet::new();
        manifest::each_requirement_mut(&mut heir, |(key, _), item| {
            if keys.contains(key) && is_inherited(item) {
                inherited.insert(key.to_owned());
                manifest::take_out_features(item, release);
            }
        });
        manifest::take_out_forwarded(&mut heir, &inherited, release);
        let Some(content) = files.contents.get(path) else { continue };
        let text = String::from_utf8_lossy(content);
        let written = layout::line_ends_like(&text, &heir.to_string());
        if !inherited.is_empty() && written != text {
            changed.insert(path.clone(), written.into_bytes());
        }
    }
    changed
}

/// Every manifest that Cargo reads.
fn manifests(files: &Files) -> impl Iterator<Item = (&RepoPath, DocumentMut)> {
    let all = files.contents.iter().filter(|(path, _)| path.file_name() == "Cargo.toml");
    all.filter_map(|(path, content)| Some((path, parse(content)?)))
}

/// Whether a requirement stands in `[workspace.dependencies]`.
fn is_of_workspace(document: &DocumentMut, key: &str) -> bool {
    let table = document.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    table.and_then(Item::as_table_like).is_some_and(|table| table.contains_key(key))
}

fn is_inherited(item: &Item) -> bool {
    let table: Option<&dyn TableLike> = item.as_table_like();
    table.and_then(|table| table.get("workspace")).and_then(Item::as_bool) == Some(true)
}
