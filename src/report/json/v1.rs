//! Version 1 of the JSON report. Its structs are its own, so that a change inside the program changes no report.
//!
//! Additions are allowed in version 1; a removal or a change of meaning needs a version 2.

mod convert;
mod words;

use schemars::JsonSchema;
use serde::Serialize;

use words::{Action, BlockCause, CoverageStatus, Ecosystem, FindingKind, NotReadReason, Route, Scope, Severity, Step};

/// The report of one invocation of patchparty.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "patchparty report, version 1")]
pub(super) struct Document<'a> {
    /// Always `patchparty/report/v1`.
    schema: &'static str,
    /// The program that wrote it.
    tool: Tool,
    /// Whether something could not be read, known or done; the projects' `problems` name it, their `coverage` where its
    /// `status` is `no-source`, and their `blocked` where its `cause` is an outage.
    incomplete: bool,
    /// The advisory sources that were used.
    sources: Vec<Source<'a>>,
    /// The projects, sorted by name.
    projects: Vec<Project<'a>>,
    /// What the policy's owners should look at.
    remarks: Vec<Remark<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Tool {
    /// Always `patchparty`.
    name: &'static str,
    /// Its version.
    version: &'static str,
}

/// An advisory source.
#[derive(Serialize, JsonSchema)]
struct Source<'a> {
    /// Its id, for example `rustsec`.
    id: &'a str,
    /// Where it was read from, without credentials.
    location: &'a str,
    /// How many advisories it gave.
    advisories: usize,
    /// How many of its records could not be understood.
    skipped: usize,
    /// Its age in seconds, where it can be told.
    age_seconds: Option<i64>,
    /// The SHA-256 of the files that were read of it, with their paths.
    digest: Option<&'a str>,
    /// A complaint, for example that it is too old.
    warning: Option<&'a str>,
}

/// A project.
#[derive(Serialize, JsonSchema)]
struct Project<'a> {
    /// `owner/name`, or the path or address that was given.
    name: &'a str,
    /// The branch that was audited.
    branch: Option<&'a str>,
    /// The commit that was audited.
    commit: Option<&'a str>,
    /// Why the project was left alone on purpose.
    skipped: Option<&'a str>,
    /// The lockfiles that were read, sorted by path.
    files: Vec<File<'a>>,
    /// What was found, most urgent first.
    findings: Vec<Finding<'a>>,
    /// What was found and is left alone on purpose.
    ignored: Vec<Ignored<'a>>,
    /// What was found in paths that the project's own file excludes, and is left alone: nothing that is critical, an attack
    /// or exploited.
    excluded: Vec<Excluded<'a>>,
    /// The ecosystems of what was read, and whether the advisories in use know them.
    coverage: Vec<Coverage>,
    /// What was not read on purpose, by reason.
    not_read: Vec<NotRead<'a>>,
    /// What the project's people should look at in its own file.
    remarks: Vec<Remark<'a>>,
    /// What could not be remedied.
    blocked: Vec<Blocked<'a>>,
    /// The pull requests.
    proposals: Vec<Proposal<'a>>,
    /// What could not be read or done.
    problems: Vec<Problem<'a>>,
}

/// A lockfile.
#[derive(Serialize, JsonSchema)]
struct File<'a> {
    /// Its path in the project.
    path: &'a str,
    /// What read it.
    extractor: &'a str,
    /// How many dependencies it pins.
    dependency_count: usize,
    /// Its dependencies, where they were asked for.
    dependencies: Option<Vec<Dependency<'a>>>,
}

/// A locked dependency.
#[derive(Serialize, JsonSchema)]
struct Dependency<'a> {
    ecosystem: Ecosystem,
    name: &'a str,
    version: &'a str,
    origin: Origin<'a>,
    scope: Scope,
    /// Whether the project itself asks for it.
    direct: bool,
    /// The line that pins it.
    line: u32,
}

/// A package at a version.
#[derive(Serialize, JsonSchema)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
}

/// Something that was found.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    kind: FindingKind,
    severity: Severity,
    /// The preferred name of the advisory; `null` for a finding without one.
    advisory: Option<&'a str>,
    /// Its other names, sorted.
    aliases: Vec<&'a str>,
    /// Which source says it under which name.
    records: Vec<Record<'a>>,
    /// One line about it.
    summary: Option<&'a str>,
    /// The page to read on.
    url: Option<String>,
    /// The highest CVSS base score.
    score: Option<f64>,
    /// The CVSS vector of that score.
    vector: Option<&'a str>,
    /// Whether it is exploited in the wild.
    exploited: bool,
    /// How likely it is exploited within 30 days (EPSS), 0.0 to 1.0.
    likelihood: Option<f64>,
    ecosystem: Ecosystem,
    package: &'a str,
    version: &'a str,
    /// The lowest fixed version above the locked one that is known.
    fixed: Option<&'a str>,
    file: &'a str,
    line: u32,
    scope: Scope,
    /// Whether the project itself asks for the package.
    direct: bool,
    /// The shortest path from a direct dependency to the package, both included: the first and the last of its steps, at
    /// most 12.
    path: Vec<Package<'a>>,
    /// How many steps between the first and the second of `path` are left out.
    path_left_out: usize,
    origin: Origin<'a>,
    /// What there is to say beyond the kind, for example the release nearest to a commit.
    detail: Option<String>,
}

