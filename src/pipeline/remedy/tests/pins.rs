//! Pins, without any tool.

use super::world::{MemoryTree, World, read, tell};
use crate::model::repository::RepoPath;
use crate::sandbox::content_hash::content_hash;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn after(outcome: &super::super::RemedyOutcome, path: &str) -> String {
    let remedy = outcome.remedy.as_ref().unwrap_or_else(|| panic!("{}", tell(outcome)));
    let change = remedy.changes.iter().find(|change| change.path.as_str() == path).expect("the file changes");
    String::from_utf8(change.after.clone()).unwrap()
}

#[test]
fn a_cargo_branch_becomes_a_commit_in_manifest_and_lockfile() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[dependencies]\n# ours\ntool = { git = \"https://git.example/acme/tool\", branch = \"main\" }\n";
    let lock = format!(
        "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\ndependencies = [\n \"tool 0.2.0 (git+https://git.example/acme/tool?branch=main)\",\n]\n\n[[package]]\nname = \"tool\"\nversion = \"0.2.0\"\nsource = \"git+https://git.example/acme/tool?branch=main#{COMMIT}\"\n"
    );
    let tree = MemoryTree::new(&[("Cargo.toml", manifest), ("Cargo.lock", &lock)]);
    let outcome = world.remedy(&tree, "Cargo.lock", Vec::new());
    insta::assert_snapshot!(tell(&outcome), @r#"
        tool main -> 0123456789abcdef0123456789abcdef01234567 [Pin] fixes []: the commit at which the branch stands: nothing moves until somebody decides so
        Cargo.lock: -2 +2
        Cargo.toml: -1 +1
        "#);
    assert!(after(&outcome, "Cargo.toml").contains(&format!("rev = \"{COMMIT}\"")));
    assert!(after(&outcome, "Cargo.toml").contains("# ours\n"));
    assert!(after(&outcome, "Cargo.lock").contains(&format!("(git+https://git.example/acme/tool?rev={COMMIT})\"")));
}

#[test]
fn a_cargo_default_branch_is_pinned_as_well() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[dependencies.tool]\ngit = \"https://git.example/acme/tool.git\"\n";
    let lock = format!(
        "version = 3\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\ndependencies = [\n \"tool\",\n]\n\n[[package]]\nname = \"tool\"\nversion = \"0.2.0\"\nsource = \"git+https://git.example/acme/tool.git#{COMMIT}\"\n"
    );
    let tree = MemoryTree::new(&[("Cargo.toml", manifest), ("Cargo.lock", &lock)]);
    let outcome = world.remedy(&tree, "Cargo.lock", Vec::new());
    assert!(after(&outcome, "Cargo.toml").ends_with(&format!("tool.git\"\nrev = \"{COMMIT}\"\n")));
    assert!(after(&outcome, "Cargo.lock").contains(&format!("tool.git?rev={COMMIT}#{COMMIT}\"")));
    assert!(outcome.blocked.is_empty(), "{}", tell(&outcome));
}

#[test]
fn a_composer_branch_becomes_a_commit_in_two_lines() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = "{\n\t\"name\": \"acme/shop\",\n\t\"require\": {\n\t\t\"acme/theme\": \"dev-main\"\n\t}\n}\n";
    let hash = content_hash(manifest.as_bytes()).unwrap();
    let lock = format!(
        "{{\n    \"content-hash\": \"{hash}\",\n    \"packages\": [\n        {{\n            \"name\": \"acme/theme\",\n            \"version\": \"dev-main\",\n            \"source\": {{\n                \"type\": \"git\",\n                \"url\": \"https://git.example/acme/theme.git\",\n                \"reference\": \"{COMMIT}\"\n            }}\n        }}\n    ],\n    \"packages-dev\": []\n}}\n"
    );
    let tree = MemoryTree::new(&[("composer.json", manifest), ("composer.lock", &lock)]);
    let outcome = world.remedy(&tree, "composer.lock", Vec::new());
    insta::assert_snapshot!(tell(&outcome), @r#"
        acme/theme main -> 0123456789abcdef0123456789abcdef01234567 [Pin] fixes []: the commit at which the branch stands: nothing moves until somebody decides so
        composer.json: -1 +1
        composer.lock: -1 +1
        "#);
    let pinned = after(&outcome, "composer.json");
    assert_eq!(pinned, manifest.replace("dev-main", &format!("dev-main#{COMMIT}")));
    assert!(after(&outcome, "composer.lock").contains(&content_hash(pinned.as_bytes()).unwrap()));
}

