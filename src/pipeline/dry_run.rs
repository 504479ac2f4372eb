//! The pages of a dry run: all projects at a glance, the findings of each, and every pull request as its reviewer would see it.

mod findings;
mod pull_request;

use std::cmp::Reverse;

use serde::Serialize;

use self::findings::OneProject;
use crate::forge::Previewed;
use crate::model::advisory::AdvisoryId;
use crate::model::coverage::Coverage;
use crate::model::finding::Finding;
use crate::model::proposal::Route;
use crate::model::remedy::Blocked;
use crate::model::report::{Problem, ProposalReport, Report};
use crate::model::severity::Severity;
use crate::report::{FindingView, Section, Tally, finding_view, not_read};
use crate::template::{TemplateError, Templates};

/// What is shown of a pull request that only pins.
const PIN: &str = "pin";

/// More rows without a pull request are on the pages of their projects.
const LEFT: usize = 500;

/// One file of a dry run.
#[derive(Debug)]
pub(crate) struct Page {
    /// Relative to the output folder.
    pub(crate) path: String,
    /// Its HTML.
    pub(crate) html: String,
}

/// What the pages are made from.
pub(crate) struct DryRun<'a> {
    /// What was reported.
    report: &'a Report,
    /// What would be opened.
    previewed: &'a [Previewed],
    /// Whether all of it is made up.
    sample: bool,
    /// Who words the pages.
    templates: &'a Templates,
    /// In the order of the report.
    projects: Vec<OneProject<'a>>,
}

/// The variables of `dry_run.hbs`.
#[derive(Serialize)]
struct DryRunView<'a> {
    title: &'static str,
    sample: bool,
    pull_requests_total: usize,
    projects_total: usize,
    findings_total: usize,
    warnings_total: usize,
    uncovered_total: usize,
    blocked_total: usize,
    problems_total: usize,
    /// About the advisories, the policy and the machine.
    notices: Vec<NoticeView<'a>>,
    /// Most urgent first.
    pull_requests: Vec<PullRequestView<'a>>,
    blocked: Vec<BlockedView<'a>>,
    problems: Vec<ProblemView<'a>>,
    left: Vec<LeftView<'a>>,
    left_hidden: usize,
    remarks: Vec<RemarkView<'a>>,
    unread: Vec<UnreadView<'a>>,
    projects: Vec<ProjectView<'a>>,
}

#[derive(Serialize)]
struct RemarkView<'a> {
    project: &'a str,
    place: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct NoticeView<'a> {
    place: &'a str,
    message: String,
}

/// A finding that is in no pull request and not blocked.
#[derive(Serialize)]
struct LeftView<'a> {
    project: &'a str,
    #[serde(flatten)]
    finding: FindingView<'a>,
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

#[derive(Serialize)]
struct ProblemView<'a> {
    project: &'a str,
    place: String,
    message: String,
    hint: String,
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
    /// The page with its findings, where it has any.
    page: Option<String>,
    branches: String,
    /// `nothing was found`, or why that cannot be said.
    state: String,
    lockfiles: usize,
    findings: usize,
    warnings: usize,
    worst: Option<Severity>,
    pull_requests: usize,
}

impl<'a> DryRun<'a> {
    /// What the pages of a report are made from; `sample` where all of it is made up.
    pub(crate) fn new(report: &'a Report, previewed: &'a [Previewed], sample: bool, templates: &'a Templates) -> Self {
        Self { report, previewed, sample, templates, projects: findings::by_project(report, previewed) }
    }

    /// All pages, the index first, each made when it is asked for: together they may be large. `body_of` gives the body of a
    /// pull request in Markdown.
    pub(crate) fn pages(
        &self,
        body_of: &dyn Fn(&Previewed) -> String,
    ) -> impl Iterator<Item = Result<Page, TemplateError>> {
        let index = || index(self).map(|html| Page { path: "index.html".to_owned(), html });
        let pull_requests =
            self.previewed.iter().map(|entry| pull_request::page(self.templates, entry, &body_of(entry)));
        std::iter::once_with(index).chain(findings::pages(self)).chain(pull_requests)
    }
}

