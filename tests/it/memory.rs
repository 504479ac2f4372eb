//! Memory: a large file of any format takes less than twenty times its size, and nothing made to burst does.

mod archives;
mod hostile_shapes;
mod large_files;
pub(crate) mod meter;

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
    let folder = bot.path(folder).display().to_string();
    let (cache, advisories) = (bot.path("cache").display().to_string(), fixtures::advisories("known"));
    let advisories = advisories.display().to_string();
    // Some formats have a finding in every entry; what is left out would take no memory.
    let policy = bot.write("policy.toml", b"[limits]\nfindings = 1_000_000\n").display().to_string();
    let shared = ["--cache", &cache, "--advisories", &advisories, "--config", &policy];
    let arguments = [&["audit", "--offline", "--quiet", "--format", "json"][..], &shared[..], &[&folder]].concat();
    let measured = meter::measure(bot, &arguments, &[]);
    Audited { peak: measured.peak, report: serde_json::from_str(&measured.stdout).expect("it is JSON") }
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
