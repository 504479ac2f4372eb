//! pnpm's pnpm-lock.yaml, versions 5 to 9 (<https://github.com/pnpm/spec/tree/master/lockfile>).

mod reference;

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};

use super::contract::npm::archive::{self, Place};
use super::contract::npm::graph::{Graph, Package};
use super::contract::sources::host;
use super::contract::text::read_whole;
use super::contract::yaml::{Member, Node};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::doubt::Doubt;
use crate::model::repository::RepoPath;
use reference::{Reference, base, split};

const WAY_OUT: &str = "run `pnpm install --lockfile-only` to write it anew";

/// The lists of an importer, and what they are for. What pnpm 11 notes of itself is a tool.
const LISTS: [(&str, Scope); 5] = [
    ("dependencies", Scope::Runtime),
    ("optionalDependencies", Scope::Runtime),
    ("devDependencies", Scope::Development),
    ("configDependencies", Scope::Development),
    ("packageManagerDependencies", Scope::Development),
];

/// The runtimes that pnpm installs.
const RUNTIMES: [&str; 3] = ["node", "deno", "bun"];

/// Where they are published.
const RUNTIME_HOSTS: [&str; 3] = ["nodejs.org", "unofficial-builds.nodejs.org", "github.com"];

/// Reads pnpm-lock.yaml, also that of a git branch (`pnpm-lock.<branch>.yaml`).
///
/// Members of a workspace are importers, not packages: they have no entry, no version and no name in the file.
pub(super) struct PnpmLock;

impl Extractor for PnpmLock {
    fn id(&self) -> &'static str {
        "pnpm-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let branch = path.file_name().strip_prefix("pnpm-lock.").and_then(|rest| rest.strip_suffix("yaml"));
        branch.is_some_and(|branch| branch.is_empty() || branch.ends_with('.'))
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let documents = Node::documents(text)?;
    let mut graph = Graph::default();
    // pnpm 11 puts what it needs for itself into a document of its own before that of the project.
    for document in &documents {
        if !document.is_map() {
            return Err(ParseError::new("find its fields at its top").at_line(document.line));
        }
        check_version(document)?;
        Lock::read(document, &mut graph)?;
        check_importers(document)?;
    }
    Ok(graph.finish())
}

fn check_version(document: &Node<'_>) -> Result<(), ParseError> {
    let Some(version) = document.get("lockfileVersion") else {
        return Err(ParseError::new("find `lockfileVersion` in it").at_line(document.line));
    };
    let text = version.text().unwrap_or_default();
    let major = text.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| (5..=9).contains(&major)) {
        return Ok(());
    }
    let message = format!("read it: its lockfileVersion is `{}`, those from 5 to 9 are read", text.escape_debug());
    Err(ParseError::new(message).at_line(version.line))
}

/// Refuses a document that says neither who asks for packages nor which there are: pnpm writes `importers`, and before
/// version 9 the lists of a project that is alone (<https://github.com/pnpm/spec/blob/master/lockfile/9.0.md>).
fn check_importers(document: &Node<'_>) -> Result<(), ParseError> {
    let mut keys = LISTS.iter().map(|(key, _)| *key).chain(["importers", "specifiers"]);
    if keys.any(|key| document.get(key).is_some()) || !members(document, "packages")?.is_empty() {
        return Ok(());
    }
    let version = document.get("lockfileVersion");
    // pnpm 8, of which a project that is alone has no `importers`, writes these settings where it asks for nothing.
    let is_of_pnpm_8 = version.and_then(Node::text).is_some_and(|version| version.starts_with("6."));
    if is_of_pnpm_8 && document.get("settings").is_some() {
        return Ok(());
    }
    let line = version.map_or(document.line, |version| version.line);
    Err(ParseError::new("find `importers`, which says what the project asks for").at_line(line))
}

/// One document.
struct Lock<'n> {
    /// The packages by name and reference.
    positions: HashMap<(&'n str, &'n str), usize>,
    /// Since version 9, what a package requires stands apart, once for each set of its peers.
    has_snapshots: bool,
}

