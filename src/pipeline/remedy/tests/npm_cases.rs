//! Small npm projects on which a remedy went wrong, with the real npm; and after each, what `npm ci` installs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::RemedyOutcome;
use super::world::{MemoryTree, World, advisory, findings, read, tell};
use crate::advisory::AdvisoryDatabase;
use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::model::tree::ProjectTree as _;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Skeleton;

pub(super) const LOCKFILE: &str = "package-lock.json";

/// A folder of the shared material; `None`, with the reason on stderr, where it is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from).join(name);
    if !folder.is_dir() {
        eprintln!("skipped: no {} (set PATCHPARTY_SHARED)", folder.display());
        return None;
    }
    Some(folder)
}

/// A project of the shared material.
fn project(name: &str) -> Option<MemoryTree> {
    let folder = shared(name)?;
    let files = walkdir::WalkDir::new(&folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let files: Vec<(String, String)> = files
        .map(|entry| {
            let path = entry.path().strip_prefix(&folder).unwrap().display().to_string();
            (path, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Some(MemoryTree::new(&files))
}

fn case(name: &str) -> Option<MemoryTree> {
    project(&format!("cases/remedy/{name}"))
}

/// The well-known flaws of npm packages.
fn known() -> Vec<Advisory> {
    let mut known = Vec::new();
    let files = std::fs::read_dir(shared("advisories/npm-known").unwrap()).unwrap().flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let record: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for affected in record["affected"].as_array().unwrap() {
            let package = affected["package"]["name"].as_str().unwrap();
            for range in affected["ranges"].as_array().unwrap() {
                let of = |name: &str| -> Vec<String> {
                    let events = range["events"].as_array().unwrap().iter();
                    events.filter_map(|event| Some(event.get(name)?.as_str()?.to_owned())).collect()
                };
                for (introduced, fixed) in of("introduced").iter().zip(of("fixed")) {
                    known.push(advisory(Ecosystem::Npm, record["id"].as_str().unwrap(), package, introduced, &fixed));
                }
            }
        }
    }
    known
}

pub(super) fn flaw(package: &str, introduced: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::Npm, &format!("GHSA-{package}-{introduced}-{fixed}"), package, introduced, fixed)
}

/// The project with the changes of an outcome.
pub(super) fn changed(tree: &MemoryTree, outcome: &RemedyOutcome) -> MemoryTree {
    let mut tree = tree.with("README.md", b"");
    for change in outcome.remedy.iter().flat_map(|remedy| &remedy.changes) {
        tree = tree.with(change.path.as_str(), &change.after);
    }
    tree
}

/// Remedies a project, and holds against the outcome what must be so whatever it is: the lockfile is what `npm ci` installs,
/// what is found afterwards is what the outcome says, and a second time nothing changes.
pub(super) fn remedied(world: &World, tree: &MemoryTree, advisories: &[Advisory]) -> String {
    let outcome = world.remedy(tree, LOCKFILE, advisories.to_vec());
    let after = changed(tree, &outcome);
    let database = AdvisoryDatabase::new(advisories.to_vec());
    let found = |tree: &MemoryTree| -> BTreeSet<(String, String, String)> {
        let found = findings(&read(tree, LOCKFILE), &database);
        let told = found.into_iter().filter_map(|it| Some((it.package, it.version, it.advisory?.id.to_string())));
        told.collect()
    };
    let (before, left) = (found(tree), found(&after));
    let said: BTreeSet<(String, String)> = outcome
        .blocked
        .iter()
        .flat_map(|it| it.advisories.iter().map(|id| (it.package.clone(), id.to_string())))
        .collect();
    let left_flaws: BTreeSet<(String, String)> = left.into_iter().map(|(package, _, id)| (package, id)).collect();
    assert_eq!(left_flaws, said, "what stays is what is said to stay: {}", tell(&outcome));
    let known: BTreeSet<(String, String)> = before.into_iter().map(|(package, _, id)| (package, id)).collect();
    assert!(left_flaws.is_subset(&known), "nothing new");
    for bump in outcome.remedy.iter().flat_map(|remedy| &remedy.bumps) {
        let (Some(to), version) = (bump.to.as_deref(), |text: &str| nodejs_semver::Version::parse(text).unwrap())
        else {
            continue;
        };
        assert!(version(to) > version(&bump.from), "{} goes down", bump.package);
    }
    let again = world.remedy(&after, LOCKFILE, advisories.to_vec());
    assert!(again.remedy.is_none(), "a second time nothing changes: {}", tell(&again));
    installs_what_is_locked(world, &after);
    tell(&outcome)
}

/// `npm ci` on disk has the versions of the lockfile, bundled copies included; other platforms' packages may be missing.
fn installs_what_is_locked(world: &World, tree: &MemoryTree) {
    let skeleton = Skeleton::new(&world.tools.scratch, &world.tools.cache, &tree.files).unwrap();
    let place = skeleton.place();
    let below = |folder: &Path, name: &str| folder.join(name).display().to_string();
    let invocation = Invocation {
        program: "npm".to_owned(),
        args: ["ci", "--ignore-scripts", "--no-audit", "--no-fund"].map(str::to_owned).to_vec(),
        env: BTreeMap::from([
            ("npm_config_cache".to_owned(), below(&place.cache, "npm")),
            ("npm_config_userconfig".to_owned(), below(&place.home, "none-user")),
            ("npm_config_globalconfig".to_owned(), below(&place.home, "none-global")),
        ]),
        cwd: place.project.clone(),
        reach: Reach::Npm,
    };
    let output = world.tools.runner.run(&invocation, place).unwrap();
    assert!(output.succeeded(), "{}{}", output.stderr, output.stdout);
    let lock: serde_json::Value =
        serde_json::from_slice(&tree.read(&RepoPath::new(LOCKFILE).unwrap()).unwrap()).unwrap();
    let mut seen = 0;
    for (path, entry) in lock["packages"].as_object().unwrap() {
        let Some(version) = entry.get("version").filter(|_| path.contains("node_modules/")) else { continue };
        match std::fs::read(place.project.join(path).join("package.json")) {
            Ok(manifest) => {
                let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
                assert_eq!(manifest["version"], *version, "{path}");
                seen += 1;
            }
            Err(_) => assert!(entry.get("optional").is_some(), "{path} is not installed"),
        }
    }
    assert!(seen > 0);
}

/// A project made from a lockfile that was written when `locked` was current.
pub(super) fn aged(world: &World, files: &[(&str, &str)], locked: &[(&str, &str)]) -> MemoryTree {
    let flags = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];
    let install: Vec<&str> = ["npm", "install"].into_iter().chain(flags).collect();
    let old = world.generate(&MemoryTree::new(locked), LOCKFILE, &[&install]);
    let tree = MemoryTree::new(files).with(LOCKFILE, &old.files[&RepoPath::new(LOCKFILE).unwrap()]);
    let legacy: Vec<&str> = install.iter().copied().chain(["--legacy-peer-deps"]).collect();
    let command = if tree.files.keys().any(|path| path.as_str() == ".npmrc") { &legacy } else { &install };
    world.generate(&tree, LOCKFILE, &[command])
}

#[test]
fn an_override_below_a_parent_is_raised() {
    let Some(world) = World::new("npm", true) else { return };
    let manifest = |inner: &str, top: &str| {
        format!(
            r#"{{"name": "shop", "dependencies": {{"mkdirp": "0.5.1", "minimist": "{top}"}}, "overrides": {{"mkdirp": {{"minimist": "{inner}"}}}}}}"#
        )
    };
    let old = manifest("1.2.0", "1.2.8");
    let tree = aged(&world, &[("package.json", &old)], &[("package.json", &old)]);
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("minimist", "1.0.0", "1.2.6")]), @r#"
    minimist 1.2.0 -> 1.2.6 [Patch] fixes ["GHSA-minimist-1.0.0-1.2.6"]: lowest release that no known advisory affects; held there by the project's `overrides`
    package-lock.json: -3 +3
    package.json: -1 +1
    "#);
}

