//! Real Cargo projects (`../shared/projects`): what cargo can fix is fixed, and the report says what the lockfile says.

use std::collections::BTreeSet;

use super::super::RemedyOutcome;
use super::world::{MemoryTree, World, advisory, findings, read, shared, tell};
use crate::advisory::AdvisoryDatabase;
use crate::model::advisory::Advisory;
use crate::model::dependency::Origin;
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;
use crate::updater::Files;
use crate::version;

/// Every project with a lockfile at its root, by name.
fn projects() -> Vec<(String, MemoryTree)> {
    let Some(place) = shared("projects") else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).unwrap().flatten() {
        if entry.path().join("files/Cargo.lock").is_file() {
            found.push((entry.file_name().to_string_lossy().into_owned(), MemoryTree::of_project(&entry.path())));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// The lowest release above a locked one within its caret range.
fn next(world: &World, package: &str, locked: &str) -> Option<String> {
    let path = crate::model::repository::RepoPath::new("Cargo.lock").unwrap();
    let files = Files::new(path, std::collections::BTreeMap::new());
    let registry = world.tools.registry(Ecosystem::CratesIo, &files)?;
    let releases = registry.releases(package).ok()?;
    let compare = |left: &str, right: &str| version::compare(Ecosystem::CratesIo, left, right).unwrap();
    let is_next = |it: &&str| {
        compare(it, locked).is_gt()
            && !version::is_prerelease(Ecosystem::CratesIo, it)
            && version::step(Ecosystem::CratesIo, locked, it).is_ok_and(|step| step < crate::model::remedy::Step::Major)
    };
    let above = releases.iter().filter(|it| !it.yanked).map(|it| it.version.as_str()).filter(is_next);
    above.min_by(|left, right| compare(left, right)).map(str::to_owned)
}

fn flaw(number: usize, package: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::CratesIo, &format!("RUSTSEC-2020-{number:04}"), package, "0.0.0-0", fixed)
}

/// Every finding as package and advisory, for each version.
fn found(lockfile: &Lockfile, flaws: &[Advisory]) -> BTreeSet<(String, String)> {
    let database = AdvisoryDatabase::new(flaws.to_vec());
    let findings = findings(lockfile, &database).into_iter();
    findings.filter_map(|it| Some((it.package, it.advisory?.id.as_str().to_owned()))).collect()
}

fn unfixed(outcome: &RemedyOutcome) -> BTreeSet<(String, String)> {
    let blocked = outcome.blocked.iter();
    blocked.flat_map(|it| it.advisories.iter().map(|id| (it.package.clone(), id.as_str().to_owned()))).collect()
}

#[test]
fn a_flaw_of_libc_is_fixed_in_every_project() {
    let projects = projects();
    let Some(world) = World::new("cargo", !projects.is_empty()) else { return };
    for (name, tree) in projects {
        let lockfile = read(&tree, "Cargo.lock");
        let Some(libc) = lockfile.dependencies.iter().find(|it| it.name == "libc") else { continue };
        let Some(fixed) = next(&world, "libc", &libc.version) else { continue };
        let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(1, "libc", &fixed)]);
        assert!(outcome.blocked.is_empty(), "{name}: {}", tell(&outcome));
        assert!(tell(&outcome).contains(&format!("libc {} -> {fixed}", libc.version)), "{name}: {}", tell(&outcome));
    }
}

#[test]
fn a_flaw_of_every_line_of_rand_is_fixed_where_cargo_can() {
    let projects = projects();
    let Some(world) = World::new("cargo", !projects.is_empty()) else { return };
    for (name, tree) in projects {
        let lockfile = read(&tree, "Cargo.lock");
        let copies = lockfile.dependencies.iter().filter(|it| it.name == "rand");
        let moves: Vec<(String, String)> =
            copies.filter_map(|copy| Some((copy.version.clone(), next(&world, "rand", &copy.version)?))).collect();
        let flaws = moves.iter().enumerate().map(|(number, (locked, fixed))| {
            let id = format!("RUSTSEC-2020-{:04}", number + 1);
            advisory(Ecosystem::CratesIo, &id, "rand", locked, fixed)
        });
        let outcome = world.remedy(&tree, "Cargo.lock", flaws.collect());
        for (locked, fixed) in &moves {
            let is_fixed = tell(&outcome).contains(&format!("rand {locked} -> {fixed}"));
            let specification = format!("rand@{locked}");
            let by_hand = || {
                let precise = ["cargo", "update", "-p", &specification, "--precise", fixed];
                world.can(&tree, "Cargo.lock", &precise)
            };
            assert!(is_fixed || !by_hand(), "{name}: {}", tell(&outcome));
        }
    }
}

