//! The packages that dpkg has installed: `var/lib/dpkg/status`, and the files of `status.d` in images without a shell
//! (<https://manpages.debian.org/bookworm/dpkg/dpkg.1.en.html>). Advisories of Debian and Ubuntu name source packages, so
//! each package knows its own.

use std::collections::HashSet;

use super::contract::installed::{Installed, Record, records};
use super::contract::os_release::System;
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::code_names::UNKNOWN_RELEASE;
use crate::model::dependency::{Dependency, Origin, PackageVersion};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "take it from the image again: it is dpkg's own database";

const STATUS: &str = "var/lib/dpkg/status";
const FOLDER: &str = "var/lib/dpkg/status.d";

/// Reads dpkg's list of packages.
pub(super) struct DpkgStatus;

impl Extractor for DpkgStatus {
    fn id(&self) -> &'static str {
        "dpkg-status"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        inside(path).is_some()
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // An image in which nothing is installed yet has an empty file.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let id = inside(file.path).and_then(|inside| System::unknown_id(file, inside));
        id.map(|id| System::unknown(&id)).into_iter().collect()
    }
}

/// The part of the path below the root of the system.
fn inside(path: &RepoPath) -> Option<&str> {
    let (text, name) = (path.as_str(), path.file_name());
    let inside = if name == "status" {
        STATUS.len()
    } else if path.folder().ends_with(FOLDER) && !name.ends_with(".md5sums") && !name.starts_with('.') {
        FOLDER.len() + 1 + name.len()
    } else {
        return None;
    };
    let (root, inside) = text.split_at_checked(text.len().checked_sub(inside)?)?;
    let is_whole = (root.is_empty() || root.ends_with('/')) && inside.starts_with(STATUS);
    is_whole.then_some(inside)
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let inside = inside(file.path).unwrap_or(STATUS);
    let system = System::around(file, inside);
    // Without the name of the system it is Debian's own; its releases are then unknown.
    let system = system.filter(|system| system.ecosystem.purl_type() == "deb");
    // The packages of one that is said to be another are none of Debian's releases.
    let release = System::unknown_id(file, inside).map(|_| UNKNOWN_RELEASE.to_owned());
    let system = system.unwrap_or(System { ecosystem: Ecosystem::Debian, release });
    let mut installed = Installed::default();
    for record in records(text)? {
        let fault = |what: &str| ParseError::new(format!("read it: a package has no {what}")).at_line(record.line());
        let name = record.get("Package").map(|(name, _)| name).ok_or_else(|| fault("name"))?;
        // The lists of `status.d` have no state: what stands there is there.
        if record.get("Status").is_some_and(|(status, _)| !has_files(status)) {
            continue;
        }
        let (version, line) = record.get("Version").ok_or_else(|| fault("version"))?;
        let source = record.get("Source").map(|(source, _)| source_package(source, version));
        let source = source.filter(|source| source.name != name || source.version != version);
        let dependency = Dependency {
            origin: Origin::System { release: system.release.clone(), source },
            ..Dependency::new(system.ecosystem, name, version, line)
        };
        let (provides, requires) = (names(&record, "Provides"), names(&record, "Depends"));
        installed.add(dependency, provides, requires.chain(names(&record, "Pre-Depends")));
    }
    let automatic = automatic(file, inside);
    let is_wanted = automatic.map(|automatic| move |name: &str| !automatic.contains(name));
    Ok(installed.finish(is_wanted.as_ref().map(|it| it as &dyn Fn(&str) -> bool)))
}

/// Whether the files of a package are in place: `install ok installed`, and the states between unpacking and that.
fn has_files(status: &str) -> bool {
    let state = status.split_whitespace().nth(2).unwrap_or_default();
    matches!(state, "installed" | "unpacked" | "half-configured" | "triggers-awaited" | "triggers-pending")
}

/// `name` or `name (version)`; without one, the source has the version of the package.
fn source_package(source: &str, version: &str) -> PackageVersion {
    let (name, own) = source.split_once('(').map_or((source, None), |(name, rest)| (name, rest.split(')').next()));
    PackageVersion { name: name.trim().to_owned(), version: own.unwrap_or(version).trim().to_owned() }
}

