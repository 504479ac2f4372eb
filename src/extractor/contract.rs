//! What an extractor is, how text, JSON, TOML and YAML are read with their lines, and how edges are noted.

pub(super) mod actions_lock;
pub(super) mod bom;
pub(super) mod code;
pub(super) mod configured;
pub(super) mod encoding;
pub(super) mod git_options;
pub(super) mod git_pin;
pub(super) mod go_build;
pub(super) mod go_module;
pub(super) mod graph;
pub(super) mod image;
pub(super) mod installed;
pub(super) mod json;
pub(super) mod keys;
mod known_hosts;
pub(super) mod npm;
pub(super) mod os_release;
pub(super) mod purl;
pub(super) mod python;
pub(super) mod sources;
pub(super) mod text;
pub(super) mod toml;
pub(super) mod typed_yaml;
pub(super) mod unusable;
pub(super) mod variables;
pub(super) mod xml;
pub(super) mod yaml;
pub(super) mod yaml_entries;

use crate::model::dependency::Dependency;
use crate::model::lockfile::Unpinned;
use crate::model::repository::RepoPath;
use crate::model::tree::ProjectTree;
pub use configured::{Configured, LockfileChoice};
pub use unusable::Noted;

/// A file that pins dependencies.
#[derive(Clone, Copy)]
pub struct SourceFile<'a> {
    /// Its path from the project's root.
    pub path: &'a RepoPath,
    /// Its bytes. Untrusted.
    pub content: &'a [u8],
    /// The project, for the manifests that stand beside the file (who is direct, what is only for development).
    pub tree: &'a dyn ProjectTree,
}

impl SourceFile<'_> {
    /// The nearest other file of a name in the same folder or above, with its content; `None` when none can be read.
    pub fn nearest_above(&self, name: &str) -> Option<(RepoPath, Vec<u8>)> {
        let paths = self.path.folders().filter_map(|folder| RepoPath::in_folder(folder, name).ok());
        let read = |path: RepoPath| self.tree.read(&path).ok().map(|content| (path, content));
        paths.filter(|path| path != self.path).find_map(read)
    }

    /// The content of a file in the same folder; `None` when there is none that can be read.
    pub fn neighbour(&self, name: &str) -> Option<Vec<u8>> {
        // A manifest that is absent or refused only costs detail (direct, scope), never a dependency.
        self.path.sibling(name).ok().and_then(|path| self.tree.read(&path).ok())
    }
}

/// Why a file could not be read as what it claims to be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The line where it went wrong, from 1, where it can be told.
    pub line: Option<u32>,
    /// A fragment that fits after "failed to". May hold untrusted text.
    pub message: String,
    /// The way out, for example the command that writes the file anew.
    pub hint: Option<String>,
}

impl ParseError {
    /// An error without a place or a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into(), hint: None }
    }

    /// The same error at a line (from 1).
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// The same error with a way out.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// More packages than this in one file are refused: the largest lockfiles in public have less than 10,000, and all that
/// follows takes time for each of them.
const PACKAGE_LIMIT: usize = 50_000;

/// Refuses a number of packages that no project has.
pub(super) fn check_package_count(count: usize) -> Result<(), ParseError> {
    if count <= PACKAGE_LIMIT {
        return Ok(());
    }
    Err(ParseError::new(format!("read it: it has {count} packages, the limit is {PACKAGE_LIMIT}")))
}

/// A reader of one file format. Pure: it sees bytes and gives dependencies.
pub trait Extractor: Sync {
    /// Its name in reports: the file name in kebab-case, for example `cargo-lock`.
    fn id(&self) -> &'static str;

    /// Whether the file at this path is in its format.
    fn claims(&self, path: &RepoPath) -> bool;

    /// Whether more of the path than the file's name decides what is read, or what stands outside of its folder. Where it
    /// does not, equal files with equal neighbours are read once.
    fn is_about_the_place(&self) -> bool {
        false
    }

    /// Every dependency that the file pins, in file order.
    ///
    /// An empty list means that the file is well-formed and pins nothing.
    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError>;

    /// Whether the tool reads another file in the place of this one, so that nothing of it is installed.
    fn is_passed_over(&self, _path: &RepoPath, _tree: &dyn ProjectTree) -> bool {
        false
    }

    /// The lines of a file that could be read which ask for packages and pin none. Nothing for formats that pin all they name.
    fn unpinned(&self, _file: &SourceFile<'_>) -> Vec<Unpinned> {
        Vec::new()
    }

    /// What a file that could be read leads to or asks for, and what could not be followed: each becomes a named problem
    /// beside the dependencies. Nothing for most formats.
    fn not_followed(&self, _file: &SourceFile<'_>) -> Vec<ParseError> {
        Vec::new()
    }

    /// The entries of a readable file that nobody can look up, because they have no version or no name that advisories know:
    /// counted and named, in file order. Nothing for most formats.
    fn noted(&self, _file: &SourceFile<'_>) -> Vec<Noted> {
        Vec::new()
    }

    /// Whether a file at this path may say where the lockfile of this format is (`deno.json`, `.yarnrc.yml`).
    fn is_configured_by(&self, _path: &RepoPath) -> bool {
        false
    }

    /// The lockfiles that a configuration names in the place of the usual one.
    fn configured(&self, _configuration: &SourceFile<'_>) -> Vec<Configured> {
        Vec::new()
    }
}
