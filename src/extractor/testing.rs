//! A project in memory, for the tests of extractors.

use super::{Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{EntryKind, ProjectTree, TreeEntry, TreeError};

/// Files by path.
pub(super) struct MemoryTree {
    entries: Vec<TreeEntry>,
    contents: Vec<Vec<u8>>,
}

impl MemoryTree {
    pub(super) fn new(files: &[(&str, &[u8])]) -> Self {
        let mut files: Vec<_> = files.to_vec();
        files.sort_unstable();
        let entry = |path: &str| TreeEntry {
            path: RepoPath::new(path).expect("a plain path"),
            kind: EntryKind::File { executable: false },
        };
        Self {
            entries: files.iter().map(|(path, _)| entry(path)).collect(),
            contents: files.iter().map(|(_, content)| content.to_vec()).collect(),
        }
    }
}

impl ProjectTree for MemoryTree {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        let position = self.entries.iter().position(|entry| entry.path == *path);
        position
            .map(|position| self.contents[position].clone())
            .ok_or_else(|| TreeError::Missing { path: path.clone() })
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}

/// Extracts the first of several files, the others standing beside it.
pub(super) fn extract(extractor: &dyn Extractor, files: &[(&str, &[u8])]) -> Result<Vec<Dependency>, ParseError> {
    let tree = MemoryTree::new(files);
    let path = RepoPath::new(files[0].0).expect("a plain path");
    assert!(extractor.claims(&path), "{path} is not claimed");
    extractor.extract(&SourceFile { path: &path, content: files[0].1, tree: &tree })
}

/// One line per dependency, so that a test can show a whole result.
pub(super) fn show(dependencies: &[Dependency]) -> String {
    let lines = dependencies.iter().enumerate().map(|(position, dependency)| {
        let parents: Vec<String> = dependency
            .parents
            .iter()
            .enumerate()
            .map(|(index, parent)| match dependency.requirements.get(index) {
                Some(requirement) => format!("{parent} {requirement}"),
                None => parent.to_string(),
            })
            .collect();
        format!(
            "{position} {}@{} {:?} {}{:?} [{}] line {}{}",
            dependency.name,
            dependency.version,
            dependency.scope,
            if dependency.direct { "direct " } else { "" },
            dependency.origin,
            parents.join(", "),
            dependency.line,
            dependency.abandoned.as_ref().map(|words| format!(" abandoned {words:?}")).unwrap_or_default()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
