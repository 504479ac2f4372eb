//! What `pull_request.hbs` is made from: the public vocabulary of that template.

mod plan;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Facts, WriteRequest, is_remedied, is_wanted};
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::PackageVersion;
use crate::model::finding::{Finding, FindingKind, KnownFlaw};
use crate::model::proposal::Route;
use crate::model::remedy::{Blocked, Bump, Evidence, Step};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use plan::{CheckView, SectionView};

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
    severity: Option<Severity>,
    score: Option<String>,
    unrated: bool,
    route: Route,
    emergency: bool,
    /// The deadline with its weekday: it may be on one on which nobody works.
    due: String,
    /// How long that is after it was first seen; not from today, or the text would be another one every night.
    allowed: String,
    fixed_advisories: usize,
    /// How many of them are exploited in the wild.
    exploited_advisories: usize,
    fixed_packages: usize,
    pins: usize,
    one_pin: bool,
    project: String,
    base: &'a str,
    base_commit: &'a str,
    changes: Vec<ChangeView<'a>>,
    hidden_changes: usize,
    advisories: Vec<AdvisoryView<'a>>,
    hidden_advisories: usize,
    reasons: Vec<ReasonView<'a>>,
    hidden_reasons: usize,
    blocked: Vec<BlockedView<'a>>,
    others: Vec<OtherView<'a>>,
    hidden_unfixed: usize,
    nothing_unfixed: bool,
    evidence: Vec<&'a Evidence>,
    plan: Vec<SectionView>,
    deploy: Vec<CheckView>,
    branch_pattern: String,
}

/// A name with the page about it, which may be empty.
#[derive(Serialize)]
struct NameView<'a> {
    id: &'a str,
    url: String,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    package: &'a str,
    file: &'a str,
    from: &'a str,
    to: Option<String>,
    pin: bool,
    direct: bool,
    via: Vec<String>,
    advisories: Vec<NameView<'a>>,
}

#[derive(Serialize)]
struct AdvisoryView<'a> {
    id: &'a str,
    url: String,
    aliases: Vec<&'a str>,
    severity: Severity,
    score: Option<String>,
    vector: Option<&'a str>,
    malicious: bool,
    exploited: bool,
    likelihood: Option<String>,
    summary: &'a str,
    details: String,
    packages: Vec<String>,
    references: Vec<&'a str>,
}

#[derive(Serialize)]
struct ReasonView<'a> {
    package: &'a str,
    to: Option<String>,
    reason: &'a str,
}

#[derive(Serialize)]
struct BlockedView<'a> {
    package: &'a str,
    from: &'a str,
    file: &'a str,
    advisories: Vec<NameView<'a>>,
    explanation: &'a str,
    chain: Vec<ParentView<'a>>,
    chain_left_out: usize,
    next_step: &'a str,
}

#[derive(Serialize)]
struct ParentView<'a> {
    parent: String,
    requirement: &'a str,
}

#[derive(Serialize)]
struct OtherView<'a> {
    package: &'a str,
    version: &'a str,
    file: &'a str,
    id: Option<&'a str>,
    url: String,
    kind: &'a str,
    severity: Severity,
    exploited: bool,
}

