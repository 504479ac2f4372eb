//! Words a proposal: its title, its body in the order in which reviewers read, its commit message and its labels.

mod title;
mod token;
mod view;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::policy::Policy;
use crate::model::advisory::AdvisoryId;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::project_kind::Kinds;
use crate::model::proposal::{Label, Route};
use crate::model::remedy::{Blocked, Bump, Remedy, Step};
use crate::model::repository::{CommitId, Project};
use crate::model::severity::Severity;
use crate::pipeline::plan;
use crate::template::{TemplateError, Templates, words};

/// The longest body with its state; GitHub takes 65,536 characters and leaves no room for what people add.
const BODY_LIMIT: usize = 60_000;

/// What a proposal is worded from.
pub(crate) struct WriteRequest<'a> {
    /// The project.
    pub(crate) project: &'a Project,
    /// The route.
    pub(crate) route: Route,
    /// The branch it is to be merged into.
    pub(crate) base_branch: &'a str,
    /// The audited commit.
    pub(crate) base_commit: &'a CommitId,
    /// What was changed.
    pub(crate) remedies: &'a [Remedy],
    /// What was found on this base. The fixed ones are those that the bumps name.
    pub(crate) findings: &'a [Finding],
    /// What could not be changed.
    pub(crate) blocked: &'a [Blocked],
    /// The organisation's policy.
    pub(crate) policy: &'a Policy,
    /// What the changed projects are.
    pub(crate) kinds: &'a Kinds,
    /// The value that only this change has: lower-case letters and digits.
    pub(crate) change: &'a str,
    /// The breaking raise that this is, when it is one.
    pub(crate) raise: Option<Raised<'a>>,
    /// The branch of the emergency whose change this one contains, because the two could not be kept apart.
    pub(crate) ahead: Option<&'a str>,
    /// Where what is changed can be looked at.
    pub(crate) pages: &'a [Page],
    /// When the first of the findings was seen: the deadline counts from here.
    pub(crate) first_seen: Timestamp,
    /// The templates.
    pub(crate) templates: &'a Templates,
}

/// A requirement that is raised beyond what its makers call compatible.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raised<'a> {
    /// The package. Untrusted.
    pub(crate) package: &'a str,
    /// The other packages whose requirements are raised with it. Untrusted.
    pub(crate) also: &'a [String],
    /// What the project asks for. Untrusted.
    pub(crate) requirement: &'a str,
    /// What it would ask for. Untrusted.
    pub(crate) wanted: &'a str,
    /// The branch of the safe changes that are part of it; empty where there are none.
    pub(crate) safe_branch: &'a str,
}

impl Raised<'_> {
    /// Whether the requirement of a package is raised.
    fn is_of(&self, package: &str) -> bool {
        self.package == package || self.also.iter().any(|other| other == package)
    }
}

/// Where the change of one package can be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The package's ecosystem.
    pub(crate) ecosystem: Ecosystem,
    /// The package. Untrusted.
    pub(crate) package: String,
    /// The version after. Untrusted.
    pub(crate) to: String,
    /// The comparison of both versions, where both are known by their commits. Untrusted.
    pub(crate) compare: Option<String>,
    /// The releases of its repository. Untrusted.
    pub(crate) notes: Option<String>,
}

/// A proposal in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    /// One line of validated words.
    pub(crate) title: String,
    /// Markdown, without the hidden state, all boxes open.
    pub(crate) body: String,
    /// Validated words only.
    pub(crate) commit_message: String,
    /// Sorted by name.
    pub(crate) labels: Vec<Label>,
    /// The highest severity of what is fixed; `None` when it only pins.
    pub(crate) severity: Option<Severity>,
    /// The highest CVSS score of what is fixed, where one is known.
    pub(crate) score: Option<f64>,
    /// When it is due.
    pub(crate) deadline: Timestamp,
}

