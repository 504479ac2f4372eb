//! Entries of a package-lock.json.

use serde_json::Value;

/// The real name of an entry: `name` where it is an alias, else the path's end.
pub(super) fn name_of(path: &str, entry: &Value) -> String {
    let last = path.rsplit("node_modules/").next().unwrap_or(path);
    entry.get("name").and_then(Value::as_str).unwrap_or(last).to_owned()
}
