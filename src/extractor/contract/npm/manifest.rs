//! The package.json beside a lockfile and those of its workspaces
//! (the `workspaces` of npm, Yarn and Bun).

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::super::SourceFile;
use super::super::json::Node;
use crate::model::dependency::Scope;
use crate::model::repository::RepoPath;

/// More manifests than this are not read: the largest workspaces in public have some hundred members.
const MANIFEST_LIMIT: usize = 1_000;

/// More patterns than this are not read.
const PATTERN_LIMIT: usize = 100;

/// The lists of a manifest that a package manager installs, in the order in which the first one wins.
const LISTS: [(&str, Scope); 3] = [
    ("dependencies", Scope::Runtime),
    ("optionalDependencies", Scope::Runtime),
    ("devDependencies", Scope::Development),
];

/// What one package.json asks for.
pub(in crate::extractor) struct Manifest {
    /// Its folder, from the lockfile's; empty for the one beside it.
    pub(in crate::extractor) folder: String,
    /// Names and requirements.
    pub(in crate::extractor) requirements: Vec<Requirement>,
}

/// One package that a manifest asks for.
pub(in crate::extractor) struct Requirement {
    /// The name under which it is asked for.
    pub(in crate::extractor) name: String,
    /// What is asked for.
    pub(in crate::extractor) text: String,
    /// What it is needed for.
    pub(in crate::extractor) scope: Scope,
}

/// The manifest beside a lockfile and those of its workspaces; none when there is none beside it.
pub(in crate::extractor) fn manifests(file: &SourceFile<'_>) -> Vec<Manifest> {
    let Some(content) = file.neighbour("package.json") else { return Vec::new() };
    let mut members = None;
    let Some(root) = read(String::new(), &content, |node| members = patterns(node)) else { return Vec::new() };
    let mut manifests = vec![root];
    let Some(members) = members else { return manifests };
    let base = file.path.folder();
    let inside = |path: &'_ RepoPath| {
        let folder = path.folder();
        let inner = if base.is_empty() { folder } else { folder.strip_prefix(base)?.strip_prefix('/')? };
        (!inner.is_empty() && inner.split('/').all(|part| part != "node_modules")).then(|| inner.to_owned())
    };
    let entries = file.tree.entries().iter().filter(|entry| entry.path.file_name() == "package.json");
    let folders = entries.filter_map(|entry| Some((inside(&entry.path)?, &entry.path)));
    for (folder, path) in folders.filter(|(folder, _)| members.matches(folder)).take(MANIFEST_LIMIT) {
        // A manifest that is refused only costs detail, never a dependency.
        manifests.extend(file.tree.read(path).ok().and_then(|content| read(folder, &content, |_| {})));
    }
    manifests
}

/// The folders that belong to a project.
struct Members {
    wanted: GlobSet,
    unwanted: GlobSet,
}

impl Members {
    fn matches(&self, folder: &str) -> bool {
        self.wanted.is_match(folder) && !self.unwanted.is_match(folder)
    }
}

fn patterns(manifest: &Node<'_>) -> Option<Members> {
    let workspaces = manifest.get("workspaces")?;
    let list = workspaces.items().or_else(|| workspaces.get("packages")?.items())?;
    let (mut wanted, mut unwanted) = (GlobSetBuilder::new(), GlobSetBuilder::new());
    for text in list.iter().filter_map(Node::text).take(PATTERN_LIMIT) {
        let (text, set) = match text.strip_prefix('!') {
            Some(text) => (text, &mut unwanted),
            None => (text, &mut wanted),
        };
        let text = text.trim_start_matches("./").trim_end_matches('/');
        // What is no pattern names nothing.
        if let Ok(glob) = Glob::new(text) {
            set.add(glob);
        }
    }
    Some(Members { wanted: wanted.build().ok()?, unwanted: unwanted.build().ok()? })
}

fn read(folder: String, content: &[u8], mut look: impl FnMut(&Node<'_>)) -> Option<Manifest> {
    let text = std::str::from_utf8(content).ok()?;
    let node = Node::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).ok().filter(Node::is_object)?;
    look(&node);
    let requirements = LISTS.iter().flat_map(|(list, scope)| {
        let owned =
            |(name, text): (&str, &str)| Requirement { name: name.to_owned(), text: text.to_owned(), scope: *scope };
        node.texts_at(list).map(owned).collect::<Vec<_>>()
    });
    Some(Manifest { folder, requirements: requirements.collect() })
}

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::MemoryTree;
    use super::*;

    fn folders(path: &str, files: &[(&str, &[u8])]) -> Vec<String> {
        let tree = MemoryTree::new(files);
        let path = RepoPath::new(path).expect("a plain path");
        let found = manifests(&SourceFile { path: &path, content: b"", tree: &tree });
        found.into_iter().map(|manifest| format!("{}:{}", manifest.folder, manifest.requirements.len())).collect()
    }

    #[test]
    fn workspaces_are_found_by_their_patterns() {
        let root: &[u8] = br#"{"workspaces": ["./packages/*", "!packages/old", "[", "tool"], "dependencies": {"a": "1"}, "devDependencies": {"b": "2"}}"#;
        let member: &[u8] = br#"{"dependencies": {"c": "3"}}"#;
        let files: [(&str, &[u8]); 7] = [
            ("web/package.json", root),
            ("web/packages/one/package.json", member),
            ("web/packages/old/package.json", member),
            ("web/packages/one/node_modules/x/package.json", member),
            ("web/tool/package.json", b"{"),
            ("webpack/packages/one/package.json", member),
            ("package.json", member),
        ];
        assert_eq!(folders("web/yarn.lock", &files), [":2", "packages/one:1"]);
        assert_eq!(folders("yarn.lock", &files), [":1"]);
        assert!(folders("other/yarn.lock", &files).is_empty());
    }
}
