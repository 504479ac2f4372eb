//! Pipfile.lock, which has a hash of its manifest: of its sources, requirements and packages as canonical JSON
//! (`get_hash` in <https://github.com/sarugaku/plette/blob/main/src/plette/pipfiles.py>).

use serde_json::{Value, json};

use super::python_json::{self, Spacing};
use super::{Misfit, Pair};
use crate::model::ecosystem::Ecosystem;

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let lock: Value = serde_json::from_str(pair.lock).ok()?;
    let locked = lock.get("_meta")?.get("hash")?.get("sha256")?.as_str()?;
    let manifest = pair.beside("Pipfile")?;
    // pipenv took names as they are written for most of its life, and takes them as PEP 503 has them now.
    let as_written = hash(&manifest, str::to_owned)?;
    let normalised = hash(&manifest, |name| Ecosystem::PyPi.normalise(name).into_owned())?;
    let fits = locked == as_written || locked == normalised;
    (!fits).then(|| Misfit::new(pair.line_with("\"sha256\""), "its hash is that of another Pipfile"))
}

/// The hash of a manifest; `None` where versions of pipenv disagree: without sources, with categories of its own.
fn hash(manifest: &str, name: impl Fn(&str) -> String) -> Option<String> {
    const KNOWN: [&str; 7] = ["source", "requires", "packages", "dev-packages", "scripts", "pipenv", "pipfile"];
    // What is behind a variable is not known.
    if manifest.contains('$') {
        return None;
    }
    let document = python_json::read(manifest)?;
    if document.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return None;
    }
    let packages = |table: &str| {
        let Some(table) = document.get(table) else { return Some(json!({})) };
        let named = table.as_table()?.iter().map(|(key, value)| (name(key), value.clone()));
        python_json::from_toml(&toml::Value::Table(named.collect()))
    };
    let requires = document.get("requires").map_or_else(|| Some(json!({})), python_json::from_toml)?;
    let data = json!({
        "_meta": { "requires": requires, "sources": python_json::from_toml(document.get("source")?)? },
        "default": packages("packages")?,
        "develop": packages("dev-packages")?,
    });
    Some(python_json::sha256(data, Spacing::Narrow))
}
