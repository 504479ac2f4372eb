//! YAML that people write, with anchors and merge keys, read into types.

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::ParseError;

/// Reads one document. Repeated keys, alias bombs and deep nesting are refused by the reader's own budget.
pub(in crate::extractor) fn read<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    serde_saphyr::from_str(text).map_err(|error| parse_error(&error))
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
