//! GitHub Actions: step outputs, the job summary and annotations, when a workflow runs us.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::args::SharedOptions;
use super::environment::Environment;
use super::stream;
use crate::model::report::{ProposalAction, Report};
use crate::model::severity::Severity;
use crate::pipeline::job_summary::job_summary;
use crate::report::{Annotations, ReportOptions, Reporter as _, Section, Tally};
use crate::template::Templates;

/// Publishes the report to the workflow; does nothing elsewhere.
pub(super) fn publish(report: &Report, shared: &SharedOptions, environment: &Environment) -> anyhow::Result<()> {
    if !environment.in_actions {
        return Ok(());
    }
    let redactor = environment.redactor();
    if let Some(file) = &environment.output_file {
        append(file, &outputs(report, shared))?;
    }
    if let Some(file) = &environment.summary_file {
        let templates = Templates::built_in().context("read the built-in templates")?;
        let summary = job_summary(report, &templates).context("word the job summary")?;
        append(file, &redactor.redact(&summary))?;
    }
    // The runner reads workflow commands from either stream; the report keeps standard output for itself.
    let mut text = Vec::new();
    Annotations.write(report, ReportOptions::default(), &mut text).context("word the annotations")?;
    let text = String::from_utf8_lossy(&text);
    stream::commands(&redactor.redact(&text)).context("write the annotations")
}

/// Only numbers, our own words and a path that the workflow itself chose: nothing here is untrusted.
fn outputs(report: &Report, shared: &SharedOptions) -> String {
    // Branches at one commit have the same findings: they count once, as everywhere people read them.
    let findings: Vec<_> = Section::all(report).iter().flat_map(|section| &section.project.findings).collect();
    let decisive: Vec<_> = findings.iter().filter(|finding| !finding.kind.is_warning()).collect();
    let Tally { findings: number, warnings } = Tally::of(findings.iter().copied());
    let mut text = format!("findings={number}\nwarnings={warnings}\n");
    for severity in Severity::ALL {
        let count = decisive.iter().filter(|finding| finding.severity == severity).count();
        let _ = writeln!(text, "{severity}={count}");
    }
    let highest = decisive.iter().map(|finding| finding.severity).max().map_or("none", Severity::as_str);
    let _ = writeln!(text, "highest-severity={highest}");
    let written = |action| matches!(action, ProposalAction::Opened | ProposalAction::Updated);
    let proposals = report.projects.iter().flat_map(|project| &project.proposals);
    let _ = writeln!(text, "pull-requests={}", proposals.filter(|proposal| written(proposal.action)).count());
    if let Some(path) = &shared.output {
        // A line break in a file name would begin an output of its own.
        let path = path.display().to_string();
        if !path.contains(['\n', '\r']) {
            let _ = writeln!(text, "report={path}");
        }
    }
    text
}

fn append(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut sink = OpenOptions::new().append(true).create(true).open(file)?;
    sink.write_all(text.as_bytes()).with_context(|| format!("write `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Arguments;
    use crate::report::{REPORTERS, sample};
    use clap::Parser as _;

    #[test]
    fn every_output_gives_the_same_counts_under_the_same_names() {
        let report = sample::report();
        let arguments = Arguments::try_parse_from(["patchparty", "audit"]).expect("valid");
        let crate::cli::args::Command::Audit(options) = arguments.command else { panic!("an audit") };
        let outputs = outputs(&report, &options.shared);
        let number = |name: &str| {
            let line = outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no `{name}` in {outputs}")).to_owned()
        };
        let mut human = Vec::new();
        REPORTERS[0].write(&report, ReportOptions::default(), &mut human).expect("memory");
        let human = String::from_utf8(human).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
        let summary = job_summary(&report, &Templates::built_in().expect("valid")).expect("renders");
        for (one, many) in [("finding", "findings"), ("warning", "warnings")] {
            let number = number(many);
            let told = match number.as_str() {
                "0" => continue,
                "1" => format!(" 1 {one}"),
                number => format!(" {number} {many}"),
            };
            assert!(human.contains(&told), "{told}: {human}");
            assert!(summary.contains(&told), "{told}: {summary}");
        }
        for severity in Severity::ALL {
            let number = number(severity.as_str());
            let (in_words, in_table) = (format!("{number} {severity}"), format!("| {severity} | {number} |"));
            assert_eq!(human.contains(&in_words), number != "0", "{in_words}: {human}");
            assert_eq!(summary.contains(&in_table), number != "0", "{in_table}: {summary}");
        }
    }
}
