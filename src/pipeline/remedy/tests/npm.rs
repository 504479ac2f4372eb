//! npm, against its registry.

use super::world::{MemoryTree, World, advisory, find_file, tell, tell_about};
use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const FLAGS: [&str; 5] = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];

fn flaw(package: &str, introduced: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::Npm, &format!("GHSA-{package}-{introduced}"), package, introduced, fixed)
}

fn lockfile() -> RepoPath {
    RepoPath::new("package-lock.json").unwrap()
}

fn install<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["npm", "install"].into_iter().chain(FLAGS).chain(more.iter().copied()).collect()
}

/// A project whose lockfile was written when `locked` was current, with the manifest as given.
fn locked(world: &World, manifest: &str, locked: &str) -> MemoryTree {
    let old = world.generate(&MemoryTree::new(&[("package.json", locked)]), "package-lock.json", &[&install(&[])]);
    world.generate(&old.with("package.json", manifest.as_bytes()), "package-lock.json", &[&install(&[])])
}

#[test]
fn a_package_moves_to_the_lowest_release_without_a_known_flaw() {
    let Some(world) = World::new("npm", true) else { return };
    let tree = locked(
        &world,
        "{\n\t\"name\": \"shop\",\n\t\"devDependencies\": {\n\t\t\"lodash\": \"^4.17.0\"\n\t}\n}\n",
        "{\n\t\"name\": \"shop\",\n\t\"devDependencies\": {\n\t\t\"lodash\": \"4.17.15\"\n\t}\n}\n",
    );
    let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("lodash", "0", "4.17.21")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        lodash 4.17.15 -> 4.17.21 [Patch] fixes ["GHSA-lodash-0"]: lowest release that no known advisory affects; within the range `^4.17.0` that is asked for
        package-lock.json: -3 +3
        "#);
}

#[test]
fn each_copy_of_a_package_gets_its_own_target() {
    let Some(world) = World::new("npm", true) else { return };
    let tree = locked(
        &world,
        r#"{"name": "shop", "dependencies": {"debug": "^3.0.0", "needle": "2.2.1"}}"#,
        r#"{"name": "shop", "dependencies": {"debug": "3.0.1", "needle": "2.2.1"}}"#,
    );
    // The nested copy goes back to an older release, as a lockfile that has been there for long would have it.
    let files = crate::updater::Files::new(lockfile(), std::collections::BTreeMap::new());
    let releases = world.tools.registry(Ecosystem::Npm, &files).unwrap().releases("debug").unwrap();
    let checksum =
        |version: &str| releases.iter().find(|release| release.version == version).unwrap().checksum.clone().unwrap();
    let text = String::from_utf8_lossy(&tree.files[&lockfile()]).into_owned();
    assert!(text.contains("node_modules/needle/node_modules/debug"), "the test wants a nested copy: {text}");
    let old = text.replace(&checksum("2.6.9"), &checksum("2.6.8")).replace("2.6.9", "2.6.8");
    let advisories = vec![flaw("debug", "3.0.0", "3.1.0"), flaw("debug", "2.0.0", "2.6.9")];
    let outcome = world.remedy(&tree.with("package-lock.json", old.as_bytes()), "package-lock.json", advisories);
    insta::assert_snapshot!(tell(&outcome), @r#"
        debug 2.6.8 -> 2.6.9 [Patch] fixes ["GHSA-debug-2.0.0"]: lowest release that no known advisory affects; within the range `^2.1.2` that is asked for
        debug 3.0.1 -> 3.1.0 [Minor] fixes ["GHSA-debug-3.0.0"]: lowest release that no known advisory affects; within the range `^3.0.0` that is asked for
        package-lock.json: -6 +6
        "#);
}

#[test]
fn a_parent_that_stands_in_the_way_moves_as_little_as_possible() {
    let Some(world) = World::new("npm", true) else { return };
    let tree = locked(
        &world,
        r#"{"name": "shop", "dependencies": {"express": "^4.17.0"}}"#,
        r#"{"name": "shop", "dependencies": {"express": "4.17.1"}}"#,
    );
    let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("qs", "0", "6.7.3")]);
    insta::assert_snapshot!(tell_about(&outcome, &["qs", "body-parser", "express", "blocked"]), @r#"
        qs 6.7.0 -> 6.9.7 [Minor] fixes ["GHSA-qs-0"]: lowest release that no known advisory affects and that what requires it can use; outside of the range `6.7.0` that was asked for
        body-parser 1.19.0 -> 1.19.2 [Patch] fixes []: release that admits `qs` 6.9.7 and changes the least else
        express 4.17.1 -> 4.17.3 [Patch] fixes []: release that admits `qs` 6.9.7 and changes the least else
        "#);
}

