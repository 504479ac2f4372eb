//! Who asks for what: the requirements on a locked package, and the parents that would have to move.

use std::cmp::Ordering;

use super::bench::{Bench, State};
use super::failure::Failure;
use super::target::{flaws, is_above};
use crate::model::dependency::{Origin, PackageVersion};
use crate::model::dependency_path::TOLD_LINKS;
use crate::model::lockfile::Lockfile;
use crate::model::release::Release;
use crate::model::remedy::{BlockCause, BlockingParent, Step};
use crate::updater::DirectRequirement;
use crate::version;

/// How many parents on top of one another may have to move: deeper remedies are no longer minimal.
const DEPTH_LIMIT: usize = 3;
/// How many releases of a parent are looked at: each may be a question to the registry.
const RELEASE_LIMIT: usize = 40;

/// One requirement on a locked package.
#[derive(Debug, Clone)]
pub(super) enum Edge {
    /// The project itself asks.
    Project(DirectRequirement),
    /// Another locked package asks; its position in the lockfile.
    Package(usize, String),
}

impl Edge {
    pub(super) fn requirement(&self) -> &str {
        match self {
            Self::Project(direct) => &direct.requirement,
            Self::Package(_, requirement) => requirement,
        }
    }
}

/// One package that is to move.
#[derive(Debug, Clone)]
pub(super) struct PlannedMove {
    pub(super) package: String,
    pub(super) from: String,
    pub(super) release: Release,
}

/// What has to be done for one package.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Requirements of the project that are raised: package and new version.
    pub(super) raises: Vec<(String, String, DirectRequirement)>,
    /// The moves, parents first; the package itself is last.
    pub(super) moves: Vec<PlannedMove>,
    /// Locked packages whose new versions are left to the tool.
    pub(super) freed: Vec<PackageVersion>,
}

/// The requirements on one locked package, as far as they are known.
pub(super) fn edges(bench: &Bench<'_>, state: &State, position: usize) -> Result<Vec<Edge>, Failure> {
    let ecosystem = bench.ecosystem();
    let dependencies = &state.lockfile.dependencies;
    let Some(child) = dependencies.get(position) else { return Ok(Vec::new()) };
    // A requirement that the locked version does not meet is about another instance of the package.
    let is_about = |wanted: &str| version::satisfies(ecosystem, wanted, &child.version).unwrap_or(true);
    let mut edges = Vec::new();
    if child.direct {
        let files = bench.files(&state.changed)?;
        let direct = bench.updater.requirements(&files, bench.request.tree, &child.name);
        edges.extend(direct.into_iter().filter(|wanted| is_about(&wanted.requirement)).map(Edge::Project));
    }
    for (index, &parent) in child.parents.iter().enumerate() {
        let Some(above) = dependencies.get(parent) else { continue };
        let written = child.requirements.get(index).filter(|wanted| !wanted.is_empty());
        if above.origin == Origin::Path {
            // A part of the project: its manifest was read above.
        } else if let Some(wanted) = written {
            edges.push(Edge::Package(parent, wanted.clone()));
        } else if matches!(above.origin, Origin::Registry { .. }) {
            // Cargo.lock does not keep requirements, the registry does.
            let known = requirements_of(bench, &above.name, &above.version)?;
            let wanted = known.into_iter().filter(|(name, wanted)| *name == child.name && is_about(wanted));
            edges.extend(wanted.map(|(_, wanted)| Edge::Package(parent, wanted)));
        }
    }
    Ok(edges)
}

