//! Realizing a draft: the lockfile is edited as planned, the tool settles the rest in one run, and the result is judged.

use std::collections::BTreeSet;

use super::super::bench::State;
use super::super::conditions::{self, Intent};
use super::super::failure::Failure;
use super::super::graph::{Plan, PlannedMove};
use super::super::ladder;
use super::Solver;
use super::graph::{Draft, Graph};
use super::search::{Raising, Search};
use crate::model::advisory::AdvisoryId;
use crate::model::lockfile::Lockfile;
use crate::model::remedy::BlockCause;
use crate::sandbox::skeleton::Place;
use crate::updater::Move;

/// The way of a change that needs no tool.
pub(super) const NATIVE: &str = "edits that leave nothing to settle";

/// How often flaws that a move brings in are moved away again.
const REPAIRS: usize = 2;

/// A lockfile that was changed.
#[derive(Clone)]
pub(super) struct Realized {
    pub(super) state: State,
    /// The way in a few words.
    pub(super) way: &'static str,
}

impl Solver<'_> {
    /// Makes what a draft says, on the state that its graph is of. Flaws that come in with it are moved away again.
    pub(super) fn realize(&self, graph: &Graph<'_>, draft: &Draft) -> Result<Realized, Failure> {
        let plan = plan(graph, draft);
        let made = match self.native(graph, draft, &plan)? {
            Some(made) => made,
            None => self.write(graph.state, &plan)?,
        };
        self.finish(graph.state, plan, made)
    }

    /// Moves flaws away that came in, and judges the result.
    pub(super) fn finish(&self, before: &State, mut plan: Plan, mut made: Realized) -> Result<Realized, Failure> {
        for _ in 0..REPAIRS {
            let Some(repair) = self.repair(before, &made.state)? else { break };
            let repaired = self.write(&made.state, &repair)?;
            plan.moves.extend(repair.moves);
            made = repaired;
        }
        self.judge(before, &made.state, &plan)?;
        Ok(made)
    }

    /// The change as it is written, where nothing is left for the tool to settle: every new release needs the same packages and
    /// features as the one that it replaces, and what is locked meets its ranges. `None` otherwise.
    fn native(&self, graph: &Graph<'_>, draft: &Draft, plan: &Plan) -> Result<Option<Realized>, Failure> {
        if !self.is_native.get() || !draft.raises.is_empty() || !self.is_complete(graph, draft)? {
            return Ok(None);
        }
        let bench = self.index.bench;
        let mut files = bench.files(&graph.state.changed)?;
        let Some(edited) = bench.updater.edit(&moves(plan), files.lock()) else { return Ok(None) };
        files.contents.insert(files.lockfile.clone(), bench.updater.restore(files.lock(), edited));
        Ok(Some(Realized { state: ladder::read(bench, graph.state.clone(), &files)?, way: NATIVE }))
    }

    fn is_complete(&self, graph: &Graph<'_>, draft: &Draft) -> Result<bool, Failure> {
        for (position, release) in &draft.moves {
            let package = graph.at(*position);
            let old = self.index.release(&package.name, &package.version)?;
            let shape = old.and_then(|old| old.shape);
            let is_there = graph.places(&package.name).iter().any(|&place| graph.at(place).version == release.version);
            if shape.is_none() || shape != release.shape || is_there {
                return Ok(false);
            }
            let children = graph.children(*position);
            for (name, wanted) in release.requirements.iter().flatten() {
                let mut locked = children.iter().filter(|&&child| graph.at(child).name == *name).peekable();
                let is_met = |&child: &usize| self.index.admits(wanted, graph.version(draft, child));
                if locked.peek().is_some() && !locked.any(is_met) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// One run of the tool.
    pub(super) fn write(&self, before: &State, plan: &Plan) -> Result<Realized, Failure> {
        self.count()?;
        let bench = self.index.bench;
        let raised = ladder::raise_manifests(bench, before, plan)?;
        let files = bench.files(&raised.changed)?;
        let moves = moves(plan);
        let shown = bench.shown(&files)?;
        let raised_to = plan.raises.iter().map(|(package, target, _)| format!("asks for {package} {target}"));
        let steps = moves.iter().map(|step| format!("{} {} -> {}", step.package, step.from, step.target));
        let freed = plan.freed.iter().map(|package| format!("{package} is free"));
        let told: Vec<String> = raised_to.chain(steps).chain(freed).collect();
        bench.log("planned", &told.join("\n"));
        let choose = |place: &Place| {
            let attempt = bench.updater.settle(&moves, &plan.freed, &shown, place);
            attempt.map_err(|error| Failure::new(BlockCause::Refused, format!("failed to {error}")))
        };
        let nothing = || Failure::new(BlockCause::Unsupported, "there is no way to change this lockfile");
        let (mut written, way) = bench.attempt(&files, &choose)?.ok_or_else(nothing)?;
        if let Some(restored) = bench.updater.rewired(files.lock(), written.lock()) {
            let mut other = written.clone();
            other.contents.insert(files.lockfile.clone(), restored);
            // It is kept only if the tool would leave it as it is.
            if bench.check_sync(&other).is_ok() {
                written = other;
            }
        }
        Ok(Realized { state: ladder::read(bench, raised, &written)?, way })
    }

    /// The post-conditions that hold whatever the goals were, and that some flaw is gone.
    fn judge(&self, before: &State, after: &State, plan: &Plan) -> Result<(), Failure> {
        conditions::check_all(self.index.bench, before, after, plan)?;
        let (old, new) = (self.affected(&before.lockfile), self.affected(&after.lockfile));
        if new.len() < old.len() {
            return Ok(());
        }
        let text = "the change that was planned does not take any flaw away";
        Err(Failure::new(BlockCause::PostConditionFailed, text))
    }

    /// Every flaw of every locked version, among those that are to go.
    pub(super) fn affected(&self, lockfile: &Lockfile) -> BTreeSet<(String, String, AdvisoryId)> {
        let mut found = BTreeSet::new();
        for dependency in &lockfile.dependencies {
            let Some(wanted) = self.wanted.get(&dependency.name) else { continue };
            for flaw in self.index.flaws(&dependency.name, &dependency.version).iter() {
                if wanted.contains_key(flaw) {
                    found.insert((dependency.name.clone(), dependency.version.clone(), flaw.clone()));
                }
            }
        }
        found
    }

    /// What would take away the flaws that came in, if there are any.
    fn repair(&self, before: &State, after: &State) -> Result<Option<Plan>, Failure> {
        let known: BTreeSet<(&str, &str)> =
            before.lockfile.dependencies.iter().map(|it| (it.name.as_str(), it.version.as_str())).collect();
        let graph = Graph::new(&self.index, after)?;
        let search = Search::new(&graph, Raising::Compatible, self.floor.as_deref());
        let mut draft = Draft::default();
        for (position, dependency) in after.lockfile.dependencies.iter().enumerate() {
            if known.contains(&(dependency.name.as_str(), dependency.version.as_str())) {
                continue;
            }
            let flaws = self.index.flaws(&dependency.name, &dependency.version);
            let old: BTreeSet<AdvisoryId> = before
                .lockfile
                .dependencies
                .iter()
                .filter(|it| it.name == dependency.name)
                .flat_map(|it| self.index.flaws(&it.name, &it.version).iter().cloned().collect::<Vec<_>>())
                .collect();
            if flaws.is_subset(&old) || !graph.is_movable(position) {
                continue;
            }
            for release in self.index.above(&dependency.name, &dependency.version)? {
                let mut trial = draft.clone();
                let is_clean = self.index.flaws(&dependency.name, &release.version).is_empty();
                if is_clean && search.place(&mut trial, position, &release).is_ok() {
                    draft = trial;
                    break;
                }
            }
        }
        if draft.moves.is_empty() { Ok(None) } else { Ok(Some(plan(&graph, &draft))) }
    }

    /// The steps that the tool offers for one package, from the smallest change to the largest: where the planned way is
    /// refused for reasons that the index does not tell.
    pub(super) fn step_by_step(
        &self,
        graph: &Graph<'_>,
        draft: &Draft,
        goal: (&str, &str),
    ) -> Result<Realized, Failure> {
        let bench = self.index.bench;
        let (package, from) = goal;
        let plan = plan(graph, draft);
        let known = self.wanted.get(package);
        let flaws: BTreeSet<AdvisoryId> = known.into_iter().flat_map(|wanted| wanted.keys().cloned()).collect();
        let had = self.index.flaws(package, from);
        let flaws: BTreeSet<AdvisoryId> = flaws.intersection(&had).cloned().collect();
        self.count()?;
        let intent = Intent { package, from, flaws: &flaws, plan: &plan, exact: false };
        let (state, way) = ladder::apply(bench, graph.state, &intent)?;
        Ok(Realized { state, way })
    }
}

fn moves(plan: &Plan) -> Vec<Move<'_>> {
    let moves = plan.moves.iter().map(|step| Move {
        package: &step.package,
        from: &step.from,
        target: &step.release.version,
        release: Some(&step.release),
    });
    moves.collect()
}

/// A draft as steps of packages, those that others wait for first.
pub(super) fn plan(graph: &Graph<'_>, draft: &Draft) -> Plan {
    let mut plan = Plan::default();
    for (position, target, direct) in &draft.raises {
        plan.raises.push((graph.at(*position).name.clone(), target.clone(), direct.clone()));
    }
    for (position, release) in &draft.moves {
        let package = graph.at(*position);
        let step =
            PlannedMove { package: package.name.clone(), from: package.version.clone(), release: (**release).clone() };
        plan.moves.push(step);
    }
    plan
}
