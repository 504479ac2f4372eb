//! Edits of a Cargo.lock without Cargo: packages stand at other versions afterwards, and who requires them says so.

use std::fmt::Write as _;

use super::super::contract::Move;
use crate::model::dependency::PackageVersion;

/// A Cargo.lock, cut where packages begin. Cargo writes these files, always in this form.
struct Written<'a> {
    head: &'a str,
    packages: Vec<Package<'a>>,
    /// What follows the packages: the checksums of version 1, patches that nothing uses.
    tail: &'a str,
}

/// The lines of one package.
#[derive(Clone)]
struct Package<'a> {
    name: &'a str,
    version: String,
    source: Option<&'a str>,
    checksum: Option<String>,
    dependencies: Vec<Edge>,
    /// Lines in any other form, which stay.
    other: Vec<&'a str>,
}

/// `name`, `name version` or `name version (source)`.
#[derive(Clone, PartialEq, Eq)]
struct Edge {
    name: String,
    version: Option<String>,
    source: Option<String>,
}

const MARK: &str = "[[package]]\n";

/// The lockfile with every package at its target. What Cargo has to settle (packages that come or go) is left to it.
///
/// `None` when a package does not stand there as it should, or the file has a form that Cargo does not write.
pub(super) fn edit(lock: &str, moves: &[Move<'_>]) -> Option<String> {
    let mut written = read(lock)?;
    let mut tail = written.tail.to_owned();
    for step in moves {
        let target = step.release.map_or(step.target, |release| release.version.as_str());
        let checksum = step.release.and_then(|release| release.checksum.as_deref())?;
        let is_target = |package: &Package<'_>| package.name == step.package && package.version == target;
        let is_there = written.packages.iter().any(is_target);
        let is_it = |package: &Package<'_>| package.name == step.package && package.version == step.from;
        let mut found = written.packages.iter().enumerate().filter(|(_, package)| is_it(package));
        let (position, package) = found.next()?;
        if found.next().is_some() || !package.source?.starts_with("registry+") {
            return None;
        }
        // Version 1 keeps the checksums apart.
        let source = package.source?;
        let key = |version: &str| format!("\"checksum {} {version} ({source})\" = \"", step.package);
        if let Some(start) = tail.find(&key(step.from)) {
            let end = start + tail[start..].find('\n')?;
            tail.replace_range(start..end, &format!("{}{checksum}\"", key(target)));
        }
        if is_there {
            written.packages.remove(position);
        } else {
            let package = written.packages.get_mut(position)?;
            target.clone_into(&mut package.version);
            package.checksum = package.checksum.as_ref().map(|_| checksum.to_owned());
        }
        let edges = written.packages.iter_mut().flat_map(|package| &mut package.dependencies);
        for edge in edges.filter(|edge| edge.name == step.package && edge.version.as_deref() == Some(step.from)) {
            edge.version = Some(target.to_owned());
        }
    }
    sort(&mut written.packages);
    Some(write(&written, &tail))
}

/// The lockfile without some packages, which Cargo locks anew then: at the newest releases that the rest admits.
///
/// `None` when one of them is not there, or the file has a form that Cargo does not write.
pub(super) fn free(lock: &str, packages: &[PackageVersion]) -> Option<String> {
    let mut written = read(lock)?;
    for PackageVersion { name, version } in packages {
        let position = written.packages.iter().position(|it| it.name == name && it.version == *version)?;
        written.packages.remove(position);
        let is_last = written.packages.iter().all(|it| it.name != name);
        let leads_there = |edge: &Edge| edge.name == *name && edge.version.as_ref().map_or(is_last, |it| it == version);
        for package in &mut written.packages {
            package.dependencies.retain(|edge| !leads_there(edge));
        }
    }
    let tail = written.tail.to_owned();
    Some(write(&written, &tail))
}

/// In the order that Cargo writes: by name, then version.
fn sort(packages: &mut [Package<'_>]) {
    let order = |left: (&str, &str), right: (&str, &str)| {
        let version = |text: &str| semver::Version::parse(text).ok();
        left.0.cmp(right.0).then_with(|| version(left.1).cmp(&version(right.1)))
    };
    packages.sort_by(|left, right| order((left.name, &left.version), (right.name, &right.version)));
    for package in packages {
        package.dependencies.sort_by(|left, right| match (&left.version, &right.version) {
            (Some(one), Some(other)) => order((&left.name, one), (&right.name, other)),
            _ => left.name.cmp(&right.name),
        });
        package.dependencies.dedup_by(|left, right| left == right);
    }
}

fn read(lock: &str) -> Option<Written<'_>> {
    let start = lock.find(MARK)?;
    let (head, rest) = lock.split_at(start);
    let mut packages = Vec::new();
    let mut tail = "";
    let mut rest = rest;
    while let Some(body) = rest.strip_prefix(MARK) {
        let end = body.find("\n\n").map_or(body.len(), |end| end + 2);
        let (lines, following) = body.split_at(end);
        packages.push(read_package(lines.trim_end_matches('\n'))?);
        rest = following;
        tail = following;
    }
    Some(Written { head, packages, tail })
}

fn read_package(lines: &str) -> Option<Package<'_>> {
    let mut package = Package {
        name: "",
        version: String::new(),
        source: None,
        checksum: None,
        dependencies: Vec::new(),
        other: Vec::new(),
    };
    let mut in_list = false;
    for line in lines.lines() {
        let text = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
        if in_list {
            in_list = line != "]";
            if in_list {
                package.dependencies.push(read_edge(line.strip_prefix(" \"")?.strip_suffix("\",")?)?);
            }
        } else if let Some(name) = text("name") {
            package.name = name;
        } else if let Some(version) = text("version") {
            version.clone_into(&mut package.version);
        } else if let Some(source) = text("source") {
            package.source = Some(source);
        } else if let Some(checksum) = text("checksum") {
            package.checksum = Some(checksum.to_owned());
        } else if line == "dependencies = [" {
            in_list = true;
        } else {
            package.other.push(line);
        }
    }
    (!package.name.is_empty() && !in_list).then_some(package)
}

