//! The policy as written, on top of a base → the policy as used.

use std::time::Duration;

use super::complaint::Complaints;
use super::ignore;
use super::plan;
use super::policy::{
    AdvisoryPolicy, Author, Branches, Deadlines, FunctionalArea, Limits, NetworkPolicy, OwnExclusions, PlanCheck,
    Policy, ProjectOverride, ProjectSelection, Routes, SourceConfig, SourceKind, TestPlan, Updates, Wording,
};
use super::raw::{
    RawAdvisories, RawAllowedSource, RawBranches, RawBuiltIn, RawCheck, RawDeadlines, RawLimits, RawNetwork, RawPolicy,
    RawProject, RawProjects, RawRoute, RawSandbox, RawSourceKind, RawTestPlan, RawUpdates, RawWording, Written,
};
use super::value;
use crate::model::confinement::Confinement;
use crate::model::proposal::Route;
use crate::model::repository::RepoSlug;
use crate::model::specification::SpecificationKind;

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
        sandbox: raw.sandbox.map_or(base.sandbox, confinement),
        projects: projects(&raw.projects, &raw.project, complaints),
        branches: branches(&raw.branches, complaints),
        advisories: advisories(&raw.advisories, base.advisories, complaints),
        network: network(&raw.network, &base.network, complaints),
        deadlines: deadlines(&raw.deadlines, &base.deadlines, complaints),
        test_plan,
        deploy,
        wording: wording(&raw.wording, base.wording, complaints),
        yanked: raw.audit.yanked,
        exclude: value::glob_set(globs, &raw.audit.exclude, complaints),
        own_exclusions: OwnExclusions::default(),
        overrides: overrides(&raw.project, complaints),
        updates: updates(&raw.updates, base.updates, complaints),
        routes: Routes { development: raw.routes.development.map_or(base.routes.development, route) },
        limits: limits(&raw.limits, &base.limits, complaints),
        ignores: ignore::ignores(&raw.ignore, complaints.file(), Author::Organisation, complaints),
    }
}

fn updates(raw: &RawUpdates, base: Updates, complaints: &mut Complaints<'_>) -> Updates {
    Updates {
        allow_sources: match &raw.allow_sources {
            Some(written) => written.iter().copied().map(specification_kind).collect(),
            None => base.allow_sources,
        },
        npm_overrides: raw.npm_overrides.unwrap_or(base.npm_overrides),
        report_only: match &raw.report_only {
            Some(written) => {
                let globs: Vec<_> =
                    written.iter().filter_map(|written| value::path_pattern(written, complaints)).collect();
                value::glob_set(globs, written, complaints)
            }
            None => base.report_only,
        },
        breaking_limit: raw.breaking_limit.as_ref().map_or(base.breaking_limit, |written| *written.value()),
    }
}

const fn route(raw: RawRoute) -> Route {
    match raw {
        RawRoute::Emergency => Route::Emergency,
        RawRoute::Routine => Route::Routine,
    }
}

const fn confinement(raw: RawSandbox) -> Confinement {
    match raw {
        RawSandbox::Required => Confinement::Required,
        RawSandbox::BestEffort => Confinement::BestEffort,
        RawSandbox::Off => Confinement::Off,
    }
}

fn projects(raw: &RawProjects, settings: &[RawProject], complaints: &mut Complaints<'_>) -> ProjectSelection {
    let mut repositories = Vec::with_capacity(raw.repositories.len());
    for written in &raw.repositories {
        let Some(slug) = value::slug(written, complaints) else { continue };
        if repositories.contains(&slug) {
            complaints.add(&written.span(), format!("`{slug}` is listed twice"), "remove one of the two");
        } else {
            repositories.push(slug);
        }
    }
    let mut globs: Vec<_> =
        raw.exclude.iter().filter_map(|written| value::project_pattern(written, complaints)).collect();
    // A slug has no character that means something in a pattern; a name that is no slug has its complaint already.
    let skipped = settings.iter().filter(|project| project.skip && project.name.value().parse::<RepoSlug>().is_ok());
    globs.extend(skipped.filter_map(|project| value::project_pattern(&project.name, complaints)));
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
        overrides.push(ProjectOverride { project, branches, skip: raw.skip, kind: raw.kind.map(value::kind) });
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
    let accept_uncovered = match &raw.accept_uncovered {
        None => base.accept_uncovered,
        Some(written) => written.iter().filter_map(|name| value::ecosystem(name, complaints)).collect(),
    };
    AdvisoryPolicy { sources, warn_age, max_age, accept_uncovered }
}

