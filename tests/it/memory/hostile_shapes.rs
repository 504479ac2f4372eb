//! Shapes that multiply: memory and every output stay in proportion to what the repository has.

use std::fmt::Write as _;
use std::process::Command;

use super::meter::{Measured, measure};
use crate::support::bot::Bot;

/// Memory stays below this many times the size of a repository whose every line is a flaw: a finding is told with a
/// kilobyte in JSON, a lockfile's entry has a hundred bytes, and a report is held once or twice while secrets are looked
/// for.
const MEMORY_FACTOR: u64 = 100;

/// So does every output: that of a finding in JSON, with its path told up to 12 links.
const OUTPUT_FACTOR: u64 = 40;

const ADDRESS: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A lockfile of crates, each of which requires the ones that `children` names.
fn cargo_lock(count: usize, children: impl Fn(usize) -> Vec<usize>) -> String {
    let root = "[[package]]\nname = \"root\"\nversion = \"0.1.0\"\ndependencies = [\n \"p0\",\n]\n";
    let mut text = format!("version = 4\n\n{root}");
    for number in 0..count {
        let _ = write!(text, "\n[[package]]\nname = \"p{number}\"\nversion = \"1.0.0\"\nsource = \"{ADDRESS}\"\n");
        let children: Vec<String> = children(number).iter().map(|child| format!(" \"p{child}\",\n")).collect();
        if !children.is_empty() {
            let _ = write!(text, "dependencies = [\n{}]\n", children.concat());
        }
    }
    text
}

/// Each package requires the next one.
fn chain(count: usize) -> String {
    cargo_lock(count, |number| if number + 1 < count { vec![number + 1] } else { Vec::new() })
}

/// A hundred packages at the top that all require all others.
fn wide(count: usize) -> String {
    cargo_lock(count, |number| if number < 100 { (100..count).collect() } else { Vec::new() })
}

/// A folder of OSV records: a flaw in every package up to `count`.
fn advisories(bot: &Bot, count: usize) -> String {
    let affected: Vec<String> = (0..count)
        .map(|number| {
            format!(
                "{{\"package\":{{\"ecosystem\":\"crates.io\",\"name\":\"p{number}\"}},\"ranges\":[{{\"type\":\"SEMVER\",\
                 \"events\":[{{\"introduced\":\"0\"}},{{\"fixed\":\"2.0.0\"}}]}}]}}"
            )
        })
        .collect();
    let record = format!(
        "{{\"schema_version\":\"1.6.0\",\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"2026-11-20T00:00:00Z\",\
         \"summary\":\"Everything is broken\",\"severity\":[{{\"type\":\"CVSS_V3\",\
         \"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N\"}}],\"affected\":[{}]}}",
        affected.join(",")
    );
    bot.write("advisories/GHSA-aaaa-bbbb-cccc.json", record.as_bytes());
    bot.path("advisories").display().to_string()
}

/// A bare repository with some files, below a folder that can be given to `--local`.
fn repository(bot: &Bot, name: &str, files: &[(String, &str)]) {
    for (path, content) in files {
        bot.write(&format!("repositories/{name}/{path}"), content.as_bytes());
    }
    let folder = bot.path(&format!("repositories/{name}"));
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"];
        let output = Command::new("git").args(identity).args(arguments).current_dir(&folder).output();
        let output = output.expect("git is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "x"]);
}

/// One hostile repository, and the ways in which it is read and told.
struct Trial<'a> {
    bot: &'a Bot,
    name: &'a str,
    advisories: String,
    /// The bytes of all its files.
    size: u64,
    /// What the binary takes for a project with next to nothing.
    base: u64,
    /// The bytes of memory that may be taken.
    memory: u64,
    /// The bytes that may be written.
    output: u64,
}

impl<'a> Trial<'a> {
    /// A repository that is told in proportion to its size.
    fn in_proportion(bot: &'a Bot, name: &'a str, advisories: String, (size, base): (u64, u64)) -> Self {
        Self { bot, name, advisories, size, base, memory: MEMORY_FACTOR * size, output: OUTPUT_FACTOR * size }
    }

    #[expect(clippy::print_stderr, reason = "the numbers are wanted where the test is run by a person")]
    fn run(&self, what: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Measured {
        let cache = self.bot.path("cache").display().to_string();
        let shared = ["--offline", "--cache", &cache, "--advisories", &self.advisories];
        let measured = measure(self.bot, &[arguments, &shared[..]].concat(), variables);
        let taken = measured.peak.unwrap_or_default().saturating_sub(self.base);
        let told = (measured.stdout.len() + measured.stderr.len()) as u64;
        eprintln!(
            "{} {what}: {} KiB, memory {} times, output {} times, exit {:?}",
            self.name,
            self.size / 1024,
            taken / self.size,
            told / self.size,
            measured.code
        );
        assert!(taken < self.memory, "{} {what} took {taken} bytes for {}", self.name, self.size);
        assert!(told < self.output, "{} {what} wrote {told} bytes for {}", self.name, self.size);
        measured
    }

    /// Every way to tell it.
    fn all(&self) -> Measured {
        let folder = self.bot.path(&format!("repositories/{}", self.name)).display().to_string();
        self.run("human", &["audit", &folder], &[]);
        self.run("human with dependencies", &["audit", &folder, "--dependencies"], &[]);
        self.run("json with dependencies", &["audit", &folder, "--format", "json", "--dependencies"], &[]);
        let summary = self.bot.path("summary").display().to_string();
        let actions = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary.as_str())];
        self.run("in a workflow", &["audit", &folder], &actions);
        let written = std::fs::metadata(&summary).map_or(0, |it| it.len());
        assert!(written < 1024 * 1024, "the summary has {written} bytes");
        let (local, out) = (self.bot.path("repositories").display().to_string(), self.bot.path("preview"));
        let out = out.display().to_string();
        let night = ["run", "--dry-run", "--local", &local, "--out", &out];
        self.run("run in a workflow", &night, &actions);
        self.as_json()
    }

    /// The ways that tell most.
    fn as_json(&self) -> Measured {
        let folder = self.bot.path(&format!("repositories/{}", self.name)).display().to_string();
        let (local, out) = (self.bot.path("repositories").display().to_string(), self.bot.path("preview"));
        let out = out.display().to_string();
        self.run("run as json", &["run", "--dry-run", "--local", &local, "--out", &out, "--format", "json"], &[]);
        self.run("json", &["audit", &folder, "--format", "json"], &[])
    }
}

