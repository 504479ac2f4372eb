//! Specifications: what a manifest or lockfile writes where a range of a registry's releases is expected.

use std::fmt;

use super::repository::RepoPath;

/// Where a specification leads that is no range of the registry's releases. The words are those of `allow-sources`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecificationKind {
    /// A repository of a version control system.
    Git,
    /// An archive at an address, or metadata that stand for one.
    Url,
    /// A file or folder that is no package of the project.
    File,
    /// Another registry than the one that is set up.
    Registry,
    /// Nobody knows: a protocol that the package manager does not have, or text in no known form.
    Unknown,
}

impl SpecificationKind {
    /// Its word in a policy; `None` for what no policy can allow.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Git => Some("git"),
            Self::Url => Some("url"),
            Self::File => Some("file"),
            Self::Registry => Some("registry"),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for SpecificationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Git => "a version control system",
            Self::Url => "an address",
            Self::File => "a file or folder that is no package of the project",
            Self::Registry => "another registry than the one that is set up",
            Self::Unknown => "a place that cannot be told",
        })
    }
}

/// One specification that is no range of the registry's releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specification {
    /// The manifest or lockfile that has it.
    pub file: RepoPath,
    /// The package that it is about, or the setting that holds it. Untrusted.
    pub package: String,
    /// Where it leads.
    pub kind: SpecificationKind,
    /// Whether it leads out of the repository or to what reads this machine, which no policy can allow.
    pub outside: bool,
    /// Where the package manager would go for it: `https://host[:port]`. `None` when it would go nowhere, or when that cannot be told.
    pub address: Option<String>,
}

impl Specification {
    /// One that a policy can allow, if its kind has a word.
    pub fn new(file: &RepoPath, package: impl Into<String>, kind: SpecificationKind) -> Self {
        Self { file: file.clone(), package: package.into(), kind, outside: false, address: None }
    }

    /// One that leads out of the repository.
    pub fn outside(file: &RepoPath, package: impl Into<String>) -> Self {
        Self { outside: true, ..Self::new(file, package, SpecificationKind::File) }
    }

    /// The same with the address to which the package manager would go.
    #[must_use]
    pub fn at(mut self, address: Option<String>) -> Self {
        self.address = address;
        self
    }
}
