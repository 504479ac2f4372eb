//! People: what they commit, tick, label and close is theirs.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest};

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];

/// A project with an open pull request of the first night; `None` where cargo is missing.
fn first_night() -> Option<(GitHub, Bot, PullRequest)> {
    if let Some(reason) = missing_tools(&["cargo"]) {
        std::io::Write::write_all(&mut std::io::stderr(), reason.as_bytes()).expect("standard error takes text");
        return None;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github);
    bot.run(&RUN).expect_code(0);
    let pull = github.only_pull(SLUG);
    Some((github, bot, pull))
}

#[test]
fn commits_of_people_are_left_alone_and_said_so_once() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    let theirs = github.push(SLUG, &pull.head, "NOTES.md", b"Wait for the release.\n");
    github.comment(SLUG, pull.number, "I have added a note, please leave the branch to me.");
    bot.learn(fixtures::advisories("later"));
    bot.set_now("2026-11-22T02:00:00Z");
    let second = bot.run(&RUN);
    assert_eq!(second.expect_code(0).actions(SLUG), ["left-to-people"]);
    let after = github.only_pull(SLUG);
    assert_eq!((after.head_sha, after.open, &after.body), (theirs.clone(), true, &pull.body));
    assert_eq!(after.comments.len(), 2, "{:?}", after.comments);
    let mark = github.mark();
    bot.set_now("2026-11-23T02:00:00Z");
    bot.run(&RUN).expect_code(0);
    github.assert_no_writes_since(mark);
    assert_eq!(github.tip(SLUG, &pull.head), Some(theirs));
    github.finish();
}

#[test]
fn a_commit_that_was_there_before_the_first_night_is_not_overwritten() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let branch = "patchparty/routine/main";
    github
        .repository("acme", "ledger")
        .files(fixtures::project("cargo"))
        .branch(branch, &[("NOTES.md", b"x")])
        .commit();
    let theirs = github.tip(SLUG, branch);
    // Whether this is a problem or a proposal left to people is the bot's choice; the branch is not.
    let night = Bot::new(&github).run(&RUN);
    assert!(matches!(night.code, Some(0 | 4)), "{night:?}");
    assert_eq!(github.tip(SLUG, branch), theirs);
    github.finish();
}

#[test]
fn ticked_boxes_and_added_labels_survive_an_update() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    let boxed = pull.body.lines().find(|line| line.trim_start().starts_with("- [ ] ")).expect("there is a test plan");
    let (open, ticked) = (boxed.to_owned(), boxed.replacen("- [ ] ", "- [x] ", 1));
    github.edit_body(SLUG, pull.number, |body| body.replacen(&open, &ticked, 1));
    github.add_label(SLUG, pull.number, "team: ledger");
    bot.learn(fixtures::advisories("later"));
    bot.set_now("2026-11-22T02:00:00Z");
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG);
    assert!(after.body.contains("CVE-2026-25541"), "the update is there:\n{}", after.body);
    assert!(after.body.contains(&ticked), "the box `{ticked}` is not ticked any more:\n{}", after.body);
    assert!(after.labels.contains(&"team: ledger".to_owned()), "{:?}", after.labels);
    github.finish();
}

#[test]
fn a_box_that_is_ticked_is_no_reason_to_write() {
    let Some((github, bot, pull)) = first_night() else { return };
    github.edit_body(SLUG, pull.number, |body| body.replacen("- [ ] ", "- [x] ", 1));
    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn a_closed_pull_request_is_not_opened_again_until_something_new_is_known() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    github.close(SLUG, pull.number);
    bot.set_now("2026-11-22T02:00:00Z");
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-by-person"]);
    assert!(!github.only_pull(SLUG).open);
    let mark = github.mark();
    bot.set_now("2026-11-23T02:00:00Z");
    bot.run(&RUN).expect_code(0);
    github.assert_no_writes_since(mark);

    bot.learn(fixtures::advisories("later"));
    bot.set_now("2026-11-24T02:00:00Z");
    bot.run(&RUN).expect_code(0);
    let open: Vec<PullRequest> = github.pulls(SLUG).into_iter().filter(|pull| pull.open).collect();
    assert_eq!(open.len(), 1, "{open:#?}");
    assert!(open[0].body.contains("CVE-2026-25541"));
    github.finish();
}

#[test]
fn after_a_merge_there_is_nothing_to_do() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    github.merge(SLUG, pull.number);
    let mark = github.mark();
    bot.set_now("2026-11-22T02:00:00Z");
    let second = bot.run(&RUN);
    assert!(second.expect_code(0).actions(SLUG).is_empty());
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn a_repository_that_is_archived_meanwhile_is_left_alone() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    github.archive(SLUG);
    bot.learn(fixtures::advisories("later"));
    let mark = github.mark();
    // It was the only project: nothing was read, which is not the same as clean.
    let second = bot.run(&RUN);
    assert!(second.expect_code(3).explanation(SLUG).contains("archived"));
    github.assert_no_writes_since(mark);
    assert_eq!(github.only_pull(SLUG).body, pull.body);
    github.finish();
}

