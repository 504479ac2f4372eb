//! The account: from the final lockfile alone, what is gone and what stays with the reason for it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::bench::{Bench, State};
use super::super::failure::Failure;
use super::super::summary::{self, Reasons};
use super::super::{Goals, RemedyOutcome};
use super::choice::{Choice, Wanted};
use super::graph::Graph;
use super::index::Index;
use super::raises::{Offer, Offers};
use super::realize::NATIVE;
use super::search::Raising;
use super::{Goal, Progress, Solver, place_of};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::{BlockCause, Blocked, Bump, Evidence, Raise};
use crate::model::severity::Severity;

/// After the last move, what is still open is tried again: so often.
const ROUNDS: usize = 3;

/// Fixes what can be fixed within the ranges, looks for breaking raises that fix more, and reports what stays.
pub(in super::super) fn solve(
    bench: &Bench<'_>,
    goals: &Goals,
    state: &mut State,
    outcome: &mut RemedyOutcome,
) -> (Vec<Bump>, Vec<Evidence>) {
    let solver = Solver {
        index: Index::new(bench),
        wanted: wanted(bench, goals),
        floor: bench.files(&state.changed).ok().and_then(|files| bench.updater.floor(&files)),
        runs: Cell::new(0),
        is_native: Cell::new(true),
    };
    let pinned = state.clone();
    let mut progress = solver.work(state);
    if progress.ways.contains(NATIVE) && !solver.is_in_sync(state) {
        // What was written without the tool is not what the tool makes of it: once more, with the tool.
        solver.is_native.set(false);
        *state = pinned.clone();
        progress = solver.work(state);
    }
    let offers = solver.offers(state);
    for (package, from) in goals.keys() {
        outcome.blocked.extend(solver.blocked(&pinned, state, (package, from), (&progress, &offers)));
    }
    let ids: BTreeSet<AdvisoryId> = goals.values().flatten().cloned().collect();
    outcome.raises.extend(offers.made.into_iter().filter_map(|offer| solver.raise(state, offer, &ids)));
    if pinned.lockfile.dependencies == state.lockfile.dependencies {
        return (Vec::new(), Vec::new());
    }
    let bumps = summary::moved(bench, &state.lockfile, &ids, &progress.reasons);
    let mut evidence = summary::evidence(bench, &state.lockfile, &ids, &progress.ways);
    evidence.extend(super::super::proved::newer_than_tried(bench.updater, bench.version));
    evidence.extend(solver.compiler(&bumps));
    (bumps, evidence)
}

/// By package, the flaws that are to go, and how bad each is.
fn wanted(bench: &Bench<'_>, goals: &Goals) -> BTreeMap<String, Wanted> {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    let severity = |id: &AdvisoryId| {
        let of_flaw = bench.request.findings.iter().filter(|it| it.advisory.as_ref().is_some_and(|it| it.id == *id));
        of_flaw.map(|finding| finding.severity).max().unwrap_or(Severity::Unknown)
    };
    for ((package, _), flaws) in goals {
        let known = wanted.entry(package.clone()).or_default();
        known.extend(flaws.iter().map(|id| (id.clone(), severity(id))));
    }
    wanted
}

