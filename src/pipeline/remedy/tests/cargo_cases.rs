//! Small Cargo projects on which a remedy went wrong once, with the real tool (`../shared/cases/remedy`).

use super::super::RemedyOutcome;
use super::world::{MemoryTree, World, advisory, shared, tell, tell_about};
use crate::model::advisory::{Advisory, AdvisoryId};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

fn flaw(id: u32, package: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::CratesIo, &format!("RUSTSEC-2020-{id:04}"), package, "0.0.0-0", fixed)
}

/// What comes of a case; `None` where it, the tool or the registry is missing.
fn solved(case: &str, flaws: Vec<Advisory>) -> Option<(RemedyOutcome, MemoryTree)> {
    let folder = shared("cases/remedy")?.join(case);
    let world = World::new("cargo", true)?;
    let tree = MemoryTree::of_folder(&folder);
    let outcome = world.remedy(&tree, "Cargo.lock", flaws);
    let changed = tree.changed(&outcome);
    Some((outcome, changed))
}

fn lock(tree: &MemoryTree) -> String {
    String::from_utf8_lossy(&tree.files[&RepoPath::new("Cargo.lock").unwrap()]).into_owned()
}

#[test]
fn a_package_that_goes_away_is_fixed_and_its_namesake_is_another_one() {
    let Some((outcome, _)) = solved("c01-twomajors", vec![flaw(71, "time", "0.2.23")]) else { return };
    let told = tell_about(&outcome, &["time", "blocked"]);
    assert!(told.contains("time 0.1.45 -> (gone)"), "{told}");
    assert!(told.contains("time 0.2.22 -> 0.2.23"), "{told}");
    assert!(outcome.blocked.is_empty(), "{told}");
}

#[test]
fn what_comes_in_builds_with_the_rust_that_the_project_is_for() {
    let Some((outcome, changed)) = solved("c06-msrv", vec![flaw(18, "remove_dir_all", "0.8.0")]) else { return };
    assert!(outcome.blocked.is_empty(), "{}", tell(&outcome));
    let evidence = outcome.remedy.expect("it can be fixed").evidence;
    let said = evidence.iter().find(|it| it.check.contains("1.51")).expect("the compiler is looked at");
    let libc = lock(&changed).contains("name = \"libc\"");
    assert!(said.result.contains("none of them") || said.result.contains("needs"), "{} {libc}", said.result);
}

#[test]
fn patterns_of_files_that_are_published_are_no_paths() {
    let Some((outcome, _)) = solved("c11-exclude", vec![flaw(13, "regex", "1.5.5")]) else { return };
    assert!(tell(&outcome).contains("regex 1.5.4 -> 1.5.5"), "{}", tell(&outcome));
}

#[test]
fn a_program_without_a_path_has_one_place_only() {
    let Some((outcome, _)) = solved("c12-binstub", vec![flaw(13, "regex", "1.5.5")]) else { return };
    assert!(tell(&outcome).contains("regex 1.5.4 -> 1.5.5"), "{}", tell(&outcome));
}

#[test]
fn a_lockfile_without_a_version_stays_one() {
    let Some((outcome, changed)) = solved("c13-lockv2", vec![flaw(13, "regex", "1.5.5")]) else { return };
    assert!(tell(&outcome).contains("-> 1.5.5"), "{}", tell(&outcome));
    assert!(!lock(&changed).contains("\nversion = 2") && !lock(&changed).contains("\nversion = 4"));
}

#[test]
fn what_is_in_range_and_fixes_most_is_taken_and_the_rest_reported() {
    let flaws =
        vec![flaw(1, "h2", "0.3.17"), flaw(2, "h2", "0.3.24"), flaw(3, "h2", "0.3.26"), flaw(4, "h2", "0.4.16")];
    let Some((outcome, _)) = solved("c14-web", flaws) else { return };
    let told = tell(&outcome);
    assert!(told.contains("h2 0.3.3 -> 0.3.26"), "{told}");
    let left: Vec<&str> = outcome.blocked.iter().flat_map(|it| &it.advisories).map(AdvisoryId::as_str).collect();
    assert_eq!(left, ["RUSTSEC-2020-0004"], "{told}");
}

#[test]
fn a_change_for_one_flaw_says_what_else_its_release_fixes() {
    let flaws =
        vec![flaw(1, "h2", "0.3.26"), flaw(2, "h2", "0.3.17"), flaw(3, "h2", "0.3.24"), flaw(4, "h2", "0.4.16")];
    let Some(folder) = shared("cases/remedy") else { return };
    let Some(world) = World::new("cargo", true) else { return };
    let tree = MemoryTree::of_folder(&folder.join("c14-web"));
    let outcome = world.remedy_urgent(&tree, "Cargo.lock", (flaws, 1));
    let remedy = outcome.remedy.expect("it can be fixed");
    let h2 = remedy.bumps.iter().find(|bump| bump.package == "h2").expect("it moves");
    let fixes: Vec<&str> = h2.fixes.iter().map(AdvisoryId::as_str).collect();
    assert_eq!(fixes, ["RUSTSEC-2020-0001", "RUSTSEC-2020-0002", "RUSTSEC-2020-0003"]);
    assert!(remedy.evidence[0].result.starts_with("all 3 flaws are gone"), "{}", remedy.evidence[0].result);
    assert!(outcome.blocked.is_empty(), "what need not go away is not blocked");
}

#[test]
fn a_sibling_in_the_way_moves_within_its_range() {
    let Some((outcome, _)) = solved("c15-sibling", vec![flaw(421, "idna", "1.0.0")]) else { return };
    let told = tell(&outcome);
    assert!(outcome.blocked.is_empty(), "{told}");
    assert!(told.contains("smallvec 1.7.0 -> 1.") && told.contains("url 2.2.2 -> 2."), "{told}");
}
