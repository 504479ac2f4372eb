//! Repositories: their names, paths inside them, and commits.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A path inside a repository: relative, with `/`, and without any component that could leave the repository or reach
/// into git's own folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Every finding names its file: a copy is a counter.
pub struct RepoPath(Arc<str>);

/// Text that is not a safe path inside a repository.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a safe path inside a repository", .0.escape_default())]
pub struct InvalidPath(pub String);

impl RepoPath {
    /// Takes a path, or refuses one that is absolute, empty, longer than 4,096 bytes, or has a component that is empty,
    /// `.`, `..` or `.git` (in any case), begins with a drive letter, or has a control character or a backslash.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let safe_component = |component: &str| {
            !component.is_empty()
                && component != "."
                && component != ".."
                && !component.eq_ignore_ascii_case(".git")
                && !component.contains(|character: char| character.is_control() || character == '\\')
                && component.as_bytes().get(1) != Some(&b':')
        };
        if !text.is_empty() && text.len() <= 4096 && text.split('/').all(safe_component) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidPath(text.to_owned()))
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds the file, empty for the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The folders that hold the file: its own first, then each one above, up to the root, which is empty.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.folder()), |folder| match folder.rsplit_once('/') {
            Some((above, _)) => Some(above),
            None => (!folder.is_empty()).then_some(""),
        })
    }

    /// The path of `name` (which may have folders of its own) in a folder, empty for the root.
    pub fn in_folder(folder: &str, name: &str) -> Result<Self, InvalidPath> {
        if folder.is_empty() { Self::new(name) } else { Self::new(&format!("{folder}/{name}")) }
    }

    /// The path of `name` in the same folder.
    pub fn sibling(&self, name: &str) -> Result<Self, InvalidPath> {
        Self::in_folder(self.folder(), name)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for RepoPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

/// A git commit's object id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

/// Text that is not a full object id.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a full commit id", .0.escape_default())]
pub struct InvalidCommitId(pub String);

impl CommitId {
    /// Takes a full object id in any case, or refuses anything else.
    pub fn new(text: &str) -> Result<Self, InvalidCommitId> {
        if matches!(text.len(), 40 | 64) && text.chars().all(|digit| digit.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidCommitId(text.to_owned()))
        }
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for CommitId {
    type Error = InvalidCommitId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

/// `owner/name`, as GitHub allows it: letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoSlug {
    owner: String,
    name: String,
}

/// Text that is not `owner/name`.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a repository: expected `owner/name`", .0.escape_default())]
pub struct InvalidSlug(pub String);

impl RepoSlug {
    /// Takes an owner and a name, or refuses what GitHub would not allow.
    pub fn new(owner: &str, name: &str) -> Result<Self, InvalidSlug> {
        let allowed = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && !part.starts_with('-')
                && part.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
        };
        if allowed(owner) && allowed(name) {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(InvalidSlug(format!("{owner}/{name}")))
        }
    }

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}/{}", self.owner, self.name))
    }
}

impl FromStr for RepoSlug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (owner, name) = text.split_once('/').ok_or_else(|| InvalidSlug(text.to_owned()))?;
        Self::new(owner, name)
    }
}

impl TryFrom<String> for RepoSlug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepoSlug> for String {
    fn from(slug: RepoSlug) -> Self {
        slug.to_string()
    }
}

/// A repository that is to be looked after, as its forge describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name: `owner/name`; for a local repository `local/<folder>`.
    pub slug: RepoSlug,
    /// The number by which its forge knows it, where it has one: unlike its name, it is never another repository's.
    pub id: Option<u64>,
    /// The address to clone from: `https://…` or a local path.
    pub clone_url: String,
    /// The forge's default branch; `None` when the forge does not know it.
    pub default_branch: Option<String>,
    /// Archived repositories are read-only: they are explained, not handled.
    pub archived: bool,
    /// Private repositories: nothing of theirs is shown elsewhere.
    pub private: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_a_file_lead_up_to_the_root() {
        let folders = |path: &str| RepoPath::new(path).unwrap().folders().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(folders("a/b/c.lock"), ["a/b", "a", ""]);
        assert_eq!(folders("c.lock"), [""]);
        assert_eq!(RepoPath::in_folder("", "x/y").unwrap().as_str(), "x/y");
        assert_eq!(RepoPath::in_folder("a", "x/y").unwrap().as_str(), "a/x/y");
    }

    #[test]
    fn paths_cannot_leave_the_repository() {
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/.GIT/config", "a\\b", "c:/x", "a/./b", "a\nb"] {
            assert!(RepoPath::new(bad).is_err(), "{bad:?} was accepted");
        }
        let path = RepoPath::new("apps/web/package-lock.json").expect("a plain path");
        assert_eq!(path.file_name(), "package-lock.json");
        assert_eq!(path.folder(), "apps/web");
        assert_eq!(path.sibling("package.json").expect("plain").as_str(), "apps/web/package.json");
        assert!(path.sibling("../../../x").is_err());
    }

    #[test]
    fn slugs_are_what_github_allows() {
        assert!("acme/shop.de".parse::<RepoSlug>().is_ok());
        for bad in ["acme", "acme/", "/shop", "acme/..", "a b/c", "acme/shop/x", "-x/y", "acme/$(id)"] {
            assert!(bad.parse::<RepoSlug>().is_err(), "{bad:?} was accepted");
        }
    }
}
