//! JSON as people write it: with comments, and commas before closing brackets.

/// What ends a line for Bun, and so a comment (`lexer.zig` of its JSON parser).
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// The same text as JSON: comments and the commas before a closing bracket become spaces, so that every place stays.
pub(crate) fn to_json(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = bytes.to_vec();
    // The last comma, as long as nothing but blanks and comments follow it.
    let mut comma = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                comma = None;
                at = end_of_string(bytes, at);
                continue;
            }
            (b'/', Some(b'/')) => {
                let end =
                    text.get(at..).and_then(|rest| rest.find(LINE_ENDS)).map_or(bytes.len(), |length| at + length);
                blank(&mut plain, at, end);
                at = end;
                continue;
            }
            // Between values, JSON does not take these for blanks, as Bun does.
            (0xe2, Some(0x80)) if matches!(bytes.get(at + 2), Some(0xa8 | 0xa9)) => {
                blank(&mut plain, at, at + 3);
                at += 3;
                continue;
            }
            (b'/', Some(b'*')) => {
                let end =
                    text.get(at + 2..).and_then(|rest| rest.find("*/")).map_or(bytes.len(), |length| at + length + 4);
                blank(&mut plain, at, end);
                at = end;
                continue;
            }
            (b',', _) => comma = Some(at),
            (b'}' | b']', _) => {
                if let Some(place) = comma.take().and_then(|comma| plain.get_mut(comma)) {
                    *place = b' ';
                }
            }
            _ if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at += 1;
    }
    // Whole characters are blanked only.
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blank(plain: &mut [u8], start: usize, end: usize) {
    for byte in plain.get_mut(start..end).unwrap_or_default() {
        if *byte != b'\n' && *byte != b'\r' {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_where_they_are() {
        let text = "{ // a\n  \"b\": [1, /* c */ 2,], \"//d\": \"e,\",\n}";
        let plain = to_json(text);
        assert_eq!(plain.len(), text.len());
        let value: serde_json::Value = serde_json::from_str(&plain).expect("JSON");
        assert_eq!(value, serde_json::json!({"b": [1, 2], "//d": "e,"}));
    }
}
