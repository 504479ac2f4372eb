//! Whole processes against their peers, in one run on one machine: `cargo bench --bench peers`.
//!
//! `cargo-audit` is taken from `PATH` or `PATCHPARTY_CARGO_AUDIT`, Trivy from `PATCHPARTY_TRIVY` (a program) with
//! `PATCHPARTY_TRIVY_CACHE` (a cache that holds its database); a peer that is not there is left out and named. Needs
//! `../shared` (or `PATCHPARTY_SHARED`). Nothing here fails on a slow machine: it prints ratios.

#![expect(clippy::print_stdout, reason = "a benchmark's numbers are what it prints")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The built program, optimised.
const PATCHPARTY: &str = env!("CARGO_BIN_EXE_patchparty");

fn main() {
    let shared = std::env::var_os("PATCHPARTY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !shared.is_dir() {
        println!("skipped: {} does not exist (set PATCHPARTY_SHARED)", shared.display());
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let world = World { shared, scratch: scratch.path().to_owned() };
    world.import();
    one_lockfile(&world);
    hundred_lockfiles(&world);
    whole_corpus(&world);
}

struct World {
    shared: PathBuf,
    scratch: PathBuf,
}

impl World {
    /// Compiles RustSec's advisories, which all peers use, and beside them those of every source.
    fn import(&self) {
        // The shared snapshots are old, and an old database is refused for good reasons.
        // The whole corpus is more than one repository.
        let policy = "[advisories]\nwarn-age = \"36500 days\"\nmax-age = \"36500 days\"\n\
            [limits]\nlockfiles = 1000000\nmebibytes = 1000000\ndependencies = 100000000\nfindings = 10000000\n";
        std::fs::write(self.scratch.join("patchparty.toml"), policy).expect("a policy");
        for (cache, sources) in [("rustsec", &["rustsec"][..]), ("all", &ALL_SOURCES[..])] {
            let mut command = Command::new(PATCHPARTY);
            command.args(["db", "import", "--config"]).arg(self.scratch.join("patchparty.toml"));
            command.arg("--cache").arg(self.scratch.join(cache));
            command.args(sources.iter().map(|source| self.shared.join("advisories").join(source)));
            let started = Instant::now();
            let output = command.output().expect("patchparty runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            println!("compile {cache}: {:.2} s", started.elapsed().as_secs_f64());
        }
    }

    fn audit(&self, cache: &str, folder: &Path) -> Command {
        let mut command = Command::new(PATCHPARTY);
        command.args(["audit", "--offline", "--quiet", "--config"]).arg(self.scratch.join("patchparty.toml"));
        command.arg("--cache").arg(self.scratch.join(cache)).arg(folder);
        command
    }

    fn cargo_audit(&self, lockfile: &Path) -> Option<Command> {
        let program = std::env::var_os("PATCHPARTY_CARGO_AUDIT").unwrap_or_else(|| "cargo-audit".into());
        Command::new(&program).arg("--version").output().ok()?;
        let mut command = Command::new(program);
        command.args(["audit", "--no-fetch", "--no-yanked", "--quiet", "--json", "--db"]);
        command.arg(self.shared.join("advisories/rustsec")).arg("--file").arg(lockfile);
        Some(command)
    }

    fn trivy(folder: &Path) -> Option<Command> {
        let mut command = Command::new(std::env::var_os("PATCHPARTY_TRIVY")?);
        command.args(["fs", "--scanners", "vuln", "--skip-db-update", "--offline-scan", "--quiet", "--cache-dir"]);
        command.arg(std::env::var_os("PATCHPARTY_TRIVY_CACHE")?).args(["--format", "json"]).arg(folder);
        Some(command)
    }

    /// Different lockfiles of the corpus, the largest first, each in a folder of its own.
    fn lockfiles(&self, count: usize) -> PathBuf {
        let mut contents = BTreeSet::new();
        for entry in walkdir::WalkDir::new(self.shared.join("corpus")).into_iter().flatten() {
            if entry.file_name() == "Cargo.lock" {
                contents.insert(std::fs::read(entry.path()).expect("the corpus can be read"));
            }
        }
        let mut contents: Vec<_> = contents.into_iter().collect();
        contents.sort_by_key(|content| std::cmp::Reverse(content.len()));
        let folder = self.scratch.join("locks");
        for (number, content) in contents.iter().take(count).enumerate() {
            let place = folder.join(format!("{number:03}"));
            std::fs::create_dir_all(&place).expect("a folder");
            std::fs::write(place.join("Cargo.lock"), content).expect("a lockfile");
        }
        folder
    }
}

const ALL_SOURCES: [&str; 6] = ["rustsec", "go", "pypa", "friendsofphp", "rubysec", "kev"];

/// The median of the wall times of some runs; one run before them warms the page cache.
fn median(runs: usize, mut command: impl FnMut() -> Vec<Command>) -> Duration {
    let mut times: Vec<Duration> = (0..=runs)
        .map(|_| {
            let commands = command();
            let started = Instant::now();
            for mut command in commands {
                command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the program runs");
            }
            started.elapsed()
        })
        .skip(1)
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn ratio(peer: Duration, own: Duration) -> String {
    format!("{:.1} times", peer.as_secs_f64() / own.as_secs_f64())
}

fn report(mut command: Command) -> Value {
    let output = command.output().expect("the program runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// One lockfile of about 400 packages: the time is that of starting and of opening the advisories.
fn one_lockfile(world: &World) {
    let folder = world.scratch.join("one");
    std::fs::create_dir_all(&folder).expect("a folder");
    let lockfile = folder.join("Cargo.lock");
    let found = walkdir::WalkDir::new(world.shared.join("corpus/history/cargo")).sort_by_file_name();
    let packages = |text: &str| text.matches("[[package]]").count();
    let texts = found.into_iter().flatten().filter(|entry| entry.file_name() == "Cargo.lock");
    let text = texts
        .map(|entry| std::fs::read_to_string(entry.path()).expect("UTF-8"))
        .min_by_key(|text| packages(text).abs_diff(400))
        .expect("a lockfile in the corpus");
    std::fs::write(&lockfile, &text).expect("a lockfile");
    let own = median(21, || vec![world.audit("rustsec", &folder)]);
    println!("one lockfile of {} packages: patchparty {}", packages(&text), milliseconds(own));
    let Some(command) = world.cargo_audit(&lockfile) else { return println!("  cargo-audit is not here") };
    let mut json = world.audit("rustsec", &folder);
    json.args(["--format", "json"]);
    let (own_findings, peer_findings) = (own_verdict(&report(json)), peer_verdict(&report(command)));
    assert_eq!(own_findings, peer_findings, "the findings differ");
    let peer = median(21, || world.cargo_audit(&lockfile).into_iter().collect());
    println!("  cargo-audit {}: {}, {} same findings", milliseconds(peer), ratio(peer, own), own_findings.len());
}

fn own_verdict(report: &Value) -> BTreeSet<(String, String, String)> {
    let mut verdict = BTreeSet::new();
    for finding in report["projects"][0]["findings"].as_array().into_iter().flatten() {
        for record in finding["records"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            verdict.insert((text(&finding["package"]), text(&finding["version"]), text(&record["id"])));
        }
    }
    verdict
}

fn peer_verdict(report: &Value) -> BTreeSet<(String, String, String)> {
    let flaws = report["vulnerabilities"]["list"].as_array().into_iter().flatten();
    let warnings = report["warnings"].as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    flaws
        .chain(warnings.flatten())
        .map(|it| (text(&it["package"]["name"]), text(&it["package"]["version"]), text(&it["advisory"]["id"])))
        .collect()
}

/// A hundred different lockfiles: what a night costs.
fn hundred_lockfiles(world: &World) {
    let folder = world.lockfiles(100);
    let own = median(7, || vec![world.audit("rustsec", &folder)]);
    println!("100 lockfiles: patchparty {}", milliseconds(own));
    let lockfile = |number: usize| folder.join(format!("{number:03}/Cargo.lock"));
    if world.cargo_audit(&lockfile(0)).is_some() {
        let peer = median(3, || (0..100).filter_map(|number| world.cargo_audit(&lockfile(number))).collect());
        println!("  cargo-audit 100 times {}: {}", milliseconds(peer), ratio(peer, own));
    }
    if World::trivy(&folder).is_none() {
        return println!("  Trivy is not here");
    }
    let peer = median(3, || World::trivy(&folder).into_iter().collect());
    println!("  Trivy {}: {}", milliseconds(peer), ratio(peer, own));
}

/// Every lockfile there is, of every format, against every advisory there is.
fn whole_corpus(world: &World) {
    let corpus = world.shared.join("corpus");
    let mut json = world.audit("all", &corpus);
    json.args(["--format", "json"]);
    let report = report(json);
    let files = report["projects"][0]["files"].as_array().expect("lockfiles");
    let size =
        |file: &Value| std::fs::metadata(corpus.join(file["path"].as_str().expect("a path"))).map_or(0, |it| it.len());
    let bytes: u64 = files.iter().map(size).sum();
    let number = |number: u64| f64::from(u32::try_from(number).expect("the corpus is small"));
    let dependencies: u64 = files.iter().filter_map(|file| file["dependency_count"].as_u64()).sum();
    let own = median(5, || vec![world.audit("all", &corpus)]);
    let (seconds, megabytes) = (own.as_secs_f64(), number(bytes) / 1e6);
    println!(
        "whole corpus: {} files, {megabytes:.1} MB, {dependencies} dependencies in {}: {:.0} files and {:.0} MB per second",
        files.len(),
        milliseconds(own),
        number(files.len() as u64) / seconds,
        megabytes / seconds
    );
    println!("  peak memory {} MB", peak_memory(world.audit("all", &corpus)) / 1000);
}

/// The high-water mark of a process's memory in kB, as the kernel tells until it ends.
fn peak_memory(mut command: Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    let mut peak = 0;
    while child.try_wait().expect("the process can be waited for").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = peak.max(mark.and_then(|mark| mark.trim().parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}
