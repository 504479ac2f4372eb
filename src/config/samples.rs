//! The sample organisation in `examples/` is what its README says; looked at by tests only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use serde_json::Value;

use super::load::load;
use super::policy::Policy;
use crate::model::advisory::AdvisoryId;
use crate::model::severity::Severity;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn advisories() -> BTreeMap<String, Value> {
    let files = fs::read_dir(examples().join("advisories")).unwrap();
    files
        .map(|entry| {
            let path = entry.unwrap().path();
            let record = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), record)
        })
        .collect()
}

fn organisation(file: &str) -> String {
    fs::read_to_string(examples().join("organisation").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The version at which a lockfile pins a package, as text: what stands between the name and the next version.
fn locked(lockfile: &str, name: &str) -> Option<String> {
    let text = organisation(lockfile);
    let (name, version) = match Path::new(lockfile).file_name()?.to_str()? {
        "Cargo.lock" => (format!("name = \"{name}\"\n"), "version = \""),
        "requirements.txt" => {
            return text.lines().find_map(|line| line.strip_prefix(&format!("{name}=="))).map(str::to_owned);
        }
        "package-lock.json" => (format!("\"node_modules/{name}\": {{"), "\"version\": \""),
        _ => (format!("\"name\": \"{name}\","), "\"version\": \""),
    };
    let rest = text.split_once(&name)?.1.split_once(version)?.1;
    Some(rest.split('"').next()?.to_owned())
}

#[test]
fn the_sample_policy_is_valid_and_says_what_it_shows() {
    let policy = load(Some(&examples().join("patchparty.toml"))).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(policy.branches.production.as_deref(), Some("production"));
    assert_eq!(policy.branches.development.as_deref(), Some("main"));
    let built_in = Policy::default();
    assert!(policy.deadlines.emergency < built_in.deadlines.emergency);
    assert_eq!(policy.test_plan.always.len(), built_in.test_plan.always.len() + 1);
    assert_eq!(policy.test_plan.areas.len(), built_in.test_plan.areas.len() + 1);
    assert_eq!(policy.advisories.sources.len(), 1);
    assert!(Path::new(&policy.advisories.sources[0].location).is_dir());
}

#[test]
fn sample_advisories_say_that_they_are_samples() {
    let advisories = advisories();
    assert_eq!(advisories.len(), 10);
    for (name, record) in &advisories {
        assert_eq!(record["id"], Value::String(name.clone()));
        assert!(AdvisoryId::new(name).is_ok());
        assert_eq!(record["database_specific"]["sample"], Value::Bool(true), "{name}");
        assert!(record["details"].as_str().unwrap().starts_with("Sample advisory of the patchparty demo"), "{name}");
    }
}

#[test]
fn sample_advisories_have_the_ratings_of_the_readme() {
    let readme = fs::read_to_string(examples().join("README.md")).unwrap();
    for (name, record) in advisories() {
        let vector = record["severity"][0]["score"].as_str();
        let severity = vector
            .map_or(Severity::Unknown, |vector| Severity::from_score(cvss::Cvss::from_str(vector).unwrap().score()));
        let row =
            readme.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_else(|| panic!("{name}"));
        assert!(row.contains(&format!("| {severity}")), "{severity}: {row}");
    }
}

#[test]
fn what_the_advisories_are_about_is_locked_at_an_affected_version() {
    for (lockfile, package, version, advisory) in [
        ("booking-service/Cargo.lock", "smallvec", "1.6.0", "PARTY-2026-0001"),
        ("booking-service@production/Cargo.lock", "smallvec", "1.6.0", "SAMPLE-2026-0417"),
        ("booking-service/Cargo.lock", "bytes", "1.4.0", "PARTY-2026-0002"),
        ("booking-service@production/Cargo.lock", "bytes", "1.4.0", "PARTY-2026-0002"),
        ("shop-front/package-lock.json", "lodash", "4.17.20", "PARTY-2026-0003"),
        ("shop-front/package-lock.json", "minimist", "1.2.5", "PARTY-2026-0004"),
        ("shop-front/package-lock.json", "ms", "2.0.0", "PARTY-2026-0005"),
        ("shop-front/package-lock.json", "semver", "7.5.1", "PARTY-2026-0006"),
        ("shop-back/composer.lock", "guzzlehttp/psr7", "2.1.0", "PARTY-2026-0007"),
        ("sales-report/requirements.txt", "jinja2", "3.1.2", "PARTY-2026-0009"),
    ] {
        assert_eq!(locked(lockfile, package).as_deref(), Some(version), "{package} in {lockfile}");
        let record = &advisories()[advisory];
        let affected = &record["affected"][0];
        assert_eq!(affected["package"]["name"], *package, "{advisory}");
        let event = |key: &str| {
            let events = affected["ranges"][0]["events"].as_array().unwrap();
            let text = events.iter().find_map(|event| event[key].as_str()).unwrap();
            let text = if text == "0" { "0.0.0" } else { text };
            semver::Version::parse(text).unwrap()
        };
        let version = semver::Version::parse(version).unwrap();
        assert!(event("introduced") <= version && version < event("fixed"), "{advisory}");
    }
}

#[test]
fn loose_unlocked_and_broken_are_there() {
    assert!(organisation("booking-service/tools/price-import/Cargo.lock").contains("?branch=main#"));
    assert_eq!(locked("shop-back/composer.lock", "sample-organisation/shop-theme").as_deref(), Some("dev-main"));
    let workflow = organisation("release-workflows/.github/workflows/release.yml");
    assert!(workflow.contains("announce@main") && workflow.contains("package@v1") && workflow.contains(" # v4.2.2"));
    assert!(organisation("sales-report/Dockerfile").contains("\nFROM python:3.8."));
    let compose = organisation("sales-report/compose.yaml");
    assert!(compose.contains("/mail:latest\n") && compose.contains(" redis:7.2\n"));
    assert!(organisation("legacy-newsletter/package-lock.json").contains("\n<<<<<<< "));
    for broken in ["legacy-newsletter/package-lock.json", "legacy-newsletter/archive/composer.lock"] {
        assert!(serde_json::from_str::<Value>(&organisation(broken)).is_err(), "{broken}");
    }
    let folder = examples().join("organisation/campaign-site");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "the campaign site has a manifest and no lockfile");
}

/// Where npm and Composer write the host they fetched from: a sample has to work with whatever registry a reader uses.
#[test]
fn no_sample_names_a_registry() {
    for lockfile in ["shop-front/package-lock.json", "shop-back/composer.lock"] {
        let text = organisation(lockfile);
        for key in ["\"resolved\"", "\"notification-url\""] {
            assert!(!text.contains(key), "{lockfile} has {key}");
        }
    }
}
