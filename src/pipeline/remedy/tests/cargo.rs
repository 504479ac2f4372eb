//! Cargo, against crates.io.

use super::world::{MemoryTree, World, advisory, tell, tell_about};
use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;

fn flaw(package: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::CratesIo, "RUSTSEC-2020-0001", package, "0.0.0-0", fixed)
}

fn project(dependencies: &str) -> MemoryTree {
    let manifest = format!(
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependencies}"
    );
    MemoryTree::new(&[("Cargo.toml", &manifest), ("src/main.rs", "fn main() {}\n")])
}

#[test]
fn a_package_moves_to_the_lowest_release_without_a_known_flaw() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(
        &project("smallvec = \"1\"\n"),
        "Cargo.lock",
        &[&["cargo", "update"], &["cargo", "update", "-p", "smallvec", "--precise", "1.6.0"]],
    );
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        smallvec 1.6.0 -> 1.6.1 [Patch] fixes ["RUSTSEC-2020-0001"]: lowest release that no known advisory affects; within the range `1` that is asked for
        Cargo.lock: -2 +2
        "#);
    assert!(!outcome.remedy.unwrap().evidence.is_empty());
}

#[test]
fn a_parent_that_stands_in_the_way_moves_as_little_as_possible() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(
        &project("chrono = \"0.4\"\n"),
        "Cargo.lock",
        &[&["cargo", "update"], &["cargo", "update", "-p", "chrono", "--precise", "0.4.19"]],
    );
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("time", "0.2.23")]);
    insta::assert_snapshot!(tell_about(&outcome, &["time", "chrono", "blocked"]), @r#"
        time 0.1.45 -> (gone) [Patch] fixes ["RUSTSEC-2020-0001"]: nothing requires it any more
        chrono 0.4.19 -> 0.4.30 [Patch] fixes []: moves along, to the lowest release with which nothing needs `time` any more
        "#);
}

#[test]
fn a_breaking_raise_of_what_the_project_asks_for_is_offered_apart() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(&project("time = \"0.1\" # the clock\n"), "Cargo.lock", &[&["cargo", "update"]]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("time", "0.2.23")]);
    assert!(outcome.remedy.is_none());
    assert!(tell(&outcome).contains("BreakingRaise: `Cargo.toml` asks for `time` `0.1`"), "{}", tell(&outcome));
    let [raise] = outcome.raises.as_slice() else { panic!("one raise: {}", tell(&outcome)) };
    assert_eq!((raise.package.as_str(), raise.requirement.as_str(), raise.raised.as_str()), ("time", "0.1", "0.2.23"));
    let bump = &raise.remedy.bumps[0];
    assert_eq!((bump.from.as_str(), bump.to.as_deref(), bump.fixes.len()), ("0.1.45", Some("0.2.23"), 1));
    let manifest = raise.remedy.changes.iter().find(|change| change.path.file_name() == "Cargo.toml").unwrap();
    assert!(String::from_utf8_lossy(&manifest.after).contains("time = \"0.2.23\" # the clock"));
}

#[test]
fn what_has_no_fix_or_is_stale_is_told_and_left() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(&project("smallvec = \"1\"\n"), "Cargo.lock", &[&["cargo", "update"]]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("smallvec", "")]);
    assert!(outcome.remedy.is_none());
    assert!(tell(&outcome).contains("NoFixedVersion"), "{}", tell(&outcome));

    let manifest =
        String::from_utf8_lossy(&tree.files[&crate::model::repository::RepoPath::new("Cargo.toml").unwrap()])
            .replace("smallvec", "memchr = \"2\"\nsmallvec");
    let outcome =
        world.remedy(&tree.with("Cargo.toml", manifest.as_bytes()), "Cargo.lock", vec![flaw("smallvec", "1.0.0")]);
    assert!(outcome.blocked.is_empty(), "nothing to fix, nothing to say");
    let stale = tree.with("Cargo.toml", manifest.as_bytes());
    let outcome = world.remedy(&stale, "Cargo.lock", vec![flaw("smallvec", "99.0.0")]);
    assert!(tell(&outcome).contains("LockfileStale"), "{}", tell(&outcome));
}

#[test]
fn a_project_cannot_choose_the_compiler_or_a_wrapper() {
    let Some(world) = World::new("cargo", true) else { return };
    let plain = project("smallvec = \"1\"\n");
    let locked = world.generate(
        &plain,
        "Cargo.lock",
        &[&["cargo", "update"], &["cargo", "update", "-p", "smallvec", "--precise", "1.6.0"]],
    );
    let canary = world.folder.path().join("canary");
    let script = format!("#!/bin/sh\nenv > {}\nexit 1\n", canary.display());
    let evil = world.folder.path().join("toolchain/bin");
    std::fs::create_dir_all(&evil).unwrap();
    for program in ["cargo", "rustc", "wrapper"] {
        std::fs::write(evil.join(program), &script).unwrap();
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(evil.join(program), mode).unwrap();
    }
    let wrapper = evil.join("wrapper").display().to_string();
    let config = format!("[build]\nrustc-wrapper = \"{wrapper}\"\nrustc = \"{wrapper}\"\n");
    let toolchain = format!("[toolchain]\npath = \"{}\"\n", world.folder.path().join("toolchain").display());
    let tree = locked
        .with(".cargo/config.toml", config.as_bytes())
        .with("rust-toolchain.toml", toolchain.as_bytes())
        .with("build.rs", b"fn main() { panic!() }");
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    assert!(outcome.remedy.is_some(), "{}", tell(&outcome));
    assert!(!canary.exists(), "the project's program ran");
}