fn read_edge(text: &str) -> Option<Edge> {
    let mut words = text.splitn(3, ' ').map(str::to_owned);
    Some(Edge { name: words.next()?, version: words.next(), source: words.next() })
}

fn write(written: &Written<'_>, tail: &str) -> String {
    let mut text = written.head.to_owned();
    for (index, package) in written.packages.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let _ = write!(text, "{gap}{MARK}name = \"{}\"\nversion = \"{}\"\n", package.name, package.version);
        for (key, value) in [("source", package.source), ("checksum", package.checksum.as_deref())] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = \"{value}\"");
            }
        }
        if !package.dependencies.is_empty() {
            text.push_str("dependencies = [\n");
            for edge in &package.dependencies {
                let rest = [&edge.version, &edge.source].into_iter().flatten();
                let words: String = rest.map(|word| format!(" {word}")).collect();
                let _ = writeln!(text, " \"{}{words}\",", edge.name);
            }
            text.push_str("]\n");
        }
        for line in &package.other {
            let _ = writeln!(text, "{line}");
        }
    }
    if !tail.is_empty() {
        let _ = write!(text, "\n{tail}");
    }
    text
}

/// The lockfile with the edges of before, where a package that did not move leads to another version of the same name although
/// the one it led to is still there: Cargo sometimes chooses anew among several that a wide range admits.
///
/// `None` where there is nothing to restore.
pub(super) fn restore_edges(before: &str, after: &str) -> Option<String> {
    let (old, mut new) = (read(before)?, read(after)?);
    let count = |packages: &[Package<'_>], name: &str| packages.iter().filter(|it| it.name == name).count();
    let versions: Vec<(String, String)> =
        new.packages.iter().map(|package| (package.name.to_owned(), package.version.clone())).collect();
    let full = |packages: &[Package<'_>], edge: &Edge| {
        let only = packages.iter().find(|package| package.name == edge.name).map(|package| package.version.clone());
        (edge.name.clone(), edge.version.clone().or(only).unwrap_or_default())
    };
    let mut restored = Vec::new();
    for (position, package) in new.packages.iter().enumerate() {
        let is_same = |it: &&Package<'_>| it.name == package.name && it.version == package.version;
        let Some(was) = old.packages.iter().find(is_same) else { continue };
        let then: Vec<_> = was.dependencies.iter().map(|edge| full(&old.packages, edge)).collect();
        let now: Vec<_> = package.dependencies.iter().map(|edge| full(&new.packages, edge)).collect();
        // An edge that names its source leads to one of two packages with the same name and version: it stays as Cargo has it.
        let is_plain = was.dependencies.iter().chain(&package.dependencies).all(|edge| edge.source.is_none());
        let same_names = is_plain && then.iter().map(|edge| &edge.0).eq(now.iter().map(|edge| &edge.0));
        if then != now && same_names && then.iter().all(|edge| versions.contains(edge)) {
            restored.push((position, then));
        }
    }
    if restored.is_empty() {
        return None;
    }
    for (position, edges) in restored {
        let edges = edges.into_iter().map(|(name, version)| Edge {
            version: (count(&new.packages, &name) > 1).then_some(version),
            name,
            source: None,
        });
        let edges = edges.collect();
        new.packages.get_mut(position)?.dependencies = edges;
    }
    let tail = new.tail.to_owned();
    Some(write(&new, &tail))
}

/// Name, version, source and edges (places in the list) of one package.
type Entry = (String, String, Option<String>, Vec<usize>);

impl Edge {
    /// The source that it names, without its brackets.
    fn plain_source(&self) -> Option<&str> {
        self.source.as_deref().map(|source| source.trim_start_matches('(').trim_end_matches(')'))
    }
}

impl Package<'_> {
    fn is_from_git(&self) -> bool {
        self.source.is_some_and(|source| source.starts_with("git+"))
    }

    /// Its source as edges name it: without the commit.
    fn plain_source(&self) -> Option<&str> {
        self.source.and_then(|source| source.split('#').next())
    }

    /// Whether an edge may lead here. Of several packages with one name and version, one in a folder is meant without a source.
    fn is_meant_by(&self, edge: &Edge, is_only: bool) -> bool {
        self.name == edge.name
            && edge.version.as_ref().is_none_or(|version| *version == self.version)
            && (is_only || edge.plain_source() == self.plain_source())
    }
}

