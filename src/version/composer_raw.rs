//! Versions that Composer cannot normalise, such as the `8.x-1.0` of Drupal's modules, as PHP's `version_compare` reads
//! them: Composer's `Comparator` hands them on as they are written (<https://www.php.net/version_compare>).

use super::composer::{ComposerVersion, Stability, Token};
use super::number::Number;

/// Reads text that begins with a digit, behind an optional `v`.
pub(super) fn parse(text: &str) -> Option<ComposerVersion> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    text.starts_with(|first: char| first.is_ascii_digit()).then_some(())?;
    let mut tokens = words(text).into_iter().map(token).peekable();
    let mut numbers = Vec::new();
    while let Some(Token::Number(number)) = tokens.next_if(|token| matches!(token, Token::Number(_))) {
        numbers.push(number);
    }
    Some(ComposerVersion::Numbered { numbers, tail: tokens.collect() })
}

/// The runs of digits and of letters; everything else separates. A separator at the end is followed by an empty word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let digits = first.is_ascii_digit();
            let end = rest.find(|next: char| next.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            words.push(word);
            rest = after;
        }
    }
    if text.ends_with(|last: char| !last.is_ascii_alphanumeric()) {
        words.push("");
    }
    words
}

/// The first of PHP's names with which the word begins counts.
fn token(word: &str) -> Token {
    const NAMES: [(&str, Stability); 7] = [
        ("dev", Stability::Dev),
        ("a", Stability::Alpha),
        ("b", Stability::Beta),
        ("RC", Stability::ReleaseCandidate),
        ("rc", Stability::ReleaseCandidate),
        ("pl", Stability::Patch),
        ("p", Stability::Patch),
    ];
    let stability = || NAMES.iter().find(|(name, _)| word.starts_with(name)).map(|(_, stability)| *stability);
    match Number::parse(word) {
        Some(number) => Token::Number(number),
        None => stability().map_or(Token::Unknown, Token::Stability),
    }
}
