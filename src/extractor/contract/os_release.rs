//! Which release of which operating system a root folder holds
//! (<https://www.freedesktop.org/software/systemd/man/latest/os-release.html>).

use super::{ParseError, SourceFile};
use crate::model::code_names::{DEBIAN, UBUNTU};
use crate::model::ecosystem::Ecosystem;

/// An operating system as OSV names it: the ecosystem, and the release behind the colon where it has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::extractor) struct System {
    /// The ecosystem.
    pub(in crate::extractor) ecosystem: Ecosystem,
    /// The release, for example `12`, `22.04:LTS`, `v3.19`.
    pub(in crate::extractor) release: Option<String>,
}

impl System {
    /// The system that a package database belongs to: the files that name it stand below the same root, which is the
    /// part of the database's path in front of `inside`.
    pub(in crate::extractor) fn around(file: &SourceFile<'_>, inside: &str) -> Option<Self> {
        let root = file.path.as_str().strip_suffix(inside)?;
        // The first is a link to the second in most images, and links are not followed.
        let text = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|name| below(file, root, name));
        if let Some(text) = text {
            let value = |key: &str| {
                let lines = text.lines().filter_map(|line| line.trim().split_once('='));
                let mut values =
                    lines.filter(|(name, _)| *name == key).map(|(_, value)| value.trim_matches(['"', '\'']));
                values.next().filter(|value| !value.is_empty())
            };
            let (id, version) = (value("ID")?, value("VERSION_ID").or_else(|| value("VERSION_CODENAME")));
            return Self::named(id, version).or_else(|| Self::derived(&value));
        }
        if let Some(version) = below(file, root, "etc/alpine-release") {
            return Self::named("alpine", Some(version.trim()));
        }
        below(file, root, "etc/debian_version").and_then(|version| Self::named("debian", Some(version.trim())))
    }

    /// What a derivative is built from, where os-release says from which release of it: Linux Mint on Ubuntu jammy. Its own
    /// version (`VERSION_ID="21.3"`) is none of that system's.
    fn derived<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let code_name = |key: &str, known: &[(&str, &str)]| {
            value(key).filter(|name| known.iter().any(|(known, _)| name.eq_ignore_ascii_case(known)))
        };
        value("ID_LIKE")?.split_whitespace().find_map(|base| {
            let (own, known) = match base {
                "ubuntu" => ("UBUNTU_CODENAME", &UBUNTU[..]),
                "debian" => ("DEBIAN_CODENAME", &DEBIAN[..]),
                _ => return None,
            };
            let name = code_name(own, known).or_else(|| code_name("VERSION_CODENAME", known))?;
            Self::named(base, Some(&name.to_ascii_lowercase()))
        })
    }

    /// The `ID` that os-release gives to a system whose advisories are not known, for a database of packages.
    pub(in crate::extractor) fn unknown_id(file: &SourceFile<'_>, inside: &str) -> Option<String> {
        let root = file.path.as_str().strip_suffix(inside)?;
        let text = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|name| below(file, root, name))?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("ID="));
        let id = line.map(|id| id.trim_matches(['"', '\'']).to_owned()).unwrap_or_default();
        Self::around(file, inside).is_none().then_some(id)
    }

    /// What is said of such a system.
    pub(in crate::extractor) fn unknown(id: &str) -> ParseError {
        let id: String = id.chars().take(40).collect();
        ParseError::new(format!(
            "match its packages: os-release names the system `{}`, of which no advisories are known",
            id.escape_debug()
        ))
        .with_hint("a derivative is matched as its base where os-release has ID_LIKE and a *_CODENAME of it")
    }

    /// The system with an `ID` and a `VERSION_ID` of os-release; `None` for one that OSV does not know.
    pub(in crate::extractor) fn named(id: &str, version: Option<&str>) -> Option<Self> {
        let ecosystem = match id.to_ascii_lowercase().as_str() {
            "alpine" => Ecosystem::Alpine,
            "wolfi" => Ecosystem::Wolfi,
            "chainguard" => Ecosystem::Chainguard,
            "minimos" => Ecosystem::MinimOs,
            "alpaquita" => Ecosystem::Alpaquita,
            "bellsoft-hardened-containers" => Ecosystem::BellSoft,
            "debian" => Ecosystem::Debian,
            "echo" => Ecosystem::Echo,
            "ubuntu" => Ecosystem::Ubuntu,
            "almalinux" | "alma" => Ecosystem::AlmaLinux,
            "azurelinux" | "azure-linux" | "mariner" => Ecosystem::AzureLinux,
            "mageia" => Ecosystem::Mageia,
            "openeuler" => Ecosystem::OpenEuler,
            "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" | "opensuse.leap" | "opensuse.tumbleweed" => {
                Ecosystem::OpenSuse
            }
            "photon" => Ecosystem::PhotonOs,
            "redhat" | "rhel" | "red-hat" => Ecosystem::RedHat,
            "rocky" | "rockylinux" | "rocky-linux" => Ecosystem::RockyLinux,
            "suse" | "sles" | "sled" | "sles_sap" => Ecosystem::Suse,
            _ => return None,
        };
        let release = if id.to_ascii_lowercase().ends_with("tumbleweed") {
            Some("Tumbleweed".to_owned())
        } else {
            version.and_then(|version| release(ecosystem, version))
        };
        Some(Self { ecosystem, release })
    }
}

/// The text of a small file below a root.
fn below(file: &SourceFile<'_>, root: &str, name: &str) -> Option<String> {
    let path = crate::model::repository::RepoPath::new(&format!("{root}{name}")).ok()?;
    file.tree.read(&path).ok().and_then(|content| String::from_utf8(content).ok())
}

