//! npm: install the exact version, put the manifest back, install again; nested copies are edited natively and then
//! reconciled by npm.

mod entries;
mod manifests;
mod messages;
mod settings;
mod solver;
mod specifications;

use std::collections::{BTreeMap, BTreeSet};

use entries::{edit_entries, name_of};
use serde_json::Value;

use super::contract::{
    Action, Attempt, DirectRequirement, Files, LockedEntry, Move, Proved, Refusal, Said, Solver, SyncCheck, Updater,
};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::model::specification::Specification;
use crate::model::tree::ProjectTree;
use crate::sandbox::grammar::{self, InvalidToken};
use crate::sandbox::inside;
use crate::sandbox::layout;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

/// The sections of a manifest that hold requirements.
const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/// JavaScript's package manager.
pub(crate) struct Npm;

impl Updater for Npm {
    fn id(&self) -> &'static str {
        "npm"
    }

    fn ecosystem(&self) -> Ecosystem {
        Ecosystem::Npm
    }

    fn handles(&self, lockfile: &RepoPath) -> bool {
        matches!(lockfile.file_name(), "package-lock.json" | "npm-shrinkwrap.json")
    }

    fn files(&self, lockfile: &RepoPath, tree: &dyn ProjectTree) -> Result<Files, Refusal> {
        let lock = tree.read(lockfile).map_err(|error| Refusal::unreadable(lockfile, &error))?;
        let mut contents = manifests::belonging_to(lockfile, &read_lock(lockfile, &lock)?, tree);
        contents.insert(lockfile.clone(), lock);
        let files = Files { settings: settings::beside(lockfile, tree), ..Files::new(lockfile.clone(), contents) };
        match files.beside("package.json") {
            Some(_) => Ok(files),
            None => Err(Refusal::new(
                format!("`{lockfile}` has no readable `package.json` beside it, without which npm cannot update it"),
                "add the manifest, or remove a lockfile that nothing uses",
            )),
        }
    }

    fn proved(&self) -> Proved {
        // Below 11.10, `--allow-git` is passed over without a word.
        Proved { oldest: [11, 10, 0], newest_major: 12, install: "npm install -g npm@11" }
    }

    fn specifications(&self, files: &Files) -> Result<Vec<Specification>, Refusal> {
        specifications::of(files)
    }

    fn sync_check(&self, files: &Files, place: &Place) -> SyncCheck {
        if solver::sync::is_certain(files) {
            return SyncCheck::Known(true);
        }
        SyncCheck::Ask(npm(files, place, &["ci", "--dry-run"], &[]))
    }

    fn attempts(&self, moves: &[Move<'_>], files: &Files, place: &Place) -> Result<Vec<Attempt>, InvalidToken> {
        let mut specifications = Vec::new();
        let mut names = Vec::new();
        for step in moves {
            let package = grammar::package(Ecosystem::Npm, step.package)?;
            grammar::version(Ecosystem::Npm, step.from)?;
            specifications.push(format!("{package}@{}", grammar::version(Ecosystem::Npm, step.target)?));
            names.push(package.to_owned());
        }
        let install = || Action::Run(npm(files, place, &["install"], &[]));
        let mut by_install = vec![Action::Run(npm(files, place, &["install"], &specifications))];
        if let Some((path, manifest)) = files.beside("package.json") {
            by_install.push(Action::Write(path, manifest.to_vec()));
        }
        by_install.push(install());
        let by_install = Attempt { what: "npm install at the exact version", actions: by_install };
        let mut attempts = vec![by_install];
        if let Some(edited) = edit_entries(files.lock(), moves, omits_resolved(files.lock())) {
            let actions = vec![Action::Write(files.lockfile.clone(), edited), install()];
            let by_edit = Attempt { what: "edit of the locked entries, reconciled by npm install", actions };
            // Installing a package that is locked more than once reshuffles where its copies stand.
            let position = usize::from(moves.iter().all(|step| copies(files.lock(), step.package) == 1));
            attempts.insert(position, by_edit);
        }
        attempts
            .push(Attempt { what: "npm update", actions: vec![Action::Run(npm(files, place, &["update"], &names))] });
        Ok(attempts)
    }

    fn moves_together(&self) -> bool {
        true
    }

    fn reconcile(&self, files: &Files, place: &Place) -> Option<Attempt> {
        Some(Attempt { what: "npm install", actions: vec![Action::Run(npm(files, place, &["install"], &[]))] })
    }

    fn requirements(&self, files: &Files, _tree: &dyn ProjectTree, package: &str) -> Vec<DirectRequirement> {
        let mut found = Vec::new();
        // What other projects of the repository ask for is no concern of this lockfile.
        for path in own_manifests(files) {
            let Some(content) = files.contents.get(&path) else { continue };
            let Ok(manifest) = serde_json::from_slice::<Value>(content) else { continue };
            for section in SECTIONS {
                let written = manifest.get(section).and_then(|names| names.get(package)).and_then(Value::as_str);
                found.extend(
                    written.map(|text| DirectRequirement { manifest: path.clone(), requirement: text.to_owned() }),
                );
            }
        }
        found
    }

    fn raise(&self, manifest: &[u8], package: &str, target: &str) -> Option<Vec<u8>> {
        let mut text = std::str::from_utf8(manifest).ok()?.to_owned();
        let parsed: Value = serde_json::from_str(&text).ok()?;
        let mut raised = false;
        // Peers say what others must bring: they are a promise to users and stay.
        for section in &SECTIONS[..3] {
            let Some(old) = parsed.get(section).and_then(|names| names.get(package)).and_then(Value::as_str) else {
                continue;
            };
            let operator = ["^", "~"].into_iter().find(|sign| old.starts_with(sign));
            // A range, a tag or an address says something that one version cannot say.
            if operator.is_none() && semver::Version::parse(old).is_err() {
                return None;
            }
            text = layout::replace_member(&text, &[section, package], &format!("{}{target}", operator.unwrap_or("")))?;
            raised = true;
        }
        raised.then(|| text.into_bytes())
    }

    fn restore(&self, before: &[u8], after: Vec<u8>) -> Vec<u8> {
        let (Ok(old), Ok(new)) = (std::str::from_utf8(before), std::str::from_utf8(&after)) else { return after };
        if layout::indentation(old) == layout::indentation(new) {
            return layout::line_ends_like(old, new).into_bytes();
        }
        serde_json::from_str::<Value>(new).map_or_else(|_| after.clone(), |value| layout::write_like(old, &value))
    }

    fn format_version(&self, lockfile: &[u8]) -> Option<String> {
        let lock: Value = serde_json::from_slice(lockfile).ok()?;
        Some(lock.get("lockfileVersion")?.to_string())
    }

    fn entries(&self, lockfile: &[u8]) -> Vec<LockedEntry> {
        let Ok(lock) = serde_json::from_slice::<Value>(lockfile) else { return Vec::new() };
        let mut entries = Vec::new();
        if let Some(packages) = lock.get("packages").and_then(Value::as_object) {
            for (path, entry) in packages.iter().filter(|(path, _)| path.contains("node_modules/")) {
                entries.extend(locked_entry(&name_of(path, entry), entry));
            }
        } else if let Some(dependencies) = lock.get("dependencies").and_then(Value::as_object) {
            let mut open = vec![dependencies];
            while let Some(level) = open.pop() {
                for (name, entry) in level {
                    entries.extend(locked_entry(name, entry));
                    open.extend(entry.get("dependencies").and_then(Value::as_object));
                }
            }
        }
        entries.sort();
        entries
    }

    fn said(&self, messages: &str) -> Said {
        messages::read(messages)
    }

    fn solver(&self) -> Option<&'static dyn Solver> {
        Some(&solver::NpmSolver)
    }
}

