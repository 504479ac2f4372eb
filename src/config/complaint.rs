//! Complaints: what is wrong in a configuration file, where, and the way out; all of them at once.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// More complaints than this help nobody, and a file that is not a configuration at all would give thousands.
const LIMIT: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    /// The file as it was named.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 1.
    pub(crate) column: usize,
    /// What is wrong. May hold text of the file, without control characters.
    pub(crate) message: String,
    /// The way out.
    pub(crate) way_out: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.message, self.way_out)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file can be read and is wrong. Displays one complaint per line.
    #[error("{}", lines(.0))]
    Invalid(Vec<Complaint>),
}

fn lines(complaints: &[Complaint]) -> String {
    complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Collects the complaints about one file.
#[derive(Debug)]
pub(super) struct Complaints<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<Complaint>,
}

impl<'a> Complaints<'a> {
    /// No complaints yet about the file named `file` with the content `text`.
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, list: Vec::new() }
    }

    /// The file as it was named.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// Adds a complaint about the bytes at `span`.
    pub(super) fn add(&mut self, span: &Range<usize>, message: impl AsRef<str>, way_out: impl AsRef<str>) {
        let (line, column) = self.position(span.start);
        self.list.push(Complaint {
            file: self.file.to_owned(),
            line,
            column,
            message: single_line(message.as_ref()),
            way_out: single_line(way_out.as_ref()),
        });
    }

    /// Whether there are as many complaints as are shown.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= LIMIT
    }

    /// The line (from 1) of a byte.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    /// The value, when there is nothing to complain about.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, ConfigError> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by_key(|complaint| (complaint.line, complaint.column));
        self.list.dedup();
        self.list.truncate(LIMIT);
        Err(ConfigError::Invalid(self.list))
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The file is not trusted: nothing of it may break a line, colour a terminal or flood it.
fn single_line(text: &str) -> String {
    const LENGTH: usize = 400;
    let printable = |character: char| if is_invisible(character) { '\u{fffd}' } else { character };
    let mut line: String = text.chars().take(LENGTH).map(printable).collect();
    if text.chars().nth(LENGTH).is_some() {
        line.push('…');
    }
    line
}

/// Control characters, and the marks that reorder or hide text (Unicode's `Bidi_Control` property, zero-width
/// characters, line and paragraph separators).
pub(super) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The known word that was probably meant, if one is near.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Keys are short words: below this likeness a suggestion is noise.
    const LIKENESS: f64 = 0.6;
    let written = written.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(&written, word), word))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_in_file_order_and_count_characters() {
        let text = "a = 1\nüü = 2\n";
        let mut complaints = Complaints::new("patchparty.toml", text);
        complaints.add(&(text.find('2').unwrap()..text.len()), "second", "fix it");
        complaints.add(&(0..1), "first", "fix it");
        let error = complaints.finish(()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "patchparty.toml:1:1: first; fix it\npatchparty.toml:2:6: second; fix it",
            "{error}"
        );
    }

    #[test]
    fn a_place_outside_the_text_or_inside_a_character_is_no_panic() {
        let mut complaints = Complaints::new("x", "ü");
        complaints.add(&(1..2), "inside", "-");
        complaints.add(&(99..100), "outside", "-");
        assert_eq!(complaints.finish(()).unwrap_err().to_string().lines().count(), 2);
    }

    #[test]
    fn hostile_text_stays_on_one_short_line() {
        let mut complaints = Complaints::new("x", "");
        complaints.add(&(0..0), format!("a\n\u{1b}[31m\u{202e}{}", "x".repeat(10_000)), "-");
        let shown = complaints.finish(()).unwrap_err().to_string();
        assert_eq!(shown.lines().count(), 1);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && shown.chars().count() < 500);
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = ["warn-age", "max-age", "source"];
        assert_eq!(nearest("max_age", known), Some("max-age"));
        assert_eq!(nearest("warnage", known), Some("warn-age"));
        assert_eq!(nearest("sources", known), Some("source"));
        assert_eq!(nearest("colour", known), None);
    }
}
