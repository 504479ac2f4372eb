//! Tags of releases: the version inside `v2.1.0`, `name-2.1.0`, `release/2.1` or `OpenSSL_1_1_1k`.

/// The version that a tag names; `None` when it names none.
///
/// It begins with the first digit that stands at the start or behind `-`, `_`, `/` or `@`, with a `v` between them or not.
pub(super) fn version_of_tag(tag: &str) -> Option<String> {
    let is_separator = |character: char| matches!(character, '-' | '_' | '/' | '@');
    let mut at_start = true;
    let mut rest = tag;
    while let Some(character) = rest.chars().next() {
        let behind_v = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        if at_start && behind_v.starts_with(|first: char| first.is_ascii_digit()) {
            return Some(with_dots(behind_v));
        }
        at_start = is_separator(character);
        rest = rest.get(character.len_utf8()..)?;
    }
    None
}

/// `1_1_1k` is how CVS, which knew no dots in tags, wrote `1.1.1k`; many have kept it.
fn with_dots(version: &str) -> String {
    if version.contains('.') { version.to_owned() } else { version.replace('_', ".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_behind_any_prefix() {
        for (tag, version) in [
            ("v2.1.0", Some("2.1.0")),
            ("2.1.0-rc.1", Some("2.1.0-rc.1")),
            ("V1", Some("1")),
            ("log4j-2.17.0", Some("2.17.0")),
            ("api/v1.2.3", Some("1.2.3")),
            ("@acme/shop@3.0.1", Some("3.0.1")),
            ("release-1.2", Some("1.2")),
            ("OpenSSL_1_1_1k", Some("1.1.1k")),
            ("curl-7_88_1", Some("7.88.1")),
            ("ü-1.0", Some("1.0")),
            ("stable", None),
            ("x86", None),
            ("", None),
        ] {
            assert_eq!(version_of_tag(tag).as_deref(), version, "{tag}");
        }
    }
}
