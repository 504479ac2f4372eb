//! `audit` of an address: read over TLS with the token, and nothing is changed.

use crate::support::bot::Bot;
use crate::support::fixtures;
use crate::support::github::GitHub;

#[test]
fn an_address_is_audited_with_the_token() {
    let github = GitHub::start();
    github.repository("acme", "shop").files(fixtures::project("npm")).private().commit();
    let bot = Bot::new(&github);
    let address = format!("{}/acme/shop", github.server_url());
    let audit = bot.run(&["audit", &address, "--format", "json"]);
    audit.expect_code(1);
    assert!(audit.stdout.contains("CVE-2021-23337") && audit.stdout.contains("4.17.20"), "{}", audit.stdout);
    bot.run(&["audit", &address, "--fail-on", "critical"]).expect_code(0);
    github.assert_no_writes_since(0);
    github.finish();
}

#[test]
fn an_address_that_does_not_exist_is_named() {
    let github = GitHub::start();
    github.organisation("acme");
    let bot = Bot::new(&github);
    let address = format!("{}/acme/nothing", github.server_url());
    let audit = bot.run(&["audit", &address]);
    audit.expect_code(4);
    assert!(format!("{}{}", audit.stdout, audit.stderr).contains("acme/nothing"), "{audit:?}");
    github.finish();
}

#[test]
fn the_token_is_sent_to_the_forge_only() {
    let (github, other) = (GitHub::start(), GitHub::start());
    other.repository("acme", "shop").files(fixtures::project("npm")).commit();
    // The other server is as trusted as the forge, and would take the same token.
    let bot = Bot::new(&github);
    bot.write("authorities.pem", format!("{}\n{}", github.authority_pem(), other.authority_pem()).as_bytes());
    bot.run(&["audit", &format!("{}/acme/shop", other.server_url())]).expect_code(4);
    assert!(other.log_since(0).iter().all(|entry| entry.login.is_none()), "{:?}", other.log_since(0));
    assert!(!other.log_since(0).is_empty());
    github.finish();
    other.finish();
}