impl Solver<'_> {
    /// Moves what can be moved, until nothing moves any more.
    fn work(&self, state: &mut State) -> Progress {
        let mut progress = Progress::default();
        for _ in 0..ROUNDS {
            let open = self.open(state);
            let before = state.lockfile.dependencies.clone();
            if !open.is_empty() {
                self.advance(state, &open, Raising::Compatible, &mut progress);
            }
            if before == state.lockfile.dependencies {
                break;
            }
        }
        progress
    }

    /// Whether the tool would leave the lockfile as it is; where it cannot be asked, nothing speaks against it.
    fn is_in_sync(&self, state: &State) -> bool {
        let bench = self.index.bench;
        let checked = bench.files(&state.changed).and_then(|files| bench.check_sync(&files));
        !matches!(checked, Err(failure) if failure.cause == BlockCause::LockfileStale)
    }

    /// What stays of one finding, by the final lockfile: flaws of the version if it is still there, and of versions that are
    /// new.
    fn blocked(
        &self,
        before: &State,
        after: &State,
        (package, from): (&str, &str),
        (progress, offers): (&Progress, &Offers),
    ) -> Vec<Blocked> {
        let bench = self.index.bench;
        let is_old =
            |version: &str| before.lockfile.dependencies.iter().any(|it| it.name == package && it.version == version);
        let had = self.flaws_of(&(package.to_owned(), from.to_owned()));
        let left: BTreeSet<(String, AdvisoryId)> = self
            .affected(&after.lockfile)
            .into_iter()
            .filter(|(name, version, flaw)| {
                name == package && had.contains_key(flaw) && (version == from || !is_old(version))
            })
            .map(|(_, version, flaw)| (version, flaw))
            .collect();
        let mut grouped: BTreeMap<Option<usize>, Vec<(String, AdvisoryId)>> = BTreeMap::new();
        for (version, flaw) in left {
            let offer = offers.made.iter().position(|offer| offer.fixes(package, &flaw));
            grouped.entry(offer).or_default().push((version, flaw));
        }
        let told = grouped.into_iter().map(|(offer, left)| {
            let stands = left.first().map(|(version, _)| version.clone()).unwrap_or_default();
            let mut advisories: Vec<AdvisoryId> = left.into_iter().map(|(_, flaw)| flaw).collect();
            advisories.dedup();
            let (target, failure) = match offer.and_then(|offer| offers.made.get(offer)) {
                Some(offer) => (offer.target_of(package), offer.as_failure(package)),
                None => self.reason((package, &stands), &advisories, (progress, offers)),
            };
            Blocked { advisories, ..bench.blocked((package, from), target.as_deref(), failure) }
        });
        told.collect()
    }

    /// Why flaws stay where they are.
    fn reason(
        &self,
        (package, stands): (&str, &str),
        flaws: &[AdvisoryId],
        (progress, offers): (&Progress, &Offers),
    ) -> (Option<String>, Failure) {
        let above = self.index.above(package, stands).unwrap_or_default();
        let is_free = |version: &str| flaws.iter().any(|flaw| !self.index.flaws(package, version).contains(flaw));
        if !above.iter().any(|release| is_free(&release.version)) {
            let names: Vec<&str> = flaws.iter().map(AdvisoryId::as_str).collect();
            let text = format!("no release of `{package}` above {stands} is free of {}", names.join(", "));
            return (None, Failure::new(BlockCause::NoFixedVersion, text));
        }
        let goal = (package.to_owned(), stands.to_owned());
        let known = progress.obstacles.get(&goal).cloned();
        if let Some(failure) = offers.failed.get(&goal) {
            // A raise was tried, and what came of it tells more than what stands in the way without one.
            return (known.and_then(|(target, _)| target), failure.clone());
        }
        known.unwrap_or_else(|| {
            let lowest = above.iter().find(|release| is_free(&release.version)).map(|it| it.version.clone());
            let text = format!("within the ranges that are asked for, no better release of `{package}` can be had");
            (lowest, Failure::new(BlockCause::ParentRequirement, text))
        })
    }

    fn raise(&self, state: &State, offer: Offer, ids: &BTreeSet<AdvisoryId>) -> Option<Raise> {
        let bench = self.index.bench;
        let bumps = summary::moved_between(bench, (&state.lockfile, &offer.state.lockfile), ids, &offer.reasons);
        let mut evidence = summary::evidence(bench, &offer.state.lockfile, ids, &BTreeSet::from([offer.way]));
        evidence.extend(offer.lost_features());
        evidence.extend(self.compiler(&bumps));
        let changes = summary::changes(bench.request, &offer.state);
        let mut all = offer.raised.into_iter();
        let raised = all.next()?;
        let mut also: Vec<String> = all.map(|it| it.package).filter(|package| *package != raised.package).collect();
        also.sort();
        also.dedup();
        Some(Raise {
            ecosystem: bench.ecosystem(),
            file: bench.request.lockfile.path.clone(),
            package: raised.package,
            requirement: raised.direct.requirement,
            raised: raised.target,
            also,
            remedy: crate::model::remedy::Remedy { bumps, changes, evidence },
        })
    }

    /// What the new releases need of the compiler, where that is more than the project promises.
    fn compiler(&self, bumps: &[Bump]) -> Option<Evidence> {
        let floor = self.floor.as_deref()?;
        let mut needing = Vec::new();
        for bump in bumps {
            let Some(to) = &bump.to else { continue };
            let needs = self.index.release(&bump.package, to).ok().flatten().and_then(|release| release.needs.clone());
            if let Some(needs) = needs.filter(|needs| self.index.compare(needs, floor).is_gt()) {
                needing.push(format!("{} {to} needs {needs}", bump.package));
            }
        }
        let result = if needing.is_empty() { "none of them needs a newer one".to_owned() } else { needing.join(", ") };
        let check = format!("the new releases compared with the oldest Rust that the project is for, {floor}");
        Some(Evidence { check, result })
    }
}

/// Notes why each package that was moved on purpose is where it is.
pub(super) fn note_reasons(index: &Index<'_>, before: &State, (goal, choice): (&Goal, &Choice), reasons: &mut Reasons) {
    let Ok(graph) = Graph::new(index, before) else { return };
    let place = place_of(&graph, goal);
    let aim = choice.target.as_ref().map_or_else(
        || format!("nothing needs `{}` any more", goal.0),
        |release| format!("`{}` can stand at {}", goal.0, release.version),
    );
    for (position, release) in &choice.draft.moves {
        let package = graph.at(*position).name.clone();
        let reason = if Some(*position) == place {
            let links = graph.links(*position).map(|links| links.to_vec()).unwrap_or_default();
            let mut ranges: Vec<String> = links.into_iter().map(|link| link.requirement).collect();
            ranges.sort();
            ranges.dedup();
            summary::goal_reason("no release that can be had", &choice.remaining, choice.in_range, &ranges)
        } else {
            format!("moves along, to the lowest release with which {aim}")
        };
        reasons.entry((package, release.version.clone())).or_insert(reason);
    }
}
