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

/// The kind and the file that a line includes.
pub(super) fn parse(text: &str) -> Option<(Kind, &str)> {
    const OPTIONS: [(&str, Kind); 4] = [
        ("--requirement", Kind::Requirements),
        ("--constraint", Kind::Constraints),
        ("-r", Kind::Requirements),
        ("-c", Kind::Constraints),
    ];
    OPTIONS.iter().find_map(|&(option, kind)| {
        let rest = text.strip_prefix(option)?;
        // A short option may stand right before its value.
        let apart = rest.starts_with([' ', '\t', '=']) || !option.starts_with("--");
        let target = rest.trim_start_matches('=').trim().trim_matches(['"', '\'']);
        (apart && !target.is_empty()).then_some((kind, target))
    })
}

/// The path of a file that is named in another, if it is in the project.
pub(super) fn resolve(from: &RepoPath, target: &str) -> Option<RepoPath> {
    if target.contains("://") || target.starts_with('/') {
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
    fn includes_have_many_forms() {
        for (text, expected) in [
            ("-r a.txt", Some((Kind::Requirements, "a.txt"))),
            ("-ra.txt", Some((Kind::Requirements, "a.txt"))),
            ("--requirement=a.txt", Some((Kind::Requirements, "a.txt"))),
            ("--requirement 'a b.txt'", Some((Kind::Requirements, "a b.txt"))),
            ("-c  ../c.txt", Some((Kind::Constraints, "../c.txt"))),
            ("--constraint c.txt", Some((Kind::Constraints, "c.txt"))),
            ("--require-hashes", None),
            ("--requirements-from-script x.py", None),
            ("-r", None),
            ("requests", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn includes_stay_inside_the_project() {
        let from = RepoPath::new("a/b/requirements.txt").expect("a plain path");
        for (target, expected) in [
            ("x.txt", Some("a/b/x.txt")),
            ("./../x.txt", Some("a/x.txt")),
            ("../../x.txt", Some("x.txt")),
            ("../../../x.txt", None),
            ("/etc/passwd", None),
            ("https://host.example/x.txt", None),
            ("../.git/config", None),
            ("..\\x.txt", None),
        ] {
            assert_eq!(resolve(&from, target).map(|path| path.to_string()).as_deref(), expected, "{target}");
        }
    }
}
