//! What a manifest asks for, and how that is raised.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::model::bounded_toml;
use crate::model::release::Release;
use crate::sandbox::cargo_project::REQUIREMENTS;
use crate::sandbox::layout;

/// Calls back for every requirement of a manifest with its key and the package's real name.
pub(super) fn each_requirement(document: &DocumentMut, mut visit: impl FnMut((&str, &str), &Item)) {
    let mut tables: Vec<&dyn TableLike> = vec![document.as_table()];
    tables.extend(document.get("workspace").and_then(Item::as_table_like));
    if let Some(targets) = document.get("target").and_then(Item::as_table_like) {
        tables.extend(targets.iter().filter_map(|(_, target)| target.as_table_like()));
    }
    for table in tables {
        for requirements in REQUIREMENTS.iter().filter_map(|name| table.get(name).and_then(Item::as_table_like)) {
            for (key, item) in requirements.iter() {
                visit((key, real_name(key, item).as_str()), item);
            }
        }
    }
}

/// The same, for a change.
pub(super) fn each_requirement_mut(document: &mut DocumentMut, mut visit: impl FnMut((&str, &str), &mut Item)) {
    let mut visit_tables = |table: &mut dyn TableLike| {
        for name in REQUIREMENTS {
            let Some(requirements) = table.get_mut(name).and_then(Item::as_table_like_mut) else { continue };
            for (key, item) in requirements.iter_mut() {
                let name = real_name(key.get(), item);
                visit((key.get(), &name), item);
            }
        }
    };
    visit_tables(document.as_table_mut());
    if let Some(workspace) = document.get_mut("workspace").and_then(Item::as_table_like_mut) {
        visit_tables(workspace);
    }
    if let Some(targets) = document.get_mut("target").and_then(Item::as_table_like_mut) {
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_like_mut() {
                visit_tables(target);
            }
        }
    }
}

/// The package behind a requirement: `package = "…"` when it is renamed.
fn real_name(key: &str, item: &Item) -> String {
    let renamed = item.as_table_like().and_then(|table| table.get("package")).and_then(Item::as_str);
    renamed.unwrap_or(key).to_owned()
}

/// The range that a requirement writes, if it writes one.
pub(super) fn written_requirement(item: &Item) -> Option<String> {
    let version = item.as_table_like().map_or(Some(item), |table| table.get("version"))?;
    version.as_str().map(str::to_owned)
}

/// The manifest with every requirement on the package raised, line ends and comments kept.
///
/// Features that the release does not have would keep Cargo from reading the manifest: they are taken out.
pub(super) fn raise(manifest: &[u8], package: &str, release: &Release) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(manifest).ok()?;
    let mut document: DocumentMut = bounded_toml::parse(text)?;
    let target = release.version.split('+').next()?;
    let mut raised = false;
    let mut keys = BTreeSet::new();
    each_requirement_mut(&mut document, |(key, name), item| {
        if name == package {
            raised |= raise_item(item, target);
            keys.insert(key.to_owned());
            take_out_features(item, release);
        }
    });
    take_out_forwarded(&mut document, &keys, release);
    raised.then(|| layout::line_ends_like(text, &document.to_string()).into_bytes())
}

/// Takes out of a requirement the features that a release does not have.
pub(super) fn take_out_features(item: &mut Item, release: &Release) {
    let features = item.as_table_like_mut().and_then(|table| table.get_mut("features"));
    if let Some(features) = features.and_then(Item::as_array_mut) {
        features.retain(|word| word.as_str().is_none_or(|name| release.has_feature(name)));
    }
}

/// Takes out of the features of a package what they turn on of some requirements and a release does not have.
pub(super) fn take_out_forwarded(document: &mut DocumentMut, keys: &BTreeSet<String>, release: &Release) {
    let lists = document.get_mut("features").and_then(Item::as_table_like_mut);
    for (_, list) in lists.into_iter().flat_map(|table| table.iter_mut()) {
        let Some(list) = list.as_array_mut() else { continue };
        list.retain(|word| {
            let forwarded = word.as_str().and_then(forwarded).filter(|(key, _)| keys.contains(*key));
            forwarded.is_none_or(|(_, feature)| release.has_feature(feature))
        });
    }
}

/// A feature of a dependency that a feature of the package turns on: the dependency's key, and its feature.
fn forwarded(word: &str) -> Option<(&str, &str)> {
    word.split_once('/').map(|(key, feature)| (key.trim_end_matches('?'), feature))
}

/// The features that a manifest asks for of one requirement, by itself or by way of a feature of its own.
pub(super) fn asked_features(document: &DocumentMut, key: &str, item: &Item) -> BTreeSet<String> {
    let written = item.as_table_like().and_then(|table| table.get("features")).and_then(Item::as_array);
    let own = written.into_iter().flatten().filter_map(Value::as_str);
    let lists = document.get("features").and_then(Item::as_table_like);
    let words = lists.into_iter().flat_map(|table| table.iter()).filter_map(|(_, list)| list.as_array()).flatten();
    let by_way = words.filter_map(|word| forwarded(word.as_str()?)).filter(|(name, _)| *name == key);
    own.chain(by_way.map(|(_, feature)| feature)).map(str::to_owned).collect()
}

/// Raises one requirement, keeping the operator where it has a single one; whether there was one.
fn raise_item(item: &mut Item, target: &str) -> bool {
    let version = match item {
        Item::Value(Value::String(_)) => item.as_value_mut(),
        _ => item.as_table_like_mut().and_then(|table| table.get_mut("version")).and_then(Item::as_value_mut),
    };
    let Some(value) = version else { return false };
    let Some(old) = value.as_str() else { return false };
    let operator = if old.contains(',') {
        ""
    } else {
        ["=", "~", "^"].into_iter().find(|sign| old.starts_with(sign)).unwrap_or("")
    };
    let decor = value.decor().clone();
    *value = Value::from(format!("{operator}{target}"));
    *value.decor_mut() = decor;
    true
}

/// The lowest `rust-version` that some manifests write.
pub(super) fn floor<'a>(documents: impl Iterator<Item = &'a DocumentMut>) -> Option<String> {
    let written = |document: &DocumentMut| -> Vec<String> {
        let places = [document.get("package"), document.get("workspace").and_then(|it| it.get("package"))];
        let written = places.into_iter().flatten().filter_map(|it| it.get("rust-version")?.as_str());
        written.map(str::to_owned).collect()
    };
    let numbers = |text: &String| -> Vec<u64> { text.split('.').map_while(|part| part.parse().ok()).collect() };
    documents.flat_map(written).min_by_key(numbers)
}
