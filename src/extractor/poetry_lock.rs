//! Poetry's poetry.lock, lock versions 0.x to 2.1 (<https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock>).

use super::contract::python::archive;
use super::contract::python::git::{is_commit, pin_by_form, pin_of, without_credentials};
use super::contract::python::graph::{Edges, Names, mark_direct, mark_scopes_of};
use super::contract::python::manifest::Manifest;
use super::contract::python::normalise;
use super::contract::sources::{Checksums, Sources};
use super::contract::text::{Lines, read_whole};
use super::contract::toml::{Look as _, NamedTable, Table, Value, items, parse, text};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// The newest major version of the format that is known; Poetry refuses one that is newer than its own, and takes a newer
/// minor version with a warning.
const NEWEST_MAJOR_VERSION: u32 = 2;

/// The group of what runs in production.
const MAIN: &str = "main";

const WAY_OUT: &str = "run `poetry lock` to write it anew";

/// Reads poetry.lock.
pub(super) struct PoetryLock;

impl Extractor for PoetryLock {
    fn id(&self) -> &'static str {
        "poetry-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "poetry.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |content| read(file, content))
    }
}

fn read(file: &SourceFile<'_>, content: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = parse(content, "[[package]]")?;
    let lines = Lines::of(content);
    check_version(&root, &lines)?;
    // A lock without packages has `package = []` (`Locker.set_lock_data`, poetry/packages/locker.py).
    if !root.has("package") {
        return Err(ParseError::new("find the list `package`, which Poetry writes even where it is empty").at_line(1));
    }
    let list = root.list_at("package");
    check_package_count(list.len())?;
    let packages = list.iter().map(|entry| Package::read(entry, &lines)).collect::<Result<Vec<_>, _>>()?;
    let mut dependencies: Vec<Dependency> = packages
        .iter()
        .map(|package| Dependency {
            scope: package.scope().unwrap_or(Scope::Runtime),
            ..Dependency::new(Ecosystem::PyPi, package.name, package.version, package.line)
        })
        .collect();
    let names = Names::of(&dependencies);
    link(&packages, &names, &mut dependencies)?;
    let manifest = Manifest::read(file);
    mark_direct(&mut dependencies, manifest.as_ref());
    // Between 1.5 and 2.0, the lock said nothing about groups.
    if let Some(manifest) = manifest.as_ref().filter(|_| packages.iter().all(|package| package.scope().is_none())) {
        mark_scopes_of(&mut dependencies, &names, manifest);
    }
    let asked = asked_for(&packages);
    for (package, dependency) in packages.iter().zip(&mut dependencies) {
        let name = normalise(package.name);
        let by_project = manifest.as_ref().and_then(|manifest| manifest.asks(&name)?.pin.as_ref());
        dependency.origin = package.origin(by_project.or_else(|| asked.get(&name)));
        if matches!(dependency.origin, Origin::Registry { .. } | Origin::Archive { .. }) {
            let names = package.table.tables_at("files").filter_map(|file| file.text_at("file"));
            let source = package.table.table_at("source");
            let own = source.filter(|source| matches!(source.text_at("type"), Some("url" | "file")));
            archive::doubt(dependency, names.chain(own.and_then(|source| source.text_at("url"))));
        }
    }
    note_checksums(&packages, &mut dependencies);
    Ok(dependencies)
}

fn check_version(root: &Table<'_>, lines: &Lines) -> Result<(), ParseError> {
    // The first versions of Poetry wrote no version of the format.
    let Some(metadata) = root.at("metadata") else {
        return Err(ParseError::new("find the table `metadata`, without which Poetry does not read it").at_line(1));
    };
    let version = metadata.as_table().and_then(|metadata| metadata.at("lock-version"));
    let Some((place, version)) = version.and_then(|version| Some((version, text(version)?))) else { return Ok(()) };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major <= NEWEST_MAJOR_VERSION) {
        return Ok(());
    }
    let shown = version.escape_debug();
    let message = format!("read it: it is version {shown} of the format, and versions up to 2.1 are known");
    Err(ParseError::new(message).at_line(lines.at(place.offset)))
}

