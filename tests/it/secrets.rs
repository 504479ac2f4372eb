//! The token: it turns up in no output, no file, no pull request, and nothing of it reaches a child process.

use base64::Engine as _;

use crate::support::bot::{Bot, Outcome, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, TOKEN};

/// The token in every form in which it travels.
fn forms(token: &str) -> Vec<String> {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let trimmed = |text: String| text.trim_end_matches('=').to_owned();
    vec![token.to_owned(), trimmed(encode(token)), trimmed(encode(&format!("x-access-token:{token}")))]
}

fn assert_silent(bot: &Bot, outcomes: &[Outcome], token: &str) {
    for form in forms(token) {
        for outcome in outcomes {
            assert!(!outcome.stdout.contains(&form), "the token is on standard output:\n{}", outcome.stdout);
            assert!(!outcome.stderr.contains(&form), "the token is on standard error:\n{}", outcome.stderr);
        }
        // The scripts in front of the tools write their arguments and environments into this world, too.
        let files = bot.files_with(&form);
        assert!(files.is_empty(), "the token stands in {files:?}");
    }
}

#[test]
fn the_token_stays_where_it_belongs() {
    if let Some(reason) = missing_tools(&["cargo", "npm", "composer"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let mut bot = Bot::new(&github);
    github.repository("acme", "ledger").files(fixtures::project("cargo")).private().commit();
    github.repository("acme", "shop").files(fixtures::project("npm")).commit();
    github.repository("acme", "portal").files(fixtures::composer_project(&github, &bot)).commit();
    github.repository("acme", "ghost").files(fixtures::project("cargo")).vanishes_after_listing().commit();
    let mut outcomes = vec![
        bot.run(&["run", "--org", "acme", "--dry-run", "--out", "preview", "-vv"]),
        bot.run(&["run", "--org", "acme", "-vv", "--format", "json"]),
    ];
    bot.learn(fixtures::advisories("later"));
    outcomes.push(bot.run(&["run", "--org", "acme", "-vv", "--output", "report.txt"]));
    assert_silent(&bot, &outcomes, TOKEN);
    for tool in ["cargo", "npm", "composer"] {
        let calls = bot.tool_calls(tool);
        assert!(calls.contains("== environment"), "{tool} was not called");
        for name in ["PATCHPARTY_TOKEN", "GITHUB_", "ACTIONS_"] {
            assert!(!calls.contains(name), "{tool} sees {name}:\n{calls}");
        }
    }
    assert!(!github.pulls("acme/ledger").is_empty(), "the token was used");
    for entry in github.log_since(0) {
        assert!(forms(TOKEN).iter().all(|form| !entry.body.contains(form) && !entry.path.contains(form)), "{entry}");
    }
    github.finish();
}

#[test]
fn a_refused_token_is_not_repeated() {
    const WRONG: &str = "ghs_Wrong7Canary8Token9Never0Printed1Here2";
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github).variable("PATCHPARTY_TOKEN", WRONG);
    let outcomes = [
        bot.run(&["run", "--org", "acme", "-vv"]),
        bot.run(&["run", "--repo", "acme/ledger", "-vv"]),
        bot.run(&["audit", &format!("{}/acme/ledger", github.server_url()), "-vv"]),
    ];
    for outcome in &outcomes {
        assert!(!matches!(outcome.code, Some(0 | 1) | None), "{outcome:?}");
    }
    assert_silent(&bot, &outcomes, WRONG);
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn without_a_token_nothing_is_tried() {
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github).without_variable("PATCHPARTY_TOKEN");
    let outcome = bot.run(&["run", "--org", "acme"]);
    outcome.expect_code(2);
    assert!(outcome.stderr.contains("PATCHPARTY_TOKEN"), "{}", outcome.stderr);
    assert!(github.log_since(0).is_empty());
    github.finish();
}

/// A tool that looks for the token where the kernel shows it: in the environments and arguments of all processes.
const SPY: &str = r#"#!/bin/sh
echo "spy $PPID" >> '@@RECORD@@'
for process in /proc/[0-9]*; do
  for file in environ cmdline; do
    tr '\0' '\n' < "$process/$file" 2>/dev/null | sed "s|^|$process/$file: |" >> '@@RECORD@@'
  done
done
exec '@@REAL@@' "$@"
"#;

#[test]
fn no_process_shows_the_token_to_a_tool() {
    // Tokens that no other test's process holds.
    const OWN: &str = "ghp_Spy1Canary2Token3Of4The5Environment6";
    const RUNNER: &str = "Spy7Canary8Of9The0Runner";
    const KEY: &str = "Spy1Canary2State3Key4Of5More6Than7Thirty8Two";
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    github.installation_token(OWN, "spied-bot[bot]");
    let bot = Bot::new(&github)
        .variable("PATCHPARTY_TOKEN", OWN)
        .variable("GITHUB_TOKEN", OWN)
        .variable("PATCHPARTY_STATE_KEY", KEY)
        .variable("ACTIONS_RUNTIME_TOKEN", RUNNER)
        .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", RUNNER);
    let (record, real) = (bot.path("watch/spy"), bot.path("bin/real-cargo"));
    std::fs::rename(bot.path("bin/cargo"), &real).expect("the world is ours");
    let spy = SPY.replace("@@RECORD@@", &record.display().to_string()).replace("@@REAL@@", &real.display().to_string());
    bot.write_program("bin/cargo", &spy);
    // Inside of the sandbox the spy would see nothing at all; this is what stands without it.
    bot.write("work/patchparty.toml", b"sandbox = \"off\"\n");

    let night = bot.run(&["run", "--repo", "acme/ledger", "--format", "json"]);
    assert_eq!(night.expect_code(0).actions("acme/ledger"), ["opened"], "the token was used");
    let seen = std::fs::read_to_string(&record).expect("the spy was called");
    assert!(seen.contains("environ: PATCHPARTY_NOW="), "the spy sees the environments of others:\n{seen}");
    for secret in [OWN, RUNNER, KEY] {
        assert_silent(&bot, std::slice::from_ref(&night), secret);
    }
    github.finish();
}
