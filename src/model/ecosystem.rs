//! Ecosystems, named as OSV writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A family of packages with one registry, one name grammar and one version order.
///
/// The textual form is that of the OSV schema (<https://ossf.github.io/osv-schema/#defined-ecosystems>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ecosystem {
    /// Rust crates.
    #[serde(rename = "crates.io")]
    CratesIo,
    /// JavaScript packages.
    #[serde(rename = "npm")]
    Npm,
    /// PHP packages.
    #[serde(rename = "Packagist")]
    Packagist,
    /// Actions and reusable workflows, named `owner/repository[/path]`.
    #[serde(rename = "GitHub Actions")]
    GitHubActions,
}

impl Ecosystem {
    /// Every ecosystem, in report order.
    pub const ALL: [Self; 4] = [Self::CratesIo, Self::Npm, Self::Packagist, Self::GitHubActions];

    /// The name as OSV writes it, for example `crates.io`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Npm => "npm",
            Self::Packagist => "Packagist",
            Self::GitHubActions => "GitHub Actions",
        }
    }

    /// The purl type (<https://github.com/package-url/purl-spec>), for example `cargo`.
    pub const fn purl_type(self) -> &'static str {
        match self {
            Self::CratesIo => "cargo",
            Self::Npm => "npm",
            Self::Packagist => "composer",
            Self::GitHubActions => "githubactions",
        }
    }

    /// The name under which the ecosystem looks a package up: Composer and GitHub names ignore case, others do not.
    pub fn normalise(self, name: &str) -> String {
        match self {
            Self::Packagist | Self::GitHubActions => name.to_ascii_lowercase(),
            Self::CratesIo | Self::Npm => name.to_owned(),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An ecosystem that patchparty does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown ecosystem `{0}`")]
pub struct UnknownEcosystem(pub String);

impl FromStr for Ecosystem {
    type Err = UnknownEcosystem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|ecosystem| ecosystem.as_str() == text)
            .ok_or_else(|| UnknownEcosystem(text.to_owned()))
    }
}
