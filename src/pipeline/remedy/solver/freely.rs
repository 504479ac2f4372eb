//! Freely: a raise in which the tool itself chooses among the releases between the project and a flaw. It changes more than a
//! planned one and is tried where no planned one can be made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::bench::State;
use super::super::failure::Failure;
use super::super::graph::Plan;
use super::graph::{Asker, Graph};
use super::index::Known;
use super::raises::{Offer, Offers};
use super::realize::Realized;
use super::{Goal, Solver, is_final, place_of};
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::PackageVersion;
use crate::model::remedy::BlockCause;
use crate::updater::DirectRequirement;

/// How often what the tool names as standing in the way is left to it as well.
const FREED_LIMIT: usize = 8;
/// How often the raises are chosen anew, with the flaws in mind that the last ones brought along.
const LESSON_LIMIT: usize = 3;

/// A requirement that is to be raised: the place of its package, the new version, and what is asked for now.
type Requirement = (usize, String, DirectRequirement);

/// What lies between the project and the flaws of some goals.
struct Way<'a> {
    solver: &'a Solver<'a>,
    graph: &'a Graph<'a>,
    /// By package, the flaws that are to go.
    flaws: BTreeMap<String, BTreeSet<AdvisoryId>>,
    /// The places of the goals and of everything that requires them.
    places: BTreeSet<usize>,
    names: BTreeSet<String>,
    /// By package and version, whether it comes without the flaws.
    clear: RefCell<BTreeMap<(String, String), bool>>,
}

impl Solver<'_> {
    /// Raises what leads to the flaws of a goal. A requirement that another offer raises is raised for both at once.
    pub(super) fn offer_freely(&self, state: &State, goal: Goal, offers: &mut Offers) {
        let made = self.freely(state, std::slice::from_ref(&goal), offers);
        match made {
            Ok(Some(offer)) => {
                offers.made.retain(|other| !offer.raised.iter().any(|raised| other.raises(&raised.package)));
                offers.failed.retain(|failed, _| !offer.goals.contains(failed));
                offers.made.push(offer);
            }
            Ok(None) => {}
            Err(failure) => _ = offers.failed.insert(goal, failure),
        }
    }

    /// `None` where nothing that the project asks for has to be raised.
    fn freely(&self, state: &State, goals: &[Goal], offers: &Offers) -> Result<Option<Offer>, Failure> {
        let graph = Graph::new(&self.index, state)?;
        let mut goals = goals.to_vec();
        let raises = Way::new(self, &graph, &goals).raises()?;
        let is_raised = |offer: &&Offer| raises.iter().any(|(place, ..)| offer.raises(&graph.at(*place).name));
        goals.extend(offers.made.iter().filter(is_raised).flat_map(|offer| offer.goals.iter().cloned()));
        let mut way = Way::new(self, &graph, &goals);
        for _ in 0..LESSON_LIMIT {
            let raises = way.raises()?;
            if raises.is_empty() {
                return Ok(None);
            }
            let (plan, made) = self.write_freely(&way, &raises)?;
            match self.finish(state, plan, made.clone()) {
                Ok(made) => {
                    let offer = self.offered(state, made, (self.raised(&graph, &raises)?, &goals));
                    return way.judge(&offer).map(|()| Some(offer));
                }
                Err(failure) if is_final(&failure) || !way.learn(&made.state) => return Err(failure),
                Err(_) => {}
            }
        }
        let text = "every release that was tried brings other known flaws along";
        Err(Failure::new(BlockCause::ParentRequirement, text))
    }

    /// The lockfile as the tool writes it for some raises: what lies on the way is left to it, and what it names as standing in
    /// the way.
    fn write_freely(&self, way: &Way<'_>, raises: &[Requirement]) -> Result<(Plan, Realized), Failure> {
        let graph = way.graph;
        let mut freed: BTreeSet<usize> = way.places.clone();
        freed.retain(|&place| graph.is_movable(place));
        let named = raises
            .iter()
            .map(|(place, target, direct)| (graph.at(*place).name.clone(), target.clone(), direct.clone()));
        let mut plan = Plan { raises: named.collect(), ..Plan::default() };
        for _ in 0..FREED_LIMIT {
            plan.freed = freed.iter().map(|&place| PackageVersion::from(graph.at(place))).collect();
            match self.write(graph.state, &plan) {
                Err(failure) if is_final(&failure) || !self.free_more(graph, &failure, &mut freed)? => {
                    return Err(failure);
                }
                Err(_) => {}
                Ok(made) => return Ok((plan, made)),
            }
        }
        self.write(graph.state, &plan).map(|made| (plan, made))
    }

    /// Leaves to the tool what it names as standing in the way, and who holds that there; whether there was something.
    fn free_more(&self, graph: &Graph<'_>, failure: &Failure, freed: &mut BTreeSet<usize>) -> Result<bool, Failure> {
        let before = freed.len();
        for sibling in failure.siblings() {
            let is_it = |place: &usize| {
                graph.at(*place).version.split('+').next() == sibling.version.split('+').next()
                    && graph.is_movable(*place)
            };
            for place in graph.places(&sibling.package).iter().copied().filter(is_it) {
                let releases = self.index.releases(&sibling.package)?;
                let admits = |release: &&Known| {
                    !release.yanked && sibling.wanted.iter().all(|range| self.index.admits(range, &release.version))
                };
                let fitting: Vec<&Known> = releases.iter().filter(admits).collect();
                freed.insert(place);
                for link in graph.links(place)?.iter() {
                    let Asker::Package(parent) = link.asker else { continue };
                    if !fitting.iter().any(|release| self.index.admits(&link.requirement, &release.version)) {
                        freed.insert(parent);
                    }
                }
            }
        }
        Ok(freed.len() > before)
    }
}

