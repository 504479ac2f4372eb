//! A TOML manifest as Python's package managers hash it: as the JSON that `json.dumps(…, sort_keys=True)` writes.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use sha2::{Digest as _, Sha256};

use crate::model::bounded_toml;

/// What a requirement is nested in is far from this; a file made to nest deeper is not compared.
const DEPTH_LIMIT: u32 = 100;

/// What stands between members, and between a name and its value.
#[derive(Clone, Copy)]
pub(super) enum Spacing {
    /// `", "` and `": "`, what Python does when it is not told.
    Wide,
    /// `","` and `":"`, as in `separators=(",", ":")`.
    Narrow,
}

impl Spacing {
    fn comma(self) -> &'static [u8] {
        match self {
            Self::Wide => b", ",
            Self::Narrow => b",",
        }
    }

    fn colon(self) -> &'static [u8] {
        match self {
            Self::Wide => b": ",
            Self::Narrow => b":",
        }
    }

    fn separate<W: ?Sized + io::Write>(self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.comma()) }
    }
}

impl Formatter for Spacing {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.colon())
    }

    /// What both escape in the same way does not come here.
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(is_escaped) {
            let last = part.chars().next_back().filter(|last| is_escaped(*last));
            let plain = part.len() - last.map_or(0, char::len_utf8);
            writer.write_all(part.get(..plain).unwrap_or_default().as_bytes())?;
            for unit in last.into_iter().flat_map(|last| last.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// `ensure_ascii` also means the one character of ASCII that no serialiser of Rust escapes.
fn is_escaped(character: char) -> bool {
    !character.is_ascii() || character == '\u{7f}'
}

/// A manifest; `None` for what is none, or what only some readers of TOML keep as it is written: the ends of lines of
/// Windows within a text.
pub(super) fn read(manifest: &str) -> Option<toml::Table> {
    let is_ambiguous = manifest.contains('\r') && (manifest.contains("\"\"\"") || manifest.contains("'''"));
    if is_ambiguous { None } else { bounded_toml::from_str(manifest).ok() }
}

/// A value as JSON; `None` for what JSON does not have (dates), or what Python writes in a way of its own (fractions).
pub(super) fn from_toml(value: &toml::Value) -> Option<Value> {
    nested(value, DEPTH_LIMIT)
}

fn nested(value: &toml::Value, depth: u32) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Array(items) => items.iter().map(|item| nested(item, depth)).collect::<Option<_>>()?,
        toml::Value::Table(table) => {
            let members = table.iter().map(|(key, value)| Some((key.clone(), nested(value, depth)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}

/// The SHA-256 of what Python writes for a value.
pub(super) fn sha256(mut value: Value, spacing: Spacing) -> String {
    value.sort_all_objects();
    let mut text = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, spacing));
    written.expect("a value of JSON is written to memory");
    format!("{:x}", Sha256::digest(&text))
}

/// Whether a lockfile has a hash of this kind: 64 small hexadecimal digits.
pub(super) fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(manifest: &str, spacing: Spacing) -> String {
        let mut value = from_toml(&toml::Value::Table(read(manifest).unwrap())).unwrap();
        value.sort_all_objects();
        let mut text = Vec::new();
        value.serialize(&mut Serializer::with_formatter(&mut text, spacing)).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn texts_are_written_as_python_does() {
        // Python 3.11: json.dumps(tomllib.loads(manifest), sort_keys=True).
        let manifest = r#"b = [1, -2, true, []]
"é" = { z = {}, Z = "\"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080ü€😀 ok" }
"#;
        let expected = r#"{"b": [1, -2, true, []], "\u00e9": {"Z": "\"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080\u00fc\u20ac\ud83d\ude00 ok", "z": {}}}"#;
        assert_eq!(written(manifest, Spacing::Wide), expected);
        assert_eq!(written("a = [1, 2]\nb = {}", Spacing::Narrow), r#"{"a":[1,2],"b":{}}"#);
    }

    #[test]
    fn what_python_may_write_otherwise_is_not_written() {
        let value = |manifest: &str| from_toml(&toml::Value::Table(read(manifest)?));
        for unsure in
            ["a = 1.0", "a = [{ b = 2020-01-01 }]", "a = \"\"\"x\r\ny\"\"\"", "a = ", "a = 99999999999999999999"]
        {
            assert!(value(unsure).is_none(), "{unsure}");
        }
        assert!(value("a = \"x\"\r\nb = 1\r\n").is_some());
        let deep = |levels: usize| format!("{}.b = 1\n[c]\nd = 1", vec!["a"; levels].join("."));
        assert!(value(&deep(60)).is_some());
        let dotted = vec!["a"; 70].join(".");
        let deeper = format!("[{dotted}]\n{dotted} = {{ {dotted} = 1 }}");
        assert!(value(&deeper).is_none());
    }
}
