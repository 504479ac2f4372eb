//! Remedy: changes one lockfile so that findings go away, and says what stands in the way of those that do not.

mod bench;
mod bumps;
mod by_hand;
mod conditions;
mod edges;
mod failure;
mod graph;
mod ladder;
mod overlay;
mod pins;
pub(crate) mod proved;
mod shared;
mod solver;
mod summary;
mod target;
#[cfg(test)]
mod tests;
mod tools;
mod trust;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bench::{Bench, State, blocked};
pub(crate) use by_hand::by_hand;
use failure::Failure;
use ladder::Stuck;
pub(crate) use overlay::Overlay;
pub(crate) use shared::beside;
use target::Candidate;
pub(crate) use tools::Tools;
pub(crate) use trust::AllowedSources;

use crate::advisory::AdvisoryDatabase;
use crate::model::advisory::AdvisoryId;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::remedy::{BlockCause, Blocked, Bump, Evidence, Raise, Remedy};
use crate::model::text::count;
use crate::model::tree::ProjectTree;
use crate::pipeline::resolve::{Hosts, Resolver};
use crate::updater::UPDATERS;
use crate::version;

/// What is to be remedied.
pub(crate) struct RemedyRequest<'a> {
    /// The project's name, for the local log.
    pub(crate) project: &'a str,
    /// The project's files at the base.
    pub(crate) tree: &'a dyn ProjectTree,
    /// The lockfile as it was read from them.
    pub(crate) lockfile: &'a Lockfile,
    /// The findings about this lockfile that are to go away. Kinds that nothing here remedies are passed over.
    pub(crate) findings: &'a [&'a Finding],
    /// Flaws of the same lockfile that need not go away. Where a change removes them all the same, it says so.
    pub(crate) besides: &'a [&'a Finding],
    /// Everything that is known: also what the policy ignores.
    pub(crate) advisories: &'a AdvisoryDatabase,
    /// What the remedies of a run share.
    pub(crate) tools: &'a Tools,
    /// Where requirements may lead besides the registry, by the organisation's policy.
    pub(crate) allow_sources: AllowedSources<'a>,
    /// Whether overrides may be written that a project does not have yet, by the organisation's policy.
    pub(crate) npm_overrides: bool,
    /// Who asks repositories for the commits of branches, and the hosts that this project may lead it to; `None` offline.
    pub(crate) remotes: Option<(&'a Resolver, &'a Hosts)>,
    /// When no package manager is started any more, so that one project cannot hold up the night.
    pub(crate) deadline: Instant,
}