fn requirements_of(bench: &Bench<'_>, package: &str, version: &str) -> Result<Vec<(String, String)>, Failure> {
    if bench.foreign.contains(package) {
        return Ok(Vec::new());
    }
    match bench.registry.requirements(package, version) {
        Ok(requirements) => Ok(requirements),
        // A private or removed parent says nothing; the tool judges then.
        Err(crate::registry::RegistryError::Unknown { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Everything that has to move so that the package at `position` can stand at `release`.
pub(super) fn plan(bench: &Bench<'_>, state: &State, position: usize, release: &Release) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    extend(bench, state, (position, release, 0), &mut plan)?;
    Ok(plan)
}

fn extend(
    bench: &Bench<'_>,
    state: &State,
    (position, release, depth): (usize, &Release, usize),
    plan: &mut Plan,
) -> Result<(), Failure> {
    let ecosystem = bench.ecosystem();
    let child = &state.lockfile.dependencies[position];
    for edge in edges(bench, state, position)? {
        if version::satisfies(ecosystem, edge.requirement(), &release.version).unwrap_or(true) {
            continue;
        }
        match edge {
            Edge::Project(direct) => {
                let breaks = version::step(ecosystem, &child.version, &release.version).ok() == Some(Step::Major);
                if depth > 0 && breaks {
                    // Raising a dependency by a major step is a decision about the package with the flaw, not about
                    // whoever happens to stand above it.
                    return Err(blocked_by(state, position, &release.version, &direct.requirement, None));
                }
                plan.raises.push((child.name.clone(), release.version.clone(), direct));
            }
            Edge::Package(parent, requirement) => {
                if plan.moves.iter().any(|step| step.package == state.lockfile.dependencies[parent].name) {
                    continue;
                }
                let blocked = || blocked_by(state, position, &release.version, &requirement, Some(parent));
                if depth >= DEPTH_LIMIT {
                    return Err(blocked());
                }
                let admitting = lowest_admitting(bench, state, (parent, &child.name, &release.version))?;
                let above = admitting.ok_or_else(blocked)?;
                extend(bench, state, (parent, &above, depth + 1), plan).map_err(|mut failure| {
                    let parent = PackageVersion::from(&state.lockfile.dependencies[parent]);
                    let link = BlockingParent { parent, requirement: requirement.clone() };
                    failure.chain.insert(0, link);
                    failure
                })?;
            }
        }
    }
    let step = PlannedMove { package: child.name.clone(), from: child.version.clone(), release: release.clone() };
    plan.moves.push(step);
    Ok(())
}

/// The lowest release of a parent that admits the target or does not need the package at all.
fn lowest_admitting(
    bench: &Bench<'_>,
    state: &State,
    (parent, package, target): (usize, &str, &str),
) -> Result<Option<Release>, Failure> {
    let ecosystem = bench.ecosystem();
    let above = &state.lockfile.dependencies[parent];
    if !matches!(above.origin, Origin::Registry { .. }) || bench.foreign.contains(&above.name) {
        return Ok(None);
    }
    let known = bench.registry.releases(&above.name)?;
    let mut higher: Vec<&Release> = known
        .iter()
        .filter(|release| !release.yanked && is_above(ecosystem, &above.version, &release.version))
        .collect();
    higher.sort_by(|left, right| version::compare(ecosystem, &left.version, &right.version).unwrap_or(Ordering::Equal));
    for release in higher.into_iter().take(RELEASE_LIMIT) {
        let wanted = requirements_of(bench, &above.name, &release.version)?;
        let mut on_package = wanted.iter().filter(|(name, _)| name == package).peekable();
        let gone = on_package.peek().is_none();
        let admits = on_package.any(|(_, wanted)| version::satisfies(ecosystem, wanted, target) == Some(true));
        let clean = || flaws(bench.request.advisories, ecosystem, &above.name, &release.version).is_empty();
        if (gone || admits) && clean() {
            return Ok(Some(release.clone()));
        }
    }
    Ok(None)
}

/// The chain from the package up to a direct dependency, as a failure.
fn blocked_by(state: &State, position: usize, target: &str, requirement: &str, parent: Option<usize>) -> Failure {
    let child = &state.lockfile.dependencies[position];
    let Some(parent) = parent else {
        let text = format!("the project asks for `{}` `{requirement}`, and {target} is a breaking step", child.name);
        return Failure::new(BlockCause::ParentRequirement, text)
            .with_next_step(format!("raise `{}` to {target} and adapt the code", child.name));
    };
    let above = &state.lockfile.dependencies[parent];
    let text = format!(
        "`{}` asks for `{}` `{requirement}`, which excludes {target}, and no release of it admits {target}",
        PackageVersion::from(above),
        child.name
    );
    let mut failure = Failure::new(BlockCause::ParentRequirement, text);
    (failure.chain, failure.chain_left_out) = chain(&state.lockfile, parent, requirement);
    failure
}

/// Who requires what, from `parent` of the package up to the direct dependency on the shortest way, and how many links before
/// the last one are left out: a chain is told as long as a path is.
pub(super) fn chain(lockfile: &Lockfile, parent: usize, requirement: &str) -> (Vec<BlockingParent>, usize) {
    let link = |position: usize, requirement: &str| {
        let parent = lockfile.dependencies.get(position).map(PackageVersion::from)?;
        Some(BlockingParent { parent, requirement: requirement.to_owned() })
    };
    let mut chain: Vec<BlockingParent> = link(parent, requirement).into_iter().collect();
    let (mut current, mut left_out) = (parent, 0);
    while let Some(above) = lockfile.nearest_parent(current) {
        // What it asks for stands at the place of the parent that asks.
        let child = lockfile.dependencies.get(current);
        let asked = child.and_then(|child| {
            let index = child.parents.iter().position(|&parent| parent == above)?;
            child.requirements.get(index)
        });
        if chain.len() == TOLD_LINKS {
            chain.pop();
            left_out += 1;
        }
        chain.extend(link(above, asked.map_or("", String::as_str)));
        current = above;
    }
    (chain, left_out)
}
