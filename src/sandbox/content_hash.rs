//! The hash by which a `composer.lock` knows its `composer.json`.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde_json::{Map, Value};

/// The members that count, as in `Composer\Package\Locker::getContentHash` (2.5), sorted as `ksort` does.
const RELEVANT: [&str; 11] = [
    "conflict",
    "extra",
    "minimum-stability",
    "name",
    "prefer-stable",
    "provide",
    "replace",
    "repositories",
    "require",
    "require-dev",
    "version",
];

/// The content hash of a manifest; `None` when it is no JSON object.
pub(crate) fn content_hash(manifest: &[u8]) -> Option<String> {
    let manifest: Map<String, Value> = serde_json::from_slice(manifest).ok()?;
    let mut relevant: Vec<(&str, Value)> =
        RELEVANT.iter().filter_map(|name| manifest.get(*name).map(|value| (*name, value.clone()))).collect();
    // Like PHP's `isset`: a platform that is null does not count.
    if let Some(platform) = manifest.get("config").and_then(|config| config.get("platform")).filter(|it| !it.is_null())
    {
        let mut config = Map::new();
        config.insert("platform".to_owned(), platform.clone());
        relevant.insert(0, ("config", Value::Object(config)));
        relevant.sort_by_key(|(name, _)| *name);
    }
    let mut text = String::new();
    let members = relevant.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    encode(&Value::Object(members), &mut text);
    Some(Md5::digest(text.as_bytes()).iter().fold(String::new(), |hash, byte| hash + &format!("{byte:02x}")))
}

/// Writes a value as PHP's `json_encode` without flags does after `json_decode` into arrays.
fn encode(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::String(content) => encode_string(content, text),
        Value::Array(items) => encode_list(items.iter(), text),
        // An array with the keys 0, 1, 2… is a list to PHP, and so is an empty one.
        Value::Object(members) if members.keys().enumerate().all(|(index, key)| *key == index.to_string()) => {
            encode_list(members.values(), text);
        }
        Value::Object(members) => {
            text.push('{');
            for (position, (key, member)) in members.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                encode_string(key, text);
                text.push(':');
                encode(member, text);
            }
            text.push('}');
        }
    }
}

fn encode_list<'a>(items: impl Iterator<Item = &'a Value>, text: &mut String) {
    text.push('[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            text.push(',');
        }
        encode(item, text);
    }
    text.push(']');
}

/// PHP escapes `/` and everything outside of ASCII, the latter as UTF-16.
fn encode_string(content: &str, text: &mut String) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '/' => text.push_str("\\/"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' '..='\u{7f}' => text.push(character),
            other => {
                let mut units = [0_u16; 2];
                for unit in other.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_empty_objects_are_written_as_php_does() {
        let mut text = String::new();
        encode(
            &serde_json::json!({"a/b": "ü€𝄞\u{7f}\u{1}\"", "e": {}, "l": {"0": 1, "1": 1.5}, "m": {"1": true}}),
            &mut text,
        );
        assert_eq!(
            text,
            "{\"a\\/b\":\"\\u00fc\\u20ac\\ud834\\udd1e\u{7f}\\u0001\\\"\",\"e\":[],\"l\":[1,1.5],\"m\":{\"1\":true}}"
        );
    }

    #[test]
    fn only_the_relevant_members_count() {
        let one =
            content_hash(br#"{"require": {"a/b": "^1"}, "name": "x/y", "scripts": {"x": "1"}, "config": {"sort": 1}}"#);
        let two = content_hash(br#"{"name": "x/y", "description": "text", "require": {"a/b": "^1"}}"#);
        assert_eq!(one, two);
        assert_ne!(one, content_hash(br#"{"name": "x/y", "require": {"a/b": "^2"}}"#));
        assert_eq!(content_hash(b"[]"), None);
    }
}
