//! Cargo: `cargo update --precise`, one package per call, started in an empty folder so that no project configuration
//! is read.

mod messages;
mod specifications;

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::contract::{
    Action, Attempt, DirectRequirement, Files, LockedEntry, Move, Proved, Refusal, Said, SyncCheck, Updater,
};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::model::specification::Specification;
use crate::model::tree::ProjectTree;
use crate::sandbox::cargo_project;
use crate::sandbox::grammar::{self, InvalidToken};
use crate::sandbox::layout;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

/// The tables of a manifest that hold requirements.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Rust's package manager.
pub(crate) struct Cargo;

impl Updater for Cargo {
    fn id(&self) -> &'static str {
        "cargo"
    }

    fn ecosystem(&self) -> Ecosystem {
        Ecosystem::CratesIo
    }

    fn handles(&self, lockfile: &RepoPath) -> bool {
        lockfile.file_name() == "Cargo.lock"
    }

    fn files(&self, lockfile: &RepoPath, tree: &dyn ProjectTree) -> Result<Files, Refusal> {
        refuse_vendored(tree)?;
        let mut contents = BTreeMap::new();
        for (path, manifest) in cargo_project::read_by_cargo(lockfile, tree) {
            for stub in stubs(&path, &manifest.document) {
                contents.entry(stub).or_insert_with(Vec::new);
            }
            contents.insert(path, manifest.content);
        }
        let lock = tree.read(lockfile).map_err(|error| Refusal::unreadable(lockfile, &error))?;
        contents.insert(lockfile.clone(), lock);
        let files = Files { lockfile: lockfile.clone(), contents };
        match files.beside("Cargo.toml") {
            Some(_) => Ok(files),
            None => Err(Refusal::new(
                format!("`{lockfile}` has no readable `Cargo.toml` beside it, without which Cargo cannot update it"),
                "add the manifest, or remove a lockfile that nothing uses",
            )),
        }
    }

    fn proved(&self) -> Proved {
        Proved { oldest: [1, 95, 0], newest_major: 1, install: "rustup update stable" }
    }

    fn specifications(&self, files: &Files) -> Result<Vec<Specification>, Refusal> {
        specifications::of(files)
    }

    fn sync_check(&self, files: &Files, place: &Place) -> SyncCheck {
        SyncCheck::Ask(update(files, place, &["--workspace", "--locked"]))
    }

    fn attempts(&self, moves: &[Move<'_>], files: &Files, place: &Place) -> Result<Vec<Attempt>, InvalidToken> {
        let mut precise = Vec::new();
        let mut newest = Vec::new();
        for step in moves {
            let package = grammar::package(Ecosystem::CratesIo, step.package)?;
            let from = grammar::version(Ecosystem::CratesIo, step.from)?;
            let target = grammar::version(Ecosystem::CratesIo, step.target)?;
            // One `-p` per call: with two of them, Cargo 1.95 ignores `--precise` without a word.
            let specification = format!("{package}@{from}");
            precise.push(Action::Run(update(files, place, &["-p", &specification, "--precise", target])));
            newest.push(Action::Run(update(files, place, &["-p", &specification])));
        }
        Ok(vec![
            Attempt { what: "cargo update --precise", actions: precise },
            Attempt { what: "cargo update", actions: newest },
        ])
    }

    fn moves_together(&self) -> bool {
        false
    }

    fn reconcile(&self, files: &Files, place: &Place) -> Option<Attempt> {
        let actions = vec![Action::Run(update(files, place, &["--workspace"]))];
        Some(Attempt { what: "cargo update --workspace", actions })
    }

    fn requirements(&self, files: &Files, tree: &dyn ProjectTree, package: &str) -> Vec<DirectRequirement> {
        let mut found = Vec::new();
        for path in cargo_project::manifests(&files.lockfile, tree) {
            let Some(content) = files.contents.get(&path) else { continue };
            let Some(document) = bounded_toml::parse(&String::from_utf8_lossy(content)) else { continue };
            each_requirement(&document, |name, item| {
                if name == package
                    && let Some(requirement) = written_requirement(item)
                {
                    found.push(DirectRequirement { manifest: path.clone(), requirement });
                }
            });
        }
        found.sort_by(|left, right| (&left.manifest, &left.requirement).cmp(&(&right.manifest, &right.requirement)));
        found.dedup();
        found
    }

    fn raise(&self, manifest: &[u8], package: &str, target: &str) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(manifest).ok()?;
        let mut document: DocumentMut = bounded_toml::parse(text)?;
        let target = target.split('+').next()?;
        let mut raised = false;
        each_requirement_mut(&mut document, |name, item| {
            if name == package {
                raised |= raise_item(item, target);
            }
        });
        raised.then(|| layout::line_ends_like(text, &document.to_string()).into_bytes())
    }

    fn restore(&self, before: &[u8], after: Vec<u8>) -> Vec<u8> {
        let (Ok(old), Ok(new)) = (std::str::from_utf8(before), std::str::from_utf8(&after)) else { return after };
        // Versions 3 and 4 differ only in how addresses of git repositories are written, so that the old header is
        // right for a lockfile without any.
        let (old_header, new_header) = (version_line(old), version_line(new));
        let mut text = new.to_owned();
        if let (Some("version = 3"), Some("version = 4")) = (old_header, new_header)
            && !new.contains("git+")
        {
            text = text.replacen("version = 4", "version = 3", 1);
        }
        layout::line_ends_like(old, &text).into_bytes()
    }

    fn format_version(&self, lockfile: &[u8]) -> Option<String> {
        std::str::from_utf8(lockfile).ok().and_then(version_line).map(str::to_owned)
    }

    fn entries(&self, lockfile: &[u8]) -> Vec<LockedEntry> {
        let lock = bounded_toml::parse::<cargo_lock::Lockfile>(&String::from_utf8_lossy(lockfile));
        lock.into_iter()
            .flat_map(|lock| lock.packages)
            .map(|package| LockedEntry {
                package: package.name.to_string(),
                version: package.version.to_string(),
                source: package.source.map(|source| source.with_precise(None).to_string()).unwrap_or_default(),
                checksum: package.checksum.map(|checksum| checksum.to_string()),
            })
            .collect()
    }

    fn said(&self, messages: &str) -> Said {
        messages::read(messages)
    }
}

