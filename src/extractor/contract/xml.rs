//! XML: its text in the encoding that it declares (<https://www.w3.org/TR/xml/#charencoding>), and its events with their places.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::ParseError;
use super::text::Lines;

/// A declaration ends within this many bytes.
const DECLARATION: usize = 256;

/// The next event of a document, with the byte at which it begins. `lines` are those of `text`, which the reader reads.
pub(in crate::extractor) fn next_event<'t>(
    reader: &mut Reader<&'t [u8]>,
    text: &str,
    lines: &Lines,
) -> Result<(usize, Event<'t>), ParseError> {
    let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
    let event = reader.read_event().map_err(|error| {
        let place = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
        ParseError::new(format!("read it as XML: {error}")).at_line(lines.at(place.min(text.len())))
    })?;
    Ok((offset, event))
}

/// The text of an XML document: by its byte order mark, else by what its first characters look like, else by the encoding
/// that its declaration names, else as UTF-8. What is no text in that encoding is refused, and so is a blank document.
pub(in crate::extractor) fn decode_xml(content: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    let (encoding, marked) = match Encoding::for_bom(content) {
        Some((encoding, length)) => (encoding, content.get(length..).unwrap_or_default()),
        // An unmarked UTF-16 shows in its first sign, `<`.
        None if content.starts_with(b"<\0") => (UTF_16LE, content),
        None if content.starts_with(b"\0<") => (UTF_16BE, content),
        None => (declared(content)?, content),
    };
    let (text, is_damaged) = encoding.decode_without_bom_handling(marked);
    if is_damaged {
        let message = format!("read it as {} text", encoding.name());
        return Err(ParseError::new(message).at_line(line_of_fault(encoding, marked)));
    }
    if text.trim().is_empty() { Err(ParseError::new("find anything in it: the file is empty")) } else { Ok(text) }
}

/// The encoding that `<?xml … encoding="…"?>` names.
fn declared(content: &[u8]) -> Result<&'static Encoding, ParseError> {
    let start = content.get(..content.len().min(DECLARATION)).unwrap_or_default();
    let start = String::from_utf8_lossy(start);
    let declaration = start.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some(value) = declared_part(declaration.map_or("", |(inside, _)| inside)) else { return Ok(UTF_8) };
    // Whoever declares UTF-16 and writes single bytes means what they wrote: the declaration itself could be read.
    let found = Encoding::for_label(value.as_bytes()).filter(|it| *it != UTF_16LE && *it != UTF_16BE);
    let shown: String = value.chars().take(40).collect();
    let message = format!("read it: it declares the encoding `{}`, which is not known", shown.escape_debug());
    found.ok_or_else(|| ParseError::new(message).at_line(1))
}

/// The value in quotes behind `encoding =`.
fn declared_part(declaration: &str) -> Option<&str> {
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(value, _)| value)
}

/// Where the first damage is, for UTF-8; elsewhere lines are not counted.
fn line_of_fault(encoding: &'static Encoding, content: &[u8]) -> u32 {
    let valid =
        if encoding == UTF_8 { std::str::from_utf8(content).map_or_else(|it| it.valid_up_to(), str::len) } else { 0 };
    let before = content.get(..valid).unwrap_or_default();
    u32::try_from(before.split(|&byte| byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_in_the_encoding_that_it_declares() {
        for (content, expected) in [
            (&b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>"[..], "é"),
            (b"<?xml version='1.0' encoding = 'windows-1252'?><a>\x80</a>", "€"),
            (b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a>\x83\x41</a>", "ア"),
            (b"<?xml version=\"1.0\"?><a>\xc3\xa9</a>", "é"),
            (b"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"latin1\"?><a>\xc3\xa9</a>", "é"),
            (b"<a>\xc3\xa9</a>", "é"),
        ] {
            let text = decode_xml(content).expect("text");
            assert!(text.contains(&format!("<a>{expected}</a>")), "{text}");
        }
        let wide = |unit: fn(u16) -> [u8; 2]| "<a>é</a>".encode_utf16().flat_map(unit).collect::<Vec<_>>();
        for content in
            [wide(u16::to_le_bytes), wide(u16::to_be_bytes), [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat()]
        {
            assert_eq!(decode_xml(&content).expect("text"), "<a>é</a>");
        }
    }

    #[test]
    fn what_is_no_text_in_its_encoding_is_refused_with_its_line() {
        assert_eq!(decode_xml(b"<a>\n\xe9</a>").expect_err("no UTF-8").line, Some(2));
        let error = decode_xml(b"<?xml version=\"1.0\" encoding=\"x-own\"?><a/>").expect_err("unknown");
        assert!(error.message.contains("`x-own`") && error.line == Some(1), "{error}");
        assert!(decode_xml(b" \n").is_err() && decode_xml(b"").is_err());
    }
}
