//! Reasons: why each copy came to the release at which it stands now, in one sentence.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Solver;
use super::entry::Entry;
use super::tree::{Ask, is_project};
use crate::model::advisory::AdvisoryId;

/// How many ranges are told.
const RANGE_LIMIT: usize = 3;

impl Solver<'_> {
    /// By package and new version.
    pub(super) fn reasons(&self) -> BTreeMap<(String, String), String> {
        let mut reasons = BTreeMap::new();
        let changed = self.tree.changed_since(self.start);
        for (path, before) in &changed {
            let (Some(old), Some(new)) = (before, self.tree.get(path)) else {
                if let Some(new) =
                    self.tree.get(path).filter(|it| self.wanted.contains_key(&*it.package) && it.flaws.is_empty())
                {
                    let key = (new.package.to_string(), new.written.to_string());
                    let reason = "a copy of its own, because another one has to stay".to_owned();
                    reasons.entry(key).or_insert(reason);
                }
                continue;
            };
            if is_project(path) || old.written == new.written {
                continue;
            }
            let key = (new.package.to_string(), new.written.to_string());
            let reason = if self.wanted_of(old) > 0 {
                Some(self.of_goal(path, old, new))
            } else {
                self.of_parent(path, old, &changed)
            };
            if let Some(reason) = reason {
                reasons.insert(key, reason);
            }
        }
        reasons
    }

    fn of_goal(&self, path: &Rc<str>, old: &Entry, new: &Entry) -> String {
        let Some(version) = &new.version else { return String::new() };
        let passed: Vec<_> = self.clean(old).into_iter().filter(|it| it.version < *version).collect();
        let chosen = if !new.flaws.is_empty() {
            let left: Vec<&str> = new.flaws.iter().map(AdvisoryId::as_str).collect();
            if self.clean(old).is_empty() {
                format!("no release is free of known flaws; the lowest with the fewest still has {}", left.join(", "))
            } else {
                format!(
                    "no release in range is free of known flaws; the lowest with the fewest still has {}",
                    left.join(", ")
                )
            }
        } else if passed.is_empty() {
            "lowest release that no known advisory affects".to_owned()
        } else if passed.iter().all(|it| it.is_deprecated || !it.fits_engine) {
            "lowest release that no known advisory affects and that is kept up for the project's Node.js".to_owned()
        } else {
            "lowest release that no known advisory affects and that what requires it can use".to_owned()
        };
        let chosen = match self.market.needed_node(new) {
            Some(node) => format!("{chosen}; it needs Node.js `{node}`, and the project admits older ones"),
            None => chosen,
        };
        let asks = self.asks(path);
        if asks.iter().any(Ask::is_overridden) {
            return format!("{chosen}; held there by the project's `overrides`");
        }
        let mut ranges: Vec<String> = asks.iter().map(|ask| format!("`{}`", ask.counts.written)).collect();
        ranges.sort();
        ranges.dedup();
        ranges.truncate(RANGE_LIMIT);
        let before = self.ranges_before(path);
        let kept = ranges.iter().all(|range| before.contains(range));
        match (ranges.is_empty(), kept) {
            (true, _) => chosen,
            (false, true) => format!("{chosen}; within the range {} that is asked for", ranges.join(", ")),
            (false, false) => {
                let mut before = before;
                before.truncate(RANGE_LIMIT);
                format!("{chosen}; outside of the range {} that was asked for", before.join(", "))
            }
        }
    }

    /// What was asked for a copy before anything moved, sorted.
    fn ranges_before(&self, path: &str) -> Vec<String> {
        let changed = self.tree.changed_since(self.start);
        let name = super::tree::name_of(path);
        let mut ranges = Vec::new();
        let entries = self.tree.entries().map(|(path, entry)| (path, Some(entry)));
        let gone = changed.iter().filter(|(path, _)| self.tree.get(path).is_none()).map(|(path, _)| (path, None));
        for (from, now) in entries.chain(gone) {
            let before = match changed.get(from) {
                Some(before) => before.as_ref(),
                None => now,
            };
            for edge in before.iter().flat_map(|entry| &entry.edges).filter(|edge| *edge.name == *name) {
                if self.tree.resolve(from, edge).is_none_or(|found| *found == *path) {
                    ranges.push(format!("`{}`", self.tree.counts(from, edge).written));
                }
            }
        }
        ranges.sort();
        ranges.dedup();
        ranges
    }

    /// A copy that had to move so that another one could; `None` for one that only moved along.
    fn of_parent(&self, path: &Rc<str>, old: &Entry, changed: &BTreeMap<Rc<str>, Option<Rc<Entry>>>) -> Option<String> {
        let had_flaws =
            |place: &Rc<str>| changed.get(place).and_then(Option::as_ref).filter(|it| self.wanted_of(it) > 0);
        for edge in &old.edges {
            // Where the copy stood that it got: at its own place, or above.
            let below: Rc<str> = format!("{path}/node_modules/{}", edge.name).into();
            let above: Rc<str> = format!("node_modules/{}", edge.name).into();
            let Some(flawed) = had_flaws(&below).or_else(|| had_flaws(&above)) else { continue };
            let now = self.tree.get(path)?.edges.iter().find(|it| it.name == edge.name);
            let Some(now) = now else {
                return Some(format!(
                    "release that does not need `{}` any more and changes the least else",
                    flawed.package
                ));
            };
            if now.written != edge.written {
                let found = self.tree.resolve(path, now).and_then(|found| self.tree.get(&found).cloned())?;
                return Some(format!(
                    "release that admits `{}` {} and changes the least else",
                    found.package, found.written
                ));
            }
        }
        None
    }
}
