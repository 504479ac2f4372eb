//! Test plans: checks and areas as written → valid, each check with a name of its own.

use std::collections::BTreeMap;

use super::complaint::Complaints;
use super::policy::{FunctionalArea, PlanCheck, TestPlan};
use super::raw::{RawArea, RawCheck, Written};
use super::value;

/// Who ticks a box of the test plan that names nobody.
pub(super) const TESTER: &str = "tester";
/// Who ticks a box of the deploy checklist that names nobody: whoever merges, deploys, watches and rolls back.
pub(super) const REVIEWER: &str = "reviewer";

/// Valid checks; each invalid one is a complaint.
pub(super) fn checks(raw: &[RawCheck], owner: &str, complaints: &mut Complaints<'_>) -> Vec<PlanCheck> {
    let mut checks = Vec::with_capacity(raw.len());
    for raw in raw {
        let id = value::check_id(&raw.id, complaints);
        let text = value::text(&raw.text, complaints);
        let owner = match &raw.owner {
            Some(written) => value::name(written, complaints),
            None => Some(owner.to_owned()),
        };
        if let (Some(id), Some(text), Some(owner)) = (id, text, owner) {
            checks.push(PlanCheck { id, text, owner, kinds: value::kinds(&raw.kinds) });
        }
    }
    checks
}

/// Valid areas; what is invalid in them is complained about and left out.
pub(super) fn areas(raw: &[RawArea], complaints: &mut Complaints<'_>) -> Vec<FunctionalArea> {
    let mut areas: Vec<FunctionalArea> = Vec::with_capacity(raw.len());
    for raw in raw {
        let Some(name) = value::name(&raw.name, complaints) else { continue };
        if areas.iter().any(|area| area.name == name) {
            complaints.add(&raw.name.span(), format!("the area `{name}` is written twice"), "put them together");
            continue;
        }
        if raw.packages.is_empty() && raw.paths.is_empty() {
            complaints.add(
                &raw.name.span(),
                format!("nothing touches the area `{name}`"),
                "give it `packages` or `paths`, or make its checks `[[test-plan.always]]`",
            );
        }
        areas.push(FunctionalArea {
            packages: raw.packages.iter().filter_map(|written| value::package_pattern(written, complaints)).collect(),
            paths: raw
                .paths
                .iter()
                .filter_map(|written| value::path_pattern(written, complaints))
                .map(|glob| glob.glob().to_owned())
                .collect(),
            checks: checks(&raw.check, TESTER, complaints),
            kinds: value::kinds(&raw.kinds),
            name,
        });
    }
    areas
}

/// Every check of a plan and its deploy checklist.
pub(super) fn all_checks<'a>(plan: &'a TestPlan, deploy: &'a [PlanCheck]) -> impl Iterator<Item = &'a PlanCheck> {
    let areas = plan.areas.iter().flat_map(|area| &area.checks);
    plan.always.iter().chain(areas).chain(&plan.emergency).chain(&plan.major).chain(deploy)
}

/// Complains where a name is written twice, and where a name belongs to a check of `owner`'s plan already: a ticked box is
/// found again by its name.
pub(super) fn names_are_unique<'a>(
    written: impl Iterator<Item = &'a RawCheck>,
    together: impl Iterator<Item = &'a PlanCheck>,
    owner: &str,
    complaints: &mut Complaints<'_>,
) {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for check in together {
        *uses.entry(check.id.as_str()).or_default() += 1;
    }
    let mut first: BTreeMap<&str, &Written<String>> = BTreeMap::new();
    for raw in written {
        let id = raw.id.value().as_str();
        if let Some(earlier) = first.get(id) {
            let line = complaints.line(earlier.span().start);
            complaints.add(
                &raw.id.span(),
                format!("the check `{id}` stands on line {line} already"),
                "give each check a name of its own: a ticked box is found again by it",
            );
        } else {
            if uses.get(id).is_some_and(|&count| count > 1) {
                complaints.add(
                    &raw.id.span(),
                    format!("the check `{id}` stands elsewhere in the {owner} plan already"),
                    "give it another name",
                );
            }
            first.insert(id, &raw.id);
        }
    }
}
