//! Apps: an installation token, which GitHub does not let ask for its own account.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

/// The form of installation tokens since 2026: not 40 characters, and with dots.
const INSTALLATION: &str = "ghs_1234567_eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5";

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];

/// Two nights with an installation token: the second must know the first one's work as its own.
fn two_nights(hide_name: bool) {
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    github.installation_token(INSTALLATION, "patchparty[bot]");
    if hide_name {
        github.hide_names_of_apps();
    }
    let bot = Bot::new(&github).variable("PATCHPARTY_TOKEN", INSTALLATION);
    let first = bot.run(&RUN);
    assert_eq!(first.expect_code(0).actions(SLUG), ["opened"]);
    let mark = github.mark();
    let second = bot.run(&RUN);
    assert_eq!(second.expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    for outcome in [&first, &second] {
        assert!(!outcome.stdout.contains(INSTALLATION) && !outcome.stderr.contains(INSTALLATION));
    }
    assert_eq!(bot.files_with(INSTALLATION), Vec::<String>::new());
    github.finish();
}

#[test]
fn an_app_knows_its_own_pull_request() {
    match missing_tools(&["cargo"]) {
        Some(reason) => eprintln!("{reason}"),
        None => two_nights(false),
    }
}

#[test]
fn an_app_that_may_not_ask_for_its_name_knows_its_own_pull_request() {
    match missing_tools(&["cargo"]) {
        Some(reason) => eprintln!("{reason}"),
        None => two_nights(true),
    }
}
