//! Lockfiles of Elixir, Dart and Swift.

use serde_json::Value;

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format {
        folder: "mix",
        name: "mix.lock",
        count: |text| text.matches("\": {:").count(),
        refused: &[],
        has_names_on_lines: false,
    },
    Format {
        folder: "pub",
        name: "pubspec.lock",
        count: |text| text.lines().filter(|line| line.starts_with("    source: ")).count(),
        refused: &[],
        has_names_on_lines: true,
    },
    Format {
        folder: "swift",
        name: "Package.resolved",
        count: |text| {
            let lock: Value = serde_json::from_str(text).expect("JSON");
            let pins = lock.pointer("/object/pins").or(lock.get("pins"));
            pins.and_then(Value::as_array).map_or(0, Vec::len)
        },
        refused: &[("7113269c1d", "SwiftPM: not JSON"), ("96261afd9a", "SwiftPM: unknown version 99")],
        has_names_on_lines: false,
    },
];
