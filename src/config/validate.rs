//! The policy as written, on top of a base → the policy as used.

use std::time::Duration;

use super::complaint::Complaints;
use super::plan;
use super::policy::{
    AdvisoryPolicy, Branches, Deadlines, FunctionalArea, PlanCheck, Policy, ProjectOverride, ProjectSelection,
    SourceConfig, SourceKind, TestPlan, Wording,
};
use super::raw::{
    RawAdvisories, RawBranches, RawBuiltIn, RawCheck, RawDeadlines, RawPolicy, RawProject, RawProjects, RawSourceKind,
    RawTestPlan, RawWording, Written,
};
use super::value;

/// What is written replaces what the base says; see [`RawTestPlan`] for how plans are put together. Everything that is
/// wrong is a complaint, and then the result must not be used.
pub(super) fn policy(raw: &RawPolicy, base: Policy, complaints: &mut Complaints<'_>) -> Policy {
    let test_plan = test_plan(&raw.test_plan, base.test_plan, complaints);
    let deploy = match &raw.deploy {
        Some(checks) => plan::checks(checks, plan::REVIEWER, complaints),
        None => base.deploy,
    };
    plan::names_are_unique(written_checks(raw), plan::all_checks(&test_plan, &deploy), "built-in", complaints);
    let globs: Vec<_> =
        raw.audit.exclude.iter().filter_map(|written| value::path_pattern(written, complaints)).collect();
    Policy {
        projects: projects(&raw.projects, complaints),
        branches: branches(&raw.branches, complaints),
        advisories: advisories(&raw.advisories, base.advisories, complaints),
        deadlines: deadlines(&raw.deadlines, &base.deadlines, complaints),
        test_plan,
        deploy,
        wording: wording(&raw.wording, base.wording, complaints),
        exclude_patterns: globs.iter().map(|glob| glob.glob().to_owned()).collect(),
        exclude: value::glob_set(globs, &raw.audit.exclude, complaints),
        overrides: overrides(&raw.project, complaints),
    }
}

fn projects(raw: &RawProjects, complaints: &mut Complaints<'_>) -> ProjectSelection {
    let mut repositories = Vec::with_capacity(raw.repositories.len());
    for written in &raw.repositories {
        let Some(slug) = value::slug(written, complaints) else { continue };
        if repositories.contains(&slug) {
            complaints.add(&written.span(), format!("`{slug}` is listed twice"), "remove one of the two");
        } else {
            repositories.push(slug);
        }
    }
    let globs: Vec<_> = raw.exclude.iter().filter_map(|written| value::project_pattern(written, complaints)).collect();
    ProjectSelection {
        organisation: raw.organisation.as_ref().and_then(|written| value::organisation(written, complaints)),
        repositories,
        exclude: value::glob_set(globs, &raw.exclude, complaints),
    }
}

fn branches(raw: &RawBranches, complaints: &mut Complaints<'_>) -> Branches {
    Branches {
        production: raw.production.as_ref().and_then(|written| value::branch(written, complaints)),
        development: raw.development.as_ref().and_then(|written| value::branch(written, complaints)),
    }
}

fn overrides(raw: &[RawProject], complaints: &mut Complaints<'_>) -> Vec<ProjectOverride> {
    let mut overrides: Vec<ProjectOverride> = Vec::with_capacity(raw.len());
    for raw in raw {
        let branches = branches(
            &RawBranches { production: raw.production.clone(), development: raw.development.clone() },
            complaints,
        );
        let Some(project) = value::slug(&raw.name, complaints) else { continue };
        if overrides.iter().any(|earlier| earlier.is_for(&project)) {
            complaints.add(&raw.name.span(), format!("`{project}` has two entries"), "put them together");
        }
        overrides.push(ProjectOverride { project, branches, skip: raw.skip });
    }
    overrides
}

fn advisories(raw: &RawAdvisories, base: AdvisoryPolicy, complaints: &mut Complaints<'_>) -> AdvisoryPolicy {
    let warn_age = duration(raw.warn_age.as_ref(), base.warn_age, complaints);
    let max_age = duration(raw.max_age.as_ref(), base.max_age, complaints);
    if let Some(written) = raw.max_age.as_ref().or(raw.warn_age.as_ref())
        && max_age < warn_age
    {
        complaints.add(
            &written.span(),
            format!("`max-age` ({}) is shorter than `warn-age` ({})", value::show(max_age), value::show(warn_age)),
            "an error comes after its warning: lengthen `max-age` or shorten `warn-age`",
        );
    }
    let sources = match &raw.source {
        None => base.sources,
        Some(written) => {
            let mut sources: Vec<SourceConfig> = Vec::with_capacity(written.len());
            for raw in written {
                let Some(location) = value::location(&raw.location, complaints) else { continue };
                if sources.iter().any(|earlier| earlier.location == location) {
                    complaints.add(
                        &raw.location.span(),
                        format!("`{location}` is listed twice"),
                        "remove one of the two",
                    );
                }
                sources.push(SourceConfig { kind: source_kind(raw.kind), location });
            }
            sources
        }
    };
    AdvisoryPolicy { sources, warn_age, max_age }
}

