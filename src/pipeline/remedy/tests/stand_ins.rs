//! Packages from git that a change does not touch: nobody asks their host, and the rest of the lockfile stays as it is.

use super::super::RemedyOutcome;
use super::world::{MemoryTree, World, advisory, shared, tell};
use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const COMMIT: &str = "0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b";

fn flaw(package: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::CratesIo, "RUSTSEC-2020-0001", package, "0.0.0-0", fixed)
}

/// A project with `smallvec` from the registry, and `dep` from a host that nobody can ask, which needs `cfg-if`.
fn project(world: &World, section: &str) -> MemoryTree {
    let manifest =
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nsmallvec = \"1\"\n";
    let plain = format!("{manifest}cfg-if = \"1\"\n");
    let tree = MemoryTree::new(&[("Cargo.toml", &plain), ("src/main.rs", "fn main() {}\n")]);
    let tree = world.generate(
        &tree,
        "Cargo.lock",
        &[&["cargo", "update"], &["cargo", "update", "-p", "smallvec", "--precise", "1.6.0"]],
    );
    let lock = String::from_utf8_lossy(&tree.files[&RepoPath::new("Cargo.lock").unwrap()]).into_owned();
    let source = format!("git+https://git.example/dep?rev={COMMIT}#{COMMIT}");
    let dep = format!(
        "[[package]]\nname = \"dep\"\nversion = \"1.0.0\"\nsource = \"{source}\"\ndependencies = [\n \"cfg-if\",\n]\n\n"
    );
    let (head, tail) = lock.split_at(lock.find("[[package]]\nname = \"shop\"").unwrap());
    let lock = format!("{head}{dep}{}", tail.replacen(" \"cfg-if\",\n", " \"dep\",\n", 1));
    let manifest = format!("{manifest}{section}dep = {{ git = \"https://git.example/dep\", rev = \"{COMMIT}\" }}\n");
    tree.with("Cargo.toml", manifest.as_bytes()).with("Cargo.lock", lock.as_bytes())
}

fn remedied(world: &World, section: &str) -> (MemoryTree, RemedyOutcome) {
    let tree = project(world, section);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    (tree, outcome)
}

#[test]
fn what_comes_from_git_and_is_not_touched_is_stood_in_for() {
    let Some(world) = World::new("cargo", true) else { return };
    for section in ["", "\n[target.'cfg(unix)'.dependencies]\n"] {
        let (tree, outcome) = remedied(&world, section);
        let told = tell(&outcome);
        assert!(told.contains("smallvec 1.6.0 -> 1.6.1") && told.contains("Cargo.lock: -2 +2"), "{section} {told}");
        assert!(outcome.blocked.is_empty(), "{told}");
        let changed = tree.changed(&outcome);
        let manifest = RepoPath::new("Cargo.toml").unwrap();
        assert_eq!(changed.files[&manifest], tree.files[&manifest], "the manifest of the project stays");
    }
}

#[test]
fn what_a_package_from_git_needs_is_left_alone() {
    let Some(world) = World::new("cargo", true) else { return };
    let outcome = world.remedy(&project(&world, ""), "Cargo.lock", vec![flaw("cfg-if", "99.0.0")]);
    assert!(outcome.remedy.is_none(), "{}", tell(&outcome));
    assert_eq!(outcome.blocked.len(), 1, "{}", tell(&outcome));
}

#[test]
fn a_package_from_git_may_have_the_name_and_version_of_one_from_the_registry() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = project(&world, "");
    let text = |path: &str| String::from_utf8_lossy(&tree.files[&RepoPath::new(path).unwrap()]).into_owned();
    let lock = text("Cargo.lock");
    let start = lock.find("name = \"cfg-if\"\nversion = \"").unwrap() + "name = \"cfg-if\"\nversion = \"".len();
    let version = lock[start..].split('"').next().unwrap().to_owned();
    // The project takes `cfg-if` from git, and `dep` takes the very same version from the registry.
    let git = format!("git+https://git.example/cfg-if.git?rev={COMMIT}");
    let namesake = format!(
        "[[package]]\nname = \"cfg-if\"\nversion = \"{version}\"\nsource = \"{git}#{COMMIT}\"\n\n[[package]]\nname = \"dep\""
    );
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = lock
        .replacen("\"cfg-if\",\n", &format!("\"cfg-if {version} ({registry})\",\n"), 1)
        .replacen("[[package]]\nname = \"dep\"", &namesake, 1)
        .replacen(" \"dep\",\n", &format!(" \"cfg-if {version} ({git})\",\n \"dep\",\n"), 1);
    let manifest =
        format!("{}cfg-if = {{ git = \"https://git.example/cfg-if.git\", rev = \"{COMMIT}\" }}\n", text("Cargo.toml"));
    let tree = tree.with("Cargo.toml", manifest.as_bytes()).with("Cargo.lock", lock.as_bytes());
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    let told = tell(&outcome);
    assert!(told.contains("smallvec 1.6.0 -> 1.6.1") && told.contains("Cargo.lock: -2 +2"), "{told}");
    assert!(outcome.blocked.is_empty(), "{told}");
}

#[test]
fn a_real_project_whose_hosts_are_gone_is_neither_stale_nor_refused() {
    let Some(place) = shared("projects/cargo-deny/files/examples/07_deny_sources") else { return };
    let Some(world) = World::new("cargo", true) else { return };
    let tree = MemoryTree::of_folder(&place).with("src/main.rs", b"");
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("log", "0.4.15")]);
    let told = tell(&outcome);
    assert!(!told.contains("LockfileStale") && !told.contains("UntrustedSource"), "{told}");
}
