//! `--yanked`: what Cargo's own index says of the locked crates, and what is said where it does not answer.

use crate::support::bot::{Bot, missing_tools};

/// Both versions exist; that of futures-util was withdrawn by its authors.
const LOCK: &str = "\
version = 4

[[package]]
name = \"cfg-if\"
version = \"1.0.0\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"
checksum = \"baf1de4339761588bc0619e3cbc0120ee582ebb74b53b4efbf79117bd2da40fd\"

[[package]]
name = \"futures-util\"
version = \"0.3.24\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"
checksum = \"44fb6cb1be61cc1d2e43b262516aafcf63b241cffdb1d3fa115f91d9c7b09c90\"

[[package]]
name = \"site\"
version = \"0.1.0\"
dependencies = [
 \"cfg-if\",
 \"futures-util\",
]
";

const MANIFEST: &str = "\
[package]
name = \"site\"
version = \"0.1.0\"

[dependencies]
cfg-if = \"1\"
futures-util = \"0.3\"
";

fn bot() -> Bot {
    let bot = Bot::without_forge();
    bot.write("work/Cargo.toml", MANIFEST.as_bytes());
    bot.write("work/Cargo.lock", LOCK.as_bytes());
    bot
}

#[test]
fn a_withdrawn_crate_is_a_warning() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let bot = bot();
    let audit = bot.run(&["audit", ".", "--yanked", "--format", "json"]);
    if audit.explanation(".").contains("learn which crates were withdrawn") {
        eprintln!("skipped: the index cannot be reached");
        audit.expect_code(4);
        return;
    }
    audit.expect_code(0);
    let findings = audit.project(".")["findings"].as_array().cloned().expect("findings");
    let said: Vec<String> =
        findings.iter().map(|it| format!("{} {} {}", it["kind"], it["package"], it["line"])).collect();
    assert_eq!(said, ["\"yanked\" \"futures-util\" 10"]);
    bot.run(&["audit", ".", "--yanked", "--deny-warnings"]).expect_code(1);
    assert!(!bot.run(&["audit", "."]).stdout.contains("withdrawn"), "only where it is asked for");
}

#[test]
fn an_index_that_does_not_answer_is_one_problem() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    // Nothing listens on the port of discard.
    let bot = bot().variable("HTTPS_PROXY", "http://127.0.0.1:9").variable("https_proxy", "http://127.0.0.1:9");
    let audit = bot.run(&["audit", ".", "--yanked", "--format", "json"]);
    audit.expect_code(4);
    let problems = audit.project(".")["problems"].as_array().cloned().expect("problems");
    assert_eq!(problems.len(), 1, "{problems:?}");
    let message = problems[0]["message"].as_str().expect("a message");
    assert!(message.starts_with("learn which crates were withdrawn: "), "{message}");
}

#[test]
fn nothing_is_asked_offline() {
    let bot = bot().variable("HTTPS_PROXY", "http://127.0.0.1:9").variable("https_proxy", "http://127.0.0.1:9");
    bot.run(&["audit", ".", "--yanked", "--offline"]).expect_code(0);
    assert_eq!(bot.tool_calls("cargo"), "");
}
