//! The ladder: from the smallest change to the largest, each rung in a fresh skeleton, until the post-conditions hold.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::bench::{self, Bench, State};
use super::conditions::{Intent, check};
use super::failure::Failure;
use super::graph::{Plan, PlannedMove, edges, plan};
use super::target::{Candidate, candidates, flaws};
use crate::model::advisory::AdvisoryId;
use crate::model::lockfile::Lockfile;
use crate::model::release::Release;
use crate::model::remedy::BlockCause;
use crate::sandbox::skeleton::Place;
use crate::updater::{Attempt, Files, Move};
use crate::version;

/// How many targets are tried with the tool: the second and third are for releases that need what cannot be had.
const TRIAL_LIMIT: usize = 3;
/// How many targets are thought about: parents that pin exact versions admit only some of them.
const PLAN_LIMIT: usize = 60;

/// A package in a lockfile that was brought to its target.
pub(super) struct Climbed {
    pub(super) state: State,
    pub(super) candidate: Candidate,
    pub(super) plan: Plan,
    /// What the project and the parents asked for before.
    pub(super) requirements: Vec<String>,
    /// The way that worked.
    pub(super) way: &'static str,
}

/// Why a package could not be brought to a target.
pub(super) struct Stuck {
    pub(super) target: Option<String>,
    pub(super) failure: Failure,
}

/// Brings one locked instance to the lowest target that works; `None` when nothing is left to do.
pub(super) fn climb(
    bench: &Bench<'_>,
    state: &State,
    (package, from): (&str, &str),
    wanted: &BTreeSet<AdvisoryId>,
) -> Result<Option<Climbed>, Stuck> {
    let stuck = |target: Option<&str>| {
        let target = target.map(str::to_owned);
        move |failure| Stuck { target, failure }
    };
    let instances = &state.lockfile.dependencies;
    let Some(position) = find(bench, state, (package, from), wanted) else { return Ok(None) };
    let from = instances[position].version.as_str();
    if bench.foreign.contains(package) {
        let text = format!("`{package}` comes from another registry than the one that is asked here");
        let step = "run patchparty where the package manager is set up for that registry, or update by hand";
        return Err(stuck(None)(Failure::new(BlockCause::Unsupported, text).with_next_step(step)));
    }
    let edges = edges(bench, state, position).map_err(stuck(None))?;
    let requirements: Vec<String> = edges.iter().map(|edge| edge.requirement().to_owned()).collect();
    let candidates = candidates(bench, (package, from), &requirements, wanted).map_err(stuck(None))?;
    let mut first: Option<Stuck> = None;
    let mut loose = None;
    let mut trials = 0;
    for candidate in candidates.into_iter().take(PLAN_LIMIT) {
        let target = candidate.release.version.clone();
        let failure = match plan(bench, state, position, &candidate.release) {
            Ok(plan) => {
                trials += 1;
                let flaws = &candidate.removes(wanted);
                let intent = Intent { package, from, flaws, plan: &plan, exact: true };
                match apply(bench, state, &intent) {
                    Ok((state, way)) => return Ok(Some(Climbed { state, candidate, plan, requirements, way })),
                    Err(failure) => {
                        loose.get_or_insert((candidate, plan));
                        failure
                    }
                }
            }
            Err(failure) => failure,
        };
        let hopeless = failure.cause == BlockCause::RegistryUnreachable;
        // The lowest target is the one whose obstacle is worth telling.
        first.get_or_insert(Stuck { target: Some(target), failure });
        if hopeless {
            return first.map_or(Ok(None), Err);
        }
        if trials >= TRIAL_LIMIT {
            break;
        }
    }
    // No exact version could be had: any other that meets the post-conditions is welcome.
    if let Some((candidate, plan)) = loose {
        let flaws = &candidate.removes(wanted);
        let intent = Intent { package, from, flaws, plan: &plan, exact: false };
        if let Ok((state, way)) = apply(bench, state, &intent) {
            return Ok(Some(Climbed { state, candidate, plan, requirements, way }));
        }
    }
    first.map_or(Ok(None), Err)
}

