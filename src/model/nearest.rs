//! Nearest releases: where a dependency at a commit stands among the versions that advisories know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which release is nearest to the commit of a dependency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nearest {
    /// The commit is this release, or was built on it.
    Release {
        /// The tag as the repository has it, for example `v2.1.0`. Untrusted.
        tag: String,
        /// How many commits came after it, along the shortest line; 0 when the commit is the release.
        commits_after: u32,
    },
    /// It could not be found: a fragment that says why, fits after "could not be checked:", may hold untrusted text.
    Unknown(String),
}

impl fmt::Display for Nearest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { tag, commits_after: 0 } => write!(formatter, "at {tag}"),
            Self::Release { tag, commits_after: 1 } => write!(formatter, "at 1 commit after {tag}"),
            Self::Release { tag, commits_after } => write!(formatter, "at {commits_after} commits after {tag}"),
            Self::Unknown(reason) => write!(formatter, "could not be checked: {reason}"),
        }
    }
}