/// The version of a lockfile's format.
fn lockfile_version(lock: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(lock).ok()?.get("lockfileVersion")?.as_u64()
}

/// An npm command that changes nothing but the lockfile and runs no script.
fn npm(files: &Files, place: &Place, command: &[&str], specifications: &[String]) -> Invocation {
    let version = lockfile_version(files.lock()).filter(|version| (1..=3).contains(version)).unwrap_or(3);
    npm_command(files, (place, version), command, specifications)
}

/// `npm install` that writes the lockfile in a version of its format.
fn npm_in_version(files: &Files, place: &Place, version: u64) -> Invocation {
    npm_command(files, (place, version), &["install"], &[])
}

fn npm_command(
    files: &Files,
    (place, version): (&Place, u64),
    command: &[&str],
    specifications: &[String],
) -> Invocation {
    let mut args: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    for flag in [
        "--package-lock-only",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        // Second line of defence behind the absent `.npmrc`: no other program, no source that is not the registry.
        "--git=git",
        "--allow-git=none",
        "--allow-remote=none",
        "--allow-file=none",
        // A waiting period is for ordinary updates, not for security fixes.
        "--min-release-age=0",
    ] {
        args.push(flag.to_owned());
    }
    args.extend(files.settings.iter().filter(|setting| *setting != settings::ENGINE_STRICT).cloned());
    args.push(format!("--lockfile-version={version}"));
    if omits_resolved(files.lock()) {
        args.push("--omit-lockfile-registry-resolved".to_owned());
    }
    if !specifications.is_empty() {
        args.push("--".to_owned());
        args.extend_from_slice(specifications);
    }
    Invocation {
        program: "npm".to_owned(),
        args,
        env: environment(place),
        cwd: place.project.join(files.lockfile.folder()),
        reach: Reach::Npm,
    }
}

