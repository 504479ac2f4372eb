//! Every format has fixtures: whole projects under `tests/fixtures/extractor/<id>/projects/<project>/`, with what is read
//! from them in `<project>.txt` beside the folder and the tools that made them in `<id>/README.md`.
//! `PATCHPARTY_UPDATE_FIXTURES=1` writes the texts anew.

use std::path::{Path, PathBuf};

use super::testing::{MemoryTree, show};
use super::{EXTRACTORS, Extractor, SourceFile};
use crate::model::repository::RepoPath;
use crate::model::tree::ProjectTree as _;

/// Where the fixtures of all formats stand.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/extractor")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The projects of one format.
pub(super) fn projects(id: &str) -> Vec<PathBuf> {
    sorted(&folder().join(id).join("projects")).into_iter().filter(|path| path.is_dir()).collect()
}

/// The files of a project by path.
pub(super) fn files(project: &Path) -> Vec<(String, Vec<u8>)> {
    let found = walkdir::WalkDir::new(project).sort_by_file_name().into_iter().flatten();
    let found = found.filter(|entry| entry.file_type().is_file());
    found
        .map(|entry| {
            let path = entry.path().strip_prefix(project).expect("below the project").to_string_lossy().into_owned();
            (path, std::fs::read(entry.path()).expect("fixtures can be read"))
        })
        .collect()
}

/// What an extractor reads from every file of a project that it claims.
fn read(extractor: &dyn Extractor, project: &Path) -> String {
    let files = files(project);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let tree = MemoryTree::new(&files);
    let claimed = files.iter().map(|(path, content)| (RepoPath::new(path).expect("a plain path"), content));
    let mut text = String::new();
    for (path, content) in claimed.filter(|(path, _)| extractor.claims(path)) {
        let read = extractor.extract(&SourceFile { path: &path, content, tree: &tree });
        let shown = match read {
            Ok(dependencies) => {
                let shown = show(&dependencies);
                let lines = shown.lines().zip(&dependencies);
                let lines: Vec<String> = lines.map(|(line, it)| format!("{line} ({})", it.ecosystem)).collect();
                lines.join("\n")
            }
            Err(error) => format!("error at line {:?}: {error}\nhint: {:?}", error.line, error.hint),
        };
        text.extend(["# ", path.as_str(), "\n", &shown, "\n"]);
    }
    assert!(!tree.entries().is_empty() && !text.is_empty(), "{} has no file of {}", project.display(), extractor.id());
    text
}

#[test]
fn every_format_has_projects_that_are_read_as_they_are_written_down() {
    let update = std::env::var_os("PATCHPARTY_UPDATE_FIXTURES").is_some();
    for extractor in EXTRACTORS {
        let projects = projects(extractor.id());
        assert!(!projects.is_empty(), "the format {} has no fixtures", extractor.id());
        let made_by = folder().join(extractor.id()).join("README.md");
        assert!(
            made_by.is_file(),
            "{} does not say where the fixtures of {} come from",
            made_by.display(),
            extractor.id()
        );
        for project in projects {
            let expected = project.with_extension("txt");
            let text = read(*extractor, &project);
            if update {
                std::fs::write(&expected, &text).expect("the text can be written");
            }
            let written = std::fs::read_to_string(&expected).unwrap_or_default();
            assert_eq!(written, text, "{}", expected.display());
        }
    }
}

#[test]
fn every_fixture_is_of_a_format() {
    for path in sorted(&folder()) {
        let id = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(EXTRACTORS.iter().any(|extractor| extractor.id() == id), "no extractor is called {id}");
    }
}

#[test]
fn a_format_that_is_not_about_the_place_is_read_alike_in_every_folder() {
    let mut compared = 0;
    for extractor in EXTRACTORS.iter().filter(|extractor| !extractor.is_about_the_place()) {
        for project in projects(extractor.id()) {
            let files = files(&project);
            let places = ["", "services/test/", "docs/dev/requirements/"].map(|prefix| {
                let moved: Vec<(String, &[u8])> =
                    files.iter().map(|(path, content)| (format!("{prefix}{path}"), content.as_slice())).collect();
                let moved: Vec<(&str, &[u8])> = moved.iter().map(|(path, content)| (path.as_str(), *content)).collect();
                let tree = MemoryTree::new(&moved);
                let read = |path: &str, content: &[u8]| {
                    let path = RepoPath::new(path).expect("a plain path");
                    let read = extractor.extract(&SourceFile { path: &path, content, tree: &tree });
                    extractor.claims(&path).then(|| read.map(|it| show(&it)).map_err(|error| error.to_string()))
                };
                moved.iter().map(|(path, content)| read(path, content)).collect::<Vec<_>>()
            });
            for (first, others) in places[0].iter().zip(places[1].iter().zip(&places[2])) {
                for other in [others.0, others.1].into_iter().flatten() {
                    let same = first.as_ref().is_none_or(|first| first == other);
                    assert!(same, "{}: {first:?} is {other:?} elsewhere", project.display());
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared} files were compared");
}
