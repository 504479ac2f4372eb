//! The summary of a finished remedy: what moved, which files changed, and what was verified.

use std::collections::{BTreeMap, BTreeSet};

use super::RemedyRequest;
use super::bench::{Bench, State};
use super::bumps::{Shift, shifts};
use super::ladder::Climbed;
use super::target::flaws;
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::Dependency;
use crate::model::lockfile::Lockfile;
use crate::model::proposal::FileChange;
use crate::model::remedy::{Bump, Evidence, Step};
use crate::model::tree::EntryKind;
use crate::version;

/// Why a package stands where it stands now, by package and new version.
pub(super) type Reasons = BTreeMap<(String, String), String>;

/// Notes why each package that was moved on purpose is where it is.
pub(super) fn note_reasons(reasons: &mut Reasons, climbed: &Climbed) {
    for step in &climbed.plan.moves {
        let Some(goal) = climbed.plan.moves.last() else { continue };
        let key = (step.package.clone(), step.release.version.clone());
        let stands = |version: &str| {
            let instances = &climbed.state.lockfile.dependencies;
            instances.iter().any(|it| it.name == step.package && it.version == version)
        };
        let reason = if step.package == goal.package {
            if !stands(&key.1) {
                note_other(reasons, climbed, &key);
            }
            let mut wanted = climbed.requirements.clone();
            wanted.sort_unstable();
            wanted.dedup();
            goal_reason("no release", &climbed.candidate.remaining, climbed.candidate.in_range, &wanted)
        } else {
            format!("lowest release that admits `{}` {}", goal.package, goal.release.version)
        };
        reasons.entry(key).or_insert(reason);
    }
}

/// Notes why a package came to another version than the planned one.
fn note_other(reasons: &mut Reasons, climbed: &Climbed, (package, planned): &(String, String)) {
    for instance in climbed.state.lockfile.dependencies.iter().filter(|it| it.name == *package) {
        let reason = format!("newest release that can be locked; {planned}, the lowest without known flaws, cannot");
        reasons.entry((package.clone(), instance.version.clone())).or_insert(reason);
    }
}

/// Why a package came to its target, with what it asks for and whether that was kept.
///
/// `none` names the releases of which none is free of flaws, where the target still has some.
pub(super) fn goal_reason(none: &str, remaining: &[AdvisoryId], in_range: bool, wanted: &[String]) -> String {
    let ranges: Vec<String> = wanted.iter().take(3).map(|range| format!("`{range}`")).collect();
    let chosen = if remaining.is_empty() {
        "lowest release that no known advisory affects".to_owned()
    } else {
        let left: Vec<&str> = remaining.iter().map(AdvisoryId::as_str).collect();
        format!("{none} is free of known flaws; the lowest with the fewest still has {}", left.join(", "))
    };
    match (in_range, ranges.is_empty()) {
        (true, false) => format!("{chosen}; within the range {} that is asked for", ranges.join(", ")),
        (true, true) => chosen,
        (false, _) => {
            let ranges = ranges.join(", ");
            format!("{chosen} and that what requires it can use; outside of the range {ranges} that was asked for")
        }
    }
}

/// What moved, sorted by package and version; packages that only moved along come last.
pub(super) fn moved(
    bench: &Bench<'_>,
    after: &Lockfile,
    wanted: &BTreeSet<AdvisoryId>,
    reasons: &Reasons,
) -> Vec<Bump> {
    moved_between(bench, (bench.request.lockfile, after), wanted, reasons)
}

/// The same between any two readings.
pub(super) fn moved_between(
    bench: &Bench<'_>,
    (before, after): (&Lockfile, &Lockfile),
    wanted: &BTreeSet<AdvisoryId>,
    reasons: &Reasons,
) -> Vec<Bump> {
    let told: BTreeSet<&AdvisoryId> = wanted.iter().chain(flaws_besides(bench)).collect();
    let mut bumps: Vec<Bump> = shifts(bench.ecosystem(), before, after)
        .into_iter()
        .filter_map(|shift| match shift {
            Shift::Moved { package, from, to } => Some((package, from, to)),
            Shift::Added { .. } => None,
        })
        .filter_map(|(package, from, to)| bump(bench, (before, after), (package, from, to), (&told, reasons)))
        .collect();
    bumps.sort_by(|left, right| {
        let key = |bump: &Bump| (bump.fixes.is_empty(), bump.package.clone(), bump.from.clone());
        key(left).cmp(&key(right))
    });
    bumps
}

