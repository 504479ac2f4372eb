//! Raise: what only a breaking step of a requirement of the project fixes, each step on top of the safe remedy.

use std::collections::BTreeSet;

use super::super::RemedyRequest;
use super::super::bench::{self, Bench, State};
use super::super::{Goals, summary};
use super::{Desk, left};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::{BlockCause, Blocked, Raise, Remedy};
use crate::updater::{Breaking, Freedom, Solver, Stay};

/// How many breaking steps are tried for one lockfile.
const RAISE_LIMIT: usize = 8;

/// The breaking steps that fix some of the goals, sorted by package.
pub(super) fn offer(desk: &Desk<'_>, state: &State, goals: &Goals) -> Vec<Raise> {
    let freedom = Freedom { breaking: Breaking::Never, overrides: false };
    let Ok(files) = desk.bench.files(&state.changed) else { return Vec::new() };
    let Ok(opened) = desk.opened(&files) else { return Vec::new() };
    // What ended the search was said with what stays.
    let sets = desk.with_puzzle(&opened, goals, freedom, |puzzle| desk.solver.raises(puzzle)).unwrap_or_default();
    let mut raises: Vec<Raise> =
        sets.iter().take(RAISE_LIMIT).filter_map(|names| one(desk, state, (goals, names))).collect();
    raises.sort_by(|left, right| left.package.cmp(&right.package));
    raises.dedup_by(|left, right| left.package == right.package);
    raises
}

/// One step; `None` where it does not hold or fixes nothing.
fn one(desk: &Desk<'_>, state: &State, (goals, names): (&Goals, &BTreeSet<String>)) -> Option<Raise> {
    let freedom = Freedom { breaking: Breaking::Only(names), overrides: false };
    let solved = desk.plan_together(state, goals, freedom).ok()?;
    let edit = solved.edits.iter().find(|edit| edit.keys.last().is_some_and(|name| names.contains(name)))?;
    let package = edit.keys.last()?.clone();
    let request = RemedyRequest { lockfile: &state.lockfile, ..*desk.bench.request };
    let bench = Bench {
        request: &request,
        updater: desk.bench.updater,
        registry: std::sync::Arc::clone(&desk.bench.registry),
        foreign: desk.bench.foreign.clone(),
        version: desk.bench.version,
        stands_in: desk.bench.stands_in,
    };
    let wanted: BTreeSet<AdvisoryId> = goals.values().flatten().cloned().collect();
    let after = &solved.state.lockfile;
    let bumps = summary::moved(&bench, after, &wanted, &solved.reasons);
    let evidence = summary::evidence(&bench, after, &wanted, &BTreeSet::from([desk.solver.what()]));
    let fixes = goals
        .iter()
        .any(|((package, version), flaws)| left(desk.bench, (after, package, version), flaws).len() < flaws.len());
    let changes = summary::changes(desk.bench.request, &solved.state);
    let manifest = bench::manifest(desk.bench.request, &state.changed, &edit.manifest).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    let old = edit.keys.iter().try_fold(&manifest, |place, key| place.get(key))?;
    fixes.then(|| Raise {
        ecosystem: desk.bench.ecosystem(),
        file: desk.bench.request.lockfile.path.clone(),
        requirement: old.as_str().unwrap_or_default().to_owned(),
        raised: edit.value.as_str().unwrap_or_default().to_owned(),
        package,
        also: Vec::new(),
        remedy: Remedy { bumps, changes, evidence },
    })
}

/// What stays, with the breaking step that fixes it where there is one.
pub(super) fn told(solver: &dyn Solver, (blocked, stays): (Vec<Blocked>, &[Stay]), raises: &[Raise]) -> Vec<Blocked> {
    let with_step = |one: Blocked| {
        let is_part = |stay: &Stay| stay.is_part && stay.package == one.package && stay.version == one.from;
        let why = if stays.iter().any(is_part) { format!("{}; ", one.explanation) } else { String::new() };
        let fixes = |raise: &&Raise| {
            let bumps = raise.remedy.bumps.iter().filter(|bump| bump.package == one.package);
            let fixed: BTreeSet<&AdvisoryId> = bumps.flat_map(|bump| &bump.fixes).collect();
            one.advisories.iter().all(|flaw| fixed.contains(flaw))
        };
        match raises.iter().find(fixes) {
            Some(Raise { package, requirement, raised, .. }) => Blocked {
                cause: BlockCause::BreakingRaise,
                explanation: format!(
                    "{why}the project asks for `{package}` `{requirement}`; only a breaking step to `{raised}` fixes it"
                ),
                next_step: solver.raise_step(package, raised),
                ..one
            },
            None => one,
        }
    };
    blocked.into_iter().map(with_step).collect()
}
