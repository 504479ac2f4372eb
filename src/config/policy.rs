//! The organisation's policy as used: valid, complete, and a ceiling for what a project may say.

use std::collections::BTreeSet;
use std::time::Duration;

use globset::{GlobMatcher, GlobSet};
use jiff::civil::Date;

use crate::model::advisory::AdvisoryId;
use crate::model::confinement::Confinement;
use crate::model::ecosystem::Ecosystem;
use crate::model::project_kind::{Kinds, ProjectKind};
use crate::model::proposal::Route;
use crate::model::repository::RepoSlug;
use crate::model::severity::Severity;
use crate::model::specification::SpecificationKind;
use crate::net::address::Authority;

/// Everything that the organisation decides.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// What becomes of package managers where they cannot be confined.
    pub(crate) sandbox: Confinement,
    /// Which repositories are looked after.
    pub(crate) projects: ProjectSelection,
    /// Which branches are worked on, where a project's own entry does not say otherwise.
    pub(crate) branches: Branches,
    /// What is known, and how old it may be.
    pub(crate) advisories: AdvisoryPolicy,
    /// Where the addresses that repositories name may lead us.
    pub(crate) network: NetworkPolicy,
    /// When a fix is due, counted from the night it was first seen.
    pub(crate) deadlines: Deadlines,
    /// What people check before they merge.
    pub(crate) test_plan: TestPlan,
    /// The deploy checklist, in order.
    pub(crate) deploy: Vec<PlanCheck>,
    /// How titles and commits are worded.
    pub(crate) wording: Wording,
    /// Whether registries are asked which locked versions were withdrawn.
    pub(crate) yanked: bool,
    /// Paths that the organisation does not have audited, for example test fixtures.
    pub(crate) exclude: GlobSet,
    /// Paths that a project's own file excludes: they are read, and what is critical there is found.
    pub(crate) own_exclusions: OwnExclusions,
    /// Settings of single projects.
    pub(crate) overrides: Vec<ProjectOverride>,
    /// What package managers may be shown, and what is proposed.
    pub(crate) updates: Updates,
    /// Which route a finding takes, beyond its severity.
    pub(crate) routes: Routes,
    /// How much of one repository is read and reported.
    pub(crate) limits: Limits,
    /// Findings that are left alone for a while, the organisation's first.
    pub(crate) ignores: Vec<Ignore>,
}

/// How much of one repository is read and reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Lockfiles.
    pub(crate) lockfiles: u64,
    /// Their sizes together, in MiB; equal files count once.
    pub(crate) mebibytes: u64,
    /// Their dependencies together; ten requirements between them count as one more.
    pub(crate) dependencies: u64,
    /// Findings.
    pub(crate) findings: u64,
    /// New pull requests of each route in one run, over all projects.
    pub(crate) proposals_per_run: u64,
    /// For reading and looking up.
    pub(crate) time: Duration,
}

impl Limits {
    /// The sizes of all lockfiles together, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.mebibytes.saturating_mul(1024 * 1024)
    }
}

/// What package managers may be shown, and what is proposed.
#[derive(Debug, Clone)]
pub(crate) struct Updates {
    /// Where requirements may lead besides the registry that is set up.
    pub(crate) allow_sources: BTreeSet<SpecificationKind>,
    /// Whether new overrides may be written into the manifests of npm projects.
    pub(crate) npm_overrides: bool,
    /// Files whose findings are reported and never changed: lockfiles below test fixtures.
    pub(crate) report_only: GlobSet,
    /// How many breaking raises may be open in a project at one time; an emergency is opened in any case.
    pub(crate) breaking_limit: u16,
}

/// Which route a finding takes, beyond its severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routes {
    /// The route of critical flaws in what is needed for development only.
    pub(crate) development: Route,
}

/// A finding that is left alone until a day, for a reason.
#[derive(Debug, Clone)]
pub(crate) struct Ignore {
    /// One of the flaw's names; `None` for findings that come from no advisory.
    pub(crate) advisory: Option<AdvisoryId>,
    /// Which packages; all when `None`.
    pub(crate) package: Option<GlobMatcher>,
    /// Which files; all when `None`.
    pub(crate) path: Option<GlobMatcher>,
    /// Which projects; all when `None`.
    pub(crate) project: Option<GlobMatcher>,
    /// Why.
    pub(crate) reason: String,
    /// The last day on which it holds.
    pub(crate) expires: Date,
    /// Who decided it.
    pub(crate) author: Author,
    /// Where it is written, for example `patchparty.toml:12`.
    pub(crate) place: String,
}

