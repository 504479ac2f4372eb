//! Ecosystems, named as OSV writes them.

mod published;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A family of packages with one registry, one name grammar and one version order.
///
/// The textual form is that of the OSV schema (<https://ossf.github.io/osv-schema/#defined-ecosystems>), without the
/// release that follows a colon there (`Debian:12`); where OSV has no name, it is the name that its users write.
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
    /// Python packages.
    #[serde(rename = "PyPI")]
    PyPi,
    /// Go modules, the standard library as `stdlib` and the toolchain as `toolchain`.
    #[serde(rename = "Go")]
    Go,
    /// Ruby gems.
    #[serde(rename = "RubyGems")]
    RubyGems,
    /// Java artifacts, named `group:artifact`.
    #[serde(rename = "Maven")]
    Maven,
    /// .NET packages.
    #[serde(rename = "NuGet")]
    NuGet,
    /// Erlang and Elixir packages.
    #[serde(rename = "Hex")]
    Hex,
    /// Dart packages.
    #[serde(rename = "Pub")]
    Pub,
    /// Swift packages, named by their repository: `github.com/owner/name`.
    #[serde(rename = "SwiftURL")]
    SwiftUrl,
    /// C and C++ packages of Conan.
    #[serde(rename = "ConanCenter")]
    ConanCenter,
    /// R packages.
    #[serde(rename = "CRAN")]
    Cran,
    /// R packages of Bioconductor.
    #[serde(rename = "Bioconductor")]
    Bioconductor,
    /// Haskell packages.
    #[serde(rename = "Hackage")]
    Hackage,
    /// Parts of the Haskell compiler.
    #[serde(rename = "GHC")]
    Ghc,
    /// Julia packages.
    #[serde(rename = "Julia")]
    Julia,
    /// OCaml packages.
    #[serde(rename = "opam")]
    Opam,
    /// Pods of iOS and macOS; OSV has no name for them.
    #[serde(rename = "CocoaPods")]
    CocoaPods,
    /// Packages of the JavaScript registry of Deno; OSV has no name for them.
    #[serde(rename = "JSR")]
    Jsr,
    /// Terraform providers, named `host/namespace/type`; OSV has no name for them.
    #[serde(rename = "Terraform")]
    Terraform,
    /// Helm charts; OSV has no name for them.
    #[serde(rename = "Helm")]
    Helm,
    /// Applications that Bitnami packages.
    #[serde(rename = "Bitnami")]
    Bitnami,
    /// Actions and reusable workflows, named `owner/repository[/path]`.
    #[serde(rename = "GitHub Actions")]
    GitHubActions,
    /// Container images, named as `docker pull` takes them; OSV has no name for them.
    #[serde(rename = "Docker")]
    Docker,
    /// Repositories at a commit, named `host/path`: submodules, flake inputs, and what OSV's GIT ranges are about.
    #[serde(rename = "GIT")]
    Git,
    /// Packages of Alpaquita Linux.
    #[serde(rename = "Alpaquita")]
    Alpaquita,
    /// Packages of Alpine Linux.
    #[serde(rename = "Alpine")]
    Alpine,
    /// Packages of BellSoft's hardened containers.
    #[serde(rename = "BellSoft Hardened Containers")]
    BellSoft,
    /// Packages of Chainguard's images.
    #[serde(rename = "Chainguard")]
    Chainguard,
    /// Packages of MinimOS.
    #[serde(rename = "MinimOS")]
    MinimOs,
    /// Packages of Wolfi.
    #[serde(rename = "Wolfi")]
    Wolfi,
    /// Source packages of Debian.
    #[serde(rename = "Debian")]
    Debian,
    /// Packages of Echo.
    #[serde(rename = "Echo")]
    Echo,
    /// Source packages of Ubuntu.
    #[serde(rename = "Ubuntu")]
    Ubuntu,
    /// Packages of AlmaLinux.
    #[serde(rename = "AlmaLinux")]
    AlmaLinux,
    /// Packages of Azure Linux.
    #[serde(rename = "Azure Linux")]
    AzureLinux,
    /// Packages of Mageia.
    #[serde(rename = "Mageia")]
    Mageia,
    /// Packages of openEuler.
    #[serde(rename = "openEuler")]
    OpenEuler,
    /// Packages of openSUSE.
    #[serde(rename = "openSUSE")]
    OpenSuse,
    /// Packages of Photon OS.
    #[serde(rename = "Photon OS")]
    PhotonOs,
    /// Packages of Red Hat's products.
    #[serde(rename = "Red Hat")]
    RedHat,
    /// Packages of Rocky Linux.
    #[serde(rename = "Rocky Linux")]
    RockyLinux,
    /// Packages of SUSE.
    #[serde(rename = "SUSE")]
    Suse,
}

