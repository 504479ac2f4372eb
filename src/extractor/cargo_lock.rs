//! Cargo.lock, versions 1 to 4 (<https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html>).

mod canonical;
#[cfg(test)]
mod lookalike_tests;
mod manifest;
mod source;

use std::collections::HashMap;

use cargo_lock::Lockfile;
use cargo_lock::package::SourceId;
use memchr::memmem;
use serde::Deserialize;
use serde_spanned::Spanned;

use super::contract::sources::{Checksums, Sources};
use super::contract::text::{Lines, explain, read_text};
use super::contract::toml::check_density;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::bounded_toml;
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use manifest::DevelopmentNames;
use source::{doubt_registry, origin};

/// How often `cargo-lock` may compare a package with an edge: it looks every edge up by walking all packages. The
/// largest lockfiles in public have 3,000 packages and 20,000 edges.
const COMPARISON_LIMIT: usize = 500_000_000;

/// What Cargo says of a checksum that could not be calculated.
const CHECKSUM_WITHOUT_REGISTRY: &str = "it has a checksum, which only packages of registries have";

const WAY_OUT: &str = "run `cargo generate-lockfile` to write it anew";

/// Reads Cargo.lock.
pub(super) struct CargoLock;

impl Extractor for CargoLock {
    fn id(&self) -> &'static str {
        "cargo-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "Cargo.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        // Counted before it is parsed, which takes forty times the memory of the text.
        check_package_count(memmem::find_iter(text.as_bytes(), "[[package]]").count())
            .map_err(|error| error.with_hint(WAY_OUT))?;
        let Locked { packages, parents } = match canonical::read(text) {
            Some(locked) => locked,
            None => check_density(text).and_then(|()| read_any(text)).map_err(|error| explain(text, error, WAY_OUT))?,
        };
        if packages.is_empty() && !manifest::is_empty_workspace(file) {
            return Err(ParseError::new("find a `[[package]]`, of which Cargo writes one for the project itself")
                .at_line(1)
                .with_hint(WAY_OUT));
        }
        let scopes = find_scopes(file, &packages, &parents);
        let direct: Vec<bool> =
            parents.iter().map(|parents| parents.iter().any(|&parent| packages[parent].is_own())).collect();
        let mut sources = Sources::default();
        for (position, package) in packages.iter().enumerate() {
            if matches!(package.origin, Origin::Registry { .. }) {
                sources.note_checksum(position, package.has_checksum);
            }
        }
        let mut dependencies: Vec<Dependency> = packages
            .into_iter()
            .zip(direct)
            .zip(parents.into_iter().zip(scopes))
            .map(|((package, direct), (parents, scope))| Dependency {
                ecosystem: Ecosystem::CratesIo,
                name: package.name,
                version: package.version,
                origin: package.origin,
                scope,
                direct,
                parents,
                requirements: Vec::new(),
                line: package.line,
                abandoned: None,
                doubts: package.doubts,
            })
            .collect();
        for dependency in &mut dependencies {
            dependency.doubts.extend(doubt_registry(&dependency.origin));
        }
        sources.judge(&mut dependencies, Checksums::SameForAll);
        Ok(dependencies)
    }
}

/// What a lockfile says, however it was read.
struct Locked {
    packages: Vec<Package>,
    /// For each package, the positions of those that require it, sorted.
    parents: Vec<Vec<usize>>,
}

struct Package {
    name: String,
    version: String,
    origin: Origin,
    line: u32,
    has_checksum: bool,
    doubts: Vec<Doubt>,
}

impl Package {
    /// Whether it is a package of the project itself.
    fn is_own(&self) -> bool {
        self.origin == Origin::Path
    }
}

/// Reads a lockfile in any form, by `cargo-lock`.
fn read_any(text: &str) -> Result<Locked, ParseError> {
    let written = parse_written(text)?;
    let lockfile = parse_lockfile(text, &written)?;
    let packages: Vec<&cargo_lock::Package> = lockfile.root.iter().chain(&lockfile.packages).collect();
    let parents = find_parents(&packages);
    let lines = Lines::of(text);
    // `cargo-lock` keeps the order of the file, so the places are those of the same positions.
    let places = written.root.iter().chain(&written.package);
    let packages = packages.iter().zip(places).map(|(package, place)| {
        let (origin, doubt) = origin(package.source.as_ref());
        let checksum = package.checksum.as_ref().map(ToString::to_string);
        let mut doubts: Vec<Doubt> = doubt.into_iter().collect();
        doubts.extend(checksum.as_deref().and_then(|checksum| doubt_checksum(package, &origin, checksum, &written)));
        Package {
            name: package.name.to_string(),
            version: package.version.to_string(),
            origin,
            line: lines.at(place.name.span().start),
            has_checksum: checksum.is_some(),
            doubts,
        }
    });
    Ok(Locked { packages: packages.collect(), parents })
}

