//! What `pull_request.hbs` is made from: the public vocabulary of that template.

mod advisories;
mod changes;
mod links;
mod plan;
mod unfixed;

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Facts, WriteRequest, is_wanted};
use crate::model::advisory::AdvisoryId;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::KnownFlaw;
use crate::model::project_kind::ProjectKind;
use crate::model::proposal::Route;
use crate::model::remedy::{Bump, Evidence, Step};
use crate::model::severity::Severity;
use advisories::{AdvisoryView, Flaw, advisory, fixed_flaws};
use changes::{ChangeView, after, change};
use links::LinkView;
use plan::{CheckView, SectionView};
use unfixed::{Unfixed, UnfixedView, unfixed};

/// How much of the parts that may be cut is shown.
pub(super) struct Cuts {
    /// Characters of each advisory's long text.
    details: usize,
    /// Advisories with their own block.
    advisories: usize,
    /// Rows of the table.
    changes: usize,
    /// Lines of every other list that grows with the number of packages.
    lines: usize,
}

/// From everything to the least; each is tried until the body fits.
pub(super) const CUTS: [Cuts; 6] = [
    Cuts { details: 1_500, advisories: 100, changes: 300, lines: 100 },
    Cuts { details: 300, advisories: 100, changes: 300, lines: 100 },
    Cuts { details: 0, advisories: 100, changes: 300, lines: 100 },
    Cuts { details: 0, advisories: 20, changes: 100, lines: 50 },
    Cuts { details: 0, advisories: 0, changes: 40, lines: 15 },
    Cuts { details: 0, advisories: 0, changes: 5, lines: 2 },
];

/// The most addresses that one advisory shows, and the most names of one change.
const SHORT_LIST: usize = 5;

/// The variables of `pull_request.hbs`.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "templates can only ask whether something holds")]
pub(super) struct PullRequestView<'a> {
    #[serde(flatten)]
    verdict: VerdictView<'a>,
    project: String,
    base: &'a str,
    base_commit: &'a str,
    /// Whether more than one file pins what changes.
    several_files: bool,
    /// The only file, where there is one.
    file: &'a str,
    /// What moves for its own sake, worst first.
    changes: Vec<ChangeView<'a>>,
    hidden_changes: usize,
    /// How many packages only move along.
    along: usize,
    one_along: bool,
    moved_along: Vec<ChangeView<'a>>,
    hidden_along: usize,
    links: Vec<LinkView<'a>>,
    advisories: Vec<AdvisoryView<'a>>,
    hidden_advisories: usize,
    reasons: Vec<ReasonView<'a>>,
    hidden_reasons: usize,
    /// How many findings are not fixed.
    unfixed: usize,
    worst_unfixed: Option<Severity>,
    /// Whether the worst of them is critical or high.
    severe_unfixed: bool,
    /// How many of them stand in files that are reported and never changed.
    report_only: usize,
    blocked: Vec<UnfixedView<'a>>,
    hidden_unfixed: usize,
    evidence: Vec<&'a Evidence>,
    kinds: Vec<&'static str>,
    plan: Vec<SectionView>,
    deploy: Vec<CheckView>,
    /// Whether a release follows instead of a deployment.
    release: bool,
    change: &'a str,
}

/// What the first lines tell.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "templates can only ask whether something holds")]
struct VerdictView<'a> {
    severity: Option<Severity>,
    /// The severity as the beginning of a sentence.
    rating: &'static str,
    score: Option<String>,
    unrated: bool,
    route: Route,
    emergency: bool,
    /// Whether a requirement is raised beyond what its makers call compatible.
    breaking: bool,
    raise: Option<RaiseView<'a>>,
    /// The branch of the emergency whose change is part of this one.
    ahead: Option<&'a str>,
    /// Whether all that is critical here is needed for development only.
    only_development: bool,
    /// The deadline with its weekday: it may be on one on which nobody works.
    due: String,
    /// How long that is after it was first seen; not from today, or the text would be another one every night.
    allowed: String,
    fixed_advisories: usize,
    /// How many of them are exploited in the wild.
    exploited_advisories: usize,
    fixed_packages: usize,
    /// How many packages make a major step for their own sake.
    major_steps: usize,
    /// How many others do that only move along.
    major_along: usize,
    minor_steps: usize,
    pins: usize,
    one_pin: bool,
}