/// Where the instance stands; an earlier remedy may have moved it along, to a version that is affected as well.
fn find(
    bench: &Bench<'_>,
    state: &State,
    (package, from): (&str, &str),
    wanted: &BTreeSet<AdvisoryId>,
) -> Option<usize> {
    let instances = &state.lockfile.dependencies;
    let is_new = |version: &str| {
        !bench.request.lockfile.dependencies.iter().any(|old| old.name == package && old.version == version)
    };
    let is_affected =
        |version: &str| !flaws(bench.request.advisories, bench.ecosystem(), package, version).is_disjoint(wanted);
    instances.iter().position(|it| it.name == package && it.version == from).or_else(|| {
        instances.iter().position(|it| it.name == package && is_new(&it.version) && is_affected(&it.version))
    })
}

/// Carries a plan out.
pub(super) fn apply(bench: &Bench<'_>, before: &State, intent: &Intent<'_>) -> Result<(State, &'static str), Failure> {
    let mut current = raise(bench, before, intent.plan)?;
    let moves = &intent.plan.moves;
    let groups: Vec<&[PlannedMove]> =
        if bench.updater.moves_together() { vec![moves] } else { moves.chunks(1).collect() };
    let mut way = "manifest";
    for (index, group) in groups.iter().enumerate() {
        let last = index + 1 == groups.len();
        let rebased: Vec<PlannedMove> = group.iter().filter_map(|step| rebase(bench, before, &current, step)).collect();
        if rebased.is_empty() {
            continue;
        }
        let judge = |state: &State| if last { accept(bench, before, state, intent) } else { Ok(()) };
        (current, way) = first_that_holds(bench, &current, &rebased, &judge)?;
    }
    accept(bench, before, &current, intent)?;
    Ok(settle(bench, before, current, intent).map_or_else(|state| (*state, way), |state| (state, way)))
}

/// A package that was pulled in above its target comes down to it, where that works as well.
fn settle(bench: &Bench<'_>, before: &State, current: State, intent: &Intent<'_>) -> Result<State, Box<State>> {
    let Some(step) = intent.plan.moves.last() else { return Ok(current) };
    match rebase(bench, before, &current, step) {
        Some(step) if step.from != intent.from => {
            let judge = |state: &State| accept(bench, before, state, intent);
            let settled = first_that_holds(bench, &current, &[step], &judge);
            settled.map(|(state, _)| state).map_err(|_| Box::new(current))
        }
        _ => Ok(current),
    }
}

/// The post-conditions, and the tool's own word that the lockfile matches its manifest.
fn accept(bench: &Bench<'_>, before: &State, after: &State, intent: &Intent<'_>) -> Result<(), Failure> {
    check(bench, before, after, intent)?;
    bench.check_sync(&bench.files(&after.changed)?)
}

/// Raises the requirements of the project and brings the lockfile in line with them.
fn raise(bench: &Bench<'_>, before: &State, plan: &Plan) -> Result<State, Failure> {
    let current = raise_manifests(bench, before, plan)?;
    if plan.raises.is_empty() {
        return Ok(current);
    }
    let files = bench.files(&current.changed)?;
    let reconciled = bench.attempt(&files, &|place: &Place| Ok(bench.updater.reconcile(&files, place)))?;
    match reconciled {
        Some((files, _)) => read(bench, current, &files),
        None => Ok(current),
    }
}

