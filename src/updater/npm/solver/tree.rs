//! The tree: every installed copy of a lockfile, with a journal, so that what does not help can be taken back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::edge::Edge;
use super::entry::{Entry, Standing};
use super::overrides::Overrides;

/// What separates a copy from the folder that it stands in.
const NODE_MODULES: &str = "node_modules/";

/// A change that can be taken back.
enum Change {
    Entry(Rc<str>, Option<Rc<Entry>>),
    Overrides(Rc<Overrides>),
}

/// What some changes have come to, to be made again.
pub(super) struct Changes {
    entries: Vec<(Rc<str>, Option<Rc<Entry>>)>,
    overrides: Rc<Overrides>,
}

/// A requirement on a copy.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Who asks.
    pub(super) from: Rc<str>,
    /// What its manifest says.
    pub(super) edge: Rc<Edge>,
    /// What counts: the same, unless an override stands above it.
    pub(super) counts: Rc<Edge>,
}

impl Ask {
    pub(super) fn is_overridden(&self) -> bool {
        !Rc::ptr_eq(&self.edge, &self.counts)
    }
}

/// Every installed copy.
pub(super) struct Tree {
    entries: BTreeMap<Rc<str>, Rc<Entry>>,
    /// Who asks for a name.
    asking: HashMap<Rc<str>, BTreeSet<Rc<str>>>,
    /// The copies with known flaws.
    flawed: BTreeSet<Rc<str>>,
    overrides: Rc<Overrides>,
    journal: Vec<Change>,
}

impl Tree {
    pub(super) fn new(entries: impl IntoIterator<Item = (Rc<str>, Entry)>, overrides: Overrides) -> Self {
        let mut tree = Self {
            entries: BTreeMap::new(),
            asking: HashMap::new(),
            flawed: BTreeSet::new(),
            overrides: Rc::new(overrides),
            journal: Vec::new(),
        };
        for (path, entry) in entries {
            tree.set(&path, Some(&Rc::new(entry)));
        }
        tree
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Rc<str>, &Rc<Entry>)> {
        self.entries.iter()
    }

    pub(super) fn get(&self, path: &str) -> Option<&Rc<Entry>> {
        self.entries.get(path)
    }

    /// The copies with known flaws, in order.
    pub(super) fn flawed(&self) -> &BTreeSet<Rc<str>> {
        &self.flawed
    }

    pub(super) fn overrides(&self) -> &Rc<Overrides> {
        &self.overrides
    }

    pub(super) fn set_overrides(&mut self, overrides: Overrides) {
        let old = std::mem::replace(&mut self.overrides, Rc::new(overrides));
        self.journal.push(Change::Overrides(old));
    }

    pub(super) fn insert(&mut self, path: &str, entry: &Rc<Entry>) {
        let path = self.key(path);
        let old = self.set(&path, Some(entry));
        self.journal.push(Change::Entry(path, old));
    }

    /// Takes a copy away, and what stands in its folder.
    pub(super) fn remove(&mut self, path: &str) {
        for below in self.below(path).into_iter().chain([self.key(path)]) {
            let old = self.set(&below, None);
            if old.is_some() {
                self.journal.push(Change::Entry(below, old));
            }
        }
    }

    /// The copies in the folder of another one.
    pub(super) fn below(&self, path: &str) -> Vec<Rc<str>> {
        let start = format!("{path}/");
        let after =
            self.entries.range::<str, _>((std::ops::Bound::Included(start.as_str()), std::ops::Bound::Unbounded));
        after.map(|(path, _)| Rc::clone(path)).take_while(|path| path.starts_with(&start)).collect()
    }

    fn key(&self, path: &str) -> Rc<str> {
        self.entries.get_key_value(path).map_or_else(|| path.into(), |(path, _)| Rc::clone(path))
    }

