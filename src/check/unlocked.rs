//! Unlocked: manifests that ask for dependencies which no lockfile pins.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::contract::{Check, CheckContext};
use crate::model::dependency::{Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use crate::model::tree::EntryKind;

/// Finds manifests without a lockfile beside or above them (one lockfile serves a whole workspace).
pub(super) struct Unlocked;

/// A manifest format with the lockfiles that pin what it asks for.
struct Manifest {
    file: &'static str,
    ecosystem: Ecosystem,
    lockfiles: &'static [&'static str],
    /// The line (from 1) of the first request; `None` when it asks for nothing or cannot be read.
    first_request: fn(&str) -> Option<u32>,
}

const MANIFESTS: [Manifest; 3] = [
    Manifest {
        file: "Cargo.toml",
        ecosystem: Ecosystem::CratesIo,
        lockfiles: &["Cargo.lock"],
        first_request: first_of_cargo,
    },
    Manifest {
        file: "package.json",
        ecosystem: Ecosystem::Npm,
        // Those of other package managers lock as well, whether or not an extractor reads them.
        lockfiles: &[
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            "deno.lock",
        ],
        first_request: first_of_npm,
    },
    Manifest {
        file: "composer.json",
        ecosystem: Ecosystem::Packagist,
        lockfiles: &["composer.lock"],
        first_request: first_of_composer,
    },
];

/// Folders of installed packages and build results: their manifests are not the project's.
const FOREIGN_FOLDERS: [&str; 3] = ["node_modules", "vendor", "target"];

impl Check for Unlocked {
    fn id(&self) -> &'static str {
        "unlocked"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        // A lockfile that is broken, a link or too large still stands there: that it cannot be read is said elsewhere.
        let present: HashSet<&str> = context.tree.entries().iter().map(|entry| entry.path.as_str()).collect();
        let mut findings = Vec::new();
        for entry in context.tree.entries() {
            if !matches!(entry.kind, EntryKind::File { .. }) || is_foreign(&entry.path) {
                continue;
            }
            let Some(manifest) = MANIFESTS.iter().find(|manifest| manifest.file == entry.path.file_name()) else {
                continue;
            };
            if is_locked(&entry.path, manifest, &present) {
                continue;
            }
            // A manifest that cannot be read asks for nothing that could be named.
            let Ok(bytes) = context.tree.read(&entry.path) else { continue };
            let Some(line) = std::str::from_utf8(&bytes).ok().and_then(manifest.first_request) else { continue };
            findings.push(finding(&entry.path, manifest.ecosystem, line));
        }
        findings
    }
}

fn is_foreign(path: &RepoPath) -> bool {
    path.folder().split('/').any(|folder| FOREIGN_FOLDERS.contains(&folder))
}

fn is_locked(path: &RepoPath, manifest: &Manifest, present: &HashSet<&str>) -> bool {
    let stands_in = |folder: &str, name: &&str| {
        if folder.is_empty() { present.contains(name) } else { present.contains(format!("{folder}/{name}").as_str()) }
    };
    let mut folder = path.folder();
    loop {
        if manifest.lockfiles.iter().any(|name| stands_in(folder, name)) {
            return true;
        }
        match folder.rsplit_once('/') {
            Some((above, _)) => folder = above,
            None if folder.is_empty() => return false,
            None => folder = "",
        }
    }
}

fn finding(path: &RepoPath, ecosystem: Ecosystem, line: u32) -> Finding {
    // People know a part of a project by its folder; the root has no name of its own.
    let folder = path.folder().rsplit('/').next().filter(|name| !name.is_empty());
    Finding {
        kind: FindingKind::Unlocked,
        // What is installed changes without anyone deciding so, as with a branch.
        severity: Severity::Medium,
        ecosystem,
        package: folder.unwrap_or(path.file_name()).to_owned(),
        version: String::new(),
        file: path.clone(),
        line,
        direct: true,
        scope: Scope::Runtime,
        path: Vec::new(),
        origin: Origin::Path,
        advisory: None,
        detail: None,
    }
}