#[test]
fn a_breaking_step_of_a_direct_requirement_is_offered_apart() {
    let Some(world) = World::new("npm", true) else { return };
    let manifest = r#"{"name": "shop", "dependencies": {"minimist": "0.2.0"}}"#;
    let tree = locked(&world, manifest, manifest);
    let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("minimist", "0", "1.2.6")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        blocked minimist 0.2.0 -> Some("1.2.6") BreakingRaise: the project asks for `minimist` `0.2.0`; only a breaking step to `1.2.6` fixes it | run `npm install minimist@1.2.6` and adapt the code | []
        "#);
}

#[test]
fn old_formats_stay_what_they_are() {
    let Some(world) = World::new("npm", true) else { return };
    for version in ["1", "2"] {
        let manifest = r#"{"name": "shop", "dependencies": {"lodash": "^4.17.0"}}"#;
        let flag = format!("--lockfile-version={version}");
        let old = MemoryTree::new(&[("package.json", r#"{"name": "shop", "dependencies": {"lodash": "4.17.15"}}"#)]);
        let tree = world.generate(&old, "package-lock.json", &[&install(&[&flag])]);
        let tree = tree.with("package.json", manifest.as_bytes());
        let tree = world.generate(&tree, "package-lock.json", &[&install(&[&flag])]);
        let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("lodash", "0", "4.17.21")]);
        let change = &outcome.remedy.as_ref().unwrap_or_else(|| panic!("{}", tell(&outcome))).changes[0];
        assert!(String::from_utf8_lossy(&change.after).contains(&format!("\"lockfileVersion\": {version}")));
    }
}

#[test]
fn configuration_and_scripts_of_the_project_have_no_effect() {
    let Some(world) = World::new("npm", true) else { return };
    let tree = locked(
        &world,
        r#"{"name": "shop", "dependencies": {"lodash": "^4.17.0"}}"#,
        r#"{"name": "shop", "dependencies": {"lodash": "4.17.15"}}"#,
    );
    let canary = world.folder.path().join("canary");
    let sink = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    sink.set_nonblocking(true).unwrap();
    let port = sink.local_addr().unwrap().port();
    let configuration = format!(
        "git=./evil\nregistry=http://127.0.0.1:{port}/${{GITHUB_TOKEN}}/\n//127.0.0.1:{port}/:_authToken=${{GITHUB_TOKEN}}\n"
    );
    let manifest = format!(
        r#"{{"name": "shop", "scripts": {{"preinstall": "touch {0}", "prepare": "touch {0}"}}, "dependencies": {{"lodash": "^4.17.0"}}}}"#,
        canary.display()
    );
    let tree = tree
        .with(".npmrc", configuration.as_bytes())
        .with("evil", format!("#!/bin/sh\nenv > {}\n", canary.display()).as_bytes())
        .with("package.json", manifest.as_bytes());
    let tree = world
        .generate(
            &MemoryTree::new(&[("package.json", &manifest)]).with("package-lock.json", &tree.files[&lockfile()]),
            "package-lock.json",
            &[&install(&[])],
        )
        .with(".npmrc", configuration.as_bytes());
    let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("lodash", "0", "4.17.21")]);
    assert!(outcome.remedy.is_some(), "{}", tell(&outcome));
    assert!(!canary.exists(), "a script of the project ran");
    assert!(sink.accept().is_err(), "the project's registry was asked");
    assert!(!find_file(&world.folder.path().join("scratch"), ".npmrc"));
}

