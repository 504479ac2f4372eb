//! `pylock.toml` and `pylock.<name>.toml`, version 1 (<https://packaging.python.org/en/latest/specifications/pylock-toml/>).

use std::borrow::Cow;

use super::contract::python::archive;
use super::contract::python::git::{is_commit, pin_by_form, without_credentials};
use super::contract::python::graph::{Edges, Names, mark_direct};
use super::contract::python::manifest::Manifest;
use super::contract::python::normalise;
use super::contract::python::registry::set_registries;
use super::contract::text::{Lines, read_whole};
use super::contract::toml::{Look as _, NamedTable, Table, Value, parse, text};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// Tools must refuse another major version, and take a newer minor one.
const MAJOR_VERSION: &str = "1";

const WAY_OUT: &str =
    "write it anew with the tool that `created-by` names, for example `uv export --format pylock.toml`";

/// Reads pylock.toml.
pub(super) struct Pylock;

impl Extractor for Pylock {
    fn id(&self) -> &'static str {
        "pylock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name().strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
        // Nothing, or a name without dots and its dot.
        name.is_some_and(|name| name.is_empty() || name.len() > 1 && name.find('.') == Some(name.len() - 1))
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |content| read(file, content))
    }
}

fn read(file: &SourceFile<'_>, content: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = parse(content, "[[packages]]")?;
    let lines = Lines::of(content);
    check_version(&root, &lines)?;
    let list = root.list_at("packages");
    check_package_count(list.len())?;
    let packages = list.iter().map(|entry| Package::read(entry, &lines)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest::read(file);
    let default_groups: Vec<&str> = root.texts_at("default-groups").collect();
    let mut dependencies: Vec<Dependency> = packages
        .iter()
        .map(|package| Dependency {
            origin: package.origin(manifest.as_ref()),
            scope: package.scope(&default_groups),
            ..Dependency::new(Ecosystem::PyPi, package.name, package.version.as_ref(), package.line)
        })
        .collect();
    let registries: Vec<Option<&str>> = packages.iter().map(|package| package.table.text_at("index")).collect();
    set_registries(&mut dependencies, &registries, manifest.as_ref());
    for (package, dependency) in packages.iter().zip(&mut dependencies) {
        if !package.table.has("vcs") && !package.table.has("directory") {
            archive::doubt(dependency, files(package.table));
        }
    }
    link(&packages, &mut dependencies)?;
    mark_direct(&mut dependencies, manifest.as_ref());
    Ok(dependencies)
}

fn check_version(root: &Table<'_>, lines: &Lines) -> Result<(), ParseError> {
    let version = root.at("lock-version").and_then(|place| Some((place, text(place)?)));
    let Some((place, version)) = version else {
        return Err(ParseError::new("find `lock-version`, which every pylock.toml has"));
    };
    if version.split('.').next() == Some(MAJOR_VERSION) {
        return Ok(());
    }
    let shown = version.escape_debug();
    let message = format!("read it: it is version {shown} of the format, and versions 1.x are known");
    Err(ParseError::new(message).at_line(lines.at(place.offset)))
}

/// One entry.
struct Package<'t> {
    name: &'t str,
    /// What is built from a folder or a repository may have none.
    version: Cow<'t, str>,
    line: u32,
    table: &'t Table<'t>,
}

impl<'t> Package<'t> {
    fn read(entry: &'t Value<'t>, lines: &Lines) -> Result<Self, ParseError> {
        let NamedTable { name, line, table } = NamedTable::read(entry, lines)?;
        let version = match table.text_at("version") {
            Some(version) => Cow::Borrowed(version),
            // The version may be left out, then the names of the files tell it.
            None => match files(table).find_map(|file| archive::named(name, file)) {
                Some((_, version)) => Cow::Owned(version),
                None if ["vcs", "directory", "archive"].iter().any(|key| table.has(key)) => Cow::Borrowed(""),
                None => {
                    let message =
                        format!("find the version of `{}`, also in the names of its files", name.escape_debug());
                    return Err(ParseError::new(message).at_line(line));
                }
            },
        };
        Ok(Self { name, version, line, table })
    }

    /// A marker that asks for a group which is not installed by default keeps a package out of production; one that asks
    /// for an extra does not.
    fn scope(&self, default_groups: &[&str]) -> Scope {
        let marker = self.table.text_at("marker").unwrap_or_default();
        if !marker.contains("dependency_groups") || marker.contains("extras") {
            return Scope::Runtime;
        }
        let mut quoted = marker.split(['\'', '"']).skip(1).step_by(2);
        if quoted.any(|word| default_groups.contains(&word)) { Scope::Runtime } else { Scope::Development }
    }

