//! Names that are almost those of lockfiles: some file systems take them for one, and so do the tools that run there.

use super::extractors;
use crate::model::repository::RepoPath;
use crate::model::text::is_invisible;

/// Whether a path is that of a lockfile once what macOS and Windows do not tell apart is levelled: the case of letters,
/// dots and spaces at the end (Windows), characters that nobody sees (HFS+), other separators, and what is not allowed.
pub(super) fn is_almost_lockfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if !path.ends_with('/') && is_plain(name) {
        return false;
    }
    // On Windows a backslash parts folders, and what follows a colon is a stream or a drive.
    let special = [path.rsplit(['/', '\\']).next(), path.rsplit(['/', '\\', ':']).next(), name.split(':').next()];
    let readings = if name.contains(['\\', ':']) { special } else { [Some(name), None, None] };
    readings.into_iter().flatten().any(|reading| {
        let level = level(reading);
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/").to_lowercase());
        [level.clone(), capitalised(&level)].iter().any(|name| {
            let with_folder = RepoPath::new(&format!("{folder}{name}"));
            let path = with_folder.or_else(|_| RepoPath::new(name));
            path.is_ok_and(|path| !extractors(&path).is_empty())
        })
    })
}

/// Names that end so are no lockfile's in any reading: most files with capital letters are sources and texts.
const SOURCES: [&str; 12] =
    [".java", ".kt", ".scala", ".cs", ".swift", ".php", ".ts", ".tsx", ".js", ".vue", ".md", ".png"];

/// Most names of all: nothing about them can be read in another way.
fn is_plain(name: &str) -> bool {
    let is_lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.+@".contains(&byte);
    name.bytes().all(is_lower) && !name.ends_with('.')
        || !name.contains(':') && SOURCES.iter().any(|ending| name.ends_with(ending))
}

fn level(name: &str) -> String {
    let visible: String = name
        .chars()
        .filter(|&character| !is_invisible(character) && character != char::REPLACEMENT_CHARACTER)
        .collect();
    visible.trim_end_matches(['.', ' ']).to_lowercase()
}

/// Lockfiles are called in lower case (`composer.lock`), or with a capital at the beginning (`Cargo.lock`).
fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_file_system_takes_for_a_lockfile_is_almost_one() {
        for path in [
            "PACKAGE-LOCK.JSON",
            "web/Package-Lock.json",
            "cargo.LOCK",
            "package-lock.json.",
            "package-lock.json ",
            "Cargo.lock. .",
            "package\u{200c}-lock.json",
            "package-lock.json\n",
            "a\\package-lock.json",
            "x:composer.lock",
            "composer.lock::$DATA",
            "composer.lock\u{fffd}",
        ] {
            assert!(is_almost_lockfile(path), "{path:?}");
        }
        for path in ["README.md", "src/Main.java", "cargo.lockfile", "a/b.json", "Lock.json", ".json", "LICENSE", "x:y"]
        {
            assert!(!is_almost_lockfile(path), "{path:?}");
        }
    }
}
