//! The test plan of a change: what is always checked, what the touched areas need, and what makes this change special.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use crate::config::policy::{FunctionalArea, PlanCheck, TestPlan};
use crate::model::project_kind::{Kinds, fits};
use crate::model::proposal::Route;
use crate::model::remedy::{Bump, Step};
use crate::model::repository::RepoPath;

/// A block of the plan, with the reason it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanSection {
    /// What the block is about.
    pub(crate) subject: PlanSubject,
    /// Why it is in the plan; empty where the subject says it.
    pub(crate) reasons: Vec<PlanReason>,
    /// What to do. Empty when earlier blocks ask for all of it.
    pub(crate) checks: Vec<PlanCheck>,
}

/// What a block of the plan is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlanSubject {
    /// Every change.
    Always,
    /// A functional area that the change touches.
    Area(String),
    /// The emergency route.
    Emergency,
    /// A package that makes a major step.
    Major,
}

/// Why a block is in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PlanReason {
    /// A package that moves matches a pattern.
    Package {
        /// The package. Untrusted.
        name: String,
        /// The area's pattern.
        pattern: String,
    },
    /// A file that changes matches a pattern.
    Path {
        /// The file.
        path: RepoPath,
        /// The area's pattern.
        pattern: String,
    },
    /// A package makes a major step.
    MajorStep {
        /// The package. Untrusted.
        name: String,
    },
}

/// What a plan is made for.
pub(crate) struct Change<'a> {
    /// What moves.
    pub(crate) bumps: &'a [Bump],
    /// The files that change.
    pub(crate) files: &'a [RepoPath],
    /// The route.
    pub(crate) route: Route,
    /// What the changed projects are; empty where only workflows and the like change.
    pub(crate) kinds: &'a Kinds,
}

/// Makes the plan for a change, of what is meant for its kinds of project. A check that several blocks ask for stands in
/// the first of them.
pub(crate) fn test_plan(policy: &TestPlan, change: &Change<'_>) -> Vec<PlanSection> {
    let Change { bumps, files, route, kinds } = *change;
    let mut sections = Vec::new();
    let meant = |checks: &[PlanCheck]| checks_for(checks, kinds);
    let (always, emergency, major_checks) = (meant(&policy.always), meant(&policy.emergency), meant(&policy.major));
    if !always.is_empty() {
        sections.push(section(PlanSubject::Always, Vec::new(), always));
    }
    for area in policy.areas.iter().filter(|area| fits(&area.kinds, kinds)) {
        let checks = meant(&area.checks);
        if checks.is_empty() && !area.checks.is_empty() {
            continue;
        }
        let reasons = touches(area, bumps, files);
        if !reasons.is_empty() {
            sections.push(section(PlanSubject::Area(area.name.clone()), reasons, checks));
        }
    }
    if route == Route::Emergency && !emergency.is_empty() {
        sections.push(section(PlanSubject::Emergency, Vec::new(), emergency));
    }
    let major = sorted(
        bumps
            .iter()
            .filter(|bump| bump.step == Step::Major)
            .map(|bump| PlanReason::MajorStep { name: bump.package.clone() }),
    );
    if !major.is_empty() && !major_checks.is_empty() {
        sections.push(section(PlanSubject::Major, major, major_checks));
    }
    let mut seen = BTreeSet::new();
    for section in &mut sections {
        section.checks.retain(|check| seen.insert(check.id.clone()));
    }
    sections
}

/// The checks that are meant for changes of these kinds of project.
pub(crate) fn checks_for(checks: &[PlanCheck], kinds: &Kinds) -> Vec<PlanCheck> {
    checks.iter().filter(|check| fits(&check.kinds, kinds)).cloned().collect()
}

const fn section(subject: PlanSubject, reasons: Vec<PlanReason>, checks: Vec<PlanCheck>) -> PlanSection {
    PlanSection { subject, reasons, checks }
}

