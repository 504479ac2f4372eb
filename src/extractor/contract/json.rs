//! JSON with the places of its values: `serde_json` decides what is JSON, and a second pass notes where everything is.

use std::borrow::Cow;

use memchr::memchr2;
use serde::de::IgnoredAny;

use super::ParseError;
use super::keys::repeated;
use super::text::Lines;

/// Deeper nesting is refused. Lockfiles nest less than 30 levels; `serde_json` itself stops at 128 in its own trees.
const DEPTH_LIMIT: usize = 256;

/// In files of this many bytes, or less, there may be any number of values.
const SMALL: usize = 1024 * 1024;

/// Lockfiles have thirty bytes for each value; with less than this many the tree would take many times the memory of the
/// file.
const BYTES_PER_VALUE: usize = 8;

/// A value and the offset at which it starts.
#[derive(Debug)]
pub(in crate::extractor) struct Node<'a> {
    /// The offset of its first byte.
    pub(in crate::extractor) offset: usize,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Object(Vec<Member<'a>>),
    List(Vec<Node<'a>>),
    Null,
}

/// A key of an object with its value.
#[derive(Debug)]
pub(in crate::extractor) struct Member<'a> {
    /// The offset of the key.
    pub(in crate::extractor) offset: usize,
    /// The key.
    pub(in crate::extractor) key: Cow<'a, str>,
    /// The value.
    pub(in crate::extractor) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Reads a whole document. An object that has a key twice is refused: which value counts is anyone's guess.
    pub(in crate::extractor) fn parse(text: &'a str) -> Result<Self, ParseError> {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            // The line is told apart.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            ParseError::new(format!("read it as JSON: {message}")).at_line(line)
        })?;
        let mut reader = Reader { text, position: 0, values_left: values_in(text.len()) };
        reader.node(0).map_err(|fault| {
            let line = Lines::of(text).at(reader.position);
            let message = match fault {
                Fault::TooDeep => format!("read it: it nests more than {DEPTH_LIMIT} levels"),
                Fault::TooMany => "read it: it is made of more values than a lockfile of its size".to_owned(),
                Fault::Duplicate(key) => {
                    format!("read it: the key `{}` stands twice in one object", key.escape_debug())
                }
                Fault::NotJson => "read it as JSON".to_owned(),
            };
            ParseError::new(message).at_line(line)
        })
    }

    /// The value under a key of an object.
    pub(in crate::extractor) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The text under a key of an object.
    pub(in crate::extractor) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::text)
    }

    /// Whether the value under a key is `true`.
    pub(in crate::extractor) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Self { value: Value::Bool(true), .. }))
    }

    /// The text, if it is one.
    pub(in crate::extractor) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or a number as it is written.
    pub(in crate::extractor) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub(in crate::extractor) fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    /// Whether it is `null` or `false`, which JavaScript and PHP take for nothing.
    pub(in crate::extractor) fn is_absent(&self) -> bool {
        matches!(self.value, Value::Null | Value::Bool(false))
    }

    /// Whether it is `false`.
    pub(in crate::extractor) fn is_false(&self) -> bool {
        matches!(self.value, Value::Bool(false))
    }

    /// The members of an object; none of anything else.
    pub(in crate::extractor) fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items, if it is a list.
    pub(in crate::extractor) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members under `key` whose value is text, for example names and requirements.
    pub(in crate::extractor) fn texts_at(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let members = self.get(key).map_or(&[][..], Self::members);
        members.iter().filter_map(|member| Some((member.key.as_ref(), member.value.text()?)))
    }
}

/// How many values a text may have.
fn values_in(length: usize) -> usize {
    if length <= SMALL { usize::MAX } else { length / BYTES_PER_VALUE }
}

enum Fault {
    TooDeep,
    TooMany,
    Duplicate(String),
    /// Cannot happen behind `serde_json`'s check.
    NotJson,
}