/// Collects what the body tells, cut as asked.
pub(super) fn view<'a>(request: &'a WriteRequest<'a>, facts: &'a Facts<'a>, cuts: &Cuts) -> PullRequestView<'a> {
    let shown = |number: usize, limit: usize| (number.min(limit), number.saturating_sub(limit));
    let flaws = fixed_flaws(facts);
    let wanted: Vec<&Bump> = facts.bumps.iter().copied().filter(|bump| is_wanted(bump)).collect();
    let packages: BTreeSet<_> =
        wanted.iter().filter(|bump| !bump.fixes.is_empty()).map(|bump| (bump.ecosystem, &bump.package)).collect();
    let others = others(request, facts);
    let (changes, hidden_changes) = shown(facts.bumps.len(), cuts.changes);
    let (advisories, hidden_advisories) = shown(flaws.len(), cuts.advisories);
    let (reasons, hidden_reasons) = shown(wanted.len(), cuts.lines);
    let (blocked, hidden_blocked) = shown(request.blocked.len(), cuts.lines);
    let (other, hidden_others) = shown(others.len(), cuts.lines);
    let (plan, deploy) = plan::plan(request, facts);
    PullRequestView {
        severity: facts.severity,
        score: facts.score.map(|score| format!("{score:.1}")),
        unrated: facts.severity == Some(Severity::Unknown),
        route: request.route,
        emergency: request.route == Route::Emergency,
        due: facts.deadline.strftime("%Y-%m-%d %H:%M UTC (%A)").to_string(),
        allowed: words(facts.allowed),
        fixed_advisories: flaws.len(),
        exploited_advisories: flaws.iter().filter(|(flaw, _)| flaw.exploited).count(),
        fixed_packages: packages.len(),
        pins: facts.pins,
        one_pin: facts.pins == 1,
        project: request.project.slug.to_string(),
        base: request.base_branch,
        base_commit: request.base_commit.short(),
        changes: facts.bumps.iter().take(changes).map(|bump| change(bump, request, facts)).collect(),
        hidden_changes,
        advisories: flaws.into_iter().take(advisories).map(|flaw| advisory(&flaw, cuts)).collect(),
        hidden_advisories,
        reasons: wanted.into_iter().take(reasons).map(reason).collect(),
        hidden_reasons,
        blocked: request.blocked.iter().take(blocked).map(|blocked| blocked_view(blocked, request, facts)).collect(),
        nothing_unfixed: request.blocked.is_empty() && others.is_empty(),
        others: others.into_iter().take(other).map(other_view).collect(),
        hidden_unfixed: hidden_blocked + hidden_others,
        evidence: evidence(request),
        plan,
        deploy,
        branch_pattern: branch_pattern(request.route, request.base_branch),
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

/// What the merge of this branch has in its message. A base with a name that a shell or a pattern could misread is left
/// out: the newest merge of the route into the current branch is meant in any case.
fn branch_pattern(route: Route, base: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let base = if base.chars().all(plain) { base } else { "" };
    format!("patchparty/{route}/{base}")
}

fn change<'a>(bump: &'a Bump, request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> ChangeView<'a> {
    ChangeView {
        package: &bump.package,
        file: bump.file.as_str(),
        from: &bump.from,
        to: after(bump),
        pin: bump.step == Step::Pin && bump.fixes.is_empty(),
        direct: bump.direct,
        via: if bump.direct { Vec::new() } else { bump.path.told().parents(|it| PackageVersion::from(it).to_string()) },
        advisories: names(&bump.fixes, request, facts),
    }
}

/// The version after the change; of a commit, as much as people read.
fn after(bump: &Bump) -> Option<String> {
    let to = bump.to.as_deref()?;
    let commit = crate::model::repository::CommitId::new(to);
    Some(commit.map_or_else(|_| to.to_owned(), |commit| commit.short().to_owned()))
}

fn names<'a>(ids: &'a [AdvisoryId], request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> Vec<NameView<'a>> {
    let page = |id: &AdvisoryId| {
        let flaw = facts.finding(id, request.findings).and_then(|finding| finding.advisory.as_deref());
        flaw.and_then(KnownFlaw::page).or_else(|| id.page()).unwrap_or_default()
    };
    ids.iter().map(|id| NameView { id: id.as_str(), url: page(id) }).collect()
}

/// One flaw with every finding of it.
type Flaw<'a> = (&'a KnownFlaw, Vec<&'a Finding>);

/// The flaws that go away, most urgent first, each once.
fn fixed_flaws<'a>(facts: &Facts<'a>) -> Vec<Flaw<'a>> {
    let mut flaws: Vec<Flaw<'a>> = Vec::new();
    let mut positions: BTreeMap<&AdvisoryId, usize> = BTreeMap::new();
    for &finding in &facts.fixed {
        let Some(flaw) = &finding.advisory else { continue };
        let position = *positions.entry(&flaw.id).or_insert_with(|| {
            flaws.push((flaw, Vec::new()));
            flaws.len() - 1
        });
        flaws[position].1.push(finding);
    }
    flaws
}

