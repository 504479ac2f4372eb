//! Post-conditions: a change counts only when the lockfile, read again, says so.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::{Bench, State};
use super::bumps::{Shift, shifts};
use super::edges;
use super::failure::Failure;
use super::graph::Plan;
use super::target::flaws;
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::{Dependency, Origin};
use crate::model::lockfile::Lockfile;
use crate::model::remedy::{BlockCause, Step};
use crate::updater::{LockedEntry, Solver};
use crate::version;

/// What a change was meant to do.
pub(super) struct Intent<'a> {
    pub(super) package: &'a str,
    pub(super) from: &'a str,
    /// The flaws that were to go.
    pub(super) flaws: &'a BTreeSet<AdvisoryId>,
    pub(super) plan: &'a Plan,
    /// Whether the package must stand at exactly the planned version (or be gone).
    pub(super) exact: bool,
}

/// Holds a change against every post-condition.
pub(super) fn check(bench: &Bench<'_>, before: &State, after: &State, intent: &Intent<'_>) -> Result<(), Failure> {
    something_changed(bench, before, after)?;
    is_fixed(bench, before, after, intent).map_err(failed)?;
    if intent.exact {
        stands_at_target(before, after, intent).map_err(failed)?;
    }
    nothing_new_is_affected(bench, &before.lockfile, &after.lockfile).map_err(failed)?;
    only_meant_packages_moved(bench, before, after, intent).map_err(failed)?;
    entries_are_the_registrys(bench, before, after)?;
    requirements_hold(bench, &before.lockfile, &after.lockfile).map_err(failed)
}

/// The post-conditions that do not depend on one goal: for a change that serves several at once.
pub(super) fn check_all(bench: &Bench<'_>, before: &State, after: &State, plan: &Plan) -> Result<(), Failure> {
    something_changed(bench, before, after)?;
    nothing_new_is_affected(bench, &before.lockfile, &after.lockfile).map_err(failed)?;
    only_planned_packages_moved(bench, before, after, plan).map_err(failed)?;
    nothing_goes_down(bench, &before.lockfile, &after.lockfile).map_err(failed)?;
    entries_are_the_registrys(bench, before, after)?;
    requirements_hold(bench, &before.lockfile, &after.lockfile).map_err(failed)
}

/// Holds the change of a whole lockfile against what must be so whatever was meant to happen.
pub(super) fn check_whole(
    bench: &Bench<'_>,
    solver: &dyn Solver,
    (before, after): (&State, &State),
) -> Result<(), Failure> {
    nothing_new_is_affected(bench, &before.lockfile, &after.lockfile).map_err(failed)?;
    nothing_goes_down(bench, &before.lockfile, &after.lockfile).map_err(failed)?;
    entries_are_the_registrys(bench, before, after)?;
    let broken = |state: &State| -> Result<_, Failure> { Ok(solver.broken(&bench.files(&state.changed)?)) };
    match broken(before)?.zip(broken(after)?) {
        Some((old, new)) => match new.difference(&old).next() {
            Some(requirement) => Err(failed(format!("{requirement} and would not get it"))),
            None => Ok(()),
        },
        None => requirements_hold(bench, &before.lockfile, &after.lockfile).map_err(failed),
    }
}

fn failed(text: String) -> Failure {
    Failure::new(BlockCause::PostConditionFailed, text)
}

fn something_changed(bench: &Bench<'_>, before: &State, after: &State) -> Result<(), Failure> {
    if before.lockfile.dependencies == after.lockfile.dependencies {
        return Err(failed(format!("`{}` ended well but changed nothing", bench.updater.id())));
    }
    Ok(())
}

/// Whoever made the change and whatever a tool's cache held: sources, checksums and requirements are those of the registry, and
/// the format is the one before.
fn entries_are_the_registrys(bench: &Bench<'_>, before: &State, after: &State) -> Result<(), Failure> {
    sources_are_kept(bench, before, after)?;
    edges::are_the_registrys(bench, before, after)?;
    format_is_kept(bench, before, after).map_err(failed)
}

/// No package is at a lower version than before.
fn nothing_goes_down(bench: &Bench<'_>, before: &Lockfile, after: &Lockfile) -> Result<(), String> {
    for shift in shifts(bench.ecosystem(), before, after) {
        if let Shift::Moved { package, from, to: Some(to) } = shift
            && version::compare(bench.ecosystem(), &to, &from).is_ok_and(std::cmp::Ordering::is_lt)
        {
            return Err(format!("`{package}` would go down from {from} to {to}"));
        }
    }
    Ok(())
}

