//! The report for a terminal: one glance per project, then what could not be done, then the numbers.

mod row;

use std::io::{self, Write};
use std::ops::RangeInclusive;

use foldhash::{HashMap, HashMapExt as _};
use rayon::prelude::*;

pub(crate) use self::row::wrap;
use self::row::{Columns, Row};
use super::contract::{ReportOptions, Reporter, Section, Tally, not_read, project_count, visible};
use crate::model::coverage::Coverage;
use crate::model::finding::Finding;
use crate::model::lockfile::Lockfile;
use crate::model::proposal::Route;
use crate::model::remedy::Blocked;
use crate::model::report::{Ignored, Problem, ProjectReport, ProposalAction, ProposalReport, Remark, Report};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use crate::model::text::count;

/// What is written when nobody says how wide the terminal is.
const WIDTH: u16 = 80;

/// Narrower columns are unreadable, and longer lines as well.
const WIDTHS: RangeInclusive<u16> = 60..=160;

/// So many findings are worded on every core.
const MANY: usize = 1_000;

/// More of what fails is told by its rows.
const NAMED: usize = 5;

/// Holds words together that are to stand on one line.
const NO_BREAK_SPACE: char = '\u{A0}';

/// The report for a terminal.
pub(crate) struct Human;

/// Where and how lines are written.
struct Page<'a> {
    options: ReportOptions,
    width: usize,
    sink: &'a mut dyn Write,
}

impl Reporter for Human {
    fn id(&self) -> &'static str {
        "human"
    }

    fn write(&self, report: &Report, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
        let width = options.width.unwrap_or(WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end());
        let mut page = Page { options, width: usize::from(width), sink };
        let sections = Section::all(report);
        for section in &sections {
            page.section(section)?;
        }
        for source in &report.sources {
            if let Some(warning) = &source.warning {
                let text = format!("advisory source {}: {}", visible(&source.id), visible(warning));
                page.labelled(("33", "warning:"), &text, 0)?;
            }
        }
        for remark in &report.remarks {
            page.remark(remark, 0)?;
        }
        // A number stays with its word.
        for line in wrap(&summary(report, &sections), page.width) {
            writeln!(page.sink, "{}", paint(options, "1", &line.replace(NO_BREAK_SPACE, " ")))?;
        }
        page.failing(&sections)?;
        if report.lockfiles_read() == 0 {
            writeln!(page.sink, "{}", paint(options, "1", "Nothing was read: this is not a clean result."))?;
        }
        Ok(())
    }
}

