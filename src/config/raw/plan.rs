//! The test plan as written in `patchparty.toml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Written;

/// What people check before they merge.
///
/// A check or an area that is written is added to the built-in ones; one with the `id` (an area: the `name`) of a
/// built-in one replaces it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "TestPlan")]
pub(in crate::config) struct RawTestPlan {
    /// Whether the built-in plan is kept.
    pub(in crate::config) built_in: RawBuiltIn,
    /// Checks of every plan.
    pub(in crate::config) always: Vec<RawCheck>,
    /// Checks added on the emergency route.
    pub(in crate::config) emergency: Vec<RawCheck>,
    /// Checks added when a package makes a major step.
    pub(in crate::config) major: Vec<RawCheck>,
    /// Parts of what projects do, whose checks are added when a change touches them.
    pub(in crate::config) area: Vec<RawArea>,
}

/// What becomes of the built-in test plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "BuiltIn")]
pub(in crate::config) enum RawBuiltIn {
    /// Built-in checks and areas stay, unless replaced one by one.
    #[default]
    Keep,
    /// The plan starts empty.
    Drop,
}

/// One box to tick.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Check")]
pub(in crate::config) struct RawCheck {
    /// A stable name, by which a ticked box is found again: lower-case letters, digits and `-`.
    pub(in crate::config) id: Written<String>,
    /// What to do, in one line.
    pub(in crate::config) text: Written<String>,
    /// Who does it: a role such as `tester`, or a person. Not written: `tester`, on the deploy checklist `reviewer`.
    pub(in crate::config) owner: Option<Written<String>>,
    /// The kinds of project that it is for; all when not written.
    #[serde(default)]
    pub(in crate::config) kinds: Vec<RawKind>,
}

/// A part of what projects do, with the packages and paths that touch it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Area")]
pub(in crate::config) struct RawArea {
    /// Its name for people, for example `Sign-in and sessions`.
    pub(in crate::config) name: Written<String>,
    /// Package name patterns; `*` also matches `/`.
    #[serde(default)]
    pub(in crate::config) packages: Vec<Written<String>>,
    /// File path patterns; `**` matches any number of folders.
    #[serde(default)]
    pub(in crate::config) paths: Vec<Written<String>>,
    /// What to check.
    #[serde(default)]
    pub(in crate::config) check: Vec<RawCheck>,
    /// The kinds of project that have it; all when not written.
    #[serde(default)]
    pub(in crate::config) kinds: Vec<RawKind>,
}

/// What a project is to the people who test it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Kind")]
pub(in crate::config) enum RawKind {
    /// It runs somewhere and answers people or programs.
    Service,
    /// Other projects build on it.
    Library,
    /// People or scripts start it.
    CommandLine,
    /// It is built into pages to read.
    Documentation,
}
