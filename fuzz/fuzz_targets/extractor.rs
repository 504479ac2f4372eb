//! Whatever stands in a file, an extractor answers with dependencies or an error, and says only what the file can hold.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use patchparty::extractor::{EXTRACTORS, Extractor, SourceFile};
use patchparty::model::repository::{CommitId, RepoPath};
use patchparty::model::tree::{ProjectTree, TreeEntry, TreeError};

/// A project in which every file has the same content.
struct OneContent<'a>(&'a [u8]);

impl ProjectTree for OneContent<'_> {
    fn entries(&self) -> &[TreeEntry] {
        &[]
    }

    fn read(&self, _path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        Ok(self.0.to_vec())
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}

/// A path for every extractor, from the fixtures.
static PATHS: LazyLock<Vec<(&'static dyn Extractor, RepoPath)>> = LazyLock::new(|| {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/extractor");
    let mut paths = Vec::new();
    let mut folders = vec![(fixtures, String::new())];
    while let Some((folder, name)) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the fixtures").flatten() {
            let inside = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { inside } else { format!("{name}/{inside}") };
            if entry.path().is_dir() {
                folders.push((entry.path(), name));
                continue;
            }
            // `<id>/projects/<project>/<path>`
            let Some(path) = name.splitn(4, '/').nth(3).and_then(|path| RepoPath::new(path).ok()) else { continue };
            if let Some(extractor) = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)) {
                paths.push((*extractor, path));
            }
        }
    }
    paths.sort_by(|left, right| (left.0.id(), &left.1).cmp(&(right.0.id(), &right.1)));
    paths.dedup_by(|left, right| left.0.id() == right.0.id());
    paths
});

fuzz_target!(|data: &[u8]| {
    // The first byte chooses the format, so that one corpus serves all.
    let Some((&format, content)) = data.split_first() else { return };
    let (extractor, path) = &PATHS[usize::from(format) % PATHS.len()];
    let tree = OneContent(content);
    if let Ok(dependencies) = extractor.extract(&SourceFile { path, content, tree: &tree }) {
        let lines = content.split(|&byte| byte == b'\n').count();
        for dependency in &dependencies {
            assert!(dependency.parents.iter().all(|&parent| parent < dependencies.len()), "{}", extractor.id());
            assert!((1..=lines).contains(&(dependency.line as usize)), "{}", extractor.id());
        }
    }
});
