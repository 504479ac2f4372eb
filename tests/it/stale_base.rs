//! The base moves while the bot works: the change stands on the commit that was audited, and there is one pull request.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--org", "acme", "--format", "json"];

#[test]
fn a_change_stands_on_the_audited_commit_although_its_base_moves_meanwhile() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let audited = github.tip(SLUG, "main").expect("the repository has a commit");
    let bot = Bot::new(&github);
    github.push_at_next_write(SLUG, "main");
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["opened"]);
    let moved = github.tip(SLUG, "main").expect("the branch is there");
    assert_ne!(moved, audited, "somebody pushed in between");

    let pull = github.only_pull(SLUG);
    let disk = github.disk(SLUG);
    let parents = disk.git(&["log", "-1", "--format=%P", &pull.head]).run();
    assert_eq!(parents.trim(), audited, "what was audited is what the change stands on");
    let changed = disk.git(&["diff", "--name-only", &audited, &pull.head]).run();
    assert_eq!(changed.trim(), "Cargo.lock", "nothing of the newer commit is undone");
    // It merges with what came meanwhile.
    disk.git(&["merge-tree", "--write-tree", "main", &pull.head]).run();

    // The next night audits the new commit and finds the same change to be right.
    let second = bot.run(&RUN);
    second.expect_code(0);
    assert_eq!(github.pulls(SLUG).len(), 1, "{}", second.explanation(SLUG));
    github.finish();
}
