//! What a format requires and a file lacks is a problem with its line, never a file without dependencies.

use super::testing::MemoryTree;
use super::{EXTRACTORS, SourceFile};
use crate::model::repository::RepoPath;

/// A file, its text, the line of the problem and words of it.
const LACKING: &[(&str, &str, u32, &str)] = &[
    ("Cargo.lock", "a = 1\n", 1, "unknown field `a`"),
    ("Cargo.lock", "version = 4\n", 1, "`[[package]]`"),
    ("Cargo.lock", "version = 4\n\n[[packages]]\nname = \"a\"\nversion = \"1.0.0\"\n", 3, "unknown field `packages`"),
    ("Pipfile.lock", "{\"a\": 1}", 1, "`_meta`"),
    ("Pipfile.lock", "{\"_meta\": {}, \"develop\": {}}", 1, "`default`"),
    ("deno.lock", "{}", 1, "`version`"),
    ("deno.lock", "{\n\"npm\": {}}", 2, "`version`"),
    ("pnpm-lock.yaml", "lockfileVersion: 9.0\n", 1, "`importers`"),
    ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporter:\n  .: {}\npackages: {}\n", 1, "`importers`"),
    ("package-lock.json", "{\"lockfileVersion\": 1}", 1, "`dependencies`"),
    ("package-lock.json", "{\n\"lockfileVersion\": 2, \"name\": \"a\"}", 2, "`packages`"),
    ("package-lock.json", "{\n\"lockfileVersion\": 3, \"dependencies\": {}}", 2, "`packages`"),
    ("package-lock.json", "{\"package\": {}}", 1, "`lockfileVersion`"),
    ("npm-shrinkwrap.json", "{\"lockfileVersion\": 3, \"packages\": null}", 1, "`packages`"),
    ("yarn.lock", "# a comment\n", 1, "an entry"),
    ("bun.lock", "{}", 1, "lockfileVersion"),
    ("composer.lock", "{\"packages-dev\": []}", 1, "`packages`"),
    ("composer.lock", "{\"packages\": []}", 1, "`packages-dev`"),
    ("Gemfile.lock", "GEM\n  specs:\n\nPLATFORMS\n  ruby\n", 1, "`DEPENDENCIES`"),
    ("gradle.lockfile", "# a comment\n", 1, "`empty=`"),
    ("mix.lock", "[]", 1, "a map"),
    ("pubspec.lock", "sdks:\n  dart: any\n", 1, "`packages`"),
    ("Package.resolved", "{\"version\": 1}", 1, "the object"),
    ("Package.resolved", "{\"version\": 3}", 1, "`pins`"),
    ("poetry.lock", "package = []\n", 1, "`metadata`"),
    ("poetry.lock", "[metadata]\nlock-version = \"2.1\"\n[[packages]]\nname = \"a\"\n", 1, "`package`"),
    ("uv.lock", "a = 1\n", 1, "the version"),
    ("uv.lock", "version = 1\n", 1, "`[[package]]`"),
    ("uv.lock", "version = 1\nrequires-python = \">=3\"\n\n[[packages]]\nname = \"a\"\n", 4, "`packages`"),
    ("packages.lock.json", "{\"version\": 1}", 1, "`dependencies`"),
    ("packages.lock.json", "{\"dependencies\": {}}", 1, "the version"),
];

#[test]
fn a_file_without_what_its_format_requires_is_a_problem_with_its_line() {
    let mut wrong = Vec::new();
    for (name, text, line, words) in LACKING {
        let path = RepoPath::new(name).expect("a plain path");
        let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).expect("an extractor");
        let file = SourceFile { path: &path, content: text.as_bytes(), tree: &MemoryTree::new(&[]) };
        match extractor.extract(&file) {
            Ok(found) => wrong.push(format!("{name}: {text:?} is read, with {} dependencies", found.len())),
            Err(error) if error.line == Some(*line) && error.message.contains(words) && error.hint.is_some() => {}
            Err(error) => wrong.push(format!("{name}: {text:?}: line {:?}: {error} – {:?}", error.line, error.hint)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