/// `cargo update` on the skeleton's manifest, from an empty folder: Cargo reads `.cargo/config.toml` from its working
/// folder upwards, not from the manifest's.
fn update(files: &Files, place: &Place, arguments: &[&str]) -> Invocation {
    let manifest = place.project.join(files.lockfile.folder()).join("Cargo.toml");
    let mut args = vec!["update".to_owned(), "--manifest-path".to_owned(), manifest.display().to_string()];
    args.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let cwd = place.empty.clone();
    Invocation { program: "cargo".to_owned(), args, env: environment(place), cwd, reach: Reach::Cargo }
}

fn environment(place: &Place) -> BTreeMap<String, String> {
    let cargo_home = place.cache.join("cargo").display().to_string();
    [
        ("CARGO_HOME", cargo_home.as_str()),
        ("CARGO_NET_GIT_FETCH_WITH_CLI", "false"),
        ("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", ""),
        ("CARGO_TERM_COLOR", "never"),
        // An unreachable registry is to be said soon.
        ("CARGO_NET_RETRY", "1"),
        ("CARGO_HTTP_TIMEOUT", "15"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// Committed copies of packages would go stale, and a replaced source decides where packages come from.
fn refuse_vendored(tree: &dyn ProjectTree) -> Result<(), Refusal> {
    for entry in tree.entries() {
        if entry.path.file_name() == ".cargo-checksum.json" {
            return Err(Refusal::new(
                format!("the project keeps copies of its packages (`{}`) that would go stale", entry.path.folder()),
                "update with `cargo update` and run `cargo vendor` again",
            ));
        }
        let configuration =
            entry.path.as_str().ends_with(".cargo/config.toml") || entry.path.as_str().ends_with(".cargo/config");
        if configuration
            && tree.read(&entry.path).is_ok_and(|content| String::from_utf8_lossy(&content).contains("replace-with"))
        {
            return Err(Refusal::new(
                format!("`{}` takes packages from a replaced source, which is not obeyed here", entry.path),
                "update by hand where the replaced source can be reached",
            ));
        }
    }
    Ok(())
}

/// Empty source files without which Cargo refuses the manifest.
fn stubs(manifest: &RepoPath, document: &DocumentMut) -> Vec<RepoPath> {
    let Some(package) = document.get("package").and_then(Item::as_table_like) else { return Vec::new() };
    let text = |table: &dyn TableLike, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let mut names = vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()];
    if package.contains_key("links") {
        names.push("build.rs".to_owned());
    }
    names.extend(text(package, "build"));
    names.extend(text(package, "default-run").map(|name| format!("src/bin/{name}.rs")));
    if let Some(library) = document.get("lib").and_then(Item::as_table_like) {
        names.extend(text(library, "path"));
    }
    for (kind, folder) in [("bin", "src/bin"), ("example", "examples"), ("test", "tests"), ("bench", "benches")] {
        for target in document.get(kind).and_then(Item::as_array_of_tables).into_iter().flatten() {
            let path = text(target, "path").or_else(|| text(target, "name").map(|name| format!("{folder}/{name}.rs")));
            names.extend(path);
        }
    }
    // A path with `..` stays inside the repository (that was checked) but is no `RepoPath`; Cargo does not look for it.
    names.iter().filter_map(|name| manifest.sibling(name.trim_start_matches("./")).ok()).collect()
}

/// Calls back for every requirement of a manifest with the package's real name.
fn each_requirement(document: &DocumentMut, mut visit: impl FnMut(&str, &Item)) {
    let mut tables: Vec<&dyn TableLike> = vec![document.as_table()];
    tables.extend(document.get("workspace").and_then(Item::as_table_like));
    if let Some(targets) = document.get("target").and_then(Item::as_table_like) {
        tables.extend(targets.iter().filter_map(|(_, target)| target.as_table_like()));
    }
    for table in tables {
        for requirements in TABLES.iter().filter_map(|name| table.get(name).and_then(Item::as_table_like)) {
            for (key, item) in requirements.iter() {
                visit(real_name(key, item).as_str(), item);
            }
        }
    }
}

/// The same, for a change.
fn each_requirement_mut(document: &mut DocumentMut, mut visit: impl FnMut(&str, &mut Item)) {
    let mut visit_tables = |table: &mut dyn TableLike| {
        for name in TABLES {
            let Some(requirements) = table.get_mut(name).and_then(Item::as_table_like_mut) else { continue };
            for (key, item) in requirements.iter_mut() {
                let name = real_name(key.get(), item);
                visit(&name, item);
            }
        }
    };
    visit_tables(document.as_table_mut());
    if let Some(workspace) = document.get_mut("workspace").and_then(Item::as_table_like_mut) {
        visit_tables(workspace);
    }
    if let Some(targets) = document.get_mut("target").and_then(Item::as_table_like_mut) {
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_like_mut() {
                visit_tables(target);
            }
        }
    }
}

/// The package behind a requirement: `package = "…"` when it is renamed.
fn real_name(key: &str, item: &Item) -> String {
    let renamed = item.as_table_like().and_then(|table| table.get("package")).and_then(Item::as_str);
    renamed.unwrap_or(key).to_owned()
}

fn written_requirement(item: &Item) -> Option<String> {
    let version = item.as_table_like().map_or(Some(item), |table| table.get("version"))?;
    version.as_str().map(str::to_owned)
}

/// Raises one requirement, keeping the operator where it has a single one; whether there was one.
fn raise_item(item: &mut Item, target: &str) -> bool {
    let version = match item {
        Item::Value(Value::String(_)) => item.as_value_mut(),
        _ => item.as_table_like_mut().and_then(|table| table.get_mut("version")).and_then(Item::as_value_mut),
    };
    let Some(value) = version else { return false };
    let Some(old) = value.as_str() else { return false };
    let operator = if old.contains(',') {
        ""
    } else {
        ["=", "~", "^"].into_iter().find(|sign| old.starts_with(sign)).unwrap_or("")
    };
    let decor = value.decor().clone();
    *value = Value::from(format!("{operator}{target}"));
    *value.decor_mut() = decor;
    true
}

/// The line that says which version the lockfile's format has; absent before version 3.
fn version_line(text: &str) -> Option<&str> {
    text.lines().take_while(|line| !line.starts_with("[[")).find(|line| line.starts_with("version = "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invocations, place};
    use super::*;

    #[test]
    fn commands_are_exact_and_hostile_names_never_reach_one() {
        let files = Files { lockfile: RepoPath::new("app/Cargo.lock").unwrap(), contents: BTreeMap::new() };
        let step = Move { package: "time", from: "0.1.40", target: "0.2.23", release: None };
        insta::assert_snapshot!(invocations(Cargo.attempts(&[step], &files, &place()).unwrap()), @r#"
        cargo update --manifest-path /scratch/project/app/Cargo.toml -p time@0.1.40 --precise 0.2.23
          in /scratch/empty
          CARGO_HOME=/cache/cargo CARGO_HTTP_TIMEOUT=15 CARGO_NET_GIT_FETCH_WITH_CLI=false CARGO_NET_RETRY=1 CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS= CARGO_TERM_COLOR=never
        cargo update --manifest-path /scratch/project/app/Cargo.toml -p time@0.1.40
          in /scratch/empty
          CARGO_HOME=/cache/cargo CARGO_HTTP_TIMEOUT=15 CARGO_NET_GIT_FETCH_WITH_CLI=false CARGO_NET_RETRY=1 CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS= CARGO_TERM_COLOR=never
        "#);
        for package in ["-p", "--upload-pack=x", "$(id)", "a\nb"] {
            assert!(Cargo.attempts(&[Move { package, ..step }], &files, &place()).is_err(), "{package:?}");
        }
        assert!(Cargo.attempts(&[Move { target: "--config=x", ..step }], &files, &place()).is_err());
    }

    #[test]
    fn a_requirement_is_raised_and_comments_stay() {
        let manifest = b"[dependencies]\n# the clock\ntime = { version = \"=0.1.40\", features = [\"std\"] } # old\nclock = { package = \"time\", version = \"0.1\" }\n[target.'cfg(unix)'.dependencies]\ntime = \"0.1\"\n";
        let raised = String::from_utf8(Cargo.raise(manifest, "time", "0.2.23").unwrap()).unwrap();
        assert!(
            raised.contains("# the clock\ntime = { version = \"=0.2.23\", features = [\"std\"] } # old"),
            "{raised}"
        );
        assert!(raised.contains("clock = { package = \"time\", version = \"0.2.23\" }"), "{raised}");
        assert!(raised.ends_with("time = \"0.2.23\"\n"), "{raised}");
        assert!(Cargo.raise(manifest, "chrono", "1.0.0").is_none());
    }

    #[test]
    fn the_header_of_the_lockfile_is_put_back_where_that_is_right() {
        let old = b"# generated\n# by cargo\nversion = 3\n\n[[package]]\nname = \"a\"\n";
        let new = b"# generated\n# by cargo\nversion = 4\n\n[[package]]\nname = \"a\"\n".to_vec();
        assert_eq!(Cargo.restore(old, new), old);
        let with_git = b"version = 4\n\n[[package]]\nsource = \"git+https://x\"\n".to_vec();
        assert_eq!(Cargo.restore(old, with_git.clone()), with_git);
    }
}
