//! The packages that apk has installed: `lib/apk/db/installed` (<https://wiki.alpinelinux.org/wiki/Apk_spec>). Advisories of
//! Alpine name the package that a package was built from (`o:`), so each knows its own.

use std::collections::HashSet;

use super::contract::installed::{Installed, Record, records};
use super::contract::os_release::System;
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::{Dependency, Origin, PackageVersion};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "take it from the image again: it is apk's own database";

/// Where the list stands; the second since apk-tools 3.
const PLACES: [&str; 2] = ["usr/lib/apk/db/installed", "lib/apk/db/installed"];

/// Reads apk's list of packages.
pub(super) struct ApkInstalled;

impl Extractor for ApkInstalled {
    fn id(&self) -> &'static str {
        "apk-installed"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        inside(path).is_some()
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // An image in which nothing is installed has an empty file.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

/// The part of the path below the root of the system.
fn inside(path: &RepoPath) -> Option<&'static str> {
    PLACES
        .into_iter()
        .find(|place| path.as_str().strip_suffix(place).is_some_and(|root| root.is_empty() || root.ends_with('/')))
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let inside = inside(file.path).unwrap_or(PLACES[1]);
    let system = System::around(file, inside).filter(|system| system.ecosystem.purl_type() == "apk");
    let system = system.unwrap_or(System { ecosystem: Ecosystem::Alpine, release: None });
    let mut installed = Installed::default();
    for record in records(text)? {
        let fault = |what: &str| ParseError::new(format!("read it: a package has no {what}")).at_line(record.line());
        let name = record.exact("P").map(|(name, _)| name).ok_or_else(|| fault("name (`P:`)"))?;
        let (version, line) = record.exact("V").ok_or_else(|| fault("version (`V:`)"))?;
        let origin = record.exact("o").map(|(origin, _)| origin).filter(|origin| *origin != name && !origin.is_empty());
        let source = origin.map(|origin| PackageVersion { name: origin.to_owned(), version: version.to_owned() });
        let dependency = Dependency {
            origin: Origin::System { release: system.release.clone(), source },
            ..Dependency::new(system.ecosystem, name, version, line)
        };
        // `!name` is a conflict.
        let requires = names(&record, "D").filter(|name| !name.starts_with('!'));
        installed.add(dependency, names(&record, "p"), requires);
    }
    let world = world(file, inside);
    let is_wanted = world.map(|world| move |name: &str| world.contains(name));
    Ok(installed.finish(is_wanted.as_ref().map(|it| it as &dyn Fn(&str) -> bool)))
}

/// The names in a list: `so:libc.musl-x86_64.so.1 cmd:sh=1.36 busybox>=1.3`.
fn names<'a>(record: &Record<'a>, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let list = record.exact(field).map(|(list, _)| list).unwrap_or_default();
    list.split_whitespace().map(|item| item.split(['=', '<', '>', '~', '@']).next().unwrap_or(item))
}

/// The packages that a person asked for; `None` where there is no list.
fn world(file: &SourceFile<'_>, inside: &str) -> Option<HashSet<String>> {
    let root = file.path.as_str().strip_suffix(inside)?;
    let path = RepoPath::new(&format!("{root}etc/apk/world")).ok()?;
    let content = file.tree.read(&path).ok()?;
    let text = std::str::from_utf8(&content).ok()?;
    Some(
        text.split_whitespace()
            .filter_map(|item| item.split(['=', '<', '>', '~', '@']).next())
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LIST: &[u8] = b"C:Q1abc=\nP:musl\nV:1.2.4_git20230717-r4\nA:x86_64\nT:the musl c library (libc) implementation\no:musl\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\n\nP:libcrypto3\nV:3.1.4-r5\no:openssl\nD:so:libc.musl-x86_64.so.1\np:so:libcrypto.so.3=3\n\nP:curl\nV:8.5.0-r0\nD:ca-certificates so:libcrypto.so.3 !old\n";

    #[test]
    fn what_is_installed_is_read_with_its_origin() {
        let files = [("lib/apk/db/installed", LIST), ("etc/alpine-release", b"3.19.1\n")];
        insta::assert_snapshot!(show(&extract(&ApkInstalled, &files).expect("a list")), @r#"
        0 musl@1.2.4_git20230717-r4 Runtime System { release: Some("v3.19"), source: None } [1] line 3
        1 libcrypto3@3.1.4-r5 Runtime System { release: Some("v3.19"), source: Some(PackageVersion { name: "openssl", version: "3.1.4-r5" }) } [2] line 14
        2 curl@8.5.0-r0 Runtime direct System { release: Some("v3.19"), source: None } [] line 20
        "#);
        let files = [
            ("root/usr/lib/apk/db/installed", LIST),
            ("root/etc/os-release", b"ID=wolfi\nVERSION_ID=\"20230201\"\n"),
            ("root/etc/apk/world", b"curl\nlibcrypto3>=3\n"),
        ];
        let found = extract(&ApkInstalled, &files).expect("a list");
        assert_eq!(found.iter().map(|it| it.direct).collect::<Vec<_>>(), [false, true, true]);
        assert!(found.iter().all(|it| it.ecosystem == Ecosystem::Wolfi));
    }

    #[test]
    fn what_apk_refuses_is_refused_with_its_line() {
        for (text, line) in [("P:a\n", 1), ("\nV:1\n", 2), ("P:a\nV:1\nnonsense\n", 3)] {
            let error = extract(&ApkInstalled, &[("lib/apk/db/installed", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.hint.is_some());
        }
        assert!(extract(&ApkInstalled, &[("lib/apk/db/installed", b"\n")]).expect("nothing").is_empty());
        for (path, claimed) in
            [("x/lib/apk/db/installed", true), ("xlib/apk/db/installed", false), ("installed", false)]
        {
            assert_eq!(ApkInstalled.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }
}