fn environment(place: &Place) -> BTreeMap<String, String> {
    let below = |folder: &std::path::Path, name: &str| folder.join(name).display().to_string();
    BTreeMap::from([
        // Both name files that do not exist; npm 11 refuses to load `/dev/null` twice.
        ("npm_config_userconfig".to_owned(), below(&place.home, "no-user-npmrc")),
        ("npm_config_globalconfig".to_owned(), below(&place.home, "no-global-npmrc")),
        ("npm_config_cache".to_owned(), below(&place.cache, "npm")),
        // An unreachable registry is to be said soon.
        ("npm_config_fetch_retries".to_owned(), "1".to_owned()),
        ("npm_config_fetch_timeout".to_owned(), "20000".to_owned()),
    ])
}

/// The lockfile as JSON.
fn read_lock(lockfile: &RepoPath, lock: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(lock)
        .map_err(|_| Refusal::new(format!("`{lockfile}` is not JSON"), "write it anew with `npm install`"))
}

/// The manifests that the lockfile has entries for: the one beside it, and those of its workspaces and linked folders.
fn own_manifests(files: &Files) -> BTreeSet<RepoPath> {
    let lock: Value = serde_json::from_slice(files.lock()).unwrap_or_default();
    let packages = lock.get("packages").and_then(Value::as_object);
    let folders = packages.into_iter().flatten().map(|(path, _)| path.as_str());
    let folders = folders.filter(|path| !path.contains("node_modules")).chain([""]);
    let folders = folders.filter_map(|folder| inside::resolve(files.lockfile.folder(), folder));
    folders.filter_map(|folder| RepoPath::new(format!("{folder}/package.json").trim_start_matches('/')).ok()).collect()
}

/// How many copies of a package are locked.
fn copies(lock: &[u8], package: &str) -> usize {
    Npm.entries(lock).iter().filter(|entry| entry.package == package).count()
}

/// Whether the project has chosen to keep addresses of the registry out of its lockfile.
fn omits_resolved(lock: &[u8]) -> bool {
    let entries = Npm.entries(lock);
    let sealed: Vec<&LockedEntry> = entries.iter().filter(|entry| entry.checksum.is_some()).collect();
    !sealed.is_empty() && sealed.iter().all(|entry| entry.source.is_empty())
}

