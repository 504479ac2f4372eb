//! Layout: the indentation, line ends and last newline that a text file had are the ones it gets back.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The indentation of a JSON file: the white space before its first member.
pub(crate) fn indentation(text: &str) -> Option<&str> {
    let line = text.lines().skip(1).find(|line| !line.trim().is_empty())?;
    let indent = &line[..line.len() - line.trim_start().len()];
    (!indent.is_empty()).then_some(indent)
}

/// Writes JSON with the indentation, line ends and last newline of `like`.
pub(crate) fn write_like(like: &str, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let indent = indentation(like).unwrap_or("  ").as_bytes().to_vec();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(&indent));
    value.serialize(&mut serializer).expect("a value in memory can be written to memory");
    line_ends_like(like, &String::from_utf8_lossy(&bytes)).into_bytes()
}

/// The text with the line ends and the last newline of `like`.
pub(crate) fn line_ends_like(like: &str, text: &str) -> String {
    let mut plain = text.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
    if like.ends_with('\n') {
        plain.push('\n');
    }
    if like.contains("\r\n") { plain.replace('\n', "\r\n") } else { plain }
}

/// Replaces the string value of a member in JSON text, named by the keys that lead to it from the top, leaving every
/// other byte alone; `None` when there is no such string.
pub(crate) fn replace_member(text: &str, keys: &[&str], value: &str) -> Option<String> {
    let range = member_value(text, keys)?;
    let written = serde_json::to_string(value).ok()?;
    Some(format!("{}{written}{}", &text[..range.start], &text[range.end..]))
}

/// Where the string value of a member stands, quotes included: a scan of tokens that knows strings and nesting.
fn member_value(text: &str, wanted: &[&str]) -> Option<std::ops::Range<usize>> {
    let mut path: Vec<Option<String>> = Vec::new();
    let mut pending: Option<String> = None;
    let mut expects_value = false;
    let bytes = text.as_bytes();
    let mut position = 0;
    while position < bytes.len() {
        match bytes[position] {
            b'"' => {
                let end = string_end(bytes, position)?;
                let content: String = serde_json::from_str(&text[position..end]).ok()?;
                if expects_value {
                    let here = path.iter().skip(1).map(Option::as_deref).chain([pending.as_deref()]);
                    if here.eq(wanted.iter().map(|name| Some(*name))) {
                        return Some(position..end);
                    }
                } else {
                    pending = Some(content);
                }
                position = end;
                continue;
            }
            b':' => expects_value = true,
            b'{' => {
                path.push(pending.take());
                expects_value = false;
            }
            b'[' => {
                path.push(None);
                // Strings in a list are values without a name.
                expects_value = true;
                pending = None;
            }
            b'}' | b']' => {
                path.pop();
                expects_value = false;
                pending = None;
            }
            // After a comma in a list the next string is taken for a name; it has no colon and therefore no value.
            b',' => {
                expects_value = false;
                pending = None;
            }
            _ => {}
        }
        position += 1;
    }
    None
}

/// The position after the closing quote of the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut position = start + 1;
    while position < bytes.len() {
        match bytes[position] {
            b'\\' => position += 2,
            b'"' => return Some(position + 1),
            _ => position += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_kept() {
        let like = "{\r\n\t\"a\": 1\r\n}";
        let value = serde_json::json!({"a": {"b": [1, "x/y"]}});
        let written = String::from_utf8(write_like(like, &value)).unwrap();
        assert_eq!(written, "{\r\n\t\"a\": {\r\n\t\t\"b\": [\r\n\t\t\t1,\r\n\t\t\t\"x/y\"\r\n\t\t]\r\n\t}\r\n}");
        assert_eq!(line_ends_like("a\n", "b\r\nc"), "b\nc\n");
    }

    #[test]
    fn one_member_changes_and_every_other_byte_stays() {
        let text = "{ \"x\": [\"acme/a\", {\"acme/a\": \"no\"}],\n  \"other\": {\"acme/a\": \"no\"},\n  \"require\" : {\n    \"acme\\/a\" :  \"dev-master\" , \"b\":\"1\"}}";
        let changed = replace_member(text, &["require", "acme/a"], "dev-master#abc").unwrap();
        assert_eq!(changed, text.replace("\"dev-master\"", "\"dev-master#abc\""));
        assert!(replace_member(text, &["require-dev", "acme/a"], "x").is_none());
        assert_eq!(replace_member("{\"hash\": \"1\"}", &["hash"], "2").unwrap(), "{\"hash\": \"2\"}");
        assert!(replace_member("{\"a", &["a"], "2").is_none());
        let deep = "{\"packages\": {\"\": {\"x\": {}, \"dependencies\": {\"a\": \"1\"}}}}";
        assert_eq!(
            replace_member(deep, &["packages", "", "dependencies", "a"], "2").unwrap(),
            deep.replace("\"1\"", "\"2\"")
        );
    }
}
