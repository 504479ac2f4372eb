//! Doubts: why a locked dependency may not be what its entry says.

use super::dependency::PackageVersion;

/// What is odd about one entry of a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The entry says two things, and the tool goes by one of them.
    Contradiction {
        /// A fragment that fits after the package: `its archive is that of bad 1.0.0`. May hold untrusted text.
        reason: String,
        /// The other package or version that may be what is installed. Untrusted.
        other: Option<PackageVersion>,
    },
    /// It comes from another host than most of its file.
    Host {
        /// The host of its archive, with a port where one is written. Untrusted.
        host: String,
        /// The host of most others; empty where the format has one of its own, which the file does not name. Untrusted.
        usual: String,
    },
    /// The file has no checksum of it, though its format has room for one.
    NoChecksum,
}

impl Doubt {
    /// A contradiction, with the other reading where there is one.
    pub fn contradiction(reason: impl Into<String>, other: Option<(&str, &str)>) -> Self {
        let other = other.map(|(name, version)| PackageVersion { name: name.to_owned(), version: version.to_owned() });
        Self::Contradiction { reason: reason.into(), other }
    }
}
