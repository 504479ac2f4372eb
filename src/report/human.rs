//! The report for a terminal: one glance per project, then what could not be done, then the numbers.

use std::fmt::Write as _;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use super::contract::{ReportOptions, Reporter, visible};
use crate::model::dependency::Origin;
use crate::model::finding::{Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::proposal::Route;
use crate::model::remedy::Blocked;
use crate::model::report::{Problem, ProjectReport, ProposalAction, ProposalReport, Report, SourceStatus};
use crate::model::severity::Severity;

/// What is written when nobody says how wide the terminal is.
const WIDTH: u16 = 80;

/// The report for a terminal.
pub(crate) struct Human;

impl Reporter for Human {
    fn id(&self) -> &'static str {
        "human"
    }

    fn write(&self, report: &Report, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
        for project in &report.projects {
            write_project(project, options, sink)?;
        }
        for source in &report.sources {
            if let Some(warning) = &source.warning {
                writeln!(sink, "{} {}", paint(options, "33", "warning:"), source_warning(source, warning))?;
            }
        }
        writeln!(sink, "{}", paint(options, "1", &summary(report)))
    }
}

fn write_project(project: &ProjectReport, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
    writeln!(sink, "{}", paint(options, "1", &heading(project)))?;
    if let Some(reason) = &project.skipped {
        writeln!(sink, "  left alone: {}", visible(reason))?;
    }
    if !project.findings.is_empty() {
        write_findings(&project.findings, options, sink)?;
    } else if project.skipped.is_none() {
        writeln!(sink, "  {}", nothing_found(project))?;
    }
    for problem in &project.problems {
        write_problem(problem, options, sink)?;
    }
    for blocked in &project.blocked {
        write_blocked(blocked, options, sink)?;
    }
    for proposal in &project.proposals {
        write_proposal(proposal, sink)?;
    }
    if options.dependencies {
        for lockfile in &project.lockfiles {
            write_dependencies(lockfile, sink)?;
        }
    }
    writeln!(sink)
}

fn heading(project: &ProjectReport) -> String {
    let mut heading = visible(&project.name);
    match (&project.branch, &project.commit) {
        (Some(branch), Some(commit)) => {
            let _ = write!(heading, " ({} at {})", visible(branch), commit.short());
        }
        (None, Some(commit)) => {
            let _ = write!(heading, " (at {})", commit.short());
        }
        (Some(branch), None) => {
            let _ = write!(heading, " ({})", visible(branch));
        }
        (None, None) => {}
    }
    heading
}

fn nothing_found(project: &ProjectReport) -> String {
    match project.lockfiles.len() {
        0 => "no lockfile was read".to_owned(),
        number => format!("nothing found in {}", count(number, "lockfile", "lockfiles")),
    }
}