/// What the binary takes for one package, with the same advisories; `None` where the system does not say.
fn base(bot: &Bot, advisories: &str) -> Option<u64> {
    bot.write("small/Cargo.lock", cargo_lock(1, |_| Vec::new()).as_bytes());
    let (small, cache) = (bot.path("small").display().to_string(), bot.path("cache").display().to_string());
    let arguments = ["audit", &small, "--offline", "--cache", &cache, "--advisories", advisories];
    // The first audit compiles the advisories.
    measure(bot, &arguments, &[]);
    measure(bot, &arguments, &[]).peak
}

#[test]
fn a_flaw_at_every_step_of_a_chain_is_told_in_proportion() {
    // 1.1 and 2.3 MB.
    for count in [8_000, 16_500] {
        let bot = Bot::without_forge();
        let advisories = advisories(&bot, count);
        let Some(base) = base(&bot, &advisories) else {
            eprintln!("skipped: the system does not say how much memory a process took");
            return;
        };
        let lock = chain(count);
        repository(&bot, "chain", &[("Cargo.lock".to_owned(), &lock)]);
        let trial = Trial::in_proportion(&bot, "chain", advisories, (lock.len() as u64, base));
        let told = if count < 10_000 { trial.all() } else { trial.as_json() };
        let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
        let findings = report["projects"][0]["findings"].as_array().expect("a list");
        assert_eq!(findings.len(), count, "everything is told");
        let longest = findings.iter().find(|finding| finding["package"] == format!("p{}", count - 1));
        let longest = longest.expect("the last one is told as well");
        assert_eq!(longest["path"].as_array().map(Vec::len), Some(12));
        assert_eq!(longest["path"][0]["name"], "p0");
        assert_eq!(longest["path_left_out"], count - 12);
    }
}

#[test]
fn packages_that_all_require_all_are_told_in_proportion() {
    let bot = Bot::without_forge();
    let advisories = advisories(&bot, 1_500);
    let Some(base) = base(&bot, &advisories) else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    let lock = wide(1_500);
    repository(&bot, "wide", &[("Cargo.lock".to_owned(), &lock)]);
    Trial::in_proportion(&bot, "wide", advisories, (lock.len() as u64, base)).all();
}

#[test]
fn one_lockfile_at_a_thousand_paths_is_read_once_and_told_within_the_limits() {
    const MEBIBYTE: u64 = 1024 * 1024;
    let bot = Bot::without_forge();
    let advisories = advisories(&bot, 3_200);
    let Some(base) = base(&bot, &advisories) else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    let lock = chain(3_200);
    let files: Vec<(String, &str)> =
        (0..1_000).map(|number| (format!("a{number}/Cargo.lock"), lock.as_str())).collect();
    repository(&bot, "copies", &files);
    let small = cargo_lock(1, |_| Vec::new());
    repository(&bot, "small", &[("Cargo.lock".to_owned(), &small)]);
    // 300,000 dependencies with 300 bytes each are listed, 20,000 findings with 2 KiB.
    let size = (lock.len() * files.len()) as u64;
    let (memory, output) = (512 * MEBIBYTE, 150 * MEBIBYTE);
    let trial = Trial { bot: &bot, name: "copies", advisories, size, base, memory, output };
    let told = trial.all();
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!(report["incomplete"], true, "the repository was not read whole");
    let project = &report["projects"][0];
    let problems = project["problems"].to_string();
    assert!(problems.contains("more than 300000 dependencies (`dependencies`)"), "{problems}");
    assert!(problems.contains("more than 20000 (`findings`)"), "{problems}");
    assert_eq!(project["findings"].as_array().map(Vec::len), Some(20_000));
    // The next project is not touched.
    let folder = bot.path("repositories").display().to_string();
    let out = bot.path("preview").display().to_string();
    let night = ["run", "--dry-run", "--local", &folder, "--out", &out, "--format", "json"];
    let told = trial.run("run beside another", &night, &[]);
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    let projects = report["projects"].as_array().expect("a list");
    let small = projects.iter().find(|project| project["name"] == "local/small").expect("it was handled");
    assert_eq!(small["problems"], serde_json::json!([]));
    assert_eq!(small["findings"].as_array().map(Vec::len), Some(1));
}