/// Why a proposal could not be worded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// A template failed.
    #[error("word the pull request")]
    Template(#[from] TemplateError),
    /// The parts that may not be cut are too long.
    #[error("fit the pull request's body into {BODY_LIMIT} characters: its test plan and checklists need {characters}")]
    TooLong {
        /// The length without everything that can be cut.
        characters: usize,
    },
}

/// Words a proposal. The same request gives the same bytes.
pub(crate) fn write(request: &WriteRequest<'_>) -> Result<Written, WriteError> {
    let facts = Facts::new(request);
    let title = title::title(request, &facts)?;
    Ok(Written {
        body: body(request, &facts)?,
        commit_message: title::commit_message(request, &facts, &title)?,
        title,
        labels: labels(request, &facts),
        severity: facts.severity,
        score: facts.score,
        deadline: facts.deadline,
    })
}

/// What all texts of a proposal agree on.
struct Facts<'a> {
    /// Everything that moves; what only moves along comes last.
    bumps: Vec<&'a Bump>,
    /// The flaws that go away, most urgent first.
    fixed: Vec<&'a Finding>,
    /// How many dependencies are pinned.
    pins: usize,
    severity: Option<Severity>,
    score: Option<f64>,
    /// Whether something is critical, and all that is, is needed for development only.
    only_development: bool,
    /// How long the policy gives.
    allowed: Duration,
    deadline: Timestamp,
}

impl<'a> Facts<'a> {
    fn new(request: &WriteRequest<'a>) -> Self {
        let mut bumps: Vec<&Bump> = request.remedies.iter().flat_map(|remedy| &remedy.bumps).collect();
        bumps.sort_by_key(|bump| (!is_wanted(bump), &bump.file, &bump.package, &bump.from, &bump.to));
        let mut fixed: Vec<&Finding> = request
            .findings
            .iter()
            .filter(|finding| finding.advisory.is_some() && is_remedied(finding, &bumps))
            .collect();
        fixed.sort_by(|left, right| left.report_order(right));
        // A pin that fixes nothing has no severity of its own.
        let severity = fixed.iter().map(|finding| finding.severity).max();
        // A fix of something that was not among the findings is still one, and nobody has rated it here.
        let severity =
            severity.or_else(|| bumps.iter().any(|bump| !bump.fixes.is_empty()).then_some(Severity::Unknown));
        let scores = fixed.iter().filter_map(|finding| Some(finding.advisory.as_ref()?.cvss.as_ref()?.score));
        let score = scores.max_by(f64::total_cmp);
        // Pins are due when findings of their kind are: both are medium.
        let critical = || fixed.iter().filter(|finding| finding.severity == Severity::Critical);
        let relaxed = |finding: &&Finding| plan::is_relaxed(finding, request.policy);
        let only_development = critical().next().is_some() && critical().all(relaxed);
        let due_as = match severity.unwrap_or(Severity::Medium) {
            Severity::Critical if only_development && request.route == Route::Routine => Severity::High,
            severity => severity,
        };
        let allowed = request.policy.deadline(request.route, due_as);
        let pins = bumps.iter().filter(|bump| bump.step == Step::Pin).count();
        let deadline = later(request.first_seen, allowed);
        Self { bumps, fixed, pins, severity, score, only_development, allowed, deadline }
    }