    fn origin(&self, manifest: Option<&Manifest>) -> Origin {
        if let Some(vcs) = self.table.table_at("vcs") {
            return repository(vcs, || manifest?.asks(&normalise(self.name))?.pin.clone());
        }
        if self.table.has("directory") {
            return Origin::Path;
        }
        match self.table.table_at("archive") {
            Some(archive) => match archive.text_at("url") {
                Some(url) => Origin::Archive { url: without_credentials(url) },
                // An archive on disk.
                None => Origin::Archive { url: archive.text_at("path").unwrap_or_default().to_owned() },
            },
            None => Origin::Registry { url: None },
        }
    }
}

/// The names and the addresses of the files of a package.
fn files<'t>(table: &'t Table<'t>) -> impl Iterator<Item = &'t str> {
    let single = ["sdist", "archive"].into_iter().filter_map(move |key| table.table_at(key));
    let files = single.chain(table.tables_at("wheels"));
    files.flat_map(|file| ["name", "url", "path"].into_iter().filter_map(move |key| file.text_at(key)))
}

/// A repository; only git is one whose commits are known here, all others are archives of some kind.
fn repository(vcs: &Table<'_>, asked: impl Fn() -> Option<GitPin>) -> Origin {
    let Some(url) = vcs.text_at("url").map(without_credentials) else { return Origin::Path };
    if vcs.text_at("type") != Some("git") {
        return Origin::Archive { url };
    }
    let commit = vcs.text_at("commit-id");
    let pin = asked().unwrap_or_else(|| match vcs.text_at("requested-revision") {
        Some(requested) if is_commit(requested) => GitPin::Commit,
        Some(requested) => pin_by_form(requested),
        // It is written where someone asked for a revision; uv and pip do.
        None => GitPin::DefaultBranch,
    });
    Origin::Git { url, pin, commit: commit.and_then(|commit| CommitId::new(commit).ok()) }
}

/// Entries may say what they require, with as much of an entry's fields as tells it from others.
fn link(packages: &[Package<'_>], dependencies: &mut [Dependency]) -> Result<(), ParseError> {
    let names = Names::of(dependencies);
    let mut edges = Edges::default();
    for (parent, package) in packages.iter().enumerate() {
        for required in package.table.tables_at("dependencies") {
            let version = required.text_at("version");
            for &child in names.at(required.text_at("name").unwrap_or_default()) {
                let same = |candidate: &Package<'_>| version.is_none_or(|version| *version == candidate.version);
                if packages.get(child).is_some_and(same) {
                    edges.add(parent, child, "")?;
                }
            }
        }
    }
    edges.link(dependencies, false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;
    use crate::model::doubt::Doubt;

    #[test]
    fn the_names_of_files_tell_the_version_and_what_else_they_are() {
        let read = |entry: &str| {
            let text = format!("lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\n{entry}");
            extract(&Pylock, &[("pylock.toml", text.as_bytes())]).map(|found| {
                let doubts = found[0].doubts.iter().filter(|doubt| matches!(doubt, Doubt::Contradiction { .. }));
                (found[0].version.clone(), doubts.count())
            })
        };
        for (entry, version, doubts) in [
            ("wheels = [{name = \"a-1.0-py3-none-any.whl\"}]", "1.0", 0),
            ("sdist = {url = \"https://files.example/a-1.0.tar.gz\"}", "1.0", 0),
            ("archive = {url = \"https://files.example/a-1.0.zip\"}", "1.0", 0),
            ("archive = {url = \"https://files.example/main.zip\"}", "", 0),
            ("version = \"2.0\"\nwheels = [{url = \"https://files.example/a-1.0-py3-none-any.whl\"}]", "2.0", 1),
            ("version = \"1.0\"\nsdist = {name = \"a-1.0.tar.gz\", path = \"evil-1.0.tar.gz\"}", "1.0", 1),
            ("vcs = {type = \"git\", url = \"https://git.example/a\", commit-id = \"01\"}", "", 0),
        ] {
            assert_eq!(read(entry).expect(entry), (version.to_owned(), doubts), "{entry}");
        }
        assert!(read("wheels = [{name = \"a.whl\"}]").is_err());
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("a = 1", None, "`lock-version`"),
            ("\nlock-version = \"2.0\"", Some(2), "version 2.0"),
            ("lock-version = \"1.0\"\n[[packages]]\nversion = \"1\"", Some(2), "the name"),
        ] {
            let error = extract(&Pylock, &[("pylock.toml", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(
            extract(&Pylock, &[("pylock.toml", b"lock-version = \"1.1\"\npackages = []")]).expect("empty").is_empty()
        );
    }
}
