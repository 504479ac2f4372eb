//! A night over one Cargo, one npm and one Composer project: three pull requests, and nothing to write the next night.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest};

/// What is to be found in one project, and what is to become of it.
struct Case {
    slug: &'static str,
    package: &'static str,
    fixed: &'static str,
    advisory: &'static str,
    lockfile: &'static str,
}

const CASES: [Case; 3] = [
    Case { slug: "acme/ledger", package: "regex", fixed: "1.5.5", advisory: "CVE-2022-24713", lockfile: "Cargo.lock" },
    Case {
        slug: "acme/shop",
        package: "lodash",
        fixed: "4.17.21",
        advisory: "CVE-2021-23337",
        lockfile: "package-lock.json",
    },
    Case {
        slug: "acme/portal",
        package: "guzzlehttp/psr7",
        fixed: "1.8.4",
        advisory: "CVE-2022-24775",
        lockfile: "composer.lock",
    },
];

#[test]
fn three_nights_open_leave_and_update_the_same_pull_requests() {
    if let Some(reason) = missing_tools(&["cargo", "npm", "composer"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let mut bot = Bot::new(&github);
    let bases = [
        github.repository("acme", "ledger").files(fixtures::project("cargo")).commit(),
        github.repository("acme", "shop").files(fixtures::project("npm")).commit(),
        github.repository("acme", "portal").files(fixtures::composer_project(&github, &bot)).commit(),
    ];

    let first = bot.run(&["run", "--org", "acme", "--format", "json"]);
    first.expect_code(0);
    for (case, base) in CASES.iter().zip(&bases) {
        assert_eq!(first.actions(case.slug), ["opened"]);
        check_pull(&github, case, base);
        check_clean(&github, &bot, case);
    }

    bot.set_now("2026-11-22T02:00:00Z");
    let mark = github.mark();
    let second = bot.run(&["run", "--org", "acme", "--format", "json"]);
    second.expect_code(0);
    assert!(CASES.iter().all(|case| second.actions(case.slug) == ["unchanged"]));
    github.assert_no_writes_since(mark);

    bot.set_now("2026-11-23T02:00:00Z");
    bot.learn(fixtures::advisories("later"));
    let before = github.only_pull("acme/ledger");
    let mark = github.mark();
    let third = bot.run(&["run", "--org", "acme", "--format", "json"]);
    third.expect_code(0);
    let after = github.only_pull("acme/ledger");
    check_update(&github, &before, &after);
    let elsewhere: Vec<String> = github
        .writes_since(mark)
        .iter()
        .filter(|entry| !entry.path.contains("/ledger"))
        .map(ToString::to_string)
        .collect();
    assert!(elsewhere.is_empty(), "only one project is concerned:\n{}", elsewhere.join("\n"));
    github.finish();
}

/// Labels, branches, plan and content of a pull request of the first night.
fn check_pull(github: &GitHub, case: &Case, base: &str) {
    let pull = github.only_pull(case.slug);
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", "patchparty/routine/main"));
    assert_eq!(pull.labels, ["dependencies", "security", "severity: high"]);
    assert!(pull.title.contains("[SECURITY]"), "{}", pull.title);
    let expected = [case.advisory, case.fixed, case.package, case.lockfile, "- [ ] ", "git revert", "routine"];
    for text in expected {
        assert!(pull.body.contains(text), "the body of {} lacks `{text}`:\n{}", case.slug, pull.body);
    }
    let disk = github.disk(case.slug);
    assert_eq!(disk.git(&["rev-parse", &format!("{}^", pull.head)]).run(), base, "one commit on the audited one");
    assert_eq!(disk.git(&["diff", "--name-only", base, &pull.head]).run(), case.lockfile);
    let lock = github.text(case.slug, &pull.head, case.lockfile);
    assert!(lock.contains(case.fixed), "{lock}");
    let colors: Vec<String> = github.labels(case.slug).into_iter().map(|label| label.color).collect();
    assert!(colors.iter().all(|color| color != "ededed"), "labels are created with their looks: {colors:?}");
}

/// The files of the proposed branch audit clean.
fn check_clean(github: &GitHub, bot: &Bot, case: &Case) {
    let head = "patchparty/routine/main";
    let listed = github.disk(case.slug).git(&["ls-tree", "-r", "--name-only", head]).run();
    for path in listed.lines() {
        bot.write(&format!("fixed/{}/{path}", case.slug), github.text(case.slug, head, path).as_bytes());
    }
    let folder = bot.path("fixed").join(case.slug).display().to_string();
    bot.run(&["audit", &folder]).expect_code(0);
}

/// The same pull request, with the new advisory and both fixes.
fn check_update(github: &GitHub, before: &PullRequest, after: &PullRequest) {
    assert_eq!((after.number, &after.head, after.open), (before.number, &before.head, true));
    assert_ne!(after.head_sha, before.head_sha);
    for text in ["CVE-2022-24713", "CVE-2026-25541", "1.11.1", "1.5.5"] {
        assert!(after.body.contains(text), "the updated body lacks `{text}`:\n{}", after.body);
    }
    let lock = github.text("acme/ledger", &after.head, "Cargo.lock");
    assert!(
        lock.contains("name = \"bytes\"\nversion = \"1.11.1\"")
            && lock.contains("name = \"regex\"\nversion = \"1.5.5\"")
    );
    let parents = github.disk("acme/ledger").git(&["rev-list", "--count", &format!("main..{}", after.head)]).run();
    assert_eq!(parents, "1", "the branch holds one commit");
    assert_eq!(after.labels, ["dependencies", "security", "severity: high"]);
}
