//! Folders as npm reads the keys of a lockfile: `path.resolve` below the project, then `path.relative` to it
//! (`load-virtual.js` and `shrinkwrap.js` of npm's arborist), so that many keys name one folder.

use std::borrow::Cow;

/// The folder that a key names, from the project's root: without empty parts, `.` and `..`, except where it leads out of the
/// project, as links may. What begins at the machine's root is taken as if it began at the project's.
pub(super) fn location(key: &str) -> Cow<'_, str> {
    if is_plain(key) {
        return Cow::Borrowed(key);
    }
    let mut parts: Vec<&str> = Vec::new();
    // On Windows, npm takes both signs for what parts folders.
    for part in key.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Cow::Owned(parts.join("/"))
}

/// Whether npm would write the key in this form itself. The root has an empty one.
fn is_plain(key: &str) -> bool {
    let mut rest = key;
    while let Some(below) = rest.strip_prefix("../") {
        rest = below;
    }
    matches!(key, "" | "..") || rest.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\\'))
}

/// The name that npm takes from a folder: its last part, with the scope above it (`name-from-folder`).
pub(super) fn name_of<'a>(folder: &'a str) -> &'a str {
    let Some((above, _)) = folder.rsplit_once('/') else { return folder };
    let start = above.rfind('/').map_or(0, |slash| slash + 1);
    let is_scope = above.get(start..).is_some_and(|above: &'a str| above.starts_with('@'));
    folder.get(if is_scope { start } else { above.len() + 1 }..).unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_folders_as_npm_resolves_them() {
        for (key, folder) in [
            ("", ""),
            ("node_modules/a", "node_modules/a"),
            ("node_modules//a", "node_modules/a"),
            ("node_modules/./a", "node_modules/a"),
            ("./node_modules/a", "node_modules/a"),
            ("node_modules/x/../a", "node_modules/a"),
            ("node_modules/a/", "node_modules/a"),
            ("../node_modules/a", "../node_modules/a"),
            ("../../a/./b", "../../a/b"),
            ("a/../../b", "../b"),
            ("..", ".."),
            ("/node_modules/a", "node_modules/a"),
            ("node_modules\\a", "node_modules/a"),
            ("node_modules/...", "node_modules/..."),
        ] {
            assert_eq!(location(key), folder, "{key}");
        }
    }

    #[test]
    fn a_folder_has_the_name_of_its_last_part() {
        for (folder, name) in [
            ("node_modules/a", "a"),
            ("node_modules/@s/a", "@s/a"),
            ("node_modules/a/lib/b", "b"),
            ("@s/a", "@s/a"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(name_of(folder), name, "{folder}");
        }
    }
}
