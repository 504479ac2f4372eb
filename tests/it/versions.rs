//! The developers' command that orders versions: one answer per line, whatever the lines are.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The exit code, the answers and the talk for some lines.
fn compare(lines: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_patchparty"))
        .args(["version", "compare"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("it reads its input");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn versions_are_compared_as_their_ecosystems_do() {
    let (code, answers, talk) = compare(
        "crates.io 1.0.0-rc.1 1.0.0\nPyPI 1.0.post1 1.0\nPyPI 1.0 1.0.0\nMaven 1.0-alpha 1.0\nRubyGems 1.a 1\n\
         Debian:12 1:1.0 2.0\nAlpine:v3.19 1.0_rc1 1.0\nRed Hat:enterprise_linux:9::appstream 1.0~rc1 1.0\n\
         Packagist 1.0.0 v1.0\nNuGet 1.0.0.1 1.0.0\nGo v1.2.3 1.2.3\nGitHub Actions v4 v4.0.0\nnpm\t1.2.3\t1.10.0\n",
    );
    assert_eq!((code, talk.as_str()), (Some(0), ""));
    assert_eq!(answers.lines().collect::<String>(), "<>=<<><<=>==<");
}

#[test]
fn a_line_that_cannot_be_answered_stops_no_other() {
    let (code, answers, talk) = compare("npm 1.0.0 2.0.0\nCobol 1 2\nnpm 1.0.0\nnpm 2.0.0 1.0.0\n");
    assert_eq!((code, answers.as_str()), (Some(4), "<\n?\n?\n>\n"));
    assert_eq!(talk.lines().count(), 2, "a reason for each: {talk}");
}
