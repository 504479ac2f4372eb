//! From the program's own types to version 1 of the JSON report.

use super::{
    Blocked, Bump, Coverage, Dependency, Document, Excluded, File, Finding, Ignored, NotRead, Origin, Package, Parent,
    Pin, Problem, Project, Proposal, Record, Remark, Severity, Source, Tool,
};
use crate::model;
use crate::model::advisory::AdvisoryId;

impl<'a> Document<'a> {
    /// Takes over a report, with every dependency where they are asked for.
    pub(in super::super) fn new(report: &'a model::report::Report, dependencies: bool) -> Self {
        Self {
            schema: "patchparty/report/v1",
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            incomplete: report.is_incomplete(),
            sources: report.sources.iter().map(Source::from).collect(),
            projects: report.projects.iter().map(|project| Project::new(project, dependencies)).collect(),
            remarks: report.remarks.iter().map(Remark::from).collect(),
        }
    }
}

impl<'a> From<&'a model::report::SourceStatus> for Source<'a> {
    fn from(source: &'a model::report::SourceStatus) -> Self {
        Self {
            id: &source.id,
            location: &source.location,
            advisories: source.advisories,
            skipped: source.skipped,
            age_seconds: source.age_seconds,
            digest: source.digest.as_deref(),
            warning: source.warning.as_deref(),
        }
    }
}

impl<'a> Project<'a> {
    fn new(project: &'a model::report::ProjectReport, dependencies: bool) -> Self {
        let file = |lockfile: &'a model::lockfile::Lockfile| File {
            path: lockfile.path.as_str(),
            extractor: lockfile.extractor,
            dependency_count: lockfile.dependency_count(),
            dependencies: dependencies.then(|| lockfile.dependencies.iter().map(Dependency::from).collect()),
        };
        Self {
            name: &project.name,
            branch: project.branch.as_deref(),
            commit: project.commit.as_ref().map(model::repository::CommitId::as_str),
            skipped: project.skipped.as_deref(),
            files: project.lockfiles.iter().map(file).collect(),
            findings: project.findings.iter().map(Finding::from).collect(),
            ignored: project.ignored.iter().filter_map(ignored).collect(),
            excluded: project.ignored.iter().filter_map(excluded).collect(),
            coverage: project.coverage.iter().map(Coverage::from).collect(),
            not_read: project.unread.iter().map(NotRead::from).collect(),
            remarks: project.remarks.iter().map(Remark::from).collect(),
            blocked: project.blocked.iter().map(Blocked::from).collect(),
            proposals: project.proposals.iter().map(Proposal::from).collect(),
            problems: project.problems.iter().map(Problem::from).collect(),
        }
    }
}

impl<'a> From<&'a model::dependency::Dependency> for Dependency<'a> {
    fn from(dependency: &'a model::dependency::Dependency) -> Self {
        Self {
            ecosystem: dependency.ecosystem.into(),
            name: &dependency.name,
            version: &dependency.version,
            origin: (&dependency.origin).into(),
            scope: dependency.scope.into(),
            direct: dependency.direct,
            line: dependency.line,
        }
    }
}

impl<'a> From<&'a model::dependency::PackageVersion> for Package<'a> {
    fn from(package: &'a model::dependency::PackageVersion) -> Self {
        Self { name: &package.name, version: &package.version }
    }
}

impl<'a> From<&'a model::dependency::Origin> for Origin<'a> {
    fn from(origin: &'a model::dependency::Origin) -> Self {
        match origin {
            model::dependency::Origin::Registry { url } => Self::Registry { url: url.as_deref() },
            model::dependency::Origin::Git { url, pin, commit } => {
                let (pin, reference) = match pin {
                    model::dependency::GitPin::Commit => (Pin::Commit, None),
                    model::dependency::GitPin::Tag(tag) => (Pin::Tag, Some(tag.as_str())),
                    model::dependency::GitPin::Branch(branch) => (Pin::Branch, Some(branch.as_str())),
                    model::dependency::GitPin::DefaultBranch => (Pin::DefaultBranch, None),
                };
                let commit = commit.as_ref().map(model::repository::CommitId::as_str);
                Self::Git { url, pin, reference, commit }
            }
            model::dependency::Origin::Path => Self::Path,
            model::dependency::Origin::Archive { url } => Self::Archive { url },
            model::dependency::Origin::Image { tag, digest } => {
                Self::Image { tag: tag.as_deref(), digest: digest.as_deref() }
            }
            model::dependency::Origin::System { release, source } => {
                Self::System { release: release.as_deref(), source: source.as_ref().map(Package::from) }
            }
        }
    }
}

