//! The JSON schema of `patchparty.toml`, made from the raw structs.

use schemars::schema_for;

use super::raw::RawPolicy;

/// The schema, pretty, with a newline at its end. It is kept in `docs/patchparty.schema.json`.
pub(crate) fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schema_for!(RawPolicy)).expect("a schema is plain JSON");
    text.push('\n');
    text
}

/// Where a key belongs that is not known where it stands: only said when there is one such place.
pub(super) fn place_of(key: &str) -> Option<String> {
    let schema = serde_json::to_value(schema_for!(RawPolicy)).ok()?;
    let top = schema["properties"].as_object()?;
    if top.contains_key(key) {
        return Some("it stands at the top of the file, above the first section".to_owned());
    }
    let has_key = |section: &serde_json::Value| {
        let name = section["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        name.is_some_and(|name| schema["$defs"][name]["properties"].get(key).is_some())
    };
    let mut sections = top.iter().filter(|(_, section)| has_key(section)).map(|(name, _)| name);
    let section = sections.next()?;
    sections.next().is_none().then(|| format!("it belongs to `[{section}]`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_repository_is_the_one_of_the_code() {
        let kept = include_str!("../../docs/patchparty.schema.json");
        assert!(
            kept == schema(),
            "the configuration has changed; run: cargo run -- config schema > docs/patchparty.schema.json"
        );
    }

    #[test]
    fn every_key_is_described_and_no_other_is_allowed() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        let definitions = schema["$defs"].as_object().unwrap().values();
        let objects: Vec<_> = definitions.chain([&schema]).filter(|part| part["properties"].is_object()).collect();
        assert!(objects.len() >= 10, "{}", objects.len());
        for object in objects {
            assert_eq!(object["additionalProperties"], serde_json::Value::Bool(false), "{object}");
            for (key, property) in object["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "`{key}` has no description: {property}");
            }
        }
    }
}