const fn source_kind(raw: RawSourceKind) -> SourceKind {
    match raw {
        RawSourceKind::RustSec => SourceKind::RustSec,
        RawSourceKind::Osv => SourceKind::Osv,
        RawSourceKind::FriendsOfPhp => SourceKind::FriendsOfPhp,
    }
}

/// The longest deadline of an emergency: the process says 24 h for every project, so an organisation may only be quicker.
const EMERGENCY_LIMIT: Duration = value::DAY;

fn deadlines(raw: &RawDeadlines, base: &Deadlines, complaints: &mut Complaints<'_>) -> Deadlines {
    let deadlines = Deadlines {
        emergency: duration(raw.emergency.as_ref(), base.emergency, complaints),
        high: duration(raw.high.as_ref(), base.high, complaints),
        medium: duration(raw.medium.as_ref(), base.medium, complaints),
        unknown: duration(raw.unknown.as_ref(), base.unknown, complaints),
        low: duration(raw.low.as_ref(), base.low, complaints),
    };
    if let Some(written) = &raw.emergency
        && deadlines.emergency > EMERGENCY_LIMIT
    {
        complaints.add(
            &written.span(),
            format!("an emergency is due in 24 h, not in {}", value::show(deadlines.emergency)),
            "write `24 h` or less; what may take longer is no emergency",
        );
        return deadlines;
    }
    let order = [
        ("emergency", deadlines.emergency, &raw.emergency),
        ("high", deadlines.high, &raw.high),
        ("unknown", deadlines.unknown, &raw.unknown),
        ("medium", deadlines.medium, &raw.medium),
        ("low", deadlines.low, &raw.low),
    ];
    for pair in order.windows(2) {
        let [(worse, due, worse_written), (better, later, better_written)] = pair else { continue };
        let Some(written) = worse_written.as_ref().or(better_written.as_ref()) else { continue };
        if due > later {
            complaints.add(
                &written.span(),
                format!("`{worse}` ({}) is due later than `{better}` ({})", value::show(*due), value::show(*later)),
                format!("shorten `{worse}` or lengthen `{better}`: what is rated worse is due no later"),
            );
        }
    }
    deadlines
}

fn duration(written: Option<&Written<String>>, base: Duration, complaints: &mut Complaints<'_>) -> Duration {
    written.and_then(|written| value::duration(written, complaints)).unwrap_or(base)
}

fn wording(raw: &RawWording, base: Wording, complaints: &mut Complaints<'_>) -> Wording {
    let mut affix = |written: &Option<Written<String>>, base: String| {
        written.as_ref().and_then(|written| value::affix(written, complaints)).unwrap_or(base)
    };
    Wording {
        fix_prefix: affix(&raw.fix_prefix, base.fix_prefix),
        pin_prefix: affix(&raw.pin_prefix, base.pin_prefix),
        suffix: affix(&raw.suffix, base.suffix),
        sign_off: match &raw.sign_off {
            Some(written) => value::identity(written, complaints),
            None => base.sign_off,
        },
    }
}

fn test_plan(raw: &RawTestPlan, base: TestPlan, complaints: &mut Complaints<'_>) -> TestPlan {
    let base = match raw.built_in {
        RawBuiltIn::Keep => base,
        RawBuiltIn::Drop => {
            TestPlan { always: Vec::new(), areas: Vec::new(), emergency: Vec::new(), major: Vec::new() }
        }
    };
    TestPlan {
        always: replace_checks(base.always, plan::checks(&raw.always, plan::TESTER, complaints)),
        areas: replace_areas(base.areas, plan::areas(&raw.area, complaints)),
        emergency: replace_checks(base.emergency, plan::checks(&raw.emergency, plan::TESTER, complaints)),
        major: replace_checks(base.major, plan::checks(&raw.major, plan::TESTER, complaints)),
    }
}

fn replace_checks(mut base: Vec<PlanCheck>, written: Vec<PlanCheck>) -> Vec<PlanCheck> {
    for check in written {
        match base.iter_mut().find(|earlier| earlier.id == check.id) {
            Some(earlier) => *earlier = check,
            None => base.push(check),
        }
    }
    base
}

fn replace_areas(mut base: Vec<FunctionalArea>, written: Vec<FunctionalArea>) -> Vec<FunctionalArea> {
    for area in written {
        match base.iter_mut().find(|earlier| earlier.name == area.name) {
            Some(earlier) => *earlier = area,
            None => base.push(area),
        }
    }
    base
}

fn written_checks(raw: &RawPolicy) -> impl Iterator<Item = &RawCheck> {
    let plan = &raw.test_plan;
    let areas = plan.area.iter().flat_map(|area| &area.check);
    plan.always.iter().chain(areas).chain(&plan.emergency).chain(&plan.major).chain(raw.deploy.iter().flatten())
}