const CARGO_TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

fn first_of_cargo(text: &str) -> Option<u32> {
    let manifest: toml::Table = toml::from_str(text).ok()?;
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables = std::iter::once(&manifest).chain(targets.filter_map(|(_, target)| target.as_table()));
    let asks = tables
        .flat_map(|table| CARGO_TABLES.iter().filter_map(|name| table.get(*name)?.as_table()))
        .flat_map(toml::Table::values)
        .any(asks_for_a_crate);
    asks.then(|| line_of(text, |line| line.starts_with('[') && line.contains("dependencies")))
}

/// A folder of the same project needs no lock; with a version beside the path it is what others will download.
fn asks_for_a_crate(request: &toml::Value) -> bool {
    request.as_table().is_none_or(|request| !request.contains_key("path") || request.contains_key("git"))
}

fn first_of_npm(text: &str) -> Option<u32> {
    const TABLES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];
    let manifest: Map<String, Value> = serde_json::from_str(text).ok()?;
    let is_package = |request: &Value| {
        // Folders and members of the same project need no lock.
        request
            .as_str()
            .is_some_and(|text| !["file:", "link:", "workspace:"].iter().any(|local| text.starts_with(local)))
    };
    first_table(text, &manifest, &TABLES, |_, request| is_package(request))
}

fn first_of_composer(text: &str) -> Option<u32> {
    let manifest: Map<String, Value> = serde_json::from_str(text).ok()?;
    // PHP itself, its extensions and libraries, and Composer's interfaces are not packages
    // (<https://getcomposer.org/doc/articles/composer-platform-dependencies.md>); every package has a vendor.
    first_table(text, &manifest, &["require", "require-dev"], |name, _| name.contains('/'))
}

fn first_table(
    text: &str,
    manifest: &Map<String, Value>,
    tables: &[&str],
    is_package: impl Fn(&str, &Value) -> bool,
) -> Option<u32> {
    let has_packages = |name: &&&str| {
        let requests = manifest.get(**name).and_then(Value::as_object);
        requests.is_some_and(|requests| requests.iter().any(|(name, request)| is_package(name, request)))
    };
    let table = tables.iter().find(has_packages)?;
    let key = format!("\"{table}\"");
    Some(line_of(text, |line| line.contains(&key)))
}