/// One entry.
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
        let version =
            table.text_at("version").ok_or_else(|| fault(&format!("find the version of `{}`", name.escape_debug())))?;
        Ok(Self { name, version, line, table })
    }

    /// What the lock says that it is for: a category until lock version 1.1, groups since 2.1.
    fn scope(&self) -> Option<Scope> {
        let for_production = match self.table.text_at("category") {
            Some(category) => category == MAIN,
            None => self.table.at("groups").map(items)?.iter().filter_map(text).any(|group| group == MAIN),
        };
        Some(if for_production { Scope::Runtime } else { Scope::Development })
    }

    fn origin(&self, asked: Option<&GitPin>) -> Origin {
        let Some(source) = self.table.table_at("source") else { return Origin::Registry { url: None } };
        let url = source.text_at("url").map(without_credentials);
        match source.text_at("type") {
            Some("git") => {
                let written = source.text_at("reference").unwrap_or_default();
                let commit = source.text_at("resolved_reference").unwrap_or(written);
                Origin::Git {
                    url: url.unwrap_or_default(),
                    pin: asked.cloned().unwrap_or_else(|| {
                        let short = is_commit(written) && commit.starts_with(written);
                        if short { GitPin::Commit } else { pin_by_form(written) }
                    }),
                    commit: CommitId::new(commit).ok(),
                }
            }
            Some("directory") => Origin::Path,
            Some("url" | "file") => Origin::Archive { url: url.unwrap_or_default() },
            _ => Origin::Registry { url },
        }
    }
}

/// Notes which packages of a registry have no file with a hash. Before lock version 2, the files of all stood apart.
fn note_checksums(packages: &[Package<'_>], dependencies: &mut [Dependency]) {
    let mut sources = Sources::default();
    for (position, (package, dependency)) in packages.iter().zip(&*dependencies).enumerate() {
        if package.table.has("files") && matches!(dependency.origin, Origin::Registry { .. }) {
            sources.note_checksum(position, package.table.tables_at("files").any(|file| file.has("hash")));
        }
    }
    sources.judge(dependencies, Checksums::SameForAll);
}

/// What packages ask for each other: a range, a table, or a list of these for different platforms.
fn requirements<'t>(package: &Package<'t>) -> impl Iterator<Item = (&'t str, &'t Value<'t>)> {
    package.table.table_at("dependencies").into_iter().flat_map(Table::members).flat_map(|(name, value)| {
        let several = items(value);
        let list = if several.is_empty() { std::slice::from_ref(value) } else { several };
        list.iter().map(move |value| (name, value))
    })
}

fn link(packages: &[Package<'_>], names: &Names, dependencies: &mut [Dependency]) -> Result<(), ParseError> {
    let mut edges = Edges::default();
    for (parent, package) in packages.iter().enumerate() {
        for (name, value) in requirements(package) {
            let range =
                text(value).or_else(|| value.as_table().and_then(|table| table.text_at("version"))).unwrap_or_default();
            // Extras that were not asked for are not locked.
            edges.add_named(parent, (name, range), names, dependencies)?;
        }
    }
    edges.link(dependencies, true);
    Ok(())
}

/// What packages follow that only other packages ask for, by normalised name.
fn asked_for(packages: &[Package<'_>]) -> std::collections::HashMap<String, GitPin> {
    packages
        .iter()
        .flat_map(requirements)
        .filter_map(|(name, value)| Some((name, value.as_table()?)))
        .filter(|(_, table)| table.has("git"))
        .map(|(name, table)| (normalise(name), pin_of(|field| table.text_at(field))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn an_archive_at_an_address_is_that_of_its_entry() {
        let doubts = |file: &str| {
            let text = format!(
                "[metadata]\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n[package.source]\ntype = \"url\"\nurl = \"https://files.example/{file}\"\n"
            );
            extract(&PoetryLock, &[("poetry.lock", text.as_bytes())]).expect("a lockfile")[0].doubts.len()
        };
        assert_eq!(["a-1.0.0.tar.gz", "evil-1.0.0.tar.gz", "main.zip"].map(doubts), [0, 1, 0]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("a = 1", Some(1), "`metadata`"),
            ("[metadata]\nlock-version = \"3.0\"", Some(2), "version 3.0"),
            ("[metadata]\n[[package]]\nversion = \"1\"", Some(2), "the name"),
            ("[metadata]\n[[package]]\nname = \"a\"", Some(2), "version of `a`"),
            ("[metadata\n", Some(1), "TOML"),
            ("[metadata]\n<<<<<<< x\n", Some(2), "merge conflict"),
        ] {
            let error = extract(&PoetryLock, &[("poetry.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(
            extract(&PoetryLock, &[("poetry.lock", b"package = []\n[metadata]\nlock-version = \"2.1\"")])
                .expect("empty")
                .is_empty()
        );
    }
}