    /// The finding that tells more about an advisory.
    fn finding(&self, id: &AdvisoryId, all: &'a [Finding]) -> Option<&'a Finding> {
        let knows = |finding: &&Finding| finding.advisory.as_ref().is_some_and(|flaw| flaw.is_called(id));
        self.fixed.iter().copied().find(knows).or_else(|| all.iter().find(knows))
    }
}

/// Whether the package moves for its own sake.
fn is_wanted(bump: &Bump) -> bool {
    bump.step == Step::Pin || !bump.fixes.is_empty()
}

/// The findings that remedies make go away.
pub(crate) fn remedied(findings: &[Finding], remedies: &[Remedy]) -> Vec<Finding> {
    let bumps: Vec<&Bump> = remedies.iter().flat_map(|remedy| &remedy.bumps).collect();
    findings.iter().filter(|finding| is_remedied(finding, &bumps)).cloned().collect()
}

/// Whether a bump makes the finding go away.
fn is_remedied(finding: &Finding, bumps: &[&Bump]) -> bool {
    bumps.iter().any(|bump| {
        let same_place = bump.file == finding.file
            && bump.ecosystem == finding.ecosystem
            && bump.ecosystem.normalise(&bump.package) == finding.ecosystem.normalise(&finding.package);
        same_place
            && match &finding.advisory {
                Some(flaw) => bump.from == finding.version && bump.fixes.iter().any(|id| flaw.is_called(id)),
                None => finding.kind == FindingKind::BranchTracking && bump.step == Step::Pin,
            }
    })
}

fn later(start: Timestamp, time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    start.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// Renders the body and cuts it, advisory details first, until it fits. Test plan and checklists are never cut.
fn body(request: &WriteRequest<'_>, facts: &Facts<'_>) -> Result<String, WriteError> {
    let limit = BODY_LIMIT.saturating_sub(state_length(request.findings));
    let mut characters = 0;
    for cuts in &view::CUTS {
        let body = request.templates.render("pull_request", &view::view(request, facts, cuts))?;
        let body = tidy(&body);
        characters = body.chars().count() + words::length(&body);
        if characters <= limit {
            return Ok(body);
        }
    }
    Err(WriteError::TooLong { characters })
}

/// About how long the hidden state will be: base64 of some fixed fields, of every advisory's name and of every loose
/// dependency's digits, and a seal.
fn state_length(findings: &[Finding]) -> usize {
    let names = findings.iter().map(|finding| finding.advisory.as_ref().map_or(16, |flaw| flaw.id.as_str().len()) + 3);
    (600 + names.sum::<usize>()) * 4 / 3 + 110
}

/// At most one blank line in a row, outside of preformatted blocks, and one line end at the end.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let (mut blank, mut fence) = (true, None);
    for line in text.lines().map(str::trim_end) {
        let backticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if backticks >= 3 => fence = Some(backticks),
            Some(open) if backticks >= open && line.len() == backticks => fence = None,
            _ => {}
        }
        if line.is_empty() && blank && fence.is_none() {
            continue;
        }
        blank = line.is_empty();
        tidy.push_str(line);
        tidy.push('\n');
    }
    format!("{}\n", tidy.trim_end())
}

/// The labels, the same names in every project. Colours are those of GitHub's own palette.
fn labels(request: &WriteRequest<'_>, facts: &Facts<'_>) -> Vec<Label> {
    let label = |name: &str, color: &str, description: &str| Label {
        name: name.to_owned(),
        color: color.to_owned(),
        description: description.to_owned(),
    };
    let mut labels = vec![label("dependencies", "0366d6", "Changes what the project depends on")];
    if let Some(severity) = facts.severity {
        labels.push(label("security", "ee0701", "Fixes a known flaw"));
        let color = match severity {
            Severity::Critical => "b60205",
            Severity::High => "d93f0b",
            Severity::Unknown => "5319e7",
            Severity::Medium => "fbca04",
            Severity::Low => "c2e0c6",
        };
        labels.push(label(&format!("severity: {severity}"), color, "The highest severity of what is fixed"));
    }
    if facts.pins > 0 {
        labels.push(label("loose-dependency", "c5def5", "Pins a dependency that followed a branch"));
    }
    if request.raise.is_some() {
        labels.push(label(Label::BREAKING, "d876e3", "Raises a requirement: the code may need changes"));
    }
    if request.route == Route::Emergency {
        labels.push(label("patchparty: emergency", "b60205", "Outranks every other release"));
    }
    labels.sort();
    labels
}

#[cfg(test)]
mod tests;