const fn source_kind(raw: RawSourceKind) -> SourceKind {
    match raw {
        RawSourceKind::RustSec => SourceKind::RustSec,
        RawSourceKind::Osv => SourceKind::Osv,
        RawSourceKind::FriendsOfPhp => SourceKind::FriendsOfPhp,
        RawSourceKind::RubySec => SourceKind::RubySec,
        RawSourceKind::Kev => SourceKind::Kev,
        RawSourceKind::Epss => SourceKind::Epss,
    }
}

const fn specification_kind(raw: RawAllowedSource) -> SpecificationKind {
    match raw {
        RawAllowedSource::Git => SpecificationKind::Git,
        RawAllowedSource::Url => SpecificationKind::Url,
        RawAllowedSource::File => SpecificationKind::File,
        RawAllowedSource::Registry => SpecificationKind::Registry,
    }
}

fn network(raw: &RawNetwork, base: &NetworkPolicy, complaints: &mut Complaints<'_>) -> NetworkPolicy {
    let hosts_per_project = raw.hosts_per_project.as_ref().map(|written| usize::from(written.value().get()));
    NetworkPolicy {
        allow_hosts: raw.allow_hosts.iter().filter_map(|written| value::authority(written, complaints)).collect(),
        hosts_per_project: hosts_per_project.unwrap_or(base.hosts_per_project),
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

fn limits(raw: &RawLimits, base: &Limits, complaints: &mut Complaints<'_>) -> Limits {
    let mut number_else = |written: &Option<Written<u64>>, base: u64, of_zero: &str| {
        let Some(written) = written else { return base };
        if *written.value() == 0 {
            complaints.add(&written.span(), of_zero, "write a number above zero");
        }
        *written.value()
    };
    let proposals_per_run = number_else(&raw.proposals_per_run, base.proposals_per_run, "nothing would be opened");
    let mut number = |written: &Option<Written<u64>>, base: u64| number_else(written, base, "nothing would be read");
    Limits {
        lockfiles: number(&raw.lockfiles, base.lockfiles),
        mebibytes: number(&raw.mebibytes, base.mebibytes),
        dependencies: number(&raw.dependencies, base.dependencies),
        findings: number(&raw.findings, base.findings),
        proposals_per_run,
        time: duration(raw.time.as_ref(), base.time, complaints),
    }
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

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::*;

    fn complaint(text: &str) -> String {
        match parse("patchparty.toml", text) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_mistake_has_its_line_and_a_way_out() {
        let check = |id: &str| format!("[[test-plan.always]]\nid = \"{id}\"\ntext = \"Look.\"\n");
        for (text, expected) in [
            ("[projects]\norganisation = \"acme/shop\"", "2:16: `acme/shop` is not an organisation"),
            ("[projects]\nrepositories = [\n \"acme/shop\",\n \"shop\",\n]", "4:2: `shop` is not a repository"),
            ("[projects]\nrepositories = [\"a/b\", \"a/b\"]", "2:24: `a/b` is listed twice"),
            ("[projects]\nexclude = [\"*-archive\"]", "2:12: `*-archive` matches no repository"),
            ("[projects]\nexclude = [\"acme/[\"]", "2:12: `acme/[` is not a pattern"),
            ("[branches]\nproduction = \"release/*\"", "2:14: `release/*` is not a branch name"),
            ("[branches]\ndevelopment = \"--upload-pack=x\"", "2:15: `--upload-pack=x` is not a branch name"),
            (
                "[branches]\ndevelopment = \"patchparty/routine/main\"",
                "2:15: `patchparty/routine/main` cannot be a base",
            ),
            ("[[project]]\nname = \"a/b\"\n[[project]]\nname = \"A/B\"", "4:8: `A/B` has two entries"),
            ("[[project]]\nskip = true", "1:1: missing key `name`"),
            ("[advisories]\nwarn-age = \"-3 days\"", "2:12: `-3 days` is no time at all"),
            ("[advisories]\nwarn-age = \"0 days\"", "2:12: `0 days` is no time at all"),
            ("[advisories]\nmax-age = \"a month\"", "2:11: `a month` is not a length of time"),
            ("[advisories]\nmax-age = \"1 month\"", "2:11: `1 month` is of no fixed length"),
            (
                "[advisories]\nmax-age = 30",
                "2:11: a text is expected here, not a number; put it in quotes; a length of time",
            ),
            ("[advisories]\nmax-age = \"2 days\"", "2:11: `max-age` (2 days) is shorter than `warn-age` (7 days)"),
            (
                "[[advisories.source]]\nkind = \"ovs\"\nlocation = \"x\"",
                "2:8: unknown value `ovs`; did you mean `osv`?",
            ),
            (
                "[[advisories.source]]\nkind = \"osv\"\nlocation = \"http://a.example/x.zip\"",
                "3:12: `http` is not a safe way",
            ),
            (
                "[[advisories.source]]\nkind = \"osv\"\nlocation = \"https://u:p@a.example/x\"",
                "3:12: an address with cred",
            ),
            ("[[advisories.source]]\nkind = \"osv\"\nlocation = \" \"", "3:12: a source without a location"),
            ("[network]\nallow-hosts = [\"https://git.example\"]", "2:16: `https://git.example` is not a host"),
            ("[network]\nallow-hosts = [\"git.example:0\"]", "2:16: `git.example:0` is not a host"),
            (
                "[network]\nhosts-per-project = -1",
                "2:21: `-1` is out of range; write a whole number above zero and up to 65535",
            ),
            (
                "[network]\nhosts-per-project = 0",
                "2:21: `0` is out of range; write a whole number above zero and up to 65535",
            ),
            ("[deadlines]\nemergency = \"2 days\"", "2:13: an emergency is due in 24 h, not in 2 days"),
            ("[deadlines]\nhigh = \"60 days\"", "2:8: `high` (60 days) is due later than `unknown` (30 days)"),
            ("[wording]\nsuffix = \"a\\nb\"", "2:10: not a part of a title"),
            ("[wording]\nsign-off = \"patchparty\"", "2:12: not an identity"),
            ("[audit]\nexclude = [\"/vendor\"]", "2:12: `/vendor` matches nothing"),
            ("[audit]\nexclude = [\"a{b\"]", "2:12: `a{b` is not a pattern"),
            (
                "[limits]\nsandbox = \"off\"",
                "2:1: unknown key `sandbox`; it stands at the top of the file, above the first",
            ),
            ("[network]\nallow-sources = []", "2:1: unknown key `allow-sources`; it belongs to `[updates]`"),
            ("allow-sources = []", "1:1: unknown key `allow-sources`; it belongs to `[updates]`"),
            ("[updates]\nallow-sources = [\"alias\"]", "2:18: unknown value `alias`"),
            ("[audit]\nexlude = []", "2:1: unknown key `exlude`; did you mean `exclude`?"),
            (&check("Sign-In"), "2:6: `Sign-In` is not a name for a check"),
            (&check("a b"), "2:6: `a b` is not a name for a check"),
            (&check("1st"), "2:6: `1st` is not a name for a check"),
            (&(check("mine") + &check("mine")), "5:6: the check `mine` stands on line 2 already"),
            (&check("deploy-backup"), "2:6: the check `deploy-backup` stands elsewhere in the built-in plan already"),
            ("[[test-plan.always]]\nid = \"a\"\ntext = \"\"", "3:8: not one line of visible text"),
            ("[[test-plan.area]]\nname = \"Maps\"", "2:8: nothing touches the area `Maps`"),
            ("[[deploy]]\nid = \"a\"\ntext = \"b\"\nowner = \"a\\tb\"", "4:9: not one line of visible text"),
        ] {
            let shown = complaint(text);
            assert!(shown.starts_with(&format!("patchparty.toml:{expected}")), "{text}\n{shown}");
            assert!(shown.contains("; "), "no way out: {shown}");
            assert_eq!(shown.lines().count(), 1, "{shown}");
        }
    }

    #[test]
    fn mistakes_of_every_kind_are_told_together() {
        let shown = complaint(
            "[branches]\nproduction = \"a b\"\n[audit]\nexcludes = []\n[deadlines]\nhigh = 7\nlow = \"never\"\n[[deploy]]\nid = \"X\"\n",
        );
        let places: Vec<_> = shown.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
        assert_eq!(
            places,
            [
                "patchparty.toml:2:14",
                "patchparty.toml:4:1",
                "patchparty.toml:6:8",
                "patchparty.toml:7:7",
                "patchparty.toml:8:1"
            ],
            "{shown}"
        );
    }

    #[test]
    fn what_is_written_is_what_is_used() {
        let policy = parse(
            "patchparty.toml",
            r#"
            [projects]
            organisation = "acme"
            repositories = ["acme/shop", "other/tool"]
            exclude = ["acme/*-archive"]
            [branches]
            production = "release/live"
            [advisories]
            warn-age = "36 h"
            max-age = "2 weeks"
            [[advisories.source]]
            kind = "friends-of-php"
            location = "advisories/php"
            [deadlines]
            emergency = "6 h"
            high = "2d 12h"
            [wording]
            fix-prefix = ""
            sign-off = "Patch Party <bot@acme.example>"
            [audit]
            exclude = ["tests/fixtures/**", "docs/*"]
            [[deploy]]
            id = "ship"
            text = "Ship it."
            "#,
        )
        .unwrap();
        let hours = Duration::from_hours;
        assert_eq!(policy.projects.organisation.as_deref(), Some("acme"));
        assert_eq!(policy.projects.repositories.len(), 2);
        assert!(policy.projects.exclude.is_match("acme/old-archive"));
        assert_eq!(policy.branches.production.as_deref(), Some("release/live"));
        assert_eq!(policy.branches.development, None);
        assert_eq!((policy.advisories.warn_age, policy.advisories.max_age), (hours(36), hours(14 * 24)));
        let source = SourceConfig { kind: SourceKind::FriendsOfPhp, location: "advisories/php".to_owned() };
        assert_eq!(policy.advisories.sources, [source]);
        assert_eq!((policy.deadlines.emergency, policy.deadlines.high), (hours(6), hours(60)));
        assert_eq!(policy.wording.fix_prefix, "");
        assert_eq!(policy.wording.suffix, " [SECURITY]");
        assert_eq!(policy.wording.sign_off.as_deref(), Some("Patch Party <bot@acme.example>"));
        assert!(policy.exclude.is_match("tests/fixtures/a/Cargo.lock") && policy.exclude.is_match("docs/Cargo.lock"));
        assert!(!policy.exclude.is_match("docs/site/Cargo.lock"), "`*` stays inside a folder");
        assert_eq!(policy.deploy.len(), 1);
        assert_eq!(policy.deploy[0].owner, "reviewer");
        assert_eq!(policy.test_plan, Policy::default().test_plan);
    }

    #[test]
    fn plans_are_put_together_by_name() {
        let built_in = Policy::default().test_plan;
        let policy = parse(
            "patchparty.toml",
            r#"
            [[test-plan.always]]
            id = "sign-in"
            text = "Sign in as the test customer."
            [[test-plan.always]]
            id = "newsletter"
            text = "The newsletter form answers."
            owner = "editor"
            [[test-plan.area]]
            name = "Search"
            packages = ["our-search"]
            [[test-plan.area.check]]
            id = "search-ours"
            text = "Search for a shoe."
            [[test-plan.area]]
            name = "Maps"
            paths = ["maps/**"]
            "#,
        )
        .unwrap();
        let plan = policy.test_plan;
        assert_eq!(plan.always.len(), built_in.always.len() + 1);
        let sign_in = plan.always.iter().find(|check| check.id == "sign-in").unwrap();
        assert_eq!((sign_in.text.as_str(), sign_in.owner.as_str()), ("Sign in as the test customer.", "tester"));
        assert_eq!(plan.areas.len(), built_in.areas.len() + 1);
        let search = plan.areas.iter().find(|area| area.name == "Search").unwrap();
        assert_eq!((search.packages.as_slice(), search.checks.len()), (["our-search".to_owned()].as_slice(), 1));
        assert_eq!(plan.areas.last().unwrap().paths, ["maps/**"]);

        let empty = parse("patchparty.toml", "[test-plan]\nbuilt-in = \"drop\"\n").unwrap().test_plan;
        assert!(
            empty.always.is_empty() && empty.areas.is_empty() && empty.emergency.is_empty() && empty.major.is_empty()
        );
    }

    #[test]
    fn nothing_written_is_the_built_in_policy() {
        assert_eq!(format!("{:?}", parse("x", "").unwrap()), format!("{:?}", Policy::default()));
    }
}
