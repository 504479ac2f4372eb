//! Lockfiles of NuGet.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Format;

pub(super) const FORMATS: &[Format] = &[Format {
    folder: "nuget",
    name: "packages.lock.json",
    count: |text| {
        let lock: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
        let frameworks = lock["dependencies"].as_object().into_iter().flatten();
        let entries = frameworks.flat_map(|(_, packages)| packages.as_object().expect("an object"));
        let key = |(name, entry): (&String, &Value)| (name.to_lowercase(), entry["resolved"].to_string());
        entries.map(key).collect::<BTreeSet<_>>().len()
    },
    refused: &[],
    has_names_on_lines: true,
}];
