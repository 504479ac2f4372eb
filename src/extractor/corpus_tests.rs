//! Every lockfile of the shared corpus, counted by a second, simpler way of reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::testing::MemoryTree;
use super::{EXTRACTORS, Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("PATCHPARTY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let corpus = shared.join("corpus");
    if corpus.is_dir() {
        return Some(corpus);
    }
    println!("skipped: {} does not exist (set PATCHPARTY_SHARED)", corpus.display());
    None
}

/// Every lockfile of a set with its extractor and the name it has in a project; some are stored under another.
fn files(set: &Path) -> Vec<(PathBuf, &'static dyn Extractor, &'static str)> {
    const FORMATS: [(&str, &str); 4] = [
        ("cargo", "Cargo.lock"),
        ("composer", "composer.lock"),
        ("npm-package-lock", "package-lock.json"),
        ("npm-shrinkwrap", "npm-shrinkwrap.json"),
    ];
    let mut files = Vec::new();
    for (format, name) in FORMATS {
        let path = RepoPath::new(name).expect("a plain path");
        let extractor = EXTRACTORS.iter().copied().find(|extractor| extractor.claims(&path)).expect("an extractor");
        let found = walkdir::WalkDir::new(set.join(format)).sort_by_file_name().into_iter().flatten();
        files.extend(
            found
                .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end != "tsv"))
                .map(|entry| (entry.into_path(), extractor, name)),
        );
    }
    files
}

fn extract(path: &Path, extractor: &dyn Extractor, name: &str, content: &[u8]) -> Result<Vec<Dependency>, ParseError> {
    let folder = path.parent().expect("a folder");
    let manifests: Vec<(&str, Vec<u8>)> = ["Cargo.toml", "package.json", "composer.json"]
        .into_iter()
        .filter_map(|manifest| Some((manifest, std::fs::read(folder.join(manifest)).ok()?)))
        .collect();
    let manifests: Vec<(&str, &[u8])> = manifests.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    let name = RepoPath::new(name).expect("a plain path");
    extractor.extract(&SourceFile { path: &name, content, tree: &MemoryTree::new(&manifests) })
}

/// How many packages a lockfile pins, read in the plainest way.
fn count(extractor: &dyn Extractor, text: &str) -> usize {
    fn nested(value: &serde_json::Value) -> usize {
        let entries = value.get("dependencies").and_then(serde_json::Value::as_object);
        entries.map_or(0, |entries| entries.values().map(|entry| 1 + nested(entry)).sum())
    }
    let json = || serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}')).expect("JSON");
    match extractor.id() {
        "cargo-lock" => text.lines().filter(|line| matches!(line.trim_end(), "[[package]]" | "[root]")).count(),
        "package-lock" => match json().get("packages").and_then(serde_json::Value::as_object) {
            Some(packages) => packages.keys().filter(|key| key.contains("node_modules/")).count(),
            None => nested(&json()),
        },
        "composer-lock" => {
            ["packages", "packages-dev"].iter().filter_map(|list| json().get(*list)?.as_array().map(Vec::len)).sum()
        }
        other => panic!("no count for {other}"),
    }
}

fn assert_sound(path: &Path, text: &str, dependencies: &[Dependency]) {
    let lines: Vec<&str> = text.lines().collect();
    for (position, dependency) in dependencies.iter().enumerate() {
        let place = format!("{} in {}", dependency.name, path.display());
        assert!(dependency.parents.iter().all(|&parent| parent < dependencies.len()), "{place}");
        assert!(dependency.parents.is_sorted_by(|left, right| left < right), "{place}");
        assert!(
            dependency.requirements.is_empty() || dependency.requirements.len() == dependency.parents.len(),
            "{place}"
        );
        let line = lines[dependency.line as usize - 1];
        let short = dependency.name.rsplit('/').next().expect("a name");
        let alias =
            dependencies.iter().filter(|other| other.line == dependency.line).count() == 1 && line.contains("\": {");
        assert!(line.contains(short) || alias, "{place}, line {}: {line}", dependency.line);
        assert!(position == 0 || dependencies[position - 1].line <= dependency.line, "{place} is out of file order");
    }
}

#[test]
fn real_lockfiles_are_read_completely() {
    let Some(corpus) = corpus() else { return };
    let mut totals: BTreeMap<&str, (usize, usize, usize, usize)> = BTreeMap::new();
    for set in ["real", "history"] {
        for (path, extractor, name) in files(&corpus.join(set)) {
            let content = std::fs::read(&path).expect("the corpus can be read");
            let dependencies =
                extract(&path, extractor, name, &content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let text = std::str::from_utf8(&content).expect("UTF-8");
            assert_eq!(dependencies.len(), count(extractor, text), "{}", path.display());
            assert_sound(&path, text, &dependencies);
            let total = totals.entry(extractor.id()).or_default();
            total.0 += 1;
            total.1 += dependencies.len();
            total.2 += dependencies.iter().filter(|dependency| dependency.direct).count();
            total.3 += dependencies.iter().map(|dependency| dependency.parents.len()).sum::<usize>();
        }
    }
    for (id, (files, packages, direct, edges)) in totals {
        println!("{id}: {files} files, {packages} packages, {direct} direct, {edges} edges");
    }
}

#[test]
fn fixtures_of_other_tools_are_read_or_refused_with_a_reason() {
    let Some(corpus) = corpus() else { return };
    let (mut read, mut refused) = (0, 0);
    for (path, extractor, name) in files(&corpus.join("fixtures")) {
        let content = std::fs::read(&path).expect("the corpus can be read");
        match extract(&path, extractor, name, &content) {
            Ok(dependencies) => {
                read += 1;
                let text = std::str::from_utf8(&content).expect("UTF-8");
                assert_eq!(dependencies.len(), count(extractor, text), "{}", path.display());
                assert_sound(&path, text, &dependencies);
            }
            Err(error) => {
                refused += 1;
                println!("{} line {:?}: {error} – {:?}", path.display(), error.line, error.hint);
                assert!(error.hint.is_some(), "{}", path.display());
            }
        }
    }
    println!("{read} read, {refused} refused");
}
