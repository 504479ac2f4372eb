//! `.github/patchparty.toml` of a project: it may narrow the organisation's policy, and nothing else.
//!
//! The policy is a ceiling. A project may exclude its own folders, which leaves alone what is not critical there, add
//! checks and areas, say who a role is, and ignore a finding that is not critical, with a reason and a last day, which
//! every report shows. It may not remove a check, change a deadline, a branch, a source or a title, nor ask for fewer proposals: whoever can merge into a project must not
//! be able to silence it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::complaint::{Complaints, ConfigError, nearest};
use super::document;
use super::ignore;
use super::plan;
use super::policy::{Author, FunctionalArea, OwnExclusions, PlanCheck, Policy, TestPlan};
use super::raw::{RawArea, RawCheck, RawIgnore, Written};
use super::value;

/// The file comes from a repository and is not trusted. A hundred checks are some 20 kB.
const SIZE_LIMIT: usize = 64 * 1024;

/// More boxes than this nobody ticks, and each one stands in a pull request's body, which has a limit of its own.
const CHECK_LIMIT: usize = 100;

/// More patterns than this are no exception any more.
const PATTERN_LIMIT: usize = 200;

/// Keys that only the organisation's policy has; a test compares them with its schema.
const ORGANISATION_KEYS: &[&str] = &[
    "advisories",
    "branches",
    "built-in",
    "deadlines",
    "limits",
    "network",
    "project",
    "projects",
    "routes",
    "sandbox",
    "updates",
    "wording",
];

/// What a project says about its audit; whom the bot asks is the organisation's to decide.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawExclusions {
    exclude: Vec<Written<String>>,
}

/// The project's file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawProjectFile {
    /// Folders in which only what is critical is found.
    audit: RawExclusions,
    /// Who a role is in this project: role → person or team.
    owners: BTreeMap<String, Written<String>>,
    /// Checks and areas that are added.
    test_plan: RawAdditions,
    /// Steps added at the end of the deploy checklist.
    deploy: Vec<RawCheck>,
    /// Findings that are left alone for a while; critical ones never are.
    ignore: Vec<RawIgnore>,
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
        self.audit.exclude.len() + self.ignore.len() + of_areas.sum::<usize>()
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
    narrowed.ignores.extend(ignore::ignores(&raw.ignore, name, Author::Project, &mut complaints));
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
    let FunctionalArea { name: _, packages, paths, checks, kinds } = added;
    area.packages.extend(packages);
    area.paths.extend(paths);
    area.checks.extend(checks);
    // An area of some kinds only gets more of them, and one of every kind stays one.
    if !area.kinds.is_empty() {
        area.kinds.extend(kinds);
    }
}

