//! The index page of a dry run: all projects at a glance, with links to what would be opened.

use std::cmp::Reverse;

use serde::Serialize;

use crate::forge::Previewed;
use crate::model::advisory::AdvisoryId;
use crate::model::finding::Finding;
use crate::model::proposal::Route;
use crate::model::remedy::Blocked;
use crate::model::report::{Problem, ProposalReport, Report};
use crate::model::severity::Severity;
use crate::report::{Section, Tally, not_read};
use crate::template::{TemplateError, Templates};

/// More rows make a page slow; all findings are in the report.
const FINDINGS: usize = 2_000;

/// What is shown of a pull request that only pins.
const PIN: &str = "pin";

/// The variables of `dry_run.hbs`.
#[derive(Serialize)]
struct DryRunView<'a> {
    pull_requests_total: usize,
    projects_total: usize,
    findings_total: usize,
    warnings_total: usize,
    blocked_total: usize,
    problems_total: usize,
    /// Most urgent first.
    pull_requests: Vec<PullRequestView<'a>>,
    blocked: Vec<BlockedView<'a>>,
    problems: Vec<ProblemView<'a>>,
    findings: Vec<FindingView<'a>>,
    hidden_findings: usize,
    uncovered: Vec<UnreadView<'a>>,
    unread: Vec<UnreadView<'a>>,
    projects: Vec<ProjectView<'a>>,
}

#[derive(Serialize)]
struct PullRequestView<'a> {
    severity: &'a str,
    emergency: bool,
    breaking: bool,
    folder: &'a str,
    title: &'a str,
    verdict: &'a str,
    project: &'a str,
    base: &'a str,
    updates: Option<u64>,
    changes_files: bool,
    added: usize,
    removed: usize,
    unseen: Vec<UnseenView<'a>>,
}

/// A file whose change has characters that no reader sees.
#[derive(Serialize)]
struct UnseenView<'a> {
    path: &'a str,
    lines: usize,
    first: &'a str,
}

#[derive(Serialize)]
struct BlockedView<'a> {
    project: &'a str,
    package: &'a str,
    from: &'a str,
    file: &'a str,
    advisories: String,
    explanation: &'a str,
    next_step: &'a str,
}

/// A finding, whatever becomes of it.
#[derive(Serialize)]
struct FindingView<'a> {
    project: &'a str,
    severity: Severity,
    /// Whether it fails nothing.
    is_warning: bool,
    kind: &'static str,
    package: &'a str,
    version: &'a str,
    fixed: Option<&'a str>,
    advisory: Option<&'a str>,
    title: Option<&'a str>,
    detail: Option<String>,
    place: String,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    project: &'a str,
    place: String,
    message: &'a str,
    hint: &'a str,
}

/// What was not read for one reason, or one ecosystem that no source in use knows.
#[derive(Serialize)]
struct UnreadView<'a> {
    project: &'a str,
    what: String,
}

#[derive(Serialize)]
struct ProjectView<'a> {
    name: &'a str,
    branches: String,
    skipped: Option<&'a str>,
    lockfiles: usize,
    findings: usize,
    warnings: usize,
    worst: Option<Severity>,
    pull_requests: usize,
}

/// Words the page from what was reported and what was previewed.
pub(crate) fn index_page(
    report: &Report,
    previewed: &[Previewed],
    templates: &Templates,
) -> Result<String, TemplateError> {
    let sections = Section::all(report);
    let blocked: Vec<BlockedView<'_>> = sections
        .iter()
        .flat_map(|section| section.blocked.iter().map(|it| blocked_view(&section.project.name, it)))
        .collect();
    let problems: Vec<ProblemView<'_>> = sections
        .iter()
        .flat_map(|section| section.problems.iter().map(|it| problem_view(&section.project.name, it)))
        .collect();
    let all_findings =
        || sections.iter().flat_map(|section| section.project.findings.iter().map(move |finding| (section, finding)));
    let names: std::collections::BTreeSet<&str> =
        sections.iter().map(|section| section.project.name.as_str()).collect();
    let tally = Tally::of(sections.iter().flat_map(|section| &section.project.findings));
    templates.render(
        "dry_run",
        &DryRunView {
            pull_requests_total: previewed.len(),
            projects_total: names.len(),
            findings_total: tally.findings,
            warnings_total: tally.warnings,
            blocked_total: blocked.len(),
            problems_total: problems.len(),
            pull_requests: pull_requests(report, previewed),
            blocked,
            problems,
            findings: all_findings().take(FINDINGS).map(|(section, finding)| finding_view(section, finding)).collect(),
            hidden_findings: all_findings().count().saturating_sub(FINDINGS),
            uncovered: sections.iter().flat_map(uncovered_views).collect(),
            unread: sections.iter().flat_map(unread_views).collect(),
            projects: sections.iter().map(project_view).collect(),
        },
    )
}

