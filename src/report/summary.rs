//! The job summary's data: what `templates/summary.hbs` is made from.

use serde::Serialize;

use super::contract::{Section, Tally, follows, not_read, project_count};
use crate::model::coverage::Coverage;
use crate::model::finding::{Finding, FindingKind, KnownFlaw};
use crate::model::proposal::Route;
use crate::model::remedy::Blocked;
use crate::model::report::{Problem, ProposalAction, ProposalReport, Remark, Report, SourceStatus};
use crate::model::severity::Severity;

/// GitHub takes a summary of at most 1 MiB; more projects than these are in the report.
const PROJECTS: usize = 200;

/// More lines of one project are in the report.
const LINES: usize = 25;

/// The variables of `summary.hbs`. Projects with nothing to tell are only counted.
#[derive(Debug, Serialize)]
pub(crate) struct StepSummary<'a> {
    projects_total: usize,
    lockfiles: usize,
    findings_total: usize,
    warnings_total: usize,
    blocked_total: usize,
    problems_total: usize,
    ignored_total: usize,
    /// Packages of ecosystems that no source in use knows.
    uncovered_total: usize,
    unread_total: usize,
    nothing_read: bool,
    sources: &'a [SourceStatus],
    severities: Vec<SeverityCount>,
    projects: Vec<ProjectView<'a>>,
    hidden_projects: usize,
    /// About the organisation's policy.
    remarks: Vec<RemarkView<'a>>,
}

#[derive(Debug, Serialize)]
struct SeverityCount {
    severity: Severity,
    number: usize,
}

#[derive(Debug, Serialize)]
struct ProjectView<'a> {
    name: &'a str,
    /// Where production and development are at the same commit, both.
    branches: Vec<&'a str>,
    skipped: Option<&'a str>,
    proposals: Vec<ProposalView<'a>>,
    findings: Vec<FindingView<'a>>,
    hidden_findings: usize,
    blocked: Vec<BlockedView<'a>>,
    problems: Vec<ProblemView<'a>>,
    remarks: Vec<RemarkView<'a>>,
    /// Ecosystems that no source in use knows, a line for each.
    uncovered: Vec<String>,
    /// The same where the policy accepts it, and where nobody publishes advisories.
    notes: Vec<String>,
    /// What was not read on purpose, a line for each reason.
    unread: Vec<String>,
    hidden_lines: usize,
}

/// An ignore that wants a look.
#[derive(Debug, Serialize)]
struct RemarkView<'a> {
    place: &'a str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct ProposalView<'a> {
    title: &'a str,
    url: &'a str,
    route: Route,
    breaking: bool,
    base: &'a str,
    action: &'static str,
}

/// One finding as a row.
#[derive(Debug, Serialize)]
pub(crate) struct FindingView<'a> {
    severity: Severity,
    is_warning: bool,
    package: &'a str,
    version: &'a str,
    fixed: Option<&'a str>,
    id: Option<&'a str>,
    /// The advisory's one line. Untrusted.
    title: Option<&'a str>,
    url: String,
    exploited: bool,
    likelihood: Option<String>,
    kind: &'static str,
    /// What there is to say beyond the kind.
    detail: Option<String>,
    place: String,
}

#[derive(Debug, Serialize)]
struct BlockedView<'a> {
    package: &'a str,
    from: &'a str,
    file: &'a str,
    explanation: &'a str,
    next_step: &'a str,
}

#[derive(Debug, Serialize)]
struct ProblemView<'a> {
    place: String,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> From<&'a Report> for StepSummary<'a> {
    fn from(report: &'a Report) -> Self {
        let sections = Section::all(report);
        let findings = || sections.iter().flat_map(|section| &section.project.findings);
        let number =
            |severity| findings().filter(|finding| !finding.kind.is_warning() && finding.severity == severity).count();
        let tally = Tally::of(findings());
        let telling: Vec<&Section<'a>> = sections.iter().filter(|section| has_news(section)).collect();
        Self {
            projects_total: project_count(report),
            lockfiles: sections.iter().map(|section| section.project.lockfiles.len()).sum(),
            findings_total: tally.findings,
            warnings_total: tally.warnings,
            blocked_total: sections.iter().map(|section| section.blocked.len()).sum(),
            problems_total: sections.iter().map(|section| section.problems.len()).sum(),
            ignored_total: sections.iter().map(|section| section.project.ignored.len()).sum(),
            uncovered_total: gaps(&sections).map(|it| it.packages).sum(),
            unread_total: sections.iter().flat_map(|section| &section.project.unread).map(|unread| unread.count).sum(),
            nothing_read: report.lockfiles_read() == 0,
            sources: &report.sources,
            severities: Severity::ALL
                .into_iter()
                .map(|severity| SeverityCount { severity, number: number(severity) })
                .filter(|count| count.number > 0)
                .collect(),
            hidden_projects: telling.len().saturating_sub(PROJECTS),
            projects: telling.into_iter().take(PROJECTS).map(project_view).collect(),
            remarks: report.remarks.iter().take(LINES).map(remark_view).collect(),
        }
    }
}

