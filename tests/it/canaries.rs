//! Canaries: what a repository can make Cargo, npm and Composer do while they only resolve, one project for each way that has
//! no test elsewhere. Each way worked when the tool was run inside of a clone.

use std::net::TcpListener;

use serde_json::json;

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, TOKEN};

/// What stands in files outside of every repository.
const SECRET: &str = "root-x-0-0-CANARY-LINKED";

/// Paths and what stands there.
type Files = Vec<(String, Vec<u8>)>;

fn without(mut files: Files, path: &str) -> Files {
    files.retain(|(name, _)| name != path);
    files
}

/// A server that nobody may reach, and its address.
fn sink() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a listener can be asked");
    let address = format!("127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
    (listener, address)
}

#[test]
fn links_in_a_repository_are_neither_followed_nor_written_through() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let outside = [
        ("ledger", "Cargo.toml", format!("[package]\nname = \"ledger\"\n{SECRET}\n")),
        ("locked", "Cargo.lock", format!("version = 4\n# {SECRET}\n")),
        ("shop", "package.json", json!({"name": SECRET, "dependencies": {"lodash": SECRET}}).to_string()),
    ];
    for (name, path, content) in &outside {
        let target = bot.write(&format!("outside/{path}"), content.as_bytes()).display().to_string();
        let fixture = if *name == "shop" { "npm" } else { "cargo" };
        let repository = github.repository("acme", name).files(without(fixtures::project(fixture), path));
        repository.symlink(path, &target).commit();
    }
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    assert!(matches!(night.code, Some(0 | 4)), "{night:?}");
    for text in [&night.stdout, &night.stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
    for (name, path, content) in &outside {
        assert_eq!(night.actions(&format!("acme/{name}")), Vec::<String>::new(), "{name}");
        assert_eq!(std::fs::read_to_string(bot.path(&format!("outside/{path}"))).unwrap(), *content);
    }
    let found = bot.files_with(SECRET);
    assert_eq!(found, ["outside/Cargo.lock", "outside/Cargo.toml", "outside/package.json"]);
    github.finish();
}

#[test]
fn a_registry_that_a_project_configures_is_sent_nothing() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    for sandbox in ["required", "off"] {
        nothing_is_sent(sandbox);
    }
}

fn nothing_is_sent(sandbox: &str) {
    let github = GitHub::start();
    let bot = Bot::new(&github).variable("GITHUB_TOKEN", TOKEN);
    let policy = bot.write("policy.toml", format!("sandbox = \"{sandbox}\"\n").as_bytes()).display().to_string();
    let (listener, address) = sink();
    let npmrc = format!(
        "registry=http://{address}/${{PATCHPARTY_TOKEN}}/${{GITHUB_TOKEN}}/\n@acme:registry=http://{address}/\n\
         //{address}/:_authToken=${{PATCHPARTY_TOKEN}}\nhttps-proxy=http://{address}/\nproxy=http://{address}/\n"
    );
    let source = format!(
        "[source.crates-io]\nreplace-with = \"other\"\n[source.other]\nregistry = \"sparse+http://{address}/index/\"\n\
         [http]\nproxy = \"{address}\"\n"
    );
    let shop = github.repository("acme", "shop").files(fixtures::project("npm"));
    shop.file(".npmrc", npmrc).commit();
    let ledger = github.repository("acme", "ledger").files(fixtures::project("cargo"));
    ledger.file(".cargo/config.toml", source).commit();
    let night = bot.run(&["run", "--org", "acme", "--format", "json", "--config", &policy]);
    night.expect_code(0);
    assert_eq!(night.actions("acme/shop"), ["opened"], "{}", night.explanation("acme/shop"));
    // Where the project replaces the registry, what the registry says is not what it wants.
    assert_eq!(night.actions("acme/ledger"), Vec::<String>::new());
    assert!(night.explanation("acme/ledger").contains("replaced source"), "{}", night.explanation("acme/ledger"));
    assert!(listener.accept().is_err(), "somebody has connected");
    let calls = bot.tool_calls("npm");
    assert!(calls.contains("== environment") && !calls.contains(TOKEN), "{sandbox}: {calls}");
    github.finish();
}

#[test]
fn a_plugin_that_lies_in_a_project_is_not_loaded() {
    if let Some(reason) = missing_tools(&["composer"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let canary = bot.path("CANARY").display().to_string();
    let plugin = json!({
        "name": "acme/plugin", "version": "1.0.0", "version_normalized": "1.0.0.0", "type": "composer-plugin",
        "extra": {"class": "Acme\\Plugin"}, "autoload": {"files": ["plugin.php"]}, "install-path": "../acme/plugin",
    });
    let installed = json!({"packages": [plugin], "dev": true, "dev-package-names": []}).to_string();
    let php = format!("<?php touch('{canary}'); namespace Acme; class Plugin {{}}\n");
    let files = fixtures::composer_project(&github, &bot);
    let allowed = br#"{"config": {"allow-plugins": true}}"#.to_vec();
    let portal = github.repository("acme", "portal").files(files).file("vendor/composer/installed.json", installed);
    let portal = portal.file("vendor/acme/plugin/plugin.php", php.as_str()).file("vendor/autoload.php", php.as_str());
    portal.file(".composer/config.json", allowed).commit();
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    assert!(matches!(night.code, Some(0 | 4)), "{night:?}");
    assert_eq!(night.actions("acme/portal"), Vec::<String>::new());
    assert!(!bot.path("CANARY").exists(), "the plugin ran");
    github.finish();
}