/// Why the change touches the area: one reason per package and file, with the first pattern that matches.
fn touches(area: &FunctionalArea, bumps: &[Bump], files: &[RepoPath]) -> Vec<PlanReason> {
    // Each pattern is compiled once: that costs far more than a look at a name.
    let (of_packages, of_paths) = (compiled(&area.packages, package_pattern), compiled(&area.paths, path_pattern));
    let packages = bumps.iter().filter_map(|bump| {
        let (pattern, _) = of_packages.iter().find(|(_, matcher)| matcher.is_match(&bump.package))?;
        Some(PlanReason::Package { name: bump.package.clone(), pattern: (*pattern).to_owned() })
    });
    let paths = files.iter().filter_map(|path| {
        let (pattern, _) = of_paths.iter().find(|(_, matcher)| matcher.is_match(path.as_str()))?;
        Some(PlanReason::Path { path: path.clone(), pattern: (*pattern).to_owned() })
    });
    sorted(packages.chain(paths))
}

fn sorted(reasons: impl Iterator<Item = PlanReason>) -> Vec<PlanReason> {
    reasons.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Patterns, ready to match. The configuration has been checked when it was read: a pattern that is none matches nothing.
fn compiled<'a>(patterns: &'a [String], build: impl Fn(&'a str) -> GlobBuilder<'a>) -> Vec<(&'a str, GlobMatcher)> {
    let ready = |pattern: &'a String| Some((pattern.as_str(), build(pattern).build().ok()?.compile_matcher()));
    patterns.iter().filter_map(ready).collect()
}

/// `*` also matches `/`, because `symfony/*` and `@acme*` are meant so; case is ignored, as some ecosystems do.
fn package_pattern(pattern: &str) -> GlobBuilder<'_> {
    let mut builder = GlobBuilder::new(pattern);
    builder.literal_separator(false).case_insensitive(true);
    builder
}

