//! `patchparty.toml` as written. The texts of the fields are those of the schema and of `docs/configuration.md`.

mod plan;

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_spanned::Spanned;

pub(super) use self::plan::{RawArea, RawBuiltIn, RawCheck, RawKind, RawTestPlan};

/// A value with the place where it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Written<T>(Spanned<T>);

impl<T> Written<T> {
    /// The value.
    pub(super) fn value(&self) -> &T {
        self.0.get_ref()
    }

    /// Its bytes in the file.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

/// The place is not part of the format: the schema is that of the value.
impl<T: JsonSchema> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The policy of an organisation for patchparty.
///
/// What is not written keeps its built-in value, which `src/config/default.toml` shows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "patchparty.toml")]
pub(super) struct RawPolicy {
    /// What becomes of package managers where they cannot be confined; elsewhere than on Linux that is everywhere.
    pub(super) sandbox: Option<RawSandbox>,
    /// Which repositories are looked after, when the command line names none.
    pub(super) projects: RawProjects,
    /// The branches that are worked on.
    pub(super) branches: RawBranches,
    /// Settings of single projects.
    pub(super) project: Vec<RawProject>,
    /// What is known, and how old it may be.
    pub(super) advisories: RawAdvisories,
    /// Where the addresses that repositories name may lead us.
    pub(super) network: RawNetwork,
    /// When a fix is due, counted from the night it was first seen.
    pub(super) deadlines: RawDeadlines,
    /// What people check before they merge.
    pub(super) test_plan: RawTestPlan,
    /// The deploy checklist, in order. Writing it replaces the built-in one.
    pub(super) deploy: Option<Vec<RawCheck>>,
    /// Which route a finding takes, beyond its severity.
    pub(super) routes: RawRoutes,
    /// How titles and commits are worded.
    pub(super) wording: RawWording,
    /// What is audited.
    pub(super) audit: RawAudit,
    /// What package managers may be shown, and what is proposed.
    pub(super) updates: RawUpdates,
    /// How much of one repository is read and reported.
    pub(super) limits: RawLimits,
    /// Findings that are left alone for a while, each with its reason.
    pub(super) ignore: Vec<RawIgnore>,
}

/// How much of one repository is read and reported: beyond it, a problem in the report says what is missing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Limits")]
pub(super) struct RawLimits {
    /// Lockfiles, and other files that pin something.
    pub(super) lockfiles: Option<Written<u64>>,
    /// Their sizes together, in MiB; equal files count once.
    pub(super) mebibytes: Option<Written<u64>>,
    /// Dependencies of all lockfiles together; ten requirements between them count as one more.
    pub(super) dependencies: Option<Written<u64>>,
    /// Findings; the least severe ones are left out.
    pub(super) findings: Option<Written<u64>>,
    /// New pull requests of each route in one run, over all projects; later runs open the others.
    pub(super) proposals_per_run: Option<Written<u64>>,
    /// For reading the lockfiles and looking their dependencies up, for example `2 minutes`.
    pub(super) time: Option<Written<String>>,
}

/// What becomes of package managers where they cannot be confined.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Sandbox")]
pub(super) enum RawSandbox {
    /// They are not started, and what needs them is reported as blocked.
    Required,
    /// On Linux they are started inside of what can be had, and the report says what is missing.
    BestEffort,
    /// They are started like any other program, with everything that this user may do.
    Off,
}

/// A finding that is left alone until a day, for a reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Ignore")]
pub(super) struct RawIgnore {
    /// One of the flaw's names, such as `CVE-2024-12345`; its other names follow. Without it, only findings that come from
    /// no advisory are meant: a followed branch, a missing lockfile, the end of a runtime.
    pub(super) advisory: Option<Written<String>>,
    /// A pattern of package names, for example `lodash` or `symfony/*`; `*` also matches `/`.
    pub(super) package: Option<Written<String>>,
    /// A pattern of the files that pin it, for example `tools/**`.
    pub(super) path: Option<Written<String>>,
    /// A pattern of `owner/name`; only in the organisation's policy.
    pub(super) project: Option<Written<String>>,
    /// Why this is right, for those who ask later.
    pub(super) reason: Written<String>,
    /// The last day on which it holds, for example `2026-12-31`.
    pub(super) expires: Written<String>,
}

/// Which repositories are looked after.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Projects")]
pub(super) struct RawProjects {
    /// A whole organisation, by its name on GitHub.
    pub(super) organisation: Option<Written<String>>,
    /// Single repositories, each `owner/name`.
    pub(super) repositories: Vec<Written<String>>,
    /// Repositories that are left out: `owner/name` patterns such as `acme/*-archive`.
    pub(super) exclude: Vec<Written<String>>,
}

/// The branches that routes are based on. A branch that a project does not have is its default branch.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Branches")]
pub(super) struct RawBranches {
    /// What production runs: the base of emergencies. The default branch when not written.
    pub(super) production: Option<Written<String>>,
    /// Where the code line starts: the base of routine work. The default branch when not written.
    pub(super) development: Option<Written<String>>,
}

/// Settings of one project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Project")]
pub(super) struct RawProject {
    /// The project, `owner/name`.
    pub(super) name: Written<String>,
    /// Its production branch, where it differs from `[branches]`.
    pub(super) production: Option<Written<String>>,
    /// Its development branch, where it differs from `[branches]`.
    pub(super) development: Option<Written<String>>,
    /// Whether the project is left out.
    #[serde(default)]
    pub(super) skip: bool,
    /// What it is, where its manifests do not tell: test plan and deploy checklist follow from it.
    pub(super) kind: Option<RawKind>,
}

/// Advisory sources with their limits of age.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Advisories")]
pub(super) struct RawAdvisories {
    /// Older sources are a warning, for example `7 days`.
    pub(super) warn_age: Option<Written<String>>,
    /// Older sources are an error, for example `30 days`.
    pub(super) max_age: Option<Written<String>>,
    /// Ecosystems, named as OSV names them, that no source in use has to know: their packages are counted, and a run is complete
    /// without advisories about them.
    pub(super) accept_uncovered: Option<Vec<Written<String>>>,
    /// The sources, in order. Writing one replaces the built-in ones.
    pub(super) source: Option<Vec<RawSource>>,
}

/// One advisory source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Source")]
pub(super) struct RawSource {
    /// Its format.
    pub(super) kind: RawSourceKind,
    /// A folder or a file (relative to this file), or an `https` address of a git repository or of a zip, JSON or
    /// CSV file.
    pub(super) location: Written<String>,
}

/// The format of an advisory source.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "SourceKind")]
pub(super) enum RawSourceKind {
    /// The layout of the `RustSec` database.
    #[serde(rename = "rustsec")]
    RustSec,
    /// OSV records: a folder of JSON files, or a zip of them.
    #[serde(rename = "osv")]
    Osv,
    /// The layout of the `FriendsOfPHP` database.
    #[serde(rename = "friends-of-php")]
    FriendsOfPhp,
    /// The layout of the `RubySec` database.
    #[serde(rename = "ruby-sec")]
    RubySec,
    /// CISA's catalogue of known exploited vulnerabilities: one JSON file.
    #[serde(rename = "kev")]
    Kev,
    /// The likelihoods of EPSS: a CSV file, also compressed (`.csv.gz`).
    #[serde(rename = "epss")]
    Epss,
}

/// Where the addresses that repositories name may lead us: `https` addresses of the public internet, and what is named here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Network")]
pub(super) struct RawNetwork {
    /// Hosts that may be asked although they are private or use a port of their own: `git.example`, or with the port that
    /// is meant, `127.0.0.1:8443`. Package managers may reach them besides their registries. The forge and the advisory
    /// sources need no mention.
    pub(super) allow_hosts: Vec<Written<String>>,
    /// How many hosts one project may lead us to, for example `20`.
    pub(super) hosts_per_project: Option<Written<NonZeroU16>>,
}

/// When a fix is due, counted from the night it was first seen. What is rated worse is due no later.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Deadlines")]
pub(super) struct RawDeadlines {
    /// Of emergencies (critical flaws): at most `24 h`.
    pub(super) emergency: Option<Written<String>>,
    /// Of flaws rated high.
    pub(super) high: Option<Written<String>>,
    /// Of flaws that nobody has rated.
    pub(super) unknown: Option<Written<String>>,
    /// Of flaws rated medium, and of loose dependencies.
    pub(super) medium: Option<Written<String>>,
    /// Of flaws rated low.
    pub(super) low: Option<Written<String>>,
}

/// Which route a finding takes, beyond its severity.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Routes")]
pub(super) struct RawRoutes {
    /// The route of critical flaws in packages that are needed for development only. An attack is an emergency on either.
    pub(super) development: Option<RawRoute>,
}

/// The way a fix takes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Route")]
pub(super) enum RawRoute {
    /// From what production runs, due in 24 hours.
    Emergency,
    /// Along the code line, due like what is rated high.
    Routine,
}

/// How titles and commits are worded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Wording")]
pub(super) struct RawWording {
    /// Before the title of a fix, for example `fix(deps): `.
    pub(super) fix_prefix: Option<Written<String>>,
    /// Before the title of a pin, for example `chore(deps): `.
    pub(super) pin_prefix: Option<Written<String>>,
    /// After the title of a fix, for example ` [SECURITY]`.
    pub(super) suffix: Option<Written<String>>,
    /// Adds a `Signed-off-by` line with this identity, `Name <address>`, to commits.
    pub(super) sign_off: Option<Written<String>>,
}

/// What is audited.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Audit")]
pub(super) struct RawAudit {
    /// Path patterns of files that are not audited, for example `tests/fixtures/**`.
    pub(super) exclude: Vec<Written<String>>,
    /// Whether the index of crates.io is asked which locked versions were withdrawn.
    pub(super) yanked: bool,
}

/// What package managers may be shown, and what is proposed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Updates")]
pub(super) struct RawUpdates {
    /// Where requirements of projects may lead besides the registry that is set up. A lockfile whose project has others is
    /// not updated.
    pub(super) allow_sources: Option<Vec<RawAllowedSource>>,
    /// Whether `overrides` that a project does not have yet may be written into its `package.json`, where nothing else fixes a
    /// flaw. They make a dependency use a release that it does not ask for.
    pub(super) npm_overrides: Option<bool>,
    /// Path patterns of lockfiles that are reported and never changed, such as `tests/fixtures/**`. Writing it replaces the
    /// built-in patterns of test fixtures.
    pub(super) report_only: Option<Vec<Written<String>>>,
    /// How many pull requests with a breaking raise may be open in a project at one time; `0` offers none.
    pub(super) breaking_limit: Option<Written<u16>>,
}

/// Where a requirement may lead besides the registry that is set up.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AllowedSource")]
pub(super) enum RawAllowedSource {
    /// Repositories of version control systems.
    Git,
    /// Archives at an address.
    Url,
    /// Archives and other files of the project itself.
    File,
    /// Registries that a project names.
    Registry,
}
