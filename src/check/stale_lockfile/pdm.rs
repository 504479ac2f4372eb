//! pdm.lock, which has a hash of what its manifest asks for (`content_hash` in
//! <https://github.com/pdm-project/pdm/blob/main/src/pdm/project/project_file.py>).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::python_json::{self, Spacing};
use super::{Misfit, Pair};

#[derive(Deserialize)]
struct Lock {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    lock_version: String,
    content_hash: String,
    /// What PDM 2.29 compares instead of the hash, when it is told to.
    lock_inputs: Option<toml::Value>,
}

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let Lock { metadata } = toml::from_str(pair.lock).ok()?;
    let locked = metadata.content_hash.strip_prefix("sha256:").filter(|hash| python_json::is_sha256(hash))?;
    // PDM 1 changed the sources before it hashed them.
    if !metadata.lock_version.starts_with("4.") || metadata.lock_inputs.is_some() {
        return None;
    }
    let manifest = python_json::read(&pair.beside("pyproject.toml")?)?;
    if !is_pdms(&manifest) {
        return None;
    }
    for content in contents(&manifest)? {
        if locked == python_json::sha256(content, Spacing::Wide) {
            return None;
        }
    }
    Some(Misfit::new(pair.line_with(locked), "its content hash is that of another pyproject.toml"))
}

fn section<'a>(manifest: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(manifest, |table, key| table.get(*key)?.as_table())
}

/// Whether a manifest is PDM's; the lockfile of another may have been left behind.
fn is_pdms(manifest: &Table) -> bool {
    let backend = section(manifest, &["build-system"]).and_then(|system| system.get("build-backend")?.as_str());
    section(manifest, &["tool", "pdm"]).is_some() || backend.is_some_and(|backend| backend.starts_with("pdm."))
}

/// What versions of PDM from 2.0 to 2.29 hash; `None` where that depends on more than the manifest.
fn contents(manifest: &Table) -> Option<Vec<Value>> {
    let empty = Table::new();
    let settings = section(manifest, &["tool", "pdm"]).unwrap_or(&empty);
    // Members of a workspace are in the hash of PDM 2.29, plugins can be anything.
    if settings.contains_key("workspace") || settings.contains_key("plugins") {
        return None;
    }
    let or = |table: &Table, key: &str, default: Value| table.get(key).map_or(Some(default), python_json::from_toml);
    let sources = or(settings, "source", json!([]))?;
    // What is behind a variable is written into them by some versions.
    if sources.to_string().contains('$') {
        return None;
    }
    // Without it, PDM reads what it understands of other tools' sections.
    let project = section(manifest, &["project"])?;
    let shared = Map::from_iter([
        ("sources".to_owned(), sources),
        ("dependencies".to_owned(), or(project, "dependencies", json!([]))?),
        ("optional-dependencies".to_owned(), or(project, "optional-dependencies", json!({}))?),
        ("requires-python".to_owned(), or(project, "requires-python", json!(""))?),
    ]);
    let own = or(settings, "dev-dependencies", json!({}))?;
    let resolution = or(settings, "resolution", json!({}))?;
    let overrides = resolution.get("overrides").cloned().unwrap_or_else(|| json!({}));
    let old_overrides = or(settings, "overrides", json!({}))?;
    let all = Value::Object(development(manifest, settings)?);
    let variants = [
        // 2.0 to 2.8, to 2.15, to 2.19, and since then.
        (own.clone(), "overrides", old_overrides),
        (own.clone(), "overrides", overrides),
        (own, "resolution", resolution.clone()),
        (all, "resolution", resolution),
    ];
    let contents = variants.into_iter().map(|(development, key, value)| {
        let mut content = shared.clone();
        content.insert("dev-dependencies".to_owned(), development);
        content.insert(key.to_owned(), value);
        Value::Object(content)
    });
    Some(contents.collect())
}

/// The groups of both kinds by their normal names; `None` where one stands in several places, which versions of PDM
/// refuse, or join once more whenever they look.
fn development(manifest: &Table, settings: &Table) -> Option<Map<String, Value>> {
    let mut groups = Map::new();
    let both = [section(manifest, &["dependency-groups"]), section(settings, &["dev-dependencies"])];
    for (name, group) in both.into_iter().flatten().flatten() {
        if groups.insert(normalise(name), python_json::from_toml(group)?).is_some() {
            return None;
        }
    }
    Some(groups)
}

/// `normalize_name` of PDM, which is not that of PEP 503: a hyphen for everything that is neither letter nor digit.
fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            normal.push(character.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}
