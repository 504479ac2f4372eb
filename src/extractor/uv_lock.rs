//! uv's uv.lock and the locks of its scripts, version 1 (<https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>).

mod source;

use std::collections::HashSet;

use super::contract::python::archive;
use super::contract::python::graph::{Edges, Names, mark_scopes};
use super::contract::python::manifest::Manifest;
use super::contract::python::registry::set_registries;
use super::contract::sources::{Checksums, Sources};
use super::contract::text::{Lines, read_whole};
use super::contract::toml::{Look as _, NamedTable, Table, Value, items, parse};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use source::Source;

/// The only version of the format; its revisions add what may be left unread.
const VERSION: &str = "1";

/// What stands in a lock besides the packages: `LockWire` of
/// <https://github.com/astral-sh/uv/blob/main/crates/uv-resolver/src/lock/mod.rs>.
const KEYS: [&str; 10] = [
    "version",
    "revision",
    "requires-python",
    "resolution-markers",
    "environment-markers",
    "supported-markers",
    "required-markers",
    "conflicts",
    "options",
    "manifest",
];

const WAY_OUT: &str = "run `uv lock` to write it anew";

/// Reads uv.lock, and `<script>.py.lock` that stands beside a script.
pub(super) struct UvLock;

impl Extractor for UvLock {
    fn id(&self) -> &'static str {
        "uv-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        name == "uv.lock" || name.len() > ".py.lock".len() && name.ends_with(".py.lock")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |content| read(file, content))
    }
}

fn read(file: &SourceFile<'_>, content: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = parse(content, "[[package]]")?;
    let lines = Lines::of(content);
    check_version(&root, &lines)?;
    // Before the format was released, packages were called distributions; uv still takes that.
    let list = root.at("package").or_else(|| root.at("distribution")).map_or(&[][..], items);
    check_package_count(list.len())?;
    if list.is_empty() {
        check_empty(&root, &lines)?;
    }
    let packages = list.iter().map(|entry| Package::read(entry, &lines)).collect::<Result<Vec<_>, _>>()?;
    let mut dependencies: Vec<Dependency> = packages.iter().map(Package::dependency).collect();
    let registries: Vec<Option<&str>> = packages.iter().map(|package| package.source.registry()).collect();
    set_registries(&mut dependencies, &registries, Manifest::read(file).as_ref());
    link(&root, &packages, &mut dependencies, &lines)?;
    note_archives(&packages, &mut dependencies);
    Ok(dependencies)
}

/// Compares packages with their archives, which uv fetches from the addresses that the file gives.
fn note_archives(packages: &[Package<'_>], dependencies: &mut [Dependency]) {
    let mut sources = Sources::default();
    for (position, package) in packages.iter().enumerate() {
        let Some(dependency) = dependencies.get_mut(position) else { continue };
        let own = match package.source {
            Source::Registry(_) => None,
            Source::Url(place) | Source::Path(place) => Some(place),
            Source::Git(_) | Source::Folder(_) => continue,
        };
        let archives = || package.table.table_at("sdist").into_iter().chain(package.table.tables_at("wheels"));
        let address = |archive: &'_ Table<'_>| ["url", "filename", "path"].iter().find(|key| archive.has(key)).copied();
        archive::doubt(dependency, archives().filter_map(|archive| archive.text_at(address(archive)?)).chain(own));
        if matches!(package.source, Source::Registry(_)) {
            archives()
                .take(1)
                .filter_map(|archive| archive.text_at("url"))
                .for_each(|url| sources.note_address(position, url));
            if archives().next().is_some() {
                sources.note_checksum(position, archives().all(|archive| archive.has("hash")));
            }
        }
    }
    sources.judge(dependencies, Checksums::SameForAll);
}

fn check_version(root: &Table<'_>, lines: &Lines) -> Result<(), ParseError> {
    let version = root.at("version").and_then(|version| Some((version, version.integer()?)));
    match version {
        Some((_, number)) if number == VERSION => Ok(()),
        Some((place, number)) => {
            let line = lines.at(place.offset);
            let message = format!("read it: it is version {number} of the format, and only version {VERSION} is known");
            Err(ParseError::new(message).at_line(line))
        }
        None => Err(ParseError::new("find the version of the format, without which uv does not read it").at_line(1)),
    }
}

/// Refuses a lock without packages unless nothing else stands in it than in that of a script without dependencies.
fn check_empty(root: &Table<'_>, lines: &Lines) -> Result<(), ParseError> {
    let is_list = |key: &str| matches!(key, "package" | "distribution");
    if let Some((key, value)) = root.members().find(|(key, _)| !KEYS.contains(key) && !is_list(key)) {
        let message = format!("find a `[[package]]`: `{}` is no key of the format", key.escape_debug());
        return Err(ParseError::new(message).at_line(lines.at(value.offset)));
    }
    if !root.has("requires-python") {
        return Err(ParseError::new("find a `[[package]]` or `requires-python`, which uv always writes").at_line(1));
    }
    Ok(())
}

/// One entry.
struct Package<'t> {
    name: &'t str,
    /// Folders whose version is made when they are built have none.
    version: &'t str,
    source: Source<'t>,
    line: u32,
    table: &'t Table<'t>,
}

