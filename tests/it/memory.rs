//! Memory: a large file of any format takes less than twenty times its size, and nothing made to burst does.

mod large_files;

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use large_files::FORMATS;
use patchparty::extractor::EXTRACTORS;
use serde_json::Value;

use crate::support::bot::Bot;
use crate::support::fixtures;

/// Issue 3: memory stays below this many times the size of a file.
const FACTOR: u64 = 20;

/// What an audit of a folder took and said.
struct Audited {
    /// The most memory, in bytes, that the binary ever held; `None` where the system does not say.
    peak: Option<u64>,
    report: Value,
}

fn audit(bot: &Bot, folder: &str) -> Audited {
    let report = bot.path(&format!("{folder}.json"));
    let folder = bot.path(folder);
    let advisories = fixtures::advisories("known");
    let mut child = Command::new(env!("CARGO_BIN_EXE_patchparty"))
        .args(["audit", "--offline", "--quiet", "--format", "json", "--cache"])
        .arg(bot.path("cache"))
        .arg("--advisories")
        .args([&advisories, &folder])
        .stdout(File::create(&report).expect("a file for the report"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("the child can be asked").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kibibytes.map(|number| number * 1024));
        std::thread::sleep(Duration::from_millis(2));
    }
    let report = std::fs::read(report).expect("the report was written");
    Audited { peak, report: serde_json::from_slice(&report).expect("it is JSON") }
}

/// Files that fit more into a byte than any tool writes.
fn bursting_files() -> Vec<(&'static str, String)> {
    let many = |unit: &str| unit.repeat(4 * 1024 * 1024 / unit.len());
    vec![
        ("Dockerfile", format!("ARG A={}\nFROM {}\n", "x".repeat(60_000), many("$A"))),
        ("Containerfile", format!("ARG A={}\nFROM ${{A//x/{}}}\n", "x".repeat(60_000), many("y"))),
        ("composer.lock", format!("{{\"packages\": [{}{{}}]}}", many("{},"))),
        ("pnpm-lock.yaml", format!("lockfileVersion: '9.0'\nx: [{}a]\n", many("a,"))),
        ("uv.lock", format!("version = 1\nx = [{}1]\n", many("1,"))),
    ]
}

#[test]
fn every_format_has_a_large_file() {
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.id).collect();
    let extractors: Vec<&str> = EXTRACTORS.iter().map(|extractor| extractor.id()).collect();
    assert_eq!(formats, extractors);
}

#[test]
fn memory_stays_below_twenty_times_the_size_of_a_file() {
    let bot = Bot::without_forge();
    bot.write("warm/requirements.txt", b"a==1\n");
    // The first audit compiles the advisories.
    audit(&bot, "warm");
    let Some(base) = audit(&bot, "warm").peak else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    let mut too_large = Vec::new();
    let mut check = |name: &str, folder: &str, content: &str| {
        bot.write(&format!("{folder}/{name}"), content.as_bytes());
        let audited = audit(&bot, folder);
        let taken = audited.peak.expect("it said so before").saturating_sub(base);
        let size = content.len() as u64;
        eprintln!("{name}: {} times {} KiB", taken / size, size / 1024);
        if taken >= FACTOR * size {
            too_large.push(format!("{name}: {taken} bytes for {size}"));
        }
        audited.report
    };
    for format in FORMATS {
        let report = check(format.path, &format!("large/{}", format.id), &format.content());
        let project = &report["projects"][0];
        // What was not read takes no memory.
        assert_eq!(project["problems"], serde_json::json!([]), "{}", format.id);
        assert_eq!(project["files"][0]["extractor"], format.id);
        let count = project["files"][0]["dependency_count"].as_u64().expect("a number");
        assert!(count >= format.entries as u64, "{}: {count} dependencies", format.id);
    }
    for (number, (name, content)) in bursting_files().into_iter().enumerate() {
        check(name, &format!("bursting/{number}"), &content);
    }
    assert_eq!(too_large, Vec::<String>::new());
}
