//! The choice: the release of a package that removes the most within the ranges, with the least that has to move for it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::failure::Failure;
use super::graph::{Asker, Draft};
use super::index::Known;
use super::search::{Raising, Search, line, spread};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::BlockCause;
use crate::model::severity::Severity;

/// How many targets are thought about within the ranges, and outside of them.
const TARGETS: (usize, usize) = (4, 8);

/// The flaws that a package is to lose, and how bad each is.
pub(super) type Wanted = BTreeMap<AdvisoryId, Severity>;

/// What was chosen for one package.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) draft: Draft,
    /// The version it comes to; `None` when it goes away.
    pub(super) target: Option<Known>,
    /// Whether every requirement that is known admits it.
    pub(super) in_range: bool,
    /// Known flaws that the target still has.
    pub(super) remaining: Vec<AdvisoryId>,
}

/// Targets that remove the same.
struct Tier {
    flaws: Vec<AdvisoryId>,
    /// The worst first: what is longer or worse comes first.
    removed: Vec<Severity>,
    left: usize,
    targets: Vec<Option<Known>>,
}

/// The best that can be had for the package at a place, on top of a draft; else what stands in the way of the best target.
pub(super) fn choose(
    search: &Search<'_>,
    draft: &Draft,
    position: usize,
    wanted: &Wanted,
) -> Result<Choice, (Option<String>, Failure)> {
    let mut obstacle: Option<(Option<String>, Failure)> = None;
    for tier in tiers(search, position, wanted).map_err(|failure| (None, failure))? {
        search.refill();
        match best_of(search, draft, position, &tier) {
            Ok(choice) => return Ok(choice),
            Err((target, failure)) if failure.cause == BlockCause::RegistryUnreachable => {
                return Err((target, failure));
            }
            Err(mut failure) => {
                if failure.0.is_some() && failure.1.cause == BlockCause::NoFixedVersion {
                    // The target is free of flaws; what would have to come in with it is not.
                    failure.1.cause = BlockCause::ParentRequirement;
                }
                let (package, target) = (search.graph.at(position), failure.0.as_deref().unwrap_or("no target"));
                let title = format!("not possible: {} {} -> {target}", package.name, package.version);
                search.graph.index.bench.log(&title, &failure.1.explanation);
                obstacle.get_or_insert(failure);
            }
        }
    }
    let package = search.graph.at(position);
    Err(obstacle.unwrap_or_else(|| {
        let text = format!("no release of `{}` above {} is free of the known flaws", package.name, package.version);
        (None, Failure::new(BlockCause::NoFixedVersion, text))
    }))
}

fn tiers(search: &Search<'_>, position: usize, wanted: &Wanted) -> Result<Vec<Tier>, Failure> {
    let index = search.graph.index;
    let package = search.graph.at(position);
    let affected = index.flaws(&package.name, &package.version);
    let mut tiers: BTreeMap<BTreeSet<AdvisoryId>, Vec<Option<Known>>> = BTreeMap::new();
    for release in index.above(&package.name, &package.version)? {
        let flaws = index.flaws(&package.name, &release.version);
        if flaws.is_subset(&affected) {
            tiers.entry((*flaws).clone()).or_default().push(Some(release));
        }
    }
    // It may also go away, where everything that needs it can do without.
    let is_only_needed = search.graph.links(position)?.iter().all(|it| matches!(it.asker, Asker::Package(_)));
    if is_only_needed {
        tiers.entry(BTreeSet::new()).or_default().push(None);
    }
    let tier = |(flaws, targets): (BTreeSet<AdvisoryId>, Vec<Option<Known>>)| {
        let mut removed: Vec<Severity> =
            wanted.iter().filter(|(id, _)| !flaws.contains(*id)).map(|(_, severity)| *severity).collect();
        removed.sort_unstable_by(|left, right| right.cmp(left));
        Tier { removed, left: flaws.len(), flaws: flaws.into_iter().collect(), targets }
    };
    let is_worth_it = |tier: &Tier| !tier.removed.is_empty() && !search.skipped.contains(&tier.flaws);
    let mut tiers: Vec<Tier> = tiers.into_iter().map(tier).filter(is_worth_it).collect();
    tiers.sort_by(|one, other| other.removed.cmp(&one.removed).then(one.left.cmp(&other.left)));
    Ok(tiers)
}

