//! YAML with the lines of its values, every scalar as the text that is written: what package managers write is read line
//! by line, all else by a complete reader.

mod block;

use std::borrow::Cow;

use granit_parser::{Event, Options, Parser};

use super::{ParseError, keys};

/// Deeper nesting is refused. Lockfiles nest less than 10 levels.
const DEPTH_LIMIT: usize = 64;

/// In files of this many bytes, or less, there may be any number of values.
const SMALL: usize = 1024 * 1024;

/// Every value ends with a sign or a line. Lockfiles have thirty bytes between these; with less than this many the tree
/// would take many times the memory of the file.
const BYTES_PER_VALUE: usize = 3;

/// A value and the line on which it starts.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::extractor) struct Node<'a> {
    /// The line of its first character, from 1.
    pub(in crate::extractor) line: u32,
    value: Value<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    /// Any scalar, also one that YAML takes for a number; empty where nothing is written.
    Text(Cow<'a, str>),
    Map(Vec<Member<'a>>),
    List(Vec<Node<'a>>),
}

/// A key of a mapping with its value.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::extractor) struct Member<'a> {
    /// The line of the key, from 1.
    pub(in crate::extractor) line: u32,
    /// The key.
    pub(in crate::extractor) key: Cow<'a, str>,
    /// The value.
    pub(in crate::extractor) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Reads the documents of a text. Refused are a mapping that has a key twice, and anchors, which no lockfile needs.
    pub(in crate::extractor) fn documents(text: &'a str) -> Result<Vec<Self>, ParseError> {
        let ends = || text.bytes().filter(|byte| matches!(byte, b',' | b'\n' | b'[' | b'{' | b']' | b'}')).count();
        if text.len() > SMALL && ends() > text.len() / BYTES_PER_VALUE {
            return Err(ParseError::new("read it: it is made of more values than a lockfile of its size"));
        }
        match block::read(text) {
            Some(documents) => Ok(documents),
            None => read_any(text),
        }
    }

    /// The value under a key of a mapping.
    pub(in crate::extractor) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The items of a list; none of anything else.
    pub(in crate::extractor) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Text(_) | Value::Map(_) => &[],
        }
    }

    /// The scalar under a key of a mapping.
    pub(in crate::extractor) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::text)
    }

    /// The scalar, if it is one.
    pub(in crate::extractor) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Map(_) | Value::List(_) => None,
        }
    }

    /// Whether it is a mapping.
    pub(in crate::extractor) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Whether nothing is written, or `null`.
    pub(in crate::extractor) fn is_absent(&self) -> bool {
        matches!(self.text(), Some("" | "~" | "null"))
    }

    /// The members of a mapping; none of anything else.
    pub(in crate::extractor) fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Map(members) => members,
            Value::Text(_) | Value::List(_) => &[],
        }
    }

    /// The members of a mapping, to keep; none of anything else.
    pub(in crate::extractor) fn into_members(self) -> Vec<Member<'a>> {
        match self.value {
            Value::Map(members) => members,
            Value::Text(_) | Value::List(_) => Vec::new(),
        }
    }

    /// The text, if it is a scalar, to keep.
    pub(in crate::extractor) fn into_text(self) -> Option<Cow<'a, str>> {
        match self.value {
            Value::Text(text) => Some(text),
            Value::Map(_) | Value::List(_) => None,
        }
    }

    /// The members under `key` whose value is a scalar, for example names and requirements.
    pub(in crate::extractor) fn texts_at(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let members = self.get(key).map_or(&[][..], Self::members);
        members.iter().filter_map(|member| Some((member.key.as_ref(), member.value.text()?)))
    }
}

/// The member under a key that a mapping has twice.
fn repeated<'m, 'a>(members: &'m [Member<'a>]) -> Option<&'m Member<'a>> {
    keys::repeated(members.iter().map(|member| member.key.as_ref())).and_then(|twice| members.get(twice))
}

/// A collection whose end has not come yet.
enum Open<'a> {
    Map {
        line: u32,
        members: Vec<Member<'a>>,
        /// The key whose value comes next.
        key: Option<(u32, Cow<'a, str>)>,
    },
    List {
        line: u32,
        items: Vec<Node<'a>>,
    },
}

/// Reads whatever is YAML.
fn read_any(text: &str) -> Result<Vec<Node<'_>>, ParseError> {
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let message = error.info().lines().next().unwrap_or_default().to_owned();
            ParseError::new(format!("read it as YAML: {message}")).at_line(line(error.marker().line()))
        })?;
        builder.add(event, line(span.start.line()))?;
    }
    Ok(builder.documents)
}

