//! Every lockfile of the shared corpus, counted by a second, simpler way of reading.

mod cargo;
mod dotnet;
mod go;
mod javascript;
mod languages;
mod php;
mod python;
mod ruby;
mod system;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::testing::MemoryTree;
use super::{EXTRACTORS, Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

/// A folder of the corpus (the same in `real`, `history` and `fixtures`).
struct Format {
    /// The folder's name, or that of one file name in a folder of several formats (`other/flake.lock`).
    folder: &'static str,
    /// The name that its files have in a project; some are stored under another.
    name: &'static str,
    /// How many dependencies a file pins, read in the plainest way, not by what the extractor uses.
    count: fn(&str) -> usize,
    /// Files of `fixtures` that the owner of the format refuses, too: a part of the path, and what the owner says.
    refused: &'static [(&'static str, &'static str)],
    /// Whether dependencies stand in the order of their lines, each on a line with the end of its name.
    has_names_on_lines: bool,
}

const FORMATS: &[&[Format]] = &[
    // One per group of formats.
    cargo::FORMATS,
    javascript::FORMATS,
    php::FORMATS,
    go::FORMATS,
    languages::FORMATS,
    ruby::FORMATS,
    python::FORMATS,
    dotnet::FORMATS,
    system::FORMATS,
];

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

/// Every file of a format in a set.
fn files(set: &Path, format: &Format) -> Vec<PathBuf> {
    let (folder, only) = match format.folder.split_once('/') {
        Some((folder, only)) => (folder, Some(only)),
        None => (format.folder, None),
    };
    let found = walkdir::WalkDir::new(set.join(folder)).sort_by_file_name().into_iter().flatten();
    found
        .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_none_or(|end| end != "tsv"))
        .filter(|entry| only.is_none_or(|only| entry.file_name() == only))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn extractor(format: &Format) -> &'static dyn Extractor {
    let path = RepoPath::new(format.name).expect("a plain path");
    EXTRACTORS.iter().copied().find(|extractor| extractor.claims(&path)).expect("an extractor")
}

fn extract(path: &Path, format: &Format, content: &[u8]) -> Result<Vec<Dependency>, ParseError> {
    let folder = path.parent().expect("a folder");
    let manifests: Vec<(&str, Vec<u8>)> = ["Cargo.toml", "package.json", "composer.json", "pyproject.toml", "Pipfile"]
        .into_iter()
        .filter_map(|manifest| Some((manifest, std::fs::read(folder.join(manifest)).ok()?)))
        .collect();
    let manifests: Vec<(&str, &[u8])> = manifests.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    let name = RepoPath::new(format.name).expect("a plain path");
    extractor(format).extract(&SourceFile { path: &name, content, tree: &MemoryTree::new(&manifests) })
}

fn assert_sound(path: &Path, format: &Format, text: &str, dependencies: &[Dependency]) {
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
        if !format.has_names_on_lines {
            continue;
        }
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
    for format in FORMATS.iter().copied().flatten() {
        for path in ["real", "history"].iter().flat_map(|set| files(&corpus.join(set), format)) {
            let content = std::fs::read(&path).expect("the corpus can be read");
            let dependencies =
                extract(&path, format, &content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let text = std::str::from_utf8(&content).expect("UTF-8");
            assert_eq!(dependencies.len(), (format.count)(text), "{}", path.display());
            assert_sound(&path, format, text, &dependencies);
            let total = totals.entry(format.folder).or_default();
            total.0 += 1;
            total.1 += dependencies.len();
            total.2 += dependencies.iter().filter(|dependency| dependency.direct).count();
            total.3 += dependencies.iter().map(|dependency| dependency.parents.len()).sum::<usize>();
        }
    }
    for (folder, (files, packages, direct, edges)) in totals {
        println!("{folder}: {files} files, {packages} packages, {direct} direct, {edges} edges");
    }
}

#[test]
fn fixtures_of_other_tools_are_read_or_refused_as_by_the_owner_of_the_format() {
    let Some(corpus) = corpus() else { return };
    let (mut read, mut refused, mut wrong) = (0, 0, Vec::new());
    for format in FORMATS.iter().copied().flatten() {
        for path in files(&corpus.join("fixtures"), format) {
            let content = std::fs::read(&path).expect("the corpus can be read");
            match extract(&path, format, &content) {
                Ok(dependencies) => {
                    read += 1;
                    let text = std::str::from_utf8(&content).expect("UTF-8");
                    assert_eq!(dependencies.len(), (format.count)(text), "{}", path.display());
                    assert_sound(&path, format, text, &dependencies);
                }
                Err(error) => {
                    refused += 1;
                    println!("{} line {:?}: {error} – {:?}", path.display(), error.line, error.hint);
                    assert!(error.hint.is_some(), "{}", path.display());
                    let shown = path.to_string_lossy();
                    if !format.refused.iter().any(|(part, _)| shown.contains(part)) {
                        wrong.push(format!("{shown} is refused: {error}"));
                    }
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
