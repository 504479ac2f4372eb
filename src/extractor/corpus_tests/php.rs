//! Lockfiles of Composer.

use serde_json::Value;

use super::Format;

pub(super) const FORMATS: &[Format] = &[Format {
    folder: "composer",
    name: "composer.lock",
    count: |text| {
        let lock: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
        ["packages", "packages-dev"].iter().filter_map(|list| lock.get(*list)?.as_array().map(Vec::len)).sum()
    },
    refused: &[
        ("1ef52eb416", "Composer: `packages` is not there, so the lock is taken for an empty one of Composer 0"),
        ("4ba88c7c8a", "Composer: a package has no name"),
        ("f5c85980e4", "Composer: does not contain valid JSON"),
    ],
    has_names_on_lines: true,
}];
