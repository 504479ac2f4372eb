//! What keeps Cargo from maintaining a lockfile here: copies of packages that would go stale, replaced sources, and folders
//! that the repository does not have.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item};

use super::super::contract::Refusal;
use crate::model::bounded_toml;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};
use crate::sandbox::cargo_project::{self, Manifest};
use crate::sandbox::inside;

/// Committed copies of packages would go stale, and a replaced source decides where packages come from. Cargo reads the
/// configuration of the lockfile's folder and of those above it; what stands elsewhere is another project's.
pub(super) fn refuse_vendored(lockfile: &RepoPath, tree: &dyn ProjectTree) -> Result<(), Refusal> {
    let is_above = |folder: &str| {
        folder.is_empty()
            || lockfile.folder() == folder
            || lockfile.folder().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    for entry in tree.entries() {
        let path = entry.path.as_str();
        if entry.path.file_name() == ".cargo-checksum.json" {
            // `vendor/<package>/.cargo-checksum.json`
            let copies = up(entry.path.folder());
            if is_above(up(copies)) {
                return Err(Refusal::new(
                    format!("the project keeps copies of its packages (`{copies}`) that would go stale"),
                    "run `cargo update` and `cargo vendor`, and commit both",
                ));
            }
        }
        let settings = [".cargo/config.toml", ".cargo/config"].iter().find_map(|name| path.strip_suffix(name));
        let Some(folder) = settings.filter(|folder| folder.is_empty() || folder.ends_with('/')) else { continue };
        if is_above(folder.trim_end_matches('/')) && tree.read(&entry.path).is_ok_and(|content| replaces(&content)) {
            return Err(Refusal::new(
                format!("`{path}` takes packages from a replaced source, which is not obeyed here"),
                "run `cargo update` where the replaced source can be reached",
            ));
        }
    }
    Ok(())
}

/// The folder around a folder.
fn up(folder: &str) -> &str {
    folder.rsplit_once('/').map_or("", |(above, _)| above)
}

/// Whether a configuration replaces a source.
fn replaces(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let Some(document) = bounded_toml::parse::<DocumentMut>(&text) else { return text.contains("replace-with") };
    let sources = document.get("source").and_then(Item::as_table_like);
    sources.into_iter().flat_map(|sources| sources.iter()).any(|(_, source)| source.get("replace-with").is_some())
}

/// A folder that a manifest takes a package from must be there: Cargo reads it before all else.
pub(super) fn refuse_missing(manifests: &BTreeMap<RepoPath, Manifest>, tree: &dyn ProjectTree) -> Result<(), Refusal> {
    let mut missing: Option<(RepoPath, String, String)> = None;
    for (path, manifest) in manifests {
        cargo_project::each_dependency(&manifest.document, |key, item| {
            let written = item.as_table_like().and_then(|table| table.get("path")).and_then(Item::as_str);
            let Some(place) = written.and_then(|written| inside::resolve(path.folder(), written)) else { return };
            let file = if place.is_empty() { "Cargo.toml".to_owned() } else { format!("{place}/Cargo.toml") };
            let is_there = RepoPath::new(&file).is_ok_and(|file| tree.kind(&file).is_some());
            if !is_there && missing.is_none() {
                missing = Some((path.clone(), key.to_owned(), place));
            }
        });
    }
    let Some((manifest, package, place)) = missing else { return Ok(()) };
    let submodule = tree.entries().iter().find(|entry| {
        let module = entry.path.as_str();
        entry.kind == EntryKind::Submodule && (place == module || place.starts_with(&format!("{module}/")))
    });
    let package: String =
        package.chars().filter(|it| it.is_ascii_alphanumeric() || "-_".contains(*it)).take(64).collect();
    Err(match submodule {
        Some(submodule) => Refusal::new(
            format!("`{manifest}` takes `{package}` from the submodule `{}`, whose files are not read", submodule.path),
            "run `git submodule update --init` and `cargo update`, and commit `Cargo.lock`",
        ),
        None => Refusal::new(
            format!("`{manifest}` takes `{package}` from a folder that the repository does not have"),
            format!("commit the folder of `{package}`, or take it out of `{manifest}`"),
        ),
    })
}
