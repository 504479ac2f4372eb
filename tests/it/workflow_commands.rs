//! Workflow commands: whatever stands in a repository, the runner of a workflow finds no command in what we say.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome};
use crate::support::git::Git;

/// Stops the runner from reading commands, or hides a word in its log.
const MARKER: &str = "##[add-mask]critical";

/// The lines that the runner would obey, without our annotations. It trims a line and looks for `::`, and takes `##[`
/// anywhere (`ActionCommand.cs` of actions/runner).
fn commands(text: &str) -> Vec<&str> {
    let is_ours = |line: &str| ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word));
    let obeyed = |line: &&str| line.contains("##[") || (line.trim_start().starts_with("::") && !is_ours(line));
    text.split(['\n', '\r']).filter(obeyed).collect()
}

#[track_caller]
fn assert_none(what: &str, outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        assert_eq!(commands(text), Vec::<&str>::new(), "{what}");
    }
}

/// Texts that have a marker and that break into lines which begin with a command.
fn hostile(words: usize) -> String {
    format!("::stop-commands::{} {MARKER}", "t".repeat(words))
}

fn write(folder: &Path, name: &str, value: &Value) {
    std::fs::create_dir_all(folder).expect("the world is writable");
    std::fs::write(folder.join(name), value.to_string()).expect("the world is writable");
}

/// A project whose names, versions, sources and folders are commands.
fn project(folder: &Path) {
    let package = |name: &str, version: &str, abandoned: &str| json!({ "name": name, "version": version, "abandoned": abandoned });
    let mut packages = vec![package("x/y", "1", &hostile(48))];
    packages.extend((0..70).map(|words| package(&format!("x/y{words}"), "1", &hostile(words))));
    packages.push(package(&format!("::error::x/{MARKER}"), "dev-::debug::x ##[group]y", "::warning::a ::error::b"));
    write(folder, "composer.lock", &json!({ "packages": packages, "packages-dev": [] }));
    let npm = json!({ "lockfileVersion": 3, "packages": {
        "node_modules/a": { "version": "::error::1", "resolved": format!("git+ssh://::set-env::x/{MARKER}.git#main") },
        format!("node_modules/ ::error::{MARKER}"): { "version": MARKER, "resolved": format!("http://x/ ::error::{MARKER}") },
    } });
    write(&folder.join(format!("::error::a {MARKER}")), "package-lock.json", &npm);
    write(&folder.join(format!(" ::error::b {MARKER}")), "poetry.lock", &json!(hostile(3)));
}

#[test]
fn nothing_in_a_project_is_a_command_in_the_log_of_a_workflow() {
    let bot = Bot::without_forge();
    let (shop, summary) = (bot.path(&format!("shop {MARKER}")), bot.path("summary.md"));
    project(&shop);
    let bot = bot.variable("GITHUB_ACTIONS", "true").variable("GITHUB_STEP_SUMMARY", summary.to_str().expect("text"));
    let shop = shop.to_str().expect("text");
    for more in [&[][..], &["--dependencies"], &["-vv"], &["--color", "always"]] {
        let human = bot.run(&[&["audit", shop, "--offline", "--deny-warnings"], more].concat());
        human.expect_code(1);
        assert!(human.stdout.contains("\\::stop-commands::ttt"), "it is shown, and harmless: {}", human.stdout);
        assert!(human.stderr.lines().any(|line| line.starts_with("::notice file=")), "ours work: {}", human.stderr);
        assert_none(&format!("{more:?}"), &human);
    }
    let arguments = ["audit", shop, "--offline", "--dependencies", "--format", "json"];
    let json = bot.run(&arguments);
    assert_none("JSON", &json);
    let findings = json.json()["projects"][0]["findings"].to_string();
    assert!(findings.contains(&hostile(48)), "data stay what they are: {findings}");
    for format in ["json", "human"] {
        let file = bot.path("report");
        bot.run(&["audit", shop, "--offline", "--format", format, "--output", file.to_str().expect("text")]);
        let text = std::fs::read_to_string(&file).expect("a report");
        assert!(text.contains("stop-commands"), "{text}");
        assert_eq!(commands(&text), Vec::<&str>::new(), "a workflow may print the file");
    }
}

#[test]
fn a_run_and_its_errors_say_no_command() {
    let bot = Bot::without_forge();
    let all = bot.path("all");
    let shop = all.join(format!("::error::{MARKER}"));
    project(&shop);
    for arguments in [&["init", "-q", "-b", "main", "."][..], &["add", "."], &["commit", "-q", "-m", MARKER]] {
        Git::new(&shop, arguments).run();
    }
    let bot = bot.variable("GITHUB_ACTIONS", "true");
    let (all, out) = (all.to_str().expect("text"), bot.path("out"));
    let run = ["run", "--local", all, "--dry-run", "--out", out.to_str().expect("text"), "--offline"];
    for more in [&["-vv"][..], &["--format", "json"]] {
        let night = bot.run(&[&run[..], more].concat());
        assert!(night.stdout.contains("error::"), "{}", night.stdout);
        assert_none("a run", &night);
    }
    let policy = bot.write("policy.toml", format!("[audit]\n\"\\n::error::{MARKER}\" = \"x\"\n").as_bytes());
    let policy = policy.to_str().expect("text");
    let missing = format!("nothing/\n::error::{MARKER}");
    for arguments in [
        &["audit", "--offline", missing.as_str()][..],
        &["audit", "--offline", ".", "--config", policy],
        &["audit", "--offline", ".", "--config", missing.as_str()],
        &["audit", "--fail-on", missing.as_str()],
        &["db", "verify", missing.as_str()],
        &["config", "check", policy],
    ] {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        assert_none(&arguments.join(" "), &bot.run_bare(&arguments));
    }
}