#[test]
fn a_new_override_is_written_where_the_policy_lets_it_be() {
    let Some(mut world) = World::new("npm", true) else { return };
    let manifest = "{\n  \"name\": \"shop\",\n  \"dependencies\": {\n    \"request\": \"2.88.2\"\n  }\n}\n";
    let tree = aged(&world, &[("package.json", manifest)], &[("package.json", manifest)]);
    let advisories = [flaw("form-data", "0", "2.5.4")];
    let refused = remedied(&world, &tree, &advisories);
    assert!(refused.contains("blocked form-data") && !refused.contains("package.json: "), "{refused}");
    world.npm_overrides = true;
    let written = remedied(&world, &tree, &advisories);
    assert!(written.contains("held there by the project's `overrides`\n"), "{written}");
    assert!(written.contains("package.json: -0 +5") && !written.contains("blocked"), "{written}");
}

#[test]
fn peers_that_do_not_fit_are_left_alone_where_the_project_says_so() {
    let Some(world) = World::new("npm", true) else { return };
    let manifest =
        r#"{"name": "shop", "dependencies": {"react": "18.2.0", "enzyme-adapter-react-16": "1.15.6", "qs": "^6.7.0"}}"#;
    let old = manifest.replace("^6.7.0", "6.7.0");
    let old_tree = MemoryTree::new(&[("package.json", &old)]);
    let flags = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
    let install: Vec<&str> = ["npm", "install"].into_iter().chain(flags).collect();
    let old_tree = world.generate(&old_tree, LOCKFILE, &[&install]);
    let tree = world.generate(&old_tree.with("package.json", manifest.as_bytes()), LOCKFILE, &[&install]);
    let tree = tree.with(".npmrc", b"legacy-peer-deps = true\n");
    let told = remedied(&world, &tree, &[flaw("qs", "0", "6.7.3")]);
    assert!(told.starts_with("qs 6.7.0 -> 6.7.3 ") && !told.contains("blocked"), "{told}");
}