fn write_findings(findings: &[Finding], options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let width = options.width.unwrap_or(WIDTH).clamp(60, 160);
    table.set_width(width);
    table.set_header(["SEVERITY", "PACKAGE", "ADVISORY", "WHERE"]);
    for finding in findings {
        table.add_row([finding.severity.to_string(), package(finding), advisory(finding), place(finding, width)]);
    }
    // Identifiers are copied by hand: they are not broken, unless they are longer than any known one.
    let longest = findings.iter().map(|finding| advisory(finding).lines().map(str::len).max().unwrap_or(0)).max();
    if let Some(column) = table.column_mut(2).filter(|_| longest.is_some_and(|length| length <= 24)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    for line in table.lines() {
        writeln!(sink, "{}", paint_severity(options, line.trim_end()))?;
    }
    Ok(())
}

/// `lodash 4.17.20 → 4.17.21`, and through whom.
fn package(finding: &Finding) -> String {
    let mut cell = visible(&finding.package);
    if !finding.version.is_empty() {
        let _ = write!(cell, " {}", visible(&finding.version));
    }
    if let Some(fixed) = finding.advisory.as_ref().and_then(|flaw| flaw.fixed.as_ref()) {
        let _ = write!(cell, " → {}", visible(fixed));
    }
    let parents = finding.path.len().saturating_sub(1);
    if !finding.direct && parents > 0 {
        let names: Vec<String> = finding.path[..parents].iter().map(|step| visible(&step.name)).collect();
        let _ = write!(cell, "\nvia {}", names.join(" → "));
    }
    cell
}

fn advisory(finding: &Finding) -> String {
    let kind = finding.kind;
    match (&finding.advisory, kind) {
        (Some(flaw), FindingKind::Vulnerability) => flaw.id.to_string(),
        (Some(flaw), _) => format!("{}\n{kind}", flaw.id, kind = kind.as_str()),
        (None, FindingKind::BranchTracking) => follows(finding),
        (None, FindingKind::Unlocked) => "no lockfile".to_owned(),
        (None, _) => kind.as_str().to_owned(),
    }
}

fn follows(finding: &Finding) -> String {
    let Origin::Git { pin, commit, .. } = &finding.origin else { return "follows a branch".to_owned() };
    let branch = pin.followed_branch().flatten().map_or_else(|| "the default branch".to_owned(), visible);
    match commit {
        Some(commit) => format!("follows {branch},\nnow at {}", commit.short()),
        None => format!("follows {branch}"),
    }
}

/// `apps/shop/package-lock.json:12`, on two lines when it is too long for its column.
fn place(finding: &Finding, width: u16) -> String {
    let place = format!("{}:{}", visible(finding.file.as_str()), finding.line);
    match place.rsplit_once('/') {
        Some((folder, file)) if place.chars().count() > usize::from(width) * 3 / 10 => format!("{folder}/\n{file}"),
        Some(_) | None => place,
    }
}

fn write_blocked(blocked: &Blocked, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
    let names: Vec<&str> = blocked.advisories.iter().map(crate::model::advisory::AdvisoryId::as_str).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let package = format!("{} {}", visible(&blocked.package), visible(&blocked.from));
    let place = visible(blocked.file.as_str());
    writeln!(
        sink,
        "  {} {package} in {place}{names}: {}",
        paint(options, "33", "blocked:"),
        visible(&blocked.explanation)
    )?;
    for link in &blocked.chain {
        let (parent, requirement) = (visible(&link.parent.to_string()), visible(&link.requirement));
        writeln!(sink, "    {parent} asks for {requirement}")?;
    }
    if !blocked.next_step.is_empty() {
        writeln!(sink, "    next step: {}", visible(&blocked.next_step))?;
    }
    Ok(())
}

fn write_problem(problem: &Problem, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
    let place = match (&problem.file, problem.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", visible(file.as_str())),
        (Some(file), None) => format!("{}: ", visible(file.as_str())),
        (None, _) => String::new(),
    };
    writeln!(sink, "  {} {place}failed to {}", paint(options, "31", "problem:"), visible(&problem.message))?;
    if let Some(hint) = &problem.hint {
        writeln!(sink, "    hint: {}", visible(hint))?;
    }
    Ok(())
}

fn write_proposal(proposal: &ProposalReport, sink: &mut dyn Write) -> io::Result<()> {
    let route = match proposal.route {
        Route::Emergency => "emergency ",
        Route::Routine => "",
    };
    let done = match proposal.action {
        ProposalAction::Opened => "opened",
        ProposalAction::Updated => "updated",
        ProposalAction::Unchanged => "unchanged",
        ProposalAction::Previewed => "would open",
        ProposalAction::LeftToPeople => "left to people",
        ProposalAction::ClosedByPerson => "closed by a person",
    };
    writeln!(sink, "  {route}pull request, {done}: {}", visible(&proposal.title))?;
    match &proposal.url {
        Some(url) => writeln!(sink, "    {}", visible(url)),
        None => Ok(()),
    }
}

fn write_dependencies(lockfile: &Lockfile, sink: &mut dyn Write) -> io::Result<()> {
    let number = count(lockfile.dependencies.len(), "dependency", "dependencies");
    writeln!(sink, "  {}: {number}", visible(lockfile.path.as_str()))?;
    for dependency in &lockfile.dependencies {
        let direct = if dependency.direct { " (direct)" } else { "" };
        writeln!(sink, "    {} {}{direct}", visible(&dependency.name), visible(&dependency.version))?;
    }
    Ok(())
}

fn source_warning(source: &SourceStatus, warning: &str) -> String {
    format!("advisory source {}: {}", visible(&source.id), visible(warning))
}

/// The last line: everything counted, the worst first.
fn summary(report: &Report) -> String {
    let findings = || report.projects.iter().flat_map(|project| &project.findings);
    let by_severity: Vec<String> = Severity::ALL
        .into_iter()
        .filter_map(|severity| {
            let number = findings().filter(|found| !found.kind.is_warning() && found.severity == severity).count();
            (number > 0).then(|| format!("{number} {severity}"))
        })
        .collect();
    let warnings = findings().filter(|found| found.kind.is_warning()).count();
    let mut parts = vec![
        count(report.projects.len(), "project", "projects"),
        count(report.lockfiles_read(), "lockfile", "lockfiles"),
        count(findings().count() - warnings, "finding", "findings"),
    ];
    if !by_severity.is_empty() {
        let last = parts.pop().unwrap_or_default();
        parts.push(format!("{last} ({})", by_severity.join(", ")));
    }
    let sum = |part: fn(&ProjectReport) -> usize| report.projects.iter().map(part).sum::<usize>();
    for (number, one, many) in [
        (warnings, "warning", "warnings"),
        (sum(|project| project.blocked.len()), "blocked", "blocked"),
        (sum(|project| project.proposals.len()), "pull request", "pull requests"),
        (sum(|project| project.problems.len()), "problem", "problems"),
    ] {
        if number > 0 {
            parts.push(count(number, one, many));
        }
    }
    let clean = if report.lockfiles_read() == 0 { "\nNothing was read: this is not a clean result." } else { "" };
    parts.join(", ") + clean
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Wraps text in an SGR colour where colours are wanted.
fn paint(options: ReportOptions, code: &str, text: &str) -> String {
    if options.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Colours the severity at the start of a table's line; the table itself is laid out without colours.
fn paint_severity(options: ReportOptions, line: &str) -> String {
    let Some(word) = Severity::ALL.into_iter().find(|severity| {
        line.strip_prefix(' ')
            .and_then(|line| line.strip_prefix(severity.as_str()))
            .is_some_and(|rest| rest.starts_with(' '))
    }) else {
        return line.to_owned();
    };
    let code = match word {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Unknown => "35",
        Severity::Medium => "33",
        Severity::Low => "36",
    };
    format!(" {}{}", paint(options, code, word.as_str()), &line[1 + word.as_str().len()..])
}

#[cfg(test)]
mod tests {
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
        let report = Report { sources: Vec::new(), projects: Vec::new() };
        insta::assert_snapshot!(text(&report, ReportOptions::default()), @r"
        0 projects, 0 lockfiles, 0 findings
        Nothing was read: this is not a clean result.
        ");
    }

    #[test]
    fn lines_fit_the_terminal_and_names_cannot_move_the_cursor() {
        let mut report = sample::report();
        let project = &mut report.projects[0];
        project.proposals.clear();
        project.blocked.clear();
        "evil\u{1b}[2J\r\n::error::x\u{9b}2J\u{202e}".clone_into(&mut project.findings[0].package);
        let plain = text(&report, ReportOptions { dependencies: true, ..ReportOptions::default() });
        assert!(!plain.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}']), "{plain:?}");
        assert!(!plain.lines().any(|line| line.starts_with("::")), "{plain}");
        for line in plain.lines().filter(|line| line.starts_with("  ") || line.starts_with(" SEVERITY")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let coloured = text(&report, ReportOptions { colours: true, ..ReportOptions::default() });
        assert!(coloured.contains("\u{1b}[1;31mcritical\u{1b}[0m"), "{coloured}");
    }
}