/// Where an edge leads.
fn end(packages: &[Package<'_>], edge: &Edge) -> Option<usize> {
    let is_only = packages.iter().filter(|it| it.is_meant_by(edge, true)).count() == 1;
    packages.iter().position(|it| it.is_meant_by(edge, is_only))
}

/// Every package, with its edges in full; `None` for a form that Cargo does not write.
pub(super) fn packages(lock: &str) -> Option<Vec<Entry>> {
    let written = read(lock)?;
    let mut entries = Vec::new();
    for package in &written.packages {
        let edges: Option<Vec<usize>> = package.dependencies.iter().map(|edge| end(&written.packages, edge)).collect();
        let source = package.source.map(str::to_owned);
        entries.push((package.name.to_owned(), package.version.clone(), source, edges?));
    }
    Some(entries)
}

/// The lockfile with packages from git as packages of folders.
pub(super) fn without_git(lock: &str) -> Option<String> {
    let mut written = read(lock)?;
    for package in &mut written.packages {
        for edge in &mut package.dependencies {
            edge.source = edge.source.take().filter(|source| !source.starts_with("(git+"));
        }
        package.source = package.source.filter(|source| !source.starts_with("git+"));
    }
    let tail = written.tail.to_owned();
    Some(write(&written, &tail))
}

/// The lockfile with the sources of packages from git put back, which it had before and does not have any more.
pub(super) fn with_git(before: &str, after: &str) -> Option<String> {
    let (old, mut new) = (read(before)?, read(after)?);
    for package in new.packages.iter_mut().filter(|package| package.source.is_none()) {
        let is_it = |it: &&Package<'_>| it.name == package.name && it.version == package.version && it.is_from_git();
        package.source = old.packages.iter().find(is_it).and_then(|it| it.source);
    }
    let all = new.packages.clone();
    for edge in new.packages.iter_mut().flat_map(|package| &mut package.dependencies) {
        // Two of one name and version: the one that stood in a folder is the one from git.
        let found: Vec<_> = all.iter().filter(|one| one.is_meant_by(edge, true)).collect();
        let from_git = found.iter().find(|one| one.is_from_git()).and_then(|one| one.plain_source());
        if found.len() > 1 && edge.version.is_some() && edge.source.is_none() {
            edge.source = from_git.map(|source| format!("({source})"));
        }
    }
    let tail = new.tail.to_owned();
    Some(write(&new, &tail))
}
