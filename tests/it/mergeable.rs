//! Mergeable: emergency, routine and breaking raises stand beside each other, fixtures are reported only, and no word of a
//! person is lost.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest};

const SLUG: &str = "acme/kiosk";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];
const LOCK: &str = "package-lock.json";

/// One npm project with a critical flaw in `minimist` and a high one in `lodash`.
fn two_flaws() -> Vec<(String, Vec<u8>)> {
    let entry = |project: &str, name: &str| {
        let lock: serde_json::Value = serde_json::from_slice(&fixtures::file(project, LOCK)).expect("JSON");
        lock["packages"][format!("node_modules/{name}")].clone()
    };
    let manifest = serde_json::json!({
        "name": "kiosk", "version": "1.0.0", "private": true,
        "dependencies": { "lodash": "^4.17.15", "minimist": "^1.2.0" },
    });
    let lock = serde_json::json!({
        "name": "kiosk", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": { "name": "kiosk", "version": "1.0.0", "dependencies": manifest["dependencies"] },
            "node_modules/lodash": entry("npm", "lodash"),
            "node_modules/minimist": entry("npm-critical", "minimist"),
        },
    });
    let bytes = |value: &serde_json::Value| (serde_json::to_string_pretty(value).expect("JSON") + "\n").into_bytes();
    vec![("package.json".to_owned(), bytes(&manifest)), (LOCK.to_owned(), bytes(&lock))]
}

/// The pull requests of the two routes.
fn two_pulls(github: &GitHub) -> [PullRequest; 2] {
    let pulls = github.pulls(SLUG);
    let find = |route: &str| {
        let of_route = pulls.iter().find(|pull| pull.head == format!("patchparty/{route}/main"));
        of_route.unwrap_or_else(|| panic!("no {route} pull request: {pulls:#?}")).clone()
    };
    assert_eq!(pulls.len(), 2, "{pulls:#?}");
    [find("emergency"), find("routine")]
}

#[test]
fn emergency_and_routine_change_different_things_and_can_be_merged_in_any_order() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "kiosk").files(two_flaws()).commit();
    let bot = Bot::new(&github);
    bot.run(&RUN).expect_code(0);
    let [emergency, routine] = two_pulls(&github);
    let fixed = |revision: &str| {
        let lock = github.text(SLUG, revision, LOCK);
        ["\"version\": \"1.2.6\"", "\"version\": \"4.17.21\""].map(|version| lock.contains(version))
    };
    assert_eq!(fixed(&emergency.head), [true, false]);
    assert_eq!(fixed(&routine.head), [false, true]);
    assert!(!routine.body.contains("CVE-2021-44906"), "the emergency fixes it:\n{}", routine.body);

    assert_nothing_is_written_again(&github, &bot, &["unchanged", "unchanged"]);
    // Either first, and the other still merges: the result has both.
    let disk = github.disk(SLUG);
    for (first, second) in [(&emergency.head, &routine.head), (&routine.head, &emergency.head)] {
        let tree = disk.git(&["merge-tree", "--write-tree", first, second]).run();
        let lock = disk.git(&["cat-file", "-p", &format!("{}:{LOCK}", tree.trim())]).run();
        assert!(lock.contains("\"1.2.6\"") && lock.contains("\"4.17.21\""), "{lock}");
    }
    github.finish();
}

#[test]
fn what_the_emergency_fixes_as_well_is_not_changed_twice() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "kiosk").files(fixtures::project("npm-critical")).commit();
    let mut bot = Bot::new(&github);
    // A lesser flaw of the same package, which the same release fixes.
    let lesser = r#"{ "id": "GHSA-less-less-less", "modified": "2026-11-20T00:00:00Z",
      "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
      "affected": [{ "package": { "ecosystem": "npm", "name": "minimist" }, "ranges": [{ "type": "SEMVER",
        "events": [{ "introduced": "0" }, { "fixed": "1.2.6" }] }] }] }"#;
    bot.write("lesser/GHSA-less-less-less.json", lesser.as_bytes());
    let folder = bot.path("lesser");
    bot.learn(folder);
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["opened"]);
    assert_eq!(github.only_pull(SLUG).head, "patchparty/emergency/main");
    assert_nothing_is_written_again(&github, &bot, &["unchanged"]);
    github.finish();
}