/// One locked package; links to folders of the project have no version and are left out.
fn locked_entry(name: &str, entry: &Value) -> Option<LockedEntry> {
    let version = entry.get("version").and_then(Value::as_str)?;
    let resolved = entry.get("resolved").and_then(Value::as_str).unwrap_or_default();
    let source = url::Url::parse(resolved)
        .ok()
        .map(|address| format!("{}://{}", address.scheme(), address.host_str().unwrap_or_default()))
        .unwrap_or_default();
    Some(LockedEntry {
        package: name.to_owned(),
        version: version.to_owned(),
        source,
        checksum: entry.get("integrity").and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invocations, place};
    use super::*;
    use crate::model::release::Release;

    #[test]
    fn commands_are_exact_and_hostile_names_never_reach_one() {
        let files = Files::new(RepoPath::new("app/package-lock.json").unwrap(), BTreeMap::new());
        let step = Move { package: "@acme/tool", from: "1.0.0", target: "1.0.1", release: None };
        insta::assert_snapshot!(invocations(Npm.attempts(&[step], &files, &place()).unwrap()), @r#"
        npm install --package-lock-only --ignore-scripts --no-audit --no-fund --no-update-notifier --git=git --allow-git=none --allow-remote=none --allow-file=none --min-release-age=0 --lockfile-version=3 -- @acme/tool@1.0.1
          in /scratch/project/app
          npm_config_cache=/cache/npm npm_config_fetch_retries=1 npm_config_fetch_timeout=20000 npm_config_globalconfig=/scratch/home/no-global-npmrc npm_config_userconfig=/scratch/home/no-user-npmrc
        npm install --package-lock-only --ignore-scripts --no-audit --no-fund --no-update-notifier --git=git --allow-git=none --allow-remote=none --allow-file=none --min-release-age=0 --lockfile-version=3
          in /scratch/project/app
          npm_config_cache=/cache/npm npm_config_fetch_retries=1 npm_config_fetch_timeout=20000 npm_config_globalconfig=/scratch/home/no-global-npmrc npm_config_userconfig=/scratch/home/no-user-npmrc
        "#);
        for package in ["-p", "--upload-pack=x", "$(id)", "a\nb"] {
            assert!(Npm.attempts(&[Move { package, ..step }], &files, &place()).is_err(), "{package:?}");
        }
        assert!(Npm.attempts(&[Move { target: "--config=x", ..step }], &files, &place()).is_err());
    }

    #[test]
    fn scripts_are_disarmed_and_dependencies_stay() {
        let manifest = br#"{
    "name": "shop",
    "packageManager": "npm@99",
    "scripts": {"install": "touch /tmp/owned"},
    "dependencies": {"lodash": "^4.17.0"}
}"#;
        let reduced: Value = serde_json::from_slice(&manifests::reduce(manifest).unwrap().1).unwrap();
        assert_eq!(
            reduced,
            serde_json::json!({"name": "shop", "scripts": {"install": "exit 1"}, "dependencies": {"lodash": "^4.17.0"}})
        );
    }

    #[test]
    fn the_nested_copy_is_edited_and_the_other_left_alone() {
        let lock = br#"{
	"lockfileVersion": 3,
	"packages": {
		"": {"dependencies": {"debug": "3.1.0"}},
		"node_modules/debug": {"version": "3.1.0", "resolved": "https://registry.example/debug-3.1.0.tgz", "integrity": "sha512-a"},
		"node_modules/express/node_modules/debug": {"version": "2.6.8", "resolved": "https://registry.example/debug-2.6.8.tgz", "integrity": "sha512-b", "dev": true}
	}
}
"#;
        let release = Release {
            version: "2.6.9".to_owned(),
            record: Some(serde_json::json!({
                "dist": {"tarball": "https://registry.example/debug-2.6.9.tgz", "integrity": "sha512-c"},
                "dependencies": {"ms": "2.0.0"}
            })),
            ..Release::default()
        };
        let step = Move { package: "debug", from: "2.6.8", target: "2.6.9", release: Some(&release) };
        let edited = String::from_utf8(edit_entries(lock, &[step], false).unwrap()).unwrap();
        let value: Value = serde_json::from_str(&edited).unwrap();
        assert_eq!(value["packages"]["node_modules/debug"]["version"], "3.1.0");
        assert_eq!(
            value["packages"]["node_modules/express/node_modules/debug"],
            serde_json::json!({
                "version": "2.6.9", "resolved": "https://registry.example/debug-2.6.9.tgz", "integrity": "sha512-c",
                "dependencies": {"ms": "2.0.0"}, "dev": true
            })
        );
        assert!(edited.contains("\n\t\"packages\"") && edited.ends_with("}\n"));
        assert!(edit_entries(lock, &[Move { release: None, ..step }], false).is_none(), "never without integrity");
    }

    #[test]
    fn requirements_are_raised_in_their_own_style() {
        let manifest = b"{\"dependencies\": {\"lodash\": \"^4.17.0\"},\n \"devDependencies\": { \"mocha\":\"8.0.0\", \"odd\": \">=1 <3\" }}";
        let raised = String::from_utf8(Npm.raise(manifest, "lodash", "5.0.0").unwrap()).unwrap();
        assert_eq!(raised, String::from_utf8_lossy(manifest).replace("^4.17.0", "^5.0.0"));
        assert!(
            String::from_utf8(Npm.raise(manifest, "mocha", "9.0.0").unwrap()).unwrap().contains("\"mocha\":\"9.0.0\"")
        );
        assert!(Npm.raise(manifest, "odd", "3.0.0").is_none());
    }
}