impl<'t> Package<'t> {
    fn read(entry: &'t Value<'t>, lines: &Lines) -> Result<Self, ParseError> {
        let fault = |message: String| ParseError::new(message).at_line(lines.at(entry.offset));
        let NamedTable { name, line, table } = NamedTable::read(entry, lines)?;
        let shown = name.escape_debug();
        let source = table.table_at("source").and_then(Source::read);
        let source = source.ok_or_else(|| fault(format!("find the source of `{shown}`")))?;
        let version = match (table.text_at("version"), &source) {
            (Some(version), _) => version,
            (None, Source::Registry(_)) => return Err(fault(format!("find the version of `{shown}`"))),
            (None, _) => "",
        };
        Ok(Self { name, version, source, line, table })
    }

    fn dependency(&self) -> Dependency {
        let mut dependency = Dependency::new(Ecosystem::PyPi, self.name, self.version, self.line);
        dependency.origin = self.source.origin();
        dependency
    }
}

/// Notes who requires whom, what the project asks for and what only development needs.
fn link(
    root: &Table<'_>,
    packages: &[Package<'_>],
    dependencies: &mut [Dependency],
    lines: &Lines,
) -> Result<(), ParseError> {
    let graph = Graph { names: Names::of(dependencies), packages, lines };
    let manifest = root.table_at("manifest");
    let members: HashSet<&str> = manifest.map(|manifest| manifest.texts_at("members").collect()).unwrap_or_default();
    // A project of one package is not listed as a member.
    let is_member = |package: &Package<'_>| {
        package.source.is_local() && (members.contains(package.name) || package.source.is_root())
    };
    let own: Vec<bool> = packages.iter().map(is_member).collect();
    let mut edges = Edges::default();
    let mut roots = Vec::new();
    for (parent, package) in packages.iter().enumerate() {
        for (scope, requirement) in requirements(package.table) {
            let child = graph.resolve(requirement)?;
            edges.add(parent, child, "")?;
            if own.get(parent) == Some(&true) {
                roots.push((child, scope));
            }
        }
    }
    for (scope, requirement) in manifest.map(script_requirements).unwrap_or_default() {
        // What a script asks for is not bound to one entry.
        let name = requirement.as_table().and_then(|table| table.text_at("name")).unwrap_or_default();
        roots.extend(graph.names.at(name).iter().map(|&child| (child, scope)));
    }
    edges.link(dependencies, false);
    mark_scopes(dependencies, &roots, |position| own.get(position) == Some(&true));
    for (root, _) in roots {
        if let Some(dependency) = dependencies.get_mut(root) {
            dependency.direct = true;
        }
    }
    Ok(())
}

