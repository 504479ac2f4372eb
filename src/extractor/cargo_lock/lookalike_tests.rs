//! Sources in many forms, read here and by cargo itself: what cargo takes for crates.io is matched as crates.io.
//!
//! Cargo answers `cargo metadata --locked --offline` of a project whose one dependency is vendored: with its source where it
//! takes the lock's for that of crates.io, with an error where it would have to write another lock. Covered is how a source
//! is written; packages of other registries and of git are not, since nothing here serves them.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use cargo_lock::package::SourceId;

use super::super::testing::extract;
use super::CargoLock;
use crate::model::dependency::Origin;
use crate::model::doubt::Doubt;

/// How many forms are tried, besides the plain one.
const CASES: usize = 240;

/// The checksum of the vendored package, which is one by its form only.
const CHECKSUM: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// One way to write an address otherwise.
type Change = fn(&str) -> String;

const CHANGES: [Change; 14] = [
    |url| format!("{url}/"),
    |url| format!("{url}.git"),
    |url| url.replace("https", "http"),
    |url| url.replace("rust-lang", "Rust-Lang"),
    |url| url.replace("crates", "CRATES"),
    |url| url.replace("://g", "://G"),
    |url| url.replace("://", "://user@"),
    |url| url.replace(".com/", ".com:443/"),
    |url| url.replace(".com/", ".com:8443/"),
    |url| url.replace("rust-lang", "./rust-lang"),
    |url| url.replace("rust-lang", "x/../rust-lang"),
    |url| url.replace("rust-lang", "/rust-lang"),
    |url| format!("{url}?x"),
    |url| url.replace("rust-lang", "rust-lang-2"),
];

fn source(number: usize) -> String {
    let mut url = SourceId::default().url().to_string();
    // Each change alone, each pair in both orders, and the first of all triples.
    let count = CHANGES.len();
    let mut rest = number;
    while rest > 0 {
        url = CHANGES[(rest - 1) % count](&url);
        rest = (rest - 1) / count;
    }
    format!("registry+{url}")
}

fn lock(source: &str) -> String {
    format!(
        "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"dep\",\n]\n\n[[package]]\n\
         name = \"dep\"\nversion = \"1.0.0\"\nsource = \"{source}\"\nchecksum = \"{CHECKSUM}\"\n"
    )
}

/// A project with its vendored dependency.
fn project(folder: &Path) {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(path, content).expect("a writable folder");
    };
    write("src/lib.rs", "");
    write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ndep = \"1\"\n",
    );
    write("vendor/dep/src/lib.rs", "");
    write("vendor/dep/Cargo.toml", "[package]\nname = \"dep\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    write("vendor/dep/.cargo-checksum.json", &format!("{{\"files\": {{}}, \"package\": \"{CHECKSUM}\"}}"));
    write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
    );
}

/// Whether cargo takes the dependency of a lock for one of crates.io; `None` where there is no cargo.
fn ask_cargo(folder: &Path, lock: &str) -> Option<bool> {
    std::fs::write(folder.join("Cargo.lock"), lock).expect("a writable folder");
    let output = Command::new("cargo")
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .current_dir(folder)
        .env("CARGO_HOME", folder.join("home"))
        .env_remove("RUSTC_WRAPPER")
        .output()
        .ok()?;
    if !output.status.success() {
        return Some(false);
    }
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let own = format!("registry+{}", SourceId::default().url());
    let packages = answer["packages"].as_array().expect("packages");
    Some(packages.iter().any(|package| package["name"] == "dep" && package["source"] == own.as_str()))
}

#[test]
fn what_cargo_takes_for_crates_io_is_matched_as_crates_io() {
    let (next, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let folder = tempfile::tempdir().expect("a scratch folder");
        project(folder.path());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > CASES {
                return true;
            }
            let source = source(number);
            let text = lock(&source);
            let Some(is_own) = ask_cargo(folder.path(), &text) else { return false };
            accepted.fetch_add(usize::from(is_own), Ordering::Relaxed);
            let ours = extract(&CargoLock, &[("Cargo.lock", text.as_bytes())]).expect("a lockfile");
            let dependency = ours.iter().find(|it| it.name == "dep").expect("it is in the file");
            let matched = dependency.origin == Origin::Registry { url: None };
            let in_doubt = dependency.doubts.iter().any(|doubt| matches!(doubt, Doubt::Contradiction { .. }));
            assert!(matched || !is_own, "cargo takes {source} for crates.io");
            assert!(!matched || is_own || in_doubt, "{source} is matched without a doubt, and cargo does not take it");
        }
    };
    let asked = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().all(|worker| worker.join().expect("no worker fails"))
    });
    if !asked {
        println!("skipped: there is no cargo");
        return;
    }
    let accepted = accepted.into_inner();
    println!("cargo takes {accepted} of {} forms for crates.io", CASES + 1);
    assert!(accepted > CASES / 4, "cargo reads the lock at all");
}