#[test]
fn the_report_says_what_the_lockfile_says_and_a_second_run_changes_nothing() {
    let projects = projects();
    let Some(world) = World::new("cargo", !projects.is_empty()) else { return };
    let names = ["exa", "fd", "hyperfine", "mdbook", "sccache"];
    for (name, tree) in projects.into_iter().filter(|(name, _)| names.contains(&name.as_str())) {
        let lockfile = read(&tree, "Cargo.lock");
        let registry = lockfile.dependencies.iter().filter(|it| matches!(it.origin, Origin::Registry { .. }));
        // Every fifth package has a flaw, which every second one of these gets rid of only by a breaking step.
        let flaws: Vec<Advisory> = registry
            .step_by(5)
            .enumerate()
            .filter_map(|(number, package)| {
                let fixed = next(&world, &package.name, &package.version)?;
                Some(flaw(number + 1, &package.name, if number % 3 == 2 { "99.0.0" } else { &fixed }))
            })
            .collect();
        let before = found(&lockfile, &flaws);
        let outcome = world.remedy(&tree, "Cargo.lock", flaws.clone());
        let changed = tree.changed(&outcome);
        let after = read(&changed, "Cargo.lock");
        assert_eq!(found(&after, &flaws), unfixed(&outcome), "{name}: {}", tell(&outcome));
        assert!(found(&after, &flaws).is_subset(&before), "{name}: {}", tell(&outcome));
        for bump in outcome.remedy.iter().flat_map(|remedy| &remedy.bumps) {
            let is_up = |to: &String| version::compare(Ecosystem::CratesIo, to, &bump.from).unwrap().is_gt();
            assert!(bump.to.as_ref().is_none_or(is_up), "{name}: {bump:?}");
        }
        let again = world.remedy(&changed, "Cargo.lock", flaws);
        assert!(again.remedy.is_none(), "{name}: {}", tell(&again));
    }
}

#[test]
fn what_is_written_without_cargo_is_what_cargo_writes() {
    let projects = projects();
    let Some(world) = World::new("cargo", !projects.is_empty()) else { return };
    let mut compared = 0;
    for (name, tree) in projects.into_iter().filter(|(name, _)| ["exa", "fd", "hyperfine"].contains(&name.as_str())) {
        let lockfile = read(&tree, "Cargo.lock");
        let registry = lockfile.dependencies.iter().filter(|it| matches!(it.origin, Origin::Registry { .. }));
        for package in registry.skip(1).step_by(9).take(4) {
            let Some(fixed) = next(&world, &package.name, &package.version) else { continue };
            let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(1, &package.name, &fixed)]);
            let evidence = outcome.remedy.iter().flat_map(|remedy| &remedy.evidence);
            if !evidence.into_iter().any(|it| it.result.contains("edits that leave nothing to settle")) {
                continue;
            }
            let specification = format!("{}@{}", package.name, package.version);
            let precise = ["cargo", "update", "-p", &specification, "--precise", &fixed];
            let expected = world.generate(&tree, "Cargo.lock", &[&precise]);
            // Cargo writes a newer format where it changes anything; that line is another matter.
            let plain = |tree: &MemoryTree| -> String {
                let path = crate::model::repository::RepoPath::new("Cargo.lock").unwrap();
                let text = String::from_utf8_lossy(&tree.files[&path]).into_owned();
                text.replace("version = 3\n\n", "").replace("version = 4\n\n", "")
            };
            assert_eq!(plain(&tree.changed(&outcome)), plain(&expected), "{name}: {specification} -> {fixed}");
            compared += 1;
        }
    }
    assert!(compared > 0, "nothing could be compared");
}