/// P1: the instance is gone, and no other one is affected that was not before.
fn is_fixed(bench: &Bench<'_>, before: &State, after: &State, intent: &Intent<'_>) -> Result<(), String> {
    let affected = |lockfile: &Lockfile| -> BTreeSet<String> {
        let instances = lockfile.dependencies.iter().filter(|dependency| dependency.name == intent.package);
        let is_affected = |dependency: &&Dependency| {
            let found = flaws(bench.request.advisories, bench.ecosystem(), &dependency.name, &dependency.version);
            !found.is_disjoint(intent.flaws)
        };
        instances.filter(is_affected).map(|dependency| dependency.version.clone()).collect()
    };
    let mut allowed = affected(&before.lockfile);
    allowed.remove(intent.from);
    let left: Vec<String> = affected(&after.lockfile).difference(&allowed).cloned().collect();
    if left.is_empty() { Ok(()) } else { Err(format!("`{}` is still locked at {}", intent.package, left.join(", "))) }
}

/// The package came to no other version than the planned one.
fn stands_at_target(before: &State, after: &State, intent: &Intent<'_>) -> Result<(), String> {
    let old: BTreeSet<(String, String)> = before.lockfile.dependencies.iter().map(key).collect();
    let targets = intent.plan.moves.iter().filter(|step| step.package == intent.package);
    let targets: BTreeSet<&str> = targets.map(|step| step.release.version.as_str()).collect();
    let other = after
        .lockfile
        .dependencies
        .iter()
        .find(|it| it.name == intent.package && !old.contains(&key(it)) && !targets.contains(it.version.as_str()));
    match other {
        Some(other) => Err(format!("`{}` would come to {} instead", intent.package, other.version)),
        None => Ok(()),
    }
}

/// P2: no flaw affects the new lockfile that did not affect the old one.
fn nothing_new_is_affected(bench: &Bench<'_>, before: &Lockfile, after: &Lockfile) -> Result<(), String> {
    let matches = |lockfile: &Lockfile, skipped: &BTreeSet<(String, String)>| -> BTreeSet<(String, AdvisoryId)> {
        let instances = lockfile.dependencies.iter().filter(|dependency| !skipped.contains(&key(dependency)));
        instances
            .flat_map(|dependency| {
                let found =
                    flaws(bench.request.advisories, dependency.ecosystem, &dependency.name, &dependency.version);
                found.into_iter().map(|flaw| (dependency.name.clone(), flaw))
            })
            .collect()
    };
    let known: BTreeSet<(String, String)> = before.dependencies.iter().map(key).collect();
    let new = matches(after, &known);
    if new.is_empty() {
        return Ok(());
    }
    let old = matches(before, &BTreeSet::new());
    match new.difference(&old).next() {
        Some((package, flaw)) => Err(format!("the change would bring in `{package}` with the flaw {flaw}")),
        None => Ok(()),
    }
}

fn key(dependency: &Dependency) -> (String, String) {
    (dependency.name.clone(), dependency.version.clone())
}

/// P3: only the package, the parents that were named and what these need have moved, and nothing went down.
fn only_meant_packages_moved(
    bench: &Bench<'_>,
    before: &State,
    after: &State,
    intent: &Intent<'_>,
) -> Result<(), String> {
    let mut named: BTreeSet<&str> = intent.plan.moves.iter().map(|step| step.package.as_str()).collect();
    named.insert(intent.package);
    let mut allowed = below(&before.lockfile, &named);
    allowed.extend(below(&after.lockfile, &named));
    for shift in shifts(bench.ecosystem(), &before.lockfile, &after.lockfile) {
        let package = shift.package();
        if !allowed.contains(package) {
            return Err(format!("`{package}` changed as well, which has nothing to do with `{}`", intent.package));
        }
        let Shift::Moved { from, to: Some(to), .. } = &shift else { continue };
        if version::compare(bench.ecosystem(), to, from).is_ok_and(std::cmp::Ordering::is_lt) {
            return Err(format!("`{package}` would go down from {from} to {to}"));
        }
        let raised = intent.plan.raises.iter().any(|(name, _, _)| name == package);
        let breaks = version::step(bench.ecosystem(), from, to).ok() == Some(Step::Major);
        // A parent may need a new major version of what lies below it; a named parent itself moves within its range.
        let meant = intent.plan.moves.iter().any(|step| step.package == package && step.release.version == *to);
        if breaks && !raised && !meant && named.contains(package) {
            return Err(format!("`{package}` would make a breaking step from {from} to {to}"));
        }
    }
    Ok(())
}

