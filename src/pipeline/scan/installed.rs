//! Installed packages that were committed: the lockfiles in them pin nothing of the project.
//!
//! A folder's name tells nothing: a package counts as installed where the tool that installs it has left its record, with
//! the content that it writes, and only that package does. Everything else in the same folder is read.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::installed::{MARKER_SIZE_LIMIT, is_composers_autoloader};
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};
use crate::model::unread::Installer;

/// What a record of Composer, Go, pip or `CocoaPods` names: folders that end with `/`, or files.
type Names = Rc<BTreeSet<String>>;

/// The installed packages of a project.
pub(super) struct Installed<'a> {
    tree: &'a dyn ProjectTree,
    /// The records that were read, by path: many lockfiles stand below one.
    records: RefCell<HashMap<String, Names>>,
}

impl<'a> Installed<'a> {
    /// Nothing is read before it is asked for.
    pub(super) fn of(tree: &'a dyn ProjectTree) -> Self {
        Self { tree, records: RefCell::default() }
    }

    /// What has installed the package that a file belongs to; `None` for a file of the project's own.
    pub(super) fn installer_of(&self, path: &RepoPath) -> Option<Installer> {
        let text = path.as_str();
        // The folders above the file, the innermost first; each without `/` at its end.
        let mut folders = text.rmatch_indices('/').map(|(end, _)| (&text[..end], &text[end + 1..]));
        folders.find_map(|(folder, inside)| self.installer(folder, inside))
    }

    /// What `folder` was installed by, or has installed, of which `inside` is a file.
    fn installer(&self, folder: &str, inside: &str) -> Option<Installer> {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        match () {
            () if self.is_npm_package(folder) => Some(Installer::Npm),
            () if self.is_vendored_crate(folder, inside) => Some(Installer::Cargo),
            () if self.is_gem(folder) => Some(Installer::Bundler),
            () if self.is_hex_package(folder, name) => Some(Installer::Mix),
            () if holds(&self.composers(folder), inside) => Some(Installer::Composer),
            () if name == "vendor" && holds(&self.gos(folder), inside) => Some(Installer::Go),
            () if name == "site-packages" && holds(&self.pips(folder), inside) => Some(Installer::Pip),
            () if name == "Pods" && holds(&self.pods(folder), inside) => Some(Installer::CocoaPods),
            () => None,
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = RepoPath::new(path).ok()?;
        matches!(self.tree.kind(&path), Some(EntryKind::File { .. })).then_some(())?;
        self.tree.read(&path).ok().filter(|content| content.len() <= MARKER_SIZE_LIMIT)
    }

    fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_slice(&self.read(path)?).ok()
    }

    /// A package stands in `node_modules` under its own name, with its version.
    fn is_npm_package(&self, folder: &str) -> bool {
        let Some((_, package)) = folder.rsplit_once("node_modules/") else { return false };
        let is_package = match package.split_once('/') {
            None => !package.is_empty(),
            Some((scope, name)) => scope.starts_with('@') && !name.contains('/'),
        };
        is_package
            && self
                .json(&format!("{folder}/package.json"))
                .is_some_and(|manifest| manifest["name"] == package && manifest["version"].is_string())
    }

    /// `cargo vendor` writes the checksum of every file of a crate beside it.
    fn is_vendored_crate(&self, folder: &str, inside: &str) -> bool {
        let listed = self
            .json(&format!("{folder}/.cargo-checksum.json"))
            .and_then(|checksums| checksums["files"].get(inside)?.as_str().map(str::to_owned));
        listed.is_some_and(|listed| {
            let content = self.read(&format!("{folder}/{inside}"));
            content.is_some_and(|content| format!("{:x}", Sha256::digest(content)) == listed)
        })
    }

    /// Bundler keeps the specification of `gems/rack-2.2.0` in `specifications/rack-2.2.0.gemspec`.
    fn is_gem(&self, folder: &str) -> bool {
        let Some((gems, name)) = folder.rsplit_once('/') else { return false };
        if is_in_a_bundle(gems, name) {
            return true;
        }
        let Some(root) = gems.strip_suffix("gems").filter(|root| root.is_empty() || root.ends_with('/')) else {
            return false;
        };
        let specification = self.read(&format!("{root}specifications/{name}.gemspec"));
        specification.is_some_and(|content| String::from_utf8_lossy(&content).contains("Gem::Specification.new"))
    }

    /// Mix unpacks a package of Hex with the record that says which it is, into `deps` or wherever `deps_path` leads.
    fn is_hex_package(&self, folder: &str, name: &str) -> bool {
        !name.is_empty()
            && self.read(&format!("{folder}/hex_metadata.config")).is_some_and(|content| {
                String::from_utf8_lossy(&content).contains(&format!("{{<<\"name\">>,<<\"{name}\">>}}"))
            })
    }

    /// The names in a record, read once.
    fn names(&self, record: String, read: impl FnOnce(&str) -> Option<BTreeSet<String>>) -> Names {
        if let Some(names) = self.records.borrow().get(&record) {
            return Rc::clone(names);
        }
        let names = Rc::new(read(&record).unwrap_or_default());
        self.records.borrow_mut().insert(record, Rc::clone(&names));
        names
    }

