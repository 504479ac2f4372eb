//! Writing: the planned lockfile, and the manifests, of which nothing changes but what has to.

use std::collections::BTreeMap;

use serde::Serialize as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Project;
use super::entry::Standing;
use super::tree::Tree;
use crate::model::repository::RepoPath;
use crate::sandbox::{inside, layout};
use crate::updater::contract::ManifestEdit;

/// The sections in which a requirement can have been raised.
const SECTIONS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// The lockfile with the copies of a tree; `None` where they are the same.
pub(super) fn lock(project: &Project<'_>, tree: &Tree) -> Option<Vec<u8>> {
    let mut lock = project.lock.clone();
    let old = lock.get("packages")?.as_object()?.clone();
    let mut packages: Map<String, Value> = Map::new();
    let mut changed = false;
    // In the order of the file, and what is new behind it: npm sorts.
    for (path, entry) in &old {
        match tree.get(path) {
            Some(now) => {
                changed |= entry.as_object() != Some(&*now.fields);
                packages.insert(path.clone(), Value::Object((*now.fields).clone()));
            }
            None => changed = true,
        }
    }
    for (path, entry) in tree.entries().filter(|(path, _)| !old.contains_key(&***path)) {
        changed = true;
        packages.insert(path.to_string(), Value::Object((*entry.fields).clone()));
    }
    if !changed {
        return None;
    }
    let fields = lock.as_object_mut()?;
    fields.insert("packages".to_owned(), Value::Object(packages));
    Some(layout::write_like(&String::from_utf8_lossy(project.files.lock()), &lock))
}

/// The lockfile without the second copy of version 2, in the old form: npm writes it anew from `packages`.
pub(super) fn bare(planned: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&planned);
    let Ok(mut lock) = serde_json::from_str::<Map<String, Value>>(&text) else { return planned };
    match lock.shift_remove("dependencies") {
        Some(_) => layout::write_like(&text, &Value::Object(lock)),
        None => planned,
    }
}

/// What has to change in the manifests of the project.
pub(super) fn edits(project: &Project<'_>, tree: &Tree) -> Vec<ManifestEdit> {
    let mut edits = Vec::new();
    for (path, before) in project.packages() {
        let Some(now) = tree.get(path).filter(|entry| entry.standing == Standing::Project) else { continue };
        let Some(manifest) = manifest_in(project, path) else { continue };
        for section in SECTIONS {
            let members = |fields: &Map<String, Value>| fields.get(section).and_then(Value::as_object).cloned();
            let (old, new) = (members(before).unwrap_or_default(), members(&now.fields).unwrap_or_default());
            for (name, value) in new.into_iter().filter(|(name, value)| old.get(name) != Some(value)) {
                edits.push(ManifestEdit { manifest: manifest.clone(), keys: vec![section.to_owned(), name], value });
            }
        }
    }
    if let (Some(now), Some(manifest)) = (tree.overrides().written(), manifest_in(project, "")) {
        let mut leaves = Vec::new();
        match project.manifest.get("overrides") {
            Some(before) if leaves_between(before, now, &mut vec!["overrides".to_owned()], &mut leaves) => {
                edits.extend(leaves.into_iter().map(|(keys, value)| ManifestEdit {
                    manifest: manifest.clone(),
                    keys,
                    value,
                }));
            }
            _ => edits.push(ManifestEdit { manifest, keys: vec!["overrides".to_owned()], value: now.clone() }),
        }
    }
    edits
}

fn manifest_in(project: &Project<'_>, folder: &str) -> Option<RepoPath> {
    let folder = inside::resolve(project.files.lockfile.folder(), folder)?;
    RepoPath::in_folder(&folder, "package.json").ok()
}

/// The texts that differ between two values; `false` where more than texts does.
fn leaves_between(before: &Value, now: &Value, keys: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) -> bool {
    match (before, now) {
        (Value::Object(old), Value::Object(new)) if old.len() == new.len() => new.iter().all(|(name, value)| {
            let Some(before) = old.get(name) else { return false };
            keys.push(name.clone());
            let alike = leaves_between(before, value, keys, leaves);
            keys.pop();
            alike
        }),
        (Value::String(old), Value::String(new)) => {
            if old != new {
                leaves.push((keys.clone(), now.clone()));
            }
            true
        }
        _ => before == now,
    }
}

/// A manifest with its edits made, every other byte left alone.
pub(super) fn manifest(manifest: &[u8], edits: &[&ManifestEdit]) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(manifest).ok()?.to_owned();
    for edit in edits {
        let keys: Vec<&str> = edit.keys.iter().map(String::as_str).collect();
        text = match (&edit.value, keys.as_slice()) {
            (Value::String(value), keys) => layout::replace_member(&text, keys, value)?,
            (value, [key]) => set_member(&text, key, value)?,
            _ => return None,
        };
    }
    Some(text.into_bytes())
}

/// Replaces the value of a member at the top, or puts one behind the others.
fn set_member(text: &str, key: &str, value: &Value) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let place = |raw: &RawValue| {
        let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
        start..start + raw.get().len()
    };
    let indent = layout::indentation(text).unwrap_or("  ");
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let written = String::from_utf8(bytes).ok()?.replace('\n', &format!("{line_end}{indent}"));
    if let Some(raw) = members.get(key) {
        let place = place(raw);
        return Some(format!("{}{written}{}", &text[..place.start], &text[place.end..]));
    }
    let end = members.values().map(|raw| place(raw).end).max()?;
    let key = serde_json::to_string(key).ok()?;
    Some(format!("{},{line_end}{indent}{key}: {written}{}", &text[..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(keys: &[&str], value: Value) -> ManifestEdit {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        ManifestEdit { manifest: RepoPath::new("package.json").unwrap(), keys, value }
    }

    #[test]
    fn a_manifest_keeps_every_byte_that_need_not_change() {
        let text = "{\r\n\t\"name\": \"shop\",\r\n\t\"overrides\": { \"a\": \"1.0.0\" },\r\n\t\"dependencies\": {\"b\":\"^1\"}\r\n}";
        let made = |edits: &[ManifestEdit]| {
            let edits: Vec<&ManifestEdit> = edits.iter().collect();
            String::from_utf8(manifest(text.as_bytes(), &edits).unwrap()).unwrap()
        };
        let small = [edit(&["dependencies", "b"], "^2".into()), edit(&["overrides", "a"], "1.0.1".into())];
        assert_eq!(made(&small), text.replace("\"^1\"", "\"^2\"").replace("1.0.0", "1.0.1"));
        let whole = [edit(&["overrides"], serde_json::json!({"a": {"b": "2"}}))];
        let expected = "{\r\n\t\t\"a\": {\r\n\t\t\t\"b\": \"2\"\r\n\t\t}\r\n\t}";
        assert_eq!(made(&whole), text.replace("{ \"a\": \"1.0.0\" }", expected));
        let bare = b"{\n  \"name\": \"shop\"\n}\n";
        let new = manifest(bare, &[&edit(&["overrides"], serde_json::json!({"a": "1"}))]).unwrap();
        let expected = "{\n  \"name\": \"shop\",\n  \"overrides\": {\n    \"a\": \"1\"\n  }\n}\n";
        assert_eq!(String::from_utf8(new).unwrap(), expected);
    }
}
