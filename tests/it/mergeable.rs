//! Mergeable: emergency and routine stand beside each other, fixtures are reported only, and no word of a person is lost.

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

    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged", "unchanged"]);
    github.assert_no_writes_since(mark);
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
    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
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
    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    github.finish();
}
