//! The built-in policy: `default.toml`, read by the same code as everyone's.

use std::collections::BTreeSet;
use std::time::Duration;

use globset::GlobSet;

use super::load::parse_onto;
use super::policy::{
    AdvisoryPolicy, Branches, Deadlines, Limits, NetworkPolicy, OwnExclusions, Policy, ProjectSelection, Routes,
    TestPlan, Updates, Wording,
};
use crate::model::confinement::Confinement;
use crate::model::proposal::Route;

/// The built-in policy as a user would write it.
const DEFAULT: &str = include_str!("default.toml");

impl Default for Policy {
    fn default() -> Self {
        parse_onto("default.toml", DEFAULT, blank()).expect("a test reads the built-in policy")
    }
}

/// What the built-in policy is laid on: it says everything, so nothing of this is left (a test looks).
fn blank() -> Policy {
    let none = Duration::ZERO;
    Policy {
        sandbox: Confinement::default(),
        projects: ProjectSelection::default(),
        branches: Branches::default(),
        advisories: AdvisoryPolicy { sources: Vec::new(), warn_age: none, max_age: none, accept_uncovered: Vec::new() },
        network: NetworkPolicy { allow_hosts: Vec::new(), hosts_per_project: 0 },
        deadlines: Deadlines { emergency: none, high: none, medium: none, unknown: none, low: none },
        test_plan: TestPlan { always: Vec::new(), areas: Vec::new(), emergency: Vec::new(), major: Vec::new() },
        deploy: Vec::new(),
        wording: Wording {
            fix_prefix: String::new(),
            pin_prefix: String::new(),
            suffix: String::new(),
            sign_off: None,
        },
        yanked: false,
        exclude: GlobSet::empty(),
        own_exclusions: OwnExclusions::default(),
        overrides: Vec::new(),
        updates: Updates {
            allow_sources: BTreeSet::new(),
            npm_overrides: false,
            report_only: GlobSet::empty(),
            breaking_limit: 0,
        },
        routes: Routes { development: Route::Emergency },
        limits: Limits { lockfiles: 0, mebibytes: 0, dependencies: 0, findings: 0, proposals_per_run: 0, time: none },
        ignores: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::super::plan::all_checks;
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_built_in_policy_is_valid_and_complete() {
        let policy = parse_onto("default.toml", DEFAULT, blank()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(policy.sandbox, Confinement::Required);
        let deadlines = &policy.deadlines;
        assert_eq!(deadlines.emergency, 24 * HOUR);
        assert_eq!(deadlines.high, 7 * 24 * HOUR);
        assert_eq!((deadlines.unknown, deadlines.medium), (30 * 24 * HOUR, 30 * 24 * HOUR));
        assert_eq!(deadlines.low, 90 * 24 * HOUR);
        assert_eq!((policy.advisories.warn_age, policy.advisories.max_age), (7 * 24 * HOUR, 30 * 24 * HOUR));
        assert_eq!(policy.advisories.sources.len(), 19);
        let limits = &policy.limits;
        assert_eq!((limits.lockfiles, limits.mebibytes, limits.dependencies), (5_000, 256, 300_000));
        assert_eq!((limits.findings, limits.time), (20_000, Duration::from_mins(2)));
        assert_eq!(limits.proposals_per_run, 50);
        assert_eq!((policy.routes.development, policy.updates.breaking_limit), (Route::Routine, 5));
        assert_eq!(policy.wording.fix_prefix, "fix(deps): ");
        assert_eq!(policy.wording.pin_prefix, "chore(deps): ");
        assert_eq!(policy.wording.suffix, " [SECURITY]");
        assert!(!policy.test_plan.always.is_empty() && !policy.test_plan.emergency.is_empty());
        assert!(!policy.test_plan.major.is_empty() && !policy.deploy.is_empty());
        assert!(policy.test_plan.areas.iter().all(|area| !area.checks.is_empty()));
        assert!(policy.test_plan.always.iter().all(|check| check.owner == "tester"));
    }

    #[test]
    fn lockfiles_of_test_fixtures_are_known_by_their_folder() {
        let report_only = Policy::default().updates.report_only;
        for path in [
            "tests/fixtures/a/Cargo.lock",
            "packages/cli/__fixtures__/basic/package-lock.json",
            "testdata/Cargo.lock",
            "src/updater/testdata/old/composer.lock",
            "test/integration/fixtures/package-lock.json",
            "crates/audit/tests/fixtures/Cargo.lock",
            "spec/fixtures/yarn.lock",
            "fixtures/workers/package-lock.json",
            "cargo/spec/fixtures/projects/x/Cargo.lock",
            "tests/data/x/Cargo.lock",
            "src/__tests__/package-lock.json",
        ] {
            assert!(report_only.is_match(path), "{path}");
        }
        for path in [
            "Cargo.lock",
            "tests/Cargo.lock",
            "e2e/package-lock.json",
            "docs/package-lock.json",
            "data/composer.lock",
            "contest/Cargo.lock",
        ] {
            assert!(!report_only.is_match(path), "{path}");
        }
    }

    #[test]
    fn the_base_leaves_no_trace() {
        // The same file on top of itself changes nothing, so nothing depends on what was below.
        let built_in = format!("{:?}", Policy::default());
        let again = parse_onto("default.toml", DEFAULT, Policy::default()).unwrap();
        assert_eq!(format!("{again:?}"), built_in);
    }

    #[test]
    fn well_known_packages_touch_the_areas_a_tester_expects() {
        let areas: Vec<(String, GlobSet)> = Policy::default()
            .test_plan
            .areas
            .into_iter()
            .map(|area| {
                let globs = area.packages.iter().map(|pattern| Glob::new(pattern).unwrap());
                (area.name, GlobSet::new(globs).unwrap())
            })
            .collect();
        let areas_of = |package: &str| -> Vec<&str> {
            areas.iter().filter(|(_, set)| set.is_match(package)).map(|(name, _)| name.as_str()).collect()
        };
        for (package, area) in [
            ("jsonwebtoken", "Sign-in and sessions"),
            ("symfony/security-http", "Sign-in and sessions"),
            ("passport-local", "Sign-in and sessions"),
            ("stripe/stripe-php", "Payments and checkout"),
            ("async-stripe", "Payments and checkout"),
            ("sqlx", "Database and migrations"),
            ("doctrine/dbal", "Database and migrations"),
            ("pg", "Database and migrations"),
            ("lettre", "E-mail"),
            ("nodemailer", "E-mail"),
            ("symfony/mailer", "E-mail"),
            ("rustls", "Outgoing requests and TLS"),
            ("guzzlehttp/psr7", "Outgoing requests and TLS"),
            ("axios", "Outgoing requests and TLS"),
            ("twig/twig", "Pages and templates"),
            ("handlebars", "Pages and templates"),
            ("dompurify", "Pages and templates"),
            ("sharp", "Uploads and images"),
            ("intervention/image", "Uploads and images"),
            ("elasticsearch/elasticsearch", "Search"),
            ("tantivy", "Search"),
            ("ioredis", "Caches and queues"),
            ("symfony/messenger", "Caches and queues"),
            ("serde_json", "Data formats"),
            ("js-yaml", "Data formats"),
            ("webpack", "Front-end build"),
            ("@babel/core", "Front-end build"),
            ("actions/checkout", "CI and release"),
            ("laravel/framework", "Framework core"),
            ("axum", "Framework core"),
            ("@angular/core", "Framework core"),
        ] {
            assert!(areas_of(package).contains(&area), "{package} touches {:?}", areas_of(package));
        }
        // A pattern that matches everything would make every plan the same.
        assert_eq!(areas_of("left-pad"), Vec::<&str>::new());
    }

    #[test]
    fn checks_have_names_of_their_own_and_end_like_sentences() {
        let policy = Policy::default();
        let mut ids: Vec<_> = all_checks(&policy.test_plan, &policy.deploy).map(|check| check.id.clone()).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for check in all_checks(&policy.test_plan, &policy.deploy) {
            assert!(check.text.ends_with('.'), "{}", check.text);
        }
    }
}