/// A finding that is left alone on purpose.
#[derive(Serialize, JsonSchema)]
struct Ignored<'a> {
    finding: Finding<'a>,
    /// Why.
    reason: &'a str,
    /// The last day on which it is left alone, `YYYY-MM-DD`.
    expires: String,
    /// The line that says so, for example `patchparty.toml:12`.
    place: &'a str,
}

/// A finding in a path that the project's own file excludes.
#[derive(Serialize, JsonSchema)]
struct Excluded<'a> {
    finding: Finding<'a>,
    /// The line that says so, for example `.github/patchparty.toml:12`.
    place: &'a str,
}

/// What the advisories in use know about one ecosystem.
#[derive(Serialize, JsonSchema)]
struct Coverage {
    ecosystem: Ecosystem,
    /// How many packages the project's files pin, each name and version once.
    packages: usize,
    /// How many files pin them.
    files: usize,
    status: CoverageStatus,
    /// What is missing, in one sentence; `null` where nothing is.
    message: Option<String>,
}

/// All that was not read for one reason.
#[derive(Serialize, JsonSchema)]
struct NotRead<'a> {
    reason: NotReadReason,
    /// What has installed the packages, for example `npm`; `null` for other reasons.
    installer: Option<&'a str>,
    /// How many paths there are.
    count: usize,
    /// The first thousand of them, sorted; folders end with `/`.
    paths: Vec<&'a str>,
}

/// Something that is no finding and stops nothing, but wants a look.
#[derive(Serialize, JsonSchema)]
struct Remark<'a> {
    /// The line that it is about.
    place: &'a str,
    message: &'a str,
}

/// A record of an advisory source.
#[derive(Serialize, JsonSchema)]
struct Record<'a> {
    source: &'a str,
    id: &'a str,
}

/// A finding that nothing can remedy automatically.
#[derive(Serialize, JsonSchema)]
struct Blocked<'a> {
    ecosystem: Ecosystem,
    package: &'a str,
    from: &'a str,
    /// The version it should move to, when one exists.
    target: Option<&'a str>,
    file: &'a str,
    advisories: Vec<&'a str>,
    cause: BlockCause,
    /// Who requires what, from the package up to the direct dependency: at most 12 links, and a few more where the parents
    /// of the package would have to move as well.
    chain: Vec<Parent<'a>>,
    /// How many links before the last one of `chain` are left out.
    chain_left_out: usize,
    /// What stands in the way.
    explanation: &'a str,
    /// The smallest step that a person can take.
    next_step: &'a str,
}

/// A link of a blocking chain.
#[derive(Serialize, JsonSchema)]
struct Parent<'a> {
    name: &'a str,
    version: &'a str,
    /// What it asks for.
    requirement: &'a str,
}

/// A pull request.
#[derive(Serialize, JsonSchema)]
struct Proposal<'a> {
    route: Route,
    /// The highest severity that it fixes; `null` when it only pins.
    severity: Option<Severity>,
    base: &'a str,
    branch: &'a str,
    /// Whether it raises a requirement beyond what its makers call compatible.
    breaking: bool,
    title: &'a str,
    action: Action,
    /// Where to look at it.
    url: Option<&'a str>,
    /// What it moves.
    bumps: Vec<Bump<'a>>,
}

/// A package that a pull request moves.
#[derive(Serialize, JsonSchema)]
struct Bump<'a> {
    ecosystem: Ecosystem,
    package: &'a str,
    file: &'a str,
    from: &'a str,
    /// `null` when the package is gone.
    to: Option<&'a str>,
    step: Step,
    direct: bool,
    /// The advisories that it fixes; empty when it only moves along.
    fixes: Vec<&'a str>,
    /// Why this version and no other.
    reason: &'a str,
}

/// Something that could not be read or done.
#[derive(Serialize, JsonSchema)]
struct Problem<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    /// What failed, as a fragment that fits after "failed to".
    message: &'a str,
    /// The way out.
    hint: Option<&'a str>,
}

/// Where a package comes from.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Origin<'a> {
    /// A package registry.
    Registry {
        /// Its address, where the file names another than the ecosystem's own.
        url: Option<&'a str>,
    },
    /// A git repository.
    Git {
        url: &'a str,
        /// What the dependency follows.
        pin: Pin,
        /// The tag or branch, where it is known.
        reference: Option<&'a str>,
        /// The commit at which the file locks it.
        commit: Option<&'a str>,
    },
    /// A folder of the same project.
    Path,
    /// An archive at an address.
    Archive { url: &'a str },
    /// A registry of container images.
    Image {
        tag: Option<&'a str>,
        /// What pins it, `sha256:…`.
        digest: Option<&'a str>,
    },
    /// The packages of an operating system.
    System {
        /// Its release, for example `12` of `Debian:12`.
        release: Option<&'a str>,
        /// The source package that it was built from, where it differs.
        source: Option<Package<'a>>,
    },
}

/// What a dependency from git follows.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Pin {
    /// One commit, for good.
    Commit,
    /// A tag.
    Tag,
    /// A branch.
    Branch,
    /// The repository's default branch.
    DefaultBranch,
}