/// Walks text that is known to be JSON.
struct Reader<'a> {
    text: &'a str,
    position: usize,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.position).is_some_and(u8::is_ascii_whitespace) {
            self.position += 1;
        }
        bytes.get(self.position).copied()
    }

    /// Steps over a byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn node(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Fault::TooDeep);
        }
        self.values_left = self.values_left.checked_sub(1).ok_or(Fault::TooMany)?;
        let first = self.peek().ok_or(Fault::NotJson)?;
        let offset = self.position;
        let value = match first {
            b'{' => Value::Object(self.members(depth)?),
            b'[' => Value::List(self.items(depth)?),
            b'"' => Value::Text(self.string()?),
            _ => {
                let rest = &self.text[offset..];
                let mut bytes = rest.bytes();
                let end = bytes.position(|next| matches!(next, b',' | b']' | b'}') || next.is_ascii_whitespace());
                let word = &rest[..end.unwrap_or(rest.len())];
                self.position += word.len();
                match word {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    "null" => Value::Null,
                    number => Value::Number(number),
                }
            }
        };
        Ok(Node { offset, value })
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member<'a>>, Fault> {
        self.position += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.peek();
            let offset = self.position;
            let key = self.string()?;
            if !self.take(b':') {
                return Err(Fault::NotJson);
            }
            let value = self.node(depth + 1)?;
            members.push(Member { offset, key, value });
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(Fault::NotJson);
            }
        }
        match repeated(members.iter().map(|member| member.key.as_ref())).and_then(|twice| members.get(twice)) {
            Some(twice) => {
                self.position = twice.offset;
                Err(Fault::Duplicate(twice.key.to_string()))
            }
            None => Ok(members),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        self.position += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.node(depth + 1)?);
            if self.take(b']') {
                return Ok(items);
            }
            if !self.take(b',') {
                return Err(Fault::NotJson);
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.position;
        let bytes = self.text.as_bytes();
        if bytes.get(start) != Some(&b'"') {
            return Err(Fault::NotJson);
        }
        let mut end = start + 1;
        let mut escaped = false;
        loop {
            let rest = bytes.get(end..).ok_or(Fault::NotJson)?;
            end += memchr2(b'"', b'\\', rest).ok_or(Fault::NotJson)?;
            if bytes.get(end) == Some(&b'"') {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.position = end + 1;
        let inner = self.text.get(start + 1..end).ok_or(Fault::NotJson)?;
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        // Half of a surrogate pair has no meaning as text; it stays as it is written.
        let decoded = serde_json::from_str::<String>(&self.text[start..=end]);
        Ok(decoded.map_or(Cow::Borrowed(inner), Cow::Owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_know_their_place() {
        let text = "{\n \"a\": {\"b\\u0063\": [1, \"x\", true]},\n \"d\": null\n}";
        let root = Node::parse(text).expect("JSON");
        let a = root.get("a").expect("a");
        assert_eq!(a.members()[0].key, "bc");
        assert_eq!(a.members()[0].value.items().expect("a list")[1].text(), Some("x"));
        let lines = Lines::of(text);
        assert_eq!(root.members().iter().map(|member| lines.at(member.offset)).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(&text[a.offset..=a.offset], "{");
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line() {
        for (text, line, part) in [
            ("{\n\"a\": 1,\n\"a\": 2}", 3, "stands twice"),
            ("{\n\"a\": ", 2, "EOF"),
            ("{}\n{}", 2, "trailing"),
            ("{\n'a': 1}", 2, "key must be a string"),
        ] {
            let error = Node::parse(text).expect_err(text);
            assert_eq!(error.line, Some(line), "{text:?}");
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[test]
    fn what_would_take_many_times_its_size_is_refused() {
        for unit in ["1,", "[],", "{},", "\"\","] {
            let text = format!("[{}1]", unit.repeat(2 * 1024 * 1024 / unit.len()));
            assert!(Node::parse(&text).expect_err(unit).message.contains("more values"), "{unit}");
        }
        let usual = format!("[{}1]", "{\"name\": \"some-package\"}, ".repeat(100_000));
        assert!(Node::parse(&usual).is_ok());
    }

    #[test]
    fn depth_is_an_error_and_no_overflow() {
        for text in ["[".repeat(100_000) + &"]".repeat(100_000), "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000)]
        {
            assert!(Node::parse(&text).expect_err("too deep").message.contains("nests more than"));
        }
        assert!(Node::parse(&"[".repeat(100_000)).is_err());
    }

    fn same(node: &Node<'_>, value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => node.text() == Some(text),
            serde_json::Value::Bool(flag) => matches!(&node.value, Value::Bool(own) if own == flag),
            serde_json::Value::Array(items) => node.items().is_some_and(|own| {
                own.len() == items.len() && own.iter().zip(items).all(|(own, item)| same(own, item))
            }),
            serde_json::Value::Object(map) => {
                node.members().len() == map.len()
                    && node
                        .members()
                        .iter()
                        .all(|member| map.get(member.key.as_ref()).is_some_and(|value| same(&member.value, value)))
            }
            serde_json::Value::Null => matches!(node.value, Value::Null),
            serde_json::Value::Number(_) => matches!(node.value, Value::Number(_)),
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in "[\\[\\]{}:,\"abn1 \\\\u0d8\n]{0,24}|(\\{\"[ab]\": ?(\\[1,\"\\\\\\\\n\"\\]|\\{\\}|true|null)\\}|\\[(1e3|\"\\\\u00e9\"), \\{\"a\":\\[\\]\\}\\])") {
            match (Node::parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(node), Ok(value)) => prop_assert!(same(&node, &value), "{text:?}"),
                (Err(error), Ok(_)) => prop_assert!(error.message.contains("twice"), "{text:?}: {error}"),
                // Lone surrogates are the one thing that is let through.
                (Ok(_), Err(error)) => prop_assert!(text.contains("\\u"), "{text:?}: {error}"),
                (Err(_), Err(_)) => {}
            }
        }
    }
}