#[test]
fn an_npm_branch_becomes_a_commit_in_manifest_and_lockfile() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = "{\"name\": \"shop\", \"dependencies\": {\"tool\": \"github:acme/tool#main\"}}\n";
    let lock = format!(
        "{{\n  \"lockfileVersion\": 3,\n  \"packages\": {{\n    \"\": {{\n      \"name\": \"shop\",\n      \"dependencies\": {{\n        \"tool\": \"github:acme/tool#main\"\n      }}\n    }},\n    \"node_modules/tool\": {{\n      \"version\": \"1.0.0\",\n      \"resolved\": \"git+ssh://git@github.com/acme/tool.git#{COMMIT}\"\n    }}\n  }}\n}}\n"
    );
    let tree = MemoryTree::new(&[("package.json", manifest), ("package-lock.json", &lock)]);
    let outcome = world.remedy(&tree, "package-lock.json", Vec::new());
    insta::assert_snapshot!(tell(&outcome), @r#"
        tool main -> 0123456789abcdef0123456789abcdef01234567 [Pin] fixes []: the commit at which the branch stands: nothing moves until somebody decides so
        package-lock.json: -1 +1
        package.json: -1 +1
        "#);
    assert_eq!(after(&outcome, "package.json"), manifest.replace("#main", &format!("#{COMMIT}")));
}

#[test]
fn a_branch_that_another_package_follows_is_told_and_left() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n";
    let lock = format!(
        "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"tool\"\nversion = \"0.2.0\"\nsource = \"git+https://git.example/acme/tool?branch=main#{COMMIT}\"\n"
    );
    let tree = MemoryTree::new(&[("Cargo.toml", manifest), ("Cargo.lock", &lock)]);
    assert_eq!(read(&tree, "Cargo.lock").path, RepoPath::new("Cargo.lock").unwrap());
    let outcome = world.remedy(&tree, "Cargo.lock", Vec::new());
    assert!(outcome.remedy.is_none());
    insta::assert_snapshot!(tell(&outcome), @r#"
        blocked tool 0.2.0 -> None Refused: `tool` follows a branch because another package asks for it that way, which this project cannot change | ask the package that requires `tool` to name a commit or a release | []
        "#);
}

#[test]
fn manifests_of_another_lockfile_keep_their_branch() {
    let Some(world) = World::new("sh", false) else { return };
    let manifest = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n[dependencies]\ntool = {{ git = \"https://git.example/acme/tool\" }}\n"
        )
    };
    let lock = |name: &str| {
        format!(
            "version = 4\n\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"tool\",\n]\n\n[[package]]\nname = \"tool\"\nversion = \"0.2.0\"\nsource = \"git+https://git.example/acme/tool#{COMMIT}\"\n"
        )
    };
    for other in ["web", "shop"] {
        let tree = MemoryTree::new(&[
            ("a/Cargo.toml", &manifest("shop")),
            ("a/Cargo.lock", &lock("shop")),
            ("b/Cargo.toml", &manifest(other)),
            ("b/Cargo.lock", &lock(other)),
        ]);
        let outcome = world.remedy(&tree, "a/Cargo.lock", Vec::new());
        let changed: Vec<_> = outcome.remedy.unwrap().changes.into_iter().map(|it| it.path.to_string()).collect();
        assert_eq!(changed, ["a/Cargo.lock", "a/Cargo.toml"], "{other}");
    }
}