    fn set(&mut self, path: &Rc<str>, entry: Option<&Rc<Entry>>) -> Option<Rc<Entry>> {
        let old = match entry {
            Some(entry) => self.entries.insert(Rc::clone(path), Rc::clone(entry)),
            None => self.entries.remove(path),
        };
        for edge in old.iter().flat_map(|old| &old.edges) {
            if let Some(asking) = self.asking.get_mut(&edge.name) {
                asking.remove(path);
            }
        }
        for edge in entry.into_iter().flat_map(|entry| &entry.edges) {
            self.asking.entry(Rc::clone(&edge.name)).or_default().insert(Rc::clone(path));
        }
        match entry {
            Some(entry) if !entry.flaws.is_empty() => self.flawed.insert(Rc::clone(path)),
            _ => self.flawed.remove(path),
        };
        old
    }

    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back everything since a mark.
    pub(super) fn roll_back(&mut self, mark: usize) {
        while self.journal.len() > mark {
            match self.journal.pop() {
                Some(Change::Entry(path, entry)) => drop(self.set(&path, entry.as_ref())),
                Some(Change::Overrides(overrides)) => self.overrides = overrides,
                None => {}
            }
        }
    }

    /// The copies that were changed since a mark, with what stood there first.
    pub(super) fn changed_since(&self, mark: usize) -> BTreeMap<Rc<str>, Option<Rc<Entry>>> {
        let mut changed = BTreeMap::new();
        for change in &self.journal[mark..] {
            if let Change::Entry(path, old) = change {
                changed.entry(Rc::clone(path)).or_insert_with(|| old.clone());
            }
        }
        changed
    }

    /// What the changes since a mark have come to.
    pub(super) fn changes_since(&self, mark: usize) -> Changes {
        let entries = self.changed_since(mark).into_keys().map(|path| {
            let entry = self.entries.get(&path).cloned();
            (path, entry)
        });
        Changes { entries: entries.collect(), overrides: Rc::clone(&self.overrides) }
    }

    /// Makes changes again.
    pub(super) fn make(&mut self, changes: Changes) {
        for (path, entry) in changes.entries {
            let old = self.set(&path, entry.as_ref());
            self.journal.push(Change::Entry(path, old));
        }
        let old = std::mem::replace(&mut self.overrides, changes.overrides);
        self.journal.push(Change::Overrides(old));
    }

    /// What the changes since a mark cost: half of it for what goes away, nothing for what is for other platforms.
    pub(super) fn cost_since(&self, mark: usize) -> usize {
        let cost = |(path, old): (&Rc<str>, &Option<Rc<Entry>>)| match (self.entries.get(path), old) {
            (Some(new), Some(old)) if new.written == old.written => 0,
            (Some(new), _) => {
                if new.is_native() {
                    0
                } else {
                    2
                }
            }
            (None, old) => usize::from(old.is_some()),
        };
        self.changed_since(mark).iter().map(cost).sum()
    }

    /// The copy that an entry gets for an edge.
    pub(super) fn resolve(&self, from: &str, edge: &Edge) -> Option<Rc<str>> {
        // Peers are never taken from the own folder.
        let skip = edge.kind.is_peer() && !is_project(from);
        let mut folder = Some(if skip { up(from).unwrap_or_default() } else { from });
        let mut path = String::new();
        while let Some(here) = folder {
            path.clear();
            path.push_str(here);
            if !here.is_empty() {
                path.push('/');
            }
            path.push_str(NODE_MODULES);
            path.push_str(&edge.name);
            if let Some((found, entry)) = self.entries.get_key_value(path.as_str()) {
                return match &entry.standing {
                    Standing::Link(target) => Some(self.key(target)),
                    _ => Some(Rc::clone(found)),
                };
            }
            folder = up(here);
        }
        None
    }

    /// The edge that counts for an entry: an override may stand above it.
    pub(super) fn counts(&self, from: &str, edge: &Rc<Edge>) -> Rc<Edge> {
        if self.overrides.is_empty() || is_project(from) {
            return Rc::clone(edge);
        }
        let version = self.entries.get(from).and_then(|entry| entry.version.as_ref());
        self.overrides.of(&chain(from), version, edge).unwrap_or_else(|| Rc::clone(edge))
    }

    /// Everyone who gets the copy at a path, and what they ask for.
    pub(super) fn asks(&self, path: &str) -> Vec<Ask> {
        let mut asks = Vec::new();
        let Some(asking) = self.asking.get(name_of(path)) else { return asks };
        for from in asking {
            let Some(entry) = self.entries.get(from) else { continue };
            for edge in entry.edges.iter().filter(|edge| &*edge.name == name_of(path)) {
                if self.resolve(from, edge).as_deref() == Some(path) {
                    asks.push(Ask { from: Rc::clone(from), edge: Rc::clone(edge), counts: self.counts(from, edge) });
                }
            }
        }
        asks
    }