fn finding_view<'a>(section: &Section<'a>, finding: &'a Finding) -> FindingView<'a> {
    let flaw = finding.advisory.as_deref();
    FindingView {
        project: &section.project.name,
        severity: finding.severity,
        is_warning: finding.kind.is_warning(),
        kind: finding.kind.as_str(),
        package: &finding.package,
        version: &finding.version,
        fixed: flaw.and_then(|flaw| flaw.fixed.as_deref()),
        advisory: flaw.map(|flaw| flaw.id.as_str()),
        title: flaw.map(|flaw| flaw.summary.as_str()).filter(|title| !title.is_empty()),
        detail: finding.detail.as_ref().map(ToString::to_string),
        place: format!("{}:{}", finding.file, finding.line),
    }
}

fn uncovered_views<'a>(section: &Section<'a>) -> impl Iterator<Item = UnreadView<'a>> {
    let project = section.project;
    let told = project.coverage.iter().filter_map(crate::model::coverage::Coverage::told);
    told.map(|what| UnreadView { project: &project.name, what })
}

fn unread_views<'a>(section: &Section<'a>) -> impl Iterator<Item = UnreadView<'a>> {
    let project = section.project;
    project.unread.iter().map(|unread| UnreadView { project: &project.name, what: not_read(unread) })
}

fn pull_requests<'a>(report: &'a Report, previewed: &'a [Previewed]) -> Vec<PullRequestView<'a>> {
    let reported = |entry: &Previewed| {
        let project = report.projects.iter().filter(|project| project.name == entry.project);
        project.flat_map(|project| &project.proposals).find(|proposal| proposal.branch == entry.branch)
    };
    let mut rows: Vec<(Option<&ProposalReport>, &Previewed)> =
        previewed.iter().map(|entry| (reported(entry), entry)).collect();
    rows.sort_by_key(|(proposal, _)| {
        (proposal.is_none_or(|it| it.route != Route::Emergency), Reverse(proposal.and_then(|it| it.severity)))
    });
    rows.into_iter()
        .map(|(proposal, entry)| {
            let (added, removed) = entry.lines.unwrap_or_default();
            PullRequestView {
                severity: proposal.and_then(|it| it.severity).map_or(PIN, Severity::as_str),
                emergency: proposal.is_some_and(|it| it.route == Route::Emergency),
                breaking: proposal.is_some_and(|it| it.breaking),
                folder: &entry.folder,
                title: &entry.title,
                verdict: &entry.verdict,
                project: &entry.project,
                base: &entry.base,
                updates: entry.updates,
                changes_files: entry.lines.is_some(),
                added,
                removed,
                unseen: unseen_views(entry),
            }
        })
        .collect()
}

fn unseen_views(entry: &Previewed) -> Vec<UnseenView<'_>> {
    entry.unseen.iter().map(|it| UnseenView { path: &it.path, lines: it.lines, first: &it.first }).collect()
}

fn blocked_view<'a>(project: &'a str, blocked: &'a Blocked) -> BlockedView<'a> {
    let advisories: Vec<&str> = blocked.advisories.iter().map(AdvisoryId::as_str).collect();
    BlockedView {
        project,
        package: &blocked.package,
        from: &blocked.from,
        file: blocked.file.as_str(),
        advisories: advisories.join(", "),
        explanation: &blocked.explanation,
        next_step: &blocked.next_step,
    }
}