/// What a package asks for, and what for.
fn requirements<'t>(package: &'t Table<'t>) -> Vec<(Scope, &'t Value<'t>)> {
    let mut list: Vec<_> = package.list_at("dependencies").iter().map(|it| (Scope::Runtime, it)).collect();
    let tables = [
        ("optional-dependencies", Scope::Runtime),
        ("dev-dependencies", Scope::Development),
        ("dependency-groups", Scope::Development),
    ];
    for (key, scope) in tables {
        let groups = package.table_at(key).into_iter().flat_map(Table::members);
        list.extend(groups.flat_map(|(_, group)| items(group)).map(|it| (scope, it)));
    }
    list
}

/// What a script or a workspace without a package asks for.
fn script_requirements<'t>(manifest: &'t Table<'t>) -> Vec<(Scope, &'t Value<'t>)> {
    let mut list: Vec<_> = manifest.list_at("requirements").iter().map(|it| (Scope::Runtime, it)).collect();
    let groups = manifest.table_at("dependency-groups").into_iter().flat_map(Table::members);
    list.extend(groups.flat_map(|(_, group)| items(group)).map(|it| (Scope::Development, it)));
    list
}

/// Finds the entries that edges mean.
struct Graph<'t> {
    names: Names,
    packages: &'t [Package<'t>],
    lines: &'t Lines,
}

impl Graph<'_> {
    /// The entry that an edge means: by name, and where several have it, by version and source.
    fn resolve(&self, requirement: &Value<'_>) -> Result<usize, ParseError> {
        let fault = |message: String| ParseError::new(message).at_line(self.lines.at(requirement.offset));
        let table = requirement.as_table().ok_or_else(|| fault("find a table for each edge".to_owned()))?;
        let name = table.text_at("name").ok_or_else(|| fault("find the name of an edge".to_owned()))?;
        let (version, source) = (table.text_at("version"), table.table_at("source").and_then(Source::read));
        let candidates = self.names.at(name);
        if let [only] = candidates {
            return Ok(*only);
        }
        let mut matching = candidates.iter().copied().filter(|&candidate| {
            self.packages.get(candidate).is_some_and(|package| {
                version.is_none_or(|version| version == package.version)
                    && source.as_ref().is_none_or(|source| *source == package.source)
            })
        });
        match (matching.next(), matching.next()) {
            (Some(only), None) => Ok(only),
            (found, _) => {
                let reason = if found.is_some() { "several packages are called so" } else { "no package is called so" };
                Err(fault(format!("find the package `{}` that an edge names: {reason}", name.escape_debug())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn an_archive_at_an_address_is_that_of_its_entry() {
        let doubts = |url: &str| {
            let text =
                format!("version = 1\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = {{url = \"{url}\"}}\n");
            extract(&UvLock, &[("uv.lock", text.as_bytes())]).expect("a lockfile")[0].doubts.len()
        };
        let archives = ["a-1.0.0.tar.gz", "evil-1.0.0.tar.gz", "a-0.9.0-py3-none-any.whl", "main.zip"];
        assert_eq!(archives.map(|file| doubts(&format!("https://files.example/{file}"))), [0, 1, 1, 0]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("a = 1", Some(1), "the version"),
            ("\nversion = 2", Some(2), "version 2"),
            ("version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"", Some(2), "the source of `a`"),
            ("version = 1\n[[package]]\nname = \"a\"\nsource = {registry = \"x\"}", Some(2), "version of `a`"),
            (
                "version = 1\n[[package]]\nname = \"a\"\nsource = {virtual = \".\"}\ndependencies = [\n{name = \"b\"}]",
                Some(6),
                "no package is called so",
            ),
            (
                "version = 1\n[[package]]\nname = \"a\"\nsource = {virtual = \".\"}\n[[package]]\nname = \"A\"\nsource = {virtual = \"x\"}\ndependencies = [{name = \"a\"}]",
                Some(8),
                "several packages",
            ),
        ] {
            let error = extract(&UvLock, &[("uv.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        let of_script: (&str, &[u8]) = ("a.py.lock", b"version = 1\nrequires-python = \">=3.12\"\n");
        assert!(extract(&UvLock, &[of_script]).expect("empty").is_empty());
    }
}
