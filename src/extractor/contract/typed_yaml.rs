//! YAML that people write, with anchors and merge keys, read into types.

use serde::de::DeserializeOwned;
use serde_saphyr::{NonFiniteFloatPolicy, Spanned};

use super::ParseError;

/// Reads one document. Repeated keys, alias bombs and deep nesting are refused by the reader's own budget.
pub(in crate::extractor) fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    // `12e4567` is text to whoever writes it, the digits of a commit for example, and a number without end to YAML.
    let options = serde_saphyr::options! { non_finite_float_policy: NonFiniteFloatPolicy::AsString };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| parse_error(&error))
}

/// The line on which a value is written: where its anchor is, for an alias.
pub(in crate::extractor) fn line<T>(value: &Spanned<T>) -> u32 {
    u32::try_from(value.defined.line()).unwrap_or(u32::MAX).max(1)
}

/// The first line of what the reader of YAML says, without the place, which is told apart.
fn parse_error(error: &serde_saphyr::Error) -> ParseError {
    let line = error.location().and_then(|location| u32::try_from(location.line()).ok());
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => message,
    };
    ParseError { line, ..ParseError::new(format!("read it as YAML: {message}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    #[test]
    fn digits_that_look_like_an_endless_number_are_read() {
        for text in ["a: 12e4567\n", "a: .inf\n", "a: [1e999, {b: -.Inf}]\n"] {
            assert!(read::<IgnoredAny>(text).is_ok(), "{text}");
        }
    }
}