impl RemedyRequest<'_> {
    /// What is worked on, for the local log: the project and the lockfile.
    fn subject(&self) -> String {
        format!("{}, {}", self.project, self.lockfile.path)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct RemedyOutcome {
    /// The change, when there is one.
    pub(crate) remedy: Option<Remedy>,
    /// The breaking steps that fix more, one per requirement of the project, each on top of the remedy; sorted by package.
    ///
    /// What only they fix is in `blocked` as well, with the cause [`BlockCause::BreakingRaise`].
    pub(crate) raises: Vec<Raise>,
    /// The findings that stay, each with what stands in the way; sorted by package and version.
    pub(crate) blocked: Vec<Blocked>,
}

/// A locked package and the flaws that it is to lose.
type Goals = BTreeMap<(String, String), BTreeSet<AdvisoryId>>;

/// Remedies what can be remedied, one package after the other on the evolving files. Blocking: it runs package managers
/// and asks registries; call it on a thread that may wait.
pub(crate) fn remedy(request: &RemedyRequest<'_>) -> RemedyOutcome {
    let mut outcome = RemedyOutcome::default();
    let mut state = State { changed: BTreeMap::new(), lockfile: request.lockfile.clone() };
    let mut bumps = pins::pin_all(request, &mut state, &mut outcome);
    let mut evidence = Vec::new();
    if !bumps.is_empty() {
        evidence.push(Evidence {
            check: format!("`{}` read again after pinning", request.lockfile.path),
            result: format!(
                "{} a branch; nothing else changed",
                count(bumps.len(), "dependency no longer follows", "dependencies no longer follow")
            ),
        });
    }
    let goals = goals(request);
    if !goals.is_empty() {
        let (moved, verified) = update_all(request, &goals, &mut state, &mut outcome);
        bumps.splice(0..0, moved);
        evidence.extend(verified);
    }
    let changes = summary::changes(request, &state);
    if !changes.is_empty() {
        outcome.remedy = Some(Remedy { bumps, changes, evidence });
    }
    outcome.blocked.sort_by(|left, right| (&left.package, &left.from).cmp(&(&right.package, &right.from)));
    outcome
}

/// The packages with flaws, and the flaws that each is to lose.
fn goals(request: &RemedyRequest<'_>) -> Goals {
    let mut goals = Goals::new();
    for finding in request.findings {
        match finding.kind {
            FindingKind::Vulnerability | FindingKind::Malicious => {
                let flaws = goals.entry((finding.package.clone(), finding.version.clone())).or_default();
                flaws.extend(finding.advisory.as_ref().map(|flaw| flaw.id.clone()));
            }
            FindingKind::InconsistentLock
            | FindingKind::BranchTracking
            | FindingKind::Unlocked
            | FindingKind::LooseRequirement
            | FindingKind::MovableTag
            | FindingKind::StaleLockfile
            | FindingKind::Yanked
            | FindingKind::EndOfLife
            | FindingKind::UnverifiedSource
            | FindingKind::Unmaintained
            | FindingKind::Unsound
            | FindingKind::Notice => {}
        }
    }
    goals
}

/// The lowest version that the advisories themselves name as free of all their flaws, where each of them names one.
fn known_fix(request: &RemedyRequest<'_>, (ecosystem, package, version): (Ecosystem, &str, &str)) -> Option<String> {
    let of_package = request.findings.iter().filter(|finding| finding.package == package && finding.version == version);
    let fixed: Option<Vec<&str>> =
        of_package.filter_map(|finding| finding.advisory.as_ref()).map(|flaw| flaw.fixed.as_deref()).collect();
    let fixed = fixed?
        .into_iter()
        .max_by(|left, right| version::compare(ecosystem, left, right).unwrap_or(std::cmp::Ordering::Equal));
    fixed.map(str::to_owned)
}

/// Updates every package with flaws; what moved and what was verified.
fn update_all(
    request: &RemedyRequest<'_>,
    goals: &Goals,
    state: &mut State,
    outcome: &mut RemedyOutcome,
) -> (Vec<Bump>, Vec<Evidence>) {
    let bench = match prepare(request, state) {
        Ok(bench) => bench,
        Err(failure) => {
            let ecosystem = request.lockfile.dependencies.first().map(|dependency| dependency.ecosystem);
            for (package, version) in goals.keys() {
                let finding = request.findings.iter().find(|finding| finding.package == *package);
                let Some(ecosystem) = finding.map(|finding| finding.ecosystem).or(ecosystem) else { continue };
                let target = known_fix(request, (ecosystem, package, version));
                let blocked = blocked(request, (ecosystem, package, version), target.as_deref(), failure.clone());
                outcome.blocked.push(blocked);
            }
            return (Vec::new(), Vec::new());
        }
    };
    if bench.updater.settles() {
        return solver::solve(&bench, goals, state, outcome);
    }
    if let Some(solver) = bench.updater.solver() {
        let (bumps, mut evidence) = whole::solve(&bench, solver, goals, (state, outcome));
        evidence.extend(proved::newer_than_tried(bench.updater, bench.version));
        return (bumps, evidence);
    }
    let wanted: BTreeSet<AdvisoryId> = goals.values().flatten().cloned().collect();
    let pinned = state.lockfile.clone();
    let mut reasons = summary::Reasons::new();
    let mut ways = BTreeSet::new();
    for ((package, version), flaws) in goals {
        if let Err(failure) = in_time(request) {
            outcome.blocked.push(bench.blocked((package, version), None, failure));
            continue;
        }
        match ladder::climb(&bench, state, (package, version), flaws) {
            Ok(Some(climbed)) => {
                summary::note_reasons(&mut reasons, &climbed);
                ways.insert(climbed.way);
                outcome.blocked.extend(unfixable(&bench, (package, version), flaws, &climbed.candidate));
                *state = climbed.state;
            }
            // An earlier step has moved or removed it.
            Ok(None) => {}
            Err(Stuck { target, failure }) => {
                outcome.blocked.push(bench.blocked((package, version), target.as_deref(), failure));
            }
        }
    }
    if pinned.dependencies == state.lockfile.dependencies {
        return (Vec::new(), Vec::new());
    }
    let bumps = summary::moved(&bench, &state.lockfile, &wanted, &reasons);
    let mut evidence = summary::evidence(&bench, &state.lockfile, &wanted, &ways);
    evidence.extend(proved::newer_than_tried(bench.updater, bench.version));
    (bumps, evidence)
}

/// The flaws that no release is free of, when others of the same package were worth a move.
fn unfixable(
    bench: &Bench<'_>,
    (package, version): (&str, &str),
    flaws: &BTreeSet<AdvisoryId>,
    candidate: &Candidate,
) -> Option<Blocked> {
    let left: Vec<AdvisoryId> = flaws.difference(&candidate.removes(flaws)).cloned().collect();
    let names: Vec<&str> = left.iter().map(AdvisoryId::as_str).collect();
    let text = format!("no release of `{package}` above {version} is free of {}", names.join(", "));
    let failure = Failure::new(BlockCause::NoFixedVersion, text);
    (!left.is_empty()).then(|| Blocked { advisories: left, ..bench.blocked((package, version), None, failure) })
}

/// Whether there is time left for the project.
fn in_time(request: &RemedyRequest<'_>) -> Result<(), Failure> {
    if Instant::now() < request.deadline {
        return Ok(());
    }
    Err(Failure::new(BlockCause::TimeLimit, "the package managers have used up the time that a project is given"))
}

/// Everything that must be so before a tool may touch the lockfile.
fn prepare<'a>(request: &'a RemedyRequest<'a>, state: &State) -> Result<Bench<'a>, Failure> {
    in_time(request)?;
    let path = &request.lockfile.path;
    let unsupported =
        || Failure::new(BlockCause::Unsupported, format!("no package manager is known that updates `{path}`"));
    let updater = UPDATERS.iter().find(|updater| updater.handles(path)).copied().ok_or_else(unsupported)?;
    let files = bench::files(request, updater, &state.changed)?;
    if let Some(error) = request.tools.runner.refusal(updater.id()) {
        let failure = Failure::new(BlockCause::Unconfined, format!("failed to {error}"));
        return Err(Failure { next_step: error.hint(), ..failure });
    }
    let version = proved::version(request.tools, updater)?;
    let registry = request.tools.registry(updater.ecosystem(), &files).ok_or_else(unsupported)?;
    let foreign = bench::foreign(updater, registry.as_ref(), &files)?;
    let stands_in = bench::stands_in(request, updater, (&files, &foreign))?;
    let bench = Bench { request, updater, registry, foreign, version, stands_in };
    bench.check_sync(&files)?;
    Ok(bench)
}
