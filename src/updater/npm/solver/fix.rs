//! Fixing one copy: it moves in place, its parents let it move, it is split from those who do not, or it loses what it can.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use super::Solver;
use super::entry::{Entry, Standing};
use super::market::{Candidate, Market};
use super::tree::{Ask, is_project};

/// How many parents on top of one another may have to move.
const DEPTH_LIMIT: usize = 5;
/// How many releases are tried, the lowest ones and the newest; the one with the smallest change wins.
const TRIAL_LIMIT: usize = 6;
/// What a flaw weighs in changed copies.
const FLAW_COST: usize = 6;

/// The copies that are on their way already, so that packages that require each other come to an end.
pub(super) type Way = BTreeSet<Rc<str>>;

impl Solver<'_> {
    /// Rids a copy of as many flaws as can be; whether anything got better. What does not help is taken back.
    pub(super) fn fix(&mut self, path: &Rc<str>) -> bool {
        let (mark, before) = (self.tree.mark(), self.score());
        for attempt in [Self::free, Self::free_below_raised_parents, Self::split, Self::lessen, Self::override_new] {
            if attempt(self, path) && self.is_better_than(&before, mark) {
                return true;
            }
            self.tree.roll_back(mark);
            if self.market.is_over() {
                return false;
            }
        }
        false
    }

    /// Brings a copy to a release without a known flaw.
    fn free(&mut self, path: &Rc<str>) -> bool {
        let Some(entry) = self.tree.get(path).cloned() else { return true };
        if entry.standing == Standing::Bundled {
            return self.free_bundler(path);
        }
        let clean = self.clean(&entry);
        self.bring(path, &clean, &Way::new())
    }

    /// Moves the parents that can let the copy move, and splits it from the others.
    fn free_below_raised_parents(&mut self, path: &Rc<str>) -> bool {
        let Some(entry) = self.tree.get(path).cloned().filter(|it| it.standing == Standing::Registry) else {
            return false;
        };
        let clean = self.clean(&entry);
        let way = Way::from([Rc::clone(path)]);
        let mut progress = false;
        for ask in self.blocking(path, &clean) {
            let mark = self.tree.mark();
            if self.unblock(path, &ask, &clean, &way) {
                progress = true;
            } else {
                self.tree.roll_back(mark);
            }
        }
        if !progress || self.tree.get(path).is_none() {
            return progress;
        }
        self.cheapest(path, &self.fitting(path, &clean)) || self.split(path) || progress
    }

    /// Brings a bundled copy's bundler to a release that bundles nothing.
    fn free_bundler(&mut self, path: &Rc<str>) -> bool {
        let Some((bundler, entry)) = self.bundler(path) else { return false };
        if entry.standing != Standing::Registry {
            return false;
        }
        let plain: Vec<Rc<Candidate>> =
            self.above(&entry).into_iter().filter(|it| !it.bundles && it.flaws.is_subset(&entry.flaws)).collect();
        self.bring(&bundler, &plain, &Way::new())
    }

    /// The package whose archive a copy is a part of.
    pub(super) fn bundler(&self, path: &str) -> Option<(Rc<str>, Rc<Entry>)> {
        let mut place = path;
        loop {
            place = super::tree::up(place)?;
            let entry = self.tree.get(place)?;
            if entry.standing != Standing::Bundled {
                return Some((place.into(), Rc::clone(entry)));
            }
        }
    }

    /// Brings a copy to the lowest of some releases that works, with the parents that have to move for it.
    pub(super) fn bring(&mut self, path: &Rc<str>, good: &[Rc<Candidate>], way: &Way) -> bool {
        let movable = self.tree.get(path).is_some_and(|entry| entry.standing == Standing::Registry);
        if !movable || good.is_empty() || way.len() > DEPTH_LIMIT || way.contains(path) {
            return false;
        }
        if self.cheapest(path, &self.fitting(path, good)) {
            return true;
        }
        let blocking = self.blocking(path, good);
        if blocking.is_empty() {
            return false;
        }
        let mut way = way.clone();
        way.insert(Rc::clone(path));
        let (own, others): (Vec<Ask>, Vec<Ask>) =
            blocking.into_iter().partition(|ask| is_project(&ask.from) && !ask.is_overridden());
        for ask in others {
            if !self.unblock(path, &ask, good, &way) {
                return false;
            }
        }
        match self.tree.get(path).map(|entry| Rc::clone(&entry.written)) {
            None => true,
            Some(now) if good.iter().any(|candidate| candidate.written == now) => true,
            Some(_) if own.is_empty() => self.cheapest(path, &self.fitting(path, good)),
            Some(_) => self.raise_best(path, &own, good),
        }
    }

    /// Raises the project's own requirements on a copy to the release that leaves the fewest flaws: the lowest of a major version
    /// may need again what it no longer needs itself.
    fn raise_best(&mut self, path: &Rc<str>, asks: &[Ask], good: &[Rc<Candidate>]) -> bool {
        let mark = self.tree.mark();
        let mut majors = BTreeSet::new();
        let mut sorted = good.to_vec();
        sorted.sort_by_key(|it| (it.is_deprecated, !it.fits_engine, it.version.clone()));
        sorted.retain(|it| majors.insert((it.version.major(), (it.version.major() == 0).then(|| it.version.minor()))));
        let mut best = None;
        for candidate in sorted.iter().take(TRIAL_LIMIT) {
            let chosen = [Rc::clone(candidate)];
            let raised = asks.iter().all(|ask| self.raise_requirement(path, ask, &chosen));
            if raised && self.cheapest(path, &self.fitting(path, good)) {
                let cost = self.tree.cost_since(mark) + FLAW_COST * self.score().wanted;
                if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                    best = Some((cost, self.tree.changes_since(mark)));
                }
            }
            self.tree.roll_back(mark);
        }
        best.map(|(_, changes)| self.tree.make(changes)).is_some()
    }

    /// Sees to it that who asks for a copy admits one of the releases.
    fn unblock(&mut self, path: &Rc<str>, ask: &Ask, good: &[Rc<Candidate>], way: &Way) -> bool {
        let Some(parent) = self.tree.get(&ask.from).cloned() else { return true };
        if ask.is_overridden() {
            return self.raise_override(path, ask, good);
        }
        if is_project(&ask.from) {
            return self.raise_requirement(path, ask, good);
        }
        let admits = |candidate: &Candidate| {
            let mut on_it = candidate.edges().iter().filter(|edge| edge.name == ask.edge.name);
            on_it.next().is_none_or(|edge| good.iter().any(|it| edge.wanted.admits(&it.version)))
        };
        let admitting: Vec<Rc<Candidate>> = self
            .above(&parent)
            .into_iter()
            .filter(|candidate| admits(candidate) && candidate.flaws.is_subset(&parent.flaws))
            .collect();
        self.bring(&ask.from, &admitting, way)
    }

    /// Takes the best release within all ranges, where none is free of flaws.
    fn lessen(&mut self, path: &Rc<str>) -> bool {
        let Some(entry) = self.tree.get(path).cloned().filter(|it| it.standing == Standing::Registry) else {
            return false;
        };
        let fewer = |candidate: &Rc<Candidate>| {
            candidate.flaws.is_subset(&entry.flaws) && candidate.flaws.len() < entry.flaws.len()
        };
        let fewer: Vec<Rc<Candidate>> = self.above(&entry).into_iter().filter(fewer).collect();
        let mut fewer = self.fitting(path, &fewer);
        fewer.sort_by_key(|candidate| candidate.rank());
        let mark = self.tree.mark();
        for candidate in fewer.iter().take(TRIAL_LIMIT) {
            if self.move_to(path, candidate) {
                return true;
            }
            self.tree.roll_back(mark);
        }
        false
    }

    /// The releases above a copy, lowest first; pre-releases only above one.
    pub(super) fn above(&self, entry: &Entry) -> Vec<Rc<Candidate>> {
        let Some(current) = &entry.version else { return Vec::new() };
        let all = self.market.candidates(&entry.package);
        let above = all.iter().filter(|candidate| {
            candidate.version > *current && (!candidate.version.is_prerelease() || current.is_prerelease())
        });
        above.cloned().collect()
    }

    /// The releases above a copy that no known advisory affects.
    pub(super) fn clean(&self, entry: &Entry) -> Vec<Rc<Candidate>> {
        self.above(entry).into_iter().filter(|candidate| candidate.is_clean()).collect()
    }

    /// Those of some releases that everyone who gets the copy admits, the ones that are kept up first.
    pub(super) fn fitting(&self, path: &str, good: &[Rc<Candidate>]) -> Vec<Rc<Candidate>> {
        let Some(package) = self.tree.get(path).map(|entry| Rc::clone(&entry.package)) else { return Vec::new() };
        let asks = self.asks(path);
        let fits = |candidate: &Candidate| {
            asks.iter().all(|ask| ask.counts.package == package && ask.counts.wanted.admits(&candidate.version))
        };
        let mut fitting: Vec<Rc<Candidate>> = good.iter().filter(|candidate| fits(candidate)).cloned().collect();
        fitting.sort_by_key(|candidate| (candidate.is_deprecated, !candidate.fits_engine));
        fitting
    }

    /// Those who get a copy and admit none of the releases.
    pub(super) fn blocking(&self, path: &str, good: &[Rc<Candidate>]) -> Vec<Ask> {
        let blocks = |ask: &Ask| !good.iter().any(|candidate| ask.counts.wanted.admits(&candidate.version));
        self.asks(path).into_iter().filter(blocks).collect()
    }

    /// Moves a copy to the release for which the least has to change.
    pub(super) fn cheapest(&mut self, path: &str, fitting: &[Rc<Candidate>]) -> bool {
        let mark = self.tree.mark();
        let newest = fitting.iter().skip(TRIAL_LIMIT).max_by(|left, right| left.version.cmp(&right.version));
        let mut best = None;
        for candidate in fitting.iter().take(TRIAL_LIMIT).chain(newest) {
            if self.move_to(path, candidate) && self.brings_nothing_new(mark) {
                let own = self.tree.cost_since(mark);
                let cost = own + FLAW_COST * self.score().wanted;
                if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                    best = Some((cost, self.tree.changes_since(mark)));
                }
                self.tree.roll_back(mark);
                // Nothing is smaller than one copy.
                if own <= 2 {
                    break;
                }
            }
            self.tree.roll_back(mark);
        }
        best.map(|(_, changes)| self.tree.make(changes)).is_some()
    }

    /// Leaves the old release to those who admit no other, each in a folder of its own, and moves the copy for all others.
    pub(super) fn split(&mut self, path: &Rc<str>) -> bool {
        let Some(entry) = self.tree.get(path).cloned().filter(|it| it.standing == Standing::Registry) else {
            return false;
        };
        let asks = self.asks(path);
        let clean = self.clean(&entry);
        // The lowest clean release that anyone admits decides who moves.
        let Some(lowest) = clean.iter().find(|it| asks.iter().any(|ask| ask.counts.wanted.admits(&it.version))) else {
            return false;
        };
        let (moving, staying): (Vec<Ask>, Vec<Ask>) =
            asks.into_iter().partition(|ask| ask.counts.wanted.admits(&lowest.version));
        if staying.is_empty() || staying.iter().any(|ask| ask.edge.kind.is_peer()) {
            return false;
        }
        let admitted = |it: &&Rc<Candidate>| moving.iter().all(|ask| ask.counts.wanted.admits(&it.version));
        let targets: Vec<Rc<Candidate>> = clean.iter().filter(admitted).take(3).cloned().collect();
        let mark = self.tree.mark();
        let above = super::tree::up(path).unwrap_or_default();
        for target in targets {
            let done = if staying.iter().any(|ask| *ask.from == *above) {
                self.nest_new(path, &moving, &target)
            } else {
                self.nest_old(path, &staying) && self.move_to(path, &target) && {
                    let nested = staying.iter().map(|ask| Self::below_of(&ask.from, path)).collect();
                    self.place_needs(nested)
                }
            };
            if done {
                return true;
            }
            self.tree.roll_back(mark);
        }
        false
    }

    fn below_of(from: &str, path: &str) -> Rc<str> {
        format!("{from}/node_modules/{}", super::tree::name_of(path)).into()
    }

    /// Copies the old release, with what stands in its folder, to those who need it.
    fn nest_old(&mut self, path: &str, staying: &[Ask]) -> bool {
        let old: Vec<(Rc<str>, Rc<Entry>)> = self
            .tree
            .below(path)
            .into_iter()
            .chain([Rc::from(path)])
            .filter_map(|it| self.tree.get(&it).cloned().map(|entry| (it, entry)))
            .collect();
        for ask in staying {
            let slot = Self::below_of(&ask.from, path);
            if self.tree.get(&slot).is_some() {
                return false;
            }
            for (place, entry) in &old {
                self.tree.insert(&format!("{slot}{}", &place[path.len()..]), entry);
            }
        }
        true
    }

    /// Gives those who can move a copy of their own, where the one who cannot has the folder.
    fn nest_new(&mut self, path: &str, moving: &[Ask], target: &Candidate) -> bool {
        let Some(old) = self.tree.get(path).cloned() else { return false };
        let mut open = VecDeque::new();
        for ask in moving {
            let slot = Self::below_of(&ask.from, path);
            if *ask.from == *super::tree::up(path).unwrap_or_default()
                || ask.edge.kind.is_peer()
                || self.tree.get(&slot).is_some()
            {
                return false;
            }
            let entry = Market::entry(target, (super::tree::name_of(path), Some(&old)));
            self.tree.insert(&slot, &entry);
            // Others in the same folder get it now.
            if !self.asks(&slot).iter().all(|ask| self.tree.is_met(&ask.counts, &slot)) {
                return false;
            }
            open.push_back(slot);
        }
        self.place_needs(open)
    }
}
