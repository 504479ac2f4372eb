//! Pitfalls: situations in which a tool like this quietly tells less than it knows, or more than it should.

use serde_json::json;

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

const LOCK: &str = r#"{ "name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": { "": { "name": "x", "version": "1.0.0" }, "node_modules/lodash": { "version": "4.17.20" } } }"#;

const CARGO_LOCK: &str = "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\n";

#[test]
fn credentials_in_an_address_are_never_shown() {
    const SECRET: &str = "hunter2-Canary-Password";
    let bot = Bot::without_forge();
    let address = format!("https://ada:{SECRET}@127.0.0.1:1/acme/shop");
    let broken = format!("https://ada:{SECRET}@[bad/acme/shop");
    for target in [&address, &broken] {
        for extra in [vec![], vec!["--offline"], vec!["--format", "json"]] {
            let outcome = bot.run(&[&["audit", target.as_str()], extra.as_slice()].concat());
            outcome.expect_code(4);
            assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(SECRET), "{outcome:?}");
        }
        let outcome = bot.run_bare(&["audit".to_owned(), "--advisories".to_owned(), target.clone()]);
        outcome.expect_code(2);
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(SECRET), "{outcome:?}");
    }
}

#[test]
fn a_lockfile_at_a_path_that_is_refused_is_named() {
    let github = GitHub::start();
    github
        .repository("acme", "colon")
        .file(r"apps\old/package-lock.json", LOCK)
        .file("Cargo.lock", CARGO_LOCK)
        .commit();
    // What is no lockfile may be called anything.
    github.repository("acme", "notes").file(r"docs/a\b.md", "# Notes\n").file("Cargo.lock", CARGO_LOCK).commit();
    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    assert!(night.explanation("acme/colon").contains(r"`apps\\\\old/`"), "{}", night.explanation("acme/colon"));
    assert_eq!(night.handled(), ["acme/notes"]);

    bot.write(r"folder/apps\old/package-lock.json", LOCK.as_bytes());
    bot.write(r"folder/docs/a\b.md", b"# Notes\n");
    let audit = bot.run(&["audit", bot.path("folder").to_str().unwrap()]);
    audit.expect_code(4);
    assert!(audit.stdout.contains("old/package-lock.json"), "{}", audit.stdout);
    github.finish();
}

#[test]
fn a_proposal_whose_target_turns_out_to_be_vulnerable_is_renewed() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let mut bot = Bot::new(&github);
    bot.run(&["run", "--repo", "acme/ledger"]).expect_code(0);
    let before = github.text("acme/ledger", "patchparty/routine/main", "Cargo.lock");
    assert!(before.contains("name = \"regex\"\nversion = \"1.5.5\""));

    // It says nothing about the locked 1.5.4, only about the version that is proposed.
    let advisory = json!({
        "schema_version": "1.6.0", "id": "RUSTSEC-2026-0100", "modified": "2026-11-21T00:00:00Z",
        "summary": "The fix was a mistake",
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "regex" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "1.5.5" }, { "fixed": "1.5.6" }] }],
        }],
    });
    bot.write("mistake/RUSTSEC-2026-0100.json", advisory.to_string().as_bytes());
    bot.learn(bot.path("mistake"));
    bot.set_now("2026-11-22T02:00:00Z");
    let night = bot.run(&["run", "--repo", "acme/ledger", "--format", "json"]);
    night.expect_code(0);
    assert_eq!(night.actions("acme/ledger"), ["updated"]);
    let after = github.text("acme/ledger", "patchparty/routine/main", "Cargo.lock");
    assert!(!after.contains("name = \"regex\"\nversion = \"1.5.5\""), "{after}");

    let mark = github.mark();
    bot.run(&["run", "--repo", "acme/ledger"]).expect_code(0);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn a_report_that_cannot_be_written_stops_the_night_before_it_begins() {
    let github = GitHub::start();
    let action = "name: Tools\nruns:\n  using: composite\n  steps: []\n";
    github.repository("acme", "tools").file("action.yml", action).commit();
    let workflow = "on: push\njobs:\n  build:\n    steps:\n      - uses: acme/tools@main\n";
    github.repository("acme", "site").file(".github/workflows/ci.yml", workflow).commit();
    let bot = Bot::new(&github);
    let output = bot.path("missing/report.json").display().to_string();
    let night = bot.run(&["run", "--org", "acme", "--output", &output]);
    night.expect_code(2);
    assert!(night.stderr.contains("missing/report.json"), "{}", night.stderr);
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn a_workflow_cannot_send_the_bot_to_any_number_of_places() {
    let github = GitHub::start();
    github
        .repository("acme", "tools")
        .file("action.yml", "name: Tools\nruns:\n  using: composite\n  steps: []\n")
        .commit();
    let step = |number: usize| format!("      - uses: acme/nowhere-{number}@main\n");
    let steps: Vec<String> = (0..150).map(step).collect();
    let steps = steps.concat();
    let workflow = format!(
        "on: push\njobs:\n  build:\n    steps:\n      - uses: acme/tools@main\n{steps}      - uses: acme/tools@main\n"
    );
    github.repository("acme", "site").file(".github/workflows/ci.yml", workflow).commit();
    let bot = Bot::new(&github);
    bot.run(&["run", "--repo", "acme/site"]).expect_code(0);
    let log = github.log_since(0);
    let asked: std::collections::BTreeSet<&str> =
        log.iter().filter(|entry| entry.path.contains("/nowhere-")).map(|entry| entry.path.as_str()).collect();
    assert_eq!(asked.len(), 99, "{asked:#?}");
    let pinned = github.text("acme/site", "patchparty/routine/main", ".github/workflows/ci.yml");
    assert_eq!(pinned.matches("# main").count(), 2, "{pinned}");
    github.finish();
}

#[test]
fn a_body_that_an_editor_saved_with_other_line_ends_is_not_reported_as_updated() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    // One flaw without a fix keeps the proposal incomplete, so that every night looks again.
    let advisory = json!({
        "schema_version": "1.6.0", "id": "GHSA-nofi-xnof-ixno", "modified": "2026-11-20T00:00:00Z", "summary": "No fix",
        "affected": [{
            "package": { "ecosystem": "GitHub Actions", "name": "acme/broken" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }],
        }],
    });
    let workflow = "on: push\njobs:\n  build:\n    steps:\n      - uses: acme/broken@v1.0.0\n";
    let repository = github.repository("acme", "shop").files(fixtures::project("npm"));
    repository.file(".github/workflows/ci.yml", workflow).commit();
    let mut bot = Bot::new(&github);
    bot.write("no-fix/GHSA-nofi-xnof-ixno.json", advisory.to_string().as_bytes());
    bot.learn(bot.path("no-fix"));
    bot.run(&["run", "--repo", "acme/shop"]).expect_code(0);
    let pull = github.only_pull("acme/shop");
    assert!(pull.body.contains("GHSA-nofi-xnof-ixno"), "{}", pull.body);
    github.edit_body("acme/shop", pull.number, |body| body.replace('\n', "\r\n"));
    let mark = github.mark();
    let night = bot.run(&["run", "--repo", "acme/shop", "--format", "json"]);
    night.expect_code(0);
    github.assert_no_writes_since(mark);
    assert_eq!(night.actions("acme/shop"), ["unchanged"]);
    github.finish();
}
