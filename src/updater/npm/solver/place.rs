//! Placing: a copy moves to another release, and what that release asks for is found a place: first where a copy stands, and
//! only where that is impossible in a new folder.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use nodejs_semver::Version;

use super::Solver;
use super::edge::{Edge, Kind, Wanted};
use super::entry::Standing;
use super::market::{Candidate, Market};
use super::tree::{is_project, name_of};

/// More steps than this are no small change any more.
const STEP_LIMIT: usize = 600;

/// Requirements that wait until all others have a place.
type Waiting = Vec<(Rc<str>, Rc<Edge>)>;

impl Solver<'_> {
    /// Moves a copy to a release, with everything that it needs; whether that worked. Nothing is taken back where it did not.
    pub(super) fn move_to(&mut self, path: &str, candidate: &Candidate) -> bool {
        let Some(old) = self.tree.get(path).cloned() else { return false };
        if candidate.bundles && !old.brings_its_own() || !self.market.is_complete(candidate) {
            return false;
        }
        let mark = self.tree.mark();
        self.replace(path, candidate);
        let placed = self.place_needs(VecDeque::from([Rc::<str>::from(path)]));
        if placed {
            self.sweep(mark);
        }
        placed
    }

    /// Writes a release in the place of a copy. What the old archive brought along goes with it.
    fn replace(&mut self, path: &str, candidate: &Candidate) {
        let Some(old) = self.tree.get(path).cloned() else { return };
        for below in self.tree.below(path) {
            let bundled = self.tree.get(&below).is_some_and(|entry| entry.standing == Standing::Bundled);
            if bundled || old.brings_its_own() {
                self.tree.remove(&below);
            }
        }
        let entry = Market::entry(candidate, (name_of(path), Some(&old)));
        self.tree.insert(path, &entry);
    }

    /// Finds a place for what some copies ask for, and for what that asks for.
    pub(super) fn place_needs(&mut self, mut open: VecDeque<Rc<str>>) -> bool {
        let mut waiting: Waiting = Vec::new();
        let mut nested = Vec::new();
        for _ in 0..STEP_LIMIT {
            if let Some(path) = open.pop_front() {
                if !self.place_edges(&path, &mut open, &mut waiting) {
                    return false;
                }
            } else if let Some((from, edge)) = self.next_waiting(&mut waiting, &mut open) {
                match self.nest(&from, &edge) {
                    Some(path) => {
                        nested.push(Rc::clone(&path));
                        open.push_back(path);
                    }
                    None => return false,
                }
            } else if open.is_empty() {
                self.merge(&nested);
                return true;
            }
        }
        false
    }

    /// One copy's requirements. What cannot be met where a copy stands waits.
    fn place_edges(&mut self, path: &Rc<str>, open: &mut VecDeque<Rc<str>>, waiting: &mut Waiting) -> bool {
        let Some(entry) = self.tree.get(path).cloned() else { return true };
        // What an archive brings along is complete.
        if entry.standing == Standing::Bundled {
            return true;
        }
        for edge in &entry.edges {
            if self.was_broken(path, edge) {
                continue;
            }
            let edge = self.tree.counts(path, edge);
            // What is locked for another address is not what this one leads to, and nobody is asked there.
            let is_known = || self.elsewhere.contains(&(Rc::clone(&edge.name), Rc::clone(&edge.written)));
            if *edge.wanted == Wanted::Elsewhere && !is_known() {
                return false;
            }
            let Some(found) = self.tree.resolve(path, &edge) else {
                if edge.kind == Kind::OptionalPeer {
                    continue;
                }
                match self.add(path, &edge) {
                    Some(added) => open.push_back(added),
                    None if edge.kind == Kind::Optional => {}
                    None => return false,
                }
                continue;
            };
            if !self.tree.is_met(&edge, &found) {
                if self.move_in_place(&found) { open.push_back(found) } else { waiting.push((Rc::clone(path), edge)) }
            }
        }
        true
    }

    /// The next requirement that has no place yet; a place may have come up by now.
    fn next_waiting(&mut self, waiting: &mut Waiting, open: &mut VecDeque<Rc<str>>) -> Option<(Rc<str>, Rc<Edge>)> {
        let mut index = 0;
        while let Some((from, edge)) = waiting.get(index).cloned() {
            let found = self.tree.get(&from).and_then(|_| self.tree.resolve(&from, &edge));
            let gone = self.tree.get(&from).is_none();
            if gone || found.as_ref().is_some_and(|found| self.tree.is_met(&edge, found)) {
                waiting.remove(index);
            } else if let Some(found) = found.filter(|found| self.move_in_place(found)) {
                waiting.remove(index);
                open.push_back(found);
                return None;
            } else {
                index += 1;
            }
        }
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    /// Moves a copy up to the lowest release that everyone who gets it is content with.
    fn move_in_place(&mut self, path: &str) -> bool {
        let Some(old) = self.tree.get(path).cloned() else { return false };
        let Some(current) = old.version.as_ref().filter(|_| old.standing == Standing::Registry) else { return false };
        let asks = self.asks(path);
        let all = self.market.candidates(&old.package);
        let fits = |candidate: &&Rc<Candidate>| {
            let is_asked_for = asks.iter().any(|ask| *ask.counts.written == *candidate.written);
            candidate.version > *current
                && (!candidate.version.is_prerelease() || is_asked_for)
                && candidate.flaws.is_subset(&old.flaws)
                && (!candidate.bundles || old.brings_its_own())
                && asks
                    .iter()
                    .all(|ask| *ask.counts.package == *old.package && ask.counts.wanted.admits(&candidate.version))
        };
        let Some(chosen) = all.iter().filter(fits).min_by_key(|it| (it.rank(), it.version.clone())).cloned() else {
            return false;
        };
        if !self.market.is_complete(&chosen) {
            return false;
        }
        self.replace(path, &chosen);
        true
    }

    /// A new copy for a requirement that nothing meets yet.
    fn add(&mut self, from: &str, edge: &Edge) -> Option<Rc<str>> {
        let slot = format!("node_modules/{}", edge.name);
        let candidate = self.choose(edge, "")?;
        let entry = Market::entry(&candidate, (&edge.name, None));
        self.tree.insert(&slot, &entry);
        // Optional peers of others may get it now.
        let fits = self.asks(&slot).iter().all(|ask| self.tree.is_met(&ask.counts, &slot));
        if fits {
            return Some(slot.into());
        }
        self.tree.remove(&slot);
        self.nest(from, edge)
    }

    /// A new copy in the folder of who asks for it.
    fn nest(&mut self, from: &str, edge: &Edge) -> Option<Rc<str>> {
        if edge.kind.is_peer() || from.is_empty() {
            return None;
        }
        let slot = format!("{from}/node_modules/{}", edge.name);
        let candidate = self.choose(edge, from)?;
        let movable = self.tree.get(&slot).is_none_or(|old| old.standing == Standing::Registry);
        if !movable || is_project(&slot) {
            return None;
        }
        self.tree.remove(&slot);
        let entry = Market::entry(&candidate, (&edge.name, None));
        self.tree.insert(&slot, &entry);
        // Others in the same folder get it now.
        let fits = self.asks(&slot).iter().all(|ask| self.tree.is_met(&ask.counts, &slot));
        fits.then(|| slot.into())
    }

    /// The release for a new copy: the newest, as npm takes it, or the lowest where less is missing for it.
    fn choose(&self, edge: &Edge, from: &str) -> Option<Rc<Candidate>> {
        // What was a part of an archive comes from the registry now, and not in a lower version.
        let locked = self.locked.get(&edge.package).into_iter().flatten();
        let floor = locked.filter(|version| edge.wanted.admits(version)).max();
        self.choose_above(edge, from, floor).or_else(|| self.choose_above(edge, from, None))
    }

    fn choose_above(&self, edge: &Edge, from: &str, floor: Option<&Version>) -> Option<Rc<Candidate>> {
        let all = self.market.candidates(&edge.package);
        let admitted = |candidate: &&Rc<Candidate>| {
            let exact = *candidate.written == *edge.written;
            floor.is_none_or(|floor| candidate.version >= *floor)
                && edge.wanted.admits(&candidate.version)
                && !candidate.bundles
                && (!candidate.version.is_prerelease() || exact || matches!(*edge.wanted, Wanted::Range(_)))
        };
        let best = all.iter().filter(admitted).map(|candidate| candidate.rank()).min()?;
        let mut fitting = all.iter().filter(admitted).filter(|candidate| candidate.rank() == best);
        let lowest = fitting.next()?;
        let Some(newest) = fitting.next_back() else { return self.published(lowest) };
        let missing = |candidate: &Candidate| {
            let edges = candidate.edges().iter().filter(|edge| edge.kind == Kind::Production);
            let open = |edge: &&Rc<Edge>| {
                let found = self.tree.resolve(from, edge);
                found.is_none_or(|found| !self.tree.is_met(edge, &found))
            };
            edges.filter(open).count()
        };
        let first = if missing(lowest) < missing(newest) { lowest } else { newest };
        self.published(first).or_else(|| self.published(if Rc::ptr_eq(first, lowest) { newest } else { lowest }))
    }

    fn published(&self, candidate: &Rc<Candidate>) -> Option<Rc<Candidate>> {
        self.market.is_complete(candidate).then(|| Rc::clone(candidate))
    }

    /// Takes new nested copies away that a later move has made needless.
    fn merge(&mut self, nested: &[Rc<str>]) {
        for path in nested {
            let Some(entry) = self.tree.get(path).cloned() else { continue };
            if !self.tree.below(path).is_empty() {
                continue;
            }
            let asks = self.asks(path);
            let mark = self.tree.mark();
            self.tree.remove(path);
            let still_met = asks.iter().all(|ask| {
                let found = self.tree.resolve(&ask.from, &ask.counts);
                let found = found.and_then(|found| self.tree.get(&found).cloned().map(|it| (found, it)));
                found.is_some_and(|(found, other)| {
                    self.tree.is_met(&ask.counts, &found) && other.flaws.is_subset(&entry.flaws)
                })
            });
            if !still_met {
                self.tree.roll_back(mark);
            }
        }
    }

    /// Takes away what nobody asks for since a mark.
    pub(super) fn sweep(&mut self, mark: usize) {
        let mut seen = 0;
        loop {
            let changed = self.tree.changed_since(mark);
            if changed.len() == seen {
                return;
            }
            seen = changed.len();
            let mut suspects = BTreeSet::new();
            for (path, old) in &changed {
                // A copy that is itself gone asked from where it stood.
                for edge in old.iter().flat_map(|old| &old.edges) {
                    suspects.extend(self.tree.resolve(path, edge));
                    suspects.extend(self.tree.resolve(path, &self.tree.counts(path, edge)));
                }
                suspects.insert(Rc::clone(path));
            }
            for path in suspects {
                let Some(entry) = self.tree.get(&path) else { continue };
                let is_part = matches!(entry.standing, Standing::Project | Standing::Link(_) | Standing::Bundled);
                let needed = self.asks(&path).iter().any(|ask| ask.edge.kind != Kind::OptionalPeer);
                if !is_part && !needed {
                    self.tree.remove(&path);
                }
            }
        }
    }
}
