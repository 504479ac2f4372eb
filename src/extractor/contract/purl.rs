//! Package addresses of exchange formats, as dependencies (<https://github.com/package-url/purl-spec>).

use std::borrow::Cow;
use std::str::FromStr as _;

use packageurl::PackageUrl;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::known_hosts::{Standing, standing};
use super::os_release::System;
use crate::model::dependency::{Dependency, GitPin, Origin, PackageVersion};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;

/// Longer addresses are left out: real ones have some hundred bytes.
const LENGTH_LIMIT: usize = 4096;

/// Hosts of the purl types that name repositories.
const HOSTS: [(&str, &str); 3] =
    [("bitbucket", "https://bitbucket.org"), ("github", "https://github.com"), ("gitlab", "https://gitlab.com")];

/// The dependency that an address names. `None` for what has no version, for text that is no address, and for types that no
/// advisory is about (`generic`, `conda`, an unknown distribution): a format that lists them pins nothing that could be
/// looked up.
///
/// `around` is the system that the rest of the document names, for addresses of system packages that do not.
pub(in crate::extractor) fn dependency(text: &str, around: Option<&System>, line: u32) -> Option<Dependency> {
    if text.len() > LENGTH_LIMIT {
        return None;
    }
    let purl = PackageUrl::from_str(text).ok()?;
    match purl.ty() {
        "apk" | "deb" | "rpm" => system(&purl, around, line),
        "docker" | "oci" => image(&purl, line),
        ty => match HOSTS.iter().find(|(known, _)| *known == ty) {
            Some((_, host)) => repository(&purl, host, line),
            None => package(&purl, line),
        },
    }
}

/// The address with the version that stands beside it, where it has none itself.
pub(in crate::extractor) fn with_version<'t>(text: &'t str, version: Option<&str>) -> Cow<'t, str> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    let last = address.rsplit('/').next().unwrap_or_default();
    match version.filter(|version| !version.is_empty() && !last.contains('@')) {
        None => Cow::Borrowed(text),
        Some(version) => {
            let version = utf8_percent_encode(version, NON_ALPHANUMERIC);
            Cow::Owned(format!("{}@{version}{rest}", address.trim_end_matches('/')))
        }
    }
}

/// A package of a registry.
fn package(purl: &PackageUrl<'_>, line: u32) -> Option<Dependency> {
    let ecosystem = match purl.ty() {
        // Two ecosystems have one type; the other one is not a registry of packages.
        "generic" => return None,
        ty => Ecosystem::ALL.into_iter().find(|ecosystem| ecosystem.purl_type() == ty)?,
    };
    let separator = if ecosystem == Ecosystem::Maven { ':' } else { '/' };
    let name = match purl.namespace() {
        // Conan's namespace is the user of a recipe, which advisories do not name.
        Some(namespace) if ecosystem != Ecosystem::ConanCenter => format!("{namespace}{separator}{}", purl.name()),
        _ => purl.name().to_owned(),
    };
    let qualifier = purl.qualifiers().get("repository_url").map(Cow::as_ref);
    let url = qualifier.filter(|url| !url.is_empty() && !is_public_registry(ecosystem, url)).map(without_credentials);
    Some(Dependency { origin: Origin::Registry { url }, ..Dependency::new(ecosystem, name, purl.version()?, line) })
}

