//! uv.lock: what it says that the project requires, against pyproject.toml.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Misfit, Pair};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    source: Table,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    requires_dist: Vec<Required>,
}

#[derive(Deserialize)]
struct Required {
    name: String,
    specifier: Option<String>,
    #[serde(flatten)]
    rest: Table,
}

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest: Table = bounded_toml::from_str(&pair.beside("pyproject.toml")?).ok()?;
    let project = manifest.get("project")?.as_table()?;
    // A build decides what dynamic ones are.
    let is_dynamic = project
        .get("dynamic")
        .and_then(Value::as_array)
        .is_some_and(|fields| fields.iter().filter_map(Value::as_str).any(|field| field.ends_with("dependencies")));
    if is_dynamic {
        return None;
    }
    let lock: Lock = bounded_toml::from_str(pair.lock).ok()?;
    let is_root = |package: &&Package| {
        let folder = ["editable", "virtual", "directory"].iter().find_map(|key| package.source.get(*key)?.as_str());
        folder == Some(".")
    };
    // The first versions of uv did not write it.
    let locked = lock.package.iter().find(is_root)?.metadata.as_ref()?;
    let mut wanted: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (name, specifier) in requests(project)? {
        wanted.entry(name).or_default().push(specifier);
    }
    for (name, specifiers) in &wanted {
        let entries: Vec<&Required> = locked.requires_dist.iter().filter(|entry| same(&entry.name, name)).collect();
        let Some(entry) = entries.first() else {
            return Some(Misfit::new(1, format!("`{name}`, which pyproject.toml asks for, is not in it")));
        };
        // Several for one name differ by their markers; a source of its own replaces the request.
        let is_rewritten =
            ["git", "url", "path", "editable", "directory", "virtual"].iter().any(|key| entry.rest.contains_key(*key));
        let ([specifier], 1, false) = (specifiers.as_slice(), entries.len(), is_rewritten) else { continue };
        let written = entry.specifier.as_deref().map_or(Some(String::new()), canonical);
        if let (Some(specifier), Some(written)) = (specifier, written)
            && *specifier != written
        {
            let reason = format!("it has `{name}` for `{written}`, pyproject.toml asks for `{specifier}`");
            return Some(Misfit::new(pair.line_with("requires-dist"), reason));
        }
    }
    let extra = locked.requires_dist.iter().find(|entry| !wanted.keys().any(|name| same(&entry.name, name)))?;
    Some(Misfit::new(pair.line_with("requires-dist"), format!("it asks for `{}`, pyproject.toml does not", extra.name)))
}

fn same(left: &str, right: &str) -> bool {
    Ecosystem::PyPi.normalise(left) == Ecosystem::PyPi.normalise(right)
}

/// Name and canonical specifier (`None` when there is an address) of every request; `None` when one cannot be read.
fn requests(project: &Table) -> Option<Vec<(String, Option<String>)>> {
    let optional = project.get("optional-dependencies").and_then(Value::as_table);
    let lists = project.get("dependencies").into_iter().chain(optional.into_iter().flat_map(Table::values));
    let texts = lists.filter_map(Value::as_array).flatten();
    texts
        .map(|text| {
            let requirement = text.as_str()?.parse::<pep508_rs::Requirement>().ok()?;
            let specifier = match requirement.version_or_url {
                None => Some(String::new()),
                Some(pep508_rs::VersionOrUrl::VersionSpecifier(specifiers)) => canonical(&specifiers.to_string()),
                Some(pep508_rs::VersionOrUrl::Url(_)) => None,
            };
            Some((requirement.name.to_string(), specifier))
        })
        .collect()
}

/// Specifiers in one order and one form.
fn canonical(specifiers: &str) -> Option<String> {
    let parsed: pep440_rs::VersionSpecifiers = specifiers.parse().ok()?;
    let mut parts: Vec<String> = parsed.iter().map(ToString::to_string).collect();
    parts.sort();
    Some(parts.join(","))
}
