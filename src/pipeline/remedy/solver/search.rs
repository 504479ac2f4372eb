//! The search: what has to move so that a package can stand at a release, by the index alone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::super::failure::Failure;
use super::graph::{Asker, Draft, Graph, Link};
use super::index::Known;
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::PackageVersion;
use crate::model::remedy::{BlockCause, Step};
use crate::updater::DirectRequirement;
use crate::version;

/// How many packages on top of one another may have to move: deeper remedies are no longer small.
const DEPTH_LIMIT: usize = 5;
/// How far below a package that comes in it is looked.
pub(super) const ADDED_DEPTH_LIMIT: usize = 12;
/// How many placements are thought about for one goal: each is a few looks into the index.
const BUDGET: usize = 1_500;
/// How many releases of a package on the way are tried within its ranges, and outside of them.
const TRIES: (usize, usize) = (3, 4);

/// Which requirements of the project may be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raising {
    /// Those that exclude a release which breaks nothing.
    Compatible,
    /// Any: for a person to decide on.
    Breaking,
}

pub(super) struct Search<'a> {
    pub(super) graph: &'a Graph<'a>,
    pub(super) raising: Raising,
    /// Releases that the tool has refused.
    pub(super) banned: BTreeSet<(String, String)>,
    /// What the targets have that are not to be chosen any more: all with exactly these flaws.
    pub(super) skipped: BTreeSet<Vec<AdvisoryId>>,
    /// The oldest Rust (or engine) that the project is for.
    pub(super) floor: Option<&'a str>,
    pub(super) budget: Cell<usize>,
    dead: RefCell<BTreeSet<(usize, String)>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(graph: &'a Graph<'a>, raising: Raising, floor: Option<&'a str>) -> Self {
        let banned = BTreeSet::new();
        let skipped = BTreeSet::new();
        Self { graph, raising, banned, skipped, floor, budget: Cell::new(BUDGET), dead: RefCell::default() }
    }

    /// Begins with the next goal.
    pub(super) fn refill(&self) {
        self.budget.set(BUDGET);
        self.dead.borrow_mut().clear();
    }

    /// Puts a package at a release and everything in its way where it must stand then.
    pub(super) fn place(&self, draft: &mut Draft, position: usize, release: &Known) -> Result<(), Failure> {
        self.place_at(draft, position, (release, 0))
    }

    pub(super) fn place_at(
        &self,
        draft: &mut Draft,
        position: usize,
        (release, depth): (&Known, usize),
    ) -> Result<(), Failure> {
        let package = &self.graph.at(position).name;
        if draft.moves.get(&position).is_some_and(|known| known.version == release.version) {
            return Ok(());
        }
        let left = self.budget.get();
        let version = &release.version;
        let is_banned = self.banned.contains(&(package.clone(), version.clone()));
        // What lies deep below something that comes in is no deeper remedy.
        let is_deep = depth > DEPTH_LIMIT && draft.added.is_empty() || depth > DEPTH_LIMIT + ADDED_DEPTH_LIMIT;
        if left == 0 || is_deep || is_banned || !self.graph.is_movable(position) {
            let text = format!("`{package}` would have to move to {version}, which cannot be had");
            return Err(Failure::new(BlockCause::ParentRequirement, text));
        }
        self.budget.set(left - 1);
        draft.moves.insert(position, release.clone());
        self.join(draft, position, (release, depth))?;
        self.settle_above(draft, position, depth)?;
        self.settle_below(draft, position, depth)
    }

    /// A package that comes to the place of another version of it stands at the same one: a lockfile holds one of each caret
    /// range.
    fn join(&self, draft: &mut Draft, position: usize, (release, depth): (&Known, usize)) -> Result<(), Failure> {
        let index = self.graph.index;
        let package = self.graph.at(position);
        if index.share_a_place(&package.version, &release.version) {
            return Ok(());
        }
        for &other in self.graph.places(&package.name) {
            let stands = self.graph.version(draft, other);
            let is_same = stands == release.version || !index.share_a_place(stands, &release.version);
            if other == position || is_same || self.graph.is_gone(draft, other)? {
                continue;
            }
            if index.compare(stands, &release.version).is_gt() {
                let text = format!("`{}` stands at {stands}, above {}", package.name, release.version);
                return Err(Failure::new(BlockCause::ParentRequirement, text));
            }
            self.place_at(draft, other, (release, depth + 1))?;
        }
        Ok(())
    }

    /// Whoever excludes the new version moves, or what the project asks for is raised.
    fn settle_above(&self, draft: &mut Draft, position: usize, depth: usize) -> Result<(), Failure> {
        let links = self.graph.links(position)?;
        for link in links.iter() {
            if self.graph.holds(draft, link, position) {
                continue;
            }
            match &link.asker {
                Asker::Project(direct) => self.raise(draft, position, direct)?,
                Asker::Fixed(parent) => return Err(self.excluded(draft, position, link, *parent)),
                Asker::Package(parent) => {
                    // One that has moved asks for another place now, or for nothing.
                    let has_moved = draft.moves.contains_key(parent);
                    if has_moved && self.asks_elsewhere(draft, *parent, position)? {
                        continue;
                    }
                    if self.graph.is_gone(draft, *parent)? {
                        continue;
                    }
                    self.lift(draft, position, (*parent, link, depth))?;
                }
            }
        }
        Ok(())
    }

    /// Whether what a moved package asks for is another version of the package than the one at its old place, a clean one.
    fn asks_elsewhere(&self, draft: &Draft, parent: usize, position: usize) -> Result<bool, Failure> {
        let package = &self.graph.at(position).name;
        let Some(ranges) = self.graph.asks(draft, parent, package) else { return Ok(false) };
        self.are_clean(&ranges, position, self.graph.version(draft, position))
    }

    /// Whether each range has a release without flaws that can stand beside the given version and is none for the old place.
    fn are_clean(&self, ranges: &[String], position: usize, beside: &str) -> Result<bool, Failure> {
        let index = self.graph.index;
        let locked = self.graph.at(position);
        let package = &locked.name;
        for wanted in ranges {
            let releases = index.releases(package)?;
            let mut fitting = releases.iter().rev().filter(|it| !it.yanked && index.admits(wanted, &it.version));
            let Some(newest) = fitting.next() else { return Ok(false) };
            let is_same = |version: &str| index.share_a_place(version, &newest.version);
            if !index.flaws(package, &newest.version).is_empty() || is_same(beside) || is_same(&locked.version) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the project asks for is raised, if it may be.
    fn raise(&self, draft: &mut Draft, position: usize, direct: &DirectRequirement) -> Result<(), Failure> {
        let package = self.graph.at(position);
        let target = self.graph.version(draft, position).to_owned();
        let step = version::step(package.ecosystem, &package.version, &target).unwrap_or(Step::Major);
        if step == Step::Major && self.raising != Raising::Breaking {
            let text = format!(
                "the project asks for `{}` `{}`, and {target} is a breaking step",
                package.name, direct.requirement
            );
            let step = format!("raise `{}` to {target} in `{}` and adapt the code", package.name, direct.manifest);
            return Err(Failure::new(BlockCause::ParentRequirement, text).with_next_step(step));
        }
        draft.raises.retain(|(place, _, known)| *place != position || known != direct);
        draft.raises.push((position, target, direct.clone()));
        Ok(())
    }

    /// Makes everything that needs a package do without it.
    pub(super) fn drop(&self, draft: &mut Draft, position: usize) -> Result<(), Failure> {
        let links = self.graph.links(position)?;
        for link in links.iter() {
            let Asker::Package(parent) = link.asker else {
                return Err(Failure::new(BlockCause::ParentRequirement, "the project itself asks for it"));
            };
            let asks = self.graph.asks(draft, parent, &self.graph.at(position).name);
            let is_dropped = asks.is_some() && !self.graph.holds(draft, link, position);
            if !is_dropped && !self.graph.is_gone(draft, parent)? {
                self.lift(draft, position, (parent, link, 0))?;
            }
        }
        if self.graph.is_gone(draft, position)? {
            return Ok(());
        }
        Err(Failure::new(BlockCause::ParentRequirement, "something still needs it"))
    }

    /// The releases of a parent above the one where it stands that admit the new version of a package, or can do without it.
    fn admitting(&self, draft: &Draft, position: usize, parent: usize) -> Result<Vec<Known>, Failure> {
        let index = self.graph.index;
        let (child, above) = (self.graph.at(position), self.graph.at(parent));
        let target = draft.moves.get(&position).map(|release| release.version.as_str());
        let had = index.flaws(&above.name, &above.version);
        let mut options = Vec::new();
        if !self.graph.is_movable(parent) {
            return Ok(options);
        }
        for release in index.above(&above.name, self.graph.version(draft, parent))? {
            let wanted = release.requirements.iter().flatten().filter(|(name, _)| *name == child.name);
            let ranges: Vec<String> = wanted.map(|(_, wanted)| wanted.clone()).collect();
            let admits = ranges.is_empty()
                || target.is_some_and(|target| ranges.iter().any(|wanted| index.admits(wanted, target)))
                || self.are_clean(&ranges, position, target.unwrap_or(&child.version))?;
            if admits && index.flaws(&above.name, &release.version).is_subset(&had) {
                options.push(release);
            }
        }
        Ok(options)
    }

    /// Moves a parent to the lowest release that admits the new version of a package, or does not need it.
    fn lift(
        &self,
        draft: &mut Draft,
        position: usize,
        (parent, link, depth): (usize, &Link, usize),
    ) -> Result<(), Failure> {
        let options = self.admitting(draft, position, parent)?;
        let mut first = None;
        for release in self.ordered(draft, parent, options)? {
            let key = (parent, release.version.clone());
            if self.dead.borrow().contains(&key) {
                continue;
            }
            let mut trial = draft.clone();
            match self.place_at(&mut trial, parent, (&release, depth + 1)) {
                Ok(()) => {
                    *draft = trial;
                    return Ok(());
                }
                Err(failure) if failure.cause == BlockCause::RegistryUnreachable => return Err(failure),
                Err(failure) => {
                    if depth == 0 {
                        self.dead.borrow_mut().insert(key);
                    }
                    first.get_or_insert(failure);
                }
            }
        }
        let told = self.excluded(draft, position, link, parent);
        Err(match first {
            Some(failure) => Failure { next_step: failure.next_step, explanation: failure.explanation, ..told },
            None => told,
        })
    }

    /// The releases worth a try: those within the ranges first, lowest first, then the lowest of each line outside of them.
    pub(super) fn ordered(&self, draft: &Draft, position: usize, options: Vec<Known>) -> Result<Vec<Known>, Failure> {
        let links = self.graph.links(position)?;
        let mut holding = Vec::new();
        for link in links.iter() {
            let gone = match link.asker {
                Asker::Package(parent) => self.graph.is_gone(draft, parent)?,
                Asker::Project(_) | Asker::Fixed(_) => false,
            };
            // What a package that has moved already asks for counts.
            let ranges = match link.asker {
                Asker::Package(parent) => self.graph.asks(draft, parent, &self.graph.at(position).name),
                Asker::Project(_) | Asker::Fixed(_) => None,
            };
            if !gone {
                holding.push(ranges.unwrap_or_else(|| vec![link.requirement.clone()]));
            }
        }
        let index = self.graph.index;
        let is_inside = |release: &Known| {
            holding
                .iter()
                .all(|ranges| ranges.is_empty() || ranges.iter().any(|wanted| index.admits(wanted, &release.version)))
        };
        let (mut inside, mut outside): (Vec<Known>, Vec<Known>) = options.into_iter().partition(is_inside);
        // What needs a newer compiler than the project promises comes last.
        inside.sort_by_key(|release| self.is_too_new(release));
        let inside = spread(inside, TRIES.0);
        outside.dedup_by(|later, earlier| line(&later.version) == line(&earlier.version));
        let outside = spread(outside, TRIES.1);
        Ok(inside.into_iter().chain(outside).collect())
    }

    pub(super) fn is_too_new(&self, release: &Known) -> bool {
        let (Some(floor), Some(needs)) = (self.floor, release.needs.as_deref()) else { return false };
        self.graph.index.compare(needs, floor).is_gt()
    }

    fn excluded(&self, draft: &Draft, position: usize, link: &Link, parent: usize) -> Failure {
        let (child, above) = (self.graph.at(position), self.graph.at(parent));
        let target = self.graph.version(draft, position);
        let text = format!(
            "`{}` asks for `{}` `{}`, which excludes {target}, and no release of it that can be had admits {target}",
            PackageVersion::from(above),
            child.name,
            link.requirement
        );
        let failure = Failure::new(BlockCause::ParentRequirement, text);
        let (chain, chain_left_out) = super::super::graph::chain(&self.graph.state.lockfile, parent, &link.requirement);
        Failure { chain, chain_left_out, ..failure }
    }
}

/// The first, those between and the last: at most so many.
pub(super) fn spread(mut releases: Vec<Known>, limit: usize) -> Vec<Known> {
    while releases.len() > limit {
        // The lowest ones and the newest are the most telling.
        releases.remove(releases.len() - 2);
    }
    releases
}

/// The line of releases that a version belongs to: its first number that is not zero and what stands before it, or the first
/// two numbers.
pub(super) fn line(version: &str) -> &str {
    let end = version.match_indices('.').nth(1).map_or(version.len(), |(end, _)| end);
    &version[..end]
}