#[derive(Serialize)]
struct RaiseView<'a> {
    package: &'a str,
    requirement: &'a str,
    raised: &'a str,
    /// The other packages whose requirements are raised with it.
    also: &'a [String],
    /// Whether the safe changes are part of it.
    with_safe: bool,
    safe_branch: &'a str,
}

/// A name with the page about it, which may be empty.
#[derive(Serialize)]
struct NameView<'a> {
    id: &'a str,
    url: String,
    score: Option<String>,
    exploited: bool,
    #[serde(skip)]
    rank: (bool, Severity, String),
}

impl<'a> NameView<'a> {
    fn new(id: &'a str, known: Option<(&KnownFlaw, Severity)>, page: Option<String>) -> Self {
        let flaw = known.map(|(flaw, _)| flaw);
        let score = flaw.and_then(|flaw| flaw.cvss.as_ref()).map(|cvss| cvss.score);
        let exploited = flaw.is_some_and(|flaw| flaw.exploited);
        let severity = known.map_or(Severity::Unknown, |(_, severity)| severity);
        Self {
            id,
            url: flaw.and_then(KnownFlaw::page).or(page).unwrap_or_default(),
            score: score.map(|score| format!("{score:.1}")),
            exploited,
            rank: (exploited, severity, format!("{:04.1}", score.unwrap_or_default())),
        }
    }
}

#[derive(Serialize)]
struct ReasonView<'a> {
    package: &'a str,
    to: Option<String>,
    reason: &'a str,
}

/// What moves, in the order in which it is told.
struct Moves<'a> {
    wanted: Vec<&'a Bump>,
    along: Vec<&'a Bump>,
}

impl<'a> Moves<'a> {
    fn new(request: &WriteRequest<'_>, facts: &Facts<'a>) -> Self {
        // What is raised is told first, whatever it fixes itself.
        let is_raised = |bump: &Bump| request.raise.is_some_and(|raise| raise.is_of(&bump.package));
        let (mut wanted, mut along): (Vec<&Bump>, Vec<&Bump>) =
            facts.bumps.iter().copied().partition(|bump| is_wanted(bump) || is_raised(bump));
        if wanted.is_empty() {
            // What is fixed is gone, with all that is told of it.
            std::mem::swap(&mut wanted, &mut along);
        }
        changes::worst_first(&mut wanted, facts);
        wanted.sort_by_key(|bump| !is_raised(bump));
        Self { wanted, along }
    }

    /// How many packages make a step for their own sake, and how many others only move along with one.
    fn steps(&self, step: Step) -> (usize, usize) {
        let of = |moves: &[&'a Bump]| -> BTreeSet<(Ecosystem, &'a str)> {
            let steps = moves.iter().filter(|bump| bump.step == step && bump.to.is_some());
            steps.map(|bump| (bump.ecosystem, bump.package.as_str())).collect()
        };
        let (wanted, along) = (of(&self.wanted), of(&self.along));
        (wanted.len(), along.difference(&wanted).count())
    }
}

/// Collects what the body tells, cut as asked.
pub(super) fn view<'a>(request: &'a WriteRequest<'a>, facts: &'a Facts<'a>, cuts: &Cuts) -> PullRequestView<'a> {
    let shown = |number: usize, limit: usize| (number.min(limit), number.saturating_sub(limit));
    let flaws = fixed_flaws(facts);
    let moves = Moves::new(request, facts);
    let files: BTreeSet<_> = moves.wanted.iter().map(|bump| bump.file.as_str()).collect();
    let (changes, hidden_changes) = shown(moves.wanted.len(), cuts.changes);
    let (along, hidden_along) = shown(moves.along.len(), cuts.changes / 3);
    let (advisories, hidden_advisories) = shown(flaws.len(), cuts.advisories);
    let (reasons, hidden_reasons) = shown(moves.wanted.len(), cuts.lines);
    let Unfixed { rows, findings, report_only, worst } = unfixed(request, facts);
    let (unfixed, hidden_unfixed) = shown(rows.len(), cuts.lines);
    let plan::Plans { plan, deploy } = plan::plan(request, facts);
    PullRequestView {
        verdict: verdict(request, facts, &moves, &flaws),
        project: request.project.slug.to_string(),
        base: request.base_branch,
        base_commit: request.base_commit.short(),
        several_files: files.len() > 1,
        file: files.first().copied().unwrap_or_default(),
        changes: moves.wanted.iter().take(changes).map(|bump| change(bump, request, facts)).collect(),
        hidden_changes,
        along: moves.along.len(),
        one_along: moves.along.len() == 1,
        moved_along: moves.along.iter().take(along).map(|bump| change(bump, request, facts)).collect(),
        hidden_along,
        links: links::links(request, &moves.wanted, cuts.lines),
        advisories: flaws.into_iter().take(advisories).map(|flaw| advisory(&flaw, cuts)).collect(),
        hidden_advisories,
        reasons: moves.wanted.iter().take(reasons).map(|bump| reason(bump)).collect(),
        hidden_reasons,
        unfixed: findings,
        worst_unfixed: worst,
        severe_unfixed: worst >= Some(Severity::High),
        report_only,
        blocked: rows.into_iter().take(unfixed).collect(),
        hidden_unfixed,
        evidence: evidence(request),
        kinds: request.kinds.iter().copied().map(kind).collect(),
        plan,
        deploy,
        release: plan::is_released(request.kinds),
        change: request.change,
    }
}

