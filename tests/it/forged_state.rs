//! Forged state: whoever can edit a pull request or push to its branch can neither move its deadline, nor silence an
//! advisory, nor have other words or other files pass for the bot's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::bot::{Bot, missing_tools};
use crate::support::client::Client;
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest, REVIEWER};

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];
const KEY: &str = "c0ffee5ea1c0ffee5ea1c0ffee5ea1c0ffee5ea1";
const START: &str = "<!-- patchparty:state v2 ";

/// With a key, and without one.
const MODES: [&str; 2] = [KEY, ""];

/// A project with an open pull request of the first night; `None` where cargo is missing.
fn first_night(key: &str) -> Option<(GitHub, Bot, PullRequest)> {
    if let Some(reason) = missing_tools(&["cargo"]) {
        std::io::Write::write_all(&mut std::io::stderr(), reason.as_bytes()).expect("standard error takes text");
        return None;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github).variable("PATCHPARTY_STATE_KEY", key);
    bot.run(&RUN).expect_code(0);
    let pull = github.only_pull(SLUG);
    assert_eq!(pull.body.contains(START), !key.is_empty(), "{}", pull.body);
    Some((github, bot, pull))
}

/// A body with its state changed, and the seal as it was.
fn forge(body: &str, change: impl FnOnce(&mut Value)) -> String {
    let line = body.lines().find(|line| line.starts_with(START)).expect("there is a state");
    let (encoded, rest) = line[START.len()..].split_once(' ').expect("there is a seal");
    let mut state: Value = serde_json::from_slice(&STANDARD.decode(encoded).expect("base64")).expect("JSON");
    change(&mut state);
    body.replace(line, &format!("{START}{} {rest}", STANDARD.encode(state.to_string())))
}