impl Ecosystem {
    /// Every ecosystem, in report order.
    pub const ALL: [Self; 44] = [
        Self::CratesIo,
        Self::Npm,
        Self::Packagist,
        Self::PyPi,
        Self::Go,
        Self::RubyGems,
        Self::Maven,
        Self::NuGet,
        Self::Hex,
        Self::Pub,
        Self::SwiftUrl,
        Self::ConanCenter,
        Self::Cran,
        Self::Bioconductor,
        Self::Hackage,
        Self::Ghc,
        Self::Julia,
        Self::Opam,
        Self::CocoaPods,
        Self::Jsr,
        Self::Terraform,
        Self::Helm,
        Self::Bitnami,
        Self::GitHubActions,
        Self::Docker,
        Self::Git,
        Self::Alpaquita,
        Self::Alpine,
        Self::BellSoft,
        Self::Chainguard,
        Self::MinimOs,
        Self::Wolfi,
        Self::Debian,
        Self::Echo,
        Self::Ubuntu,
        Self::AlmaLinux,
        Self::AzureLinux,
        Self::Mageia,
        Self::OpenEuler,
        Self::OpenSuse,
        Self::PhotonOs,
        Self::RedHat,
        Self::RockyLinux,
        Self::Suse,
    ];

    /// The name as OSV writes it, for example `crates.io`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Npm => "npm",
            Self::Packagist => "Packagist",
            Self::PyPi => "PyPI",
            Self::Go => "Go",
            Self::RubyGems => "RubyGems",
            Self::Maven => "Maven",
            Self::NuGet => "NuGet",
            Self::Hex => "Hex",
            Self::Pub => "Pub",
            Self::SwiftUrl => "SwiftURL",
            Self::ConanCenter => "ConanCenter",
            Self::Cran => "CRAN",
            Self::Bioconductor => "Bioconductor",
            Self::Hackage => "Hackage",
            Self::Ghc => "GHC",
            Self::Julia => "Julia",
            Self::Opam => "opam",
            Self::CocoaPods => "CocoaPods",
            Self::Jsr => "JSR",
            Self::Terraform => "Terraform",
            Self::Helm => "Helm",
            Self::Bitnami => "Bitnami",
            Self::GitHubActions => "GitHub Actions",
            Self::Docker => "Docker",
            Self::Git => "GIT",
            Self::Alpaquita => "Alpaquita",
            Self::Alpine => "Alpine",
            Self::BellSoft => "BellSoft Hardened Containers",
            Self::Chainguard => "Chainguard",
            Self::MinimOs => "MinimOS",
            Self::Wolfi => "Wolfi",
            Self::Debian => "Debian",
            Self::Echo => "Echo",
            Self::Ubuntu => "Ubuntu",
            Self::AlmaLinux => "AlmaLinux",
            Self::AzureLinux => "Azure Linux",
            Self::Mageia => "Mageia",
            Self::OpenEuler => "openEuler",
            Self::OpenSuse => "openSUSE",
            Self::PhotonOs => "Photon OS",
            Self::RedHat => "Red Hat",
            Self::RockyLinux => "Rocky Linux",
            Self::Suse => "SUSE",
        }
    }

    /// The purl type (<https://github.com/package-url/purl-spec>), for example `cargo`.
    pub const fn purl_type(self) -> &'static str {
        match self {
            Self::CratesIo => "cargo",
            Self::Npm => "npm",
            Self::Packagist => "composer",
            Self::PyPi => "pypi",
            Self::Go => "golang",
            Self::RubyGems => "gem",
            Self::Maven => "maven",
            Self::NuGet => "nuget",
            Self::Hex => "hex",
            Self::Pub => "pub",
            Self::SwiftUrl => "swift",
            Self::ConanCenter => "conan",
            Self::Cran => "cran",
            Self::Bioconductor => "bioconductor",
            Self::Hackage => "hackage",
            Self::Ghc | Self::Git => "generic",
            Self::Julia => "julia",
            Self::Opam => "opam",
            Self::CocoaPods => "cocoapods",
            Self::Jsr => "jsr",
            Self::Terraform => "terraform",
            Self::Helm => "helm",
            Self::Bitnami => "bitnami",
            Self::GitHubActions => "githubactions",
            Self::Docker => "docker",
            Self::Alpaquita | Self::Alpine | Self::BellSoft | Self::Chainguard | Self::MinimOs | Self::Wolfi => "apk",
            Self::Debian | Self::Echo | Self::Ubuntu => "deb",
            Self::AlmaLinux
            | Self::AzureLinux
            | Self::Mageia
            | Self::OpenEuler
            | Self::OpenSuse
            | Self::PhotonOs
            | Self::RedHat
            | Self::RockyLinux
            | Self::Suse => "rpm",
        }
    }

    /// Whether its packages are those of an operating system, which advisories know per release.
    pub fn is_system(self) -> bool {
        matches!(self.purl_type(), "apk" | "deb" | "rpm")
    }

    /// The name under which the ecosystem looks a package up.
    ///
    /// PyPI folds case and runs of `-`, `_`, `.` (PEP 503); Composer, GitHub, NuGet, Hex, pub, Terraform, Bitnami and
    /// image names ignore case; Swift packages and repositories are known by their address without scheme, credentials,
    /// port and `.git`. All others are taken as they are written: case counts for npm, Go, RubyGems, Maven and CRAN.
    pub fn normalise(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Packagist
            | Self::GitHubActions
            | Self::NuGet
            | Self::Hex
            | Self::Pub
            | Self::Terraform
            | Self::Bitnami
            | Self::Docker
                if name.bytes().any(|byte| byte.is_ascii_uppercase()) =>
            {
                Cow::Owned(name.to_ascii_lowercase())
            }
            Self::PyPi => Cow::Owned(pep_503(name)),
            Self::SwiftUrl | Self::Git => Cow::Owned(repository(name)),
            _ => Cow::Borrowed(name),
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

/// The name of a Python package as PEP 503 compares it (<https://peps.python.org/pep-0503/#normalized-names>).
fn pep_503(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if folded.ends_with('-') => {}
            '-' | '_' | '.' => folded.push('-'),
            other => folded.push(other.to_ascii_lowercase()),
        }
    }
    folded
}