/// What is wrong about a checksum: Cargo stops at one of a package that has none, and verifies one of two.
fn doubt_checksum(package: &cargo_lock::Package, origin: &Origin, checksum: &str, written: &Written) -> Option<Doubt> {
    let source = package.source.as_ref().filter(|_| matches!(origin, Origin::Registry { .. }));
    let Some(source) = source else { return Some(Doubt::contradiction(CHECKSUM_WITHOUT_REGISTRY, None)) };
    let key = format!("checksum {} {} ({source})", package.name, package.version);
    let second = written.metadata.get(&key).and_then(toml::Value::as_str)?;
    (second != checksum).then(|| Doubt::contradiction("it has two checksums", None))
}

/// The lockfile as written, for what `cargo-lock` does not keep. Its keys are all that Cargo writes (`EncodableResolve`,
/// <https://github.com/rust-lang/cargo/blob/master/src/cargo/core/resolver/encode.rs>): packages under a misspelt one would
/// count as none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: Option<u32>,
    root: Option<WrittenPackage>,
    #[serde(default)]
    package: Vec<WrittenPackage>,
    #[serde(default)]
    metadata: toml::Table,
    #[serde(default, rename = "patch")]
    _patch: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
struct WrittenPackage {
    name: Spanned<String>,
    #[serde(default)]
    dependencies: Vec<serde::de::IgnoredAny>,
}

fn parse_written(text: &str) -> Result<Written, ParseError> {
    bounded_toml::check(text).map_err(|error| {
        ParseError::new(format!("read it as a Cargo.lock: {error}")).at_line(Lines::of(text).at(error.offset))
    })?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| Lines::of(text).at(span.start));
        ParseError { line, ..ParseError::new(format!("read it as a Cargo.lock: {}", error.message())) }
    })
}

/// Hands the text to `cargo-lock`, without what would make it slow.
fn parse_lockfile(text: &str, written: &Written) -> Result<Lockfile, ParseError> {
    check_package_count(written.package.len())?;
    let edges: usize = written.package.iter().map(|package| package.dependencies.len()).sum();
    if edges.saturating_mul(written.package.len()) > COMPARISON_LIMIT {
        return Err(ParseError::new(format!(
            "read it: {} packages with {edges} dependencies are more than any project has",
            written.package.len()
        )));
    }
    let fault = |error: &dyn std::fmt::Display| ParseError::new(format!("read it as a Cargo.lock: {error}"));
    let mut table: toml::Table = bounded_toml::from_str(text).map_err(|error| fault(&error))?;
    // The checksums of version 1 would be searched once per package; nobody asks for them here. They are also how that
    // version is recognised, so it is written down instead.
    let first_version = written.metadata.keys().any(|key| key.starts_with("checksum "));
    table.remove("metadata");
    if written.version.is_none() && first_version {
        table.insert("version".to_owned(), toml::Value::Integer(1));
    }
    Lockfile::deserialize(table).map_err(|error| fault(&error))
}

/// For each package, the positions of those that require it.
fn find_parents(packages: &[&cargo_lock::Package]) -> Vec<Vec<usize>> {
    let mut positions: HashMap<(&str, &semver::Version), Vec<usize>> = HashMap::new();
    for (position, package) in packages.iter().enumerate() {
        positions.entry((package.name.as_str(), &package.version)).or_default().push(position);
    }
    let mut parents = vec![Vec::new(); packages.len()];
    for (parent, package) in packages.iter().enumerate() {
        for dependency in &package.dependencies {
            let candidates =
                positions.get(&(dependency.name.as_str(), &dependency.version)).map_or(&[][..], Vec::as_slice);
            let child = match candidates {
                [only] => Some(only),
                // The same version from several sources: the edge names the one it means.
                several => several
                    .iter()
                    .find(|&&child| same_source(dependency.source.as_ref(), packages[child].source.as_ref())),
            };
            if let Some(&child) = child {
                parents[child].push(parent);
            }
        }
    }
    for list in &mut parents {
        list.sort_unstable();
        list.dedup();
    }
    parents
}

