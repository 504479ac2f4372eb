//! Interruption: a run that is told to end does so in order, and one that is killed leaves nothing that lasts.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;
use crate::support::sink::Sink;

const SLUG: &str = "acme/ledger";
const RUN: [&str; 5] = ["run", "--repo", SLUG, "--format", "json"];

/// A cargo that never ends once it is to update something, with a child in a session of its own that never ends either.
const HANGING: &str = r#"#!/bin/sh
case " $* " in
  *" update "*|*" generate-lockfile "*|*" metadata "*|*" tree "*)
    setsid sleep @@MARK@@ &
    echo hangs >> '@@RECORD@@'
    wait
    ;;
esac
exec '@@REAL@@' "$@"
"#;

/// How long the child sleeps: a number by which it is found among the processes of the machine.
fn mark(bot: &Bot) -> String {
    let name =
        bot.path("").to_string_lossy().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("9{name}.{}", std::process::id())
}

/// A run on one project whose cargo hangs.
fn hang(github: &GitHub) -> (Bot, Child) {
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(github);
    // The one folder of the bot's world that Cargo may write to.
    let (record, real) = (bot.path("home/.cache/patchparty/tools/cargo/hanging"), bot.path("bin/real-cargo"));
    std::fs::rename(bot.path("bin/cargo"), &real).expect("the world is ours");
    let script = HANGING.replace("@@RECORD@@", &record.display().to_string()).replace("@@MARK@@", &mark(&bot));
    bot.write_program("bin/cargo", &script.replace("@@REAL@@", &real.display().to_string()));
    let child = bot.start(&RUN);
    eventually("cargo hangs", || record.is_file());
    (bot, child)
}

#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(killed.expect("kill is everywhere").success());
}

/// The hanging cargo and its child, as far as they are still there.
fn survivors(bot: &Bot) -> Vec<String> {
    let (program, mark) = (bot.path("bin/cargo").display().to_string(), mark(bot));
    let line = |entry: std::fs::DirEntry| {
        // A process that has ended has no command line any more.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    };
    let lines = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(line);
    lines.filter(|line| line.contains(&program) || line.contains(&mark)).collect()
}

/// What stands in the scratch folder.
fn scratch(bot: &Bot) -> Vec<String> {
    let folder = bot.path("home/.cache/patchparty/scratch");
    let entries = std::fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_run_that_is_told_to_end_kills_its_tools_and_names_what_is_unfinished() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let github = GitHub::start();
        let (bot, child) = hang(&github);
        assert_eq!(survivors(&bot).len(), 2, "{:?}", survivors(&bot));
        assert_eq!(scratch(&bot).len(), 2, "a folder and its lock: {:?}", scratch(&bot));
        signal(&child, name);
        let outcome = bot.wait_for(child);
        assert!(outcome.expect_code(code).explanation(SLUG).contains("interrupted"), "{}", outcome.stdout);
        eventually("the tool and its child are gone", || survivors(&bot).is_empty());
        assert_eq!(scratch(&bot), Vec::<String>::new(), "{name}");
        github.assert_no_writes_since(0);
        github.finish();
    }
}

#[test]
fn a_signal_while_advisories_are_loaded_leaves_nothing_behind() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        for command in [&["run", "--org", "acme"][..], &["audit", "."]] {
            // A source that begins and does not go on.
            let (asked, noted) = std::sync::mpsc::channel();
            let source = Sink::start(move |_, stream| {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 999999\r\n\r\nPK\x03\x04")?;
                stream.flush()?;
                // Whoever asked may have gone when the test ends.
                let _ = asked.send(());
                std::thread::sleep(Duration::from_mins(10));
                Ok(())
            });
            let bot =
                Bot::without_forge().variable("PATCHPARTY_TOKEN", "ghs_Canary0Token").variable("NO_PROXY", "127.0.0.1");
            let location = format!("http://127.0.0.1:{}/npm/all.zip", source.port());
            let child = bot.start_bare(&[command, &["--advisories", &location]].concat());
            noted.recv_timeout(Duration::from_mins(2)).expect("the source is asked");
            let cache = bot.path("home/.cache/patchparty");
            eventually("the download has begun", || !files_below(&cache).is_empty());
            signal(&child, name);
            let outcome = bot.wait_for(child);
            assert!(
                outcome.expect_code(code).stderr.contains("interrupted before anything was reported"),
                "{outcome:?}"
            );
            assert_eq!(files_below(&cache), Vec::<String>::new(), "{command:?} {name}");
        }
    }
}

fn files_below(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    entries.map(|entry| entry.path().display().to_string()).collect()
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_and_a_running_one_is_not_touched() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let (bot, child) = hang(&github);
    let left = scratch(&bot);
    assert_eq!(left.len(), 2, "{left:?}");
    // Another command comes and goes while the first one runs.
    let real = std::fs::read(bot.path("bin/real-cargo")).expect("the real one");
    std::fs::remove_file(bot.path("bin/cargo")).expect("the world is ours");
    bot.write_program("bin/cargo", &String::from_utf8_lossy(&real));
    let second = bot.start(&["run", "--repo", SLUG, "--dry-run", "--out", "preview"]);
    let second = bot.wait_for(second);
    second.expect_code(0);
    assert_eq!(scratch(&bot), left, "the running one keeps its folder");

    signal(&child, "KILL");
    bot.wait_for(child);
    assert_eq!(scratch(&bot), left, "nobody could clean up");
    eventually("the supervisor has killed the tool and its child", || survivors(&bot).is_empty());
    bot.run(&RUN).expect_code(0);
    assert_eq!(scratch(&bot), Vec::<String>::new());
    github.finish();
}