impl<'a> Way<'a> {
    fn new(solver: &'a Solver<'a>, graph: &'a Graph<'a>, goals: &[Goal]) -> Self {
        let mut places: BTreeSet<usize> = goals.iter().filter_map(|goal| place_of(graph, goal)).collect();
        let mut open: Vec<usize> = places.iter().copied().collect();
        while let Some(place) = open.pop() {
            let above = graph.at(place).parents.iter().copied();
            open.extend(above.filter(|&parent| graph.is_movable(parent) && places.insert(parent)).collect::<Vec<_>>());
        }
        let names: BTreeSet<String> = places.iter().map(|&place| graph.at(place).name.clone()).collect();
        solver.index.fetch(&names.iter().map(String::as_str).collect());
        let mut flaws: BTreeMap<String, BTreeSet<AdvisoryId>> = BTreeMap::new();
        for goal in goals {
            flaws.entry(goal.0.clone()).or_default().extend(solver.flaws_of(goal).into_keys());
        }
        Self { solver, graph, flaws, places, names, clear: RefCell::default() }
    }

    /// What the project has to ask for, so that nothing leads to the flaws: for each requirement the lowest line of releases
    /// whose newest one comes without them.
    fn raises(&self) -> Result<Vec<Requirement>, Failure> {
        let index = &self.solver.index;
        let mut raises = Vec::new();
        for &place in &self.places {
            let package = self.graph.at(place);
            for link in self.graph.links(place)?.iter() {
                let Asker::Project(direct) = &link.asker else { continue };
                let within = self.taken(&package.name, &direct.requirement)?;
                if within.map_or(Ok(false), |release| self.is_clear(&package.name, &release))? {
                    continue;
                }
                let mut lines: Vec<Known> = Vec::new();
                for release in index.above(&package.name, &package.version)? {
                    match lines.last_mut() {
                        Some(last) if index.share_a_place(&last.version, &release.version) => *last = release,
                        _ => lines.push(release),
                    }
                }
                let had = index.flaws(&package.name, &package.version);
                let mut chosen = None;
                for release in lines {
                    let is_within = index.admits(&direct.requirement, &release.version);
                    let is_better = index.flaws(&package.name, &release.version).is_subset(&had);
                    if !is_within && is_better && self.is_clear(&package.name, &release)? {
                        chosen = Some(release);
                        break;
                    }
                }
                let release = chosen.ok_or_else(|| self.nowhere(&package.name))?;
                raises.push((place, release.version.clone(), direct.clone()));
            }
        }
        Ok(raises)
    }

