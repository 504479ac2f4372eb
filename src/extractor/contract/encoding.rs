//! Text in the encodings that tools of several platforms write.

use std::borrow::Cow;

use super::ParseError;

/// The text of a file as pip decodes it: by its byte order mark, else by the encoding that one of the first two lines
/// names as Python's sources do (PEP 263), else as UTF-8. A file without anything is fine.
pub(in crate::extractor) fn decode(content: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    let bytes_of = |mark: &[u8]| content.strip_prefix(mark);
    if let Some(rest) = bytes_of(b"\xef\xbb\xbf") {
        return utf_8(rest).map(Cow::Borrowed);
    }
    // UTF-32 begins as UTF-16 does.
    if let Some(rest) = bytes_of(b"\xff\xfe\0\0") {
        return utf_32(rest, u32::from_le_bytes);
    }
    if let Some(rest) = bytes_of(b"\0\0\xfe\xff") {
        return utf_32(rest, u32::from_be_bytes);
    }
    if let Some(rest) = bytes_of(b"\xff\xfe") {
        return utf_16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes_of(b"\xfe\xff") {
        return utf_16(rest, u16::from_be_bytes);
    }
    if content.split(|&byte| byte == b'\n').take(2).any(names_latin) {
        return Ok(content.iter().map(|&byte| char::from(byte)).collect::<String>().into());
    }
    utf_8(content).map(Cow::Borrowed)
}

/// `# -*- coding: latin-1 -*-` and the names and close relatives of that encoding.
fn names_latin(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let Some(place) = text.strip_prefix('#').and_then(|text| text.split_once("coding")) else { return false };
    let name = place.1.trim_start_matches([':', '=']).trim_start().to_ascii_lowercase().replace('_', "-");
    ["latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252"].iter().any(|known| name.starts_with(known))
}

fn utf_8(content: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(content).map_err(|error| {
        let before = content.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|&byte| byte == b'\n').count();
        ParseError::new("read it as UTF-8 text").at_line(u32::try_from(line).unwrap_or(u32::MAX))
    })
}

fn utf_16(content: &[u8], read: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, ParseError> {
    let (units, rest) = content.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|unit| read(*unit))).collect();
    let whole = if rest.is_empty() { text.ok() } else { None };
    whole.map(Cow::Owned).ok_or_else(|| ParseError::new("read it as UTF-16 text"))
}

fn utf_32(content: &[u8], read: fn([u8; 4]) -> u32) -> Result<Cow<'_, str>, ParseError> {
    let (units, rest) = content.as_chunks::<4>();
    let text: Option<String> = units.iter().map(|unit| char::from_u32(read(*unit))).collect();
    let whole = if rest.is_empty() { text } else { None };
    whole.map(Cow::Owned).ok_or_else(|| ParseError::new("read it as UTF-32 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_or_a_comment_names_the_encoding() {
        let wide = |mark: &[u8], bytes: fn(u16) -> Vec<u8>| {
            [mark, &"é==1".encode_utf16().flat_map(bytes).collect::<Vec<_>>()].concat()
        };
        let little = wide(b"\xff\xfe", |unit| unit.to_le_bytes().to_vec());
        let big = wide(b"\xfe\xff", |unit| unit.to_be_bytes().to_vec());
        let long = |bytes: fn(u32) -> [u8; 4], mark: &[u8]| {
            [mark, &"é==1".chars().flat_map(|it| bytes(u32::from(it))).collect::<Vec<_>>()].concat()
        };
        let little_32 = long(u32::to_le_bytes, b"\xff\xfe\0\0");
        let big_32 = long(u32::to_be_bytes, b"\0\0\xfe\xff");
        for content in [little, big, little_32, big_32, "é==1".into(), "\u{feff}é==1".into()] {
            assert_eq!(decode(&content).expect("text"), "é==1", "{content:?}");
        }
        assert_eq!(decode(b"# -*- coding: latin-1 -*-\n\xe9").expect("Latin"), "# -*- coding: latin-1 -*-\né");
        assert_eq!(decode(b"").expect("nothing"), "");
        assert_eq!(decode(b"a\n\xe9").expect_err("no text").line, Some(2));
        for content in [&b"\xff\xfea"[..], b"\xff\xfe\0\xd8", b"\xff\xfe\0\0a", b"\0\0\xfe\xff\xff\xff\xff\xff"] {
            assert!(decode(content).is_err(), "{content:?}");
        }
    }
}