impl Page<'_> {
    fn section(&mut self, section: &Section<'_>) -> io::Result<()> {
        let project = section.project;
        writeln!(self.sink, "{}", paint(self.options, "1", &heading(section)))?;
        if let Some(reason) = &project.skipped {
            self.text(&format!("left alone: {}", visible(reason)), 2)?;
        }
        if !project.findings.is_empty() {
            self.findings(&project.findings)?;
        } else if project.skipped.is_none() {
            self.text(&nothing_found(project), 2)?;
        }
        for ignored in &project.ignored {
            self.ignored(ignored)?;
        }
        for coverage in &project.coverage {
            self.coverage(coverage)?;
        }
        for unread in &project.unread {
            self.labelled(("2", "not read:"), &not_read(unread), 2)?;
        }
        for remark in &section.remarks {
            self.remark(remark, 2)?;
        }
        for problem in &section.problems {
            self.problem(problem)?;
        }
        for blocked in &section.blocked {
            self.blocked(blocked)?;
        }
        for proposal in &section.proposals {
            self.proposal(proposal)?;
        }
        if self.options.dependencies {
            for lockfile in &project.lockfiles {
                self.dependencies(lockfile)?;
            }
        }
        writeln!(self.sink)
    }

    /// The findings, file by file; the file with the most urgent one comes first.
    fn findings(&mut self, findings: &[Finding]) -> io::Result<()> {
        let rows = worded(findings, Row::new);
        let columns = Columns::new(&rows, self.width);
        let rows = worded(&rows, |row| row.lines(&columns, self.options));
        let mut files: Vec<(&RepoPath, Vec<Vec<String>>)> = Vec::new();
        let mut positions: HashMap<&RepoPath, usize> = HashMap::new();
        for (finding, row) in findings.iter().zip(rows) {
            let position = *positions.entry(&finding.file).or_insert_with(|| {
                files.push((&finding.file, Vec::new()));
                files.len() - 1
            });
            files[position].1.push(row);
        }
        for (file, rows) in files {
            self.text(&visible(file.as_str()), 2)?;
            for line in rows.iter().flatten() {
                writeln!(self.sink, "{line}")?;
            }
        }
        Ok(())
    }

    fn ignored(&mut self, ignored: &Ignored) -> io::Result<()> {
        let finding = &ignored.finding;
        let name =
            finding.advisory.as_ref().map_or_else(|| finding.kind.as_str().to_owned(), |flaw| flaw.id.to_string());
        let until = ignored.expires.map(|day| format!("until {day} ")).unwrap_or_default();
        let what = format!(
            "{name} ({}) in {} of {}, {until}by {}",
            finding.severity,
            visible(format!("{} {}", finding.package, finding.version).trim_end()),
            visible(finding.file.as_str()),
            visible(&ignored.place)
        );
        self.labelled(("2", "ignored:"), &what, 2)?;
        self.text(&visible(&ignored.reason), 4)
    }

    fn coverage(&mut self, coverage: &Coverage) -> io::Result<()> {
        let Some(text) = coverage.told() else { return Ok(()) };
        let label = if coverage.is_gap() { ("31", "not covered:") } else { ("2", "note:") };
        self.labelled(label, &text, 2)?;
        match coverage.hint() {
            Some(hint) => self.text(&format!("hint: {hint}"), 4),
            None => Ok(()),
        }
    }

    fn remark(&mut self, remark: &Remark, indent: usize) -> io::Result<()> {
        let text = format!("{}: {}", visible(&remark.place), visible(&remark.message));
        self.labelled(("33", "warning:"), &text, indent)
    }

    fn blocked(&mut self, blocked: &Blocked) -> io::Result<()> {
        let names: Vec<&str> = blocked.advisories.iter().map(crate::model::advisory::AdvisoryId::as_str).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let package = format!("{} {}", visible(&blocked.package), visible(&blocked.from));
        let what = format!("{package} in {}{names}", visible(blocked.file.as_str()));
        self.labelled(("33", "blocked:"), &what, 2)?;
        self.text(&visible(&blocked.explanation), 4)?;
        for (number, link) in blocked.chain.iter().enumerate() {
            if blocked.chain_left_out > 0 && number + 1 == blocked.chain.len() {
                self.text(&format!("… {} more …", blocked.chain_left_out), 4)?;
            }
            let (parent, requirement) = (visible(&link.parent.to_string()), visible(&link.requirement));
            self.text(&format!("{parent} asks for {requirement}"), 4)?;
        }
        if blocked.next_step.is_empty() {
            return Ok(());
        }
        self.text(&format!("next step: {}", visible(&blocked.next_step)), 4)
    }

    fn problem(&mut self, problem: &Problem) -> io::Result<()> {
        let place = match (&problem.file, problem.line) {
            (Some(file), Some(line)) => format!("{}:{line}: ", visible(file.as_str())),
            (Some(file), None) => format!("{}: ", visible(file.as_str())),
            (None, _) => String::new(),
        };
        self.labelled(("31", "problem:"), &format!("{place}failed to {}", visible(&problem.message)), 2)?;
        match &problem.hint {
            Some(hint) => self.text(&format!("hint: {}", visible(hint)), 4),
            None => Ok(()),
        }
    }

    fn proposal(&mut self, proposal: &ProposalReport) -> io::Result<()> {
        let done = match proposal.action {
            ProposalAction::Opened => "opened",
            ProposalAction::Updated => "updated",
            ProposalAction::Unchanged => "unchanged",
            ProposalAction::Previewed => "would be opened",
            ProposalAction::LeftToPeople => "left to people",
            ProposalAction::ClosedByPerson => "closed by a person",
            ProposalAction::ClosedAsFixed => "closed, fixed otherwise",
            ProposalAction::ClosedAsIgnored => "closed, ignored on purpose",
        };
        let label = match proposal.route {
            Route::Emergency if proposal.breaking => ("1;31", "breaking emergency pull request"),
            Route::Emergency => ("1;31", "emergency pull request"),
            Route::Routine if proposal.breaking => ("1", "breaking pull request"),
            Route::Routine => ("1", "pull request"),
        };
        self.labelled(label, &format!("into {}, {done}:", visible(&proposal.base)), 2)?;
        self.text(&visible(&proposal.title), 4)?;
        // An address or a path that is broken cannot be opened.
        match &proposal.url {
            Some(url) => writeln!(self.sink, "    {}", visible(url)),
            None => Ok(()),
        }
    }

    fn dependencies(&mut self, lockfile: &Lockfile) -> io::Result<()> {
        let number = count(lockfile.dependency_count(), "dependency", "dependencies");
        self.text(&format!("{}: {number}", visible(lockfile.path.as_str())), 2)?;
        for dependency in &lockfile.dependencies {
            let direct = if dependency.direct { " (direct)" } else { "" };
            let text = format!("{} {}{direct}", visible(&dependency.name), visible(&dependency.version));
            self.text(&text, 4)?;
        }
        Ok(())
    }

    /// Which findings fail the audit, and by which threshold.
    fn failing(&mut self, sections: &[Section<'_>]) -> io::Result<()> {
        let Some(threshold) = self.options.threshold else { return Ok(()) };
        let findings = sections.iter().flat_map(|section| &section.project.findings);
        let mut failing: Vec<&Finding> = findings.filter(|finding| threshold.is_met_by(finding)).collect();
        if failing.is_empty() {
            return Ok(());
        }
        failing.sort_by(|one, other| one.report_order(other));
        let Tally { findings, warnings } = Tally::of(failing.iter().copied());
        let mut parts = Vec::new();
        if findings > 0 {
            parts.push(format!("{} ({} or above)", count(findings, "finding", "findings"), threshold.severity));
        }
        if warnings > 0 {
            parts.push(format!("{} (--deny-warnings)", count(warnings, "warning", "warnings")));
        }
        let mut names: Vec<String> = failing.iter().take(NAMED).map(|finding| named(finding)).collect();
        if let Some(more @ 1..) = failing.len().checked_sub(NAMED) {
            names.push(format!("and {more} more"));
        }
        let text = format!("because of {}: {}", parts.join(" and "), names.join(", "));
        self.labelled(("1;31", "fails"), &text, 0)
    }

    /// A text that begins with a coloured word; the lines after the first are indented by two more.
    fn labelled(&mut self, (colour, label): (&str, &str), text: &str, indent: usize) -> io::Result<()> {
        for (number, line) in self.wrapped(&format!("{label} {text}"), indent).into_iter().enumerate() {
            let painted = line.strip_prefix(label).filter(|_| number == 0);
            let line = painted.map_or(line.clone(), |rest| paint(self.options, colour, label) + rest);
            let more = if number == 0 { 0 } else { 2 };
            writeln!(self.sink, "{:1$}{line}", "", indent + more)?;
        }
        Ok(())
    }

    /// A text; the lines after the first are indented by two more.
    fn text(&mut self, text: &str, indent: usize) -> io::Result<()> {
        for (number, line) in self.wrapped(text, indent).into_iter().enumerate() {
            writeln!(self.sink, "{:1$}{line}", "", indent + if number == 0 { 0 } else { 2 })?;
        }
        Ok(())
    }

    fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        wrap(text, self.width.saturating_sub(indent + 2))
    }
}

