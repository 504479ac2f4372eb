//! Pipfile.lock, which has a hash of its manifest: of its sources, requirements and packages as canonical JSON
//! (`get_hash` in <https://github.com/sarugaku/plette/blob/main/src/plette/pipfiles.py>).

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

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
    // Python escapes everything else, and what is behind a variable is not known.
    if !manifest.is_ascii() || manifest.contains('$') {
        return None;
    }
    let document: toml::Table = toml::from_str(manifest).ok()?;
    if document.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return None;
    }
    let packages = |table: &str| {
        let Some(table) = document.get(table) else { return Some(json!({})) };
        let named = table.as_table()?.iter().map(|(key, value)| (name(key), value.clone()));
        canonical(&toml::Value::Table(named.collect()))
    };
    let requires = document.get("requires").map_or_else(|| Some(json!({})), canonical)?;
    let sources = canonical(document.get("source")?)?;
    // Keys are sorted, and so are these.
    let mut data = Map::new();
    data.insert("_meta".to_owned(), json!({ "requires": requires, "sources": sources }));
    data.insert("default".to_owned(), packages("packages")?);
    data.insert("develop".to_owned(), packages("dev-packages")?);
    let text = serde_json::to_string(&Value::Object(data)).ok()?;
    Some(format!("{:x}", Sha256::digest(text.as_bytes())))
}

/// A value with its keys sorted; `None` for what JSON would write in more than one way.
fn canonical(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Array(items) => Value::Array(items.iter().map(canonical).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let mut members: Vec<_> = table.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            let members = members.into_iter().map(|(key, value)| Some((key.clone(), canonical(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}