/// Ecosystems that no source in use knows.
fn gaps<'a>(sections: &'a [Section<'_>]) -> impl Iterator<Item = &'a Coverage> {
    sections.iter().flat_map(|section| &section.project.coverage).filter(|coverage| coverage.is_gap())
}

fn has_news(section: &Section<'_>) -> bool {
    section.project.skipped.is_some()
        || !section.project.findings.is_empty()
        || !section.problems.is_empty()
        || !section.remarks.is_empty()
        || !section.proposals.is_empty()
        || !section.blocked.is_empty()
        || !section.project.unread.is_empty()
        || section.project.coverage.iter().any(|it| it.told().is_some())
}

fn project_view<'a>(section: &Section<'a>) -> ProjectView<'a> {
    let project = section.project;
    let hidden = |number: usize| number.saturating_sub(LINES);
    ProjectView {
        name: &project.name,
        branches: section.branches.clone(),
        skipped: project.skipped.as_deref(),
        proposals: section.proposals.iter().take(LINES).map(|it| proposal_view(it)).collect(),
        findings: project.findings.iter().take(LINES).map(finding_view).collect(),
        hidden_findings: hidden(project.findings.len()),
        blocked: section.blocked.iter().take(LINES).map(|it| blocked_view(it)).collect(),
        problems: section.problems.iter().take(LINES).map(|it| problem_view(it)).collect(),
        remarks: section.remarks.iter().take(LINES).map(|it| remark_view(it)).collect(),
        uncovered: project.coverage.iter().filter(|it| it.is_gap()).filter_map(Coverage::told).collect(),
        notes: project.coverage.iter().filter(|it| !it.is_gap()).filter_map(Coverage::told).collect(),
        unread: project.unread.iter().map(not_read).collect(),
        hidden_lines: [section.blocked.len(), section.problems.len(), section.proposals.len(), section.remarks.len()]
            .map(hidden)
            .iter()
            .sum(),
    }
}

fn remark_view(remark: &Remark) -> RemarkView<'_> {
    RemarkView { place: &remark.place, message: &remark.message }
}

fn proposal_view(proposal: &ProposalReport) -> ProposalView<'_> {
    ProposalView {
        title: &proposal.title,
        url: proposal.url.as_deref().unwrap_or_default(),
        route: proposal.route,
        breaking: proposal.breaking,
        base: &proposal.base,
        action: match proposal.action {
            ProposalAction::Opened => "opened",
            ProposalAction::Updated => "updated",
            ProposalAction::Unchanged => "unchanged",
            ProposalAction::Previewed => "would be opened",
            ProposalAction::LeftToPeople => "left to the people who added commits",
            ProposalAction::ClosedByPerson => "closed by a person",
            ProposalAction::ClosedAsFixed => "closed, fixed otherwise",
            ProposalAction::ClosedAsIgnored => "closed, ignored on purpose",
        },
    }
}

/// Words a finding as a row.
pub(crate) fn finding_view(finding: &Finding) -> FindingView<'_> {
    let flaw = finding.advisory.as_deref();
    FindingView {
        severity: finding.severity,
        is_warning: finding.kind.is_warning(),
        package: &finding.package,
        version: &finding.version,
        fixed: flaw.and_then(|flaw| flaw.fixed.as_deref()),
        id: flaw.map(|flaw| flaw.id.as_str()),
        title: flaw.map(|flaw| flaw.summary.as_str()).filter(|title| !title.is_empty()),
        url: flaw.and_then(KnownFlaw::page).unwrap_or_default(),
        exploited: flaw.is_some_and(|flaw| flaw.exploited),
        likelihood: flaw.and_then(KnownFlaw::likelihood_for_people),
        kind: finding.kind.as_str(),
        detail: detail(finding),
        place: format!("{}:{}", finding.file, finding.line),
    }
}

/// What there is to say beyond the kind: what a loose dependency follows is in its origin.
fn detail(finding: &Finding) -> Option<String> {
    let detail = finding.detail.as_ref().map(ToString::to_string);
    if finding.kind != FindingKind::BranchTracking {
        return detail;
    }
    Some(detail.map_or_else(|| follows(finding), |detail| format!("{}, {detail}", follows(finding))))
}

fn blocked_view(blocked: &Blocked) -> BlockedView<'_> {
    BlockedView {
        package: &blocked.package,
        from: &blocked.from,
        file: blocked.file.as_str(),
        explanation: &blocked.explanation,
        next_step: &blocked.next_step,
    }
}

fn problem_view(problem: &Problem) -> ProblemView<'_> {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    ProblemView {
        place: problem.file.as_ref().map(|file| format!("{file}{line}")).unwrap_or_default(),
        message: &problem.message,
        hint: problem.hint.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Detail;
    use crate::model::nearest::Nearest;
    use crate::report::sample::report;

    #[test]
    fn a_loose_dependency_says_what_it_follows() {
        let mut loose = report().projects.into_iter().flat_map(|project| project.findings);
        let mut loose = loose.next().expect("the sample has findings");
        loose.kind = FindingKind::BranchTracking;
        loose.origin = crate::model::dependency::Origin::Image { tag: Some("edge".to_owned()), digest: None };
        loose.detail = None;
        assert_eq!(detail(&loose).as_deref(), Some("follows the tag edge"));
        loose.detail = Some(Detail::Nearest(Nearest::Release { tag: "v2.1.0".to_owned(), commits_after: 3 }));
        assert_eq!(detail(&loose).as_deref(), Some("follows the tag edge, at 3 commits after v2.1.0"));
        loose.kind = FindingKind::MovableTag;
        assert_eq!(detail(&loose).as_deref(), Some("at 3 commits after v2.1.0"));
    }
}