    /// Whether an ask is met by what stands at a path.
    pub(super) fn is_met(&self, ask: &Edge, path: &str) -> bool {
        self.entries.get(path).is_none_or(|entry| {
            let other_package = entry.standing == Standing::Registry && entry.package != ask.package;
            !other_package && ask.wanted.is_met_by(entry.version.as_ref())
        })
    }
}

/// Whether a path is a folder of the project, and no installed copy.
pub(super) fn is_project(path: &str) -> bool {
    !path.contains(NODE_MODULES)
}

/// The name of the folder of a copy; of a project's folder the path, which nobody asks for by this name.
pub(super) fn name_of(path: &str) -> &str {
    path.rfind(NODE_MODULES).map_or(path, |at| &path[at + NODE_MODULES.len()..])
}

/// The folder in whose `node_modules` a copy stands; of a folder of the project the one above.
pub(in crate::updater::npm) fn up(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    let at = path.rfind(NODE_MODULES).or_else(|| path.rfind('/')).unwrap_or_default();
    Some(path[..at].trim_end_matches('/'))
}

/// The names on the way to a copy, its own last.
pub(super) fn chain(path: &str) -> Vec<&str> {
    path.split(NODE_MODULES).skip(1).map(|name| name.trim_end_matches('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        for (path, name, above) in [
            ("node_modules/a", "a", Some("")),
            ("node_modules/@s/a/node_modules/b", "b", Some("node_modules/@s/a")),
            ("packages/p/node_modules/@s/b", "@s/b", Some("packages/p")),
            ("packages/p", "packages/p", Some("packages")),
            ("", "", None),
        ] {
            assert_eq!((name_of(path), up(path)), (name, above), "{path}");
        }
        assert_eq!(chain("packages/p/node_modules/a/node_modules/@s/b"), ["a", "@s/b"]);
    }

    #[test]
    fn everyone_gets_the_nearest_copy() {
        let tree = tree(serde_json::json!({
            "": {"dependencies": {"a": "^1", "p": "*"}, "workspaces": ["packages/*"]},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "^2"}, "peerDependencies": {"c": "*"}},
            "node_modules/a/node_modules/b": {"version": "2.0.0", "dependencies": {"c": "1"}},
            "node_modules/a/node_modules/c": {"version": "1.0.0"},
            "node_modules/b": {"version": "1.0.0"},
            "node_modules/c": {"version": "3.0.0"},
            "node_modules/p": {"link": true, "resolved": "packages/p"},
            "packages/p": {"dependencies": {"b": "^1"}}
        }));
        let asked = |path: &str| -> Vec<String> {
            tree.asks(path).iter().map(|ask| format!("{} {}", ask.from, ask.edge.written)).collect()
        };
        assert_eq!(asked("node_modules/a/node_modules/b"), ["node_modules/a ^2"]);
        assert_eq!(asked("node_modules/b"), ["packages/p ^1"]);
        assert_eq!(asked("node_modules/a/node_modules/c"), ["node_modules/a/node_modules/b 1"]);
        assert_eq!(asked("node_modules/c"), ["node_modules/a *"]);
        let edge = tree.get("").unwrap().edges.iter().find(|edge| &*edge.name == "p").unwrap();
        assert_eq!(tree.resolve("", edge).as_deref(), Some("packages/p"));
    }

    #[test]
    fn what_was_done_can_be_taken_back_and_made_again() {
        let mut tree = tree(serde_json::json!({
            "": {"dependencies": {"a": "^1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "^2"}},
            "node_modules/a/node_modules/b": {"version": "2.0.0"}
        }));
        let mark = tree.mark();
        tree.remove("node_modules/a");
        assert_eq!((tree.entries().count(), tree.cost_since(mark)), (1, 2));
        let changes = tree.changes_since(mark);
        tree.roll_back(mark);
        assert_eq!((tree.entries().count(), tree.asks("node_modules/a/node_modules/b").len()), (3, 1));
        tree.make(changes);
        assert_eq!(tree.entries().count(), 1);
    }
}