fn problem_view<'a>(project: &'a str, problem: &'a Problem) -> ProblemView<'a> {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    ProblemView {
        project,
        place: problem.file.as_ref().map(|file| format!("{file}{line}")).unwrap_or_default(),
        message: &problem.message,
        hint: problem.hint.as_deref().unwrap_or_default(),
    }
}

fn project_view<'a>(section: &Section<'a>) -> ProjectView<'a> {
    let findings = &section.project.findings;
    let tally = Tally::of(findings);
    ProjectView {
        name: &section.project.name,
        branches: section.branches.join(", "),
        skipped: section.project.skipped.as_deref(),
        lockfiles: section.project.lockfiles.len(),
        findings: tally.findings,
        warnings: tally.warnings,
        worst: findings.iter().filter(|finding| !finding.kind.is_warning()).map(|finding| finding.severity).max(),
        pull_requests: section.proposals.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn previewed(title: &str) -> Previewed {
        Previewed {
            folder: "acme/shop/emergency-main".to_owned(),
            project: "acme/shop".to_owned(),
            base: "main".to_owned(),
            branch: "patchparty/emergency/main".to_owned(),
            title: title.to_owned(),
            verdict: "Severity critical · emergency route · due 2026-11-22 02:00 UTC (Sunday)".to_owned(),
            labels: Vec::new(),
            updates: Some(7),
            lines: Some((3, 2)),
            unseen: Vec::new(),
        }
    }

    #[test]
    fn the_page_shows_everything_at_one_glance() {
        let templates = Templates::built_in().expect("valid");
        let mut pin = previewed("chore(deps): pin x");
        (pin.branch, pin.lines, pin.updates) = ("patchparty/routine/main".to_owned(), None, None);
        let page = index_page(&sample::report(), &[pin, previewed("fix(deps): bump minimist")], &templates);
        insta::assert_snapshot!("index_page", page.expect("renders"));
    }

    #[test]
    fn the_page_names_files_with_characters_that_no_reader_sees() {
        let templates = Templates::built_in().expect("valid");
        let mut entry = previewed("x");
        let first = "+\\u{202e}gpj".to_owned();
        entry.unseen = vec![crate::git::patch::Unseen { path: "Cargo.lock".to_owned(), lines: 2, first }];
        let page = index_page(&sample::report(), &[entry], &templates).expect("renders");
        assert!(page.contains("turn the direction of writing, in 2 lines of its patch"), "{page}");
        assert!(page.contains("<code>+\\u{202e}gpj</code>"), "{page}");
    }

    #[test]
    fn nothing_on_the_page_is_markup_of_others() {
        let templates = Templates::built_in().expect("valid");
        let clean = index_page(&sample::report(), &[previewed("x")], &templates).expect("renders");
        let evil = "\"><script>alert(1)</script><img src=x onerror=y>' {{title}} \u{202e}gpj\u{2066}\u{e0041}\u{1b}[2J";
        let mut report = sample::report();
        for project in &mut report.projects {
            evil.clone_into(&mut project.name);
            project.branch = project.branch.as_ref().map(|_| evil.to_owned());
            for blocked in &mut project.blocked {
                for text in [&mut blocked.package, &mut blocked.from, &mut blocked.explanation, &mut blocked.next_step]
                {
                    evil.clone_into(text);
                }
            }
            for problem in &mut project.problems {
                evil.clone_into(&mut problem.message);
                problem.hint = Some(evil.to_owned());
            }
            for unread in &mut project.unread {
                unread.paths = vec![evil.to_owned()];
            }
        }
        let mut entry = previewed(evil);
        for text in [&mut entry.project, &mut entry.base, &mut entry.verdict] {
            evil.clone_into(text);
        }
        let page = index_page(&report, &[entry], &templates).expect("renders");
        assert!(page.matches('<').count() <= clean.matches('<').count(), "{page}");
        let shown = |character: char| character == '\n' || !crate::model::text::is_invisible(character);
        assert_eq!(page.chars().find(|&character| !shown(character)), None, "{page:?}");
        assert!(!page.contains("<script") && !page.contains("<img") && page.contains("{{title}}"), "{page}");
    }
}
