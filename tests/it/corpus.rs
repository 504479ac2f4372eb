//! Corpus: the built binary agrees with the recorded verdicts of cargo-audit, lockfile by lockfile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::bot::Bot;

/// (kind, advisory, package, version), as in `cargo-audit.tsv`.
type Verdict = BTreeSet<[String; 4]>;

/// The shared corpus; `None` where it is absent, which the caller says.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from);
    folder.canonicalize().ok()
}

fn recorded(file: &Path) -> Verdict {
    let text = std::fs::read_to_string(file).expect("the verdict is readable");
    let columns =
        |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().expect("four columns");
    text.lines().filter(|line| !line.is_empty()).map(columns).collect()
}

/// What the report says of each lockfile, under the names that RustSec gives.
fn reported(report: &Value) -> BTreeMap<String, Verdict> {
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    let project = &report["projects"][0];
    let files = project["files"].as_array().expect("a list").iter();
    let mut verdicts: BTreeMap<String, Verdict> = files.map(|file| (word(&file["path"]), Verdict::new())).collect();
    for finding in project["findings"].as_array().expect("a list") {
        let records = finding["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        for record in records.iter().filter(|record| record["source"] == "rustsec") {
            let line = [&finding["kind"], &record["id"], &finding["package"], &finding["version"]].map(word);
            verdicts.get_mut(&word(&finding["file"])).expect("a file that was read").insert(line);
        }
    }
    verdicts
}

#[test]
fn every_cargo_lock_of_the_corpus_gets_the_verdict_of_cargo_audit() {
    let Some(shared) = shared() else {
        eprintln!("skipped: ../shared is not here");
        return;
    };
    let bot = Bot::without_forge();
    let advisories = shared.join("advisories/rustsec").display().to_string();
    // The database is a snapshot that only grows older.
    let policy = bot.write("old.toml", b"[advisories]\nwarn-age = \"3650 days\"\nmax-age = \"3650 days\"\n");
    let policy = policy.display().to_string();
    let (mut locks, mut lines) = (0, 0);
    for set in ["real", "history", "fixtures"] {
        let folder = shared.join("corpus").join(set).join("cargo");
        let target = folder.display().to_string();
        let options = ["--config", &policy, "--advisories", &advisories, "--offline", "--format", "json"];
        let arguments = [["audit", target.as_str()].as_slice(), options.as_slice()].concat();
        let outcome = bot.run_bare(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (path, verdict) in reported(&outcome.expect_code(1).json()) {
            let file = folder.join(&path).with_file_name("cargo-audit.tsv");
            if file.exists() {
                let expected = recorded(&file);
                assert_eq!(verdict, expected, "{set}: {path}");
                (locks, lines) = (locks + 1, lines + expected.len());
            }
        }
    }
    eprintln!("{locks} lockfiles, {lines} verdicts");
    assert!(locks > 200 && lines > 5_000, "{locks} lockfiles, {lines} verdicts");
}
