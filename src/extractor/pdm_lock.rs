//! PDM's pdm.lock, lock versions 4.0 and later (<https://pdm-project.org/latest/usage/lockfile/>).

use std::collections::HashMap;

use super::contract::python::archive::{self, on_disk};
use super::contract::python::git::{pin_by_form, without_credentials};
use super::contract::python::graph::{Edges, Names, mark_direct, mark_scopes_of};
use super::contract::python::manifest::Manifest;
use super::contract::python::{is_development_name, normalise, requirement_name, requirement_range};
use super::contract::text::{Lines, read_whole};
use super::contract::toml::{Look as _, NamedTable, Table, Value, parse, text};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// The major version of the format.
const MAJOR_VERSION: &str = "4";

/// The group of what runs in production.
const DEFAULT: &str = "default";

const WAY_OUT: &str = "run `pdm lock` to write it anew";

/// Reads pdm.lock.
pub(super) struct PdmLock;

impl Extractor for PdmLock {
    fn id(&self) -> &'static str {
        "pdm-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "pdm.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |content| read(file, content))
    }
}

fn read(file: &SourceFile<'_>, content: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = parse(content, "[[package]]")?;
    let lines = Lines::of(content);
    check_version(&root, &lines)?;
    let list = root.list_at("package");
    check_package_count(list.len())?;
    let packages = list.iter().map(|entry| Package::read(entry, &lines)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest::read(file);
    let (mut dependencies, positions) = merge(&packages, manifest.as_ref());
    let names = Names::of(&dependencies);
    let mut edges = Edges::default();
    for (package, &parent) in packages.iter().zip(&positions) {
        for requirement in package.table.texts_at("dependencies") {
            if let Some(name) = requirement_name(requirement) {
                edges.add_named(parent, (name, requirement_range(requirement)), &names, &dependencies)?;
            }
        }
    }
    edges.link(&mut dependencies, true);
    for (package, &position) in packages.iter().zip(&positions) {
        let files = package.table.tables_at("files");
        let names = files.filter_map(|file| file.text_at("file").or_else(|| file.text_at("url")));
        if let Some(dependency) = dependencies.get_mut(position) {
            let own = ["url", "path"].into_iter().filter(|_| !package.table.has("git"));
            archive::doubt(dependency, names.chain(own.filter_map(|key| package.table.text_at(key))));
        }
    }
    mark_direct(&mut dependencies, manifest.as_ref());
    // Before version 4.4, the lock said nothing about groups.
    if let Some(manifest) = manifest.as_ref().filter(|_| packages.iter().all(|package| !package.has_groups())) {
        mark_scopes_of(&mut dependencies, &names, manifest);
    }
    Ok(dependencies)
}

fn check_version(root: &Table<'_>, lines: &Lines) -> Result<(), ParseError> {
    let version = root.table_at("metadata").and_then(|metadata| metadata.at("lock_version"));
    let Some((place, version)) = version.and_then(|version| Some((version, text(version)?))) else {
        return Err(ParseError::new("find the version of the format, without which PDM does not read it"));
    };
    if version.split('.').next() == Some(MAJOR_VERSION) {
        return Ok(());
    }
    let shown = version.escape_debug();
    let message = format!("read it: it is version {shown} of the format, and versions 4.x are known");
    Err(ParseError::new(message).at_line(lines.at(place.offset)))
}

/// One entry; a package with extras has another one for each set of them.
struct Package<'t> {
    name: &'t str,
    version: &'t str,
    line: u32,
    table: &'t Table<'t>,
}

impl<'t> Package<'t> {
    fn read(entry: &'t Value<'t>, lines: &Lines) -> Result<Self, ParseError> {
        let fault = |message: &str| ParseError::new(message).at_line(lines.at(entry.offset));
        let NamedTable { name, line, table } = NamedTable::read(entry, lines)?;
        // A folder may have no version until it is built.
        let is_local = || ["path", "git", "url"].iter().any(|key| table.has(key));
        let version = table.text_at("version").or_else(|| is_local().then_some(""));
        let version = version.ok_or_else(|| fault(&format!("find the version of `{}`", name.escape_debug())))?;
        Ok(Self { name, version, line, table })
    }