#[test]
fn a_manifest_that_reaches_out_of_the_repository_is_refused() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(&project("smallvec = \"1\"\n"), "Cargo.lock", &[&["cargo", "update"]]);
    let reaching = |dependency: &str| {
        let manifest = &tree.files[&crate::model::repository::RepoPath::new("Cargo.toml").unwrap()];
        let manifest = format!("{}y = {{ {dependency} }}\n", String::from_utf8_lossy(manifest));
        tell(&world.remedy(
            &tree.with("Cargo.toml", manifest.as_bytes()),
            "Cargo.lock",
            vec![flaw("smallvec", "99.0.0")],
        ))
    };
    let expected = "UntrustedSource: `Cargo.toml` takes `y` from outside of the repository";
    // Other projects' mirrors lie on the same machine.
    for dependency in ["path = \"../../y\"", "git = \"File:///mirrors/y\""] {
        let told = reaching(dependency);
        assert!(told.contains(expected), "{told}");
    }
    // What does not belong to the lockfile is not shown to Cargo, whatever it says.
    let beside = tree.with("x/Cargo.toml", b"[package]\nname = \"x\"\n[dependencies]\ny = { path = \"../../y\" }\n");
    let told = tell(&world.remedy(&beside, "Cargo.lock", vec![flaw("smallvec", "99.0.0")]));
    assert!(told.contains("NoFixedVersion"), "{told}");
}

#[test]
fn what_the_tool_says_is_the_same_every_night() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = world.generate(&project("smallvec = \"=1.6.0\"\n"), "Cargo.lock", &[&["cargo", "update"]]);
    let text = project("smallvec = \"=1.6.0\"\ngone = { path = \"gone\" }\n");
    let manifest = &text.files[&crate::model::repository::RepoPath::new("Cargo.toml").unwrap()];
    let broken = tree.with("Cargo.toml", manifest);
    let told = || tell(&world.remedy(&broken, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]));
    let first = told();
    assert!(first.contains("gone") && !first.contains("skeleton-"), "{first}");
    assert_eq!(first, told());
}

#[test]
fn no_tool_is_started_after_the_deadline() {
    let Some(world) = World::new("cargo", false) else { return };
    let lock = "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\ndependencies = [\n \"smallvec\",\n]\n\n[[package]]\nname = \"smallvec\"\nversion = \"1.6.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let tree = project("smallvec = \"1\"\n").with("Cargo.lock", lock.as_bytes());
    let outcome = world.remedy_until(std::time::Instant::now(), &tree, "Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    assert!(tell(&outcome).contains("the time that a project is given"), "{}", tell(&outcome));
}

#[test]
fn members_and_folders_of_the_project_stay_supported() {
    let Some(world) = World::new("cargo", true) else { return };
    let root = "[workspace]\nresolver = \"2\"\nmembers = [\"crates/*\"]\nexclude = [\"crates/old\", \"outer\"]\n\
        [workspace.package]\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace.dependencies]\nsmallvec = \"1\"\n";
    let member = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        [dependencies]\nsmallvec.workspace = true\nnear = { path = \"../../outer/near\" }\n";
    let outer = "[workspace]\nmembers = [\"near\"]\n[workspace.package]\nversion = \"0.2.0\"\n";
    let near = "[package]\nname = \"near\"\nversion.workspace = true\nedition = \"2021\"\n";
    let other =
        "[package]\nname = \"old\"\nversion = \"0.1.0\"\n[dependencies]\nx = { git = \"https://git.example/x\" }\n";
    let tree = MemoryTree::new(&[
        ("app/Cargo.toml", root),
        ("app/crates/a/Cargo.toml", member),
        ("app/crates/a/src/lib.rs", ""),
        ("app/crates/old/Cargo.toml", other),
        ("app/outer/Cargo.toml", outer),
        ("app/outer/near/Cargo.toml", near),
        ("app/outer/near/src/lib.rs", ""),
    ]);
    let tree = world.generate(
        &tree,
        "app/Cargo.lock",
        &[&["cargo", "update"], &["cargo", "update", "-p", "smallvec", "--precise", "1.6.0"]],
    );
    let outcome = world.remedy(&tree, "app/Cargo.lock", vec![flaw("smallvec", "1.6.1")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        smallvec 1.6.0 -> 1.6.1 [Patch] fixes ["RUSTSEC-2020-0001"]: lowest release that no known advisory affects; within the range `1` that is asked for
        app/Cargo.lock: -2 +2
        "#);
}