fn exclude_more(written: &[Written<String>], policy: &mut Policy, complaints: &mut Complaints<'_>) {
    let (mut globs, mut places) = (Vec::new(), Vec::new());
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
        places.push(format!("{}:{}", complaints.file(), complaints.line(written.span().start)));
        globs.push(glob);
    }
    policy.own_exclusions = OwnExclusions { patterns: value::glob_set(globs, written, complaints), places };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::load::parse;
    use super::*;

    const FILE: &str = ".github/patchparty.toml";

    fn organisation() -> Policy {
        parse(
            "patchparty.toml",
            "[branches]\nproduction = \"live\"\n[audit]\nexclude = [\"vendor/**\"]\n[[project]]\nname = \"a/b\"\nskip = true\n",
        )
        .unwrap()
    }

    fn checks_are_kept(narrowed: &[PlanCheck], policy: &[PlanCheck]) -> bool {
        policy.iter().all(|check| narrowed.iter().any(|kept| kept.id == check.id && kept.text == check.text))
    }

    fn areas_are_kept(narrowed: &[FunctionalArea], policy: &[FunctionalArea]) -> bool {
        policy.iter().all(|area| {
            narrowed.iter().any(|kept| {
                kept.name == area.name
                    && kept.packages.starts_with(&area.packages)
                    && kept.paths.starts_with(&area.paths)
                    && checks_are_kept(&kept.checks, &area.checks)
            })
        })
    }

    /// effective(policy, project) ⊑ policy. Without `..`: a new field of the policy has to be decided on here.
    fn is_narrower(narrowed: &Policy, policy: &Policy) -> bool {
        let Policy {
            sandbox,
            projects,
            branches,
            advisories,
            network,
            deadlines,
            test_plan: TestPlan { always, areas, emergency, major },
            deploy,
            wording,
            yanked,
            exclude,
            own_exclusions,
            overrides,
            updates,
            routes,
            limits,
            ignores,
        } = narrowed;
        let root = ["Cargo.lock", "package-lock.json", "composer.lock"];
        format!("{projects:?}{advisories:?}") == format!("{:?}{:?}", policy.projects, policy.advisories)
            && *sandbox == policy.sandbox
            && *branches == policy.branches
            && *network == policy.network
            && *deadlines == policy.deadlines
            && *wording == policy.wording
            && *overrides == policy.overrides
            && format!("{updates:?}") == format!("{:?}", policy.updates)
            && *routes == policy.routes
            && ignores.iter().skip(policy.ignores.len()).all(|ignore| ignore.author == Author::Project)
            && *yanked == policy.yanked
            && *limits == policy.limits
            && checks_are_kept(always, &policy.test_plan.always)
            && checks_are_kept(emergency, &policy.test_plan.emergency)
            && checks_are_kept(major, &policy.test_plan.major)
            && checks_are_kept(deploy, &policy.deploy)
            && areas_are_kept(areas, &policy.test_plan.areas)
            && format!("{exclude:?}") == format!("{:?}", policy.exclude)
            && exclude.is_match("vendor/x/Cargo.lock")
            && root.iter().all(|path| own_exclusions.place_of(path).is_none())
    }

    #[test]
    fn a_project_adds_checks_folders_and_names() {
        let policy = organisation();
        let narrowed = narrow(
            &policy,
            FILE,
            r#"
            [audit]
            exclude = ["tests/fixtures/**"]
            [owners]
            tester = "Anna"
            [[test-plan.always]]
            id = "voucher"
            text = "A voucher is accepted."
            [[test-plan.area]]
            name = "Search"
            packages = ["our-search"]
            paths = ["src/search/**"]
            [[test-plan.area.check]]
            id = "search-shoes"
            text = "Search for a shoe."
            [[test-plan.area]]
            name = "Maps"
            paths = ["maps/**"]
            [[deploy]]
            id = "deploy-cdn"
            text = "The content network has been emptied."
            "#,
        )
        .unwrap();
        assert!(is_narrower(&narrowed, &policy));
        assert!(!narrowed.exclude.is_match("tests/fixtures/a/Cargo.lock"));
        let place = narrowed.own_exclusions.place_of("tests/fixtures/a/Cargo.lock");
        assert!(place.is_some_and(|place| place.starts_with(".github/patchparty.toml:")), "{place:?}");
        assert!(narrowed.test_plan.always.iter().all(|check| check.owner == "Anna"));
        assert!(narrowed.test_plan.always.iter().any(|check| check.id == "voucher"));
        let search = narrowed.test_plan.areas.iter().find(|area| area.name == "Search").unwrap();
        assert!(search.packages.contains(&"our-search".to_owned()) && search.packages.len() > 1);
        assert_eq!(search.checks.len(), 2);
        assert_eq!(narrowed.deploy.last().unwrap().id, "deploy-cdn");
        assert_eq!(narrowed.test_plan.areas.len(), policy.test_plan.areas.len() + 1);
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        let policy = organisation();
        assert_eq!(format!("{:?}", narrow(&policy, FILE, "").unwrap()), format!("{policy:?}"));
    }

    #[test]
    fn what_would_widen_is_refused() {
        for (text, expected) in [
            (
                "[deadlines]\nemergency = \"24 h\"",
                "1:2: unknown key `deadlines`; only the organisation's policy may set it",
            ),
            (
                "[updates]\nallow-sources = [\"git\"]",
                "1:2: unknown key `updates`; only the organisation's policy may set it",
            ),
            (
                "[routes]\ndevelopment = \"routine\"",
                "1:2: unknown key `routes`; only the organisation's policy may set it",
            ),
            (
                "[branches]\nproduction = \"x\"",
                "1:2: unknown key `branches`; only the organisation's policy may set it",
            ),
            (
                "[test-plan]\nbuilt-in = \"drop\"",
                "2:1: unknown key `built-in`; only the organisation's policy may set it",
            ),
            ("[audit]\nexclude = [\"**\"]", "2:12: `**` reaches the project's root"),
            ("[audit]\nexclude = [\"**/Cargo.lock\"]", "2:12: `**/Cargo.lock` reaches the project's root"),
            ("[audit]\nexclude = [\"Cargo.lock\"]", "2:12: `Cargo.lock` reaches the project's root"),
            ("[audit]\nexclude = [\"{src,**}/x\"]", "2:12: `{src,**}/x` reaches the project's root"),
            ("[audit]\nexclude = [\"[!x]*/**\"]", "2:12: `[!x]*/**` reaches the project's root"),
            (
                "[[test-plan.always]]\nid = \"sign-in\"\ntext = \"Nothing to do.\"",
                "2:6: the check `sign-in` stands elsewhere in the organisation's plan already",
            ),
            ("[owners]\ntestr = \"Anna\"", "2:9: no check belongs to `testr`; did you mean `tester`?"),
            ("[owners]\ntester = \"\"", "2:10: not one line of visible text"),
            ("sandbox = \"off\"", "1:1: unknown key `sandbox`; only the organisation's policy may set it"),
            ("skip-routine = true", "1:1: unknown key `skip-routine`"),
        ] {
            let shown = narrow(&organisation(), FILE, text).unwrap_err().to_string();
            assert!(shown.starts_with(&format!("{FILE}:{expected}")), "{text}\n{shown}");
        }
    }

    #[test]
    fn a_flood_is_refused() {
        let checks = (0..=CHECK_LIMIT).fold(String::new(), |text, number| {
            text + &format!("[[test-plan.always]]\nid = \"c{number}\"\ntext = \"x\"\n")
        });
        assert!(narrow(&organisation(), FILE, &checks).unwrap_err().to_string().contains("at most 100 checks"));
        let patterns = format!("[audit]\nexclude = [{}]", "\"a/{b,c}{d,e}{f,g}\",".repeat(PATTERN_LIMIT + 1));
        assert!(narrow(&organisation(), FILE, &patterns).unwrap_err().to_string().contains("200 patterns"));
        assert!(narrow(&organisation(), FILE, &"#".repeat(SIZE_LIMIT + 1)).is_err());
        assert!(narrow(&organisation(), FILE, &format!("a = {}", "[".repeat(60_000))).is_err());
    }

    #[test]
    fn the_worst_patterns_that_are_accepted_are_cheap() {
        let pattern = format!("a/{}", "**/{*?,[!a-z]*}".repeat(13));
        assert!(pattern.len() <= 200);
        let list = vec![format!("{pattern:?}"); PATTERN_LIMIT].join(",");
        let started = std::time::Instant::now();
        let narrowed = narrow(&organisation(), FILE, &format!("[audit]\nexclude = [{list}]"));
        if let Ok(policy) = narrowed {
            assert_eq!(policy.own_exclusions.place_of(&format!("b/{}", "x/".repeat(2_000))), None);
        }
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "{:?}", started.elapsed());
    }

    #[test]
    fn the_keys_of_the_organisation_are_all_that_a_project_lacks() {
        let schema: serde_json::Value = serde_json::from_str(&super::super::schema()).unwrap();
        let plan = &schema["$defs"]["TestPlan"]["properties"];
        let keys = [&schema["properties"], plan].into_iter().flat_map(|part| part.as_object().unwrap().keys());
        let project = ["audit", "ignore", "test-plan", "deploy", "always", "emergency", "major", "area"];
        let mut only: Vec<_> = keys.map(String::as_str).filter(|key| !project.contains(key)).collect();
        only.sort_unstable();
        assert_eq!(only, ORGANISATION_KEYS);
    }

    /// Lines that mean something to one of the two formats, in any order and number.
    fn line() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("sign-in".to_owned()),
            Just("Search".to_owned()),
            Just("tester".to_owned()),
            Just("**".to_owned()),
            Just("vendor/**".to_owned()),
            Just("main".to_owned()),
            Just("9999 days".to_owned()),
            "[a-z*?/{},!\\[\\]-]{0,12}",
        ];
        let section = prop::sample::select(vec![
            "[audit]",
            "[owners]",
            "[branches]",
            "[deadlines]",
            "[wording]",
            "[advisories]",
            "[[advisories.source]]",
            "[projects]",
            "[[project]]",
            "[test-plan]",
            "[[test-plan.always]]",
            "[[test-plan.emergency]]",
            "[[test-plan.major]]",
            "[[test-plan.area]]",
            "[[test-plan.area.check]]",
            "[[deploy]]",
        ]);
        let key = prop::sample::select(vec![
            "id",
            "text",
            "owner",
            "name",
            "tester",
            "reviewer",
            "production",
            "emergency",
            "high",
            "max-age",
            "built-in",
            "fix-prefix",
            "skip",
            "kind",
            "location",
        ]);
        let list = prop::sample::select(vec!["exclude", "packages", "paths", "repositories", "deploy"]);
        prop_oneof![
            3 => section.prop_map(ToOwned::to_owned),
            4 => (key, word.clone()).prop_map(|(key, word)| format!("{key} = \"{word}\"")),
            2 => (list, prop::collection::vec(word, 0..3)).prop_map(|(key, words)| format!("{key} = {words:?}")),
        ]
    }

    /// Whole sections, so that a good part of the files is accepted.
    fn section() -> impl Strategy<Value = String> {
        let id = "[a-z][a-z0-9-]{0,8}";
        let check = (id, "[A-Za-z ]{1,20}").prop_map(|(id, text)| format!("id = \"{id}\"\ntext = \"x{text}\"\n"));
        let place = prop::sample::select(vec!["test-plan.always", "test-plan.emergency", "test-plan.major", "deploy"]);
        let name = prop_oneof![Just("Search".to_owned()), "[A-Z][a-z]{1,8}"];
        prop_oneof![
            (place, check.clone()).prop_map(|(place, check)| format!("[[{place}]]\n{check}")),
            (name, "[a-z*]{1,8}", check).prop_map(|(name, pattern, check)| {
                format!("[[test-plan.area]]\nname = \"{name}\"\npackages = [\"{pattern}\"]\n[[test-plan.area.check]]\n{check}")
            }),
            "[a-z]{1,6}/[a-z*]{0,4}".prop_map(|pattern| format!("[audit]\nexclude = [\"{pattern}\"]\n")),
            "[A-Z][a-z]{1,8}".prop_map(|name| format!("[owners]\ntester = \"{name}\"\nreviewer = \"{name}\"\n")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_a_project_writes_the_policy_only_gets_narrower(lines in prop::collection::vec(line(), 0..14)) {
            let policy = organisation();
            if let Ok(narrowed) = narrow(&policy, FILE, &lines.join("\n")) {
                prop_assert!(is_narrower(&narrowed, &policy), "{}", lines.join("\n"));
            }
        }

        #[test]
        fn what_a_project_may_write_only_narrows(sections in prop::collection::vec(section(), 0..4)) {
            let policy = organisation();
            if let Ok(narrowed) = narrow(&policy, FILE, &sections.concat()) {
                prop_assert!(is_narrower(&narrowed, &policy), "{}", sections.concat());
            }
        }

        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,200}") {
            let _ = narrow(&organisation(), FILE, &text);
        }
    }
}