fn index(run: &DryRun<'_>) -> Result<String, TemplateError> {
    let sections = || run.projects.iter().flat_map(|project| &project.sections);
    let blocked: Vec<BlockedView<'_>> = sections()
        .flat_map(|section| section.blocked.iter().map(|it| blocked_view(&section.project.name, it)))
        .collect();
    let problems: Vec<ProblemView<'_>> = sections().flat_map(problem_views).collect();
    let tally = Tally::of(sections().flat_map(|section| &section.project.findings));
    let coverage = || sections().flat_map(|section| &section.project.coverage).filter(|it| it.is_gap());
    let mut left: Vec<_> = run.projects.iter().flat_map(left_of).collect();
    left.sort_by(|(_, one), (_, other)| one.report_order(other));
    run.templates.render(
        "dry_run",
        &DryRunView {
            title: if run.sample { "Dry run on a sample organisation" } else { "Dry run" },
            sample: run.sample,
            pull_requests_total: run.previewed.len(),
            projects_total: run.projects.len(),
            findings_total: tally.findings,
            warnings_total: tally.warnings,
            uncovered_total: coverage().map(|it| it.packages).sum(),
            blocked_total: blocked.len(),
            problems_total: problems.len() - coverage().count(),
            notices: notices(run.report),
            pull_requests: pull_requests(run.report, run.previewed),
            blocked,
            problems,
            left_hidden: left.len().saturating_sub(LEFT),
            left: left
                .into_iter()
                .take(LEFT)
                .map(|(project, finding)| LeftView { project, finding: finding_view(finding) })
                .collect(),
            remarks: sections().flat_map(remark_views).collect(),
            unread: sections().flat_map(unread_views).collect(),
            projects: sections().map(project_view).collect(),
        },
    )
}

fn notices(report: &Report) -> Vec<NoticeView<'_>> {
    let sources = report.sources.iter().filter_map(|source| {
        let message = source.warning.as_ref()?;
        Some(NoticeView { place: &source.id, message: format!("advisory source: {message}") })
    });
    let remarks = report.remarks.iter().map(|it| NoticeView { place: &it.place, message: it.message.clone() });
    sources.chain(remarks).collect()
}

/// The findings of a project that are in no pull request and not blocked.
fn left_of<'a>(project: &OneProject<'a>) -> Vec<(&'a str, &'a Finding)> {
    let findings = project.sections.iter().flat_map(|section| &section.project.findings);
    findings.filter(|finding| project.becoming.is_left(finding)).map(|finding| (project.name, finding)).collect()
}

/// Ecosystems that nobody looked into are no findings and no problem of a file; they may hide anything all the same.
fn problem_views<'a>(section: &Section<'a>) -> impl Iterator<Item = ProblemView<'a>> {
    let project = section.project;
    let uncovered = project.coverage.iter().filter(|it| it.is_gap()).map(|it| ProblemView {
        project: &project.name,
        place: String::new(),
        message: it.told().unwrap_or_default(),
        hint: it.hint().unwrap_or_default(),
    });
    let problems = section.problems.iter().map(|it| problem_view(&project.name, it));
    problems.chain(uncovered).collect::<Vec<_>>().into_iter()
}

fn remark_views<'a>(section: &Section<'a>) -> Vec<RemarkView<'a>> {
    let project = &section.project.name;
    section.remarks.iter().map(|it| RemarkView { project, place: &it.place, message: &it.message }).collect()
}

fn unread_views<'a>(section: &Section<'a>) -> impl Iterator<Item = UnreadView<'a>> {
    let project = section.project;
    let notes = project.coverage.iter().filter(|it| !it.is_gap()).filter_map(Coverage::told);
    let unread = project.unread.iter().map(not_read);
    unread.chain(notes).map(|what| UnreadView { project: &project.name, what })
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
        message: format!("failed to {}", problem.message),
        hint: problem.hint.clone().unwrap_or_default(),
    }
}

fn project_view<'a>(section: &Section<'a>) -> ProjectView<'a> {
    let findings = &section.project.findings;
    let tally = Tally::of(findings);
    ProjectView {
        name: &section.project.name,
        page: (!findings.is_empty()).then(|| findings::path(&section.project.name, 0)),
        branches: section.branches.join(", "),
        state: state(section),
        lockfiles: section.project.lockfiles.len(),
        findings: tally.findings,
        warnings: tally.warnings,
        worst: findings.iter().filter(|finding| !finding.kind.is_warning()).map(|finding| finding.severity).max(),
        pull_requests: section.proposals.len(),
    }
}