/// Paths that a project's own file excludes.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnExclusions {
    /// The patterns, matched together: what many cost has one limit.
    pub(crate) patterns: GlobSet,
    /// Where each is written, for example `.github/patchparty.toml:12`.
    pub(crate) places: Vec<String>,
}

impl OwnExclusions {
    /// Where it is written that a path is excluded; `None` for one that is not.
    pub(crate) fn place_of(&self, path: &str) -> Option<&str> {
        let first = self.patterns.matches(path).into_iter().next()?;
        self.places.get(first).map(String::as_str)
    }
}

/// Whose configuration file says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The organisation's.
    Organisation,
    /// A project's own: it may not decide on critical flaws.
    Project,
}

/// Which repositories are looked after.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectSelection {
    /// A whole organisation.
    pub(crate) organisation: Option<String>,
    /// Single repositories.
    pub(crate) repositories: Vec<RepoSlug>,
    /// Names (`owner/name` patterns) that are left out, those of projects with `skip` among them.
    pub(crate) exclude: GlobSet,
}

/// The branches that routes are based on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Branches {
    /// What production runs: the base of emergencies. The default branch when `None`, or when it does not exist.
    pub(crate) production: Option<String>,
    /// Where the code line starts: the base of routine work. The default branch when `None`, or when it does not exist.
    pub(crate) development: Option<String>,
}

/// Advisory sources with their limits.
#[derive(Debug, Clone)]
pub(crate) struct AdvisoryPolicy {
    /// The sources, in order.
    pub(crate) sources: Vec<SourceConfig>,
    /// Older is a warning.
    pub(crate) warn_age: Duration,
    /// Older is an error.
    pub(crate) max_age: Duration,
    /// Ecosystems about which no source needs to know anything.
    pub(crate) accept_uncovered: Vec<Ecosystem>,
}

/// One advisory source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceConfig {
    /// Its format.
    pub(crate) kind: SourceKind,
    /// A folder, a file, a git address or an `https` address.
    pub(crate) location: String,
}

/// The format of an advisory source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SourceKind {
    /// The layout of the `RustSec` database.
    RustSec,
    /// OSV JSON: a folder, a zip, or the address of a zip.
    Osv,
    /// The layout of the `FriendsOfPHP` database.
    FriendsOfPhp,
    /// The layout of the `RubySec` database.
    RubySec,
    /// CISA's catalogue of known exploited vulnerabilities.
    Kev,
    /// The likelihoods of EPSS.
    Epss,
}

impl SourceKind {
    /// Whether it has no advisories of its own and only adds to what other sources say.
    pub(crate) const fn only_annotates(self) -> bool {
        match self {
            Self::RustSec | Self::Osv | Self::FriendsOfPhp | Self::RubySec => false,
            Self::Kev | Self::Epss => true,
        }
    }
}

/// Where the addresses that repositories name may lead us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkPolicy {
    /// Hosts that may be asked although they are private, or on a port of their own.
    pub(crate) allow_hosts: Vec<Authority>,
    /// How many hosts one project may lead us to.
    pub(crate) hosts_per_project: usize,
}

/// When a fix is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deadlines {
    /// For the emergency route: 24 h.
    pub(crate) emergency: Duration,
    /// For the routine route, by severity.
    pub(crate) high: Duration,
    /// Also for loose dependencies.
    pub(crate) medium: Duration,
    /// For unrated flaws.
    pub(crate) unknown: Duration,
    /// For the rest.
    pub(crate) low: Duration,
}

/// What people check before they merge.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestPlan {
    /// Of every plan.
    pub(crate) always: Vec<PlanCheck>,
    /// Added for the areas that a change touches.
    pub(crate) areas: Vec<FunctionalArea>,
    /// Added on the emergency route.
    pub(crate) emergency: Vec<PlanCheck>,
    /// Added when a package makes a major step.
    pub(crate) major: Vec<PlanCheck>,
}

/// One box to tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanCheck {
    /// A stable name, by which a ticked box is found again: lower-case letters, digits and `-`.
    pub(crate) id: String,
    /// What to do.
    pub(crate) text: String,
    /// Who does it: a role such as `tester`, or a person.
    pub(crate) owner: String,
    /// The kinds of project that it is for; all when empty.
    pub(crate) kinds: Kinds,
}

/// A part of what projects do, with the packages and paths that touch it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionalArea {
    /// Its name for people, for example "Sign-in and sessions".
    pub(crate) name: String,
    /// Package name patterns (globs; `*` also matches `/`).
    pub(crate) packages: Vec<String>,
    /// File path patterns (globs).
    pub(crate) paths: Vec<String>,
    /// What to check.
    pub(crate) checks: Vec<PlanCheck>,
    /// The kinds of project that have it; all when empty.
    pub(crate) kinds: Kinds,
}

