//! Entries of a yarn.lock, and which of them meets which requirement.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};

use super::super::contract::npm::graph::{Graph, Package};
use super::super::contract::npm::manifest::Manifest;
use crate::model::dependency::Scope;
use crate::model::doubt::Doubt;

/// One entry.
pub(super) struct Entry<'a> {
    /// The line of its key.
    pub(super) line: u32,
    /// What it meets: names and ranges, as they are asked for.
    pub(super) descriptors: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The package's own name.
    pub(super) name: Cow<'a, str>,
    /// The version.
    pub(super) version: Cow<'a, str>,
    /// Where it came from.
    pub(super) resolved: Option<Cow<'a, str>>,
    /// What it requires: names and ranges.
    pub(super) requirements: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The folder of the workspace that it stands for, `.` for the project itself (berry).
    pub(super) workspace: Option<Cow<'a, str>>,
    /// The descriptor of the package that it patches, and whether everyone who asks for that one gets the patch (berry).
    pub(super) patch: Option<Patch<'a>>,
    /// Where its archive is, if its registry does not say so itself (berry).
    pub(super) archive: Option<Cow<'a, str>>,
    /// Whether it has a checksum; `None` where its kind has none.
    pub(super) is_checked: Option<bool>,
    /// Why it may not be what it says.
    pub(super) doubts: Vec<Doubt>,
}

/// What a patched package is made from.
pub(super) struct Patch<'a> {
    /// The ranges of the package as it is without the patch.
    pub(super) ranges: Vec<Cow<'a, str>>,
    /// Whether it is one that Yarn itself applies to whoever asks for the package.
    pub(super) builtin: bool,
}

/// `@scope/name@range` in two.
pub(super) fn split_descriptor(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Whether a range asks for an address, a repository or a folder.
fn is_address(range: &str) -> bool {
    !range.starts_with("npm:") && range.contains([':', '/'])
}

/// A range as it is looked up: `npm:` is what is meant where nothing is said, and what follows `::` is bound to a place.
fn canonical(range: &str) -> &str {
    let range = range.strip_prefix("npm:").unwrap_or(range);
    range.split_once("::").map_or(range, |(range, _)| range)
}

/// A range as people write it.
fn shown(range: &str) -> &str {
    match range.strip_prefix("npm:") {
        // An alias names a package.
        Some(rest) if !rest.get(1..).unwrap_or_default().contains('@') => rest,
        _ => range,
    }
}

struct Index<'e> {
    exact: HashMap<(&'e str, &'e str), usize>,
    /// What Yarn gives to those who ask for the range without the patch.
    patched: HashMap<(&'e str, &'e str), usize>,
    /// The entry of a name that has only one.
    single: HashMap<&'e str, Option<usize>>,
    positions: Vec<Option<usize>>,
}

impl<'e> Index<'e> {
    fn new(entries: &'e [Entry<'_>], positions: Vec<Option<usize>>) -> Self {
        let mut index = Self {
            exact: HashMap::with_capacity(entries.len() * 2),
            patched: HashMap::new(),
            single: HashMap::with_capacity(entries.len()),
            positions,
        };
        for (position, entry) in entries.iter().enumerate() {
            for (name, range) in &entry.descriptors {
                index.exact.insert((name.as_ref(), canonical(range)), position);
                let single = index.single.entry(name.as_ref()).or_insert(Some(position));
                if *single != Some(position) {
                    *single = None;
                }
            }
            if let Some(patch) = entry.patch.as_ref().filter(|patch| patch.builtin) {
                let ranges = patch.ranges.iter().map(|range| ((entry.name.as_ref(), canonical(range)), position));
                index.patched.extend(ranges);
            }
        }
        index
    }

    /// The position in the list of dependencies of what meets a requirement.
    fn find(&self, name: &str, range: &str) -> Option<usize> {
        let key = (name, canonical(range));
        let entry = self.patched.get(&key).or_else(|| self.exact.get(&key)).copied();
        // An override has another range than the one that is asked for.
        let entry = entry.or_else(|| self.single.get(name).copied().flatten())?;
        self.positions.get(entry).copied().flatten()
    }
}

