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
    let mut first_lines = (1..).zip(content.split(|&byte| byte == b'\n').take(2));
    let Some((line, name)) = first_lines.find_map(|(line, text)| Some((line, declared(text)?))) else {
        return utf_8(content).map(Cow::Borrowed);
    };
    // Python takes any sign that is neither a letter nor a digit for the same.
    let plain: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    // In the middle of its upper half, this relative has letters where Latin-1 has signs, one of which ends lines.
    let has_signs = || content.iter().any(|byte| (0x80..0xa0).contains(byte));
    match plain.as_str() {
        "utf8" | "utf8sig" | "u8" | "utf" | "ascii" | "usascii" | "646" => utf_8(content).map(Cow::Borrowed),
        "cp1252" | "windows1252" if has_signs() => Err(unknown(name, line)),
        "latin1" | "latin" | "l1" | "iso88591" | "88591" | "cp1252" | "windows1252" => {
            Ok(content.iter().map(|&byte| char::from(byte)).collect::<String>().into())
        }
        _ => Err(unknown(name, line)),
    }
}

fn unknown(name: &str, line: u32) -> ParseError {
    let shown: String = name.chars().take(40).collect();
    let message = format!("read it: it declares the encoding `{shown}`, in which pip may see other lines");
    ParseError::new(message).at_line(line).with_hint("write the file as UTF-8 and take the declaration out")
}

/// The encoding that a comment names: what follows the first `coding:` or `coding=` that has a name behind it.
fn declared(line: &[u8]) -> Option<&str> {
    let text = line.strip_prefix(b"#")?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    text.windows(7).enumerate().find_map(|(start, word)| {
        let rest = if matches!(word, b"coding:" | b"coding=") { text.get(start + 7..)? } else { return None };
        let blanks = rest.iter().take_while(|byte| is_blank(byte)).count();
        let rest = rest.get(blanks..)?;
        let name = rest.get(..rest.iter().take_while(|byte| is_name(byte)).count())?;
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    })
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
    fn an_encoding_that_shows_other_lines_is_named() {
        for (text, line) in [
            ("# coding: utf-7\na+AAo-evil==1", 1),
            ("a==1\n# -*- coding: raw_unicode_escape -*-", 2),
            ("# vim: set fileencoding=utf-16-le :", 1),
            ("# coding: coding=cp037", 1),
            ("# encoding=latin-1-unix", 1),
        ] {
            let error = decode(text.as_bytes()).expect_err(text);
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.message.contains("declares the encoding"), "{error}");
        }
        assert!(decode(b"# coding: cp1252\na \x85").is_err());
        assert!(decode(b"a\nb\n# coding: utf-7").is_ok(), "only the first two lines count");
        assert!(decode(b" # coding: utf-7").is_ok(), "it is no comment at the start of the line");
    }

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
        for declaration in ["# coding: utf-8", "#coding=UTF_8", "# vim: set fileencoding=ascii :", "# coding in words"]
        {
            assert_eq!(decode(declaration.as_bytes()).expect("UTF-8"), declaration);
        }
        assert_eq!(decode(b"").expect("nothing"), "");
        assert_eq!(decode(b"a\n\xe9").expect_err("no text").line, Some(2));
        for content in [&b"\xff\xfea"[..], b"\xff\xfe\0\xd8", b"\xff\xfe\0\0a", b"\0\0\xfe\xff\xff\xff\xff\xff"] {
            assert!(decode(content).is_err(), "{content:?}");
        }
    }
}