    /// The folders that Composer says it has filled.
    fn composers(&self, folder: &str) -> Names {
        self.names(format!("{folder}/composer/installed.json"), |record| {
            let record = self.json(record)?;
            self.read(&format!("{folder}/autoload.php")).filter(|content| is_composers_autoloader(content))?;
            let packages = record.get("packages").unwrap_or(&record).as_array()?;
            // `../acme/lib`, seen from the folder of the record.
            let place = |package: &Value| match package["install-path"].as_str() {
                Some(path) => path.strip_prefix("../").map(|path| format!("{path}/")),
                None => Some(format!("{}/", package["name"].as_str()?)),
            };
            Some(packages.iter().filter_map(place).chain(["composer/".to_owned()]).collect())
        })
    }

    /// The modules that Go says it has copied: `# golang.org/x/text v0.3.0`.
    fn gos(&self, folder: &str) -> Names {
        self.names(format!("{folder}/modules.txt"), |record| {
            let text = String::from_utf8(self.read(record)?).ok()?;
            let modules = text.lines().filter_map(|line| line.strip_prefix("# ")?.split(' ').next());
            Some(modules.map(|module| format!("{module}/")).collect())
        })
    }

    /// The files that pip says it has written, in the `RECORD` of each package.
    fn pips(&self, folder: &str) -> Names {
        self.names(format!("{folder}/"), |below| {
            let entries = self.tree.entries();
            let start = entries.partition_point(|entry| entry.path.as_str() < below);
            let below_it = entries.iter().skip(start).take_while(|entry| entry.path.as_str().starts_with(below));
            let records = below_it.filter(|entry| entry.path.as_str().ends_with(".dist-info/RECORD"));
            let mut files = BTreeSet::new();
            for record in records {
                let Some(content) = self.read(record.path.as_str()) else { continue };
                let text = String::from_utf8_lossy(&content);
                files.extend(text.lines().filter_map(|line| Some(line.split(',').next()?.to_owned())));
            }
            Some(files)
        })
    }

    /// The pods that `CocoaPods` says it has fetched: `  - AFNetworking (4.0.1):`.
    fn pods(&self, folder: &str) -> Names {
        self.names(format!("{folder}/Manifest.lock"), |record| {
            let text = String::from_utf8(self.read(record)?).ok().filter(|text| text.contains("\nCOCOAPODS: "))?;
            let pods = text.lines().filter_map(|line| line.trim_start().strip_prefix("- ")?.split(['/', ' ']).next());
            Some(pods.map(|pod| format!("{}/", pod.trim_matches('"'))).collect())
        })
    }
}

/// Whether a folder is where Bundler alone puts a gem: `bundle/ruby/3.3.0/gems/rack-2.2.0`, whose specification people leave out of
/// what they commit (<https://bundler.io/man/bundle-config.1.html>, `path`).
fn is_in_a_bundle(gems: &str, name: &str) -> bool {
    let mut above = gems.rsplit('/');
    let (last, interface, engine, root) = (above.next(), above.next(), above.next(), above.next());
    let numbers = |text: &str| text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok());
    let is_versioned = name.match_indices('-').any(|(end, _)| {
        end > 0 && name.get(end + 1..).is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    });
    last == Some("gems")
        && interface.is_some_and(numbers)
        && matches!(engine, Some("ruby" | "jruby" | "truffleruby"))
        && matches!(root, Some("bundle" | ".bundle"))
        && is_versioned
}

/// Whether a file is named, or one of the folders that it stands in.
fn holds(names: &BTreeSet<String>, file: &str) -> bool {
    !names.is_empty() && (names.contains(file) || file.match_indices('/').any(|(end, _)| names.contains(&file[..=end])))
}

