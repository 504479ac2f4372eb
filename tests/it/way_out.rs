//! Ways out: an error of a common mistake says what is wrong and what to do, and a closed pipe is none.

use std::process::Stdio;

use crate::support::bot::Bot;

#[test]
fn mistakes_on_the_command_line_name_the_way_out() {
    let bot = Bot::without_forge();
    let mistakes: [(&[&str], &str, &str); 6] = [
        (&["config", "check", "none.toml"], "read the configuration `none.toml`", "docs/configuration.md"),
        (&["audit", "--advisories", "none"], "find the advisories `none`", "an existing folder"),
        (&["audit", "--output", "none/report.json"], "create `none/report.json`", "an existing folder"),
        (&["run", "--local", "none"], "find the folder `none`", "--local needs"),
        (&["run"], "find projects to work on", "--org, --repo or --local"),
        (&["demo", "--out", "/dev/null/x"], "prepare the folder `/dev/null/x`", "--out"),
    ];
    for (arguments, problem, way_out) in mistakes {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let outcome = bot.run_bare(&arguments);
        outcome.expect_code(2);
        let (said, hint) = outcome.stderr.split_once("\nhint: ").expect("a hint");
        assert!(said.starts_with(&format!("error: failed to {problem}")), "{said}");
        assert!(hint.contains(way_out), "{hint}");
    }
}

#[test]
fn every_mistake_in_a_policy_begins_its_line_with_its_place() {
    let bot = Bot::without_forge();
    let file = bot.write("policy.toml", b"[projects]\norganization = \"acme\"\n[deadlines]\nhigh = \"0 days\"\n");
    let outcome = bot.run_bare(&["config".to_owned(), "check".to_owned(), file.display().to_string()]);
    outcome.expect_code(2);
    assert!(outcome.stderr.lines().all(|line| line.chars().count() <= 80), "{}", outcome.stderr);
    // What does not fit goes on with an indentation.
    let lines: Vec<&str> = outcome.stderr.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "error: failed to accept the configuration:");
    assert!(lines[1].starts_with(&format!("{}:2:1: unknown key", file.display())), "{lines:?}");
    assert!(lines[2].starts_with(&format!("{}:4:8: `0 days`", file.display())), "{lines:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_patchparty"));
    let child = command.args(["config", "schema"]).stdout(writer).stderr(Stdio::piped()).spawn().expect("start it");
    let output = child.wait_with_output().expect("its end");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