fn advisory<'a>((flaw, findings): &Flaw<'a>, cuts: &Cuts) -> AdvisoryView<'a> {
    let packages: BTreeSet<String> =
        findings.iter().map(|finding| format!("{}@{}", finding.package, finding.version)).collect();
    let details: String = flaw.details.trim().chars().take(cuts.details).collect();
    let cut = if details.len() < flaw.details.trim().len() && !details.is_empty() { "…" } else { "" };
    AdvisoryView {
        id: flaw.id.as_str(),
        url: flaw.page().unwrap_or_default(),
        aliases: flaw.aliases.iter().map(AdvisoryId::as_str).take(SHORT_LIST).collect(),
        severity: findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Unknown),
        score: flaw.cvss.as_ref().map(|cvss| format!("{:.1}", cvss.score)),
        vector: flaw.cvss.as_ref().map(|cvss| cvss.vector.as_str()),
        malicious: findings.iter().any(|finding| finding.kind == FindingKind::Malicious),
        exploited: flaw.exploited,
        likelihood: flaw.likelihood_for_people(),
        summary: &flaw.summary,
        details: details + cut,
        packages: packages.into_iter().take(SHORT_LIST).collect(),
        references: references(flaw).into_iter().take(SHORT_LIST).collect(),
    }
}

/// The addresses to read on, each once and without the page that the advisory's name links to.
fn references(flaw: &KnownFlaw) -> Vec<&str> {
    fn same_page(address: &str) -> &str {
        address.trim_end_matches('/')
    }
    let page = flaw.page().unwrap_or_default();
    let mut seen = BTreeSet::from([same_page(&page)]);
    flaw.references.iter().map(String::as_str).filter(|address| seen.insert(same_page(address))).collect()
}

fn reason(bump: &Bump) -> ReasonView<'_> {
    ReasonView { package: &bump.package, to: after(bump), reason: &bump.reason }
}

fn blocked_view<'a>(blocked: &'a Blocked, request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> BlockedView<'a> {
    let parent = |link: &'a crate::model::remedy::BlockingParent| ParentView {
        parent: link.parent.to_string(),
        requirement: &link.requirement,
    };
    BlockedView {
        package: &blocked.package,
        from: &blocked.from,
        file: blocked.file.as_str(),
        advisories: names(&blocked.advisories, request, facts),
        explanation: &blocked.explanation,
        chain: blocked.chain.iter().map(parent).collect(),
        chain_left_out: blocked.chain_left_out,
        next_step: &blocked.next_step,
    }
}

/// What was found, is not fixed here, and is not explained as blocked.
fn others<'a>(request: &WriteRequest<'a>, facts: &Facts<'a>) -> Vec<&'a Finding> {
    let mut of_places: BTreeMap<(&RepoPath, &str), Vec<&Blocked>> = BTreeMap::new();
    for blocked in request.blocked {
        of_places.entry((&blocked.file, &blocked.package)).or_default().push(blocked);
    }
    let explained = |finding: &Finding| {
        let here = of_places.get(&(&finding.file, finding.package.as_str()));
        here.into_iter().flatten().any(|blocked| match &finding.advisory {
            Some(flaw) => blocked.from == finding.version && blocked.advisories.iter().any(|id| flaw.is_called(id)),
            None => blocked.advisories.is_empty(),
        })
    };
    let mut others: Vec<&Finding> =
        request.findings.iter().filter(|finding| !is_remedied(finding, &facts.bumps) && !explained(finding)).collect();
    others.sort_by(|left, right| left.report_order(right));
    others
}

fn other_view(finding: &Finding) -> OtherView<'_> {
    let flaw = finding.advisory.as_deref();
    OtherView {
        package: &finding.package,
        version: &finding.version,
        file: finding.file.as_str(),
        id: flaw.map(|flaw| flaw.id.as_str()),
        url: flaw.and_then(KnownFlaw::page).unwrap_or_default(),
        kind: finding.kind.as_str(),
        severity: finding.severity,
        exploited: flaw.is_some_and(|flaw| flaw.exploited),
    }
}

/// What was verified, each once: several lockfiles are verified in the same way.
fn evidence<'a>(request: &WriteRequest<'a>) -> Vec<&'a Evidence> {
    let mut seen = BTreeSet::new();
    let all = request.remedies.iter().flat_map(|remedy| &remedy.evidence);
    all.filter(|evidence| seen.insert((&evidence.check, &evidence.result))).collect()
}