/// The first line that is meant, from 1; the first line of all when none is.
fn line_of(text: &str, is_meant: impl Fn(&str) -> bool) -> u32 {
    let position = text.lines().position(|line| is_meant(line.trim_start())).unwrap_or(0);
    u32::try_from(position + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::advisory::AdvisoryDatabase;
    use crate::model::repository::CommitId;
    use crate::model::tree::{ProjectTree, TreeEntry, TreeError};

    struct Files {
        entries: Vec<TreeEntry>,
        contents: BTreeMap<RepoPath, Vec<u8>>,
    }

    impl ProjectTree for Files {
        fn entries(&self) -> &[TreeEntry] {
            &self.entries
        }

        fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
            self.contents.get(path).cloned().ok_or_else(|| TreeError::Missing { path: path.clone() })
        }

        fn commit(&self) -> Option<&CommitId> {
            None
        }
    }

    fn unlocked(files: &[(&str, &str)]) -> Vec<(String, String, u32)> {
        let contents: BTreeMap<_, _> =
            files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), text.as_bytes().to_vec())).collect();
        let kind = EntryKind::File { executable: false };
        let entries = contents.keys().map(|path| TreeEntry { path: path.clone(), kind }).collect();
        let tree = Files { entries, contents };
        let context = CheckContext {
            tree: &tree,
            lockfiles: &[],
            advisories: &AdvisoryDatabase::default(),
            today: jiff::civil::date(2026, 11, 21),
        };
        let findings = Unlocked.inspect(&context);
        assert!(findings.iter().all(|finding| finding.kind == FindingKind::Unlocked));
        findings.into_iter().map(|finding| (finding.file.to_string(), finding.package, finding.line)).collect()
    }

    const CARGO: &str = "[package]\nname = \"x\"\n\n[dependencies]\nserde = \"1\"\n";
    const NPM: &str = "{\n  \"name\": \"x\",\n  \"dependencies\": {\"left-pad\": \"^1\"}\n}\n";
    const COMPOSER: &str = "{\n  \"require\": {\"php\": \">=8\", \"acme/shop\": \"^1\"}\n}\n";

    #[test]
    fn manifests_without_a_lockfile_are_found_at_their_first_request() {
        let found = unlocked(&[("Cargo.toml", CARGO), ("apps/web/package.json", NPM), ("php/composer.json", COMPOSER)]);
        let expected =
            [("Cargo.toml", "Cargo.toml", 4), ("apps/web/package.json", "web", 3), ("php/composer.json", "php", 2)];
        assert_eq!(found, expected.map(|(file, name, line)| (file.to_owned(), name.to_owned(), line)));
    }

    #[test]
    fn a_lockfile_beside_or_above_locks_even_when_it_is_broken() {
        assert!(unlocked(&[("a/Cargo.toml", CARGO), ("a/Cargo.lock", "<<<<<<< HEAD")]).is_empty());
        assert!(unlocked(&[("a/b/c/Cargo.toml", CARGO), ("Cargo.lock", "")]).is_empty());
        assert!(unlocked(&[("a/b/package.json", NPM), ("a/yarn.lock", "")]).is_empty());
        assert!(unlocked(&[("composer.json", COMPOSER), ("composer.lock", "")]).is_empty());
        assert_eq!(unlocked(&[("a/Cargo.toml", CARGO), ("ab/Cargo.lock", "")]).len(), 1, "another folder");
        assert_eq!(unlocked(&[("Cargo.toml", CARGO), ("a/Cargo.lock", "")]).len(), 1, "a folder below");
        assert_eq!(unlocked(&[("Cargo.toml", CARGO), ("package-lock.json", "")]).len(), 1, "another ecosystem");
    }

    #[test]
    fn what_asks_for_no_package_needs_no_lock() {
        let local = "[dependencies]\nown = { path = \"../own\" }\n";
        let platform = "{\"require\": {\"php\": \">=8\", \"ext-json\": \"*\", \"composer-plugin-api\": \"^2\"}}";
        for (path, text) in [
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
            ("Cargo.toml", local),
            ("Cargo.toml", "[dependencies"),
            ("package.json", "{\"name\": \"x\", \"dependencies\": {}}"),
            ("package.json", "{\"dependencies\": {\"own\": \"file:../own\", \"sister\": \"workspace:*\"}}"),
            ("package.json", "[]"),
            ("composer.json", platform),
            ("node_modules/x/package.json", NPM),
            ("web/vendor/acme/composer.json", COMPOSER),
            ("target/package/x/Cargo.toml", CARGO),
        ] {
            assert!(unlocked(&[(path, text)]).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn requests_hide_in_several_tables() {
        for text in [
            "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
            "[dev-dependencies]\nserde.workspace = true\n",
            "[build-dependencies]\nx = { git = \"https://example.org/x\" }\n",
        ] {
            assert_eq!(unlocked(&[("Cargo.toml", text)]).len(), 1, "{text}");
        }
        assert_eq!(unlocked(&[("package.json", "{\"devDependencies\": {\"x\": \"1\"}}")]).len(), 1);
        assert_eq!(unlocked(&[("composer.json", "{\"require-dev\": {\"a/b\": \"1\"}}")]).len(), 1);
        assert_eq!(
            unlocked(&[("tests/fixtures/a/package.json", NPM)]).len(),
            1,
            "fixtures are for the policy to exclude"
        );
    }
}
