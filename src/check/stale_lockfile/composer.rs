//! composer.lock, which has a hash of its manifest.

use serde_json::Value;

use super::{Misfit, Pair};
use crate::sandbox::content_hash::content_hash;

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest = pair.beside("composer.json")?;
    let document: Value = serde_json::from_str(pair.lock).ok()?;
    let locked = document.get("content-hash")?.as_str()?;
    // PHP writes such numbers in its own way, and they do not belong there.
    if has_fraction(&serde_json::from_str(&manifest).ok()?) {
        return None;
    }
    let expected = content_hash(manifest.as_bytes())?;
    (locked != expected)
        .then(|| Misfit::new(pair.line_with("\"content-hash\""), "its content hash is that of another composer.json"))
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