#[test]
fn lockfiles_of_test_fixtures_are_reported_and_not_changed() {
    let github = GitHub::start();
    let below = |(path, content): (String, Vec<u8>)| (format!("tests/fixtures/old/{path}"), content);
    github.repository("acme", "kiosk").files(fixtures::project("npm-critical").into_iter().map(below)).commit();
    let bot = Bot::new(&github);
    let night = bot.run(&RUN);
    let project = night.expect_code(0).project(SLUG);
    assert_eq!(project["findings"].as_array().map(Vec::len), Some(1), "{project:#}");
    assert_eq!(project["blocked"][0]["cause"], "report-only", "{project:#}");
    assert!(github.pulls(SLUG).is_empty());
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn words_that_people_write_anywhere_are_moved_to_the_notes() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "kiosk").files(fixtures::project("npm-critical")).commit();
    let bot = Bot::new(&github);
    bot.run(&RUN).expect_code(0);
    let pull = github.only_pull(SLUG);
    github.edit_body(SLUG, pull.number, |body| {
        body.replacen("## Test plan", "**Anna:** please wait for Monday.\n\n## Test plan", 1)
    });
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG).body;
    let (before, notes) = after.split_once("<!-- patchparty:notes -->").expect("notes");
    let words = "**Anna:** please wait for Monday.";
    assert!(!before.contains(words) && notes.contains(words), "{after}");
    assert_eq!(after.matches("## Test plan").count(), 1, "{after}");
    assert_nothing_is_written_again(&github, &bot, &["unchanged"]);
    github.finish();
}

/// A second run finds what stands there and leaves it.
fn assert_nothing_is_written_again(github: &GitHub, bot: &Bot, expected: &[&str]) {
    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), expected);
    github.assert_no_writes_since(mark);
}

/// A Cargo project whose requirement has to be raised, and a bot that knows why.
fn with_a_breaking_step() -> (GitHub, Bot) {
    let github = GitHub::start();
    let mut bot = Bot::new(&github);
    let known = r#"{ "id": "GHSA-itoa-itoa-itoa", "modified": "2026-11-20T00:00:00Z", "summary": "Digits are lost",
      "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
      "affected": [{ "package": { "ecosystem": "crates.io", "name": "itoa" }, "ranges": [{ "type": "SEMVER",
        "events": [{ "introduced": "0" }, { "fixed": "1.0.0" }] }] }] }"#;
    bot.write("breaking/GHSA-itoa-itoa-itoa.json", known.as_bytes());
    let folder = bot.path("breaking");
    bot.learn(folder);
    let manifest =
        "[package]\nname = \"kiosk\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"0.4\"\n";
    let lock = concat!(
        "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n\n",
        "[[package]]\nname = \"itoa\"\nversion = \"0.4.8\"\n",
        "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
        "checksum = \"b71991ff56294aa922b450139ee08b3bfc70982c6b2c7562771375cf73542dd4\"\n\n",
        "[[package]]\nname = \"kiosk\"\nversion = \"1.0.0\"\ndependencies = [\n \"itoa\",\n]\n",
    );
    let files = [("Cargo.toml", manifest), ("Cargo.lock", lock), ("src/lib.rs", "")]
        .map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
    github.repository("acme", "kiosk").files(files).commit();
    (github, bot)
}

#[test]
fn a_breaking_raise_stands_in_a_pull_request_of_its_own_and_stays_closed_when_a_person_closes_it() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, bot) = with_a_breaking_step();
    let night = bot.run(&RUN);
    assert_eq!(night.expect_code(0).actions(SLUG), ["opened"]);
    let project = night.project(SLUG);
    assert_eq!(project["proposals"][0]["breaking"], true, "{project:#}");
    assert_eq!(project["blocked"][0]["cause"], "breaking-raise", "{project:#}");
    let pull = github.only_pull(SLUG);
    assert!(pull.head.starts_with("patchparty/breaking/main/cargo-itoa-"), "{}", pull.head);
    assert!(pull.title.starts_with("fix(deps): raise itoa from 0.4.8 to 1."), "{}", pull.title);
    assert_eq!(pull.labels, ["breaking", "dependencies", "security", "severity: high"]);
    assert!(pull.body.contains("The code may need changes.") && pull.body.contains("For a library."), "{}", pull.body);
    assert!(github.text(SLUG, &pull.head, "Cargo.toml").contains("itoa = \"1"), "the requirement is raised");
    assert_nothing_is_written_again(&github, &bot, &["unchanged"]);

    github.close(SLUG, pull.number);
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-by-person"]);
    assert!(!github.only_pull(SLUG).open);
    github.finish();
}

#[test]
fn a_breaking_raise_is_closed_when_what_it_fixes_is_gone_and_none_is_opened_where_the_policy_wants_none() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, bot) = with_a_breaking_step();
    let policy = bot.write("none.toml", b"[updates]\nbreaking-limit = 0\n").display().to_string();
    let none: Vec<&str> = RUN.into_iter().chain(["--config", &policy]).collect();
    let night = bot.run(&none);
    assert!(night.expect_code(0).actions(SLUG).is_empty() && github.pulls(SLUG).is_empty());
    let step = night.project(SLUG)["blocked"][0]["next_step"].to_string();
    assert!(step.contains("breaking-limit"), "{step}");

    bot.run(&RUN).expect_code(0);
    let pull = github.only_pull(SLUG);
    for file in ["Cargo.toml", "Cargo.lock"] {
        let raised = github.text(SLUG, &pull.head, file);
        github.push(SLUG, "main", file, raised.as_bytes());
    }
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-as-fixed"]);
    assert!(!github.only_pull(SLUG).open);
    assert_eq!(github.tip(SLUG, &pull.head), None, "its branch is gone");
    github.finish();
}