/// Whether a project is clean, or why that cannot be said.
fn state(section: &Section<'_>) -> String {
    let project = section.project;
    match &project.skipped {
        Some(reason) => format!("left alone: {reason}"),
        None if !section.problems.is_empty() => "incomplete: see the problems".to_owned(),
        None if project.coverage.iter().any(Coverage::is_gap) => "incomplete: an ecosystem is not covered".to_owned(),
        None if project.lockfiles.is_empty() => "nothing was read".to_owned(),
        None if project.findings.is_empty() => "nothing was found".to_owned(),
        None => String::new(),
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

    fn index_page(report: &Report, previewed: &[Previewed], templates: &Templates) -> Result<String, TemplateError> {
        let run = DryRun::new(report, previewed, false, templates);
        run.pages(&|_| String::new()).next().expect("the index").map(|page| page.html)
    }

    #[test]
    fn the_page_shows_everything_at_one_glance() {
        let templates = Templates::built_in().expect("valid");
        let mut pin = previewed("chore(deps): pin x");
        (pin.branch, pin.lines, pin.updates) = ("patchparty/routine/main".to_owned(), None, None);
        let page = index_page(&sample::report(), &[pin, previewed("fix(deps): bump minimist")], &templates);
        insta::assert_snapshot!("index_page", page.expect("renders"));
        let report = sample::report();
        let run = DryRun::new(&report, &[], false, &templates);
        let pages: Vec<Page> = run.pages(&|_| String::new()).collect::<Result<_, _>>().expect("render");
        let found = pages.iter().find(|page| page.path.ends_with("findings.html")).expect("something was found");
        insta::assert_snapshot!("findings_page", found.html.as_str());
    }

    #[test]
    fn many_findings_stand_on_several_pages_and_none_is_lost() {
        let templates = Templates::built_in().expect("valid");
        let one = |number: usize| {
            let kind = (crate::model::finding::FindingKind::Unlocked, Severity::Medium);
            let ecosystem = crate::model::ecosystem::Ecosystem::Npm;
            Finding { line: u32::try_from(number).expect("small"), ..Finding::sample(kind, (ecosystem, "x"), "a") }
        };
        let mut report = sample::report();
        report.projects.truncate(1);
        report.projects[0].findings = (1..=2_500).map(one).collect();
        let run = DryRun::new(&report, &[], false, &templates);
        let pages: Vec<Page> = run.pages(&|_| String::new()).collect::<Result<_, _>>().expect("render");
        let paths: Vec<&str> = pages.iter().skip(1).map(|page| page.path.rsplit('/').next().unwrap_or("")).collect();
        assert_eq!(paths, ["findings.html", "findings-2.html", "findings-3.html"]);
        let rows = |page: &Page| page.html.matches("<code>a:").count();
        assert_eq!(pages.iter().skip(1).map(rows).sum::<usize>(), 2_500);
        assert!(pages[1].html.contains("<a href=\"findings-3.html\">Page 3</a>"), "{}", pages[1].html);
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
        let evil = "\"><script>alert(1)</script><img src=x onerror=y>' {{title}} \u{202e}gpj\u{2066}\u{e0041}\u{1b}[2J";
        let page_of = |text: &str| {
            let mut report = sample::report();
            for project in &mut report.projects {
                text.clone_into(&mut project.name);
                project.branch = project.branch.as_ref().map(|_| text.to_owned());
                for blocked in &mut project.blocked {
                    for part in
                        [&mut blocked.package, &mut blocked.from, &mut blocked.explanation, &mut blocked.next_step]
                    {
                        text.clone_into(part);
                    }
                }
                for problem in &mut project.problems {
                    text.clone_into(&mut problem.message);
                    problem.hint = Some(text.to_owned());
                }
                for unread in &mut project.unread {
                    unread.paths = vec![text.to_owned()];
                }
                for finding in &mut project.findings {
                    text.clone_into(&mut finding.package);
                    text.clone_into(&mut finding.version);
                    finding.detail = Some(crate::model::finding::Detail::reason(text.to_owned()));
                }
            }
            let mut entry = previewed(text);
            for part in [&mut entry.project, &mut entry.base, &mut entry.verdict] {
                text.clone_into(part);
            }
            let (entries, body) = ([entry], |_: &Previewed| text.to_owned());
            let run = DryRun::new(&report, &entries, false, &templates);
            let pages: Vec<String> = run.pages(&body).map(|page| page.expect("renders").html).collect();
            pages.concat()
        };
        let (clean, page) = (page_of("x"), page_of(evil));
        assert_eq!(page.matches('<').count(), clean.matches('<').count(), "{page}");
        let shown = |character: char| character == '\n' || !crate::model::text::is_invisible(character);
        assert_eq!(page.chars().find(|&character| !shown(character)), None, "{page:?}");
        assert!(!page.contains("<script") && !page.contains("<img") && page.contains("{{title}}"), "{page}");
    }
}
