//! Code of build scripts and manifests that are programs: what is a comment in it, and where a word stands.

/// How a language writes its comments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::extractor) enum Language {
    /// Groovy, Kotlin: `// …` and `/* … */`.
    Slashes,
    /// Ruby, Elixir: `# …`.
    Hash,
    /// XML: `<!-- … -->`.
    Angles,
}

/// The same text with blanks in the place of its comments, so that every place stays. What begins like a comment inside of
/// quotes is none.
pub(in crate::extractor) fn without_comments(text: &str, language: Language) -> String {
    let mut plain = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let starts = |word: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(word));
        let end = match (language, byte) {
            (Language::Slashes, b'/') if starts(b"//") => end_of(text, at, "\n", 0),
            (Language::Slashes, b'/') if starts(b"/*") => end_of(text, at + 2, "*/", 2),
            (Language::Hash, b'#') => end_of(text, at, "\n", 0),
            (Language::Angles, b'<') if starts(b"<!--") => end_of(text, at + 4, "-->", 3),
            (Language::Slashes | Language::Hash, b'"' | b'\'') => {
                at = end_of_quotes(bytes, at);
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        for byte in plain.get_mut(at..end).unwrap_or_default() {
            if *byte != b'\n' && *byte != b'\r' {
                *byte = b' ';
            }
        }
        at = end;
    }
    // Whole characters are blanked only.
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

fn end_of(text: &str, from: usize, mark: &str, length: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find(mark)).map_or(text.len(), |place| from + place + length)
}

/// Behind the quotes that open at `start`: three of them may hold lines, one ends with its line at the latest.
fn end_of_quotes(bytes: &[u8], start: usize) -> usize {
    let quote = bytes.get(start).copied().unwrap_or_default();
    let is_triple = |at: usize| bytes.get(at..at + 3).is_some_and(|three| three.iter().all(|&byte| byte == quote));
    let triple = is_triple(start);
    let mut at = start + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if !triple => return at,
            _ if triple && is_triple(at) => return at + 3,
            _ if !triple && byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The places behind a word that stands alone in a text, in order.
pub(in crate::extractor) fn behind<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$' | '@');
    text.match_indices(word).filter_map(move |(place, _)| {
        let rest = text.get(place + word.len()..)?;
        let before = text.get(..place)?.chars().next_back();
        let is_alone = !before.is_some_and(is_part) && !rest.chars().next().is_some_and(is_part);
        is_alone.then_some((place, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blanks_and_quotes_hold_none() {
        for (language, text, expected) in [
            (Language::Slashes, "a // b\nc /* d\n */ e", "a     \nc     \n    e"),
            (Language::Slashes, "u = 'https://x' // y", "u = 'https://x'     "),
            (Language::Slashes, "\"\"\"//\n\"// \"\"\" //", "\"\"\"//\n\"// \"\"\"   "),
            (Language::Slashes, "it's // x\n// y", "it's // x\n    "),
            (Language::Hash, "a # b\n\"#{c}\" # d", "a    \n\"#{c}\"    "),
            (Language::Angles, "<a><!-- <b>\n--></a>", "<a>        \n   </a>"),
            (Language::Angles, "<!-- é", "       "),
        ] {
            assert_eq!(without_comments(text, language), expected, "{text}");
        }
    }

    #[test]
    fn words_stand_alone() {
        let found: Vec<_> = behind("lockFile = x; unlockFile = y; lockFiles; (lockFile)", "lockFile").collect();
        assert_eq!(found.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 42]);
    }
}