fn verdict<'a>(
    request: &WriteRequest<'a>,
    facts: &Facts<'a>,
    moves: &Moves<'_>,
    flaws: &[Flaw<'_>],
) -> VerdictView<'a> {
    let packages: BTreeSet<_> =
        moves.wanted.iter().filter(|bump| !bump.fixes.is_empty()).map(|bump| (bump.ecosystem, &bump.package)).collect();
    let ((major_steps, major_along), (minor_steps, minor_along)) = (moves.steps(Step::Major), moves.steps(Step::Minor));
    VerdictView {
        severity: facts.severity,
        rating: facts.severity.map_or("", rating),
        score: facts.score.map(|score| format!("{score:.1}")),
        unrated: facts.severity == Some(Severity::Unknown),
        route: request.route,
        emergency: request.route == Route::Emergency,
        breaking: request.raise.is_some(),
        raise: request.raise.map(|raise| RaiseView {
            package: raise.package,
            requirement: raise.requirement,
            raised: raise.wanted,
            also: raise.also,
            with_safe: !raise.safe_branch.is_empty(),
            safe_branch: raise.safe_branch,
        }),
        ahead: request.ahead,
        only_development: facts.only_development,
        due: facts.deadline.strftime("%Y-%m-%d %H:%M UTC (%A)").to_string(),
        allowed: words(facts.allowed),
        fixed_advisories: flaws.len(),
        exploited_advisories: flaws.iter().filter(|(flaw, _)| flaw.exploited).count(),
        fixed_packages: packages.len(),
        major_steps,
        major_along,
        minor_steps: minor_steps + minor_along,
        pins: facts.pins,
        one_pin: facts.pins == 1,
    }
}

const fn kind(kind: ProjectKind) -> &'static str {
    match kind {
        ProjectKind::Service => "service",
        ProjectKind::Library => "library",
        ProjectKind::CommandLine => "command-line tool",
        ProjectKind::Documentation => "documentation site",
    }
}

const fn rating(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Unknown => "Unknown",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
    }
}

/// A time in the largest unit that fits, days only from two on: `24 hours`, `7 days`.
fn words(time: std::time::Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    let (number, unit) = match minutes {
        _ if minutes >= 2_880 && minutes.is_multiple_of(1_440) => (minutes / 1_440, "day"),
        _ if minutes.is_multiple_of(60) => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The flaws that go away or stay with their pages, worst first.
fn names<'a>(ids: &'a [AdvisoryId], request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> Vec<NameView<'a>> {
    let view = |id: &'a AdvisoryId| {
        let finding = facts.finding(id, request.findings);
        let known = finding.and_then(|finding| Some((finding.advisory.as_deref()?, finding.severity)));
        NameView::new(id.as_str(), known, id.page())
    };
    let mut names: Vec<NameView<'a>> = ids.iter().map(view).collect();
    names.sort_by(|left, right| (&right.rank, left.id).cmp(&(&left.rank, right.id)));
    names
}

fn reason(bump: &Bump) -> ReasonView<'_> {
    ReasonView { package: &bump.package, to: after(bump), reason: &bump.reason }
}

/// What was verified, each once: several lockfiles are verified in the same way.
fn evidence<'a>(request: &WriteRequest<'a>) -> Vec<&'a Evidence> {
    let mut seen = BTreeSet::new();
    let all = request.remedies.iter().flat_map(|remedy| &remedy.evidence);
    all.filter(|evidence| seen.insert((&evidence.check, &evidence.result))).collect()
}
