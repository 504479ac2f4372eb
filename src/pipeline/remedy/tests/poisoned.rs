//! Poisoned caches: what an earlier run may have left in a package manager's cache decides nothing.

use std::path::Path;
use std::process::Command;

use super::world::{MemoryTree, World, advisory, tell};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

/// The lockfile of a project as text.
fn text(tree: &MemoryTree, path: &str) -> String {
    String::from_utf8_lossy(&tree.files[&RepoPath::new(path).unwrap()]).into_owned()
}

/// Replaces bytes in every file below a folder; how often.
fn replace(folder: &Path, from: &str, to: &str) -> usize {
    let mut count = 0;
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let content = std::fs::read(entry.path()).unwrap();
        let Some(position) = content.windows(from.len()).position(|window| window == from.as_bytes()) else { continue };
        let changed = [&content[..position], to.as_bytes(), &content[position + from.len()..]].concat();
        std::fs::write(entry.path(), changed).unwrap();
        count += 1;
    }
    count
}

#[test]
fn an_index_entry_that_was_changed_in_cargos_cache_brings_nothing_in() {
    let Some(mut world) = World::new("cargo", true) else { return };
    let manifest =
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nsmallvec = \"1\"\n";
    let project = MemoryTree::new(&[("Cargo.toml", manifest), ("src/main.rs", "fn main() {}\n")]);
    let at = |world: &World, version: &str| {
        let precise: &[&str] = &["cargo", "update", "-p", "smallvec", "--precise", version];
        world.generate(&project, "Cargo.lock", &[&["cargo", "update"], precise])
    };
    let tree = at(&world, "1.6.0");
    // Its entry is in the cache as well.
    let other = manifest.replace("smallvec", "itoa");
    let other = MemoryTree::new(&[("Cargo.toml", &other), ("src/main.rs", "fn main() {}\n")]);
    world.generate(&other, "Cargo.lock", &[&["cargo", "update"]]);
    let evil = "{\"name\":\"itoa\",\"req\":\"^1\",\"features\":[],\"optional\":false,\"default_features\":true,\
                \"target\":null,\"kind\":\"normal\"}";
    let index = world.tools.cache.join("cargo/registry/index");
    let places = ["\"vers\":\"1.6.1\",\"deps\":[", "\"vers\": \"1.6.1\", \"deps\": ["];
    let poisoned: usize = places.iter().map(|place| replace(&index, place, &format!("{place}{evil},"))).sum();
    assert!(poisoned > 0, "Cargo keeps its index in another form");
    // Whether Cargo asks again depends on what the registry's server said of its answer; here it does not.
    world.tools.runner = world.tools.runner.clone().with_variable("CARGO_NET_OFFLINE", "true");
    assert!(text(&at(&world, "1.6.1"), "Cargo.lock").contains("itoa"), "Cargo believes its cache");
    let flaw = advisory(Ecosystem::CratesIo, "RUSTSEC-2020-0001", "smallvec", "0.0.0-0", "1.6.1");
    let outcome = world.remedy(&tree, "Cargo.lock", vec![flaw]);
    let changes = outcome.remedy.iter().flat_map(|remedy| &remedy.changes);
    for change in changes {
        assert!(!String::from_utf8_lossy(&change.after).contains("itoa"), "{}", tell(&outcome));
    }
    // The release is passed over, and the next one taken.
    assert!(tell(&outcome).contains("smallvec 1.6.0 -> 1.7.0"), "{}", tell(&outcome));
}

/// Gives a release another dependency in npm's cache, by the library that npm itself uses.
const POISON: &str = "const root = require('child_process').execSync('npm root -g').toString().trim();
const cacache = require(root + '/npm/node_modules/cacache');
(async () => {
  const cache = process.argv[1];
  for (const { key } of Object.values(await cacache.ls(cache))) {
    if (!key.endsWith('/lodash')) continue;
    const { data, metadata } = await cacache.get(cache, key);
    const packument = JSON.parse(data);
    packument.versions['4.17.21'].dependencies = { ms: '2.0.0' };
    await cacache.put(cache, key, JSON.stringify(packument), { metadata });
    console.log(key);
  }
})();";

#[test]
fn a_packument_that_was_changed_in_npms_cache_brings_nothing_in() {
    let Some(mut world) = World::new("npm", true) else { return };
    let install: &[&str] = &["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
    let at = |world: &World, wanted: &str| {
        let manifest = format!("{{\"name\": \"shop\", \"dependencies\": {{\"lodash\": \"{wanted}\"}}}}");
        world.generate(&MemoryTree::new(&[("package.json", &manifest)]), "package-lock.json", &[install])
    };
    let locked =
        text(&at(&world, "4.17.20"), "package-lock.json").replace("\"lodash\": \"4.17.20\"", "\"lodash\": \"^4.17.0\"");
    let manifest = "{\"name\": \"shop\", \"dependencies\": {\"lodash\": \"^4.17.0\"}}";
    let tree = MemoryTree::new(&[("package.json", manifest), ("package-lock.json", &locked)]);
    let cache = world.tools.cache.join("npm/_cacache");
    let Ok(output) = Command::new("node").args(["-e", POISON]).arg(&cache).output() else {
        eprintln!("skipped: `node` is not installed");
        return;
    };
    if output.stdout.is_empty() {
        eprintln!("skipped: npm's cache has another form: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    world.tools.runner = world.tools.runner.clone().with_variable("npm_config_prefer_offline", "true");
    assert!(text(&at(&world, "4.17.21"), "package-lock.json").contains("node_modules/ms"), "npm believes its cache");
    let outcome = world.remedy(
        &tree,
        "package-lock.json",
        vec![advisory(Ecosystem::Npm, "GHSA-lodash-0", "lodash", "0", "4.17.21")],
    );
    for change in outcome.remedy.iter().flat_map(|remedy| &remedy.changes) {
        assert!(!String::from_utf8_lossy(&change.after).contains("node_modules/ms"), "{}", tell(&outcome));
    }
}
