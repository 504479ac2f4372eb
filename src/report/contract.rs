//! What a report is.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};

use crate::model::dependency::Origin;
use crate::model::finding::Finding;
use crate::model::remedy::Blocked;
use crate::model::report::{Problem, ProjectReport, ProposalReport, Remark, Report};
use crate::model::severity::Severity;
use crate::model::text::is_invisible;
use crate::model::unread::Unread;

/// What the reader asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReportOptions {
    /// List every dependency of every file.
    pub(crate) dependencies: bool,
    /// Use colours.
    pub(crate) colours: bool,
    /// The width of the terminal in columns; `None` when piped.
    pub(crate) width: Option<u16>,
    /// What fails; `None` where no finding does.
    pub(crate) threshold: Option<Threshold>,
}

/// What lets an audit fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold {
    /// The lowest severity that does.
    pub(crate) severity: Severity,
    /// Whether warnings do as well.
    pub(crate) warnings: bool,
}

impl Threshold {
    /// Whether the finding is at or above the threshold.
    pub(crate) fn is_met_by(self, finding: &Finding) -> bool {
        if finding.kind.is_warning() { self.warnings } else { finding.severity >= self.severity }
    }
}

/// One form of report. Pure but for the sink.
pub(crate) trait Reporter: Sync {
    /// Its name on the command line.
    fn id(&self) -> &'static str;

    /// Writes the report. The same report gives the same bytes.
    fn write(&self, report: &Report, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()>;
}

/// What people read in one go: one commit of one project, under the names of all branches that stand at it.
///
/// Production and development are reported each on its own; where they are at the same commit, people need not read the
/// same findings twice.
pub(crate) struct Section<'a> {
    /// The first report on the commit: its findings and lockfiles are those of all.
    pub(crate) project: &'a ProjectReport,
    /// The branches at this commit.
    pub(crate) branches: Vec<&'a str>,
    /// What could not be read or done on any of them, each once.
    pub(crate) problems: Vec<&'a Problem>,
    /// What their people should look at, each once.
    pub(crate) remarks: Vec<&'a Remark>,
    /// What could not be remedied on any of them, each once.
    pub(crate) blocked: Vec<&'a Blocked>,
    /// The pull requests of all of them.
    pub(crate) proposals: Vec<&'a ProposalReport>,
    seen: Seen<'a>,
}

/// What a section has taken in already.
#[derive(Default)]
struct Seen<'a> {
    problems: HashSet<&'a Problem>,
    remarks: HashSet<&'a Remark>,
    blocked: HashSet<&'a Blocked>,
}

impl<'a> Section<'a> {
    /// All sections of a report, in its order.
    pub(crate) fn all(report: &'a Report) -> Vec<Self> {
        let mut sections: Vec<Self> = Vec::new();
        for project in &report.projects {
            let position = sections.iter().position(|section| section.is_about(project));
            let position = position.unwrap_or_else(|| {
                sections.push(Self {
                    project,
                    branches: Vec::new(),
                    problems: Vec::new(),
                    remarks: Vec::new(),
                    blocked: Vec::new(),
                    proposals: Vec::new(),
                    seen: Seen::default(),
                });
                sections.len() - 1
            });
            sections[position].add(project);
        }
        sections
    }

    /// Whether a report says the same: it could not when something failed between the two.
    fn is_about(&self, other: &ProjectReport) -> bool {
        let project = self.project;
        project.commit.is_some()
            && (&project.name, &project.commit, &project.skipped) == (&other.name, &other.commit, &other.skipped)
            && (&project.findings, &project.lockfiles) == (&other.findings, &other.lockfiles)
    }

    fn add(&mut self, project: &'a ProjectReport) {
        self.branches.extend(project.branch.as_deref());
        let Seen { problems, remarks, blocked } = &mut self.seen;
        self.problems.extend(project.problems.iter().filter(|problem| problems.insert(problem)));
        self.remarks.extend(project.remarks.iter().filter(|remark| remarks.insert(remark)));
        self.blocked.extend(project.blocked.iter().filter(|one| blocked.insert(one)));
        self.proposals.extend(&project.proposals);
    }
}

/// How findings are counted, wherever they are: warnings stand apart, because they fail nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Findings that fail an audit.
    pub(crate) findings: usize,
    /// Those that do not.
    pub(crate) warnings: usize,
}

impl Tally {
    /// Counts findings.
    pub(crate) fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut tally = Self { findings: 0, warnings: 0 };
        for finding in findings {
            let count = if finding.kind.is_warning() { &mut tally.warnings } else { &mut tally.findings };
            *count += 1;
        }
        tally
    }
}

/// How many projects a report is about: one with two branches is one.
pub(crate) fn project_count(report: &Report) -> usize {
    let names: BTreeSet<&str> = report.projects.iter().map(|project| project.name.as_str()).collect();
    names.len()
}

/// Untrusted text for a terminal or a log: controls (which could move the cursor or colour the screen), line ends and
/// everything invisible or turning the direction of writing become `\u{fffd}`, and long text is cut.
pub(crate) fn visible(text: &str) -> String {
    /// More does not fit on a screen.
    const LIMIT: usize = 300;
    let mut visible: String = text
        .chars()
        .take(LIMIT)
        .map(|character| if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect();
    if text.chars().nth(LIMIT).is_some() {
        visible.push('…');
    }
    visible
}

/// What was not read for one reason: `3 submodules: a, b, c`.
pub(crate) fn not_read(unread: &Unread) -> String {
    let (shown, more) = unread.examples();
    let mut paths: Vec<String> = shown.iter().map(|path| visible(path)).collect();
    if more > 0 {
        paths.push(format!("and {more} more"));
    }
    format!("{}: {}", unread.reason.counted(unread.count), paths.join(", "))
}

/// What a loose dependency follows, and where that stands today: `follows main, now at 39a4168a861d`.
pub(crate) fn follows(finding: &Finding) -> String {
    let (pin, commit) = match &finding.origin {
        Origin::Git { pin, commit, .. } => (pin, commit),
        Origin::Image { tag, .. } => return format!("follows the tag {}", visible(tag.as_deref().unwrap_or("latest"))),
        Origin::Registry { .. } | Origin::Path | Origin::Archive { .. } | Origin::System { .. } => {
            return "follows a branch".to_owned();
        }
    };
    let branch = pin.followed_branch().flatten().map_or_else(|| "the default branch".to_owned(), visible);
    match commit {
        Some(commit) => format!("follows {branch}, now at {}", commit.short()),
        None => format!("follows {branch}"),
    }
}
