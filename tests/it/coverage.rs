//! Coverage: what no source in use knows is not clean, unless the policy accepts it by name.

use serde_json::Value;

use crate::support::bot::{Bot, Outcome};

const RECORD: &str = r#"{
  "schema_version": "1.6.0", "id": "GHSA-1111-2222-3333", "modified": "2026-11-20T00:00:00Z", "summary": "x",
  "affected": [{"package": {"ecosystem": "crates.io", "name": "evil"},
    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}]
}"#;

const CARGO: &str = "version = 3\n\n[[package]]\nname = \"evil\"\nversion = \"2.0.0\"\n\
    source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"0000000000000000000000000000000000000000000000000000000000000000\"\n";

const NPM: &str = r#"{"name": "a", "version": "1.0.0", "lockfileVersion": 3, "packages": {
  "": {"name": "a", "version": "1.0.0", "dependencies": {"b": "1.0.0"}},
  "node_modules/b": {"version": "1.0.0", "resolved": "https://registry.example/b/-/b-1.0.0.tgz", "integrity": "sha512-AA=="}
}}"#;

/// A project with these files, audited with Rust's advisories alone.
fn audit(bot: &Bot, files: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    bot.write("adv/GHSA-1111-2222-3333.json", RECORD.as_bytes());
    let project = bot.path("project");
    drop(std::fs::remove_dir_all(&project));
    for (path, text) in files {
        bot.write(&format!("project/{path}"), text.as_bytes());
    }
    let advisories = bot.path("adv").display().to_string();
    let project = project.display().to_string();
    let fixed = ["audit", "--offline", "--advisories", advisories.as_str(), project.as_str()];
    let all: Vec<String> = fixed.iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
    bot.run_bare(&all)
}

fn coverage(report: &Value) -> Vec<String> {
    let all = report["projects"][0]["coverage"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|it| format!("{} {} {}", text(&it["ecosystem"]), it["packages"], text(&it["status"]))).collect()
}

#[test]
fn an_ecosystem_that_no_source_knows_is_not_clean() {
    let bot = Bot::without_forge();
    for (files, code, expected) in [
        (vec![("Cargo.lock", CARGO)], 0, vec!["crates.io 1 covered"]),
        (vec![("package-lock.json", NPM)], 4, vec!["npm 1 no-source"]),
        (
            vec![("Cargo.lock", CARGO), ("web/package-lock.json", NPM)],
            4,
            vec!["crates.io 1 covered", "npm 1 no-source"],
        ),
        (vec![("requirements.txt", "a==1\nb==2\n")], 4, vec!["PyPI 2 no-source"]),
        (
            vec![
                ("r/etc/os-release", "ID=debian\nVERSION_ID=12\n"),
                ("r/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"),
            ],
            4,
            vec!["Debian 1 no-source"],
        ),
        // Nobody publishes advisories about these.
        (vec![("Dockerfile", "FROM nginx:1.27.0\n")], 0, vec!["Docker 1 none-published"]),
        (
            vec![(".terraform.lock.hcl", "provider \"registry.example/hashicorp/aws\" {\n  version = \"5.0.0\"\n}\n")],
            0,
            vec!["Terraform 1 none-published"],
        ),
    ] {
        let outcome = audit(&bot, &files, &["--format", "json"]);
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(
            (outcome.code, coverage(&report)),
            (Some(code), expected.into_iter().map(str::to_owned).collect()),
            "{files:?}"
        );
        assert_eq!(report["incomplete"], code == 4, "{files:?}");
        let human = audit(&bot, &files, &[]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = "no source in use has";
        assert_eq!(human.contains(line), code == 4, "{human}");
    }
}

#[test]
fn the_policy_accepts_an_ecosystem_by_name() {
    let bot = Bot::without_forge();
    let policy = bot.write("policy.toml", b"[advisories]\naccept-uncovered = [\"npm\"]\n").display().to_string();
    let accepted = audit(&bot, &[("package-lock.json", NPM)], &["--config", &policy]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.stdout);
    let told = accepted.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("1 npm package in 1 file: no source in use has npm advisories, which the policy accepts"),
        "{told}"
    );
    let other = audit(&bot, &[("requirements.txt", "a==1\n")], &["--config", &policy]);
    assert_eq!(other.code, Some(4), "{}", other.stdout);
    let wrong = bot.write("wrong.toml", b"[advisories]\naccept-uncovered = [\"nmp\"]\n").display().to_string();
    let refused = audit(&bot, &[("package-lock.json", NPM)], &["--config", &wrong]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("did you mean `npm`?"), "{}", refused.stderr);
}
