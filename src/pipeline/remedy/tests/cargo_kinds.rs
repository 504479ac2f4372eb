//! More Cargo projects of each kind on which a remedy went wrong once, with the real tool.

use super::super::RemedyOutcome;
use super::world::{MemoryTree, World, advisory, tell};
use crate::model::advisory::{Advisory, AdvisoryId};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

fn flaw(id: u32, package: &str, (introduced, fixed): (&str, &str)) -> Advisory {
    advisory(Ecosystem::CratesIo, &format!("RUSTSEC-2020-{id:04}"), package, introduced, fixed)
}

/// A project with some packages locked at exact versions.
fn project(world: &World, files: &[(&str, &str)], locked: &[(&str, &str)]) -> MemoryTree {
    let tree = MemoryTree::new(files);
    let mut commands: Vec<Vec<&str>> = vec![vec!["cargo", "update"]];
    commands
        .extend(locked.iter().map(|(package, version)| vec!["cargo", "update", "-p", package, "--precise", version]));
    let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
    world.generate(&tree, "Cargo.lock", &commands)
}

/// A manifest of one package.
fn manifest(more: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}\n[dependencies]\n{dependencies}\n"
    )
}

fn single(world: &World, dependencies: &str, locked: &[(&str, &str)]) -> MemoryTree {
    project(world, &[("Cargo.toml", &manifest("", dependencies)), ("src/main.rs", "")], locked)
}

fn text(tree: &MemoryTree, path: &str) -> String {
    String::from_utf8_lossy(&tree.files[&RepoPath::new(path).unwrap()]).into_owned()
}

fn left(outcome: &RemedyOutcome) -> Vec<&str> {
    outcome.blocked.iter().flat_map(|it| &it.advisories).map(AdvisoryId::as_str).collect()
}

#[test]
fn c01_each_of_two_lines_moves_within_its_own_and_what_nobody_needs_goes_away() {
    let Some(world) = World::new("cargo", true) else { return };
    let both = "rand = \"0.8\"\nolder = { package = \"rand\", version = \"0.7\" }";
    let tree = single(&world, both, &[("rand@0.8", "0.8.3"), ("rand@0.7", "0.7.2")]);
    let flaws = vec![flaw(1, "rand", ("0.7.0", "0.7.3")), flaw(2, "rand", ("0.8.0", "0.8.4"))];
    let told = tell(&world.remedy(&tree, "Cargo.lock", flaws));
    assert!(told.contains("rand 0.7.2 -> 0.7.3") && told.contains("rand 0.8.3 -> 0.8.4"), "{told}");

    let tree = single(&world, "chrono = \"0.4\"", &[("chrono", "0.4.20")]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(71, "time", ("0.0.0-0", "0.2.23"))]);
    let told = tell(&outcome);
    assert!(told.contains("-> (gone)") && outcome.blocked.is_empty(), "{told}");
}

#[test]
fn c11_and_c12_neither_patterns_nor_places_of_targets_end_a_resolution() {
    let Some(world) = World::new("cargo", true) else { return };
    let main = ("src/main.rs", "");
    for (more, files) in [
        ("include = [\"/src/**\", \"!/src/secret\"]\n", vec![main]),
        ("exclude = [\"../fixtures/*\", \"**/*.snap\"]\n", vec![main]),
        ("[[bin]]\nname = \"other\"\ntest = false\n", vec![("src/bin/other.rs", "")]),
        (
            "build = \"build.rs\"\n[[example]]\nname = \"tour\"\n",
            vec![main, ("build.rs", ""), ("examples/tour/main.rs", "")],
        ),
    ] {
        let manifest = manifest(more, "regex = \"1.5\"");
        let files: Vec<(&str, &str)> = [("Cargo.toml", manifest.as_str())].into_iter().chain(files).collect();
        let tree = project(&world, &files, &[("regex", "1.5.4")]);
        let told = tell(&world.remedy(&tree, "Cargo.lock", vec![flaw(13, "regex", ("0.0.0-0", "1.5.5"))]));
        assert!(told.contains("regex 1.5.4 -> 1.5.5"), "{more}: {told}");
    }
}

