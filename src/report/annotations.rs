//! Annotations: findings as GitHub workflow commands, shown on the line of the lockfile.

use std::io::{self, Write};

use super::contract::{ReportOptions, Reporter, Section, not_read, visible};
use crate::model::coverage::Coverage;
use crate::model::finding::{Finding, FindingKind};
use crate::model::report::{Problem, ProjectReport, Report};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use crate::model::unread::Unread;

/// GitHub shows ten annotations of each level and step and drops the rest
/// (<https://docs.github.com/en/rest/checks/runs>).
const LIMIT: usize = 10;

/// Findings as workflow commands.
pub(crate) struct Annotations;

/// The three levels that GitHub knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Reporter for Annotations {
    fn id(&self) -> &'static str {
        "annotations"
    }

    fn write(&self, report: &Report, _: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
        let sections = Section::all(report);
        let places: Vec<Place<'_>> =
            sections.iter().map(|section| Place::of(section.project, sections.len() == 1)).collect();
        let findings: Vec<(&Place<'_>, &Finding)> = places
            .iter()
            .zip(&sections)
            .flat_map(|(place, section)| section.project.findings.iter().map(move |found| (place, found)))
            .collect();
        let problems = places
            .iter()
            .zip(&sections)
            .flat_map(|(place, section)| section.problems.iter().map(move |problem| problem_command(place, problem)));
        for wanted in [Level::Error, Level::Warning, Level::Notice] {
            let here = findings.iter().filter(|(_, finding)| level(finding) == wanted);
            let here = here.map(|(place, finding)| command(wanted, place, finding));
            // What was not read may hide anything: it comes first among the warnings.
            let problems = problems.clone().filter(|_| wanted == Level::Warning);
            let unread =
                places.iter().zip(&sections).filter(|_| wanted == Level::Notice).flat_map(|(place, section)| {
                    section.project.unread.iter().map(move |unread| unread_command(place, unread))
                });
            let coverage = places.iter().zip(&sections).flat_map(|(place, section)| {
                let told = section.project.coverage.iter();
                let told = told.filter(move |coverage| coverage.is_gap() == (wanted == Level::Warning));
                told.filter(move |_| wanted != Level::Error)
                    .filter_map(move |coverage| coverage_command(wanted, place, coverage))
            });
            for command in problems.chain(coverage).chain(here).chain(unread).take(LIMIT) {
                writeln!(sink, "{command}")?;
            }
        }
        Ok(())
    }
}

/// Where the runner finds the files of a project.
enum Place<'a> {
    /// In this folder of the workflow's workspace, empty for its root.
    Workspace(String),
    /// Nowhere: a file of another repository would be looked up in this one. The project is named instead.
    Elsewhere(&'a str),
}

impl<'a> Place<'a> {
    fn of(project: &'a ProjectReport, alone: bool) -> Self {
        let name = project.name.trim_start_matches("./").trim_end_matches('/');
        // What could not be opened at all has no files.
        let is_open = project.problems.iter().all(|problem| problem.file.is_some());
        match RepoPath::new(name) {
            // A working folder below the workspace, as it was named on the command line.
            Ok(folder) if is_open && project.commit.is_none() => Self::Workspace(format!("{folder}/")),
            _ if alone => Self::Workspace(String::new()),
            _ => Self::Elsewhere(&project.name),
        }
    }

    /// The project before a message, where an annotation cannot tell by its file.
    fn project(&self) -> String {
        match self {
            Self::Workspace(_) => String::new(),
            Self::Elsewhere(project) => format!("{project}: "),
        }
    }

    /// The properties that put an annotation on a line.
    fn properties(&self, file: &RepoPath, line: Option<u32>) -> String {
        let line = line.map(|line| format!("line={line},")).unwrap_or_default();
        match self {
            Self::Workspace(folder) => format!("file={},{line}", property(&format!("{folder}{file}"))),
            Self::Elsewhere(_) => String::new(),
        }
    }
}

fn level(finding: &Finding) -> Level {
    match finding.severity {
        _ if finding.kind.is_warning() => Level::Notice,
        Severity::Critical | Severity::High => Level::Error,
        Severity::Unknown | Severity::Medium => Level::Warning,
        Severity::Low => Level::Notice,
    }
}

fn command(level: Level, place: &Place<'_>, finding: &Finding) -> String {
    let word = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let title = match &finding.advisory {
        Some(flaw) => format!("{} ({})", flaw.id, finding.severity),
        None => format!("{} ({})", finding.kind.as_str(), finding.severity),
    };
    let place_in_words = match place {
        Place::Workspace(_) => String::new(),
        Place::Elsewhere(project) => format!(" in {project}, {}:{}", finding.file, finding.line),
    };
    let message = format!("{}{place_in_words}{}", package(finding), advice(finding));
    let properties = place.properties(&finding.file, Some(finding.line));
    format!("::{word} {properties}title={}::{}", property(&title), data(&message))
}

fn problem_command(place: &Place<'_>, problem: &Problem) -> String {
    let properties = problem.file.as_ref().map(|file| place.properties(file, problem.line)).unwrap_or_default();
    let message = format!("{}failed to {}", place.project(), problem.message);
    format!("::warning {properties}title=incomplete::{}", data(&message))
}