/// The names in a list of requirements, alternatives included: `libc6 (>= 2.34), debconf:any | debconf-2.0`.
fn names<'a>(record: &Record<'a>, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let list = record.get(field).map(|(list, _)| list).unwrap_or_default();
    list.split([',', '|']).filter_map(|item| {
        let name = item.trim().split([' ', '(', ':', '[']).next()?;
        (!name.is_empty()).then_some(name)
    })
}

/// The packages that apt installed because others require them; `None` where apt has no list.
fn automatic(file: &SourceFile<'_>, inside: &str) -> Option<HashSet<String>> {
    let root = file.path.as_str().strip_suffix(inside)?;
    let path = RepoPath::new(&format!("{root}var/lib/apt/extended_states")).ok()?;
    let content = file.tree.read(&path).ok()?;
    let text = std::str::from_utf8(&content).ok()?;
    let records = records(text).ok()?;
    let marked = records.iter().filter(|record| record.get("Auto-Installed").is_some_and(|(value, _)| value == "1"));
    Some(marked.filter_map(|record| Some(record.get("Package")?.0.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LIST: &[u8] = b"Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\nPre-Depends: libc6 (>= 2.36)\nDepends: debianutils (>= 5.6-0.1), x | base-files\nDescription: shell\n more\n\nPackage: libc6\nStatus: install ok installed\nSource: glibc\nVersion: 2.36-9+deb12u4\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: base-files\nStatus: install ok unpacked\nVersion: 12.4\n";

    #[test]
    fn what_is_installed_is_read_with_its_source() {
        let release = b"NAME=Debian\nID=debian\nVERSION_ID=\"12\"\n";
        let files = [("image/var/lib/dpkg/status", LIST), ("image/usr/lib/os-release", release)];
        insta::assert_snapshot!(show(&extract(&DpkgStatus, &files).expect("a list")), @r#"
        0 bash@5.2.15-2+b7 Runtime direct System { release: Some("12"), source: Some(PackageVersion { name: "bash", version: "5.2.15-2" }) } [] line 3
        1 libc6@2.36-9+deb12u4 Runtime System { release: Some("12"), source: Some(PackageVersion { name: "glibc", version: "2.36-9+deb12u4" }) } [0] line 13
        2 base-files@12.4 Runtime System { release: Some("12"), source: None } [0] line 21
        "#);
        let apt = b"Package: bash\nArchitecture: amd64\nAuto-Installed: 1\n";
        let ubuntu = b"ID=ubuntu\nVERSION_ID=\"22.04\"\n";
        let files = [("var/lib/dpkg/status", LIST), ("etc/os-release", ubuntu), ("var/lib/apt/extended_states", apt)];
        let found = extract(&DpkgStatus, &files).expect("a list");
        assert_eq!(found.iter().map(|it| it.direct).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(found[0].ecosystem, Ecosystem::Ubuntu);
        assert!(matches!(&found[0].origin, Origin::System { release: Some(release), .. } if release == "22.04:LTS"));
    }

    #[test]
    fn lists_of_images_without_a_shell_are_read() {
        let list = b"Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n";
        let found = extract(&DpkgStatus, &[("var/lib/dpkg/status.d/tzdata", list)]).expect("a list");
        insta::assert_snapshot!(show(&found), @"0 tzdata@2024a-0+deb12u1 Runtime direct System { release: None, source: None } [] line 2");
        for (path, claimed) in [
            ("var/lib/dpkg/status", true),
            ("a/var/lib/dpkg/status", true),
            ("a/var/lib/dpkg/status.d/base", true),
            ("var/lib/dpkg/status.d/base.md5sums", false),
            ("var/lib/dpkg/status-old", false),
            ("xvar/lib/dpkg/status", false),
            ("var/lib/dpkg/info/status", false),
            ("status", false),
            ("var/lib/opkg/status", false),
        ] {
            assert_eq!(DpkgStatus.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }

    #[test]
    fn what_dpkg_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("Package: a\nStatus: install ok installed\n", 1),
            ("Version: 1\n", 1),
            ("Package: a\nVersion: 1\nnonsense\n", 3),
            ("Package: a\n<<<<<<< HEAD\n", 2),
        ] {
            let error = extract(&DpkgStatus, &[("var/lib/dpkg/status", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.hint.is_some());
        }
        assert!(extract(&DpkgStatus, &[("var/lib/dpkg/status", b"")]).expect("nothing installed").is_empty());
    }
}
