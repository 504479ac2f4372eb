//! What a change does not fix: worst first, each finding once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{NameView, SHORT_LIST, names};
use crate::model::finding::{Finding, FindingKind};
use crate::model::remedy::{BlockCause, Blocked, BlockingParent};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use crate::pipeline::pull_request::{Facts, WriteRequest, is_remedied};

/// One row.
#[derive(Serialize)]
pub(super) struct UnfixedView<'a> {
    severity: &'static str,
    /// Whether it is critical or high.
    severe: bool,
    exploited: bool,
    package: &'a str,
    from: &'a str,
    file: &'a str,
    advisories: Vec<NameView<'a>>,
    hidden_advisories: usize,
    explanation: String,
    chain: Vec<ParentView<'a>>,
    chain_left_out: usize,
    next_step: &'a str,
}

#[derive(Serialize)]
struct ParentView<'a> {
    parent: String,
    requirement: &'a str,
}

/// What is not fixed.
pub(super) struct Unfixed<'a> {
    /// What is told, worst first.
    pub(super) rows: Vec<UnfixedView<'a>>,
    /// How many findings these are, and those in files that are never changed.
    pub(super) findings: usize,
    /// How many of them stand in files that are reported and never changed.
    pub(super) report_only: usize,
    /// The worst of those that are told.
    pub(super) worst: Option<Severity>,
}

/// What was found and is not fixed here.
pub(super) fn unfixed<'a>(request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> Unfixed<'a> {
    let told = |blocked: &&Blocked| blocked.cause != BlockCause::ReportOnly;
    let mut rows: Vec<(Rank, UnfixedView<'a>)> =
        request.blocked.iter().filter(told).map(|blocked| of_blocked(blocked, request, facts)).collect();
    rows.extend(others(request, facts).into_iter().map(of_other));
    rows.sort_by(|(left, _), (right, _)| left.cmp(right));
    let report_only = request.blocked.iter().filter(|blocked| !told(blocked)).map(finding_count).sum();
    let findings: usize = request.blocked.iter().map(finding_count).sum();
    Unfixed {
        findings: findings + rows.len() - request.blocked.iter().filter(told).count(),
        report_only,
        worst: rows.iter().map(|(rank, _)| rank.1.0).max(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

/// A loose dependency is one finding, and so is each flaw.
fn finding_count(blocked: &Blocked) -> usize {
    blocked.advisories.len().max(1)
}

/// Exploited first, then by severity, name and place.
type Rank = (Reverse<bool>, Reverse<Severity>, String, RepoPath);

fn of_blocked<'a>(blocked: &'a Blocked, request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> (Rank, UnfixedView<'a>) {
    let here = |finding: &&Finding| {
        finding.file == blocked.file
            && finding.package == blocked.package
            && finding.version == blocked.from
            && match &finding.advisory {
                Some(flaw) => blocked.advisories.iter().any(|id| flaw.is_called(id)),
                None => blocked.advisories.is_empty(),
            }
    };
    let severity = request.findings.iter().filter(here).map(|finding| finding.severity).max();
    // Of a loose dependency that is left to people nothing else is known here; all are rated the same.
    let severity = severity.unwrap_or(if blocked.advisories.is_empty() { Severity::Medium } else { Severity::Unknown });
    let exploited = request.findings.iter().filter(here).any(is_exploited);
    let parent =
        |link: &'a BlockingParent| ParentView { parent: link.parent.to_string(), requirement: &link.requirement };
    let advisories = names(&blocked.advisories, request, facts);
    let view = UnfixedView {
        severity: severity.as_str(),
        severe: severity >= Severity::High,
        exploited,
        package: &blocked.package,
        from: &blocked.from,
        file: blocked.file.as_str(),
        hidden_advisories: advisories.len().saturating_sub(SHORT_LIST),
        advisories: advisories.into_iter().take(SHORT_LIST).collect(),
        explanation: sentence(&blocked.explanation),
        chain: blocked.chain.iter().map(parent).collect(),
        chain_left_out: blocked.chain_left_out,
        next_step: &blocked.next_step,
    };
    ((Reverse(exploited), Reverse(severity), blocked.package.clone(), blocked.file.clone()), view)
}

/// A fragment or a sentence as a sentence, so that another can follow.
fn sentence(text: &str) -> String {
    let text = text.trim_end();
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}

fn is_exploited(finding: &Finding) -> bool {
    finding.advisory.as_ref().is_some_and(|flaw| flaw.exploited)
}

fn of_other(finding: &Finding) -> (Rank, UnfixedView<'_>) {
    let flaw = finding.advisory.as_deref();
    let name = flaw.map(|flaw| NameView::new(flaw.id.as_str(), Some((flaw, finding.severity)), None));
    let view = UnfixedView {
        severity: finding.severity.as_str(),
        severe: finding.severity >= Severity::High,
        exploited: is_exploited(finding),
        package: &finding.package,
        from: &finding.version,
        file: finding.file.as_str(),
        advisories: name.into_iter().collect(),
        hidden_advisories: 0,
        explanation: match finding.kind {
            FindingKind::BranchTracking => "It follows a branch, and was not pinned in this run.".to_owned(),
            _ => "Not part of this change.".to_owned(),
        },
        chain: Vec::new(),
        chain_left_out: 0,
        next_step: "",
    };
    ((Reverse(is_exploited(finding)), Reverse(finding.severity), finding.package.clone(), finding.file.clone()), view)
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
    request.findings.iter().filter(|finding| !is_remedied(finding, &facts.bumps) && !explained(finding)).collect()
}
