//! Loose dependencies: a workflow that follows a branch is pinned to the commit it stands at.

use serde_json::Value;

use crate::support::bot::{Bot, Outcome};
use crate::support::github::GitHub;

const WORKFLOW: &str = "\
name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/tools@main # the newest
      - run: make
";

#[test]
fn a_workflow_that_follows_a_branch_is_pinned_to_its_commit() {
    let github = GitHub::start();
    let action = "name: Tools\nruns:\n  using: composite\n  steps: []\n";
    let commit = github.repository("acme", "tools").file("action.yml", action).commit();
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--repo", "acme/site", "--format", "json"]);
    night.expect_code(0);
    let pull = github.only_pull("acme/site");
    assert!(pull.labels.contains(&"loose-dependency".to_owned()), "{:?}", pull.labels);
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", "patchparty/routine/main"));
    let pinned = github.text("acme/site", &pull.head, ".github/workflows/ci.yml");
    assert!(pinned.contains(&format!("uses: acme/tools@{commit} # main")), "{pinned}");
    assert_eq!(pinned.lines().count(), WORKFLOW.lines().count());

    // The branch moves on while people test the pull request: it stays what it is.
    github.push("acme/tools", "main", "README.md", b"# Tools\n");
    let mark = github.mark();
    bot.run(&["run", "--repo", "acme/site"]).expect_code(0);
    github.assert_no_writes_since(mark);

    // Once it is merged, the pin does not follow the branch, and nothing is to be written.
    github.push("acme/tools", "main", "README.md", b"# All tools\n");
    github.merge("acme/site", pull.number);
    let mark = github.mark();
    bot.run(&["run", "--repo", "acme/site"]).expect_code(0);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn a_closed_pull_request_says_nothing_about_what_follows_a_branch_since() {
    let github = GitHub::start();
    let action = "name: Tools\nruns:\n  using: composite\n  steps: []\n";
    github.repository("acme", "tools").file("action.yml", action).commit();
    github.repository("acme", "more-tools").file("action.yml", action).commit();
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    let bot = Bot::new(&github);
    let run = ["run", "--repo", "acme/site", "--format", "json"];
    bot.run(&run).expect_code(0);
    let first = github.only_pull("acme/site");
    github.close("acme/site", first.number);
    assert_eq!(bot.run(&run).expect_code(0).actions("acme/site"), ["closed-by-person"]);

    let more = WORKFLOW.replace("      - run: make\n", "      - uses: acme/more-tools@main\n");
    github.push("acme/site", "main", ".github/workflows/ci.yml", more.as_bytes());
    assert_eq!(bot.run(&run).expect_code(0).actions("acme/site"), ["opened"]);
    assert_eq!(github.pulls("acme/site").len(), 2);
    github.finish();
}

const DOCKERFILE: &str = "FROM nginx:latest\nCOPY . /srv\n";

const GEMFILE_LOCK: &str = "\
GIT
  remote: https://git.example/tool.git
  revision: 39a4168a861d5f1cb6f34c0b17b5e5ea4ad1fa8e
  branch: main
  specs:
    tool (0.3.0)

GEM
  specs:

PLATFORMS
  ruby

DEPENDENCIES
  tool!

BUNDLED WITH
   2.4.0
";

/// What nothing here can pin, each as `package: next step`.
fn blocked(night: &Outcome) -> Vec<String> {
    let blocked = night.project("acme/site")["blocked"].as_array().cloned().unwrap_or_default();
    let step = |it: &Value| {
        assert_eq!(it["cause"], "unsupported", "{it}");
        format!("{}: {}", it["package"].as_str().expect("a name"), it["next_step"].as_str().expect("a step"))
    };
    blocked.iter().map(step).collect()
}

#[test]
fn what_nothing_here_can_pin_is_said_with_the_next_step_and_asks_for_nothing() {
    let github = GitHub::start();
    let site = github.repository("acme", "site").file("Dockerfile", DOCKERFILE);
    let gemfile = "gem 'tool', git: 'https://git.example/tool.git', branch: 'main'\n";
    site.file("Gemfile", gemfile).file("Gemfile.lock", GEMFILE_LOCK).commit();
    let bot = Bot::new(&github);
    let run = ["run", "--repo", "acme/site", "--format", "json"];
    let mark = github.mark();
    let first = bot.run(&run);
    first.expect_code(0);
    assert_eq!(first.handled(), ["acme/site"]);
    assert_eq!(
        blocked(&first),
        [
            "nginx: run `docker buildx imagetools inspect nginx:latest`, and write the digest that it shows behind the \
             tag in `Dockerfile`: `@sha256:…`",
            "tool: in the Gemfile, write `ref: \"39a4168a861d5f1cb6f34c0b17b5e5ea4ad1fa8e\"` instead of the branch, and \
             run `bundle lock`",
        ]
    );
    let second = bot.run(&run);
    assert_eq!(blocked(&second), blocked(&first));
    assert_eq!(second.actions("acme/site"), Vec::<String>::new());
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn an_image_beside_an_action_does_not_make_every_night_a_new_one() {
    let github = GitHub::start();
    let action = "name: Tools\nruns:\n  using: composite\n  steps: []\n";
    let commit = github.repository("acme", "tools").file("action.yml", action).commit();
    let workflow = WORKFLOW.replace("    steps:\n", "    container: node:latest\n    steps:\n");
    github
        .repository("acme", "site")
        .file(".github/workflows/ci.yml", workflow)
        .file("Dockerfile", DOCKERFILE)
        .commit();
    let bot = Bot::new(&github);
    let run = ["run", "--repo", "acme/site", "--format", "json"];
    let first = bot.run(&run);
    assert_eq!(first.expect_code(0).actions("acme/site"), ["opened"]);
    assert_eq!(blocked(&first).len(), 2, "{:?}", blocked(&first));
    let pull = github.only_pull("acme/site");
    assert!(pull.body.contains("docker buildx imagetools inspect"), "{}", pull.body);

    github.push("acme/tools", "main", "README.md", b"# Tools\n");
    let mark = github.mark();
    let second = bot.run(&run);
    assert_eq!(second.expect_code(0).actions("acme/site"), ["unchanged"]);
    assert_eq!(blocked(&second), blocked(&first));
    github.assert_no_writes_since(mark);
    assert!(github.text("acme/site", &pull.head, ".github/workflows/ci.yml").contains(&commit));

    // What a person has decided about the action stays decided.
    github.close("acme/site", pull.number);
    assert_eq!(bot.run(&run).expect_code(0).actions("acme/site"), ["closed-by-person"]);
    let mark = github.mark();
    assert_eq!(bot.run(&run).expect_code(0).actions("acme/site"), ["closed-by-person"]);
    github.assert_no_writes_since(mark);
    github.finish();
}

/// An advisory about what is older than 2.1.1, by the name of the action.
const BY_NAME: &str = r#"{
  "schema_version": "1.7.0", "id": "GHSA-2222-3333-4444", "aliases": ["CVE-2026-0001"],
  "modified": "2026-11-01T00:00:00Z", "summary": "Tools run what they should not",
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
  "affected": [{"package": {"ecosystem": "GitHub Actions", "name": "acme/tools"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1.1"}]}]}]
}"#;

/// One about the repository, as OSV writes it: commits, and the tags among them.
const BY_REPOSITORY: &str = r#"{
  "schema_version": "1.7.0", "id": "CVE-2026-0002", "modified": "2026-11-01T00:00:00Z", "summary": "Tools leak",
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"}],
  "affected": [{"ranges": [{"type": "GIT", "repo": "https://github.com/acme/tools",
    "events": [{"introduced": "0"}, {"fixed": "dddddddddddddddddddddddddddddddddddddddd"}]}],
    "versions": ["v2.0.0", "v2.1.0"]}]
}"#;

#[test]
fn a_commit_is_matched_by_the_release_nearest_to_it() {
    let github = GitHub::start();
    let action = "name: Tools\nruns:\n  using: composite\n  steps: []\n";
    github.repository("acme", "tools").file("action.yml", action).commit();
    github.disk("acme/tools").git(&["tag", "v2.1.0", "main"]).run();
    let mut commit = String::new();
    for step in ["one", "two", "three"] {
        commit = github.push("acme/tools", "main", "README.md", step.as_bytes());
    }
    let absent = "a".repeat(40);
    let workflow = WORKFLOW
        .replace("acme/tools@main # the newest", &format!("acme/tools@{commit}"))
        .replace("      - run: make\n", &format!("      - uses: acme/nowhere@{absent}\n"));
    github.repository("acme", "site").file(".github/workflows/ci.yml", workflow).commit();
    let mut bot = Bot::new(&github);
    bot.write("actions/by-name.json", BY_NAME.as_bytes());
    bot.write("actions/by-repository.json", BY_REPOSITORY.as_bytes());
    bot.learn(bot.path("actions"));
    let night = bot.run(&["run", "--repo", "acme/site", "--format", "json"]);
    night.expect_code(0);
    let findings = night.project("acme/site")["findings"].as_array().cloned().expect("findings");
    let said: Vec<String> = findings
        .iter()
        .map(|finding| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let id = text(&finding["advisory"]);
            format!("{} {id} {}", text(&finding["package"]), text(&finding["detail"]))
        })
        .collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert_eq!(said[0], "acme/tools CVE-2026-0001 at 3 commits after v2.1.0");
    assert_eq!(said[1], "acme/tools CVE-2026-0002 at 3 commits after v2.1.0");
    assert!(said[2].starts_with("acme/nowhere  could not be checked: failed to "), "{said:#?}");
    let mark = github.mark();
    bot.run(&["run", "--repo", "acme/site"]).expect_code(0);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn an_offline_audit_says_once_what_it_cannot_check() {
    let bot = Bot::without_forge();
    let commit = "a".repeat(40);
    let steps: String = (0..30).map(|number| format!("      - uses: acme/tool-{number}@{commit}\n")).collect();
    let workflow = WORKFLOW.replace("      - uses: acme/tools@main # the newest\n", &steps);
    bot.write("work/.github/workflows/ci.yml", workflow.as_bytes());
    let audit = bot.run(&["audit", ".", "--offline", "--format", "json"]);
    audit.expect_code(0);
    let project = audit.project(".");
    assert_eq!(project["findings"].as_array().map(Vec::len), Some(0), "{project}");
    let remarks = project["remarks"].as_array().cloned().expect("remarks");
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert_eq!(remarks[0]["place"], ".github/workflows/ci.yml");
    let message = remarks[0]["message"].as_str().expect("a message");
    assert!(message.starts_with("30 dependencies at commits are not checked"), "{message}");
    let shown = bot.run(&["audit", ".", "--offline"]).stdout;
    assert_eq!(shown.matches("warning: .github/workflows/ci.yml: 30 dependencies").count(), 1, "{shown}");
}

#[test]
fn tags_that_move_and_runtimes_that_have_ended_are_warnings() {
    let bot = Bot::without_forge();
    bot.write("work/Dockerfile", b"FROM node:18-alpine\n");
    let audit = bot.run(&["audit", ".", "--offline"]);
    audit.expect_code(0);
    assert!(audit.stdout.contains("Node.js 18 ended on 2025-04-30"), "{}", audit.stdout);
    assert!(audit.stdout.contains("0 findings, 2 warnings"), "{}", audit.stdout);
    bot.run(&["audit", ".", "--offline", "--deny-warnings"]).expect_code(1);
    // What follows everything is a finding.
    bot.write("work/Dockerfile", b"FROM node:latest\n");
    bot.run(&["audit", ".", "--offline"]).expect_code(1);
}
