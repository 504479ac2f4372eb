//! Whole: a lockfile is planned at once by the package manager's solver; the tool confirms it, and the lockfile that it
//! writes is judged.

mod raise;

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench::{self, Bench, State};
use super::bumps::{Shift, shifts};
use super::conditions::check_whole;
use super::failure::Failure;
use super::target::flaws;
use super::{Goals, RemedyOutcome, summary};
use crate::model::advisory::AdvisoryId;
use crate::model::lockfile::Lockfile;
use crate::model::release::Release;
use crate::model::remedy::{BlockCause, Bump, Evidence, Step};
use crate::registry::RegistryError;
use crate::sandbox::skeleton::Place;
use crate::updater::{Breaking, Files, Freedom, ManifestEdit, Obstacle, Puzzle, Solution, Solver, Stay};
use crate::version;

/// How often the tool is asked to confirm a plan: where it does not, halves of it are planned anew.
const CONFIRM_LIMIT: usize = 9;
/// How long one plan may be searched for; the largest known lockfiles need some seconds.
const SEARCH_LIMIT: Duration = Duration::from_mins(5);

/// What a plan came to.
struct Solved {
    state: State,
    reasons: summary::Reasons,
    stays: Vec<Stay>,
    /// What was changed in manifests.
    edits: Vec<ManifestEdit>,
    /// Why some goals were left out.
    failures: BTreeMap<(String, String), Failure>,
}

/// One lockfile and its solver.
struct Desk<'a> {
    bench: &'a Bench<'a>,
    solver: &'static dyn Solver,
    confirmed: Cell<usize>,
}

/// Brings every goal as far as it goes; what moved and what was verified.
pub(super) fn solve(
    bench: &Bench<'_>,
    solver: &'static dyn Solver,
    goals: &Goals,
    (state, outcome): (&mut State, &mut RemedyOutcome),
) -> (Vec<Bump>, Vec<Evidence>) {
    let desk = Desk { bench, solver, confirmed: Cell::new(0) };
    let freedom = Freedom { breaking: Breaking::Never, overrides: bench.request.npm_overrides };
    let plan = desk.plan(state, goals, freedom);
    let before = state.lockfile.clone();
    *state = plan.state.clone();
    let blocked = desk.blocked(goals, &plan);
    let open: Goals = goals
        .iter()
        .filter_map(|(goal, flaws)| {
            let left = left(bench, (&state.lockfile, &goal.0, &goal.1), flaws);
            (!left.is_empty()).then(|| (goal.clone(), left))
        })
        .collect();
    if !open.is_empty() {
        outcome.raises = raise::offer(&desk, state, &open);
    }
    outcome.blocked.extend(raise::told(solver, (blocked, &plan.stays), &outcome.raises));
    if before.dependencies == state.lockfile.dependencies {
        return (Vec::new(), Vec::new());
    }
    let wanted: BTreeSet<AdvisoryId> = goals.values().flatten().cloned().collect();
    let mut bumps = summary::moved(bench, &state.lockfile, &wanted, &plan.reasons);
    bumps.extend(split(bench, &state.lockfile, goals, &plan.reasons));
    let evidence = summary::evidence(bench, &state.lockfile, &wanted, &BTreeSet::from([solver.what()]));
    (bumps, evidence)
}

