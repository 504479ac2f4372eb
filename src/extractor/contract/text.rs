//! Text from a repository: its encoding, its lines, and what usually went wrong with it.

use memchr::{memchr, memchr_iter};

use super::{ParseError, SourceFile};
use crate::model::dependency::Dependency;

/// The offsets at which the lines of a text start, so that a line is found without counting from the top again.
pub(in crate::extractor) struct Lines(Vec<usize>);

impl Lines {
    /// Reads a text once.
    pub(in crate::extractor) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(memchr_iter(b'\n', text.as_bytes()).map(|position| position + 1)).collect())
    }

    /// The line, from 1, that holds the byte at `offset`.
    pub(in crate::extractor) fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|&start| start <= offset)).unwrap_or(u32::MAX)
    }
}

/// The first line of a text without the `\n` or `\r\n` that ends it, and what follows.
pub(in crate::extractor) fn first_line(text: &str) -> (&str, &str) {
    let end = memchr(b'\n', text.as_bytes()).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    (line.strip_suffix('\r').unwrap_or(line), rest.get(1..).unwrap_or_default())
}

/// The text of a file that is to be UTF-8 and not blank; a byte order mark is left out, as npm and Cargo do.
pub(in crate::extractor) fn read_text(content: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(content).map_err(|error| {
        let before = content.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|&byte| byte == b'\n').count();
        ParseError::new("read it as UTF-8 text").at_line(u32::try_from(line).unwrap_or(u32::MAX))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(ParseError::new("find anything in it: the file is empty")) } else { Ok(text) }
}

/// What `read` finds in the text of a file; every error names the way out.
pub(in crate::extractor) fn read_whole(
    file: &SourceFile<'_>,
    way_out: &str,
    read: impl FnOnce(&str) -> Result<Vec<Dependency>, ParseError>,
) -> Result<Vec<Dependency>, ParseError> {
    let text = read_text(file.content).map_err(|error| error.with_hint(way_out))?;
    read(text).map_err(|error| explain(text, error, way_out))
}

/// What to say about a text that could not be read: an unresolved merge is named before any syntax.
pub(in crate::extractor) fn explain(text: &str, error: ParseError, way_out: &str) -> ParseError {
    let marker = text.lines().position(|line| line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>"));
    match marker {
        Some(position) => ParseError::new("read it: it holds the markers of a merge conflict")
            .at_line(u32::try_from(position + 1).unwrap_or(u32::MAX))
            .with_hint(format!("resolve the conflict, then {way_out}")),
        None if error.hint.is_none() => error.with_hint(way_out),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 7].map(|offset| lines.at(offset)), [1, 1, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn lines_are_taken_as_the_standard_library_has_them() {
        for text in ["", "a", "a\n", "a\r\nb\rc\n\nd\r", "\r\n\n"] {
            let (mut rest, mut taken) = (text, Vec::new());
            while !rest.is_empty() {
                let (line, after) = first_line(rest);
                taken.push(line);
                rest = after;
            }
            // What the text ends with is no end of a line.
            let expected: Vec<&str> = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
            assert_eq!(taken, expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        assert_eq!(read_text(b"a\nb\xff").expect_err("not UTF-8").line, Some(2));
        assert!(read_text(b" \n").is_err());
        assert!(read_text(b"").is_err());
        assert_eq!(read_text("\u{feff}{}".as_bytes()).expect("UTF-8"), "{}");
    }

    #[test]
    fn a_merge_conflict_is_named_before_the_syntax() {
        let error = explain("{\n<<<<<<< HEAD\n", ParseError::new("x").at_line(9), "run `npm install`");
        assert_eq!(error.line, Some(2));
        assert_eq!(error.hint.as_deref(), Some("resolve the conflict, then run `npm install`"));
        assert_eq!(explain("{", ParseError::new("x"), "y").hint.as_deref(), Some("y"));
    }
}