fn bump(
    bench: &Bench<'_>,
    (before, after): (&Lockfile, &Lockfile),
    (package, from, to): (String, String, Option<String>),
    (told, reasons): (&BTreeSet<&AdvisoryId>, &Reasons),
) -> Option<Bump> {
    let ecosystem = bench.ecosystem();
    let at = |lockfile: &Lockfile, version: &str| {
        lockfile.dependencies.iter().position(|it: &Dependency| it.name == package && it.version == version)
    };
    let old = at(before, &from)?;
    let left = to.as_deref().map(|to| flaws(bench.request.advisories, ecosystem, &package, to)).unwrap_or_default();
    let had = flaws(bench.request.advisories, ecosystem, &package, &from);
    let fixes: Vec<AdvisoryId> = had.difference(&left).filter(|flaw| told.contains(flaw)).cloned().collect();
    // What goes away breaks nobody: whoever needed it has moved, and that step is told with it.
    let step = to.as_deref().map_or(Ok(Step::Patch), |to| version::step(ecosystem, &from, to));
    let known = to.as_ref().and_then(|to| reasons.get(&(package.clone(), to.clone()))).cloned();
    let reason = known.unwrap_or_else(|| match &to {
        Some(_) => "moved along with the packages that require it".to_owned(),
        None => "nothing requires it any more".to_owned(),
    });
    let place = to.as_deref().and_then(|to| at(after, to));
    let path = place.map_or_else(|| before.shortest_path(old), |new| after.shortest_path(new));
    Some(Bump {
        ecosystem,
        file: before.path.clone(),
        // A version that cannot be ordered may have moved any distance.
        step: step.unwrap_or(Step::Major),
        direct: before.dependencies[old].direct,
        path,
        fixes,
        reason,
        package,
        from,
        to,
    })
}

/// The flaws that need not go away, and of which it is told when they do.
fn flaws_besides<'a>(bench: &Bench<'a>) -> BTreeSet<&'a AdvisoryId> {
    bench.request.besides.iter().filter_map(|finding| finding.advisory.as_ref()).map(|flaw| &flaw.id).collect()
}

/// The files as they are to be committed, sorted by path.
pub(super) fn changes(request: &RemedyRequest<'_>, state: &State) -> Vec<FileChange> {
    state
        .changed
        .iter()
        .filter_map(|(path, after)| {
            let before = request.tree.read(path).ok()?;
            let executable = matches!(request.tree.kind(path), Some(EntryKind::File { executable: true }));
            (before != *after).then(|| FileChange { path: path.clone(), before, after: after.clone(), executable })
        })
        .collect()
}

/// What was verified about the changed lockfile.
pub(super) fn evidence(
    bench: &Bench<'_>,
    after: &Lockfile,
    wanted: &BTreeSet<AdvisoryId>,
    ways: &BTreeSet<&'static str>,
) -> Vec<Evidence> {
    let path = &after.path;
    let found: BTreeSet<(String, AdvisoryId)> = after
        .dependencies
        .iter()
        .flat_map(|it| {
            let found = flaws(bench.request.advisories, it.ecosystem, &it.name, &it.version);
            found.into_iter().map(|flaw| (it.name.clone(), flaw))
        })
        .collect();
    let still: BTreeSet<&AdvisoryId> = found.iter().map(|(_, flaw)| flaw).collect();
    let gone_besides = flaws_besides(bench).into_iter().filter(|flaw| !still.contains(flaw)).cloned();
    let wanted: &BTreeSet<AdvisoryId> = &wanted.iter().cloned().chain(gone_besides).collect();
    let left: BTreeSet<&str> =
        found.iter().map(|(_, flaw)| flaw).filter(|flaw| wanted.contains(*flaw)).map(AdvisoryId::as_str).collect();
    let gone = wanted.len() - left.len();
    let left: Vec<&str> = left.into_iter().collect();
    let result = match (gone, left.as_slice()) {
        (1, []) => "the flaw is gone, and no new one has come".to_owned(),
        (_, []) => format!("all {gone} flaws are gone, and no new one has come"),
        (_, [_, ..]) => {
            let (all, verb) = (wanted.len(), if left.len() == 1 { "stays" } else { "stay" });
            format!("{gone} of {all} flaws are gone, and no new one has come; {} {verb} unfixed", left.join(", "))
        }
    };
    let tool = bench.updater.id();
    let ways: Vec<&str> = ways.iter().copied().collect();
    let mut evidence = vec![
        Evidence {
            check: format!(
                "`{path}` read again and its {} packages matched against all known advisories",
                after.dependencies.len()
            ),
            result,
        },
        Evidence {
            check: format!("sources and checksums in `{path}` compared with the registry's"),
            result: "every changed entry has the registry's checksum, where it gives one, and no new source".to_owned(),
        },
        Evidence {
            check: format!("`{tool}` asked whether `{path}` matches its manifest"),
            result: format!("it does; changed by {}", ways.join(", ")),
        },
    ];
    let added: Vec<String> = shifts(bench.ecosystem(), bench.request.lockfile, after)
        .into_iter()
        .filter_map(|shift| match shift {
            Shift::Added { package, version } => Some(format!("{package} {version}")),
            Shift::Moved { .. } => None,
        })
        .collect();
    if !added.is_empty() {
        evidence.push(Evidence {
            check: "packages that the new releases bring along".to_owned(),
            result: added.join(", "),
        });
    }
    evidence
}