/// An edge names a source without the commit; `cargo-lock`'s own equality overlooks the reference of a git source.
fn same_source(edge: Option<&SourceId>, package: Option<&SourceId>) -> bool {
    match (edge, package) {
        (Some(edge), Some(package)) => edge.url() == package.url() && edge.kind() == package.kind(),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A package is for development when the project reaches it through `[dev-dependencies]` only.
fn find_scopes(file: &SourceFile<'_>, packages: &[Package], parents: &[Vec<usize>]) -> Vec<Scope> {
    let development = DevelopmentNames::read(file);
    if development.is_empty() {
        return vec![Scope::Runtime; packages.len()];
    }
    let mut children = vec![Vec::new(); packages.len()];
    for (child, parents) in parents.iter().enumerate() {
        for &parent in parents {
            children[parent].push(child);
        }
    }
    let own: Vec<usize> = (0..packages.len()).filter(|&position| packages[position].is_own()).collect();
    let reach = |development_too: bool| {
        let mut reached = vec![false; packages.len()];
        let mut queue = own.clone();
        while let Some(parent) = queue.pop() {
            if std::mem::replace(&mut reached[parent], true) {
                continue;
            }
            let name = packages[parent].name.as_str();
            queue.extend(children[parent].iter().copied().filter(|&child| {
                development_too
                    || !packages[parent].is_own()
                    || !development.contains(name, packages[child].name.as_str())
            }));
        }
        reached
    };
    let (production, everything) = (reach(false), reach(true));
    // What nothing leads to is not known to be for development.
    let scope = |position: usize| {
        if everything[position] && !production[position] { Scope::Development } else { Scope::Runtime }
    };
    (0..packages.len()).map(scope).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;
    use crate::model::dependency::GitPin;
    use crate::model::repository::CommitId;

    const WORKSPACE: &[u8] = include_bytes!("../../tests/fixtures/extractor/cargo-lock/projects/workspace/Cargo.lock");

    #[test]
    fn a_workspace_is_read_with_scopes_and_lines() {
        let manifest = |name: &str| -> &'static [u8] {
            match name {
                "root" => include_bytes!("../../tests/fixtures/extractor/cargo-lock/projects/workspace/Cargo.toml"),
                "app" => include_bytes!("../../tests/fixtures/extractor/cargo-lock/projects/workspace/app/Cargo.toml"),
                "core" => {
                    include_bytes!("../../tests/fixtures/extractor/cargo-lock/projects/workspace/core/Cargo.toml")
                }
                _ => include_bytes!("../../tests/fixtures/extractor/cargo-lock/projects/workspace/tool/Cargo.toml"),
            }
        };
        let files = [
            ("sub/Cargo.lock", WORKSPACE),
            ("sub/Cargo.toml", manifest("root")),
            ("sub/app/Cargo.toml", manifest("app")),
            ("sub/crates/core/Cargo.toml", manifest("core")),
            ("sub/crates/tool/Cargo.toml", manifest("tool")),
        ];
        insta::assert_snapshot!(show(&extract(&CargoLock, &files).expect("a lockfile")), @"
        0 app@0.1.0 Runtime Path [] line 6
        1 autocfg@1.5.1 Runtime direct Registry { url: None } [8] line 16
        2 core-lib@0.1.0 Runtime direct Path [0] line 22
        3 fastrand@2.5.0 Development direct Registry { url: None } [0] line 31
        4 itoa@1.0.18 Runtime direct Registry { url: None } [0, 2] line 37
        5 lock_api@0.4.14 Development direct Registry { url: None } [2] line 43
        6 log@0.4.35 Runtime direct Registry { url: None } [2] line 52
        7 scopeguard@1.2.0 Development direct Registry { url: None } [0, 5] line 58
        8 tool@0.1.0 Runtime Path [] line 64
        ");
        // Without manifests nothing is known to be for development.
        let alone = extract(&CargoLock, &files[..1]).expect("a lockfile");
        assert!(alone.iter().all(|dependency| dependency.scope == Scope::Runtime));
    }

    fn origin_of(version: u32, source: &str) -> Origin {
        let text =
            format!("version = {version}\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n");
        extract(&CargoLock, &[("Cargo.lock", text.as_bytes())]).expect(source).remove(0).origin
    }

    #[test]
    fn every_kind_of_source_is_told_apart() {
        let commit = "0123456789012345678901234567890123456789";
        for (version, query, pin) in [
            (4, "", GitPin::DefaultBranch),
            (4, "?branch=main", GitPin::Branch("main".to_owned())),
            (4, "?branch=feat%2Fa%2Bb", GitPin::Branch("feat/a+b".to_owned())),
            (3, "?branch=feat/a+b", GitPin::Branch("feat/a+b".to_owned())),
            (3, "?tag=v1.0.0", GitPin::Tag("v1.0.0".to_owned())),
            (3, "?rev=0123456", GitPin::Commit),
            (3, "?rev=v1.0", GitPin::Tag("v1.0".to_owned())),
            (3, "?rev=refs/pull/1/head", GitPin::Branch("refs/pull/1/head".to_owned())),
        ] {
            let expected = Origin::Git {
                url: "https://git.example/a/b".to_owned(),
                pin,
                commit: Some(CommitId::new(commit).expect("a commit")),
            };
            assert_eq!(
                origin_of(version, &format!("git+https://git.example/a/b{query}#{commit}")),
                expected,
                "{query}"
            );
        }
        let own = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(origin_of(4, own), Origin::Registry { url: None });
        let foreign = Origin::Registry { url: Some("https://crates.example/index/".to_owned()) };
        assert_eq!(origin_of(4, "sparse+https://crates.example/index/"), foreign);
    }

    #[test]
    fn the_first_version_has_its_checksums_apart() {
        let text = "[root]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"log 0.3.0 (registry+https://github.com/rust-lang/crates.io-index)\",\n]\n\n[[package]]\nname = \"log\"\nversion = \"0.3.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n[metadata]\n\"checksum log 0.3.0 (registry+https://github.com/rust-lang/crates.io-index)\" = \"<none>\"\n";
        let found = extract(&CargoLock, &[("Cargo.lock", text.as_bytes())]).expect("version 1");
        assert_eq!(
            show(&found),
            "0 app@0.1.0 Runtime Path [] line 2\n1 log@0.3.0 Runtime direct Registry { url: None } [0] line 9"
        );
    }

    #[test]
    fn the_same_version_from_two_sources_keeps_its_parents_apart() {
        let text = "version = 3\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"x 1.0.0 (git+https://git.example/x?branch=b)\"]\n[[package]]\nname = \"x\"\nversion = \"1.0.0\"\nsource = \"git+https://git.example/x?branch=a#0123456789012345678901234567890123456789\"\n[[package]]\nname = \"x\"\nversion = \"1.0.0\"\nsource = \"git+https://git.example/x?branch=b#1123456789012345678901234567890123456789\"\n";
        let found = extract(&CargoLock, &[("Cargo.lock", text.as_bytes())]).expect("a lockfile");
        assert_eq!(
            found.iter().map(|dependency| dependency.parents.clone()).collect::<Vec<_>>(),
            [vec![], vec![], vec![0]]
        );
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        let deep = format!("a = {}", "[".repeat(100_000));
        for (text, line) in [
            ("", None),
            ("[[package]]\nname = \"a\"\n<<<<<<< HEAD\nversion = \"1.0.0\"\n", Some(3)),
            ("[[package]]\nname = \"a\"\nname = \"b\"\n", Some(3)),
            ("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = ", Some(4)),
            (deep.as_str(), Some(1)),
            ("version = 9\n", None),
            ("[[package]]\nname = \"a\"\nversion = \"one\"\n", None),
        ] {
            let error = extract(&CargoLock, &[("Cargo.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("cargo generate-lockfile")), "{error}");
        }
        // Cargo writes this for a workspace that has no member yet.
        let lock: (&str, &[u8]) = ("Cargo.lock", b"version = 4\n");
        for (manifest, is_read) in [
            ("[workspace]\nmembers = []\n", true),
            ("[workspace]\n", true),
            ("[workspace]\nmembers = [\"a\"]\n", false),
            ("[workspace]\n[package]\nname = \"a\"\n", false),
        ] {
            let read = extract(&CargoLock, &[lock, ("Cargo.toml", manifest.as_bytes())]);
            assert_eq!(read.is_ok_and(|found| found.is_empty()), is_read, "{manifest}");
        }
    }
}