#[test]
fn requirements_of_members_of_a_workspace_are_raised_where_they_stand() {
    let Some(world) = World::new("npm", true) else { return };
    let root = r#"{"name": "shop", "private": true, "workspaces": ["packages/*"]}"#;
    let member = |name: &str, wanted: &str| {
        format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"lodash": "{wanted}"}}}}"#)
    };
    let (wide, pinned) = (member("wide", "^4.17.0"), member("pinned", "4.17.15"));
    let files = |wide: &str| {
        MemoryTree::new(&[
            ("package.json", root),
            ("packages/pinned/package.json", &pinned),
            ("packages/wide/package.json", wide),
        ])
    };
    let flags = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
    let install: Vec<&str> = ["npm", "install"].into_iter().chain(flags).collect();
    let old = world.generate(&files(&member("wide", "4.17.15")), LOCKFILE, &[&install]);
    let tree = files(&wide).with(LOCKFILE, &old.files[&RepoPath::new(LOCKFILE).unwrap()]);
    let tree = world.generate(&tree, LOCKFILE, &[&install]);
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("lodash", "0", "4.17.21")]), @r#"
    lodash 4.17.15 -> 4.17.21 [Patch] fixes ["GHSA-lodash-0-4.17.21"]: lowest release that no known advisory affects; outside of the range `4.17.15`, `^4.17.0` that was asked for
    package-lock.json: -4 +4
    packages/pinned/package.json: -1 +1
    "#);
}

#[test]
fn layout_and_version_of_the_format_are_kept() {
    let Some(world) = World::new("npm", true) else { return };
    let manifest = "{\r\n\t\"name\": \"shop\",\r\n\t\"dependencies\": {\r\n\t\t\"lodash\": \"4.17.15\"\r\n\t}\r\n}";
    let flags = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
    for version in ["1", "2", "3"] {
        let flag = format!("--lockfile-version={version}");
        let install: Vec<&str> = ["npm", "install"].into_iter().chain(flags).chain([flag.as_str()]).collect();
        let tree = world.generate(&MemoryTree::new(&[("package.json", manifest)]), LOCKFILE, &[&install]);
        let outcome = world.remedy(&tree, LOCKFILE, vec![flaw("lodash", "0", "4.17.21")]);
        let told = tell(&outcome);
        let of_lock = if version == "2" { "package-lock.json: -7 +7" } else { "package-lock.json: -4 +4" };
        let of_lock = if version == "1" { "package-lock.json: -3 +3" } else { of_lock };
        assert!(told.contains("package.json: -1 +1") && told.contains(of_lock), "version {version}: {told}");
        let after = changed(&tree, &outcome);
        let lock = after.read(&RepoPath::new(LOCKFILE).unwrap()).unwrap();
        let lock = String::from_utf8(lock).unwrap();
        assert!(lock.contains(&format!("\"lockfileVersion\": {version}")), "{lock}");
    }
}