#[test]
fn a_flaw_without_a_fix_does_not_keep_the_others() {
    let Some(world) = World::new("npm", true) else { return };
    let manifest = r#"{"name": "shop", "dependencies": {"lodash": "^4.17.0"}}"#;
    let tree = locked(&world, manifest, r#"{"name": "shop", "dependencies": {"lodash": "4.17.15"}}"#);
    let advisories = vec![flaw("lodash", "0", ""), flaw("lodash", "0.0.1", "4.17.21")];
    let outcome = world.remedy(&tree, "package-lock.json", advisories);
    insta::assert_snapshot!(tell(&outcome), @r#"
    lodash 4.17.15 -> 4.17.21 [Patch] fixes ["GHSA-lodash-0.0.1"]: no release is free of known flaws; the lowest with the fewest still has GHSA-lodash-0; within the range `^4.17.0` that is asked for
    package-lock.json: -3 +3
    blocked lodash 4.17.15 -> None NoFixedVersion: no release of `lodash` above 4.17.21 is free of GHSA-lodash-0 | replace `lodash`, or shield the application from the flaw | []
    "#);
}

#[test]
fn projects_beside_the_lockfile_are_not_asked_and_not_changed() {
    let Some(world) = World::new("npm", true) else { return };
    let shop = "{\n  \"name\": \"shop\",\n  \"dependencies\": {\n    \"lodash\": \"4.17.15\"\n  }\n}\n";
    let tree = MemoryTree::new(&[("a/package.json", shop), ("b/package.json", shop)]);
    let tree = world.generate(&tree, "a/package-lock.json", &[&install(&[])]);
    let tree = world.generate(&tree, "b/package-lock.json", &[&install(&[])]);
    let outcome = world.remedy(&tree, "a/package-lock.json", vec![flaw("lodash", "0", "4.17.21")]);
    let changed: Vec<_> = outcome.remedy.unwrap().changes.into_iter().map(|it| it.path.to_string()).collect();
    assert_eq!(changed, ["a/package-lock.json", "a/package.json"]);
}

#[test]
fn workspaces_and_folders_of_the_project_stay_supported() {
    let Some(world) = World::new("npm", true) else { return };
    let root = r#"{"name": "shop", "workspaces": ["packages/*"], "dependencies": {"near": "file:./near"}}"#;
    let asking = |name: &str, wanted: &str| {
        format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{"lodash": "{wanted}"}}}}"#)
    };
    let project = |wanted: &str| {
        let (member, near) = (asking("a", wanted), asking("near", "^4.17.0"));
        let other = r#"{"name": "other", "dependencies": {"x": "git+https://git.example/x", "y": "file:/etc"}}"#;
        MemoryTree::new(&[
            ("package.json", root),
            ("packages/a/package.json", &member),
            ("near/package.json", &near),
            ("examples/other/package.json", other),
        ])
    };
    let old = world.generate(&project("4.17.15"), "package-lock.json", &[&install(&[])]);
    let tree = project("^4.17.0").with("package-lock.json", &old.files[&lockfile()]);
    let tree = world.generate(&tree, "package-lock.json", &[&install(&[])]);
    let outcome = world.remedy(&tree, "package-lock.json", vec![flaw("lodash", "0", "4.17.21")]);
    let told = tell(&outcome);
    assert!(told.starts_with("lodash 4.17.15 -> 4.17.21 ") && !told.contains("blocked"), "{told}");
}