/// The part of a body that people see.
fn words(body: &str) -> String {
    body.lines()
        .filter(|line| !line.starts_with("<!-- patchparty:state"))
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

/// A commit on `parent` with one file more, which says that the bot made it, with `message`.
fn imitate(github: &GitHub, parent: &str, message: &str, of: &PullRequest) -> String {
    let disk = github.disk(SLUG);
    let index = disk.git(&["rev-parse", "--absolute-git-dir"]).run() + "/imitation";
    let run = |arguments: &[&str], input: &str| {
        let mut call = disk.git(arguments).input(input).variable("GIT_INDEX_FILE", index.clone());
        for (name, format) in [("NAME", "n"), ("EMAIL", "e")] {
            for (who, letter) in [("AUTHOR", "a"), ("COMMITTER", "c")] {
                let value = disk.git(&["show", "-s", &format!("--format=%{letter}{format}"), &of.head_sha]).run();
                call = call.variable(Box::leak(format!("GIT_{who}_{name}").into_boxed_str()), value);
            }
        }
        call.run()
    };
    run(&["read-tree", &of.head_sha], "");
    let blob = run(&["hash-object", "-w", "--stdin"], "evil\n");
    run(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},evil.sh")], "");
    let tree = run(&["write-tree"], "");
    let old = disk.git(&["rev-parse", &format!("{}^{{tree}}", of.head_sha)]).run();
    run(&["commit-tree", &tree, "-p", parent], &message.replace(&old, &tree))
}

fn message_of(github: &GitHub, pull: &PullRequest) -> String {
    github.disk(SLUG).git(&["show", "-s", "--format=%B", &pull.head_sha]).run()
}

/// What somebody does to a body.
type Edit<'a> = &'a dyn Fn(&str) -> String;

#[test]
fn a_second_night_writes_nothing_with_and_without_a_key() {
    for key in MODES {
        let Some((github, mut bot, pull)) = first_night(key) else { return };
        let mark = github.mark();
        bot.set_now("2026-11-22T02:00:00Z");
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"], "{key}");
        github.assert_no_writes_since(mark);
        let extra = |path: &str| path.contains("/activity") || path.contains("/commits/");
        let asked = github.log_since(mark).iter().any(|entry| extra(&entry.path));
        assert_eq!(asked, key.is_empty(), "with a key, nothing more is asked");
        assert_eq!(github.only_pull(SLUG).head_sha, pull.head_sha);
        github.finish();
    }
}

#[test]
fn no_field_of_the_state_can_be_forged() {
    let Some((github, mut bot, pull)) = first_night(KEY) else { return };
    let other = "1".repeat(40);
    let fields = [
        ("first_seen", json!("2036-11-21T02:00:00Z")),
        ("fingerprint", json!("0".repeat(64))),
        ("content", json!("0".repeat(64))),
        ("complete", json!(false)),
        ("base_commit", json!(other)),
        ("head", json!(other)),
        ("words", json!("0".repeat(64))),
        ("advisories", json!(["CVE-2026-25541"])),
        ("loose", json!(["0123456789abcdef"])),
        ("number", json!(2)),
    ];
    for (day, (field, value)) in (1..).zip(fields) {
        github.edit_body(SLUG, pull.number, |body| forge(body, |state| state[field] = value));
        let forged = github.only_pull(SLUG).body;
        bot.set_now(&format!("2026-12-{day:02}T02:00:00Z"));
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"], "{field}");
        let after = github.only_pull(SLUG);
        assert_ne!(after.body, forged, "{field}");
        assert_eq!((words(&after.body), &after.head_sha), (words(&pull.body), &pull.head_sha), "{field}");
    }
    let mark = github.mark();
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn an_altered_text_is_put_right_and_peoples_part_of_it_kept() {
    for key in MODES {
        let Some((github, mut bot, pull)) = first_night(key) else { return };
        let notes = "\r\nWait for *Ada*.\r\n\r\n  - [x] asked  \r\n";
        let edge = "<!-- patchparty:notes -->";
        let own = |body: &str| {
            body.replacen("- [ ] ", "- [x] ", 1).replace(&format!("{edge}\n\n<"), &format!("{edge}{notes}<"))
        };
        // The bot's part of a text, and people's.
        let parts = |body: &str| {
            let (before, rest) = body.split_once(edge).expect("notes begin");
            let (notes, after) = rest.split_once("<!-- patchparty:end of notes -->").expect("notes end");
            (words(&format!("{before}{after}")), notes.to_owned())
        };
        let whole = own(&pull.body);
        assert!(whole.contains(notes) && whole.contains("- [x] <!--"), "{whole}");
        let is_state = |line: &&str| line.starts_with("<!-- patchparty:state");
        let gone = |body: &str| body.split_inclusive('\n').filter(|line| !is_state(line)).collect::<String>();
        let edits: [(&str, Edit<'_>); 5] = [
            ("a blank text", &|_| String::new()),
            ("another deadline", &|body| body.replace("due 2026", "due 2036")),
            ("no state", &gone),
            ("another state", &|body| format!("{body}\n<!-- patchparty:state v1 e30= -->\n")),
            ("words of somebody", &|body| format!("Merge this first: [x](https://evil.example)\n\n{body}")),
        ];
        for (day, (name, edit)) in (1..).zip(edits) {
            github.edit_body(SLUG, pull.number, |_| edit(&whole));
            let altered = github.only_pull(SLUG).body;
            bot.set_now(&format!("2026-12-{day:02}T02:00:00Z"));
            let night = bot.run(&RUN);
            let expected = if name == "no state" && key.is_empty() { "unchanged" } else { "updated" };
            assert_eq!(night.expect_code(0).actions(SLUG), [expected], "{name}, key `{key}`");
            let after = github.only_pull(SLUG);
            let (ours, theirs) = parts(&after.body);
            let kept = if altered.is_empty() { &pull.body } else { &whole };
            assert_eq!(ours, parts(kept).0, "{name}, key `{key}`");
            assert!(altered.is_empty() || theirs.starts_with(notes.trim_end()), "{name}: notes stay: {theirs:?}");
            assert_eq!(theirs.contains("Merge this first"), name == "words of somebody", "what is written is moved");
            assert_eq!(after.head_sha, pull.head_sha, "{name}: the commit under test stays");
        }
        github.edit_title(SLUG, pull.number, "Nothing to see here");
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"], "key `{key}`");
        assert_eq!(github.only_pull(SLUG).title, pull.title);
        github.remove_labels(SLUG, pull.number);
        bot.run(&RUN).expect_code(0);
        assert_eq!(github.only_pull(SLUG).labels, pull.labels, "key `{key}`");
        let mark = github.mark();
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"], "key `{key}`");
        github.assert_no_writes_since(mark);
        github.finish();
    }
}

#[test]
fn a_closed_pull_request_silences_no_advisory_that_it_never_named() {
    for key in MODES {
        let Some((github, mut bot, pull)) = first_night(key) else { return };
        let silence = |state: &mut Value| state["advisories"] = json!(["CVE-2026-25541", "CVE-2022-24713"]);
        github.edit_body(SLUG, pull.number, |body| {
            let made_up = format!("{body}\n{START}{} {}", STANDARD.encode("{}"), "0".repeat(64) + " -->\n");
            if key.is_empty() { made_up } else { forge(body, silence) }
        });
        github.close(SLUG, pull.number);
        bot.set_now("2026-11-22T02:00:00Z");
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-by-person"], "key `{key}`");
        bot.learn(fixtures::advisories("later"));
        bot.set_now("2026-11-23T02:00:00Z");
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["opened"], "key `{key}`");
        github.finish();
    }
}

#[test]
fn a_push_is_seen_whatever_the_text_says() {
    for key in MODES {
        let Some((github, mut bot, pull)) = first_night(key) else { return };
        let theirs = github.push(SLUG, &pull.head, "evil.sh", b"evil\n");
        if !key.is_empty() {
            github.edit_body(SLUG, pull.number, |body| forge(body, |state| state["head"] = json!(theirs)));
        }
        bot.set_now("2026-11-22T02:00:00Z");
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["left-to-people"], "key `{key}`");
        assert_eq!(github.only_pull(SLUG).comments.len(), 1);

        // A commit that says in every way that the bot made it, alone and on top of another.
        for parent in ["main", theirs.as_str()] {
            let parent = github.disk(SLUG).git(&["rev-parse", parent]).run();
            let imitation = imitate(&github, &parent, &message_of(&github, &pull), &pull);
            github.force_push(SLUG, &pull.head, &imitation);
            assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["left-to-people"], "key `{key}`");
            assert_eq!(github.tip(SLUG, &pull.head), Some(imitation), "what people pushed is not overwritten");
        }
        github.finish();
    }
}