/// What a draft costs: raises, releases that need a newer compiler than promised, and packages that move.
type Cost = (usize, usize, usize);

fn best_of(
    search: &Search<'_>,
    draft: &Draft,
    position: usize,
    tier: &Tier,
) -> Result<Choice, (Option<String>, Failure)> {
    let stop = |failure| (None, failure);
    let mut best: Option<(Cost, Choice)> = None;
    let mut obstacle = None;
    for target in worth_a_try(search, position, &tier.targets).map_err(stop)? {
        let mut trial = draft.clone();
        let placed = match &target {
            Some(release) => search.place(&mut trial, position, release),
            None => search.drop(&mut trial, position),
        };
        let told = target.as_ref().map(|release| release.version.clone());
        match placed {
            // What stays within the ranges was tried before any raise, and could not be made.
            Ok(()) if search.raising == Raising::Breaking && trial.raises.is_empty() => {}
            Ok(()) => {
                let cost = cost(search, &trial).map_err(stop)?;
                if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                    let choice = Choice::new(search, trial, position, target).map_err(stop)?;
                    best = Some((cost, choice));
                }
                if cost.0 == 0 && cost.1 == 0 && cost.2 <= draft.moves.len() + 1 {
                    break;
                }
            }
            Err(failure) if failure.cause == BlockCause::RegistryUnreachable => return Err((told, failure)),
            // The lowest target is the one whose obstacle is worth telling, unless it is only that it should go.
            Err(failure) => {
                if told.is_some() || obstacle.is_none() {
                    obstacle.get_or_insert((told, failure));
                }
            }
        }
    }
    let nothing = || stop(Failure::new(BlockCause::NoFixedVersion, "no release can be had"));
    best.map(|(_, choice)| choice).ok_or_else(|| obstacle.unwrap_or_else(nothing))
}

impl Choice {
    fn new(search: &Search<'_>, draft: Draft, position: usize, target: Option<Known>) -> Result<Self, Failure> {
        let graph = search.graph;
        let package = graph.at(position);
        let target = target.filter(|_| !graph.is_gone(&draft, position).unwrap_or(false));
        let version = target.as_ref().map_or(package.version.as_str(), |release| release.version.as_str());
        let links = graph.links(position)?;
        let in_range = target.is_none() || links.iter().all(|link| graph.index.admits(&link.requirement, version));
        let remaining = target.as_ref().map(|release| graph.index.flaws(&package.name, &release.version));
        let remaining = remaining.map(|flaws| flaws.iter().cloned().collect()).unwrap_or_default();
        Ok(Self { draft, target, in_range, remaining })
    }
}

fn cost(search: &Search<'_>, draft: &Draft) -> Result<Cost, Failure> {
    let (mut too_new, mut moves) = (0, 0);
    for (position, release) in &draft.moves {
        if !search.graph.is_gone(draft, *position)? {
            moves += 1;
            too_new += usize::from(search.is_too_new(release));
        }
    }
    Ok((draft.raises.len(), too_new, moves))
}

/// The targets to think about: those in range first, lowest first; then the lowest of each line; going away comes last.
fn worth_a_try(search: &Search<'_>, position: usize, targets: &[Option<Known>]) -> Result<Vec<Option<Known>>, Failure> {
    let links = search.graph.links(position)?;
    let is_inside =
        |release: &Known| links.iter().all(|it| search.graph.index.admits(&it.requirement, &release.version));
    let releases = targets.iter().flatten().cloned();
    let (mut inside, mut outside): (Vec<Known>, Vec<Known>) = releases.partition(is_inside);
    inside.sort_by_key(|release| search.is_too_new(release));
    let newest = outside.last().cloned();
    outside.dedup_by(|later, earlier| line(&later.version) == line(&earlier.version));
    if let Some(newest) = newest.filter(|newest| outside.last().is_some_and(|last| last.version != newest.version)) {
        outside.push(newest);
    }
    let found = spread(inside, TARGETS.0).into_iter().chain(spread(outside, TARGETS.1)).map(Some);
    let is_banned = search.banned.contains(&(search.graph.at(position).name.clone(), String::new()));
    let gone = (!is_banned && targets.iter().any(Option::is_none)).then_some(None);
    Ok(found.chain(gone).collect())
}