/// Raises the requirements of the project; the lockfile does not match them yet.
pub(super) fn raise_manifests(bench: &Bench<'_>, before: &State, plan: &Plan) -> Result<State, Failure> {
    let mut current = before.clone();
    for (package, target, direct) in &plan.raises {
        let manifest = bench::manifest(bench.request, &current.changed, &direct.manifest)?;
        let releases = bench.registry.releases(package)?;
        let known = releases.iter().find(|release| release.version == *target).cloned();
        let release = known.unwrap_or_else(|| Release { version: target.clone(), ..Release::default() });
        let raised = bench.updater.raise(&manifest, package, &release).ok_or_else(|| {
            let manifest = &direct.manifest;
            let text = format!("`{manifest}` asks for `{package}` `{}`, which excludes {target}", direct.requirement);
            Failure::new(BlockCause::ParentRequirement, text)
                .with_next_step(format!("change the requirement in `{manifest}` so that it admits {target}"))
        })?;
        current.changed.insert(direct.manifest.clone(), raised);
        if !direct.inherited.is_empty() {
            let files = bench.files(&current.changed)?;
            current.changed.extend(bench.updater.heirs(&files, &direct.manifest, package, &release));
        }
    }
    Ok(current)
}

/// The first attempt after which the judge is content.
fn first_that_holds(
    bench: &Bench<'_>,
    current: &State,
    moves: &[PlannedMove],
    judge: &dyn Fn(&State) -> Result<(), Failure>,
) -> Result<(State, &'static str), Failure> {
    let files = bench.files(&current.changed)?;
    let moves: Vec<Move<'_>> = moves
        .iter()
        .map(|step| Move {
            package: &step.package,
            from: &step.from,
            target: &step.release.version,
            release: Some(&step.release),
        })
        .collect();
    let mut telling: Option<Failure> = None;
    for index in 0.. {
        let choose = |place: &Place| nth_attempt(bench, &moves, (&files, place), index);
        let tried = match bench.attempt(&files, &choose) {
            Ok(None) => break,
            Ok(Some((changed, way))) => read(bench, current.clone(), &changed).and_then(|state| {
                judge(&state)?;
                Ok((state, way))
            }),
            Err(failure) => Err(failure),
        };
        match tried {
            Ok(found) => return Ok(found),
            Err(failure) if failure.cause == BlockCause::RegistryUnreachable => return Err(failure),
            // The first obstacle belongs to the smallest change; one with a chain tells more.
            Err(failure) => match &telling {
                Some(known) if !known.chain.is_empty() || failure.chain.is_empty() => {}
                _ => telling = Some(failure),
            },
        }
    }
    Err(telling.unwrap_or_else(|| Failure::new(BlockCause::Unsupported, "there is no way to change this lockfile")))
}

fn nth_attempt(
    bench: &Bench<'_>,
    moves: &[Move<'_>],
    (files, place): (&Files, &Place),
    index: usize,
) -> Result<Option<Attempt>, Failure> {
    let attempts = bench
        .updater
        .attempts(moves, files, place)
        .map_err(|error| Failure::new(BlockCause::Refused, format!("failed to {error}")))?;
    Ok(attempts.into_iter().nth(index))
}

/// The state after a tool has written the lockfile.
pub(super) fn read(bench: &Bench<'_>, mut state: State, files: &Files) -> Result<State, Failure> {
    state.changed.insert(files.lockfile.clone(), files.lock().to_vec());
    state.lockfile = bench.read_again(&state.changed)?;
    Ok(state)
}

/// A planned move as the lockfile stands now: from where the package is, or not at all.
fn rebase(bench: &Bench<'_>, before: &State, current: &State, step: &PlannedMove) -> Option<PlannedMove> {
    let has = |lockfile: &Lockfile, version: &str| {
        lockfile.dependencies.iter().any(|it| it.name == step.package && it.version == version)
    };
    if has(&current.lockfile, &step.from) {
        return Some(step.clone());
    }
    // It was pulled in above the target, newly.
    let target = &step.release.version;
    let above = |version: &str| version::compare(bench.ecosystem(), version, target).is_ok_and(Ordering::is_gt);
    let instances = current.lockfile.dependencies.iter().filter(|it| it.name == step.package);
    let mut pulled = instances.filter(|it| above(&it.version) && !has(&before.lockfile, &it.version));
    let from = pulled.next()?.version.clone();
    (!has(&current.lockfile, target)).then(|| PlannedMove { from, ..step.clone() })
}