/// `host/path` of a repository's address: hosts and the large forges ignore case, and one repository has many addresses
/// (`https://…`, `git@host:…`, with a port, with `.git` or without).
fn repository(address: &str) -> String {
    let address = address.trim().to_ascii_lowercase();
    let address = address.strip_prefix("git+").unwrap_or(&address);
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let (host, owner) = match host.split_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, ""),
        // `git@host:owner/name`, as ssh writes it.
        Some((host, owner)) => (host, owner),
        None => (host, ""),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let owner = if path.is_empty() { owner.strip_suffix(".git").unwrap_or(owner) } else { owner };
    let parts = [host, owner, path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ecosystem_is_found_by_its_name() {
        for ecosystem in Ecosystem::ALL {
            assert_eq!(ecosystem.as_str().parse::<Ecosystem>().expect("known"), ecosystem);
        }
        assert!("Debian:12".parse::<Ecosystem>().is_err());
        let position = |ecosystem| Ecosystem::ALL.iter().position(|other| *other == ecosystem);
        assert!(Ecosystem::ALL.into_iter().all(|ecosystem| position(ecosystem) == Some(ecosystem as usize)));
    }

    #[test]
    fn names_are_compared_as_their_registries_do() {
        for (ecosystem, name, expected) in [
            (Ecosystem::PyPi, "Zope.Interface__x", "zope-interface-x"),
            (Ecosystem::Packagist, "Symfony/Http-Kernel", "symfony/http-kernel"),
            (Ecosystem::NuGet, "Newtonsoft.Json", "newtonsoft.json"),
            (Ecosystem::Go, "github.com/Azure/azure-sdk-for-go", "github.com/Azure/azure-sdk-for-go"),
            (Ecosystem::Npm, "@Scope/Name", "@Scope/Name"),
            (Ecosystem::SwiftUrl, "https://GitHub.com/apple/swift-nio.git", "github.com/apple/swift-nio"),
            (Ecosystem::Git, "git@github.com:Acme/tool.git", "github.com/acme/tool"),
            (Ecosystem::Git, "ssh://git@host.example/a/b/", "host.example/a/b"),
            (Ecosystem::Git, "github.com/acme/tool", "github.com/acme/tool"),
            (Ecosystem::Git, "github.com:acme/tool.git", "github.com/acme/tool"),
            (Ecosystem::Git, "git@host.example:tool.git", "host.example/tool"),
            (Ecosystem::Git, "ssh://git@host.example:2222/acme/tool.git/", "host.example/acme/tool"),
            (Ecosystem::Git, "https://user:secret@github.com:443/Acme/Tool.GIT?x#y", "github.com/acme/tool"),
            (Ecosystem::Git, "", ""),
            (Ecosystem::Terraform, "registry.example/HashiCorp/AWS", "registry.example/hashicorp/aws"),
            (Ecosystem::Bitnami, "WordPress", "wordpress"),
            (Ecosystem::Cran, "MASS", "MASS"),
        ] {
            assert_eq!(ecosystem.normalise(name), expected, "{name}");
        }
    }
}