impl Desk<'_> {
    /// Plans all goals together. Where the result does not hold, each half of them is planned for itself, so that one that
    /// cannot be had does not keep the others.
    fn plan(&self, state: &State, goals: &Goals, freedom: Freedom<'_>) -> Solved {
        let failure = match self.plan_together(state, goals, freedom) {
            Ok(solved) => return solved,
            Err(failure) => failure,
        };
        let hopeless = matches!(failure.cause, BlockCause::RegistryUnreachable | BlockCause::Unconfined)
            || goals.len() < 2
            || self.confirmed.get() >= CONFIRM_LIMIT;
        if hopeless {
            let failures = goals.keys().map(|goal| (goal.clone(), failure.clone())).collect();
            return Solved {
                state: state.clone(),
                reasons: BTreeMap::new(),
                stays: Vec::new(),
                edits: Vec::new(),
                failures,
            };
        }
        let (mut first, mut second) = (Goals::new(), Goals::new());
        for (index, (goal, flaws)) in goals.iter().enumerate() {
            let half = if index < goals.len() / 2 { &mut first } else { &mut second };
            half.insert(goal.clone(), flaws.clone());
        }
        let mut solved = self.plan(state, &first, freedom);
        let rest = self.plan(&solved.state, &second, freedom);
        solved.state = rest.state;
        solved.reasons.extend(rest.reasons);
        solved.stays.extend(rest.stays);
        solved.edits.extend(rest.edits);
        solved.failures.extend(rest.failures);
        solved
    }

    fn plan_together(&self, state: &State, goals: &Goals, freedom: Freedom<'_>) -> Result<Solved, Failure> {
        let files = self.bench.files(&state.changed)?;
        let opened = self.opened(&files)?;
        let solution = self.with_puzzle(&opened, goals, freedom, |puzzle| self.solver.solve(puzzle))?;
        let Solution { lock, edits, reasons, stays } = solution;
        let mut next = state.clone();
        if let Some(lock) = lock {
            self.confirmed.set(self.confirmed.get() + 1);
            self.edit(&mut next, &edits)?;
            let edited = self.bench.files(&next.changed)?;
            let mut planned = edited.clone();
            planned.contents.insert(edited.lockfile.clone(), lock);
            let shown = self.bench.shown(&planned)?;
            let confirm = |place: &Place| Ok(Some(self.solver.confirm(&edited, shown.lock().to_vec(), place)));
            if let Some((confirmed, _)) = self.bench.attempt(&planned, &confirm)? {
                next.changed.insert(confirmed.lockfile.clone(), confirmed.lock().to_vec());
                next.lockfile = self.bench.read_again(&next.changed)?;
            }
            check_whole(self.bench, self.solver, (state, &next))?;
            self.bench.check_sync(&self.bench.files(&next.changed)?)?;
        }
        Ok(Solved { state: next, reasons, stays, edits, failures: BTreeMap::new() })
    }

    /// The files with the lockfile in a form that can be solved.
    fn opened(&self, files: &Files) -> Result<Files, Failure> {
        // The tool would ask for everything that the lockfile has.
        if self.bench.stands_in {
            let mut opened = files.clone();
            opened.contents.extend(self.solver.opened(files).map(|lock| (files.lockfile.clone(), lock)));
            return Ok(opened);
        }
        let open = |place: &Place| Ok(self.solver.open(files, place));
        Ok(self.bench.attempt(files, &open)?.map_or_else(|| files.clone(), |(opened, _)| opened))
    }

    /// Gives the solver what it needs to know.
    fn with_puzzle<Answer>(
        &self,
        files: &Files,
        goals: &Goals,
        freedom: Freedom<'_>,
        ask: impl FnOnce(&Puzzle<'_>) -> Result<Answer, Obstacle>,
    ) -> Result<Answer, Failure> {
        let (request, ecosystem) = (self.bench.request, self.bench.ecosystem());
        let registry = &self.bench.registry;
        let releases = |package: &str| -> Result<Arc<Vec<Release>>, Obstacle> {
            registry.releases(package).map_err(|error| {
                let ends_all = matches!(error, RegistryError::Unreachable { .. } | RegistryError::Refused(_));
                obstacle(error.into(), ends_all)
            })
        };
        let affected = |package: &str, version: &str| flaws(request.advisories, ecosystem, package, version);
        let puzzle = Puzzle {
            files,
            goals,
            affected: &affected,
            releases: &releases,
            foreign: &self.bench.foreign,
            freedom,
            deadline: request.deadline.min(Instant::now() + SEARCH_LIMIT),
        };
        Ok(ask(&puzzle)?)
    }

    /// Makes the edits of manifests.
    fn edit(&self, state: &mut State, edits: &[ManifestEdit]) -> Result<(), Failure> {
        let mut of_files: BTreeMap<_, Vec<&ManifestEdit>> = BTreeMap::new();
        for edit in edits {
            of_files.entry(&edit.manifest).or_default().push(edit);
        }
        for (path, edits) in of_files {
            let manifest = bench::manifest(self.bench.request, &state.changed, path)?;
            let edited = self.solver.edit(&manifest, &edits).ok_or_else(|| {
                Failure::new(BlockCause::Refused, format!("`{path}` is written so that it cannot be changed here"))
                    .with_next_step(format!("write each name in `{path}` once"))
            })?;
            state.changed.insert(path.clone(), edited);
        }
        Ok(())
    }

    /// What stays: told by the final lockfile alone, explained by what is known of it.
    fn blocked(&self, goals: &Goals, solved: &Solved) -> Vec<crate::model::remedy::Blocked> {
        let mut blocked = Vec::new();
        for ((package, version), wanted) in goals {
            let left = left(self.bench, (&solved.state.lockfile, package, version), wanted);
            if left.is_empty() {
                continue;
            }
            let stay = solved.stays.iter().filter(|stay| stay.package == *package);
            let stay = stay.clone().find(|stay| stay.version == *version).or_else(|| stay.clone().next());
            let failure = solved.failures.get(&(package.clone(), version.clone())).cloned();
            let failure = failure.or_else(|| stay.map(|stay| stay.obstacle.clone().into())).unwrap_or_else(|| {
                let text = format!("`{}` put `{package}` {version} back", self.bench.updater.id());
                Failure::new(BlockCause::PostConditionFailed, text)
            });
            let target = stay.and_then(|stay| stay.target.as_deref());
            let one = self.bench.blocked((package, version), target, failure);
            blocked.push(crate::model::remedy::Blocked { advisories: left.into_iter().collect(), ..one });
        }
        blocked
    }
}