    fn has_groups(&self) -> bool {
        self.table.has("groups")
    }

    fn scope(&self, manifest: Option<&Manifest>) -> Scope {
        // Extras are groups, too; without the manifest, only the name tells them from what serves development.
        let for_production = |group: &str| {
            group == DEFAULT
                || match manifest {
                    Some(manifest) => manifest.is_extra(group),
                    None => !is_development_name(group),
                }
        };
        if !self.has_groups() || self.table.texts_at("groups").any(for_production) {
            Scope::Runtime
        } else {
            Scope::Development
        }
    }

    /// Where it comes from, unless that is a registry.
    fn address(&self) -> Option<&str> {
        ["git", "url", "path"].iter().find_map(|key| self.table.text_at(key))
    }

    fn origin(&self, asked: Option<&GitPin>) -> Origin {
        let field = |key: &str| self.table.text_at(key);
        if let Some(url) = field("git") {
            let written = field("ref").unwrap_or_default();
            return Origin::Git {
                url: without_credentials(url),
                pin: asked.cloned().unwrap_or_else(|| pin_by_form(written)),
                commit: field("revision").and_then(|commit| CommitId::new(commit).ok()),
            };
        }
        match (field("path"), field("url")) {
            (Some(path), _) => on_disk(path),
            (None, Some(url)) => match url.strip_prefix("file:") {
                Some(path) => on_disk(path),
                None => Origin::Archive { url: without_credentials(url) },
            },
            (None, None) => Origin::Registry { url: None },
        }
    }
}

/// One dependency for all entries of the same package, version and origin, and the position of each entry's.
fn merge(packages: &[Package<'_>], manifest: Option<&Manifest>) -> (Vec<Dependency>, Vec<usize>) {
    let mut dependencies: Vec<Dependency> = Vec::new();
    let mut seen: HashMap<(String, &str, Option<&str>), usize> = HashMap::new();
    let mut positions = Vec::with_capacity(packages.len());
    for package in packages {
        let name = normalise(package.name);
        let asked = manifest.and_then(|manifest| manifest.asks(&name)?.pin.as_ref());
        let origin = package.origin(asked);
        let scope = package.scope(manifest);
        let key = (name, package.version, package.address());
        let position = *seen.entry(key).or_insert(dependencies.len());
        match dependencies.get_mut(position) {
            // Production comes before development.
            Some(dependency) => dependency.scope = dependency.scope.min(scope),
            None => dependencies.push(Dependency {
                origin,
                scope,
                ..Dependency::new(Ecosystem::PyPi, package.name, package.version, package.line)
            }),
        }
        positions.push(position);
    }
    (dependencies, positions)
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn an_archive_at_an_address_is_that_of_its_entry() {
        let doubts = |file: &str| {
            let text = format!(
                "[metadata]\nlock_version = \"4.5\"\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nurl = \"https://files.example/{file}\"\n"
            );
            extract(&PdmLock, &[("pdm.lock", text.as_bytes())]).expect("a lockfile")[0].doubts.len()
        };
        assert_eq!(["a-1.0.0.tar.gz", "evil-1.0.0.tar.gz", "main.zip"].map(doubts), [0, 1, 0]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("a = 1", None, "the version"),
            ("[metadata]\nlock_version = \"3.1\"", Some(2), "version 3.1"),
            ("[[package]]\nname = \"a\"\n[metadata]\nlock_version = \"4.5\"", Some(1), "version of `a`"),
            ("package = [1]\n[metadata]\nlock_version = \"4.5\"", Some(1), "a table"),
        ] {
            let error = extract(&PdmLock, &[("pdm.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(extract(&PdmLock, &[("pdm.lock", b"[metadata]\nlock_version = \"4.4.1\"")]).expect("empty").is_empty());
    }
}
