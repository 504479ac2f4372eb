//! More projects of the kinds on which a remedy went wrong, with the real npm; and after each, what `npm ci` installs.

use super::npm_cases::{LOCKFILE, aged, flaw, remedied};
use super::world::{MemoryTree, World};
use crate::model::advisory::Advisory;

/// A manifest with requirements and whatever else it says.
fn manifest(requirements: &str, besides: &str) -> String {
    format!("{{\n  \"name\": \"shop\",\n  \"dependencies\": {{{requirements}}}{besides}\n}}\n")
}

/// What comes of a project whose lockfile was written for one manifest, with what stands in another one now.
fn told(world: &World, (now, then): (&str, &str), besides: &[(&str, &str)], advisories: &[Advisory]) -> String {
    let files: Vec<(&str, &str)> = [("package.json", now)].into_iter().chain(besides.iter().copied()).collect();
    remedied(world, &aged(world, &files, &[("package.json", then)]), advisories)
}

#[test]
fn a_setting_for_nested_folders_holds() {
    let Some(world) = World::new("npm", true) else { return };
    let (now, then) =
        (manifest(r#""debug": "^2.2.0", "ms": "2.1.3""#, ""), manifest(r#""debug": "2.2.0", "ms": "2.1.3""#, ""));
    let told = told(&world, (&now, &then), &[(".npmrc", "install-strategy=nested\n")], &[flaw("debug", "0", "2.6.9")]);
    assert!(told.starts_with("debug 2.2.0 -> 2.6.9 ") && !told.contains("blocked"), "{told}");
}

#[test]
fn a_release_that_the_projects_node_cannot_run_is_left_where_engines_are_strict() {
    let Some(world) = World::new("npm", true) else { return };
    let engines = ", \"engines\": {\"node\": \">=12.18\"}";
    let (now, then) = (manifest(r#""undici": "^5.5.0""#, engines), manifest(r#""undici": "5.5.0""#, engines));
    let advisories = [flaw("undici", "0", "5.26.2")];
    let strict = told(&world, (&now, &then), &[(".npmrc", "engine-strict=true\n")], &advisories);
    assert!(strict.starts_with("blocked undici 5.5.0 "), "{strict}");
}

#[test]
fn a_release_that_the_projects_node_can_run_needs_no_word() {
    let Some(world) = World::new("npm", true) else { return };
    let engines = ", \"engines\": {\"node\": \">=18\"}";
    let (now, then) = (manifest(r#""undici": "^5.5.0""#, engines), manifest(r#""undici": "5.5.0""#, engines));
    let told = told(&world, (&now, &then), &[], &[flaw("undici", "0", "5.26.2")]);
    assert!(told.starts_with("undici 5.5.0 -> 5.26.2 ") && !told.contains("needs Node.js"), "{told}");
}

#[test]
fn a_bundler_moves_within_its_range_to_a_release_that_bundles_nothing() {
    let Some(world) = World::new("npm", true) else { return };
    for (bundler, old, new, (package, fixed)) in
        [("sqlite3", "4.0.0", "4.0.1", ("ini", "1.3.6")), ("bcrypt", "3.0.2", "3.0.5", ("minimist", "1.2.6"))]
    {
        let (now, then) =
            (manifest(&format!(r#""{bundler}": "^{old}""#), ""), manifest(&format!(r#""{bundler}": "{old}""#), ""));
        let told = told(&world, (&now, &then), &[], &[flaw(package, "0", fixed)]);
        assert!(told.contains(&format!("{bundler} {old} -> {new} ")) && !told.contains("blocked"), "{told}");
    }
}

#[test]
fn a_bundler_that_always_bundles_is_named() {
    let Some(world) = World::new("npm", true) else { return };
    let text = manifest(r#""npm": "6.14.4""#, "");
    let told = told(&world, (&text, &text), &[], &[flaw("ini", "0", "1.3.6")]);
    let expected = "`ini` 1.3.5 is part of the archive of `npm@6.14.4`, and no release of that comes without it";
    assert!(told.starts_with("blocked ini 1.3.5 ") && told.contains(expected), "{told}");
}

#[test]
fn a_copy_that_one_package_pins_stays_for_it_alone() {
    let Some(world) = World::new("npm", true) else { return };
    let requirements = r#""cypress": "3.3.1", "moment-timezone": "0.5.33""#;
    let (now, then) = (manifest(requirements, ""), manifest(&format!("{requirements}, \"moment\": \"2.24.0\""), ""));
    let told = told(&world, (&now, &then), &[], &[flaw("moment", "0", "2.29.2")]);
    assert!(told.starts_with("moment 2.24.0 -> 2.29.2 "), "{told}");
    assert!(told.contains("another copy stays at 2.24.0") && told.contains("blocked moment 2.24.0 "), "{told}");
}

#[test]
fn a_copy_that_a_member_of_a_workspace_pins_through_a_package_stays_for_it_alone() {
    let Some(world) = World::new("npm", true) else { return };
    let root = r#"{"name": "shop", "private": true, "workspaces": ["packages/*"]}"#;
    let member = |name: &str, requirements: &str| {
        format!(r#"{{"name": "{name}", "version": "1.0.0", "dependencies": {{{requirements}}}}}"#)
    };
    let (pinned, wide) = (member("pinned", r#""cypress": "3.3.1""#), member("wide", r#""moment": "^2.24.0""#));
    let old = member("wide", r#""moment": "2.24.0""#);
    let files = |wide: &str| {
        MemoryTree::new(&[
            ("package.json", root),
            ("packages/pinned/package.json", &pinned),
            ("packages/wide/package.json", wide),
        ])
    };
    let install = ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
    let locked = world.generate(&files(&old), LOCKFILE, &[&install]);
    let lockfile = crate::model::repository::RepoPath::new(LOCKFILE).unwrap();
    let tree = world.generate(&files(&wide).with(LOCKFILE, &locked.files[&lockfile]), LOCKFILE, &[&install]);
    let told = remedied(&world, &tree, &[flaw("moment", "0", "2.29.2")]);
    assert!(told.starts_with("moment 2.24.0 -> 2.29.2 "), "{told}");
    assert!(told.contains("another copy stays at 2.24.0") && told.contains("blocked moment 2.24.0 "), "{told}");
}
