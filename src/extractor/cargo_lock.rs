//! Cargo.lock, versions 1 to 4 (<https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html>).

mod manifest;

use std::collections::HashMap;

use cargo_lock::package::{GitReference, SourceId, SourceKind};
use cargo_lock::{Lockfile, Package};
use serde::Deserialize;
use serde_spanned::Spanned;

use super::contract::text::{Lines, explain, read_text};
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};
use crate::version;
use manifest::DevelopmentNames;

/// How often `cargo-lock` may compare a package with an edge: it looks every edge up by walking all packages. The
/// largest lockfiles in public have 3,000 packages and 20,000 edges.
const COMPARISON_LIMIT: usize = 500_000_000;

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
        let written = parse_written(text).map_err(|error| explain(text, error, WAY_OUT))?;
        let lockfile = parse_lockfile(text, &written).map_err(|error| explain(text, error, WAY_OUT))?;
        let packages: Vec<&Package> = lockfile.root.iter().chain(&lockfile.packages).collect();
        let parents = find_parents(&packages);
        let scopes = find_scopes(file, &packages, &parents);
        let lines = Lines::of(text);
        // `cargo-lock` keeps the order of the file, so the places are those of the same positions.
        let places = written.root.iter().chain(&written.package);
        Ok(packages
            .iter()
            .zip(places)
            .zip(parents.into_iter().zip(scopes))
            .map(|((package, place), (parents, scope))| Dependency {
                ecosystem: Ecosystem::CratesIo,
                name: package.name.to_string(),
                version: package.version.to_string(),
                origin: origin(package.source.as_ref()),
                scope,
                direct: parents.iter().any(|&parent| is_own(packages[parent])),
                parents,
                requirements: Vec::new(),
                line: lines.at(place.name.span().start),
            })
            .collect())
    }
}

/// The lockfile as written, for what `cargo-lock` does not keep.
#[derive(Deserialize)]
struct Written {
    version: Option<u32>,
    root: Option<WrittenPackage>,
    #[serde(default)]
    package: Vec<WrittenPackage>,
    #[serde(default)]
    metadata: toml::Table,
}

#[derive(Deserialize)]
struct WrittenPackage {
    name: Spanned<String>,
    #[serde(default)]
    dependencies: Vec<serde::de::IgnoredAny>,
}

fn parse_written(text: &str) -> Result<Written, ParseError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| Lines::of(text).at(span.start));
        ParseError { line, ..ParseError::new(format!("read it as a Cargo.lock: {}", error.message())) }
    })
}

/// Hands the text to `cargo-lock`, without what would make it slow.
fn parse_lockfile(text: &str, written: &Written) -> Result<Lockfile, ParseError> {
    let edges: usize = written.package.iter().map(|package| package.dependencies.len()).sum();
    if edges.saturating_mul(written.package.len()) > COMPARISON_LIMIT {
        return Err(ParseError::new(format!(
            "read it: {} packages with {edges} dependencies are more than any project has",
            written.package.len()
        )));
    }
    let fault = |error: &dyn std::fmt::Display| ParseError::new(format!("read it as a Cargo.lock: {error}"));
    let mut table: toml::Table = toml::from_str(text).map_err(|error| fault(&error))?;
    // The checksums of version 1 would be searched once per package; nobody asks for them here. They are also how that
    // version is recognised, so it is written down instead.
    let first_version = written.metadata.keys().any(|key| key.starts_with("checksum "));
    table.remove("metadata");
    if written.version.is_none() && first_version {
        table.insert("version".to_owned(), toml::Value::Integer(1));
    }
    Lockfile::deserialize(table).map_err(|error| fault(&error))
}

/// Whether it is a package of the project itself.
fn is_own(package: &Package) -> bool {
    package.source.as_ref().is_none_or(SourceId::is_path)
}

/// For each package, the positions of those that require it.
fn find_parents(packages: &[&Package]) -> Vec<Vec<usize>> {
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
                several => several.iter().find(|&&child| same_source(&dependency.source, &packages[child].source)),
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
fn same_source(edge: &Option<SourceId>, package: &Option<SourceId>) -> bool {
    match (edge, package) {
        (Some(edge), Some(package)) => edge.url() == package.url() && edge.kind() == package.kind(),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A package is for development when the project reaches it through `[dev-dependencies]` only.
fn find_scopes(file: &SourceFile<'_>, packages: &[&Package], parents: &[Vec<usize>]) -> Vec<Scope> {
    let development = DevelopmentNames::read(file);
    let mut children = vec![Vec::new(); packages.len()];
    for (child, parents) in parents.iter().enumerate() {
        for &parent in parents {
            children[parent].push(child);
        }
    }
    let own: Vec<usize> = (0..packages.len()).filter(|&position| is_own(packages[position])).collect();
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
                    || !is_own(packages[parent])
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

fn origin(source: Option<&SourceId>) -> Origin {
    let Some(source) = source else { return Origin::Path };
    match source.kind() {
        SourceKind::Git(reference) => Origin::Git {
            url: source.url().to_string(),
            pin: git_pin(reference),
            commit: source.precise().and_then(|commit| CommitId::new(commit).ok()),
        },
        SourceKind::Path | SourceKind::Directory => Origin::Path,
        _ if source.is_default_registry() => Origin::Registry { url: None },
        _ => Origin::Registry { url: Some(source.url().to_string()) },
    }
}

fn git_pin(reference: &GitReference) -> GitPin {
    // Before version 4, Cargo did not encode references and `cargo-lock` reads a plus sign as a space, which no reference
    // can hold.
    let plain = |decoded: &str| decoded.replace(' ', "+");
    match reference {
        GitReference::DefaultBranch => GitPin::DefaultBranch,
        GitReference::Branch(name) => GitPin::Branch(plain(name)),
        GitReference::Tag(name) => GitPin::Tag(plain(name)),
        // `rev` takes whatever git does: a commit, even shortened, but also a tag or `refs/pull/1/head`.
        GitReference::Rev(name) if name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            GitPin::Commit
        }
        GitReference::Rev(name) if version::parse(Ecosystem::CratesIo, name).is_ok() => GitPin::Tag(plain(name)),
        GitReference::Rev(name) => GitPin::Branch(plain(name)),
    }
}