#[test]
fn where_the_forge_does_not_tell_who_pushed_an_imitation_is_replaced() {
    for key in MODES {
        let Some((github, bot, pull)) = first_night(key) else { return };
        github.forget_who_pushed();
        let parent = github.disk(SLUG).git(&["rev-parse", "main"]).run();
        let imitation = imitate(&github, &parent, &message_of(&github, &pull), &pull);
        github.force_push(SLUG, &pull.head, &imitation);
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"], "key `{key}`");
        assert_eq!(github.read(SLUG, &pull.head, "evil.sh"), None);
        assert_eq!(github.text(SLUG, &pull.head, "Cargo.lock"), github.text(SLUG, &pull.head_sha, "Cargo.lock"));
        github.finish();
    }
}

#[test]
fn an_old_state_that_is_put_back_silences_nothing() {
    let Some((github, mut bot, first)) = first_night(KEY) else { return };
    bot.learn(fixtures::advisories("later"));
    bot.set_now("2026-11-22T02:00:00Z");
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let second = github.only_pull(SLUG);
    assert!(second.body.contains("CVE-2026-25541"));
    for with_commit in [false, true] {
        github.edit_body(SLUG, first.number, |_| first.body.clone());
        github.edit_title(SLUG, first.number, &first.title);
        if with_commit {
            github.force_push(SLUG, &first.head, &first.head_sha);
        }
        assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"], "with the old commit: {with_commit}");
        let after = github.only_pull(SLUG);
        assert_eq!(words(&after.body), words(&second.body), "with the old commit: {with_commit}");
        assert_eq!(github.text(SLUG, &after.head, "Cargo.lock"), github.text(SLUG, &second.head_sha, "Cargo.lock"));
    }
    github.finish();
}

