//! Edges: what one entry of a lockfile asks for, under which name.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use nodejs_semver::Version;
use serde_json::{Map, Value};

use crate::version::NpmRange;

/// Why an entry asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Production,
    Optional,
    Development,
    Peer,
    OptionalPeer,
}

impl Kind {
    pub(super) const fn is_peer(self) -> bool {
        matches!(self, Self::Peer | Self::OptionalPeer)
    }

    /// Whether nothing is wrong when there is no such package.
    pub(super) const fn may_be_missing(self) -> bool {
        matches!(self, Self::Optional | Self::OptionalPeer)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A range of the registry's releases.
    Range(NpmRange),
    /// A tag: npm is content with whatever came from the registry.
    Tag,
    /// Something that leads elsewhere: what is locked for it stays as it is.
    Elsewhere,
}

impl Wanted {
    /// Whether another release may stand where this is asked for.
    pub(super) fn admits(&self, version: &Version) -> bool {
        match self {
            Self::Range(range) => range.admits(version),
            Self::Tag => true,
            Self::Elsewhere => false,
        }
    }

    /// Whether npm is content with what stands there.
    pub(super) fn is_met_by(&self, version: Option<&Version>) -> bool {
        match (self, version) {
            (Self::Range(range), Some(version)) => range.admits(version),
            (Self::Range(_) | Self::Tag | Self::Elsewhere, _) => true,
        }
    }
}

/// One requirement of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The name of the folder in which it is looked for.
    pub(super) name: Rc<str>,
    /// The package; another one than the name where an alias is asked for.
    pub(super) package: Rc<str>,
    /// As it is written. Untrusted.
    pub(super) written: Rc<str>,
    pub(super) wanted: Rc<Wanted>,
    pub(super) kind: Kind,
}

/// Reads edges, each range once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    known: RefCell<HashMap<String, Rc<Wanted>>>,
    /// Whether peers are passed over, as `legacy-peer-deps` says.
    no_peers: bool,
}

impl Reader {
    pub(super) fn new(no_peers: bool) -> Self {
        Self { no_peers, ..Self::default() }
    }

    /// What a specification asks for.
    pub(super) fn wanted(&self, written: &str) -> Rc<Wanted> {
        if let Some(known) = self.known.borrow().get(written) {
            return Rc::clone(known);
        }
        let text = written.trim();
        let is_word = !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it));
        let wanted = match NpmRange::parse(text) {
            Some(range) => Wanted::Range(range),
            None if is_word => Wanted::Tag,
            None => Wanted::Elsewhere,
        };
        let wanted = Rc::new(wanted);
        self.known.borrow_mut().insert(written.to_owned(), Rc::clone(&wanted));
        wanted
    }

    /// One requirement.
    pub(super) fn edge(&self, name: &str, written: &str, kind: Kind) -> Rc<Edge> {
        let package = alias_of(written).unwrap_or(name);
        let (name, package, written) = (name.into(), package.into(), Rc::<str>::from(written));
        Rc::new(Edge { name, package, wanted: self.wanted(&written), written, kind })
    }

    /// The requirements of an entry or manifest. One for each name: optional ones stand above others, and those of
    /// development above all in a folder of the project (`_loadDeps` in arborist's `node.js`).
    pub(super) fn edges(&self, entry: &Map<String, Value>, is_project: bool) -> Vec<Rc<Edge>> {
        let mut edges = BTreeMap::new();
        let meta = entry.get("peerDependenciesMeta");
        let is_optional = |name: &str| meta.and_then(|it| it.get(name)?.get("optional")?.as_bool()).unwrap_or_default();
        let sections = [
            ("peerDependencies", Kind::Peer),
            ("dependencies", Kind::Production),
            ("optionalDependencies", Kind::Optional),
            ("devDependencies", Kind::Development),
        ];
        for (section, kind) in sections {
            if kind == Kind::Peer && self.no_peers || kind == Kind::Development && !is_project {
                continue;
            }
            for (name, written) in entry.get(section).and_then(Value::as_object).into_iter().flatten() {
                let Some(written) = written.as_str() else { continue };
                let kind = if kind == Kind::Peer && is_optional(name) { Kind::OptionalPeer } else { kind };
                edges.insert(name.as_str(), self.edge(name, written, kind));
            }
        }
        edges.into_values().collect()
    }
}

/// The package of an alias.
fn alias_of(written: &str) -> Option<&str> {
    let target = written.strip_prefix("npm:")?;
    Some(target.rfind('@').filter(|&at| at > 0).map_or(target, |at| &target[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_requirement_stands_for_each_name() {
        let entry = serde_json::json!({
            "dependencies": {"a": "^1", "b": "npm:@scope/real@~2.1", "c": "git+https://git.example/c.git", "d": "latest"},
            "optionalDependencies": {"a": "1.0.0"},
            "devDependencies": {"a": "2.x"},
            "peerDependencies": {"e": "*", "f": "1"},
            "peerDependenciesMeta": {"f": {"optional": true}}
        });
        let told = |is_project: bool, no_peers: bool| -> Vec<String> {
            let reader = Reader::new(no_peers);
            let edges = reader.edges(entry.as_object().unwrap(), is_project);
            edges
                .iter()
                .map(|edge| format!("{} {} {} {:?}", edge.name, edge.package, edge.written, edge.kind))
                .collect()
        };
        assert_eq!(
            told(false, false),
            [
                "a a 1.0.0 Optional",
                "b @scope/real npm:@scope/real@~2.1 Production",
                "c c git+https://git.example/c.git Production",
                "d d latest Production",
                "e e * Peer",
                "f f 1 OptionalPeer",
            ]
        );
        assert_eq!(told(true, true)[0], "a a 2.x Development");
        assert_eq!(told(true, true).len(), 4);
        let reader = Reader::default();
        let version = Version::parse("2.1.9").unwrap();
        assert!(reader.wanted("npm:@scope/real@~2.1").admits(&version));
        assert!(reader.wanted("latest").admits(&version));
        assert!(!reader.wanted("git+https://git.example/c.git").admits(&version));
        assert!(reader.wanted("git+https://git.example/c.git").is_met_by(Some(&version)));
        assert!(!reader.wanted("^3").is_met_by(Some(&version)));
    }
}
