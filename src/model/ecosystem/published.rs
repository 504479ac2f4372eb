//! Published: for which ecosystems anybody publishes advisories.

use super::Ecosystem;

impl Ecosystem {
    /// Whether a public database has advisories about its packages: what OSV exports
    /// (`https://osv-vulnerabilities.storage.googleapis.com/ecosystems.txt`, 2026-11).
    ///
    /// Of repositories at a commit (submodules, flake inputs) OSV knows those of C and C++ projects only, so that nothing
    /// about one can be said to be missing.
    pub const fn has_public_advisories(self) -> bool {
        match self {
            Self::ConanCenter
            | Self::Bioconductor
            | Self::CocoaPods
            | Self::Jsr
            | Self::Terraform
            | Self::Helm
            | Self::Docker
            | Self::Git
            | Self::PhotonOs => false,
            Self::CratesIo
            | Self::Npm
            | Self::Packagist
            | Self::PyPi
            | Self::Go
            | Self::RubyGems
            | Self::Maven
            | Self::NuGet
            | Self::Hex
            | Self::Pub
            | Self::SwiftUrl
            | Self::Cran
            | Self::Hackage
            | Self::Ghc
            | Self::Julia
            | Self::Opam
            | Self::Bitnami
            | Self::GitHubActions
            | Self::Alpaquita
            | Self::Alpine
            | Self::BellSoft
            | Self::Chainguard
            | Self::MinimOs
            | Self::Wolfi
            | Self::Debian
            | Self::Echo
            | Self::Ubuntu
            | Self::AlmaLinux
            | Self::AzureLinux
            | Self::Mageia
            | Self::OpenEuler
            | Self::OpenSuse
            | Self::RedHat
            | Self::RockyLinux
            | Self::Suse => true,
        }
    }
}
