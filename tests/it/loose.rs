//! Loose dependencies: a workflow that follows a branch is pinned to the commit it stands at.

use crate::support::bot::Bot;
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
