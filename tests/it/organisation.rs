//! An organisation of fifty repositories, five of which are odd: the others are handled, and the five are explained.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

/// A lockfile that nothing is known against.
const QUIET: &str = r#"{
  "name": "quiet", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "quiet", "version": "1.0.0", "dependencies": { "quiet-package": "^1.0.0" } },
    "node_modules/quiet-package": { "version": "1.0.0", "integrity": "sha512-AAAA" }
  }
}
"#;

const QUIET_MANIFEST: &str =
    r#"{ "name": "quiet", "version": "1.0.0", "dependencies": { "quiet-package": "^1.0.0" } }"#;

#[test]
fn fifty_repositories_of_which_five_are_explained() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.limit_pages(20);
    for number in 0..43 {
        let repository = github.repository("acme", &format!("quiet-{number:02}"));
        repository.file("package.json", QUIET_MANIFEST).file("package-lock.json", QUIET).commit();
    }
    for name in ["ledger", "vault"] {
        github.repository("acme", name).files(fixtures::project("cargo")).commit();
    }
    github.repository("acme", "void").empty();
    github.repository("acme", "attic").files(fixtures::project("cargo")).archived().commit();
    github.repository("acme", "broken").file("Cargo.lock", "version = 4\n[[package]\nname =").commit();
    github.repository("acme", "linked").symlink("Cargo.lock", "/etc/hostname").commit();
    github.repository("acme", "ghost").files(fixtures::project("cargo")).vanishes_after_listing().commit();

    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    assert_eq!(night.projects().len(), 50);
    let handled = night.handled();
    assert_eq!(handled.len(), 45, "{handled:?}");
    let explanations: [(&str, &[&str]); 5] = [
        ("acme/void", &["empty"]),
        ("acme/attic", &["archived"]),
        ("acme/broken", &["cargo.lock"]),
        ("acme/linked", &["cargo.lock"]),
        ("acme/ghost", &["does not exist"]),
    ];
    for (name, words) in explanations {
        assert!(!handled.iter().any(|other| other == name), "{name} was not handled");
        let said = night.explanation(name);
        assert!(words.iter().all(|word| said.contains(word)), "{name} is not explained: {said}");
    }
    for slug in ["acme/ledger", "acme/vault"] {
        assert!(github.only_pull(slug).open);
    }
    assert!(github.pulls("acme/attic").is_empty() && github.pulls("acme/quiet-00").is_empty());
    github.finish();
}

#[test]
fn a_person_reads_which_projects_were_not_handled() {
    let github = GitHub::start();
    github.repository("acme", "void").empty();
    let quiet = github.repository("acme", "quiet");
    quiet.file("package.json", QUIET_MANIFEST).file("package-lock.json", QUIET).commit();
    github.repository("acme", "broken").file("Cargo.lock", "version = 4\n[[package]\nname =").commit();
    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--org", "acme"]);
    night.expect_code(4);
    for text in ["acme/broken", "Cargo.lock", "acme/void", "empty"] {
        assert!(night.stdout.contains(text), "the report lacks `{text}`:\n{}", night.stdout);
    }
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn a_night_that_reads_no_lockfile_is_not_clean() {
    let github = GitHub::start();
    github.repository("acme", "prose").file("README.md", "# Prose\n").commit();
    let bot = Bot::new(&github);
    bot.run(&["run", "--repo", "acme/prose"]).expect_code(3);
    github.finish();
}
