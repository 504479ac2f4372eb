//! Limits and faults of the forge: what it asks to wait is waited, what it breaks is tried again, nothing is done twice.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, Unseen};

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];

fn project() -> (GitHub, Bot) {
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github);
    (github, bot)
}

#[test]
fn a_rate_limit_with_retry_after_is_waited_for() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, bot) = project();
    github.limit_next(1, 1);
    github.limit_next_writes(1, 1);
    bot.run(&RUN).expect_code(0);
    assert!(github.only_pull(SLUG).open);
    let limited = github.log_since(0).iter().filter(|entry| entry.status == 403).count();
    assert_eq!(limited, 2, "both limits were met, and none was hammered");
    github.finish();
}

#[test]
fn a_rate_limit_of_a_day_ends_the_work_instead_of_waiting() {
    let (github, bot) = project();
    github.limit_next(1000, 86_400);
    let night = bot.run(&RUN);
    assert!(!matches!(night.code, Some(0 | 3) | None), "{night:?}");
    let said = format!("{}{}", night.stdout, night.stderr).to_lowercase();
    assert!(said.contains("rate limit"), "{said}");
    assert!(github.pulls(SLUG).is_empty());
    github.finish();
}

#[test]
fn a_gateway_that_fails_once_is_asked_again() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, bot) = project();
    github.break_next(1);
    bot.run(&RUN).expect_code(0);
    assert!(github.only_pull(SLUG).open);
    github.finish();
}

#[test]
fn an_answer_that_is_lost_never_makes_a_second_pull_request() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    // Every write of a night in turn: blob, tree, commit, reference, pull request, labels.
    for lost in 1..=8 {
        let (github, bot) = project();
        github.lose_answer_of_write(lost);
        let first = bot.run(&RUN);
        assert!(matches!(first.code, Some(0 | 4)), "{first:?}");
        bot.run(&RUN).expect_code(0);
        let pull = github.only_pull(SLUG);
        assert!(pull.open && pull.labels.contains(&"security".to_owned()), "write {lost} was lost: {pull:#?}");
        github.finish();
    }
}

#[test]
fn what_github_does_not_see_yet_is_tried_again() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, bot) = project();
    github.overlook(&[Unseen::Tree, Unseen::Branch, Unseen::PullRequest]);
    bot.run(&RUN).expect_code(0);
    let pull = github.only_pull(SLUG);
    assert!(pull.labels.contains(&"security".to_owned()), "{pull:#?}");
    github.finish();
}

#[test]
fn a_night_opens_no_more_than_the_policy_says_and_the_next_goes_on() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let names = ["alpha", "beta", "gamma"];
    for name in names {
        github.repository("acme", name).files(fixtures::project("cargo")).commit();
    }
    let bot = Bot::new(&github);
    bot.write("work/patchparty.toml", b"[limits]\nproposals-per-run = 2\n");
    let run = ["run", "--org", "acme", "--jobs", "1", "--format", "json"];
    let first = bot.run(&run);
    let actions =
        |night: &crate::support::bot::Outcome| names.map(|name| night.actions(&format!("acme/{name}")).concat());
    assert_eq!(actions(&first), ["opened", "opened", ""]);
    let said = first.expect_code(4).explanation("acme/gamma");
    assert!(said.contains("`proposals-per-run` allows 2 new ones of a route") && said.contains("run again"), "{said}");
    // What is open counts no more.
    let second = bot.run(&run);
    assert_eq!(actions(second.expect_code(0)), ["unchanged", "unchanged", "opened"]);
    github.finish();
}