/// How titles and commits are worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wording {
    /// Before the title of a fix, for example `fix(deps): `.
    pub(crate) fix_prefix: String,
    /// Before the title of a pin, for example `chore(deps): `.
    pub(crate) pin_prefix: String,
    /// After the title of a fix, for example ` [SECURITY]`.
    pub(crate) suffix: String,
    /// Adds a `Signed-off-by` line with this identity, `Name <address>`, to commits.
    pub(crate) sign_off: Option<String>,
}

/// Settings of one project in the organisation's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectOverride {
    /// The project.
    pub(crate) project: RepoSlug,
    /// Its branches, where they differ.
    pub(crate) branches: Branches,
    /// Whether it is left out.
    pub(crate) skip: bool,
    /// What it is, where its manifests do not tell.
    pub(crate) kind: Option<ProjectKind>,
}

impl ProjectOverride {
    /// Whether these are the settings of `project`; GitHub ignores the case of names.
    pub(crate) fn is_for(&self, project: &RepoSlug) -> bool {
        self.project.owner().eq_ignore_ascii_case(project.owner())
            && self.project.name().eq_ignore_ascii_case(project.name())
    }
}

impl Policy {
    /// The branches of a project: its own where it has an entry that names them, else the organisation's.
    pub(crate) fn branches_of(&self, project: &RepoSlug) -> Branches {
        let own = self.overrides.iter().find(|settings| settings.is_for(project)).map(|settings| &settings.branches);
        let pick = |own: Option<&String>, general: &Option<String>| own.or(general.as_ref()).cloned();
        Branches {
            production: pick(own.and_then(|branches| branches.production.as_ref()), &self.branches.production),
            development: pick(own.and_then(|branches| branches.development.as_ref()), &self.branches.development),
        }
    }

    /// What a project is, where the policy says so.
    pub(crate) fn kind_of(&self, project: &RepoSlug) -> Option<ProjectKind> {
        self.overrides.iter().find(|settings| settings.is_for(project)).and_then(|settings| settings.kind)
    }

    /// How long a fix may take, counted from the night its flaw was first seen.
    ///
    /// The emergency route has one deadline, and what is rated critical has it on every route.
    pub(crate) fn deadline(&self, route: Route, severity: Severity) -> Duration {
        match (route, severity) {
            (Route::Emergency, _) | (Route::Routine, Severity::Critical) => self.deadlines.emergency,
            (Route::Routine, Severity::High) => self.deadlines.high,
            (Route::Routine, Severity::Unknown) => self.deadlines.unknown,
            (Route::Routine, Severity::Medium) => self.deadlines.medium,
            (Route::Routine, Severity::Low) => self.deadlines.low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> RepoSlug {
        text.parse().unwrap()
    }

    #[test]
    fn a_project_takes_its_own_branches_one_by_one() {
        let policy = Policy {
            branches: Branches { production: Some("production".to_owned()), development: Some("main".to_owned()) },
            overrides: vec![ProjectOverride {
                project: slug("acme/shop"),
                branches: Branches { production: Some("live".to_owned()), development: None },
                skip: false,
                kind: None,
            }],
            ..Policy::default()
        };
        let of = |name: &str| policy.branches_of(&slug(name));
        assert_eq!(of("ACME/Shop").production.as_deref(), Some("live"));
        assert_eq!(of("acme/shop").development.as_deref(), Some("main"));
        assert_eq!(of("acme/other").production.as_deref(), Some("production"));
    }

    #[test]
    fn skipped_projects_are_those_with_an_entry_or_a_pattern() {
        let policy = super::super::parse(
            "patchparty.toml",
            "[projects]\nexclude = [\"acme/*-archive\"]\n[[project]]\nname = \"acme/old\"\nskip = true\n",
        )
        .unwrap();
        for left_out in ["acme/Shop-Archive", "Acme/old"] {
            assert!(policy.projects.exclude.is_match(left_out), "{left_out}");
        }
        assert!(!policy.projects.exclude.is_match("acme/older"));
        assert!(policy.overrides.iter().all(|settings| settings.skip));
    }

    #[test]
    fn worse_is_due_no_later() {
        let policy = Policy::default();
        for pair in Severity::ALL.windows(2) {
            let due = |severity| policy.deadline(Route::Routine, severity);
            assert!(due(pair[0]) <= due(pair[1]), "{pair:?}");
        }
        for severity in Severity::ALL {
            assert_eq!(policy.deadline(Route::Emergency, severity), Duration::from_hours(24));
        }
    }
}
