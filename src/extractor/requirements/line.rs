//! Lines as pip sees them: joined where they end with a backslash, and without comments.

use std::borrow::Cow;

/// A line of a requirements file.
pub(super) enum Line<'a> {
    /// What stands behind the `#` of a line that has nothing else.
    Comment(&'a str),
    /// Anything that is not empty.
    Logical {
        /// The text, without comment and spaces around it.
        text: Cow<'a, str>,
        /// What stands behind the `#`.
        comment: Option<&'a str>,
        /// The line on which it begins, from 1.
        line: u32,
    },
}

/// Reads the lines of a text.
pub(super) fn read(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut pieces = pieces(text);
    std::iter::from_fn(move || {
        // What was joined so far, and where it began.
        let mut joined: Option<(String, u32)> = None;
        for (piece, line) in pieces.by_ref() {
            let comment = piece.trim_start().strip_prefix('#');
            if let (Some(comment), None) = (comment, &joined) {
                return Some(Line::Comment(comment));
            }
            if comment.is_none() && piece.ends_with('\\') {
                let piece = piece.trim_matches('\\');
                joined.get_or_insert_with(|| (String::new(), line)).0.push_str(piece);
                continue;
            }
            let (text, own_comment) = split_comment(piece);
            let found = match joined.take() {
                Some((before, start)) => {
                    let (text, comment) = join(before, text, own_comment);
                    (Cow::Owned(text), comment, start)
                }
                None => (Cow::Borrowed(text), own_comment, line),
            };
            if let Some(line) = logical(found) {
                return Some(line);
            }
        }
        let (text, start) = joined?;
        let (text, _) = join(text, "", None);
        logical((Cow::Owned(text), None, start))
    })
}

/// A comment may begin in what was joined before, where no line of it was a comment by itself.
fn join<'a>(mut before: String, text: &str, comment: Option<&'a str>) -> (String, Option<&'a str>) {
    if let Some(place) = comment_place(&before) {
        before.truncate(place);
        return (before, None);
    }
    before.push_str(text);
    (before, comment)
}

fn logical<'a>((text, comment, line): (Cow<'a, str>, Option<&'a str>, u32)) -> Option<Line<'a>> {
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    (!text.is_empty()).then_some(Line::Logical { text, comment, line })
}

/// A comment begins at a `#` at the start or behind a space.
fn comment_place(text: &str) -> Option<usize> {
    let is_start =
        |place: usize| place == 0 || text.get(..place).is_some_and(|before| before.ends_with(char::is_whitespace));
    text.match_indices('#').map(|(place, _)| place).find(|&place| is_start(place))
}

fn split_comment(text: &str) -> (&str, Option<&str>) {
    match comment_place(text) {
        Some(place) => (text.get(..place).unwrap_or_default(), text.get(place + 1..)),
        None => (text, None),
    }
}

/// What Python's `splitlines` takes for lines, each with the line that an editor would show.
fn pieces(text: &str) -> impl Iterator<Item = (&str, u32)> {
    const OTHER_ENDS: [char; 9] =
        ['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    (1..).zip(text.split('\n')).flat_map(|(number, line)| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split(OTHER_ENDS).map(move |piece| (piece, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        read(text)
            .map(|line| match line {
                Line::Comment(comment) => format!("#{comment}"),
                Line::Logical { text, comment, line } => {
                    format!("{line} {text}{}", comment.map_or(String::new(), |it| format!(" #{it}")))
                }
            })
            .collect()
    }

    #[test]
    fn lines_are_joined_and_comments_left_out() {
        for (text, expected) in [
            ("a # x\n\n# y\nb#c\r\n", vec!["1 a # x", "# y", "4 b#c"]),
            ("a \\\n  --hash=1 \\\n  --hash=2\nb", vec!["1 a   --hash=1   --hash=2", "4 b"]),
            ("a \\\n# x\nb", vec!["1 a # x", "3 b"]),
            ("a \\", vec!["1 a"]),
            ("a # x \\\nb\nc", vec!["1 a", "3 c"]),
            ("a\u{85}b\u{c}c\rd", vec!["1 a", "1 b", "1 c", "1 d"]),
            ("\\\n\\\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