#[test]
fn real_projects_are_what_is_said_of_them() {
    for (name, moved) in [("bookstack", 7), ("wrangler", 0)] {
        let (Some(tree), Some(world)) = (project(&format!("projects/{name}/files")), World::new("npm", true)) else {
            return;
        };
        let in_folder: Vec<(String, String)> = tree
            .files
            .iter()
            .filter_map(|(path, content)| {
                let path = path
                    .as_str()
                    .strip_prefix("changelog-generator/")
                    .or((name != "wrangler").then_some(path.as_str()))?;
                Some((path.to_owned(), String::from_utf8_lossy(content).into_owned()))
            })
            .collect();
        let files: Vec<(&str, &str)> = in_folder.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let told = remedied(&world, &MemoryTree::new(&files), &known());
        assert_eq!(told.lines().filter(|line| line.contains("] fixes [\"")).count(), moved, "{told}");
        assert!(told.contains("BreakingRaise"), "{told}");
    }
}

#[test]
fn n04_an_override_of_the_project_is_raised() {
    let (Some(tree), Some(world)) = (case("n04-overrides"), World::new("npm", true)) else { return };
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("minimist", "0", "0.2.4"), flaw("minimist", "1.0.0", "1.2.6")]), @r#"
    minimist 0.0.8 -> 0.2.4 [Major] fixes ["GHSA-minimist-0-0.2.4"]: lowest release that no known advisory affects; held there by the project's `overrides`
    package-lock.json: -3 +6
    package.json: -1 +1
    "#);
}

#[test]
fn n09_the_settings_of_the_project_hold() {
    let (Some(tree), Some(world)) = (case("n09-legacypeer"), World::new("npm", true)) else { return };
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("lodash", "0", "4.17.21")]), @r#"
    lodash 4.17.15 -> 4.17.21 [Patch] fixes ["GHSA-lodash-0-4.17.21"]: lowest release that no known advisory affects; within the range `^4.17.15` that is asked for
    package-lock.json: -2 +2
    "#);
}

#[test]
fn n12_engines_decide_among_targets() {
    let (Some(tree), Some(world)) = (case("n12-engines"), World::new("npm", true)) else { return };
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("undici", "0", "5.8.0")]), @r#"
    undici 5.5.0 -> 5.8.0 [Minor] fixes ["GHSA-undici-0-5.8.0"]: lowest release that no known advisory affects; within the range `^5.5.0` that is asked for
    package-lock.json: -2 +2
    "#);
    // Every release without this one needs a newer Node.js.
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("undici", "0", "5.26.2")]), @r#"
    undici 5.5.0 -> 5.26.2 [Minor] fixes ["GHSA-undici-0-5.26.2"]: lowest release that no known advisory affects; it needs Node.js `>=14.0`, and the project admits older ones; within the range `^5.5.0` that is asked for
    package-lock.json: -3 +14
    "#);
}

#[test]
fn n40_a_bundled_copy_is_not_called_fixed() {
    let (Some(tree), Some(world)) = (case("n40-inbundle"), World::new("npm", true)) else { return };
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("lodash", "0", "4.17.21")]), @r#"
    blocked lodash 4.13.1 -> Some("4.17.21") BreakingRaise: `lodash` 4.13.1 is part of the archive of `nyc@7.1.0`, so that only this can move; it bundles nothing from 14.0.0 on; the project asks for `nyc` `^7.1.0`; only a breaking step to `^14.0.0` fixes it | run `npm install nyc@^14.0.0` and adapt the code | ["nyc@7.1.0 `4.13.1`"]
    "#);
}

#[test]
fn n42_a_pinned_copy_does_not_keep_the_others() {
    let (Some(tree), Some(world)) = (case("n42-pinnedcopy"), World::new("npm", true)) else { return };
    insta::assert_snapshot!(remedied(&world, &tree, &[flaw("lodash", "0", "4.17.21")]), @r#"
    lodash 4.17.11 -> 4.17.21 [Patch] fixes []: lowest release that no known advisory affects; within the range `^4.17.10`, `^4.17.11` that is asked for; another copy stays at 4.17.11
    package-lock.json: -2 +7
    blocked lodash 4.17.11 -> Some("4.17.21") BreakingRaise: the project asks for `cypress` `3.3.1`; only a breaking step to `4.12.0` fixes it | run `npm install cypress@4.12.0` and adapt the code | ["cypress@3.3.1 `4.17.11`"]
    "#);
}