/// P3 for a plan of the whole lockfile: nothing moved but what is planned and what that needs.
fn only_planned_packages_moved(bench: &Bench<'_>, before: &State, after: &State, plan: &Plan) -> Result<(), String> {
    let mut named: BTreeSet<&str> = plan.moves.iter().map(|step| step.package.as_str()).collect();
    named.extend(plan.raises.iter().map(|(package, _, _)| package.as_str()));
    named.extend(plan.freed.iter().map(|package| package.name.as_str()));
    let mut allowed = below(&before.lockfile, &named);
    allowed.extend(below(&after.lockfile, &named));
    for shift in shifts(bench.ecosystem(), &before.lockfile, &after.lockfile) {
        let package = shift.package();
        if !allowed.contains(package) {
            return Err(format!("`{package}` changed as well, which has nothing to do with what was planned"));
        }
    }
    Ok(())
}

/// The names of some packages and of everything that they require.
fn below(lockfile: &Lockfile, roots: &BTreeSet<&str>) -> BTreeSet<String> {
    let dependencies = &lockfile.dependencies;
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); dependencies.len()];
    for (child, dependency) in dependencies.iter().enumerate() {
        for &parent in &dependency.parents {
            if let Some(list) = children.get_mut(parent) {
                list.push(child);
            }
        }
    }
    let is_root = |position: &usize| roots.contains(dependencies[*position].name.as_str());
    let mut open: Vec<usize> = (0..dependencies.len()).filter(is_root).collect();
    let mut seen = vec![false; dependencies.len()];
    let mut names: BTreeSet<String> = roots.iter().map(|name| (*name).to_owned()).collect();
    while let Some(position) = open.pop() {
        if !std::mem::replace(&mut seen[position], true) {
            names.insert(dependencies[position].name.clone());
            open.extend(&children[position]);
        }
    }
    names
}

/// P4: what changed comes from a source that the lockfile used before, with the registry's own checksum.
fn sources_are_kept(bench: &Bench<'_>, before: &State, after: &State) -> Result<(), Failure> {
    let lock = |state: &State| -> Result<Vec<LockedEntry>, Failure> {
        Ok(bench.updater.entries(bench.files(&state.changed)?.lock()))
    };
    let old: BTreeSet<LockedEntry> = lock(before)?.into_iter().collect();
    let sources: BTreeSet<&str> = old.iter().map(|entry| entry.source.as_str()).collect();
    for entry in lock(after)?.into_iter().filter(|entry| !old.contains(entry)) {
        let LockedEntry { package, version, source, checksum } = &entry;
        if !sources.contains(source.as_str()) {
            return Err(failed(format!(
                "`{package}` {version} would come from `{source}`, where nothing came from before"
            )));
        }
        if bench.foreign.contains(package) {
            continue;
        }
        let releases = match bench.registry.releases(package) {
            Ok(releases) => releases,
            // What no registry knows (a folder of the project, say) has nothing to compare with.
            Err(crate::registry::RegistryError::Unknown { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let known = releases.iter().find(|release| release.version == *version);
        let expected = known.and_then(|release| release.checksum.as_deref());
        if let (Some(expected), found) = (expected, checksum.as_deref())
            && found != Some(expected)
        {
            return Err(failed(format!("the checksum of `{package}` {version} is not the registry's")));
        }
    }
    let replaced = after.lockfile.dependencies.iter().find(|dependency| {
        !before.lockfile.dependencies.iter().any(|old| key(old) == key(dependency))
            && !matches!(dependency.origin, Origin::Registry { .. })
    });
    match replaced {
        Some(dependency) => Err(failed(format!("`{}` would not come from a registry", dependency.name))),
        None => Ok(()),
    }
}

/// P5: the format of the file is the old one.
fn format_is_kept(bench: &Bench<'_>, before: &State, after: &State) -> Result<(), String> {
    let version = |state: &State| {
        let files = bench.files(&state.changed).ok()?;
        bench.updater.format_version(files.lock())
    };
    let (old, new) = (version(before), version(after));
    if old == new { Ok(()) } else { Err("the tool would write the lockfile in another format".to_owned()) }
}

/// P6: no requirement that held before is broken, as far as the lockfile writes requirements.
fn requirements_hold(bench: &Bench<'_>, before: &Lockfile, after: &Lockfile) -> Result<(), String> {
    let broken = |lockfile: &Lockfile| -> BTreeMap<(String, String), String> {
        let mut broken = BTreeMap::new();
        for dependency in &lockfile.dependencies {
            for (wanted, &parent) in dependency.requirements.iter().zip(&dependency.parents) {
                let violated = version::satisfies(bench.ecosystem(), wanted, &dependency.version) == Some(false);
                if let (true, Some(parent)) = (violated, lockfile.dependencies.get(parent)) {
                    broken.insert((parent.name.clone(), dependency.name.clone()), wanted.clone());
                }
            }
        }
        broken
    };
    let old = broken(before);
    match broken(after).into_iter().find(|(edge, _)| !old.contains_key(edge)) {
        Some(((parent, child), wanted)) => {
            Err(format!("`{parent}` asks for `{child}` `{wanted}` and would not get it"))
        }
        None => Ok(()),
    }
}
