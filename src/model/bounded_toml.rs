//! TOML of others: read only where it does not nest too deep, because its parser calls itself for every level.
//!
//! The `toml` crate bounds brackets and the parts of a key apart: 80 inline tables within each other, each under a key of 80
//! parts, are 6,400 levels, which are more than the stack of a thread holds.

use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};

/// Manifests and lockfiles nest less than 15 levels.
const NESTING_LIMIT: usize = 200;

/// What nests too deep. The message is a fragment that fits after "failed to read it:".
#[derive(Debug, thiserror::Error)]
#[error("it nests more than {NESTING_LIMIT} levels")]
pub(crate) struct TooDeep {
    /// Where, in bytes from the beginning.
    pub(crate) offset: usize,
}

/// As [`toml::from_str`]; what nests more than 200 levels is an error.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, toml::de::Error> {
    check(text).map_err(toml::de::Error::custom)?;
    toml::from_str(text)
}

/// As [`str::parse`], for types that are written in TOML; `None` for what they do not take, or what nests more than 200
/// levels.
pub(crate) fn parse<T: FromStr>(text: &str) -> Option<T> {
    check(text).ok()?;
    text.parse().ok()
}

/// Refuses what nests more than 200 levels.
pub(crate) fn check(text: &str) -> Result<(), TooDeep> {
    let (deepest, offset) = nesting(text.as_bytes());
    if deepest > NESTING_LIMIT { Err(TooDeep { offset }) } else { Ok(()) }
}

/// How deep a text nests, or more: brackets, and the parts of keys and headers; up to the place where that is more than
/// allowed, or the end. Text that is no TOML has some number, too.
fn nesting(text: &[u8]) -> (usize, usize) {
    let mut deepest = 0;
    // The level of each open bracket, and of what is being read.
    let mut open: Vec<usize> = Vec::new();
    let (mut header, mut level, mut deepest_of_line) = (0, 0, 0);
    let mut position = 0;
    while let Some(&byte) = text.get(position) {
        position += 1;
        match byte {
            // A part of a key; the dot of a number counts as one, which does no harm.
            b'.' | b'=' => level += 1,
            b'[' | b'{' => {
                open.push(level);
                level += 1;
            }
            b']' | b'}' => {
                let before = open.pop().unwrap_or_default();
                // What began a line is a header, under which all that follows stands.
                if open.is_empty() && before == 0 {
                    header = deepest_of_line;
                }
                level = before;
            }
            b',' => level = open.last().map_or(0, |level| level + 1),
            b'\n' if open.is_empty() => (level, deepest_of_line) = (0, 0),
            b'#' => position = end_of(text, position, b"\n"),
            b'"' | b'\'' => position = end_of_string(text, position - 1),
            _ => continue,
        }
        deepest_of_line = deepest_of_line.max(level);
        deepest = deepest.max(header + level);
        if deepest > NESTING_LIMIT {
            break;
        }
    }
    (deepest, position.saturating_sub(1))
}

/// Where what ends with some bytes ends, these included.
fn end_of(text: &[u8], start: usize, end: &[u8]) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    memchr::memmem::find(rest, end).map_or(text.len(), |found| start + found + end.len())
}

/// The end of the string that begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    match rest {
        [b'\'', b'\'', b'\'', ..] => end_of(text, start + 3, b"'''"),
        [b'\'', ..] => end_of_line_string(text, start + 1, b'\''),
        [b'"', b'"', b'"', ..] => {
            let mut position = start + 3;
            while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(position..).unwrap_or_default()) {
                position += found;
                match text.get(position..).unwrap_or_default() {
                    [b'"', b'"', b'"', ..] => return position + 3,
                    [b'\\', _, ..] => position += 2,
                    _ => position += 1,
                }
            }
            text.len()
        }
        _ => end_of_line_string(text, start + 1, b'"'),
    }
}

/// The end of a string on one line; the end of the line where it does not end.
fn end_of_line_string(text: &[u8], start: usize, quote: u8) -> usize {
    let mut position = start;
    loop {
        let Some(found) = memchr::memchr3(quote, b'\\', b'\n', text.get(position..).unwrap_or_default()) else {
            return text.len();
        };
        position += found;
        match text.get(position) {
            Some(b'\\') if quote == b'"' => position += 2,
            Some(b'\\') => position += 1,
            // A line ends here, for what comes next as well.
            Some(b'\n') => return position,
            _ => return position + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The levels that a value has, counted in what was read.
    fn depth(value: &toml::Value) -> usize {
        match value {
            toml::Value::Table(table) => 1 + table.values().map(depth).max().unwrap_or_default(),
            toml::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
            _ => 0,
        }
    }

    #[test]
    fn nesting_is_never_less_than_there_is() {
        for text in [
            "a = 1",
            "a.b.c = 1\nd = 2",
            "[a.b]\nc.d = 1\n[e]\nf = [[1], [2, [3]]]",
            "[[a.b]]\nc = {d = {e.f = [1]}, g = 2}",
            "a = \"[[[[\" # [[[[\nb = '[[[['\nc = '''\n[[[[\n'''\nd = \"\"\"\n{{\\\"\"\"\"",
            "a = [\n  [1,\n 2], # [\n  [\"\\\\\"],\n]\nb = 1.5",
            "\"a.b\".'c'.d = { e = [ { f = 1 } ] }",
        ] {
            let value: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let (counted, real) = (nesting(text.as_bytes()).0, depth(&toml::Value::Table(value)));
            assert!(counted >= real && counted <= real + 4, "{counted} for {real}: {text}");
        }
    }

    #[test]
    fn what_would_overflow_the_stack_is_an_error() {
        let key = vec!["a"; 79].join(".");
        let inline = format!("{}1{}", format!("{{ {key} = ").repeat(76), " }".repeat(76));
        for text in [
            format!("x = {inline}"),
            format!("[{key}]\n{key} = {inline}"),
            format!("x = [\n{inline}\n]"),
            format!("x = {}1{}", "[".repeat(300), "]".repeat(300)),
        ] {
            let error = from_str::<toml::Table>(&text).expect_err("too deep");
            assert!(error.message().contains("nests more than 200 levels"), "{error}");
            assert!(parse::<toml_edit::DocumentMut>(&text).is_none());
        }
        assert!(from_str::<toml::Table>(&"a.b = {c = [1, 2]}\n[d]\n".replace("a.b", "x")).is_ok());
        assert!(from_str::<toml::Table>(&"[[p]]\na = [{b = 'c.d'}]\n".repeat(10_000)).is_ok(), "long is not deep");
    }

    #[test]
    fn the_limit_is_far_below_what_a_thread_bears() {
        let levels = NESTING_LIMIT / 2 - 10;
        let text = format!("x = {}1{}", "{ a = ".repeat(levels.min(75)), " }".repeat(levels.min(75)));
        let read =
            std::thread::Builder::new().stack_size(1 << 20).spawn(move || from_str::<toml::Table>(&text).is_ok());
        assert!(read.expect("a thread").join().expect("it ends"));
    }
}