    fn nowhere(&self, package: &str) -> Failure {
        let flawed: Vec<String> = self.flaws.keys().map(|name| format!("`{name}`")).collect();
        let flawed = flawed.join(" and ");
        let text = if self.flaws.contains_key(package) {
            format!("no release of `{package}` comes without the flaw")
        } else {
            format!("every release of `{package}`, which the project asks for, brings {flawed} with the flaw along")
        };
        let step = format!("replace `{package}`, or ask its makers for a release with a fixed {flawed}");
        Failure::new(BlockCause::ParentRequirement, text).with_next_step(step)
    }

    /// Whether an offer does what it was made for.
    fn judge(&self, offer: &Offer) -> Result<(), Failure> {
        let mut flaws = self.flaws.iter().flat_map(|(package, flaws)| flaws.iter().map(move |flaw| (package, flaw)));
        let is_left = |(package, flaw): &(&String, &AdvisoryId)| {
            offer.goals.iter().any(|goal| goal.0 == **package) && !offer.fixes(package, flaw)
        };
        let Some((package, _)) = flaws.find(is_left) else { return Ok(()) };
        let raised: Vec<String> =
            offer.raised.iter().map(|raised| format!("`{}` {}", raised.package, raised.target)).collect();
        let text = format!("even with {} a release of `{package}` with the flaw is locked", raised.join(" and "));
        Err(Failure::new(BlockCause::ParentRequirement, text))
    }

    /// Notes the flaws that a change has brought in, and what led to them; whether there were any.
    fn learn(&mut self, after: &State) -> bool {
        let index = &self.solver.index;
        let old = &self.graph.state.lockfile.dependencies;
        let new = &after.lockfile.dependencies;
        let mut open = Vec::new();
        for (position, dependency) in new.iter().enumerate() {
            let namesakes = old.iter().filter(|it| it.name == dependency.name);
            let mut flaws = (*index.flaws(&dependency.name, &dependency.version)).clone();
            for namesake in namesakes {
                let had = index.flaws(&namesake.name, &namesake.version);
                flaws.retain(|flaw| !had.contains(flaw));
            }
            if !flaws.is_empty() {
                self.flaws.entry(dependency.name.clone()).or_default().extend(flaws);
                open.push(position);
            }
        }
        let has_learnt = !open.is_empty();
        let mut seen = BTreeSet::new();
        while let Some(position) = open.pop() {
            if seen.insert(position) {
                self.names.insert(new[position].name.clone());
                open.extend(&new[position].parents);
            }
        }
        self.clear.borrow_mut().clear();
        has_learnt
    }

    /// The release that the tool takes for a range, as far as the index tells.
    fn taken(&self, package: &str, wanted: &str) -> Result<Option<Known>, Failure> {
        let index = &self.solver.index;
        let releases = index.releases(package)?;
        let newest = releases.iter().rev().find(|it| !it.yanked && index.admits(wanted, &it.version));
        Ok(newest.cloned())
    }

    /// Whether a release comes without the flaws, by the newest releases of all that leads to them now.
    fn is_clear(&self, package: &str, release: &Known) -> Result<bool, Failure> {
        if let Some(flaws) = self.flaws.get(package)
            && !self.solver.index.flaws(package, &release.version).is_disjoint(flaws)
        {
            return Ok(false);
        }
        let key = (package.to_owned(), release.version.clone());
        if let Some(known) = self.clear.borrow().get(&key) {
            return Ok(*known);
        }
        // Whoever asks again on the way is answered by what else is found.
        self.clear.borrow_mut().insert(key.clone(), true);
        let mut options = BTreeSet::new();
        for &place in self.graph.places(package) {
            options.extend(self.graph.options(place, release)?);
        }
        let mut is_clear = true;
        for (child, wanted) in release.requirements.iter().flatten() {
            let is_left_out = release.optional.contains(child) && !options.contains(child);
            if !self.names.contains(child) || is_left_out {
                continue;
            }
            if let Some(taken) = self.taken(child, wanted)? {
                is_clear &= self.is_clear(child, &taken)?;
            }
        }
        self.clear.borrow_mut().insert(key, is_clear);
        Ok(is_clear)
    }
}
