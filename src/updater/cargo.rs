//! Cargo: `cargo update --precise`, one package per call, started in an empty folder so that no project configuration
//! is read.

mod format;
mod inheritance;
mod lock_edit;
mod manifest;
mod messages;
mod refusals;
mod specifications;
mod stand_in;
mod targets;
mod turned_on;

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::DocumentMut;

use super::contract::{
    Action, Attempt, DirectRequirement, Files, LockedEntry, Lookup, Move, Proved, Refusal, Said, SyncCheck, Updater,
};
use crate::model::bounded_toml;
use crate::model::dependency::PackageVersion;
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::repository::RepoPath;
use crate::model::specification::Specification;
use crate::model::tree::ProjectTree;
use crate::sandbox::cargo_project;
use crate::sandbox::grammar::{self, InvalidToken};
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

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
        refusals::refuse_vendored(lockfile, tree)?;
        let sources = targets::Sources::of(tree);
        let mut contents = BTreeMap::new();
        for (path, manifest) in cargo_project::read_by_cargo(lockfile, tree) {
            for stub in sources.stubs(&path, &manifest.document) {
                contents.entry(stub).or_insert_with(Vec::new);
            }
            contents.insert(path, manifest.content);
        }
        let lock = tree.read(lockfile).map_err(|error| Refusal::unreadable(lockfile, &error))?;
        contents.insert(lockfile.clone(), lock);
        let files = Files::new(lockfile.clone(), contents);
        match files.beside("Cargo.toml") {
            Some(_) => Ok(files),
            None => Err(Refusal::new(
                format!("`{lockfile}` has no readable `Cargo.toml` beside it, without which Cargo cannot update it"),
                "add the manifest, or remove a lockfile that nothing uses",
            )),
        }
    }

    fn standing_in(&self, files: &Files, _: &BTreeSet<String>, lookup: &Lookup<'_>) -> Option<Files> {
        let contents = stand_in::shown(files, lookup)?;
        Some(Files::new(files.lockfile.clone(), contents))
    }

    fn missing(&self, lockfile: &RepoPath, tree: &dyn ProjectTree) -> Option<Refusal> {
        refusals::refuse_missing(&cargo_project::read_by_cargo(lockfile, tree), tree).err()
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

    fn reconcile(&self, files: &Files, place: &Place) -> Option<Attempt> {
        let actions = vec![Action::Run(update(files, place, &["--workspace"]))];
        Some(Attempt { what: "cargo update --workspace", actions })
    }

    fn settles(&self) -> bool {
        true
    }

    fn settle(
        &self,
        moves: &[Move<'_>],
        freed: &[PackageVersion],
        files: &Files,
        place: &Place,
    ) -> Result<Option<Attempt>, InvalidToken> {
        for step in moves {
            grammar::package(Ecosystem::CratesIo, step.package)?;
            grammar::version(Ecosystem::CratesIo, step.target)?;
        }
        let text = String::from_utf8_lossy(files.lock()).replace("\r\n", "\n");
        let edited = lock_edit::edit(&text, moves).and_then(|edited| lock_edit::free(&edited, freed));
        let Some(edited) = edited else { return Ok(None) };
        let write = Action::Write(files.lockfile.clone(), edited.into_bytes());
        let settle = Action::Run(update(files, place, &["--workspace"]));
        let what = if freed.is_empty() {
            "planned edits that cargo update --workspace settled"
        } else {
            "cargo update --workspace, which chose anew what stands between"
        };
        Ok(Some(Attempt { what, actions: vec![write, settle] }))
    }

    fn edit(&self, moves: &[Move<'_>], lockfile: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(lockfile).ok()?.replace("\r\n", "\n");
        lock_edit::edit(&text, moves).map(String::into_bytes)
    }

    fn rewired(&self, before: &[u8], after: &[u8]) -> Option<Vec<u8>> {
        let (before, after) = (std::str::from_utf8(before).ok()?, std::str::from_utf8(after).ok()?);
        lock_edit::restore_edges(before, after).map(String::into_bytes)
    }

    fn every_requirement(&self, files: &Files, tree: &dyn ProjectTree) -> Vec<(String, DirectRequirement)> {
        let mut found = Vec::new();
        for path in cargo_project::manifests(&files.lockfile, tree) {
            let Some(document) = files.contents.get(&path).and_then(|content| parse(content)) else { continue };
            manifest::each_requirement(&document, |(key, name), item| {
                if let Some(requirement) = manifest::written_requirement(item) {
                    let features = manifest::asked_features(&document, key, item);
                    let inherited = inheritance::asked(files, &path, &document, key);
                    let direct = DirectRequirement { manifest: path.clone(), requirement, features, inherited };
                    found.push((name.to_owned(), direct));
                }
            });
        }
        found.sort_by(|(left, one), (right, other)| {
            (left, &one.manifest, &one.requirement).cmp(&(right, &other.manifest, &other.requirement))
        });
        found.dedup();
        found
    }

    fn requirements(&self, files: &Files, tree: &dyn ProjectTree, package: &str) -> Vec<DirectRequirement> {
        let all = self.every_requirement(files, tree).into_iter();
        all.filter(|(name, _)| name == package).map(|(_, requirement)| requirement).collect()
    }

    fn floor(&self, files: &Files) -> Option<String> {
        let manifests = files.contents.iter().filter(|(path, _)| path.file_name() == "Cargo.toml");
        let documents: Vec<DocumentMut> = manifests.filter_map(|(_, content)| parse(content)).collect();
        manifest::floor(documents.iter())
    }

    fn raise(&self, manifest: &[u8], package: &str, release: &Release) -> Option<Vec<u8>> {
        manifest::raise(manifest, package, release)
    }

    fn heirs(&self, files: &Files, raised: &RepoPath, package: &str, release: &Release) -> BTreeMap<RepoPath, Vec<u8>> {
        inheritance::without_lost(files, raised, package, release)
    }

    fn restore(&self, before: &[u8], after: Vec<u8>) -> Vec<u8> {
        let (Ok(old), Ok(new)) = (std::str::from_utf8(before), std::str::from_utf8(&after)) else { return after };
        // What stood in for packages from git is those packages again.
        let with_git = || lock_edit::with_git(&old.replace("\r\n", "\n"), new);
        let has_git = old.contains("\"git+");
        let new = has_git.then(with_git).flatten().unwrap_or_else(|| new.to_owned());
        format::restore(old, &new).into_bytes()
    }

    fn format_version(&self, lockfile: &[u8]) -> Option<String> {
        std::str::from_utf8(lockfile).ok().map(format::name)
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

fn parse(content: &[u8]) -> Option<DocumentMut> {
    bounded_toml::parse(&String::from_utf8_lossy(content))
}

/// `cargo update` on the skeleton's manifest, from an empty folder: Cargo reads `.cargo/config.toml` from its working
/// folder upwards, not from the manifest's.
fn update(files: &Files, place: &Place, arguments: &[&str]) -> Invocation {
    let manifest = place.project.join(files.lockfile.folder()).join("Cargo.toml");
    let mut args = vec!["update".to_owned(), "--manifest-path".to_owned(), manifest.display().to_string()];
    args.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let cwd = place.empty.clone();
    Invocation { program: "cargo".to_owned(), args, env: environment(files, place), cwd, reach: Reach::Cargo }
}

fn environment(files: &Files, place: &Place) -> BTreeMap<String, String> {
    let cargo_home = place.cache.join("cargo").display().to_string();
    let mut variables = vec![
        ("CARGO_HOME", cargo_home.as_str()),
        ("CARGO_NET_GIT_FETCH_WITH_CLI", "false"),
        ("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", ""),
        ("CARGO_TERM_COLOR", "never"),
        // What comes in anew is to build with the Rust that the project is for.
        ("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "fallback"),
        // An unreachable registry is to be said soon.
        ("CARGO_NET_RETRY", "1"),
        ("CARGO_HTTP_TIMEOUT", "15"),
    ];
    let mut manifests = files.contents.iter().filter(|(path, _)| path.file_name() == "Cargo.toml");
    let uses_nightly = |content: &[u8]| String::from_utf8_lossy(content).contains("cargo-features");
    if manifests.any(|(_, content)| uses_nightly(content)) {
        // Nothing is compiled: the features only have to be accepted in the manifest.
        variables.push(("RUSTC_BOOTSTRAP", "1"));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::testing::{invocations, place};
    use super::*;

    #[test]
    fn commands_are_exact_and_hostile_names_never_reach_one() {
        let files = Files::new(RepoPath::new("app/Cargo.lock").unwrap(), BTreeMap::new());
        let step = Move { package: "time", from: "0.1.40", target: "0.2.23", release: None };
        insta::assert_snapshot!(invocations(Cargo.attempts(&[step], &files, &place()).unwrap()), @r#"
        cargo update --manifest-path /scratch/project/app/Cargo.toml -p time@0.1.40 --precise 0.2.23
          in /scratch/empty
          CARGO_HOME=/cache/cargo CARGO_HTTP_TIMEOUT=15 CARGO_NET_GIT_FETCH_WITH_CLI=false CARGO_NET_RETRY=1 CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS= CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback CARGO_TERM_COLOR=never
        cargo update --manifest-path /scratch/project/app/Cargo.toml -p time@0.1.40
          in /scratch/empty
          CARGO_HOME=/cache/cargo CARGO_HTTP_TIMEOUT=15 CARGO_NET_GIT_FETCH_WITH_CLI=false CARGO_NET_RETRY=1 CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS= CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback CARGO_TERM_COLOR=never
        "#);
        for package in ["-p", "--upload-pack=x", "$(id)", "a\nb"] {
            assert!(Cargo.attempts(&[Move { package, ..step }], &files, &place()).is_err(), "{package:?}");
        }
        assert!(Cargo.attempts(&[Move { target: "--config=x", ..step }], &files, &place()).is_err());
    }

    #[test]
    fn a_requirement_is_raised_and_comments_stay() {
        let manifest = b"[dependencies]\n# the clock\ntime = { version = \"=0.1.40\", features = [\"std\"] } # old\nclock = { package = \"time\", version = \"0.1\" }\n[target.'cfg(unix)'.dependencies]\ntime = \"0.1\"\n";
        let release = |version: &str| Release { version: version.to_owned(), ..Release::default() };
        let raised = String::from_utf8(Cargo.raise(manifest, "time", &release("0.2.23")).unwrap()).unwrap();
        assert!(
            raised.contains("# the clock\ntime = { version = \"=0.2.23\", features = [\"std\"] } # old"),
            "{raised}"
        );
        assert!(raised.contains("clock = { package = \"time\", version = \"0.2.23\" }"), "{raised}");
        assert!(raised.ends_with("time = \"0.2.23\"\n"), "{raised}");
        assert!(Cargo.raise(manifest, "chrono", &release("1.0.0")).is_none());
    }

    #[test]
    fn features_that_a_release_does_not_have_are_not_asked_for_any_more() {
        let manifest = b"[dependencies]\nweb = { package = \"hyper\", version = \"0.14\", features = [\"server\", \"runtime\"] }\n\n\
            [dependencies.log]\nversion = \"0.4\"\nfeatures = [\"runtime\"]\n\n[features]\nall = [\"web/http1\", \"web?/tcp\", \"log/tcp\"]\n";
        let features = ["default", "server", "http1"].map(|name| (name.to_owned(), BTreeSet::new()));
        let release =
            Release { version: "1.9.0".to_owned(), features: features.into_iter().collect(), ..Release::default() };
        let raised = String::from_utf8(Cargo.raise(manifest, "hyper", &release).unwrap()).unwrap();
        let expected = String::from_utf8_lossy(manifest)
            .replace("\"0.14\"", "\"1.9.0\"")
            .replace("[\"server\", \"runtime\"]", "[\"server\"]")
            .replace("[\"web/http1\", \"web?/tcp\", \"log/tcp\"]", "[\"web/http1\", \"log/tcp\"]");
        assert_eq!(raised, expected);
    }

    #[test]
    fn the_header_of_the_lockfile_is_put_back_where_that_is_right() {
        let old = b"# generated\n# by cargo\nversion = 3\n\n[[package]]\nname = \"a\"\n";
        let new = b"# generated\n# by cargo\nversion = 4\n\n[[package]]\nname = \"a\"\n".to_vec();
        assert_eq!(Cargo.restore(old, new), old);
        let with_git = b"version = 4\n\n[[package]]\nsource = \"git+https://x?branch=a%2Fb\"\n".to_vec();
        assert_eq!(Cargo.restore(old, with_git.clone()), with_git);
    }
}