fn line(line: usize) -> u32 {
    u32::try_from(line.max(1)).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Builder<'a> {
    documents: Vec<Node<'a>>,
    open: Vec<Open<'a>>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, event: Event<'a>, line: u32) -> Result<(), ParseError> {
        let fault = |message: &str| Err(ParseError::new(message).at_line(line));
        match event {
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _)
                if anchor != 0 =>
            {
                fault("read it: it has an anchor, which no package manager writes")
            }
            Event::Alias(_) => fault("read it: it has an alias, which no package manager writes"),
            Event::SequenceStart(..) | Event::MappingStart(..) if self.open.len() >= DEPTH_LIMIT => {
                fault("read it: it nests more than any lockfile")
            }
            Event::Scalar(text, style, _, _) => {
                // What is left out is told as `~`.
                let nothing = text == "~" && style == granit_parser::ScalarStyle::Plain;
                self.place(Node { line, value: Value::Text(if nothing { Cow::Borrowed("") } else { text }) })
            }
            Event::SequenceStart(..) => {
                self.open.push(Open::List { line, items: Vec::new() });
                Ok(())
            }
            Event::MappingStart(..) => {
                self.open.push(Open::Map { line, members: Vec::new(), key: None });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { line, items }) => self.place(Node { line, value: Value::List(items) }),
                Some(Open::Map { line, members, .. }) => match repeated(&members) {
                    Some(twice) => Err(twice_error(twice)),
                    None => self.place(Node { line, value: Value::Map(members) }),
                },
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Puts a complete value where it belongs.
    fn place(&mut self, node: Node<'a>) -> Result<(), ParseError> {
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { members, key, .. }) => match (key.take(), node) {
                (Some((line, key)), value) => members.push(Member { line, key, value }),
                (None, Node { line, value: Value::Text(text) }) => *key = Some((line, text)),
                (None, Node { line, .. }) => {
                    return Err(ParseError::new("read it: a key is no plain text").at_line(line));
                }
            },
        }
        Ok(())
    }
}

fn twice_error(member: &Member<'_>) -> ParseError {
    let message = format!("read it: the key `{}` stands twice in one mapping", member.key.escape_debug());
    ParseError::new(message).at_line(member.line)
}

/// Whether a text is read line by line; both readers must read the same from it.
#[cfg(test)]
pub(in crate::extractor) fn is_read_line_by_line(text: &str) -> bool {
    let quick = block::read(text);
    if let Some(quick) = &quick {
        assert_eq!(quick, &read_any(text).expect("what is read line by line is YAML"));
    }
    quick.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a text in both ways, which must agree.
    fn both(text: &str) -> Option<Vec<Node<'_>>> {
        let quick = block::read(text);
        if let Some(quick) = &quick {
            assert_eq!(quick, &read_any(text).unwrap_or_else(|error| panic!("{error}: {text:?}")), "{text:?}");
        }
        quick
    }

    #[test]
    fn what_package_managers_write_is_read_line_by_line() {
        for text in [
            "a: 1.10\nb:\n  c: 'it''s'\n  \"d e\": {x: [1, '2'], y: {}}\n\nf: []\n",
            "# comment\n\n---\na:\n- 1\n- b c\n---\nb:\n  - x\n  - 'y'\n",
            "a: |-\n  one\n\n   two\n\nb: |\n  three\nc: >-\n  four\n",
            "a:\n\nb: ''\nc: \"\"\n",
            "a: http://x:80/#y\nb@c:d: e\n'k':\n  {}\n".split("'k'").next().expect("text"),
            "a: ^1 || ^2\nb: x-y, z {q}\r\nc: -1\r\n",
            "a:\n  b:\n    c:\n      d: e\nf: g",
        ] {
            assert!(both(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_complete_reader() {
        for text in [
            "? a\n: b\n",
            "a: b\n  c\n",
            "a: \"x\\ty\"\n",
            "a: b # c\n",
            "{a: b}\n",
            "a: {b:\n  c}\n",
            "- a: b\n  c: d\n",
            "a: >-\n  b\n  c\n",
            "a: !!str b\n",
            "\"a\": 'b\n  c'\n",
        ] {
            assert!(block::read(text).is_none(), "{text:?}");
            assert!(Node::documents(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn values_know_their_lines() {
        let documents = Node::documents("a: 1\nb:\n  c: x\n").expect("YAML");
        let members = documents[0].members();
        assert_eq!((members[1].line, members[1].value.members()[0].line), (2, 3));
        assert_eq!(documents[0].text_at("a"), Some("1"));
        assert_eq!(documents[0].texts_at("b").collect::<Vec<_>>(), [("c", "x")]);
        assert!(Node::documents("").expect("nothing").is_empty());
    }

    #[test]
    fn long_lines_are_read_in_linear_time() {
        let started = std::time::Instant::now();
        for item in ["a,", "a, ", "'a', ", "{b: c}, ", "[], "] {
            let text = format!("x: [{}z]\n", item.repeat(900_000 / item.len()));
            assert!(Node::documents(&text).is_ok(), "{item}");
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        let text = format!("x: [{}z]\n", "a,".repeat(1_000_000));
        assert!(Node::documents(&text).expect_err("forty times its size").message.contains("more values"));
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line() {
        let deep = "[".repeat(100_000);
        let deeper: String = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        for (text, line) in [
            ("a: 1\na: 2\n", 2),
            ("a: {b: 1, b: 2}\n", 1),
            ("a: &x 1\nb: *x\n", 1),
            ("a:\n\t- 1\n", 2),
            ("a: [\n", 1),
            ("[a]: b\n", 1),
            (deep.as_str(), 1),
            (deeper.as_str(), 65),
        ] {
            let error = Node::documents(text).expect_err(text);
            assert_eq!(error.line, Some(line), "{error}: {:?}", text.get(..30));
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_any_text(text in "([ ]{0,4}(a|b|'c'|\"d\"|- x|-|#|---|\\{a: b\\}|\\||>-)?(:|: | )?(x|'y z'|\"q\"|\\{\\}|\\[a, b\\]|\\{a: b, c: 'd'\\}|>-|\\|-|\\||a: b|1\\.0|x #y|\\?|,)?\n){0,8}") {
            both(&text);
        }
    }
}
