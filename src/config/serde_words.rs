//! Serde's words in ours: what does not fit in a configuration file, and what to write instead.

use super::complaint::nearest;

/// How serde begins to say that a required key is absent.
pub(super) const MISSING: &str = "missing field ";

/// Where to look when nothing better can be said.
const REFERENCE: &str = "docs/configuration.md lists what is expected";

/// What is wrong, and what to write instead. `elsewhere` may say where an unknown key belongs.
pub(super) fn explain(message: &str, elsewhere: fn(&str) -> Option<String>) -> (String, String) {
    if let Some(missing) = message.strip_prefix(MISSING) {
        return (format!("missing key {missing}"), format!("add {missing}"));
    }
    unknown_word(message, elsewhere)
        .or_else(|| wrong_type(message))
        .or_else(|| wrong_value(message))
        .unwrap_or_else(|| (message.to_owned(), REFERENCE.to_owned()))
}

fn unknown_word(message: &str, elsewhere: fn(&str) -> Option<String>) -> Option<(String, String)> {
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    for (prefix, noun) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        let Some((written, expected)) = message.strip_prefix(prefix).and_then(|rest| rest.rsplit_once(", ")) else {
            continue;
        };
        let expected = expected.starts_with("expected").then_some(expected);
        // `expected one of` has commas of its own: the list starts at the first "expected".
        let (written, expected) = match expected {
            Some(expected) => (written, expected),
            None => message[prefix.len()..].split_once(", expected").unwrap_or((written, "")),
        };
        let word = written.trim_matches('`');
        let known = quoted(expected);
        let instead = Some(word)
            .filter(|_| noun == "key")
            .and_then(elsewhere)
            .or_else(|| nearest(word, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?")))
            .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
        return Some((format!("unknown {noun} `{word}`"), instead));
    }
    None
}

/// `invalid type: string "x", expected a sequence` (serde's `Unexpected` and `Expected`).
fn wrong_type(message: &str) -> Option<(String, String)> {
    if message == "wanted exactly 1 element, found 0 elements" || message.starts_with("wanted exactly 1 element, more")
    {
        return Some(("one word in quotes is expected here, not a table".to_owned(), REFERENCE.to_owned()));
    }
    if message == "wanted string or table" {
        // The words of toml's deserialiser where one word of several is expected.
        return Some(("one word in quotes is expected here".to_owned(), REFERENCE.to_owned()));
    }
    let (found, expected) = message.strip_prefix("invalid type: ")?.rsplit_once(", expected ")?;
    let found = match found.split([' ', '`']).next()? {
        "string" => "a text",
        "integer" => "a number",
        "floating" => "a number with a fraction",
        "boolean" => "`true` or `false`",
        "sequence" => "a list",
        // An unquoted date comes as a table of the parser's own.
        "map" => "a table or a date",
        _ => return None,
    };
    let (wanted, instead) = match expected {
        _ if is_integer(expected) => ("a whole number", "write for example `10`, without quotes"),
        "a string" if found == "a number" => {
            ("a text", "put it in quotes; a length of time needs its unit as well, for example `\"2 days\"`")
        }
        "a string" => ("a text", "put it in quotes"),
        "a boolean" => ("`true` or `false`", "write one of both, without quotes"),
        "a sequence" => ("a list", "put square brackets around it, for example `[\"a\", \"b\"]`"),
        _ if expected.starts_with("struct ") || expected == "a map" => ("a table", REFERENCE),
        _ => return None,
    };
    Some((format!("{wanted} is expected here, not {found}"), instead.to_owned()))
}

/// ``invalid value: integer `-1`, expected u16``.
fn wrong_value(message: &str) -> Option<(String, String)> {
    let (found, expected) = message.strip_prefix("invalid value: integer `")?.split_once("`, expected ")?;
    let most = match expected.strip_prefix("a nonzero ").unwrap_or(expected) {
        "u8" => Some(u64::from(u8::MAX)),
        "u16" => Some(u64::from(u16::MAX)),
        "u32" => Some(u64::from(u32::MAX)),
        // TOML has no larger numbers.
        "u64" | "usize" => None,
        _ => return None,
    };
    let up_to = most.map(|most| format!(" and up to {most}")).unwrap_or_default();
    Some((format!("`{found}` is out of range"), format!("write a whole number above zero{up_to}")))
}

fn is_integer(expected: &str) -> bool {
    let kind = expected.strip_prefix("a nonzero ").unwrap_or(expected);
    matches!(kind, "u8" | "u16" | "u32" | "u64" | "usize" | "i64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> String {
        let (message, instead) = explain(message, |_| None);
        format!("{message}; {instead}")
    }

    #[test]
    fn no_type_of_the_program_is_shown() {
        let types = ["u8", "u16", "u64", "a string", "a boolean", "a sequence", "struct RawLimits", "a nonzero u16"];
        for found in ["string \"x\"", "integer `3`", "floating point `1.5`", "boolean `true`", "sequence", "map"] {
            for expected in types {
                let said = said(&format!("invalid type: {found}, expected {expected}"));
                assert!(said.contains(" is expected here, not ") && !said.contains("Raw"), "{said}");
                assert!(!said.contains("u8") && !said.contains("u16") && !said.contains("u64"), "{said}");
            }
        }
        assert_eq!(
            said("invalid value: integer `-1`, expected u16"),
            "`-1` is out of range; write a whole number above zero and up to 65535"
        );
        assert_eq!(
            said("invalid value: integer `0`, expected a nonzero u16"),
            "`0` is out of range; write a whole number above zero and up to 65535"
        );
    }

    #[test]
    fn what_is_not_known_is_told_as_it_is() {
        assert_eq!(said("something new"), "something new; docs/configuration.md lists what is expected");
        let confusing = "invalid type: string \"a, expected b\", expected something else";
        assert_eq!(said(confusing), format!("{confusing}; docs/configuration.md lists what is expected"));
    }
}
