//! Where the manifests and the lockfile of a Cargo project lead, besides the registry.
//! <https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html>

use toml_edit::{DocumentMut, Item, TableLike};

use super::super::contract::{Files, Refusal};
use crate::model::bounded_toml;
use crate::model::repository::RepoPath;
use crate::model::specification::{Specification, SpecificationKind};
use crate::sandbox::cargo_project::{self, names_this_machine};
use crate::sandbox::inside;

/// Everything in the files that is no range of the registry's releases. Packages in folders of the repository are parts
/// of the project.
pub(super) fn of(files: &Files) -> Result<Vec<Specification>, Refusal> {
    let mut found = Vec::new();
    for (path, content) in &files.contents {
        if path.file_name() != "Cargo.toml" {
            continue;
        }
        let document = bounded_toml::parse::<DocumentMut>(&String::from_utf8_lossy(content));
        let document = document.ok_or_else(|| unreadable(path))?;
        cargo_project::each_dependency(&document, |key, item| found.extend(of_dependency(path, key, item)));
        found.extend(outside(path, &document));
    }
    found.extend(of_lock(&files.lockfile, files.lock())?);
    found.sort();
    found.dedup();
    Ok(found)
}

fn unreadable(path: &RepoPath) -> Refusal {
    Refusal::new(format!("`{path}` is not TOML"), "write it anew with Cargo")
}

/// Where one requirement leads.
fn of_dependency(manifest: &RepoPath, key: &str, item: &Item) -> Vec<Specification> {
    let Some(table) = item.as_table_like() else { return Vec::new() };
    let text = |name: &str| table.get(name).and_then(Item::as_str);
    let mut found = Vec::new();
    if let Some(address) = text("git") {
        found.push(elsewhere(manifest, key, (SpecificationKind::Git, address)));
    }
    if let Some(address) = text("registry-index") {
        found.push(elsewhere(manifest, key, (SpecificationKind::Registry, address)));
    }
    if text("registry").is_some_and(|name| name != "crates-io") {
        found.push(Specification::new(manifest, key, SpecificationKind::Registry));
    }
    // The base of a path is set in a configuration that is never shown.
    let leaves = |path: &str| inside::resolve(manifest.folder(), path).is_none();
    if text("path").is_some_and(leaves) || table.contains_key("base") {
        found.push(Specification::outside(manifest, key));
    }
    found
}

/// One that leads to an address; those of files reach what else lies on this machine.
fn elsewhere(file: &RepoPath, package: &str, (kind, address): (SpecificationKind, &str)) -> Specification {
    if names_this_machine(address) {
        return Specification::outside(file, package);
    }
    Specification::new(file, package, kind).at(origin(address))
}

/// `https://host[:port]` of an address, with or without the kind of a source in front.
fn origin(address: &str) -> Option<String> {
    let kinds = ["sparse+", "registry+", "git+"];
    let address = kinds.iter().find_map(|kind| address.strip_prefix(kind)).unwrap_or(address);
    let address = url::Url::parse(address).ok()?;
    let host = address.host_str()?;
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", address.scheme()))
}

/// Settings with paths that leave the repository, and patches of what lies on this machine.
fn outside(manifest: &RepoPath, document: &DocumentMut) -> Vec<Specification> {
    let leaves = |path: &str| inside::resolve(manifest.folder(), path).is_none();
    let mut settings: Vec<&str> = Vec::new();
    let table = |key: &str| document.get(key).and_then(Item::as_table_like);
    let text = |table: &dyn TableLike, key: &str| table.get(key).and_then(Item::as_str).is_some_and(leaves);
    // Older editions take `project` for `package`.
    for package in ["package", "project"].into_iter().filter_map(table) {
        settings.extend(["workspace", "build"].into_iter().filter(|key| text(package, key)));
    }
    if table("lib").is_some_and(|library| text(library, "path")) {
        settings.push("lib");
    }
    for kind in ["bin", "example", "test", "bench"] {
        let targets = document.get(kind).and_then(Item::as_array_of_tables);
        if targets.into_iter().flatten().any(|target| text(target, "path")) {
            settings.push(kind);
        }
    }
    for list in ["members", "exclude", "default-members"] {
        if cargo_project::strings(table("workspace"), list).iter().any(|path| leaves(path)) {
            settings.push(list);
        }
    }
    let patched = table("patch").into_iter().flat_map(|patches| patches.iter()).map(|(source, _)| source);
    settings.extend(patched.filter(|source| names_this_machine(source)).map(|_| "patch"));
    settings.into_iter().map(|setting| Specification::outside(manifest, setting)).collect()
}