#[test]
fn a_branch_of_people_that_bars_ours_is_passed_by() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    // Git cannot hold both `patchparty/routine` and `patchparty/routine/main`.
    for bar in ["patchparty", "patchparty/routine", "patchparty/routine/main/x"] {
        let github = GitHub::start();
        github.repository("acme", "ledger").files(fixtures::project("cargo")).branch(bar, &[("x", b"x")]).commit();
        let theirs = github.tip(SLUG, bar);
        let mut bot = Bot::new(&github);
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["opened"], "{bar}");
        assert_eq!(github.only_pull(SLUG).head, "patchparty-bot/routine/main");
        let mark = github.mark();
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"], "{bar}");
        github.assert_no_writes_since(mark);
        assert_eq!(github.tip(SLUG, bar), theirs);
        // It stays where it is when nothing bars the first namespace any more.
        github.delete_branch(SLUG, bar);
        bot.learn(fixtures::advisories("later"));
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"], "{bar}");
        assert_eq!(github.only_pull(SLUG).head, "patchparty-bot/routine/main");
        github.finish();
    }
}

#[test]
fn branches_of_people_that_bar_all_of_ours_are_named() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    for [bar, other] in [["patchparty", "patchparty-bot/routine"], ["patchparty/routine/main/x", "patchparty-bot"]] {
        let github = GitHub::start();
        let project = github.repository("acme", "ledger").files(fixtures::project("cargo"));
        project.branch(bar, &[("x", b"x")]).branch(other, &[("x", b"x")]).commit();
        let night = Bot::new(&github).run(&RUN);
        let said = night.expect_code(4).explanation(SLUG);
        assert!(said.contains(&format!("beside branch `{bar}`")) && said.contains("rename or delete"), "{said}");
        github.assert_no_writes_since(0);
        github.finish();
    }
}

#[test]
fn a_commit_that_arrives_while_the_bot_writes_is_not_overwritten() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    bot.learn(fixtures::advisories("later"));
    github.push_at_next_write(SLUG, &pull.head);
    let second = bot.run(&RUN);
    assert!(matches!(second.code, Some(0 | 4)), "{second:?}");
    let log = github.disk(SLUG).git(&["log", "--format=%ae", &pull.head]).run();
    assert_eq!(log.lines().next(), Some("ada@people.example"), "the person's commit is the tip:\n{log}");
    assert_eq!(github.text(SLUG, &pull.head, "NOTES.md"), "Just in time.\n");
    github.finish();
}

#[test]
fn a_night_that_was_cut_off_after_its_commit_is_finished_by_the_next() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    bot.learn(fixtures::advisories("later"));
    bot.run(&RUN).expect_code(0);
    let updated = github.only_pull(SLUG);
    // As if the commit had been the last thing that the second night could do.
    github.edit_body(SLUG, pull.number, |_| pull.body.clone());
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG);
    assert!(after.body.contains("CVE-2026-25541") && after.comments.is_empty(), "{after:?}");

    // Who amends it keeps the message, and is not overwritten.
    let disk = github.disk(SLUG);
    let amended = disk.git(&["rev-parse", &format!("{}^{{tree}}", "main")]).run();
    let message = disk.git(&["log", "-1", "--format=%B", &updated.head]).run();
    let theirs = disk.git(&["commit-tree", amended.trim(), "-p", "main", "-m", &message]).run();
    disk.git(&["update-ref", &format!("refs/heads/{}", pull.head), theirs.trim()]).run();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["left-to-people"]);
    assert_eq!(github.tip(SLUG, &pull.head).as_deref(), Some(theirs.trim()));
    github.finish();
}

#[test]
fn a_box_that_is_ticked_while_the_bot_works_stays_ticked() {
    let Some((github, mut bot, pull)) = first_night() else { return };
    bot.learn(fixtures::advisories("later"));
    github.tick_at_next_write(SLUG, pull.number);
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG);
    assert!(after.body.contains("CVE-2026-25541") && after.body.contains("- [x] "), "{}", after.body);
    github.finish();
}

#[test]
fn what_is_fixed_otherwise_is_closed_once_and_opened_anew_when_it_comes_back() {
    let Some((github, bot, pull)) = first_night() else { return };
    let vulnerable = github.text(SLUG, "main", "Cargo.lock");
    let fixed = github.text(SLUG, &pull.head, "Cargo.lock");
    // A person does the same by hand.
    github.push(SLUG, "main", "Cargo.lock", fixed.as_bytes());
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-as-fixed"]);
    let after = github.only_pull(SLUG);
    assert!(!after.open, "{after:?}");
    assert_eq!(after.comments.len(), 1, "{:?}", after.comments);
    assert!(after.comments[0].contains("Nothing is left to fix here"), "{:?}", after.comments);
    assert_eq!(github.tip(SLUG, &pull.head), None, "the branch is gone");

    let mark = github.mark();
    bot.run(&RUN).expect_code(0);
    github.assert_no_writes_since(mark);

    github.push(SLUG, "main", "Cargo.lock", vulnerable.as_bytes());
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["opened"], "no person has closed it");
    assert_eq!(github.pulls(SLUG).len(), 2);
    github.finish();
}

#[test]
fn nothing_is_closed_by_a_night_that_knows_or_reads_less() {
    let Some((github, bot, pull)) = first_night() else { return };
    let mark = github.mark();
    let other = r#"{ "id": "GHSA-other", "modified": "2026-11-20T00:00:00Z", "affected": [{
      "package": { "ecosystem": "crates.io", "name": "other" }, "versions": ["1.0.0"] }] }"#;
    bot.write("other/GHSA-other.json", other.as_bytes());
    let folder = bot.path("other").display().to_string();
    let bare = ["run", "--repo", SLUG, "--advisories", &folder].map(str::to_owned);
    bot.run_bare(&bare).expect_code(0);
    github.push(SLUG, "main", "Cargo.lock", b"<<<<<<< ours\n");
    bot.run(&RUN).expect_code(4);
    github.assert_no_writes_since(mark);
    assert!(github.only_pull(SLUG).open, "{pull:?}");
    github.finish();
}