fn coverage_command(level: Level, place: &Place<'_>, coverage: &Coverage) -> Option<String> {
    let word = if level == Level::Warning { "warning" } else { "notice" };
    Some(format!("::{word} title=not covered::{}", data(&format!("{}{}", place.project(), coverage.told()?))))
}

fn unread_command(place: &Place<'_>, unread: &Unread) -> String {
    format!("::notice title=not read::{}", data(&format!("{}{}", place.project(), not_read(unread))))
}

fn package(finding: &Finding) -> String {
    if finding.version.is_empty() {
        finding.package.clone()
    } else {
        format!("{} {}", finding.package, finding.version)
    }
}

fn advice(finding: &Finding) -> String {
    let detail = finding.detail.as_ref().map(ToString::to_string);
    match (&finding.advisory, finding.kind) {
        (Some(flaw), _) => {
            let fixed = flaw.fixed.as_ref().map(|fixed| format!(" Fixed in {fixed}.")).unwrap_or_default();
            let place = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{place}: {}.{fixed}", flaw.summary.trim_end_matches('.'))
        }
        (None, FindingKind::BranchTracking) => {
            let place = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!(" follows a branch{place}: it changes without anyone deciding so.")
        }
        (None, FindingKind::Unlocked) => " has a manifest that no lockfile pins.".to_owned(),
        (None, FindingKind::Yanked) => " was withdrawn by its registry.".to_owned(),
        (None, FindingKind::StaleLockfile) => {
            format!(": the lockfile does not fit its manifest: {}.", detail.unwrap_or_default())
        }
        (None, FindingKind::InconsistentLock) => {
            format!(" is in a lockfile that contradicts itself: {}.", detail.unwrap_or_default())
        }
        (None, FindingKind::EndOfLife) => format!(": {}: it gets no fixes any more.", detail.unwrap_or_default()),
        (
            None,
            FindingKind::LooseRequirement
            | FindingKind::MovableTag
            | FindingKind::UnverifiedSource
            | FindingKind::Vulnerability
            | FindingKind::Malicious
            | FindingKind::Unmaintained
            | FindingKind::Unsound
            | FindingKind::Notice,
        ) => detail.map(|detail| format!(" {detail}.")).unwrap_or_default(),
    }
}

/// Escapes a message as `@actions/core` does, after everything invisible is gone.
fn data(text: &str) -> String {
    // A line that begins with `::` is a command: without line ends, untrusted text cannot begin one.
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property as `@actions/core` does.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn text(report: &Report) -> String {
        let mut text = Vec::new();
        Annotations.write(report, ReportOptions::default(), &mut text).expect("a vector takes every write");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn findings_stand_on_their_lines() {
        let mut report = sample::report();
        report.projects.truncate(1);
        insta::assert_snapshot!("annotations", text(&report));
    }

    #[test]
    fn other_repositories_have_no_lines_here() {
        let several = text(&sample::report());
        assert!(!several.contains("file="), "{several}");
        assert!(several.contains("in acme/shop, package-lock.json:12"), "{several}");
    }

    #[test]
    fn folders_of_the_workspace_have_their_lines() {
        let mut report = sample::report();
        report.projects.truncate(2);
        for (project, folder) in report.projects.iter_mut().zip(["./services/shop/", "."]) {
            folder.clone_into(&mut project.name);
            project.commit = None;
        }
        let several = text(&report);
        assert!(several.contains("file=services/shop/package-lock.json,line=12,"), "{several}");
    }

    #[test]
    fn what_was_not_read_is_a_warning() {
        let mut report = sample::report();
        report.projects.retain(|project| !project.problems.is_empty());
        insta::assert_snapshot!(text(&report), @"::warning file=Cargo.lock,line=3,title=incomplete::failed to parse `Cargo.lock`: expected a version");
    }

    #[test]
    fn at_most_ten_of_each_level() {
        let mut report = sample::report();
        report.projects.truncate(1);
        let one = report.projects[0].findings[0].clone();
        report.projects[0].findings = vec![one; 30];
        let errors = text(&report).lines().filter(|line| line.starts_with("::error ")).count();
        assert_eq!(errors, LIMIT);
    }

    #[test]
    fn untrusted_text_smuggles_no_command() {
        let mut report = sample::report();
        report.projects.truncate(1);
        let evil = "x\n::add-mask::y\r::stop-commands::z%0A::error::,title=t:\u{1b}[2J";
        let finding = &mut report.projects[0].findings[0];
        evil.clone_into(&mut finding.package);
        evil.clone_into(&mut finding.version);
        report.projects[0].unread[0].paths = vec![evil.to_owned()];
        let finding = &mut report.projects[0].findings[0];
        evil.clone_into(&mut std::sync::Arc::make_mut(finding.advisory.as_mut().expect("a flaw")).summary);
        for line in text(&report).lines() {
            let files = ["::error file=", "::warning file=", "::notice file="];
            let others = ["::warning title=not covered::", "::notice title=not covered::", "::notice title=not read::"];
            let known = files.into_iter().chain(others).collect::<Vec<_>>();
            assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
            assert!(!line.contains(['\r', '\u{1b}']) && !line.contains("%0A"), "{line}");
        }
        assert_eq!(property("a:b,c%d\ne"), "a%3Ab%2Cc%25d\u{fffd}e");
    }
}
