//! `.github/patchparty.toml` of a project: it may narrow the organisation's policy, and nothing else.
//!
//! The policy is a ceiling. A project may exclude more of its own folders, add checks and areas, and say who a role is. It
//! may not remove a check, change a deadline, a branch, a source or a title, nor ask for fewer proposals: whoever can merge
//! into a project must not be able to silence it.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;
use serde::Deserialize;

use super::complaint::{Complaints, ConfigError, nearest};
use super::document;
use super::plan;
use super::policy::{FunctionalArea, PlanCheck, Policy, TestPlan};
use super::raw::{RawArea, RawAudit, RawCheck, Written};
use super::value;

/// The file comes from a repository and is not trusted. A hundred checks are some 20 kB.
const SIZE_LIMIT: usize = 64 * 1024;

/// More boxes than this nobody ticks, and each one stands in a pull request's body, which has a limit of its own.
const CHECK_LIMIT: usize = 100;

/// More patterns than this are no exception any more.
const PATTERN_LIMIT: usize = 200;

/// Keys that only the organisation's policy has; a test compares them with its schema.
const ORGANISATION_KEYS: &[&str] =
    &["advisories", "branches", "built-in", "deadlines", "project", "projects", "wording"];

/// The project's file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawProjectFile {
    /// Folders that are not audited.
    audit: RawAudit,
    /// Who a role is in this project: role → person or team.
    owners: BTreeMap<String, Written<String>>,
    /// Checks and areas that are added.
    test_plan: RawAdditions,
    /// Steps added at the end of the deploy checklist.
    deploy: Vec<RawCheck>,
}

/// What a project adds to the test plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawAdditions {
    always: Vec<RawCheck>,
    emergency: Vec<RawCheck>,
    major: Vec<RawCheck>,
    area: Vec<RawArea>,
}

impl RawProjectFile {
    fn checks(&self) -> impl Iterator<Item = &RawCheck> {
        let plan = &self.test_plan;
        let areas = plan.area.iter().flat_map(|area| &area.check);
        plan.always.iter().chain(areas).chain(&plan.emergency).chain(&plan.major).chain(&self.deploy)
    }

    fn pattern_count(&self) -> usize {
        let of_areas = self.test_plan.area.iter().map(|area| area.packages.len() + area.paths.len());
        self.audit.exclude.len() + of_areas.sum::<usize>()
    }
}

/// The organisation's policy, narrowed by a project's own file. Any complaint refuses the whole file.
pub(crate) fn narrow(policy: &Policy, name: &str, text: &str) -> Result<Policy, ConfigError> {
    let mut complaints = Complaints::new(name, text);
    if text.len() > SIZE_LIMIT {
        complaints.add(&(0..0), format!("the file has more than {SIZE_LIMIT} bytes"), "keep what a project adds short");
        return complaints.finish(policy.clone());
    }
    let raw = document::read::<RawProjectFile>(text, &mut complaints, of_the_organisation).unwrap_or_default();
    if raw.checks().count() > CHECK_LIMIT || raw.pattern_count() > PATTERN_LIMIT {
        let limits = format!("a project adds at most {CHECK_LIMIT} checks and {PATTERN_LIMIT} patterns");
        complaints.add(&(0..0), limits, "keep what a project adds short");
        return complaints.finish(policy.clone());
    }
    let mut narrowed = policy.clone();
    add_to_plan(&raw, &mut narrowed, &mut complaints);
    exclude_more(&raw.audit.exclude, &mut narrowed, &mut complaints);
    name_owners(&raw.owners, &mut narrowed, &mut complaints);
    complaints.finish(narrowed)
}

fn of_the_organisation(key: &str) -> Option<String> {
    ORGANISATION_KEYS.contains(&key).then(|| "only the organisation's policy may set it".to_owned())
}

fn add_to_plan(raw: &RawProjectFile, policy: &mut Policy, complaints: &mut Complaints<'_>) {
    let TestPlan { always, areas, emergency, major } = &mut policy.test_plan;
    always.extend(plan::checks(&raw.test_plan.always, plan::TESTER, complaints));
    emergency.extend(plan::checks(&raw.test_plan.emergency, plan::TESTER, complaints));
    major.extend(plan::checks(&raw.test_plan.major, plan::TESTER, complaints));
    policy.deploy.extend(plan::checks(&raw.deploy, plan::REVIEWER, complaints));
    for added in plan::areas(&raw.test_plan.area, complaints) {
        match areas.iter_mut().find(|area| area.name == added.name) {
            Some(area) => extend_area(area, added),
            None => areas.push(added),
        }
    }
    plan::names_are_unique(
        raw.checks(),
        plan::all_checks(&policy.test_plan, &policy.deploy),
        "organisation's",
        complaints,
    );
}

/// An area of the organisation that a project knows too: more packages and paths touch it, more is checked.
fn extend_area(area: &mut FunctionalArea, added: FunctionalArea) {
    let FunctionalArea { name: _, packages, paths, checks } = added;
    area.packages.extend(packages);
    area.paths.extend(paths);
    area.checks.extend(checks);
}

fn exclude_more(written: &[Written<String>], policy: &mut Policy, complaints: &mut Complaints<'_>) {
    for written in written {
        let Some(glob) = value::path_pattern(written, complaints) else { continue };
        let folder = glob.glob().split_once('/').map_or("", |(folder, _)| folder);
        if folder.is_empty() || folder.contains(['*', '?', '[', '{', '\\']) {
            complaints.add(
                &written.span(),
                format!("`{}` reaches the project's root", glob.glob()),
                "name the folder first, for example `tests/fixtures/**`; only the organisation may exclude more",
            );
            continue;
        }
        policy.exclude_patterns.push(glob.glob().to_owned());
    }
    let globs = policy.exclude_patterns.iter().filter_map(|pattern| {
        // Each has been built before, here or in the organisation's policy.
        GlobBuilder::new(pattern).literal_separator(true).build().ok()
    });
    policy.exclude = value::glob_set(globs, written, complaints);
}

fn name_owners(owners: &BTreeMap<String, Written<String>>, policy: &mut Policy, complaints: &mut Complaints<'_>) {
    let known: BTreeSet<&str> =
        plan::all_checks(&policy.test_plan, &policy.deploy).map(|check| check.owner.as_str()).collect();
    let mut names = BTreeMap::new();
    for (role, written) in owners {
        if !known.contains(role.as_str()) {
            let way_out = nearest(role, known.iter().copied())
                .map_or_else(|| "remove it".to_owned(), |near| format!("did you mean `{near}`?"));
            complaints.add(&written.span(), format!("no check belongs to `{role}`"), way_out);
            continue;
        }
        if let Some(name) = value::name(written, complaints) {
            names.insert(role.as_str(), name);
        }
    }
    let rename = |check: &mut PlanCheck| {
        if let Some(name) = names.get(check.owner.as_str()) {
            check.owner.clone_from(name);
        }
    };
    let TestPlan { always, areas, emergency, major } = &mut policy.test_plan;
    let of_areas = areas.iter_mut().flat_map(|area| &mut area.checks);
    always.iter_mut().chain(of_areas).chain(emergency).chain(major).chain(&mut policy.deploy).for_each(rename);
}