/// Whose own record of what it has installed a file is.
pub(super) fn record_of(path: &RepoPath) -> Option<Installer> {
    let folder = path.folder().rsplit('/').next().unwrap_or_default();
    match (folder, path.file_name()) {
        ("node_modules", ".package-lock.json" | ".yarn-state.yml" | ".modules.yaml" | ".yarn-integrity") => {
            Some(Installer::Npm)
        }
        ("composer", "installed.json") => Some(Installer::Composer),
        ("Pods", "Manifest.lock") => Some(Installer::CocoaPods),
        ("vendor", "modules.txt") => Some(Installer::Go),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::folder::FolderTree;

    const AUTOLOADER: &str =
        "<?php\nrequire_once __DIR__ . '/composer/autoload_real.php';\nreturn ComposerAutoloaderInit1::getLoader();\n";

    fn installers(files: &[(&str, &str)], asked: &[&str]) -> Vec<Option<Installer>> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        let tree = FolderTree::open(folder.path()).expect("listed");
        let installed = Installed::of(&tree);
        asked.iter().map(|path| installed.installer_of(&RepoPath::new(path).expect("a path"))).collect()
    }

    #[test]
    fn a_package_is_installed_where_its_tool_has_left_its_record() {
        let hash = format!("{:x}", Sha256::digest("lock"));
        let checksums = format!("{{\"files\": {{\"Cargo.lock\": \"{hash}\"}}, \"package\": null}}");
        let files = [
            ("node_modules/a/package.json", r#"{"name": "a", "version": "1.0.0"}"#),
            ("web/node_modules/@s/b/package.json", r#"{"name": "@s/b", "version": "1.0.0"}"#),
            ("php/lib/autoload.php", AUTOLOADER),
            ("php/lib/composer/installed.json", r#"{"packages": [{"name": "s/c", "install-path": "../s/c"}]}"#),
            ("rust/vendor/d/.cargo-checksum.json", &checksums),
            ("rust/vendor/d/Cargo.lock", "lock"),
            ("go/vendor/modules.txt", "# example.org/e v1.0.0\n## explicit\nexample.org/e/sub\n"),
            ("lib/ruby/3.2.0/specifications/f-1.0.gemspec", "Gem::Specification.new do |s|\nend\n"),
            ("env/site-packages/g-1.dist-info/RECORD", "g/requirements.txt,sha256=x,1\n"),
            ("ios/Pods/Manifest.lock", "PODS:\n  - H (1.0)\n  - H/Core (1.0)\n\nCOCOAPODS: 1.15.2\n"),
            ("deps/i/hex_metadata.config", "{<<\"name\">>,<<\"i\">>}.\n"),
        ];
        let asked = [
            "node_modules/a/yarn.lock",
            "web/node_modules/@s/b/x/yarn.lock",
            "php/lib/s/c/composer.lock",
            "rust/vendor/d/Cargo.lock",
            "go/vendor/example.org/e/sub/package-lock.json",
            "lib/ruby/3.2.0/gems/f-1.0/Gemfile.lock",
            "env/site-packages/g/requirements.txt",
            "ios/Pods/H/Example/Podfile.lock",
            "deps/i/mix.lock",
        ];
        let expected = [
            Installer::Npm,
            Installer::Npm,
            Installer::Composer,
            Installer::Cargo,
            Installer::Go,
            Installer::Bundler,
            Installer::Pip,
            Installer::CocoaPods,
            Installer::Mix,
        ];
        assert_eq!(installers(&files, &asked), expected.map(Some));
    }

    #[test]
    fn a_bundle_that_was_committed_without_its_specifications_is_bundlers() {
        let files = [("vendor/bundle/ruby/3.3.0/gems/ap-1.8.0/Gemfile.lock", "GEM\n")];
        let asked = [
            "vendor/bundle/ruby/3.3.0/gems/ap-1.8.0/Gemfile.lock",
            "app/.bundle/ruby/2.7.0/gems/net-http-0.4.1/spec/Gemfile.lock",
            "vendor/bundle/jruby/3.1.0/gems/a-1.0-java/Gemfile.lock",
        ];
        assert_eq!(installers(&files, &asked), [Some(Installer::Bundler); 3]);
    }

    #[test]
    fn a_record_is_about_its_own_packages_only() {
        let files = [
            ("node_modules/a/package.json", r#"{"name": "other", "version": "1.0.0"}"#),
            ("node_modules/c/package.json", "{}"),
            ("lib/autoload.php", AUTOLOADER),
            ("lib/composer/installed.json", r#"{"packages": [{"name": "s/c", "install-path": "../../../"}]}"#),
            ("php/vendor/autoload.php", ""),
            ("php/vendor/composer/installed.json", r#"{"packages": [{"name": "s/c"}]}"#),
            ("rust/vendor/d/.cargo-checksum.json", r#"{"files": {"Cargo.lock": "0"}}"#),
            ("rust/vendor/d/Cargo.lock", "another"),
            ("go/vendor/modules.txt", "# example.org/e v1.0.0\n"),
            ("site-packages/g-1.dist-info/RECORD", "g/requirements.txt,sha256=x,1\n"),
            ("Pods/Manifest.lock", ""),
            ("deps/i/hex_metadata.config", ""),
        ];
        let asked = [
            "node_modules/package-lock.json",
            "node_modules/a/package-lock.json",
            "node_modules/c/package-lock.json",
            "lib/s/d/composer.lock",
            "lib/app/package-lock.json",
            "php/vendor/s/c/composer.lock",
            "rust/vendor/d/Cargo.lock",
            "go/vendor/example.org/f/go.mod",
            "site-packages/h/requirements.txt",
            "Pods/H/Podfile.lock",
            "deps/i/mix.lock",
            "gems/x-1/Gemfile.lock",
            "vendor/bundle/Gemfile.lock",
            "vendor/bundle/ruby/3.3.0/gems/Gemfile.lock",
            "vendor/bundle/ruby/latest/gems/x-1/Gemfile.lock",
            "vendor/bundle/ruby/3.3.0/gems/x/Gemfile.lock",
        ];
        assert_eq!(installers(&files, &asked), [None; 16]);
    }
}