/// What `word` makes of each item, in their order; of many on every core.
fn worded<T: Sync, W: Send>(items: &[T], word: impl Fn(&T) -> W + Send + Sync) -> Vec<W> {
    match items.len() {
        // Waking the other cores takes longer.
        0..MANY => items.iter().map(word).collect(),
        _ => items.par_iter().map(word).collect(),
    }
}

/// `acme/shop (main and production at 0123456789ab)`.
fn heading(section: &Section<'_>) -> String {
    let name = visible(&section.project.name);
    let branches: Vec<String> = section.branches.iter().map(|branch| visible(branch)).collect();
    let branches = branches.join(" and ");
    match (branches.as_str(), &section.project.commit) {
        ("", None) => name,
        ("", Some(commit)) => format!("{name} (at {})", commit.short()),
        (branches, Some(commit)) => format!("{name} ({branches} at {})", commit.short()),
        (branches, None) => format!("{name} ({branches})"),
    }
}

fn nothing_found(project: &ProjectReport) -> String {
    match project.lockfiles.len() {
        0 => "no lockfile was read".to_owned(),
        number => format!("nothing found in {}", count(number, "lockfile", "lockfiles")),
    }
}

/// The last line: everything counted once, the worst first.
fn summary(report: &Report, sections: &[Section<'_>]) -> String {
    let findings = || sections.iter().flat_map(|section| &section.project.findings);
    let by_severity: Vec<String> = Severity::ALL
        .into_iter()
        .filter_map(|severity| {
            let number = findings().filter(|found| !found.kind.is_warning() && found.severity == severity).count();
            (number > 0).then(|| format!("{number} {severity}"))
        })
        .collect();
    let Tally { findings: failing, warnings } = Tally::of(findings());
    let mut parts = vec![
        count(project_count(report), "project", "projects"),
        count(sections.iter().map(|section| section.project.lockfiles.len()).sum::<usize>(), "lockfile", "lockfiles"),
        count(failing, "finding", "findings"),
    ];
    if !by_severity.is_empty() {
        let last = parts.pop().unwrap_or_default();
        parts.push(format!("{last} ({})", by_severity.join(", ")));
    }
    let sum = |part: fn(&Section<'_>) -> usize| sections.iter().map(part).sum::<usize>();
    for (number, one, many) in [
        (warnings, "warning", "warnings"),
        (sum(|section| section.project.ignored.len()), "ignored", "ignored"),
        (
            sum(|section| section.project.coverage.iter().filter(|it| it.is_gap()).map(|it| it.packages).sum()),
            "not covered",
            "not covered",
        ),
        (sum(|section| section.project.unread.iter().map(|it| it.count).sum()), "not read", "not read"),
        (sum(|section| section.blocked.len()), "blocked", "blocked"),
        (sum(|section| section.proposals.len()), "pull request", "pull requests"),
        (sum(|section| section.problems.len()), "problem", "problems"),
    ] {
        if number > 0 {
            parts.push(count(number, one, many));
        }
    }
    // The line may be broken after each comma.
    parts.join(", ").split(", ").map(hold_together).collect::<Vec<_>>().join(", ")
}

/// A finding in a few words: `minimist 0.0.8 (GHSA-vh95-rmgr-6w4m)`.
fn named(finding: &Finding) -> String {
    let what = finding.advisory.as_ref().map_or_else(|| finding.kind.as_str(), |flaw| flaw.id.as_str());
    format!("{} ({})", visible(format!("{} {}", finding.package, finding.version).trim_end()), visible(what))
}

fn hold_together(words: &str) -> String {
    words.replace(' ', &NO_BREAK_SPACE.to_string())
}

/// Wraps text in an SGR colour where colours are wanted.
fn paint(options: ReportOptions, code: &str, text: &str) -> String {
    if options.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::contract::Threshold;
    use super::super::sample;
    use super::*;

    fn text(report: &Report, options: ReportOptions) -> String {
        let mut text = Vec::new();
        Human.write(report, options, &mut text).expect("a vector takes every write");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_run_is_read_at_one_glance() {
        insta::assert_snapshot!("human", text(&sample::report(), ReportOptions::default()));
    }

    #[test]
    fn an_empty_report_is_not_clean() {
        let report = Report { sources: Vec::new(), projects: Vec::new(), remarks: Vec::new() };
        insta::assert_snapshot!(text(&report, ReportOptions::default()), @r"
        0 projects, 0 lockfiles, 0 findings
        Nothing was read: this is not a clean result.
        ");
    }

    #[test]
    fn lines_fit_the_terminal_and_break_between_words() {
        let mut report = sample::report();
        let project = &mut report.projects[0];
        "sample-organisation/shared-workflows/.github/workflows/backup.yml"
            .clone_into(&mut project.findings[2].package);
        let step = crate::model::dependency::PackageVersion { name: "step".to_owned(), version: "1".to_owned() };
        project.findings[0].path = vec![step; 30].into();
        "a very long explanation ".repeat(8).clone_into(&mut project.blocked[0].explanation);
        project.proposals[0].url = None;
        for width in [60, 80, 120] {
            let options = ReportOptions { dependencies: true, width: Some(width), ..ReportOptions::default() };
            let text = text(&report, options);
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
            for word in ["backup.yml", "GHSA-aaaa-bbbb-cccc", ".github/workflows/ci.yml"] {
                assert!(text.contains(word), "{width}: {word}\n{text}");
            }
        }
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let mut report = sample::report();
        let project = &mut report.projects[0];
        let evil = "evil\u{1b}[2J\r\n::error::x\u{9b}2J\u{202e}";
        evil.clone_into(&mut project.findings[0].package);
        let step =
            |name: &str| crate::model::dependency::PackageVersion { name: name.to_owned(), version: String::new() };
        project.findings[0].path = vec![step(evil), step("x")].into();
        evil.clone_into(&mut project.blocked[0].explanation);
        evil.clone_into(&mut project.proposals[0].title);
        let plain = text(&report, ReportOptions { dependencies: true, ..ReportOptions::default() });
        assert!(!plain.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}']), "{plain:?}");
        assert!(!plain.lines().any(|line| line.starts_with("::")), "{plain}");
        let coloured = text(&report, ReportOptions { colours: true, ..ReportOptions::default() });
        assert!(coloured.contains("\u{1b}[1;31mcritical\u{1b}[0m"), "{coloured}");
    }

    #[test]
    fn what_fails_is_named_and_what_does_not_is_not() {
        let fails = |severity, warnings| {
            let threshold = Some(Threshold { severity, warnings });
            let text = text(&sample::report(), ReportOptions { threshold, ..ReportOptions::default() });
            text.split_once("fails because of ").map(|(_, fails)| fails.replace("\n  ", " "))
        };
        let critical = fails(Severity::Critical, false).expect("something is critical");
        assert!(critical.contains(" (critical or above): ") && critical.contains("(CVE-2021-44906)"), "{critical}");
        assert!(!critical.contains("--deny-warnings"), "{critical}");
        let all = fails(Severity::Low, true).expect("something fails");
        assert!(all.contains("4 findings (low or above)"), "{all}");
        let none = text(&sample::report(), ReportOptions::default());
        assert!(!none.contains("fails because"), "{none}");
    }

    #[test]
    fn branches_at_one_commit_are_read_once() {
        let mut report = sample::report();
        let mut production = report.projects[0].clone();
        production.branch = Some("production".to_owned());
        production.proposals[0].base = "production".to_owned();
        report.projects.insert(1, production.clone());
        let once = text(&report, ReportOptions::default());
        assert!(once.starts_with("acme/shop (main and production at aaaaaaaaaaaa)\n"), "{once}");
        assert_eq!(once.matches("CVE-2021-44906").count(), 1, "{once}");
        assert!(once.contains("into main, opened") && once.contains("into production, opened"), "{once}");
        assert!(once.contains("4 projects, 2 lockfiles, 4 findings"), "{once}");
        // Another commit, or another result for the same one, is told on its own.
        report.projects[1].findings.pop();
        let twice = text(&report, ReportOptions::default());
        assert!(twice.contains("acme/shop (production at aaaaaaaaaaaa)\n"), "{twice}");
        assert!(twice.contains("4 projects, 3 lockfiles, 8 findings"), "{twice}");
    }
}
