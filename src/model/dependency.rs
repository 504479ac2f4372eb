//! Dependencies: packages as a file pins them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::doubt::Doubt;
use super::ecosystem::Ecosystem;
use super::repository::CommitId;

/// One locked instance of a package: a name and the version or commit at which a file pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The name as the file writes it. Untrusted.
    pub name: String,
    /// The version as the file writes it, for example `1.2.3`, Composer's `dev-main` or a `uses:` reference. Untrusted.
    pub version: String,
    /// Where the package comes from.
    pub origin: Origin,
    /// What the project needs it for.
    pub scope: Scope,
    /// Whether the project itself asks for it.
    pub direct: bool,
    /// Positions, in the lockfile's list, of the dependencies that require this one, sorted.
    pub parents: Vec<usize>,
    /// What each parent asks for where the file says so (npm, Composer), aligned with `parents`; empty otherwise.
    pub requirements: Vec<String>,
    /// The line on which the file pins it, from 1.
    pub line: u32,
    /// That its makers have given it up, where the file says so (Composer, npm, pnpm): what they say about it, which may be
    /// nothing. Untrusted.
    pub abandoned: Option<String>,
    /// Why it may not be what its entry says; nearly always nothing.
    pub doubts: Vec<Doubt>,
}

impl Dependency {
    /// A dependency from the ecosystem's own registry that runs in production, of which nothing else is known: not direct,
    /// required by nothing.
    pub fn new(ecosystem: Ecosystem, name: impl Into<String>, version: impl Into<String>, line: u32) -> Self {
        Self {
            ecosystem,
            name: name.into(),
            version: version.into(),
            origin: Origin::Registry { url: None },
            scope: Scope::Runtime,
            direct: false,
            parents: Vec::new(),
            requirements: Vec::new(),
            line,
            abandoned: None,
            doubts: Vec::new(),
        }
    }

    /// Cuts texts that are longer than anything real, because each finding about the dependency repeats them: names and
    /// versions at 1,024 bytes (npm allows 214 and 256 characters), what else is said as well, addresses, tags and branches at
    /// 2,048.
    ///
    /// No advisory is about a name of that length, and what is cut off a version is a part of its build or pre-release.
    pub fn bound_texts(&mut self) {
        const WORD: usize = 1_024;
        const ADDRESS: usize = 2_048;
        cut(&mut self.name, WORD);
        cut(&mut self.version, WORD);
        cut_some(&mut self.abandoned, WORD);
        self.doubts.iter_mut().for_each(|doubt| bound_doubt(doubt, WORD));
        match &mut self.origin {
            Origin::Registry { url } => cut_some(url, ADDRESS),
            Origin::Git { url, pin, commit: _ } => {
                cut(url, ADDRESS);
                match pin {
                    GitPin::Tag(name) | GitPin::Branch(name) => cut(name, ADDRESS),
                    GitPin::Commit | GitPin::DefaultBranch => {}
                }
            }
            Origin::Path => {}
            Origin::Archive { url } => cut(url, ADDRESS),
            Origin::Image { tag, digest } => {
                cut_some(tag, ADDRESS);
                cut_some(digest, ADDRESS);
            }
            Origin::System { release, source } => {
                cut_some(release, WORD);
                if let Some(source) = source {
                    cut(&mut source.name, WORD);
                    cut(&mut source.version, WORD);
                }
            }
        }
    }
}

fn bound_doubt(doubt: &mut Doubt, limit: usize) {
    match doubt {
        Doubt::Contradiction { reason, other } => {
            cut(reason, limit);
            if let Some(PackageVersion { name, version }) = other {
                cut(name, limit);
                cut(version, limit);
            }
        }
        Doubt::Host { host, usual } => {
            cut(host, limit);
            cut(usual, limit);
        }
        Doubt::NoChecksum => {}
    }
}

fn cut_some(text: &mut Option<String>, limit: usize) {
    if let Some(text) = text {
        cut(text, limit);
    }
}

/// Shortens a text to at most `limit` bytes, at a character's end.
fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.shrink_to_fit();
    }
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A package registry.
    Registry {
        /// Its address where the file names one that is not the ecosystem's own.
        url: Option<String>,
    },
    /// A git repository.
    Git {
        /// Its address. Untrusted.
        url: String,
        /// What the dependency follows.
        pin: GitPin,
        /// The commit at which the file locks it.
        commit: Option<CommitId>,
    },
    /// A folder of the same project.
    Path,
    /// An archive at an address.
    Archive {
        /// Its address. Untrusted.
        url: String,
    },
    /// A registry of container images.
    Image {
        /// The tag, where one is written; `latest` is meant where neither is.
        tag: Option<String>,
        /// The digest, `sha256:` and 64 hexadecimal digits: what pins it.
        digest: Option<String>,
    },
    /// The packages of an operating system.
    System {
        /// Its release as OSV writes it behind the ecosystem's name, for example `12` of `Debian:12`.
        release: Option<String>,
        /// The source package that it was built from, where it differs: advisories of some systems are about these.
        source: Option<PackageVersion>,
    },
}

/// What a dependency from git follows: branch tracking is a type, not a string test.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitPin {
    /// One commit, for good.
    Commit,
    /// A tag.
    Tag(String),
    /// A branch: it changes without anyone deciding so.
    Branch(String),
    /// The repository's default branch.
    DefaultBranch,
}

impl GitPin {
    /// The branch that is followed: its name, or `None` inside for the default branch.
    pub fn followed_branch(&self) -> Option<Option<&str>> {
        match self {
            Self::Branch(name) => Some(Some(name)),
            Self::DefaultBranch => Some(None),
            Self::Commit | Self::Tag(_) => None,
        }
    }
}

/// What a project needs a dependency for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// It is part of what runs in production (also when the file does not say).
    Runtime,
    /// Only those who develop or test the project need it.
    Development,
    /// It runs in CI (workflows and actions).
    Ci,
}

/// A package at a version, as text for people and reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageVersion {
    /// The package's name. Untrusted.
    pub name: String,
    /// The version. Untrusted.
    pub version: String,
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

impl From<&Dependency> for PackageVersion {
    fn from(dependency: &Dependency) -> Self {
        Self { name: dependency.name.clone(), version: dependency.version.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_longer_than_anything_real_are_cut() {
        let mut dependency =
            Dependency::new(Ecosystem::Npm, "ä".repeat(1_000), format!("1.0.0+{}", "a".repeat(9_000)), 1);
        dependency.origin =
            Origin::Git { url: "u".repeat(9_000), pin: GitPin::Branch("b".repeat(9_000)), commit: None };
        dependency.bound_texts();
        assert_eq!((dependency.name.len(), dependency.version.len()), (1_024, 1_024));
        let Origin::Git { url, pin: GitPin::Branch(branch), .. } = dependency.origin else { panic!("git") };
        assert_eq!((url.len(), branch.len()), (2_048, 2_048));
    }
}
