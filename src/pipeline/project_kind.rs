//! Project kind: what the projects of changed lockfiles are to their testers, told from their manifests.

use serde_json::{Map, Value};

use crate::model::bounded_toml;
use crate::model::project_kind::{Kinds, ProjectKind};
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

/// More manifests of one workspace tell nothing new.
const MANIFEST_LIMIT: usize = 200;

/// Folders that hold what nobody runs: examples, fixtures, build helpers.
const ASIDE: [&str; 9] =
    ["examples", "example", "fixtures", "__fixtures__", "testdata", "benches", "fuzz", "xtask", "node_modules"];

/// A documentation site by the name of its folder.
const DOCUMENTATION_FOLDERS: [&str; 6] = ["doc", "docs", "documentation", "site", "website", "book"];

/// Packages that answer requests, in their ecosystem's own names.
const CARGO_SERVERS: [&str; 14] = [
    "axum",
    "actix-web",
    "rocket",
    "warp",
    "poem",
    "salvo",
    "tide",
    "tonic",
    "rouille",
    "gotham",
    "lambda_http",
    "loco-rs",
    "pavex",
    "leptos",
];
const NPM_SERVERS: [&str; 24] = [
    "express",
    "fastify",
    "koa",
    "hapi",
    "@hapi/hapi",
    "@nestjs/core",
    "next",
    "nuxt",
    "@sveltejs/kit",
    "@remix-run/node",
    "react-dom",
    "vue",
    "@angular/core",
    "svelte",
    "restify",
    "@adonisjs/core",
    "sails",
    "meteor",
    "hono",
    "ember-source",
    "gatsby",
    "webpack-encore",
    "@symfony/webpack-encore",
    "laravel-vite-plugin",
];
const NPM_DOCUMENTATION: [&str; 10] = [
    "@docusaurus/core",
    "vitepress",
    "vuepress",
    "@vuepress/core",
    "@astrojs/starlight",
    "nextra",
    "docsify",
    "docsify-cli",
    "gitbook",
    "honkit",
];

/// What the projects are whose lockfiles change. Files that belong to no project of a package manager, such as workflows,
/// add nothing; a project whose manifest does not tell is taken for a service, which has the longest plan.
pub(crate) fn of_changes<'a>(tree: &dyn ProjectTree, files: impl IntoIterator<Item = &'a RepoPath>) -> Kinds {
    files.into_iter().flat_map(|file| of_file(tree, file)).collect()
}

fn of_file(tree: &dyn ProjectTree, file: &RepoPath) -> Kinds {
    let of_folder = match file.file_name() {
        "Cargo.lock" | "Cargo.toml" => cargo(tree, file.folder()),
        "package-lock.json" | "npm-shrinkwrap.json" | "package.json" => npm(tree, file.folder()),
        "composer.lock" | "composer.json" => composer(tree, file.folder()),
        _ => return Kinds::new(),
    };
    if !of_folder.is_empty() {
        return of_folder;
    }
    let first = file.folder().split('/').next().unwrap_or_default();
    let kind = if DOCUMENTATION_FOLDERS.contains(&first) { ProjectKind::Documentation } else { ProjectKind::Service };
    Kinds::from([kind])
}

/// The manifests of a workspace: that of its folder, and those below without a lockfile of their own.
fn manifests<'a>(tree: &'a dyn ProjectTree, folder: &str, name: &str, lockfile: &str) -> Vec<&'a RepoPath> {
    let inside = |path: &'a RepoPath| match folder {
        "" => Some(path.as_str()),
        folder => path.as_str().strip_prefix(folder)?.strip_prefix('/'),
    };
    let own_lock = |path: &RepoPath| {
        path.folder() != folder && path.sibling(lockfile).is_ok_and(|lock| tree.kind(&lock).is_some())
    };
    let all = tree.entries().iter().filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
    all.map(|entry| &entry.path)
        .filter(|path| path.file_name() == name)
        .filter(|path| inside(path).is_some_and(|rest| rest.split('/').all(|part| !ASIDE.contains(&part))))
        .filter(|path| !own_lock(path))
        .take(MANIFEST_LIMIT)
        .collect()
}

fn exists(tree: &dyn ProjectTree, manifest: &RepoPath, file: &str) -> bool {
    manifest.sibling(file).is_ok_and(|path| tree.kind(&path).is_some())
}

fn cargo(tree: &dyn ProjectTree, folder: &str) -> Kinds {
    let (mut runs, mut serves, mut is_used) = (false, false, false);
    for path in manifests(tree, folder, "Cargo.toml", "Cargo.lock") {
        let Ok(content) = tree.read(path) else { continue };
        let Ok(manifest) = bounded_toml::from_str::<toml::Table>(&String::from_utf8_lossy(&content)) else { continue };
        if !manifest.contains_key("package") {
            continue;
        }
        let binary = manifest.contains_key("bin") || exists(tree, path, "src/main.rs");
        let asks = |name: &str| manifest.get("dependencies").and_then(|it| it.get(name)).is_some();
        // A server may stand in a library of the workspace that its program starts.
        serves |= CARGO_SERVERS.iter().any(|name| asks(name));
        runs |= binary;
        is_used |= !binary;
    }
    match (runs, serves, is_used) {
        (true, true, _) => Kinds::from([ProjectKind::Service]),
        (true, false, _) => Kinds::from([ProjectKind::CommandLine]),
        (false, _, true) => Kinds::from([ProjectKind::Library]),
        (false, _, false) => Kinds::new(),
    }
}

