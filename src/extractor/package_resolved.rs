//! Swift's Package.resolved, versions 1 to 3
//! (<https://github.com/swiftlang/swift-package-manager/blob/main/Sources/PackageGraph/ResolvedPackagesStore.swift>).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use url::Url;

use super::contract::graph::roots_are_direct;
use super::contract::json::Node;
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

const WAY_OUT: &str = "run `swift package resolve` to write it anew";

/// Reads Package.resolved, also that of Xcode.
///
/// A package is named for its repository, as OSV does: `github.com/apple/swift-nio`. The file has no edges; what the
/// Package.swift beside it names is direct.
pub(super) struct PackageResolved;

impl Extractor for PackageResolved {
    fn id(&self) -> &'static str {
        "package-resolved"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "Package.resolved"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    let fault = |message: &str, place: &Node<'_>| ParseError::new(message).at_line(lines.at(place.offset));
    let version = root.get("version").ok_or_else(|| fault("find the version of the format", &root))?;
    let holder = match version.scalar() {
        Some("1") => root.get("object").ok_or_else(|| fault("find the object that version 1 has", &root))?,
        Some("2" | "3") => &root,
        _ => {
            return Err(fault("read it: the versions 1, 2 and 3 of the format are known, it has another one", version));
        }
    };
    let pins = holder.get("pins").ok_or_else(|| fault("find the list `pins`", holder))?;
    let pins = pins.items().ok_or_else(|| fault("find a list under `pins`", pins))?;
    check_package_count(pins.len())?;
    let mut dependencies = Vec::with_capacity(pins.len());
    for pin in pins {
        dependencies
            .push(dependency(pin, &lines).ok_or_else(|| fault("find the package and the state of a pin", pin))?);
    }
    add_mirrored(file, &mut dependencies);
    match named_in_manifest(file) {
        Some(named) => {
            for dependency in &mut dependencies {
                dependency.direct = named.contains(&*Ecosystem::SwiftUrl.normalise(&dependency.name));
            }
        }
        None => roots_are_direct(&mut dependencies),
    }
    Ok(dependencies)
}

fn dependency(pin: &Node<'_>, lines: &Lines) -> Option<Dependency> {
    let text = |node: Option<&Node<'_>>, key: &str| node.and_then(|node| node.text_at(key)).map(str::to_owned);
    let written = ["location", "repositoryURL", "identity", "package"].into_iter().filter_map(|key| pin.get(key));
    // Packages of a registry have no location.
    let location = written.into_iter().find(|node| node.text().is_some_and(|text| !text.is_empty()))?;
    let address = location.text()?;
    let state = pin.get("state");
    let (version, branch, revision) = (text(state, "version"), text(state, "branch"), text(state, "revision"));
    let locked = version.clone().or_else(|| revision.clone())?;
    let name = repository_name(address);
    let mut dependency = Dependency::new(Ecosystem::SwiftUrl, name, locked, lines.at(location.offset));
    let is_local = address.starts_with(['/', '.', '~']) || address.starts_with("file:");
    dependency.origin = match pin.text_at("kind") {
        Some("registry") => Origin::Registry { url: None },
        Some("localSourceControl" | "fileSystem") => Origin::Path,
        _ if is_local => Origin::Path,
        _ => Origin::Git {
            url: address.to_owned(),
            pin: match (branch, version) {
                (Some(branch), _) => GitPin::Branch(branch),
                (None, Some(version)) => GitPin::Tag(version),
                (None, None) => GitPin::Commit,
            },
            commit: revision.and_then(|revision| CommitId::new(&revision).ok()),
        },
    };
    Some(dependency)
}

/// Adds what is fetched in the place of a package: a mirror may be another package altogether.
fn add_mirrored(file: &SourceFile<'_>, dependencies: &mut Vec<Dependency>) {
    let mirrors = mirrors(file);
    if mirrors.is_empty() {
        return;
    }
    let mut mirrored = Vec::new();
    for dependency in dependencies.iter() {
        let Origin::Git { pin, commit, .. } = &dependency.origin else { continue };
        let Some(mirror) = mirrors.get(&*Ecosystem::SwiftUrl.normalise(&dependency.name)) else { continue };
        let name = repository_name(mirror);
        let host = name.split('/').next().unwrap_or_default().to_owned();
        let usual = dependency.name.split('/').next().unwrap_or_default().to_owned();
        let origin = Origin::Git { url: mirror.clone(), pin: pin.clone(), commit: commit.clone() };
        let doubts = vec![Doubt::Host { host, usual }];
        mirrored.push(Dependency { name, origin, doubts, ..dependency.clone() });
    }
    dependencies.extend(mirrored);
    dependencies.sort_by_key(|dependency| dependency.line);
}

/// The mirrors by the name of what they stand for, as `swift package config set-mirror` and Xcode write them
/// (<https://docs.swift.org/swiftpm/documentation/packagemanagerdocs/packageconfigsetmirror>).
fn mirrors(file: &SourceFile<'_>) -> HashMap<String, String> {
    let places = [".swiftpm/configuration/mirrors.json", "configuration/mirrors.json"];
    let mut mirrors = HashMap::new();
    for content in places.into_iter().filter_map(|place| file.neighbour(place)) {
        let text = String::from_utf8_lossy(&content);
        let Ok(root) = Node::parse(&text) else { continue };
        let list = root.get("object").unwrap_or(&root);
        let list = list.items().or_else(|| list.get("mirrors").and_then(Node::items)).unwrap_or_default();
        for (original, mirror) in list.iter().filter_map(|it| Some((it.text_at("original")?, it.text_at("mirror")?))) {
            let name = repository_name(original);
            mirrors.insert(Ecosystem::SwiftUrl.normalise(&name).into_owned(), mirror.to_owned());
        }
    }
    mirrors
}