/// SHA-256 of the hosts of public registries that tools write into a purl although they are the default one or another public
/// one of the same ecosystem: Maven Central (two), Google's, Gradle's plugins; NuGet; Packagist (two); crates.io (three); pub;
/// Hex; Hackage; Go's proxy. They are recognised, and never contacted.
const PUBLIC_HOSTS: [(Ecosystem, &[&str]); 8] = [
    (
        Ecosystem::Maven,
        &[
            "317d2d52829b78129d2c9e43d001899f0c8d30968bae00b848a47154df56b0ca",
            "43c04ed1dabe979b9c552549bf0ab023abd3e1cc6d5ff7f42cfa2296b0973a67",
            "4f247acdba6480ead77619606edee0be30f80bc591df5f8b4ff1d4f2b6f601e1",
            "b7414beeef75771cf9729eae05c8c9b56058a3a476502f5d372d305f3dbc777a",
            "f483c1237e51a1fae39e9aab3bda3727ac5af2744594ddc28875711f30d43f9d",
        ],
    ),
    (
        Ecosystem::NuGet,
        &[
            "7117c828d2afa4e2b4703ed11564f81cb02a6ab6b7e6a758e881e68007ad5d35",
            "fcb9af86680af88f040e2eae46b53af4fb9ccc7be5a459002daa765c7a9f5f65",
        ],
    ),
    (
        Ecosystem::Packagist,
        &[
            "2c77714df232b07f0e8ff768526d166e1a94e606d989d4608c3f1713a0712ae5",
            "4189e62695dc2b69c1bab6cdfc8f49ad7dfc63b6793ac93e52d41b408bde7767",
        ],
    ),
    (
        Ecosystem::CratesIo,
        &[
            "789e46d79514e28093cabe2bb4a0798266f584b0e508ef269ebabb6e57859290",
            "eb7e11c7f9ecbcf48099060ec1c8c593134ff031f587e07be17293b2a3a0ee36",
            "3d01f3609be82d98eeedcd977fae947ee6da479acbfd5d19619bda2184977921",
        ],
    ),
    (
        Ecosystem::Pub,
        &[
            "75c5f478b8eabe836a42731499e5af5c552257b837fa62765881c7d915db06df",
            "d94bf49392e68d829f85b09185287efc863acc3541d11e4c07c0f470c568e89d",
        ],
    ),
    (
        Ecosystem::Hex,
        &[
            "4445b86dcaaff09821fb693807f61fb7236e90447fe5343d830d0d0a1bf3c02e",
            "384fe328e9cc3d5c9406406e651a2117c1412eed65cc92ff189d3ad41d37f93f",
        ],
    ),
    (Ecosystem::Hackage, &["8400b8bd0d6e064d0266dbb2b407bb6c6c3d697b7ac2aef47207c5528b2f491a"]),
    (Ecosystem::Go, &["00a7dc5a0cc388586b8665846e7d8ae94a6dd096f2aa1aa3b4aab4ac484f998a"]),
];

/// Whether an address is the ecosystem's public registry.
fn is_public_registry(ecosystem: Ecosystem, address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    if standing(ecosystem, &host) == Standing::Public {
        return true;
    }
    let digest = format!("{:x}", Sha256::digest(host.strip_suffix(":443").unwrap_or(&host)));
    let known = PUBLIC_HOSTS.iter().find(|(known, _)| *known == ecosystem);
    known.is_some_and(|(_, known)| known.contains(&digest.as_str()))
}