/// Puts the entries together: what each requires, and what the project asks for.
pub(super) fn link<'e>(entries: &'e [Entry<'_>], manifests: &'e [Manifest]) -> Graph<'e> {
    let mut graph = Graph::default();
    let positions: Vec<Option<usize>> = entries
        .iter()
        .map(|entry| {
            // The project itself is no dependency.
            (entry.workspace.as_deref() != Some(".")).then(|| {
                let resolved = entry.resolved.as_deref().map(Cow::Borrowed);
                graph.add(Package {
                    resolved,
                    archive: entry.archive.as_deref().map(Cow::Borrowed),
                    is_by_address: entry.descriptors.iter().any(|(_, range)| is_address(range)),
                    is_checked: entry.is_checked,
                    doubts: entry.doubts.clone(),
                    ..Package::new(entry.name.as_ref(), entry.version.as_ref(), entry.line)
                })
            })
        })
        .collect();
    let index = Index::new(entries, positions.clone());
    let has_workspaces = entries.iter().any(|entry| entry.workspace.is_some());
    let by_folder: HashMap<&str, &Manifest> =
        manifests.iter().map(|manifest| (manifest.folder.as_str(), manifest)).collect();
    for (entry, position) in entries.iter().zip(positions) {
        let folder = entry.workspace.as_deref().map(|folder| if folder == "." { "" } else { folder });
        // The lockfile does not say what is for development, the manifest does.
        let manifest = folder.and_then(|folder| by_folder.get(folder));
        if let Some(position) = position.filter(|_| folder.is_some()) {
            graph.ask(position, "workspace:", Scope::Runtime);
        }
        for (name, range) in &entry.requirements {
            let Some(child) = index.find(name, range) else { continue };
            let wanted = manifest.and_then(|manifest| manifest.requirements.iter().find(|one| one.name == **name));
            let scope = wanted.map_or(Scope::Runtime, |one| one.scope);
            if folder.is_some() {
                graph.ask(child, shown(range), scope);
            }
            // Whoever depends on a member does not get the member's own development dependencies.
            if let Some(position) = position.filter(|_| scope != Scope::Development) {
                graph.require(position, child, shown(range));
            }
        }
        let patched = entry.patch.iter().flat_map(|patch| &patch.ranges);
        for range in patched {
            let plain = index.exact.get(&(entry.name.as_ref(), canonical(range))).copied();
            let plain = plain.and_then(|plain| index.positions.get(plain).copied().flatten());
            if let (Some(position), Some(plain)) = (position, plain) {
                graph.require(position, plain, shown(range));
            }
        }
    }
    if !has_workspaces {
        for requirement in manifests.iter().flat_map(|manifest| &manifest.requirements) {
            if let Some(child) = index.find(&requirement.name, &requirement.text) {
                graph.ask(child, requirement.text.as_str(), requirement.scope);
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_a_name_and_a_range() {
        assert_eq!(split_descriptor("a@^1.0.0"), Some(("a", "^1.0.0")));
        assert_eq!(split_descriptor("@s/a@npm:b@^1"), Some(("@s/a", "npm:b@^1")));
        assert_eq!(split_descriptor("@s/a"), None);
        assert_eq!(split_descriptor(""), None);
        assert_eq!(split_descriptor("é@1"), None);
    }

    #[test]
    fn ranges_are_looked_up_without_what_is_meant_anyway() {
        assert_eq!(canonical("npm:^1"), canonical("^1"));
        assert_eq!(canonical("file:./a::locator=b"), "file:./a");
        assert_eq!((shown("npm:^1"), shown("npm:a@1"), shown("npm:@s/a@1")), ("^1", "npm:a@1", "npm:@s/a@1"));
    }
}
