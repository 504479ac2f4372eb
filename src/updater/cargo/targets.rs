//! Empty source files: exactly where the project has files from which Cargo infers targets, and where it would refuse a
//! manifest without one. <https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, TableLike};

use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};
use crate::sandbox::inside;

/// The folders of targets by the kind that a manifest gives them.
const KINDS: [(&str, &str); 4] = [("bin", "src/bin"), ("example", "examples"), ("test", "tests"), ("bench", "benches")];

/// The source files of a project, for one lookup per manifest.
pub(super) struct Sources<'a> {
    files: BTreeSet<&'a str>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(tree: &'a dyn ProjectTree) -> Self {
        let is_file = |kind: EntryKind| matches!(kind, EntryKind::File { .. });
        let entries = tree.entries().iter().filter(|entry| is_file(entry.kind));
        Self { files: entries.map(|entry| entry.path.as_str()).filter(|path| is_source(path)).collect() }
    }

    /// The files from which Cargo infers targets of a package, and those that its manifest names.
    pub(super) fn stubs(&self, manifest: &RepoPath, document: &DocumentMut) -> Vec<RepoPath> {
        let package = document.get("package").or_else(|| document.get("project")).and_then(Item::as_table_like);
        let Some(package) = package else { return Vec::new() };
        let folder = manifest.folder();
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut found: BTreeSet<String> = BTreeSet::new();
        let below = self.files.range(start.as_str()..).take_while(|path| path.starts_with(&start));
        found.extend(below.filter(|path| is_inferred(&path[start.len()..])).map(|path| (*path).to_owned()));
        let place = |written: &str| inside::resolve(folder, written);
        let named = named(package, document).into_iter().filter_map(|written| place(&written));
        found.extend(named.filter(|path| self.files.contains(path.as_str())));
        found.extend(self.missing(document, &start, &found));
        found.iter().filter_map(|path| RepoPath::new(path).ok()).collect()
    }

    /// What Cargo would miss although the project has it only once it is built: sources that are generated.
    fn missing(&self, document: &DocumentMut, start: &str, found: &BTreeSet<String>) -> Vec<String> {
        let has = |path: &str| found.contains(&format!("{start}{path}"));
        let mut missing = Vec::new();
        let library = document.get("lib").and_then(Item::as_table_like);
        if library.is_some_and(|library| !library.contains_key("path")) && !has("src/lib.rs") {
            missing.push("src/lib.rs".to_owned());
        }
        let mut has_program = false;
        for (kind, folder) in KINDS {
            for target in document.get(kind).and_then(Item::as_array_of_tables).into_iter().flatten() {
                has_program |= kind == "bin";
                let Some(name) = target.get("name").and_then(Item::as_str) else { continue };
                let places = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/main.rs")];
                let main = kind == "bin" && (has("src/main.rs") || self.has_loose(start, name));
                if !target.contains_key("path") && !main && !places.iter().any(|place| has(place)) {
                    missing.extend(places.into_iter().take(1));
                }
            }
        }
        let programs = format!("{start}src/bin/");
        let has_any = library.is_some() || has_program || has("src/lib.rs") || has("src/main.rs");
        if !has_any && !found.iter().any(|path| path.starts_with(&programs)) {
            missing.push("src/lib.rs".to_owned());
        }
        missing.into_iter().map(|path| format!("{start}{path}")).collect()
    }

    /// Older editions look for a program beside the library as well.
    fn has_loose(&self, start: &str, name: &str) -> bool {
        self.files.contains(format!("{start}src/{name}.rs").as_str())
    }
}

fn is_source(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Whether Cargo infers a target from a file, by its path in the package.
fn is_inferred(path: &str) -> bool {
    if ["build.rs", "src/lib.rs", "src/main.rs"].contains(&path) {
        return true;
    }
    KINDS.iter().any(|(_, folder)| {
        let rest = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| match rest.split_once('/') {
            Some((_, file)) => file == "main.rs",
            None => true,
        })
    })
}

/// The paths that a manifest writes.
fn named(package: &dyn TableLike, document: &DocumentMut) -> Vec<String> {
    let text = |table: &dyn TableLike, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let mut names: Vec<String> = text(package, "build").into_iter().collect();
    if let Some(library) = document.get("lib").and_then(Item::as_table_like) {
        names.extend(text(library, "path"));
    }
    for (kind, folder) in KINDS {
        for target in document.get(kind).and_then(Item::as_array_of_tables).into_iter().flatten() {
            names.extend(text(target, "path"));
            names.extend(text(target, "name").map(|name| format!("src/{name}.rs")).filter(|_| folder == "src/bin"));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stubs(manifest: &str, files: &[&str]) -> Vec<String> {
        let files = Sources { files: files.iter().copied().collect() };
        let document: DocumentMut = manifest.parse().unwrap();
        let path = RepoPath::new("app/Cargo.toml").unwrap();
        files.stubs(&path, &document).iter().map(|path| path.as_str().to_owned()).collect()
    }

    #[test]
    fn the_shape_of_the_tree_is_mirrored() {
        let package = "[package]\nname = \"app\"\n";
        let tree = ["app/src/main.rs", "app/src/other.rs", "app/src/bin/two/main.rs", "app/build.rs", "lib/src/lib.rs"];
        assert_eq!(stubs(package, &tree), ["app/build.rs", "app/src/bin/two/main.rs", "app/src/main.rs"]);
        let tree = ["app/tests/a.rs", "app/tests/a/data.rs", "app/examples/b/main.rs", "app/src/lib.rs"];
        assert_eq!(stubs(package, &tree), ["app/examples/b/main.rs", "app/src/lib.rs", "app/tests/a.rs"]);
        let named = format!("{package}build = \"tools/make.rs\"\n[lib]\npath = \"code/x.rs\"\n");
        assert_eq!(stubs(&named, &["app/code/x.rs", "app/tools/make.rs"]), ["app/code/x.rs", "app/tools/make.rs"]);
        assert_eq!(stubs("[workspace]\n", &tree), [""; 0]);
    }

    #[test]
    fn what_is_generated_has_a_place() {
        let package = "[package]\nname = \"app\"\n";
        assert_eq!(stubs(package, &[]), ["app/src/lib.rs"]);
        let program = format!("{package}[[bin]]\nname = \"app\"\n");
        assert_eq!(stubs(&program, &["app/src/main.rs"]), ["app/src/main.rs"], "no second place for it");
        assert_eq!(stubs(&program, &[]), ["app/src/bin/app.rs"]);
    }
}
