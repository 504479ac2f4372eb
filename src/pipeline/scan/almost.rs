//! Names that are almost those of lockfiles: some file systems take them for one, and so do the tools that run there.

use super::extractors;
use crate::model::repository::RepoPath;
use crate::model::text::is_invisible;

/// Whether what stands at a refused path may be, or hold, a lockfile.
pub(super) fn may_pin(path: &str) -> bool {
    path.ends_with('/') || readings(path).any(|path| !extractors(&path).is_empty())
}

/// Whether a path that no extractor knows is that of a lockfile in another reading of its name.
pub(super) fn is_almost_lockfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    (path.ends_with('/') || !is_plain(name)) && readings(path).any(|path| !extractors(&path).is_empty())
}

/// The paths that a name may stand for once what macOS and Windows do not tell apart is levelled: the case of letters, dots
/// and spaces at the end (Windows), characters that nobody sees (HFS+), other separators, and what is not allowed.
fn readings(path: &str) -> impl Iterator<Item = RepoPath> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    // On Windows a backslash parts folders, and what follows a colon is a stream or a drive.
    let special = [path.rsplit(['/', '\\']).next(), path.rsplit(['/', '\\', ':']).next(), name.split(':').next()];
    let special = special.into_iter().flatten().filter(|_| name.contains(['\\', ':']));
    let level = |name: &str| [allowed(name), levelled(name), capitalised(&levelled(name))];
    let names: Vec<String> = std::iter::once(name).chain(special).flat_map(level).collect();
    let folders = [allowed(folder), folder.to_lowercase()];
    // A plain name in a folder that is refused is still a lockfile's.
    let join = |folder: &String, name: &String| RepoPath::in_folder(folder, name).or_else(|_| RepoPath::new(name)).ok();
    let paths: Vec<RepoPath> =
        names.iter().flat_map(|name| folders.iter().filter_map(move |folder| join(folder, name))).collect();
    paths.into_iter()
}

/// The nearest text that a path may have.
fn allowed(text: &str) -> String {
    let is_refused = |character: char| character.is_control() || "\\:".contains(character);
    text.chars().map(|character| if is_refused(character) { '_' } else { character }).collect()
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

fn levelled(name: &str) -> String {
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
