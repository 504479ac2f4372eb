//! Ignores: what is left alone on purpose is named with its reason, opens nothing, and ends.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];
const FILE: &str = ".github/patchparty.toml";

/// A project's own file that ignores the flaws of a report until a day.
fn own_file(report: &serde_json::Value, expires: &str) -> String {
    let findings = report["projects"][0]["findings"].as_array().expect("findings");
    let ids = findings.iter().filter_map(|finding| finding["advisory"].as_str());
    let entries = ids.map(|id| {
        format!("[[ignore]]\nadvisory = \"{id}\"\nreason = \"Not reachable from outside.\"\nexpires = \"{expires}\"\n")
    });
    entries.collect()
}

#[test]
fn what_a_project_ignores_closes_its_pull_request_and_comes_back_when_it_ends() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let mut bot = Bot::new(&github);
    let first = bot.run(&RUN).expect_code(0).json();
    let pull = github.only_pull(SLUG);
    let own = own_file(&first, "2026-11-30");
    github.push(SLUG, "main", FILE, own.as_bytes());

    bot.set_now("2026-11-22T02:00:00Z");
    let second = bot.run(&RUN);
    assert_eq!(second.expect_code(0).actions(SLUG), ["closed-as-ignored"]);
    let project = &second.json()["projects"][0];
    assert!(project["findings"].as_array().is_some_and(Vec::is_empty), "{project}");
    let ignored = project["ignored"].as_array().expect("ignored");
    assert_eq!(ignored.len(), first["projects"][0]["findings"].as_array().expect("findings").len());
    for entry in ignored {
        assert_eq!(entry["reason"], "Not reachable from outside.");
        assert_eq!(entry["expires"], "2026-11-30");
        assert!(entry["place"].as_str().is_some_and(|place| place.starts_with(&format!("{FILE}:"))), "{entry}");
    }
    let closed = github.only_pull(SLUG);
    assert!(!closed.open);
    assert!(closed.comments[0].contains("is now ignored on purpose"), "{:?}", closed.comments);
    let mark = github.mark();
    bot.run(&RUN).expect_code(0);
    github.assert_no_writes_since(mark);

    bot.set_now("2026-12-01T02:00:00Z");
    let third = bot.run(&RUN);
    assert_eq!(third.expect_code(0).actions(SLUG), ["opened"]);
    let remarks = &third.json()["projects"][0]["remarks"];
    let expired =
        |remark: &serde_json::Value| remark["message"].as_str().is_some_and(|it| it.contains("expired on 2026-11-30"));
    assert!(remarks.as_array().is_some_and(|remarks| !remarks.is_empty() && remarks.iter().all(expired)), "{remarks}");
    assert!(github.pulls(SLUG).iter().any(|other| other.open && other.number != pull.number));
    github.finish();
}