impl<'n> Lock<'n> {
    fn read(document: &'n Node<'_>, graph: &mut Graph<'n>) -> Result<(), ParseError> {
        let packages = members(document, "packages")?;
        let snapshots = members(document, "snapshots")?;
        check_package_count(graph.len() + packages.len())?;
        check_package_count(snapshots.len())?;
        let mut lock = Self {
            positions: HashMap::with_capacity(packages.len()),
            has_snapshots: document.get("snapshots").is_some(),
        };
        let mut entries = Vec::with_capacity(packages.len());
        for member in packages {
            if !member.value.is_map() && !member.value.is_absent() {
                let message = format!("find fields under `{}`", member.key.escape_debug());
                return Err(ParseError::new(message).at_line(member.line));
            }
            let position = graph.add(package(member));
            lock.positions.insert(split(&member.key).key(), position);
            entries.push((position, member));
        }
        for (position, member) in entries {
            lock.require(position, member, graph);
        }
        for member in snapshots {
            if let Some(position) = lock.find("", &member.key) {
                lock.require(position, member, graph);
            }
        }
        let importers = members(document, "importers")?;
        for importer in importers {
            lock.ask(&importer.value, graph)?;
        }
        if importers.is_empty() {
            lock.ask(document, graph)?;
        }
        Ok(())
    }

    /// The package that a reference leads to.
    fn find(&self, name: &str, reference: &str) -> Option<usize> {
        let reference = if self.has_snapshots { base(reference) } else { reference };
        let own = split(reference);
        self.positions.get(&(name, reference)).or_else(|| self.positions.get(&own.key())).copied()
    }

    /// Notes what a package requires; the file only says what it got.
    fn require(&self, position: usize, member: &Member<'_>, graph: &mut Graph<'n>) {
        for list in ["dependencies", "optionalDependencies"] {
            for (name, reference) in member.value.texts_at(list) {
                if let Some(child) = self.find(name, reference) {
                    graph.require(position, child, "");
                }
            }
        }
    }

    /// Notes what an importer asks for.
    fn ask(&self, importer: &'n Node<'_>, graph: &mut Graph<'n>) -> Result<(), ParseError> {
        let specifiers: HashMap<&str, &str> = importer.texts_at("specifiers").collect();
        for (list, scope) in LISTS {
            for member in importer.get(list).map_or(&[][..], Node::members) {
                let written = member.value.text().or_else(|| member.value.text_at("version"));
                let asked = member.value.text_at("specifier").or_else(|| specifiers.get(member.key.as_ref()).copied());
                let Some(reference) = written else { continue };
                match self.find(&member.key, reference) {
                    Some(child) => graph.ask(child, asked.unwrap_or_default(), scope),
                    // pnpm itself refuses a lockfile that lacks what it asks for (`ERR_PNPM_LOCKFILE_MISSING_DEPENDENCY`).
                    None if is_version(reference) => {
                        let (name, version) = (member.key.escape_debug(), reference.escape_debug());
                        let message = format!("find the package `{name}` {version}, which is asked for");
                        return Err(ParseError::new(message).at_line(member.line));
                    }
                    // A folder, or what has no entry.
                    None => {}
                }
            }
        }
        Ok(())
    }
}

/// Whether a reference is a version, with its peers behind it: packages of these have entries.
fn is_version(reference: &str) -> bool {
    let version = reference.split('(').next().unwrap_or_default();
    version.starts_with(|first: char| first.is_ascii_digit()) && !version.contains([':', '/'])
}

/// The members of a mapping that may be missing.
fn members<'n, 'a>(document: &'n Node<'a>, key: &str) -> Result<&'n [Member<'a>], ParseError> {
    match document.get(key) {
        Some(node) if node.is_map() => Ok(node.members()),
        Some(node) if !node.is_absent() => {
            Err(ParseError::new(format!("find a mapping under `{key}`")).at_line(node.line))
        }
        _ => Ok(&[]),
    }
}

