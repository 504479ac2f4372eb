//! Inside: where a path that a manifest writes leads, as long as it stays in the repository.

/// The place in the repository (empty for its root) that a relative path leads to from a folder; `None` for a path that is
/// absolute, leaves the repository on its way, or is not plain: a backslash, a drive, a home folder, a control character.
pub(crate) fn resolve(folder: &str, path: &str) -> Option<String> {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|first: char| first.is_ascii_alphabetic());
    if drive || path.starts_with(['/', '~']) || path.contains(|it: char| it == '\\' || it.is_control()) {
        return None;
    }
    let mut place: Vec<&str> = folder.split('/').filter(|component| !component.is_empty()).collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                place.pop()?;
            }
            name => place.push(name),
        }
    }
    Some(place.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_repository_or_leads_nowhere() {
        for (folder, path, expected) in [
            ("", "a/b", Some("a/b")),
            ("crates/a", "../b", Some("crates/b")),
            ("crates/a", "../..", Some("")),
            ("a", "./b/.//c/../d/", Some("a/b/d")),
            ("", "../x", None),
            ("crates/a", "../../../b", None),
            ("", "a/../../b", None),
            ("", "/etc", None),
            ("", "~/x", None),
            ("", "c:/x", None),
            ("", "a\\..\\..\\x", None),
            ("", "a\n", None),
        ] {
            assert_eq!(resolve(folder, path).as_deref(), expected, "{folder} {path}");
        }
    }
}
