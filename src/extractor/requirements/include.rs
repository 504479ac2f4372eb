//! Files that a requirements file names: `-r other.txt`, `--constraint=constraints.txt`.

use std::collections::BTreeSet;

use super::super::contract::SourceFile;
use crate::model::repository::RepoPath;

/// More files are not followed from one requirements file.
const FILE_LIMIT: usize = 100;

/// More bytes of them are not read.
const BYTE_LIMIT: usize = 8 * 1024 * 1024;

/// What a file is included as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What it asks for is asked for.
    Requirements,
    /// It only says which versions may be taken.
    Constraints,
}

/// The path of a file that is named in another, if it is in the project and named without a variable.
pub(super) fn resolve(from: &RepoPath, target: &str) -> Option<RepoPath> {
    let is_address = ["http:", "https:", "file:"].iter().any(|scheme| target.starts_with(scheme));
    if is_address || target.contains("://") || target.starts_with('/') || target.contains("${") {
        return None;
    }
    let mut parts: Vec<&str> = from.folder().split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    RepoPath::new(&parts.join("/")).ok()
}

/// What may still be read.
pub(super) struct Budget {
    seen: BTreeSet<RepoPath>,
    bytes: usize,
}

impl Budget {
    /// The budget of one requirements file.
    pub(super) fn of(file: &RepoPath) -> Self {
        Self { seen: BTreeSet::from([file.clone()]), bytes: BYTE_LIMIT }
    }

    /// Whether a file was read before.
    pub(super) fn knows(&self, path: &RepoPath) -> bool {
        self.seen.contains(path)
    }

    /// Reads a file once.
    pub(super) fn read(&mut self, file: &SourceFile<'_>, path: &RepoPath) -> Option<Vec<u8>> {
        if self.seen.len() > FILE_LIMIT || !self.seen.insert(path.clone()) {
            return None;
        }
        let content = file.tree.read(path).ok()?;
        self.bytes = self.bytes.checked_sub(content.len())?;
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_stay_inside_the_project() {
        let from = RepoPath::new("a/b/requirements.txt").expect("a plain path");
        for (target, expected) in [
            ("x.txt", Some("a/b/x.txt")),
            ("./../x.txt", Some("a/x.txt")),
            ("../../x.txt", Some("x.txt")),
            ("../../../x.txt", None),
            ("/etc/passwd", None),
            ("file:x.txt", None),
            ("${FOLDER}/x.txt", None),
            ("https://host.example/x.txt", None),
            ("../.git/config", None),
            ("..\\x.txt", None),
        ] {
            assert_eq!(resolve(&from, target).map(|path| path.to_string()).as_deref(), expected, "{target}");
        }
    }
}