#[test]
fn c13_line_ends_and_numbers_of_formats_stay() {
    let Some(world) = World::new("cargo", true) else { return };
    let tree = single(&world, "regex = \"1.5\"", &[("regex", "1.5.4")]);
    let lock = text(&tree, "Cargo.lock");
    for old in
        [lock.replace("version = 4\n\n", "").replace('\n', "\r\n"), lock.replace("version = 4\n", "version = 3\n")]
    {
        let tree = tree.with("Cargo.lock", old.as_bytes());
        let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(13, "regex", ("0.0.0-0", "1.5.5"))]);
        let new = text(&tree.changed(&outcome), "Cargo.lock");
        assert!(new.contains("1.5.5"), "{}", tell(&outcome));
        let format = |lock: &str| lock.lines().find(|line| line.starts_with("version = ")).map(str::len);
        assert_eq!((format(&old), old.contains('\r')), (format(&new), new.contains('\r')));
    }
}

#[test]
fn c14_what_can_be_fixed_is_and_the_rest_is_told() {
    let Some(world) = World::new("cargo", true) else { return };
    for (package, from, to) in [("smallvec", "1.6.0", "1.6.1"), ("regex", "1.5.4", "1.5.5")] {
        let tree = single(&world, &format!("{package} = \"1\""), &[(package, from)]);
        let flaws = vec![flaw(1, package, ("0.0.0-0", to)), flaw(2, package, ("0.0.0-0", "99.0.0"))];
        let outcome = world.remedy(&tree, "Cargo.lock", flaws);
        assert!(tell(&outcome).contains(&format!("{package} {from} -> {to}")), "{}", tell(&outcome));
        assert_eq!(left(&outcome), ["RUSTSEC-2020-0002"], "{}", tell(&outcome));
    }
}

#[test]
fn c15_siblings_move_along_as_far_as_they_have_to() {
    let Some(world) = World::new("cargo", true) else { return };
    let serde = "serde = { version = \"1\", features = [\"derive\"] }";
    let tree = single(&world, serde, &[("serde", "1.0.136"), ("serde_derive", "1.0.136")]);
    let told = tell(&world.remedy(&tree, "Cargo.lock", vec![flaw(1, "serde_derive", ("0.0.0-0", "1.0.137"))]));
    assert!(told.contains("serde_derive 1.0.136 -> 1.0.137") && told.contains("serde 1.0.136 -> 1.0.137"), "{told}");

    let urls = "url = \"2.2\"\nform_urlencoded = \"1\"\npercent-encoding = \"2.1\"";
    let locked = [("url", "2.2.2"), ("form_urlencoded", "1.0.1"), ("percent-encoding", "2.1.0")];
    let outcome =
        world.remedy(&single(&world, urls, &locked), "Cargo.lock", vec![flaw(421, "idna", ("0.0.0-0", "1.0.0"))]);
    let told = tell(&outcome);
    assert!(told.contains("percent-encoding 2.1.0 -> 2.3.") && outcome.blocked.is_empty(), "{told}");
}

#[test]
fn a_raise_takes_out_the_features_that_are_gone_and_says_so() {
    let Some(world) = World::new("cargo", true) else { return };
    let hyper = "hyper = { version = \"0.14.7\", features = [\"http2\", \"server\", \"runtime\"] } # the web";
    let tree = single(&world, hyper, &[]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(1, "h2", ("0.0.0-0", "0.4.0"))]);
    let told = tell(&outcome);
    let [raise] = outcome.raises.as_slice() else { panic!("{told}") };
    assert_eq!((raise.package.as_str(), raise.requirement.as_str()), ("hyper", "0.14.7"));
    let change = raise.remedy.changes.iter().find(|it| it.path.as_str() == "Cargo.toml").expect("it is raised");
    let after = String::from_utf8_lossy(&change.after);
    assert!(after.contains("features = [\"http2\", \"server\"] } # the web"), "{after}");
    assert!(raise.remedy.evidence.iter().any(|it| it.result.contains("runtime")), "{:?}", raise.remedy.evidence);
    assert!(told.contains("without the features `runtime` in `Cargo.toml`"), "{told}");
}