/// As in `.gitignore`, `*` stays in one folder and `**` does not.
fn path_pattern(pattern: &str) -> GlobBuilder<'_> {
    let mut builder = GlobBuilder::new(pattern);
    builder.literal_separator(true);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;
    use crate::model::project_kind::ProjectKind;

    fn check(id: &str) -> PlanCheck {
        PlanCheck { id: id.to_owned(), text: format!("Do {id}"), owner: "tester".to_owned(), kinds: Kinds::new() }
    }

    fn plan(policy: &TestPlan, bumps: &[Bump], files: &[RepoPath], route: Route) -> Vec<PlanSection> {
        test_plan(policy, &Change { bumps, files, route, kinds: &Kinds::new() })
    }

    fn policy() -> TestPlan {
        let area = |name: &str, packages: &[&str], paths: &[&str], checks: &[&str]| FunctionalArea {
            name: name.to_owned(),
            packages: packages.iter().map(|&pattern| pattern.to_owned()).collect(),
            paths: paths.iter().map(|&pattern| pattern.to_owned()).collect(),
            checks: checks.iter().map(|id| check(id)).collect(),
            kinds: Kinds::new(),
        };
        TestPlan {
            always: vec![check("start")],
            areas: vec![
                area("Sign-in", &["symfony/security*", "passport"], &[], &["login", "start"]),
                area("Checkout", &["[broken"], &["apps/shop/**"], &["pay"]),
                area("Everything", &["*"], &[], &["start"]),
            ],
            emergency: vec![check("watch")],
            major: vec![check("changelog"), check("login")],
        }
    }

    fn bump(package: &str, step: Step) -> Bump {
        Bump {
            ecosystem: Ecosystem::Packagist,
            package: package.to_owned(),
            file: RepoPath::new("composer.lock").expect("valid"),
            from: "1.0.0".to_owned(),
            to: Some("2.0.0".to_owned()),
            step,
            direct: true,
            path: crate::model::dependency_path::DependencyPath::default(),
            fixes: Vec::new(),
            reason: String::new(),
        }
    }

    fn outline(sections: &[PlanSection]) -> Vec<(PlanSubject, usize, Vec<&str>)> {
        sections
            .iter()
            .map(|section| {
                let checks = section.checks.iter().map(|check| check.id.as_str()).collect();
                (section.subject.clone(), section.reasons.len(), checks)
            })
            .collect()
    }

    #[test]
    fn areas_are_added_with_their_reason_and_each_check_once() {
        let bumps = [bump("Symfony/security-http", Step::Major), bump("Symfony/security-http", Step::Major)];
        let files = [RepoPath::new("apps/shop/web/package-lock.json").expect("valid")];
        let plan = plan(&policy(), &bumps, &files, Route::Emergency);
        let area = |name: &str| PlanSubject::Area(name.to_owned());
        assert_eq!(
            outline(&plan),
            [
                (PlanSubject::Always, 0, vec!["start"]),
                (area("Sign-in"), 1, vec!["login"]),
                (area("Checkout"), 1, vec!["pay"]),
                (area("Everything"), 1, vec![]),
                (PlanSubject::Emergency, 0, vec!["watch"]),
                (PlanSubject::Major, 1, vec!["changelog"]),
            ]
        );
        assert_eq!(
            plan[1].reasons,
            [PlanReason::Package { name: "Symfony/security-http".to_owned(), pattern: "symfony/security*".to_owned() }]
        );
    }

    #[test]
    fn a_routine_patch_elsewhere_gets_only_what_is_always_checked() {
        let mut policy = policy();
        policy.areas.pop();
        let plan = plan(&policy, &[bump("lodash", Step::Patch)], &[], Route::Routine);
        assert_eq!(outline(&plan), [(PlanSubject::Always, 0, vec!["start"])]);
    }

    #[test]
    fn no_check_about_signing_in_stands_in_a_librarys_plan() {
        let policy = crate::config::policy::Policy::default().test_plan;
        let bumps = [bump("jsonwebtoken", Step::Major), bump("express-session", Step::Patch), bump("csv", Step::Patch)];
        for (kind, expected) in [
            (ProjectKind::Service, true),
            (ProjectKind::Library, false),
            (ProjectKind::CommandLine, false),
            (ProjectKind::Documentation, false),
        ] {
            let kinds = Kinds::from([kind]);
            let change = Change { bumps: &bumps, files: &[], route: Route::Emergency, kinds: &kinds };
            let plan = test_plan(&policy, &change);
            let checks: Vec<&PlanCheck> = plan.iter().flat_map(|section| &section.checks).collect();
            let about = |word: &str| checks.iter().any(|check| check.text.to_lowercase().contains(word));
            assert_eq!(about("sign in") || about("session") || about("password"), expected, "{kind}");
            assert!(checks.len() >= 4, "{kind} has a plan: {checks:?}");
            assert!(about("upgrade notes") && about("imports, exports"), "what fits all is in all: {kind}");
        }
        let bump = [bump("actions/checkout", Step::Pin)];
        let change = Change { bumps: &bump, files: &[], route: Route::Routine, kinds: &Kinds::new() };
        let names: Vec<PlanSubject> = test_plan(&policy, &change).into_iter().map(|section| section.subject).collect();
        assert_eq!(names, [PlanSubject::Area("CI and release".to_owned())], "a workflow is no project");
    }

    #[test]
    fn a_star_stays_in_one_folder_of_paths_but_not_of_packages() {
        let path = RepoPath::new("apps/shop/composer.lock").expect("valid");
        let path_matches = |pattern: &str, path: &RepoPath| {
            compiled(&[pattern.to_owned()], path_pattern).iter().any(|(_, matcher)| matcher.is_match(path.as_str()))
        };
        let package_matches = |pattern: &str, package: &str| {
            compiled(&[pattern.to_owned()], package_pattern).iter().any(|(_, matcher)| matcher.is_match(package))
        };
        assert!(path_matches("apps/**", &path) && path_matches("apps/*/composer.lock", &path));
        assert!(!path_matches("apps/*", &path) && !path_matches("[", &path));
        assert!(package_matches("@acme*", "@acme/shop/x"));
    }
}