fn npm(tree: &dyn ProjectTree, folder: &str) -> Kinds {
    let mut kinds = Kinds::new();
    for path in manifests(tree, folder, "package.json", "package-lock.json") {
        let Some(manifest) = object(tree, path) else { continue };
        let asks = |names: &[&str], lists: &[&str]| {
            let asked = |list: &&str| manifest.get(*list).and_then(Value::as_object);
            lists.iter().filter_map(asked).any(|list| names.iter().any(|name| list.contains_key(*name)))
        };
        let (run, all) = (["dependencies"].as_slice(), ["dependencies", "devDependencies"].as_slice());
        let private = manifest.get("private").and_then(Value::as_bool) == Some(true);
        let used = ["main", "module", "exports", "types", "typings", "browser"];
        if exists(tree, path, "action.yml") || exists(tree, path, "action.yaml") || manifest.contains_key("bin") {
            kinds.insert(ProjectKind::CommandLine);
        } else if asks(&NPM_DOCUMENTATION, all) {
            kinds.insert(ProjectKind::Documentation);
        } else if private && asks(&NPM_SERVERS, all) {
            kinds.insert(ProjectKind::Service);
        } else if !private && used.iter().any(|key| manifest.contains_key(*key)) {
            kinds.insert(ProjectKind::Library);
        } else if asks(&NPM_SERVERS, run) {
            kinds.insert(ProjectKind::Service);
        }
    }
    kinds
}

fn composer(tree: &dyn ProjectTree, folder: &str) -> Kinds {
    let Ok(path) = RepoPath::in_folder(folder, "composer.json") else { return Kinds::new() };
    let Some(manifest) = object(tree, &path) else { return Kinds::new() };
    let starts = ["artisan", "bin/console", "public/index.php", "index.php", "web/index.php", "bin/magento"];
    let kind = match manifest.get("type").and_then(Value::as_str) {
        Some("project") => ProjectKind::Service,
        _ if starts.iter().any(|file| exists(tree, &path, file)) => ProjectKind::Service,
        _ if manifest.contains_key("bin") => ProjectKind::CommandLine,
        Some(_) => ProjectKind::Library,
        None if manifest.contains_key("name") => ProjectKind::Library,
        None => return Kinds::new(),
    };
    Kinds::from([kind])
}

fn object(tree: &dyn ProjectTree, path: &RepoPath) -> Option<Map<String, Value>> {
    let content = tree.read(path).ok()?;
    serde_json::from_slice(&content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::folder::FolderTree;

    fn kinds(files: &[(&str, &str)], changed: &str) -> Vec<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let tree = FolderTree::open(folder.path()).unwrap();
        of_changes(&tree, [&RepoPath::new(changed).unwrap()]).into_iter().map(ProjectKind::as_str).collect()
    }

    const CRATE: &str = "[package]\nname = \"x\"\n";

    #[test]
    fn manifests_tell_what_a_project_is() {
        let server = format!("{CRATE}[dependencies]\naxum = \"0.8\"\n");
        let cargo = |files: &[(&str, &str)]| kinds(files, "Cargo.lock");
        assert_eq!(cargo(&[("Cargo.toml", CRATE), ("src/lib.rs", "")]), ["library"]);
        assert_eq!(cargo(&[("Cargo.toml", CRATE), ("src/lib.rs", ""), ("src/main.rs", "")]), ["command-line"]);
        assert_eq!(cargo(&[("Cargo.toml", &server), ("src/main.rs", "")]), ["service"]);
        let workspace = [
            ("Cargo.toml", "[workspace]"),
            ("a/Cargo.toml", CRATE),
            ("xtask/Cargo.toml", CRATE),
            ("xtask/src/main.rs", ""),
        ];
        assert_eq!(cargo(&workspace), ["library"], "helpers of the build do not count");
        let npm = |manifest: &str| kinds(&[("package.json", manifest)], "package-lock.json");
        assert_eq!(npm(r#"{"name": "x", "main": "index.js", "devDependencies": {"express": "4"}}"#), ["library"]);
        assert_eq!(npm(r#"{"name": "x", "bin": "cli.js"}"#), ["command-line"]);
        assert_eq!(npm(r#"{"private": true, "dependencies": {"express": "4"}}"#), ["service"]);
        assert_eq!(npm(r#"{"private": true, "devDependencies": {"vitepress": "1"}}"#), ["documentation"]);
        assert_eq!(npm("[]"), ["service"], "what does not tell has the longest plan");
        let composer = |manifest: &str| kinds(&[("composer.json", manifest)], "composer.lock");
        assert_eq!(composer(r#"{"name": "a/b", "type": "project"}"#), ["service"]);
        assert_eq!(composer(r#"{"name": "a/b"}"#), ["library"]);
        assert_eq!(composer(r#"{"name": "a/b", "bin": ["x"]}"#), ["command-line"]);
    }

    #[test]
    fn folders_tell_where_manifests_do_not() {
        assert_eq!(kinds(&[("docs/package.json", "{}")], "docs/package-lock.json"), ["documentation"]);
        assert_eq!(kinds(&[(".github/workflows/ci.yml", "")], ".github/workflows/ci.yml"), Vec::<&str>::new());
    }
}