/// What the report says of the compiler that the new releases need.
fn compiler(outcome: &RemedyOutcome) -> (&str, &str) {
    let evidence = outcome.remedy.iter().flat_map(|remedy| &remedy.evidence);
    let said = evidence.into_iter().find(|it| it.check.contains("oldest Rust")).expect("the compiler is looked at");
    (&said.check, &said.result)
}

#[test]
fn c06_where_only_a_newer_rust_is_safe_the_report_says_which() {
    let Some(world) = World::new("cargo", true) else { return };
    let manifest = manifest("rust-version = \"1.60\"\n", "time = \"0.3\"");
    let tree = project(&world, &[("Cargo.toml", &manifest), ("src/main.rs", "")], &[("time", "0.3.17")]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(9, "time", ("0.0.0-0", "0.3.36"))]);
    assert!(tell(&outcome).contains("time 0.3.17 -> 0.3.36") && outcome.blocked.is_empty(), "{}", tell(&outcome));
    let (check, result) = compiler(&outcome);
    assert!(check.ends_with("1.60") && result.contains("time 0.3.36 needs 1.67"), "{check}: {result}");
}

#[test]
fn c06_the_rust_that_a_workspace_declares_holds_for_members_that_inherit_it() {
    let Some(world) = World::new("cargo", true) else { return };
    let root = "[workspace]\nmembers = [\"shop\"]\n[workspace.package]\nrust-version = \"1.51\"\nedition = \"2018\"\n";
    let member = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition.workspace = true\n\
        rust-version.workspace = true\n[dependencies]\ntempfile = \"3\"\n";
    let files = [("Cargo.toml", root), ("shop/Cargo.toml", member), ("shop/src/lib.rs", "")];
    let tree = project(&world, &files, &[("tempfile", "3.3.0")]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(18, "remove_dir_all", ("0.0.0-0", "0.8.0"))]);
    assert!(outcome.blocked.is_empty(), "{}", tell(&outcome));
    let (check, result) = compiler(&outcome);
    assert!(check.ends_with("1.51") && result == "none of them needs a newer one", "{check}: {result}");
    assert!(tell(&outcome).contains("remove_dir_all 0.5.3 -> (gone)"), "{}", tell(&outcome));
}

#[test]
fn a_raise_takes_the_features_out_of_the_members_that_inherit_the_requirement() {
    let Some(world) = World::new("cargo", true) else { return };
    let root = "[workspace]\nmembers = [\"shop\", \"other\"]\nresolver = \"2\"\n[workspace.dependencies]\nhyper = \"0.14.7\"\n";
    let member = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n{more}\n")
    };
    let shop = member(
        "shop",
        "hyper = { workspace = true, features = [\"http2\", \"runtime\"] } # the web\n[features]\nall = [\"hyper/tcp\"]",
    );
    let other = member("other", "hyper = { workspace = true, features = [\"server\"] }");
    let files = [
        ("Cargo.toml", root),
        ("shop/Cargo.toml", &shop),
        ("shop/src/lib.rs", ""),
        ("other/Cargo.toml", &other),
        ("other/src/lib.rs", ""),
    ];
    let tree = project(&world, &files, &[]);
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw(1, "h2", ("0.0.0-0", "0.4.0"))]);
    let told = tell(&outcome);
    let [raise] = outcome.raises.as_slice() else { panic!("{told}") };
    let paths: Vec<&str> = raise.remedy.changes.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["Cargo.lock", "Cargo.toml", "shop/Cargo.toml"], "{told}");
    let change = raise.remedy.changes.iter().find(|it| it.path.as_str() == "shop/Cargo.toml").unwrap();
    let after = String::from_utf8_lossy(&change.after);
    assert!(after.contains("hyper = { workspace = true, features = [\"http2\"] } # the web"), "{after}");
    assert!(after.contains("all = []"), "{after}");
    let evidence: Vec<&str> = raise.remedy.evidence.iter().map(|it| it.result.as_str()).collect();
    assert!(
        evidence.iter().any(|it| it.contains("`runtime`, `tcp`") && it.contains("shop/Cargo.toml")),
        "{evidence:?}"
    );
}
