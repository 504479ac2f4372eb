//! npm: what it is shown of a project and how it is called; the change itself is planned by the solver.

mod ancient;
mod entries;
mod manifests;
mod messages;
mod settings;
mod solver;
mod specifications;
mod stand_in;

use std::collections::{BTreeMap, BTreeSet};

use entries::name_of;
use serde_json::Value;

use super::contract::{Files, LockedEntry, Lookup, Proved, Refusal, Said, Solver, SyncCheck, Updater};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::model::specification::Specification;
use crate::model::tree::ProjectTree;
use crate::sandbox::layout;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

/// The sections of a manifest that hold requirements; a lockfile repeats them.
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

    fn standing_in(&self, files: &Files, foreign: &BTreeSet<String>, _: &Lookup<'_>) -> Option<Files> {
        stand_in::shown(files, foreign)
    }

    fn put_back(&self, planned: &Files, foreign: &BTreeSet<String>, written: Vec<u8>) -> Option<Vec<u8>> {
        stand_in::put_back(planned, foreign, &written)
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
        SyncCheck::Ask(npm(files, place, &["ci", "--dry-run"]))
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

/// An npm command that changes nothing but the lockfile and runs no script. No name of a package is part of it.
fn npm(files: &Files, place: &Place, command: &[&str]) -> Invocation {
    let version = lockfile_version(files.lock()).filter(|version| (1..=3).contains(version)).unwrap_or(3);
    npm_command(files, (place, version), command)
}

/// `npm install` that writes the lockfile in a version of its format.
fn npm_in_version(files: &Files, place: &Place, version: u64) -> Invocation {
    npm_command(files, (place, version), &["install"])
}

fn npm_command(files: &Files, (place, version): (&Place, u64), command: &[&str]) -> Invocation {
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

/// Whether the project has chosen to keep addresses of the registry out of its lockfile.
fn omits_resolved(lock: &[u8]) -> bool {
    let entries = Npm.entries(lock);
    let sealed: Vec<&LockedEntry> = entries.iter().filter(|entry| entry.checksum.is_some()).collect();
    // What comes from elsewhere than the registry keeps its address.
    let bare = sealed.iter().filter(|entry| entry.source.is_empty()).count();
    bare > 0 && 2 * bare >= sealed.len()
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

    #[test]
    fn commands_are_exact_and_hold_no_name() {
        let files = Files::new(RepoPath::new("app/package-lock.json").unwrap(), BTreeMap::new());
        let confirm = solver::NpmSolver.confirm(&files, Vec::new(), &place());
        insta::assert_snapshot!(invocations(vec![confirm]), @r#"
        npm install --package-lock-only --ignore-scripts --no-audit --no-fund --no-update-notifier --git=git --allow-git=none --allow-remote=none --allow-file=none --min-release-age=0 --lockfile-version=3
          in /scratch/project/app
          npm_config_cache=/cache/npm npm_config_fetch_retries=1 npm_config_fetch_timeout=20000 npm_config_globalconfig=/scratch/home/no-global-npmrc npm_config_userconfig=/scratch/home/no-user-npmrc
        "#);
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
}