/// `host/owner/name` of an address as git asks for it: without `..`, escapes, a port, and the other names of a host. A folder
/// is named as it is written.
fn repository_name(address: &str) -> String {
    if address.starts_with(['/', '.', '~']) || address.starts_with("file:") {
        return without_end(address).to_owned();
    }
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    // `git@host:owner/name`, as ssh writes it.
    let scp = rest.split_once(':').filter(|(host, _)| scheme.is_empty() && !host.contains('/'));
    let rest = scp.map_or_else(|| Cow::Borrowed(rest), |(host, path)| Cow::Owned(format!("{host}/{path}")));
    // Every scheme that git knows is read as the one that is known best.
    let Ok(url) = Url::parse(&format!("https://{rest}")) else { return without_end(&rest).to_owned() };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    let parts = path.split('/').filter(|part| !part.is_empty());
    let path = std::iter::once(host).chain(parts).collect::<Vec<_>>().join("/");
    without_end(&path).to_owned()
}

fn without_end(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix(".git").unwrap_or(path)
}

/// The repositories that stand as text in Package.swift, which is a program; `None` when there is none.
fn named_in_manifest(file: &SourceFile<'_>) -> Option<HashSet<String>> {
    let content = file.neighbour("Package.swift")?;
    let text = std::str::from_utf8(&content).ok()?;
    let strings = text.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    Some(strings.map(|text| Ecosystem::SwiftUrl.normalise(text).into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &[u8] = br#"{"originHash": "00", "pins": [
  {"identity": "swift-nio", "kind": "remoteSourceControl", "location": "https://github.com/Apple/swift-nio.git",
   "state": {"revision": "0123456789012345678901234567890123456789", "version": "2.62.0"}},
  {"identity": "branchy", "kind": "remoteSourceControl", "location": "git@git.example:acme/branchy.git",
   "state": {"branch": "main", "revision": "1123456789012345678901234567890123456789"}},
  {"identity": "fixed", "kind": "remoteSourceControl", "location": "ssh://git@git.example/acme/fixed",
   "state": {"revision": "2123456789012345678901234567890123456789"}},
  {"identity": "acme.registry", "kind": "registry", "location": "", "state": {"version": "1.0.0"}},
  {"identity": "own", "kind": "localSourceControl", "location": "/home/acme/own",
   "state": {"revision": "3123456789012345678901234567890123456789", "version": "1.0.0"}}
], "version": 3}"#;

    #[test]
    fn every_kind_of_pin_is_read() {
        let manifest = br#"let package = Package(dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.0.0")])"#;
        let files = [("Package.resolved", LOCK), ("Package.swift", manifest.as_slice())];
        insta::assert_snapshot!(show(&extract(&PackageResolved, &files).expect("a lockfile")), @r#"
        0 github.com/Apple/swift-nio@2.62.0 Runtime direct Git { url: "https://github.com/Apple/swift-nio.git", pin: Tag("2.62.0"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 2
        1 git.example/acme/branchy@1123456789012345678901234567890123456789 Runtime Git { url: "git@git.example:acme/branchy.git", pin: Branch("main"), commit: Some(CommitId("1123456789012345678901234567890123456789")) } [] line 4
        2 git.example/acme/fixed@2123456789012345678901234567890123456789 Runtime Git { url: "ssh://git@git.example/acme/fixed", pin: Commit, commit: Some(CommitId("2123456789012345678901234567890123456789")) } [] line 6
        3 acme.registry@1.0.0 Runtime Registry { url: None } [] line 8
        4 /home/acme/own@1.0.0 Runtime Path [] line 9
        "#);
    }

    #[test]
    fn a_location_is_named_for_what_git_fetches() {
        for (address, name) in [
            ("https://github.com/x/../evil/evil", "github.com/evil/evil"),
            ("https://github.com./evil/evil.git", "github.com/evil/evil"),
            ("https://www.GitHub.com/evil//evil/", "github.com/evil/evil"),
            ("https://github.com:443/%65vil/evil", "github.com/evil/evil"),
            ("ssh://git@github.com:22/evil/evil?x", "github.com/evil/evil"),
            ("git@github.com:x/../evil/evil.git", "github.com/evil/evil"),
            ("github.com:evil/evil", "github.com/evil/evil"),
            ("swift-nio", "swift-nio"),
            ("../own", "../own"),
        ] {
            assert_eq!(repository_name(address), name, "{address}");
        }
    }

    #[test]
    fn the_first_version_is_read() {
        let lock = br#"{"object": {"pins": [{"package": "A", "repositoryURL": "https://github.com/a/a.git", "state":
            {"branch": null, "revision": "0123456789012345678901234567890123456789", "version": "1.0.0"}}]}, "version": 1}"#;
        let found = extract(&PackageResolved, &[("Package.resolved", lock.as_slice())]).expect("a lockfile");
        insta::assert_snapshot!(show(&found), @r#"0 github.com/a/a@1.0.0 Runtime direct Git { url: "https://github.com/a/a.git", pin: Tag("1.0.0"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 1"#);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("{\n\"version\": 4, \"pins\": []}", Some(2)),
            ("{\"version\": 1}", Some(1)),
            ("{\"version\": 2,\n\"pins\": {}}", Some(2)),
            ("{\"version\": 2, \"pins\": [\n{}]}", Some(2)),
            ("{\"version\": 2, \"pins\": [\n{\"identity\": \"a\", \"location\": \"b\"}]}", Some(2)),
            ("{\n=======\n>>>>>>> main\n", Some(3)),
        ] {
            let error = extract(&PackageResolved, &[("Package.resolved", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("swift package")), "{error}");
        }
    }
}