/// An address without user, password and query.
fn without_credentials(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let host = authority.rsplit('@').next().unwrap_or_default();
    path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

/// A repository at a commit or a tag.
fn repository(purl: &PackageUrl<'_>, host: &str, line: u32) -> Option<Dependency> {
    let url = format!("{host}/{}/{}", purl.namespace()?, purl.name());
    let version = purl.version()?;
    let commit = CommitId::new(version).ok();
    let pin = if commit.is_some() { GitPin::Commit } else { GitPin::Tag(version.to_owned()) };
    let origin = Origin::Git { url: url.clone(), pin, commit };
    Some(Dependency { origin, ..Dependency::new(Ecosystem::Git, url, version, line) })
}

/// An image: the version is a tag or a digest.
fn image(purl: &PackageUrl<'_>, line: u32) -> Option<Dependency> {
    let qualifier = |key: &str| purl.qualifiers().get(key).map(Cow::as_ref).filter(|value| !value.is_empty());
    let short = purl.namespace().map_or_else(|| purl.name().to_owned(), |space| format!("{space}/{}", purl.name()));
    // `oci` names the repository in full, `docker` the registry alone.
    let name = match qualifier("repository_url") {
        Some(url) if purl.ty() == "oci" => url.to_owned(),
        Some(url) => format!("{}/{short}", url.trim_end_matches('/')),
        None => short,
    };
    let version = purl.version()?;
    let is_digest = version.starts_with("sha256:");
    let digest = if is_digest { Some(version.to_owned()) } else { None };
    let tag = if is_digest { qualifier("tag").map(str::to_owned) } else { Some(version.to_owned()) };
    let shown = tag.as_deref().unwrap_or(version).to_owned();
    let name = name.trim_start_matches("https://").to_owned();
    Some(Dependency { origin: Origin::Image { tag, digest }, ..Dependency::new(Ecosystem::Docker, name, shown, line) })
}

/// A package of an operating system: the namespace names the distribution, qualifiers its release and the source package.
fn system(purl: &PackageUrl<'_>, around: Option<&System>, line: u32) -> Option<Dependency> {
    let qualifier = |key: &str| purl.qualifiers().get(key).map(Cow::as_ref).filter(|value| !value.is_empty());
    let namespace = purl.namespace().unwrap_or_default();
    // `distro=debian-12`, or a name of a release alone.
    let distro = qualifier("distro").map(|distro| match distro.rsplit_once('-') {
        Some((id, version)) if version.starts_with(|digit: char| digit.is_ascii_digit()) => (Some(id), version),
        // `opensuse-tumbleweed`.
        Some(_) => (Some(distro), ""),
        None => (None, distro),
    });
    let version = distro.map(|(_, version)| version).filter(|version| !version.is_empty());
    let named = distro.and_then(|(id, _)| System::named(id?, version));
    let own = named.or_else(|| System::named(namespace, version));
    let around = around.filter(|around| own.as_ref().is_none_or(|own| own.ecosystem == around.ecosystem));
    let system = match (own, around) {
        (Some(System { release: None, .. }), Some(around)) => around.clone(),
        (Some(own), _) => own,
        (None, Some(around)) if namespace.is_empty() => around.clone(),
        (None, _) => return None,
    };
    if system.ecosystem.purl_type() != purl.ty() {
        return None;
    }
    let epoch = qualifier("epoch").filter(|epoch| *epoch != "0");
    let with_epoch = |version: &str| match epoch {
        Some(epoch) if !version.contains(':') => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    };
    let version = with_epoch(purl.version()?);
    let source = qualifier("upstream").or_else(|| qualifier("origin")).and_then(|upstream| {
        let upstream = upstream.split(',').next().unwrap_or(upstream);
        let (name, source_version) = source_package(upstream);
        let source_version = source_version.map_or_else(|| version.clone(), str::to_owned);
        let differs = name != purl.name() || source_version != version;
        differs.then(|| PackageVersion { name: name.to_owned(), version: source_version })
    });
    let origin = Origin::System { release: system.release, source };
    Some(Dependency { origin, ..Dependency::new(system.ecosystem, purl.name(), version, line) })
}

/// `name`, `name@version`, or the file of a source package: `name-version-release.src.rpm`. The version of such a file has no
/// epoch, which is why it is not told.
fn source_package(upstream: &str) -> (&str, Option<&str>) {
    if let Some(file) = upstream.strip_suffix(".src.rpm") {
        let mut parts = file.rsplitn(3, '-');
        return (parts.nth(2).unwrap_or(file), None);
    }
    upstream.split_once('@').map_or((upstream, None), |(name, version)| (name, Some(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(purl: &str) -> String {
        match dependency(purl, None, 1) {
            Some(it) => format!("{} {} {} {:?}", it.ecosystem, it.name, it.version, it.origin),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn packages_of_registries_are_named_as_their_ecosystem_does() {
        for (purl, expected) in [
            ("pkg:cargo/serde@1.0.1", "crates.io serde 1.0.1"),
            ("pkg:npm/%40babel/core@7.1.0?vcs_url=x", "npm @babel/core 7.1.0"),
            ("pkg:npm/@babel/core@7.1.0", "npm @babel/core 7.1.0"),
            ("pkg:composer/symfony/http-kernel@v5.4.1", "Packagist symfony/http-kernel v5.4.1"),
            ("pkg:pypi/Django_Rest@1.0", "PyPI django-rest 1.0"),
            ("pkg:golang/github.com/Azure/go-x@v1.2.3#sub", "Go github.com/azure/go-x v1.2.3"),
            ("pkg:gem/rails@7.0", "RubyGems rails 7.0"),
            ("pkg:maven/org.apache.commons/io@1.3.4?type=jar", "Maven org.apache.commons:io 1.3.4"),
            ("pkg:nuget/Newtonsoft.Json@13.0.1", "NuGet Newtonsoft.Json 13.0.1"),
            ("pkg:swift/github.com/apple/swift-nio@2.0.0", "SwiftURL github.com/apple/swift-nio 2.0.0"),
            ("pkg:githubactions/actions/checkout@v4", "GitHub Actions actions/checkout v4"),
            ("pkg:hex/phoenix@1.7.0", "Hex phoenix 1.7.0"),
        ] {
            assert_eq!(show(purl).split(" Registry").next(), Some(expected), "{purl}");
        }
    }

    #[test]
    fn system_packages_know_release_and_source() {
        for (purl, expected) in [
            (
                "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&upstream=openssl&distro=debian-12",
                r#"Debian libssl3 3.0.11-1~deb12u2 System { release: Some("12"), source: Some(PackageVersion { name: "openssl", version: "3.0.11-1~deb12u2" }) }"#,
            ),
            (
                "pkg:deb/ubuntu/gzip@1.10-4ubuntu4?distro=ubuntu-22.04&epoch=2",
                r#"Ubuntu gzip 2:1.10-4ubuntu4 System { release: Some("22.04:LTS"), source: None }"#,
            ),
            (
                "pkg:deb/debian/libgcc-s1@12.2.0-14?upstream=gcc-12%4012.2.0-14&distro=bookworm",
                r#"Debian libgcc-s1 12.2.0-14 System { release: Some("12"), source: Some(PackageVersion { name: "gcc-12", version: "12.2.0-14" }) }"#,
            ),
            (
                "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&upstream=openssl&distro=alpine-3.19.1",
                r#"Alpine libcrypto3 3.1.4-r5 System { release: Some("v3.19"), source: Some(PackageVersion { name: "openssl", version: "3.1.4-r5" }) }"#,
            ),
            ("pkg:apk/wolfi/bash@5.2-r1", r"Wolfi bash 5.2-r1 System { release: None, source: None }"),
            (
                "pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm&distro=rhel-9.3",
                r#"Red Hat openssl-libs 1:3.0.7-24.el9 System { release: Some("enterprise_linux:9"), source: Some(PackageVersion { name: "openssl", version: "1:3.0.7-24.el9" }) }"#,
            ),
            (
                "pkg:rpm/opensuse/zypper@1.14?distro=opensuse-leap-15.5",
                r#"openSUSE zypper 1.14 System { release: Some("Leap 15.5"), source: None }"#,
            ),
            ("pkg:rpm/fedora/curl@7.50.3-1.fc25?distro=fedora-25", "none"),
            ("pkg:deb/bash@5", "none"),
        ] {
            assert_eq!(show(purl), expected, "{purl}");
        }
        let around = System::named("debian", Some("11"));
        let found = dependency("pkg:deb/debian/bash@5", around.as_ref(), 1).expect("a package");
        assert_eq!(found.origin, Origin::System { release: Some("11".to_owned()), source: None });
        assert!(dependency("pkg:deb/bash@5", around.as_ref(), 1).is_some());
        assert!(dependency("pkg:rpm/bash@5", around.as_ref(), 1).is_none(), "another kind of system");
    }

    #[test]
    fn images_and_repositories_are_read() {
        let digest = "0".repeat(64);
        for (purl, expected) in [
            ("pkg:docker/library/nginx@1.25".to_owned(), "Docker library/nginx 1.25"),
            ("pkg:docker/app@1?repository_url=ghcr.io/acme".to_owned(), "Docker ghcr.io/acme/app 1"),
            (
                format!("pkg:oci/app@sha256%3A{digest}?repository_url=ghcr.io/acme/app&tag=v1"),
                "Docker ghcr.io/acme/app v1",
            ),
            ("pkg:github/Acme/Tool@v1.2".to_owned(), "GIT https://github.com/acme/tool v1.2"),
        ] {
            assert!(show(&purl).starts_with(expected), "{purl}: {}", show(&purl));
        }
    }

    #[test]
    fn what_cannot_be_looked_up_is_left_out() {
        for purl in ["", "x", "pkg:", "pkg:npm/x", "pkg:generic/x@1", "pkg:conda/x@1", "pkg:unheard-of/x@1", "npm/x@1"]
        {
            assert_eq!(show(purl), "none", "{purl}");
        }
        assert_eq!(dependency(&format!("pkg:npm/x@{}", "1".repeat(5000)), None, 1), None);
    }
}
