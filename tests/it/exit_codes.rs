//! Exit codes: an outage is 4 in every command, 2 is for what the user wrote.

use crate::support::bot::{Bot, Outcome};
use crate::support::fixtures;

fn run(bot: &Bot, arguments: &[&str]) -> Outcome {
    bot.run_bare(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
}

/// A policy with one source.
fn policy(bot: &Bot, location: &str) -> String {
    let text = format!("[[advisories.source]]\nkind = \"osv\"\nlocation = \"{location}\"\n");
    bot.write("policy.toml", text.as_bytes()).display().to_string()
}

#[test]
fn a_source_that_cannot_be_reached_is_an_outage_in_every_command() {
    let bot = Bot::without_forge();
    // Nothing listens there.
    let policy = policy(&bot, "https://127.0.0.1:1/all.zip");
    let (work, empty) = (bot.path("work").display().to_string(), bot.path("cache").display().to_string());
    for arguments in [
        &["audit", "--config", &policy, &work][..],
        &["audit", "--offline", "--config", &policy, "--cache", &empty, &work],
        &["run", "--local", &work, "--dry-run", "--config", &policy],
        &["db", "update", "--config", &policy],
        &["db", "status", "--config", &policy, "--cache", &empty],
        &["db", "verify", "--config", &policy, "--cache", &empty],
    ] {
        let outcome = run(&bot, arguments);
        outcome.expect_code(4);
        assert!(outcome.stderr.contains("\nhint: "), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn what_the_user_wrote_is_a_mistake_in_every_command() {
    let bot = Bot::without_forge();
    let (policy, work) = (policy(&bot, "nowhere"), bot.path("work").display().to_string());
    for arguments in [
        &["audit", "--config", &policy, &work][..],
        &["audit", "--advisories", "nowhere", &work],
        &["run", "--local", &work, "--dry-run", "--config", &policy],
        &["run", "--local", "nowhere"],
        &["db", "update", "--config", &policy],
        &["db", "import", "nowhere"],
        &["db", "verify", "nowhere.ppdb"],
        &["config", "check", "nowhere.toml"],
        &["audit", "--no-such-option"],
    ] {
        run(&bot, arguments).expect_code(2);
    }
}

#[test]
fn a_variable_that_is_no_address_is_named() {
    for name in ["GITHUB_API_URL", "GITHUB_SERVER_URL"] {
        let bot = Bot::without_forge().variable(name, "github").variable("PATCHPARTY_TOKEN", "ghp_0123456789");
        let outcome = bot.run(&["run", "--repo", "acme/shop"]);
        outcome.expect_code(2);
        assert!(outcome.stderr.contains(&format!("{name} is `github`")), "{}", outcome.stderr);
    }
}

#[test]
fn a_forge_that_does_not_answer_is_an_outage() {
    let bot = Bot::without_forge()
        .variable("GITHUB_API_URL", "http://127.0.0.1:1")
        .variable("GITHUB_SERVER_URL", "http://127.0.0.1:1")
        .variable("PATCHPARTY_TOKEN", "ghp_0123456789");
    bot.run(&["run", "--org", "acme"]).expect_code(4);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let bot = Bot::without_forge();
    let cache = format!("{}/cache", bot.write("file", b"x").display());
    let known = fixtures::advisories("known").display().to_string();
    let outcome = run(&bot, &["db", "import", "--cache", &cache, &known]);
    outcome.expect_code(2);
    assert!(outcome.stderr.replace(['\n', ' '], "").contains(&cache), "{}", outcome.stderr);
}

#[test]
fn an_audit_that_fails_says_which_findings_failed_it() {
    let bot = Bot::without_forge();
    for (path, content) in fixtures::project("npm") {
        bot.write(&format!("shop/{path}"), &content);
    }
    let shop = bot.path("shop").display().to_string();
    let outcome = bot.run(&["audit", &shop]);
    outcome.expect_code(1);
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.ends_with("1 finding (low or above): lodash 4.17.20 (CVE-2021-23337)"), "{}", outcome.stdout);
    let outcome = bot.run(&["audit", "--fail-on", "critical", &shop]);
    assert!(!outcome.stdout.contains("fails because"), "{}", outcome.stdout);
}