/// The sources of a lockfile that are not the default registry.
fn of_lock(lockfile: &RepoPath, lock: &[u8]) -> Result<Vec<Specification>, Refusal> {
    let text = std::str::from_utf8(lock).map_err(|_| unreadable(lockfile))?;
    let lock: toml::Table = bounded_toml::from_str(text).map_err(|_| unreadable(lockfile))?;
    let unused = lock.get("patch").and_then(|patch| patch.get("unused"));
    let lists = [lock.get("package"), unused].into_iter().flatten().filter_map(toml::Value::as_array);
    let mut found = Vec::new();
    for package in lists.flatten() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let (name, Some(source)) = (text("name").unwrap_or_default(), text("source")) else { continue };
        let default = cargo_lock::package::SourceId::from_url(source).is_ok_and(|source| source.is_default_registry());
        if !default {
            let kind = if source.starts_with("git+") { SpecificationKind::Git } else { SpecificationKind::Registry };
            found.push(elsewhere(lockfile, name, (kind, source)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn told(manifest: &str, lock: &str) -> Vec<String> {
        let contents = BTreeMap::from([
            (path("app/Cargo.toml"), manifest.as_bytes().to_vec()),
            (path("app/Cargo.lock"), lock.as_bytes().to_vec()),
        ]);
        let found = of(&Files::new(path("app/Cargo.lock"), contents)).unwrap();
        found
            .iter()
            .map(|it| {
                let place = if it.outside { "outside" } else { it.address.as_deref().unwrap_or("-") };
                format!("{} {} {:?} {place}", it.file, it.package, it.kind)
            })
            .collect()
    }

    #[test]
    fn every_place_of_a_manifest_is_looked_at() {
        for (manifest, expected) in [
            ("[dependencies]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[dependencies.x]\ngit = \"https://git.example:8443/x\"", "x Git https://git.example:8443"),
            ("[dev-dependencies]\nx.git = \"ssh://git@git.example/x\"", "x Git ssh://git.example"),
            ("[dev_dependencies]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[build-dependencies]\nx = { git = \"git@git.example:a/x\" }", "x Git -"),
            ("[build_dependencies]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[target.'cfg(unix)'.dependencies]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[workspace.dependencies]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[patch.crates-io]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[patch.\"https://git.example/y\"]\nx = { git = \"https://git.example/x\" }", "x Git https://git.example"),
            ("[replace]\n\"x:1.0.0\" = { git = \"https://git.example/x\" }", "x:1.0.0 Git https://git.example"),
            ("[dependencies]\nx = { version = \"1\", registry = \"other\" }", "x Registry -"),
            (
                "[dependencies]\nx = { version = \"1\", registry-index = \"sparse+https://a.example/i/\" }",
                "x Registry https://a.example",
            ),
            ("[dependencies]\nx = { version = \"1\", registry-index = \"file:///x\" }", "x File outside"),
            ("[dependencies]\nx = { git = \"File:///mirrors/x\" }", "x File outside"),
            ("[dependencies]\nx = { path = \"../../x\" }", "x File outside"),
            ("[dependencies]\nx = { path = \"a/../../../x\" }", "x File outside"),
            ("[dependencies]\nx = { path = \"/etc\" }", "x File outside"),
            ("[dependencies]\nx = { path = \"..\\\\..\\\\x\" }", "x File outside"),
            ("[dependencies]\nx = { base = \"b\", path = \"x\" }", "x File outside"),
            ("[package]\nname = \"a\"\nworkspace = \"../..\"", "workspace File outside"),
            ("[package]\nname = \"a\"\nbuild = \"/etc/passwd\"", "build File outside"),
            ("[project]\nname = \"a\"\nbuild = \"../../build.rs\"", "build File outside"),
            ("[lib]\npath = \"../../x.rs\"", "lib File outside"),
            ("[[bin]]\nname = \"b\"\npath = \"../../x.rs\"", "bin File outside"),
            ("[workspace]\nmembers = [\"../../*\"]", "members File outside"),
            ("[workspace]\nexclude = [\"/etc\"]", "exclude File outside"),
            ("[patch.\"file:///mirrors/x\"]\n", "patch File outside"),
        ] {
            assert_eq!(told(manifest, ""), [format!("app/Cargo.toml {expected}")], "{manifest}");
        }
    }

    #[test]
    fn ranges_of_the_registry_and_folders_of_the_repository_are_fine() {
        let manifest = "[dependencies]\ngit = \"0.1\"\npath = \"1\"\nregistry = { version = \"1\", registry = \"crates-io\" }\n\
            other = { package = \"real\", version = \"1\" }\nnear = { path = \"../near\" }\n[features]\nx = [\"git\"]\n\
            [package.metadata.x]\ngit = \"https://git.example/x\"\n[source.crates-io]\nreplace-with = \"x\"\n";
        let lock = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
            source = \"registry+https://github.com/rust-lang/crates.io-index\"\n[[package]]\nname = \"near\"\nversion = \"0.0.0\"\n";
        assert_eq!(told(manifest, lock), Vec::<String>::new());
    }

    #[test]
    fn every_source_of_a_lockfile_is_looked_at() {
        for (source, expected) in [
            ("git+https://git.example/x?branch=main#0a1b", "x Git https://git.example"),
            ("git+file:///mirrors/x#0a1b", "x File outside"),
            ("registry+https://registry.example/index", "x Registry https://registry.example"),
            ("sparse+https://registry.example/index/", "x Registry https://registry.example"),
            ("sparse+file:///x/", "x File outside"),
            ("path+file:///x", "x Registry -"),
            ("anything", "x Registry -"),
        ] {
            for list in ["package", "patch.unused"] {
                let lock = format!("[[{list}]]\nname = \"x\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n");
                assert_eq!(told("", &lock), [format!("app/Cargo.lock {expected}")], "{source}");
            }
        }
    }
}
