//! Routes: a critical flaw starts from what production runs and is due in a day; all else follows the code line.

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest};

const SLUG: &str = "acme/kiosk";

const POLICY: &str = "[branches]\nproduction = \"production\"\ndevelopment = \"develop\"\n";

fn pull_to(github: &GitHub, base: &str) -> PullRequest {
    let mut pulls = github.pulls(SLUG);
    pulls.retain(|pull| pull.base == base);
    assert_eq!(pulls.len(), 1, "expected one pull request to {base}, got {pulls:#?}");
    pulls.remove(0)
}

#[test]
fn an_emergency_starts_from_production() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github
        .repository("acme", "kiosk")
        .default_branch("develop")
        .files(fixtures::project("npm-critical"))
        .branch("production", &[("RELEASE", b"41\n")])
        .commit();
    let bot = Bot::new(&github);
    let policy = bot.write("patchparty.toml", POLICY.as_bytes()).display().to_string();
    bot.run(&["run", "--repo", SLUG, "--config", &policy]).expect_code(0);

    let emergency = pull_to(&github, "production");
    assert_eq!(emergency.head, "patchparty/emergency/production");
    assert_eq!(emergency.labels, ["dependencies", "patchparty: emergency", "security", "severity: critical"]);
    for text in ["emergency", "9.8", "CVE-2021-44906", "1.2.6", "- [ ] "] {
        assert!(emergency.body.contains(text), "the body lacks `{text}`:\n{}", emergency.body);
    }
    // 24 hours after the night that first saw it.
    assert!(emergency.body.contains("2026-11-22"), "the deadline is missing:\n{}", emergency.body);
    let parent = github.disk(SLUG).git(&["rev-parse", &format!("{}^", emergency.head)]).run();
    assert_eq!(Some(parent), github.tip(SLUG, "production"));
    assert_eq!(github.text(SLUG, &emergency.head, "RELEASE"), "41\n");

    let forward = pull_to(&github, "develop");
    assert_eq!(forward.head, "patchparty/routine/develop");
    assert!(!forward.labels.contains(&"patchparty: emergency".to_owned()), "{:?}", forward.labels);

    let mark = github.mark();
    bot.run(&["run", "--repo", SLUG, "--config", &policy]).expect_code(0);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn without_a_production_branch_an_emergency_starts_from_the_default_branch() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "kiosk").default_branch("trunk").files(fixtures::project("npm-critical")).commit();
    let bot = Bot::new(&github);
    let policy = bot.write("patchparty.toml", POLICY.as_bytes()).display().to_string();
    bot.run(&["run", "--repo", SLUG, "--config", &policy]).expect_code(0);
    let pull = github.only_pull(SLUG);
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("trunk", "patchparty/emergency/trunk"));
    assert!(pull.labels.contains(&"patchparty: emergency".to_owned()), "{:?}", pull.labels);
    github.finish();
}

#[test]
fn a_flaw_that_is_rated_lower_is_not_taken_for_fixed() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "kiosk").default_branch("trunk").files(fixtures::project("npm-critical")).commit();
    let bot = Bot::new(&github);
    bot.run(&["run", "--repo", SLUG]).expect_code(0);
    let emergency = github.only_pull(SLUG);

    let advisory = "GHSA-xvch-5gv4-984h.json";
    let known = std::fs::read_to_string(fixtures::advisories("known").join(advisory)).expect("it is there");
    let lower = known.replace("/C:H/I:H/A:H", "/C:N/I:N/A:H");
    assert_ne!(known, lower);
    bot.write(&format!("lower/{advisory}"), lower.as_bytes());
    let folder = bot.path("lower").display().to_string();
    let bare = ["run", "--repo", SLUG, "--advisories", &folder].map(str::to_owned);
    bot.run_bare(&bare).expect_code(0);
    let standing = github.pulls(SLUG).into_iter().find(|pull| pull.number == emergency.number).expect("it is there");
    assert!(standing.open, "nothing has been fixed: {standing:?}");
    assert_eq!(github.pulls(SLUG).len(), 2, "it is routine work now");
    github.finish();
}