/// Copies that moved while another one stays at the version at which they were: nothing is fixed by that, but fewer get what
/// has the flaw.
fn split(bench: &Bench<'_>, after: &Lockfile, goals: &Goals, reasons: &summary::Reasons) -> Vec<Bump> {
    let ecosystem = bench.ecosystem();
    let bump = |package: String, to: String| {
        let is_below = |from: &str| version::compare(ecosystem, from, &to).is_ok_and(Ordering::is_lt);
        let place =
            |version: &str| after.dependencies.iter().position(|it| it.name == package && it.version == version);
        let of_package =
            goals.keys().filter(|(name, from)| *name == package && is_below(from) && place(from).is_some());
        let from = of_package
            .map(|(_, from)| from.clone())
            .max_by(|left, right| version::compare(ecosystem, left, right).unwrap_or(Ordering::Equal))?;
        let reason = reasons.get(&(package.clone(), to.clone()))?;
        let position = place(&to)?;
        Some(Bump {
            ecosystem,
            file: after.path.clone(),
            step: version::step(ecosystem, &from, &to).unwrap_or(Step::Major),
            direct: after.dependencies[position].direct,
            path: after.shortest_path(position),
            fixes: Vec::new(),
            reason: format!("{reason}; another copy stays at {from}"),
            package,
            from,
            to: Some(to),
        })
    };
    let added = shifts(ecosystem, bench.request.lockfile, after).into_iter().filter_map(|shift| match shift {
        Shift::Added { package, version } => Some((package, version)),
        Shift::Moved { .. } => None,
    });
    added.filter_map(|(package, version)| bump(package, version)).collect()
}

/// The flaws that a package at a version was to lose and still has: all, where that version is still locked; else those of
/// the versions that have come in its place.
fn left(
    bench: &Bench<'_>,
    (lockfile, package, version): (&Lockfile, &str, &str),
    wanted: &BTreeSet<AdvisoryId>,
) -> BTreeSet<AdvisoryId> {
    let before = &bench.request.lockfile.dependencies;
    let mut copies = lockfile.dependencies.iter().filter(|it| it.name == package);
    if copies.clone().any(|it| it.version == version) {
        return wanted.clone();
    }
    let is_new = |version: &str| !before.iter().any(|old| old.name == package && old.version == version);
    let mut left = BTreeSet::new();
    for copy in copies.by_ref().filter(|it| is_new(&it.version)) {
        let found = flaws(bench.request.advisories, bench.ecosystem(), package, &copy.version);
        left.extend(found.into_iter().filter(|flaw| wanted.contains(flaw)));
    }
    left
}

fn obstacle(failure: Failure, ends_all: bool) -> Obstacle {
    let Failure { cause, explanation, next_step, chain, .. } = failure;
    Obstacle { cause, explanation, next_step, chain, ends_all }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        let Obstacle { cause, explanation, next_step, chain, .. } = obstacle;
        Self { next_step, chain, ..Self::new(cause, explanation) }
    }
}
