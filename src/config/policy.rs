//! The organisation's policy as used: valid, complete, and a ceiling for what a project may say.

use std::time::Duration;

use globset::GlobSet;

use crate::model::repository::RepoSlug;

/// Everything that the organisation decides.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Which repositories are looked after.
    pub(crate) projects: ProjectSelection,
    /// Which branches are worked on, where a project's own entry does not say otherwise.
    pub(crate) branches: Branches,
    /// What is known, and how old it may be.
    pub(crate) advisories: AdvisoryPolicy,
    /// When a fix is due, counted from the night it was first seen.
    pub(crate) deadlines: Deadlines,
    /// What people check before they merge.
    pub(crate) test_plan: TestPlan,
    /// The deploy checklist, in order.
    pub(crate) deploy: Vec<PlanCheck>,
    /// How titles and commits are worded.
    pub(crate) wording: Wording,
    /// Paths that are not audited, for example test fixtures.
    pub(crate) exclude: GlobSet,
    /// Settings of single projects.
    pub(crate) overrides: Vec<ProjectOverride>,
}

/// Which repositories are looked after.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectSelection {
    /// A whole organisation.
    pub(crate) organisation: Option<String>,
    /// Single repositories.
    pub(crate) repositories: Vec<RepoSlug>,
    /// Names (`owner/name` patterns) that are left out.
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
    /// The RustSec database's layout.
    RustSec,
    /// OSV JSON: a folder, a zip, or the address of a zip.
    Osv,
    /// FriendsOfPHP's layout.
    FriendsOfPhp,
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
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Policy {
    fn default() -> Self {
        Self {
            projects: ProjectSelection::default(),
            branches: Branches::default(),
            advisories: AdvisoryPolicy { sources: Vec::new(), warn_age: 7 * DAY, max_age: 30 * DAY },
            deadlines: Deadlines { emergency: DAY, high: 7 * DAY, medium: 30 * DAY, unknown: 30 * DAY, low: 90 * DAY },
            test_plan: TestPlan { always: Vec::new(), areas: Vec::new(), emergency: Vec::new(), major: Vec::new() },
            deploy: Vec::new(),
            wording: Wording {
                fix_prefix: "fix(deps): ".to_owned(),
                pin_prefix: "chore(deps): ".to_owned(),
                suffix: " [SECURITY]".to_owned(),
                sign_off: None,
            },
            exclude: GlobSet::empty(),
            overrides: Vec::new(),
        }
    }
}