fn package<'n>(member: &'n Member<'_>) -> Package<'n> {
    let entry = &member.value;
    let Reference { name: key_name, reference } = split(&member.key);
    let key_version = reference::version(reference);
    let name = entry.text_at("name").unwrap_or(key_name);
    let version = entry.text_at("version").unwrap_or(key_version);
    // An address as the key leaves the name and the version to the fields.
    let is_other = |key: &str, field: &str| !key.is_empty() && key != field;
    let mut doubts = Vec::new();
    if is_other(key_name, name) || is_other(key_version, version) {
        let reason = format!("its key is that of {key_name} {key_version}");
        doubts.push(Doubt::contradiction(reason, Some((key_name, key_version))));
    }
    let scope = match entry.text_at("dev") {
        Some("true") => Some(Scope::Development),
        // It says no, or that both need it (nothing is written then, but some entry always says something).
        Some(_) => Some(Scope::Runtime),
        None => None,
    };
    let abandoned = entry.text_at("deprecated").map(Cow::Borrowed);
    let is_checked = entry.get("resolution").map(|resolution| resolution.get("integrity").is_some());
    let mut resolved = resolved(entry, reference);
    let tarball = entry.get("resolution").and_then(|resolution| resolution.text_at("tarball"));
    match tarball.filter(|tarball| resolved.as_deref() == Some(*tarball)).and_then(archive::place) {
        Some(Place::Below(address)) => {
            doubts.extend(archive::contradiction(name, version, &address));
            resolved = None;
        }
        Some(Place::At(address)) => resolved = Some(Cow::Owned(address)),
        None => {}
    }
    let archive = variations((name, version), entry, &mut doubts);
    Package { resolved, scope, abandoned, archive, is_checked, doubts, ..Package::new(name, version, member.line) }
}

/// The archives of `type: variations` (a runtime, or a package with a build for each system) and of `type: binary`: the
/// address of the first; each other host is a doubt of its own.
fn variations<'n>((name, version): (&str, &str), entry: &'n Node<'_>, doubts: &mut Vec<Doubt>) -> Option<Cow<'n, str>> {
    let resolution = entry.get("resolution")?;
    let variants = resolution.get("variants").map_or(&[][..], Node::items).iter();
    let all = std::iter::once(resolution).chain(variants.filter_map(|variant| variant.get("resolution")));
    let addresses = all.filter_map(|it| it.text_at("url").or_else(|| it.text_at("tarball")));
    let (mut first, mut hosts) = (None, Vec::new());
    for address in addresses.filter(|address| resolution.text_at("tarball") != Some(address)) {
        doubts.extend(archive::contradiction(name, version, address));
        let Some(host) = host(address) else { continue };
        // pnpm itself takes runtimes from where their makers publish them (`node.resolver`, `deno.resolver`, `bun.resolver`).
        if RUNTIME_HOSTS.contains(&host) && RUNTIMES.contains(&name) || hosts.contains(&host) {
            continue;
        }
        hosts.push(host);
        match first {
            None => first = Some(Cow::Borrowed(address)),
            Some(_) => doubts.push(Doubt::Host { host: host.to_ascii_lowercase(), usual: String::new() }),
        }
    }
    first
}

