//! Lockfiles of JavaScript's package managers.

use serde_json::Value;

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format {
        folder: "npm-package-lock",
        name: "package-lock.json",
        count: npm,
        refused: &[("0fcb7ac945", "npm: not JSON"), ("1399061175", "npm: not JSON, the end is missing")],
        has_names_on_lines: true,
    },
    Format {
        folder: "npm-shrinkwrap",
        name: "npm-shrinkwrap.json",
        count: npm,
        refused: &[("4d0850db20", "npm: not JSON"), ("b3bc9b7aaf", "npm: not JSON")],
        has_names_on_lines: true,
    },
];

fn npm(text: &str) -> usize {
    fn nested(value: &Value) -> usize {
        let entries = value.get("dependencies").and_then(Value::as_object);
        entries.map_or(0, |entries| entries.values().map(|entry| 1 + nested(entry)).sum())
    }
    let lock: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
    match lock.get("packages").and_then(Value::as_object) {
        Some(packages) => packages.keys().filter(|key| key.contains("node_modules/")).count(),
        None => nested(&lock),
    }
}
