//! Reports: what was read, what was found, what was done about it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::dependency_path::DependencyPath;
use super::finding::Finding;
use super::lockfile::Lockfile;
use super::proposal::Route;
use super::remedy::{Blocked, Bump};
use super::repository::{CommitId, RepoPath};
use super::severity::Severity;
use super::unread::Unread;

/// The outcome of one invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The advisory sources that were used.
    pub sources: Vec<SourceStatus>,
    /// The projects, sorted by name.
    pub projects: Vec<ProjectReport>,
    /// What the policy's owners should look at, for example an ignore that is used by nothing.
    pub remarks: Vec<Remark>,
}

/// Something that is no finding and stops nothing, but wants a look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remark {
    /// The line that it is about, for example `patchparty.toml:12`.
    pub place: String,
    /// One sentence without a period. May hold untrusted text.
    pub message: String,
}

/// A finding that is left alone on purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignored {
    /// The finding.
    pub finding: Finding,
    /// Why. Untrusted where a project's own file says so.
    pub reason: String,
    /// The last day on which it is left alone; `None` for what stands in a path that the project's own file excludes.
    pub expires: Option<Date>,
    /// The line that says so, for example `patchparty.toml:12`.
    pub place: String,
}

/// An advisory source with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The source's id, for example `rustsec`.
    pub id: String,
    /// Where it was read from, without credentials.
    pub location: String,
    /// How many advisories it gave.
    pub advisories: usize,
    /// How many of its records could not be understood and were left out.
    pub skipped: usize,
    /// Its age in seconds, where it can be told.
    pub age_seconds: Option<i64>,
    /// The SHA-256 of the files that were read of it, in hexadecimal digits.
    pub digest: Option<String>,
    /// A complaint, for example that it is older than the policy allows.
    pub warning: Option<String>,
}

/// What became of one project.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectReport {
    /// `owner/name`, or the path or address that was given.
    pub name: String,
    /// The branch that was audited, where there is one.
    pub branch: Option<String>,
    /// The commit that was audited; `None` for a working folder.
    pub commit: Option<CommitId>,
    /// The lockfiles that were read, sorted by path.
    pub lockfiles: Vec<Lockfile>,
    /// What was found, in report order.
    pub findings: Vec<Finding>,
    /// What was found and is left alone on purpose, in report order.
    pub ignored: Vec<Ignored>,
    /// The ecosystems of what was read, and whether the advisories in use know them.
    pub coverage: Vec<Coverage>,
    /// What was not read on purpose, by reason.
    pub unread: Vec<Unread>,
    /// What the project's people should look at in its own file.
    pub remarks: Vec<Remark>,
    /// What could not be read or done, and is therefore missing above.
    pub problems: Vec<Problem>,
    /// The pull requests.
    pub proposals: Vec<ProposalReport>,
    /// What could not be remedied.
    pub blocked: Vec<Blocked>,
    /// Why the project was left alone on purpose, for example "archived".
    pub skipped: Option<String>,
}

/// Something that could not be read or done. Its texts may hold untrusted parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// The file, where it is about one.
    pub file: Option<RepoPath>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// What went wrong, as a fragment that fits after "failed to".
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// What became of one pull request.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposalReport {
    /// Its route.
    pub route: Route,
    /// Its highest severity; `None` when it only pins.
    pub severity: Option<Severity>,
    /// The branch it is to be merged into.
    pub base: String,
    /// The branch with the change.
    pub branch: String,
    /// Whether it raises a requirement beyond what its makers call compatible.
    pub breaking: bool,
    /// Its title.
    pub title: String,
    /// What it moves.
    pub bumps: Vec<Bump>,
    /// What was done.
    pub action: ProposalAction,
    /// Where to look at it: an address, or a file of a dry run.
    pub url: Option<String>,
}

/// What was done with a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalAction {
    /// It is new.
    Opened,
    /// It was brought up to date.
    Updated,
    /// Nothing had to be written.
    Unchanged,
    /// A dry run wrote it to a folder.
    Previewed,
    /// People have added commits: it was left to them.
    LeftToPeople,
    /// A person closed it: it is not opened again for the same findings.
    ClosedByPerson,
    /// What it fixes has been fixed otherwise: the bot closed it.
    ClosedAsFixed,
    /// What it fixes is left alone on purpose: the bot closed it.
    ClosedAsIgnored,
}

impl ProjectReport {
    /// A report on a project of which nothing is known yet.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            branch: None,
            commit: None,
            lockfiles: Vec::new(),
            findings: Vec::new(),
            ignored: Vec::new(),
            coverage: Vec::new(),
            unread: Vec::new(),
            remarks: Vec::new(),
            problems: Vec::new(),
            proposals: Vec::new(),
            blocked: Vec::new(),
            skipped: None,
        }
    }

    /// Lets go of what was read, except for what the findings and the moves tell: a night keeps the reports of all its
    /// projects until the end.
    pub fn forget_dependencies(&mut self) {
        let findings = self.findings.iter_mut().chain(self.ignored.iter_mut().map(|ignored| &mut ignored.finding));
        let bumps = self.proposals.iter_mut().flat_map(|proposal| &mut proposal.bumps);
        let paths = findings.map(|finding| &mut finding.path).chain(bumps.map(|bump| &mut bump.path));
        DependencyPath::keep_told(paths);
        self.lockfiles.iter_mut().for_each(Lockfile::forget_dependencies);
    }

    /// A report on a project that could not be handled at all.
    pub fn failed(name: &str, problem: Problem) -> Self {
        Self { problems: vec![problem], ..Self::named(name) }
    }
}

impl Problem {
    /// A problem that is not about a file: what failed, with its chain of causes.
    pub fn new(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { file: None, line: None, message: message.into(), hint: hint.map(str::to_owned) }
    }

    /// A problem that is an error: its message and those of its causes, joined by colons, each once.
    pub fn from_error(error: &dyn std::error::Error, hint: Option<&str>) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat their cause in their own words.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Self::new(message, hint)
    }
}

impl Report {
    /// Whether anything could not be read, known or done: a problem, an ecosystem that no source in use knows, or a fix that
    /// failed for want of a tool, a wall, a registry or time, which another night may have.
    ///
    /// A branch that cannot be asked for is no outage: most often its repository is gone for good.
    pub fn is_incomplete(&self) -> bool {
        let is_outage = |blocked: &Blocked| blocked.cause.is_outage() && !blocked.advisories.is_empty();
        self.projects.iter().any(|project| {
            !project.problems.is_empty()
                || project.coverage.iter().any(Coverage::is_gap)
                || project.blocked.iter().any(is_outage)
        })
    }

    /// How many lockfiles were read.
    pub fn lockfiles_read(&self) -> usize {
        self.projects.iter().map(|project| project.lockfiles.len()).sum()
    }
}