/// Where a package came from, in npm's words; nothing for a registry.
fn resolved<'n>(entry: &'n Node<'_>, reference: &'n str) -> Option<Cow<'n, str>> {
    let resolution = entry.get("resolution")?;
    if let (Some(repository), Some(commit)) = (resolution.text_at("repo"), resolution.text_at("commit")) {
        let prefix = if repository.starts_with("git+") { "" } else { "git+" };
        return Some(Cow::Owned(format!("{prefix}{repository}#{commit}")));
    }
    if let Some(folder) = resolution.text_at("directory") {
        return Some(Cow::Owned(format!("file:{folder}")));
    }
    if reference.starts_with("file:") || reference.starts_with("link:") {
        return Some(Cow::Borrowed(reference));
    }
    resolution.text_at("tarball").map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn every_kind_of_origin_is_read() {
        let lock = "lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: github:acme/a, version: https://codeload.github.com/acme/a/tar.gz/0123456789012345678901234567890123456789}
      b: {specifier: https://downloads.example/b.tgz, version: https://downloads.example/b.tgz}
      c: {specifier: file:vendor/c.tgz, version: file:vendor/c.tgz}
      d: {specifier: link:../d, version: link:../d}
packages:
  a@https://codeload.github.com/acme/a/tar.gz/0123456789012345678901234567890123456789:
    resolution: {tarball: https://codeload.github.com/acme/a/tar.gz/0123456789012345678901234567890123456789}
    version: 1.0.0
  b@https://downloads.example/b.tgz:
    resolution: {tarball: https://downloads.example/b.tgz}
    version: 2.0.0
  c@file:vendor/c.tgz:
    resolution: {integrity: sha512-x, tarball: file:vendor/c.tgz}
  e@1.0.0: {resolution: {integrity: sha512-x}, peerDependencies: {a: '*'}}
snapshots:
  a@https://codeload.github.com/acme/a/tar.gz/0123456789012345678901234567890123456789:
    dependencies:
      f: e@1.0.0(a@1.0.0)(b@2.0.0(x@1.0.0))
  e@1.0.0(a@1.0.0)(b@2.0.0(x@1.0.0)): {}
";
        let found = extract(&PnpmLock, &[("pnpm-lock.main.yaml", lock.as_bytes())]).expect("a lockfile");
        insta::assert_snapshot!(show(&found), @r#"
        0 a@1.0.0 Runtime direct Git { url: "https://github.com/acme/a", pin: DefaultBranch, commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 10
        1 b@2.0.0 Runtime direct Archive { url: "https://downloads.example/b.tgz" } [] line 13
        2 c@ Runtime direct Archive { url: "file:vendor/c.tgz" } [] line 16
        3 e@1.0.0 Runtime Registry { url: None } [0] line 18
        "#);
    }

    #[test]
    fn an_archive_below_the_registry_is_compared_with_its_entry() {
        for (tarball, other) in [
            ("evil/-/evil-1.0.0.tgz", Some("evil@1.0.0")),
            ("/a/-/a-0.9.0.tgz", Some("a@0.9.0")),
            ("x/../evil/-/evil-1.0.0.tgz", Some("evil@1.0.0")),
            ("//mirror.example/evil/-/evil-1.0.0.tgz", Some("evil@1.0.0")),
            ("a/-/a-1.0.0.tgz", None),
        ] {
            let lock = format!(
                "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {{integrity: sha512-x, tarball: {tarball}}}\n"
            );
            let found = extract(&PnpmLock, &[("pnpm-lock.yaml", lock.as_bytes())]).expect("a lockfile");
            let named = found[0].doubts.iter().find_map(|doubt| match doubt {
                Doubt::Contradiction { other, .. } => other.as_ref().map(ToString::to_string),
                _ => None,
            });
            assert_eq!(named.as_deref(), other, "{tarball}");
            assert_eq!(found[0].origin, crate::model::dependency::Origin::Registry { url: None }, "{tarball}");
        }
    }

    #[test]
    fn what_was_given_up_says_so() {
        let lock = "lockfileVersion: '9.0'
packages:
  a@1.0.0:
    resolution: {integrity: sha512-x}
    deprecated: 'no longer kept up, take b'
";
        let found = extract(&PnpmLock, &[("pnpm-lock.yaml", lock.as_bytes())]).expect("a lockfile");
        assert_eq!(found[0].abandoned.as_deref(), Some("no longer kept up, take b"));
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("- a\n", Some(1)),
            ("packages: {}\n", Some(1)),
            ("lockfileVersion: '10.0'\n", Some(1)),
            ("lockfileVersion: '9.0'\npackages:\n  a@1: b\n", Some(3)),
            ("lockfileVersion: '9.0'\npackages: x\n", Some(2)),
            ("lockfileVersion: '9.0'\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&PnpmLock, &[("pnpm-lock.yaml", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("pnpm install")), "{error}");
        }
    }
}