impl<'a> From<&'a model::finding::Finding> for Finding<'a> {
    fn from(finding: &'a model::finding::Finding) -> Self {
        let flaw = finding.advisory.as_deref();
        let cvss = flaw.and_then(|flaw| flaw.cvss.as_ref());
        let path = finding.path.told();
        let record =
            |record: &'a model::finding::AdvisoryRecord| Record { source: &record.source, id: record.id.as_str() };
        Self {
            kind: finding.kind.into(),
            severity: finding.severity.into(),
            advisory: flaw.map(|flaw| flaw.id.as_str()),
            aliases: flaw.map(|flaw| ids(&flaw.aliases)).unwrap_or_default(),
            records: flaw.map(|flaw| flaw.records.iter().map(record).collect()).unwrap_or_default(),
            summary: flaw.map(|flaw| flaw.summary.as_str()),
            url: flaw.and_then(model::finding::KnownFlaw::page),
            score: cvss.map(|cvss| cvss.score),
            vector: cvss.map(|cvss| cvss.vector.as_str()),
            exploited: flaw.is_some_and(|flaw| flaw.exploited),
            likelihood: flaw.and_then(|flaw| flaw.likelihood),
            ecosystem: finding.ecosystem.into(),
            package: &finding.package,
            version: &finding.version,
            fixed: flaw.and_then(|flaw| flaw.fixed.as_deref()),
            file: finding.file.as_str(),
            line: finding.line,
            scope: finding.scope.into(),
            direct: finding.direct,
            path: path.steps.iter().map(|step| Package { name: &step.name, version: &step.version }).collect(),
            path_left_out: path.left_out,
            origin: (&finding.origin).into(),
            detail: finding.detail.as_ref().map(ToString::to_string),
        }
    }
}

fn ignored(ignored: &model::report::Ignored) -> Option<Ignored<'_>> {
    Some(Ignored {
        finding: (&ignored.finding).into(),
        reason: &ignored.reason,
        expires: ignored.expires?.to_string(),
        place: &ignored.place,
    })
}

/// What is left alone for good is so because of where it stands.
fn excluded(ignored: &model::report::Ignored) -> Option<Excluded<'_>> {
    let is_excluded = ignored.expires.is_none();
    is_excluded.then(|| Excluded { finding: (&ignored.finding).into(), place: &ignored.place })
}

impl From<&model::coverage::Coverage> for Coverage {
    fn from(coverage: &model::coverage::Coverage) -> Self {
        Self {
            ecosystem: coverage.ecosystem.into(),
            packages: coverage.packages,
            files: coverage.files,
            status: coverage.knowledge.into(),
            message: coverage.told(),
        }
    }
}

impl<'a> From<&'a model::unread::Unread> for NotRead<'a> {
    fn from(unread: &'a model::unread::Unread) -> Self {
        Self {
            reason: unread.reason.into(),
            installer: match unread.reason {
                model::unread::UnreadReason::Installed(installer) => Some(installer.as_str()),
                _ => None,
            },
            count: unread.count,
            paths: unread.paths.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> From<&'a model::report::Remark> for Remark<'a> {
    fn from(remark: &'a model::report::Remark) -> Self {
        Self { place: &remark.place, message: &remark.message }
    }
}

impl<'a> From<&'a model::remedy::Blocked> for Blocked<'a> {
    fn from(blocked: &'a model::remedy::Blocked) -> Self {
        let parent = |link: &'a model::remedy::BlockingParent| Parent {
            name: &link.parent.name,
            version: &link.parent.version,
            requirement: &link.requirement,
        };
        Self {
            ecosystem: blocked.ecosystem.into(),
            package: &blocked.package,
            from: &blocked.from,
            target: blocked.target.as_deref(),
            file: blocked.file.as_str(),
            advisories: ids(&blocked.advisories),
            cause: blocked.cause.into(),
            chain: blocked.chain.iter().map(parent).collect(),
            chain_left_out: blocked.chain_left_out,
            explanation: &blocked.explanation,
            next_step: &blocked.next_step,
        }
    }
}

impl<'a> From<&'a model::report::ProposalReport> for Proposal<'a> {
    fn from(proposal: &'a model::report::ProposalReport) -> Self {
        Self {
            route: proposal.route.into(),
            severity: proposal.severity.map(Severity::from),
            base: &proposal.base,
            branch: &proposal.branch,
            breaking: proposal.breaking,
            title: &proposal.title,
            action: proposal.action.into(),
            url: proposal.url.as_deref(),
            bumps: proposal.bumps.iter().map(Bump::from).collect(),
        }
    }
}

impl<'a> From<&'a model::remedy::Bump> for Bump<'a> {
    fn from(bump: &'a model::remedy::Bump) -> Self {
        Self {
            ecosystem: bump.ecosystem.into(),
            package: &bump.package,
            file: bump.file.as_str(),
            from: &bump.from,
            to: bump.to.as_deref(),
            step: bump.step.into(),
            direct: bump.direct,
            fixes: ids(&bump.fixes),
            reason: &bump.reason,
        }
    }
}

impl<'a> From<&'a model::report::Problem> for Problem<'a> {
    fn from(problem: &'a model::report::Problem) -> Self {
        Self {
            file: problem.file.as_ref().map(model::repository::RepoPath::as_str),
            line: problem.line,
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

fn ids(ids: &[AdvisoryId]) -> Vec<&str> {
    ids.iter().map(AdvisoryId::as_str).collect()
}