/// A release as OSV writes it behind the ecosystem's name (<https://ossf.github.io/osv-schema/#defined-ecosystems>).
fn release(ecosystem: Ecosystem, version: &str) -> Option<String> {
    let by_name = |names: &[(&str, &'static str)]| {
        names.iter().find(|(name, _)| version.split('/').next() == Some(name)).map(|(_, number)| *number)
    };
    let mut numbers = version.split('.');
    let major = numbers.next().filter(|major| !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit()));
    let minor = numbers.next().map(|minor| minor.split(['-', '_']).next().unwrap_or(minor));
    match ecosystem {
        Ecosystem::Debian => by_name(&DEBIAN).or(major).map(str::to_owned),
        Ecosystem::Ubuntu => {
            let number =
                by_name(&UBUNTU).map_or_else(|| Some(format!("{}.{}", major?, minor?)), |it| Some(it.to_owned()))?;
            // The April releases of even years are supported for long.
            let year: u32 = number.get(..2)?.parse().ok()?;
            let is_long = year.is_multiple_of(2) && number.ends_with(".04");
            Some(if is_long { format!("{number}:LTS") } else { number })
        }
        // `3.21_alpha20240923` is edge, which advisories do not know by a number.
        Ecosystem::Alpine if version.contains("_alpha") => None,
        Ecosystem::Alpine => Some(format!("v{}.{}", major?, minor?)),
        Ecosystem::AlmaLinux | Ecosystem::RockyLinux | Ecosystem::Mageia | Ecosystem::AzureLinux => {
            major.map(str::to_owned)
        }
        Ecosystem::RedHat => major.map(|major| format!("enterprise_linux:{major}")),
        Ecosystem::OpenSuse => Some(format!("Leap {}.{}", major?, minor?)),
        Ecosystem::Suse => match (major?, minor) {
            (major, Some(pack)) if pack != "0" => Some(format!("Linux Enterprise Server {major} SP{pack}")),
            (major, _) => Some(format!("Linux Enterprise Server {major}")),
        },
        Ecosystem::PhotonOs => Some(format!("{}.{}", major?, minor?)),
        Ecosystem::OpenEuler | Ecosystem::Alpaquita => Some(version.to_owned()),
        // These roll, or have no releases that advisories know.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_named_as_osv_does() {
        for (id, version, expected) in [
            ("debian", Some("12"), "Debian:12"),
            ("debian", Some("12.4"), "Debian:12"),
            ("debian", Some("trixie/sid"), "Debian:13"),
            ("debian", Some("bookworm"), "Debian:12"),
            ("debian", None, "Debian"),
            ("ubuntu", Some("22.04"), "Ubuntu:22.04:LTS"),
            ("ubuntu", Some("24.10"), "Ubuntu:24.10"),
            ("ubuntu", Some("23.04"), "Ubuntu:23.04"),
            ("ubuntu", Some("jammy"), "Ubuntu:22.04:LTS"),
            ("alpine", Some("3.19.1"), "Alpine:v3.19"),
            ("alpine", Some("3.21_alpha20240923"), "Alpine"),
            ("wolfi", Some("20230201"), "Wolfi"),
            ("rhel", Some("9.4"), "Red Hat:enterprise_linux:9"),
            ("rocky", Some("8.9"), "Rocky Linux:8"),
            ("almalinux", Some("9.4"), "AlmaLinux:9"),
            ("opensuse-leap", Some("15.5"), "openSUSE:Leap 15.5"),
            ("opensuse-tumbleweed", Some("20240101"), "openSUSE:Tumbleweed"),
            ("sles", Some("15.5"), "SUSE:Linux Enterprise Server 15 SP5"),
            ("sles", Some("15"), "SUSE:Linux Enterprise Server 15"),
            ("photon", Some("5.0"), "Photon OS:5.0"),
            ("openEuler", Some("22.03-LTS-SP3"), "openEuler:22.03-LTS-SP3"),
        ] {
            let system = System::named(id, version).expect(id);
            let shown = match &system.release {
                Some(release) => format!("{}:{release}", system.ecosystem),
                None => system.ecosystem.to_string(),
            };
            assert_eq!(shown, expected, "{id} {version:?}");
        }
        assert_eq!(System::named("fedora", Some("40")), None);
    }

    #[test]
    fn a_derivative_is_its_base_where_its_packages_are() {
        for (text, expected) in [
            (
                "ID_LIKE=ubuntu debian;UBUNTU_CODENAME=jammy;VERSION_CODENAME=virginia;VERSION_ID=21.3",
                Some("Ubuntu:22.04:LTS"),
            ),
            ("ID_LIKE=ubuntu debian;UBUNTU_CODENAME=noble;VERSION_ID=22.04", Some("Ubuntu:24.04:LTS")),
            ("ID_LIKE=debian;DEBIAN_CODENAME=bookworm;VERSION_CODENAME=faye;VERSION_ID=6", Some("Debian:12")),
            ("ID_LIKE=debian;VERSION_CODENAME=bookworm;VERSION_ID=12", Some("Debian:12")),
            ("ID_LIKE=debian;VERSION_CODENAME=kali-rolling;VERSION_ID=2024.1", None),
            ("ID_LIKE=rhel fedora;VERSION_ID=9", None),
            ("VERSION_ID=1", None),
        ] {
            let value = |key: &str| text.split(';').find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            let shown =
                System::derived(&value).map(|it| format!("{}:{}", it.ecosystem, it.release.unwrap_or_default()));
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }
}