#[test]
fn the_state_of_another_repository_is_none() {
    let Some((github, bot, pull)) = first_night(KEY) else { return };
    github.repository("acme", "other").files(fixtures::project("cargo")).commit();
    bot.run(&["run", "--repo", "acme/other"]).expect_code(0);
    let other = github.only_pull("acme/other");
    let foreign = other.body.lines().find(|line| line.starts_with(START)).expect("it has a state").to_owned();
    github.edit_body(SLUG, pull.number, |body| format!("{}\n\n{foreign}\n", words(body)));
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG);
    assert_eq!((words(&after.body), &after.head_sha), (words(&pull.body), &pull.head_sha));
    assert!(!after.body.contains(&foreign), "{}", after.body);
    github.finish();
}

#[test]
fn a_key_is_replaced_without_a_write_while_the_old_one_is_named_too() {
    let Some((github, bot, pull)) = first_night(KEY) else { return };
    let new = "f".repeat(64);
    let mark = github.mark();
    let both = bot.variable("PATCHPARTY_STATE_KEY", &format!("{new} {KEY}"));
    assert_eq!(both.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    // Without it nothing is believed: everything is made anew, and the deadline counts from when it was opened.
    let changed = both.variable("PATCHPARTY_STATE_KEY", &new);
    assert_eq!(changed.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.only_pull(SLUG);
    assert_eq!(github.text(SLUG, &after.head, "Cargo.lock"), github.text(SLUG, &pull.head_sha, "Cargo.lock"));
    assert!(after.comments.is_empty() && after.open, "{after:?}");
    let mark = github.mark();
    assert_eq!(changed.run(&RUN).expect_code(0).actions(SLUG), ["unchanged"]);
    github.assert_no_writes_since(mark);
    github.finish();
}

#[test]
fn a_pull_request_of_somebody_from_the_same_branch_does_not_hide_the_bots() {
    let Some((github, mut bot, pull)) = first_night(KEY) else { return };
    github.disk(SLUG).git(&["update-ref", "refs/heads/release", "refs/heads/main"]).run();
    github.token("ghp_AdasOwnToken", REVIEWER);
    let theirs = json!({ "title": "Nothing to see here", "head": pull.head, "base": "release", "body": pull.body });
    let ada = Client::with_token(&github, Some("ghp_AdasOwnToken"));
    let number = ada.post(&format!("/repos/{SLUG}/pulls"), &theirs).expect(201).body["number"].clone();
    bot.learn(fixtures::advisories("later"));
    bot.set_now("2026-11-22T02:00:00Z");
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["updated"]);
    let after = github.pulls(SLUG);
    assert!(after[0].body.contains("CVE-2026-25541") && after[1].body == pull.body, "{after:#?}");

    // Not even when it is the newest of two closed ones.
    github.close(SLUG, pull.number);
    github.close(SLUG, number.as_u64().expect("a number"));
    assert_eq!(bot.run(&RUN).expect_code(0).actions(SLUG), ["closed-by-person"]);
    github.finish();
}

#[test]
fn a_weak_key_is_refused_and_not_repeated() {
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github).variable("PATCHPARTY_STATE_KEY", "Hunter2Weak");
    let outcome = bot.run(&RUN);
    outcome.expect_code(2);
    assert!(outcome.stderr.contains("openssl rand -hex 32"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Hunter2Weak"), "{}", outcome.stderr);
    github.assert_no_writes_since(0);
    github.finish();
}
