//! Verdicts: agreement with cargo-audit on real lockfiles, advisory for advisory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::contract::{Check, CheckContext};
use super::known_vulnerable::KnownVulnerable;
use crate::advisory::AdvisoryDatabase;
use crate::advisory::store::{LoadRequest, Loaded, load};
use crate::config::policy::{AdvisoryPolicy, SourceConfig, SourceKind};
use crate::extractor::{EXTRACTORS, SourceFile};
use crate::git::folder::FolderTree;
use crate::model::lockfile::Lockfile;
use crate::model::repository::RepoPath;

/// Kind, advisory, package, version.
type Verdict = BTreeSet<[String; 4]>;

/// The corpus beside the repository; `None`, with the reason printed, where there is none.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from);
    if folder.join("corpus").is_dir() && folder.join("advisories").is_dir() {
        Some(folder)
    } else {
        println!("skipped: no corpus in {}; set PATCHPARTY_SHARED", folder.display());
        None
    }
}

fn rustsec(shared: &Path) -> Loaded {
    let location = shared.join("advisories/rustsec").to_string_lossy().into_owned();
    let day = std::time::Duration::from_hours(24);
    let policy = AdvisoryPolicy {
        sources: vec![SourceConfig { kind: SourceKind::RustSec, location }],
        warn_age: 36_500 * day,
        max_age: 36_500 * day,
        accept_uncovered: Vec::new(),
    };
    let now = jiff::Timestamp::now();
    let cache = tempfile::tempdir().expect("a folder for the compiled index");
    load(&LoadRequest { policy: &policy, cache: cache.path(), offline: true, now, accept_shrunk: false })
        .expect("the database loads")
}

fn locks(shared: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for set in ["real", "history", "fixtures"] {
        let Ok(projects) = std::fs::read_dir(shared.join("corpus").join(set).join("cargo")) else { continue };
        for project in projects {
            let folder = project.expect("a readable folder").path();
            if folder.join("cargo-audit.tsv").is_file() {
                found.push(folder);
            }
        }
    }
    found.sort();
    found
}

fn recorded(folder: &Path) -> Verdict {
    let table = std::fs::read_to_string(folder.join("cargo-audit.tsv")).expect("a readable table");
    table
        .lines()
        .map(|line| {
            let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            columns.try_into().expect("four columns")
        })
        .collect()
}

/// The lockfile of a folder (in some projects it goes by another name), read by the real extractor.
fn lockfile(folder: &Path, tree: &FolderTree) -> Result<Lockfile, String> {
    let files = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let file = files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|file| file.extension().is_some_and(|extension| extension == "lock"))
        .ok_or("there is no lockfile")?;
    let content = std::fs::read(file).map_err(|error| error.to_string())?;
    let path = RepoPath::new("Cargo.lock").map_err(|error| error.to_string())?;
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).ok_or("nothing claims it")?;
    let dependencies =
        extractor.extract(&SourceFile { path: &path, content: &content, tree }).map_err(|error| error.to_string())?;
    Ok(Lockfile::new(path, extractor.id(), dependencies))
}

fn ours(database: &AdvisoryDatabase, lockfile: Lockfile, tree: &FolderTree) -> Verdict {
    let context = CheckContext {
        tree,
        lockfiles: &[lockfile],
        advisories: database,
        today: jiff::civil::date(2026, 11, 21),
        effort: &super::contract::effort::Effort::default(),
    };
    let mut verdict = Verdict::new();
    for finding in KnownVulnerable.inspect(&context) {
        let flaw = finding.advisory.as_ref().expect("it comes from an advisory");
        for record in flaw.records.iter().filter(|record| record.source == "rustsec") {
            let kind = finding.kind.as_str().to_owned();
            verdict.insert([kind, record.id.to_string(), finding.package.clone(), finding.version.clone()]);
        }
    }
    verdict
}

#[test]
fn every_verdict_of_cargo_audit_is_ours_and_none_more() {
    let Some(shared) = shared() else { return };
    let database = rustsec(&shared).database;
    let locks = locks(&shared);
    let (mut agreed, mut disagreements, mut unread) = (0, Vec::new(), Vec::new());
    let nothing = tempfile::tempdir().expect("a scratch folder");
    let tree = FolderTree::open(nothing.path()).expect("an empty folder");
    for folder in &locks {
        let name = folder.file_name().unwrap_or_default().display();
        let lockfile = match lockfile(folder, &tree) {
            Ok(lockfile) => lockfile,
            Err(error) => {
                unread.push(format!("{name}: {error}"));
                continue;
            }
        };
        let ours = ours(&database, lockfile, &tree);
        let recorded = recorded(folder);
        agreed += ours.intersection(&recorded).count();
        disagreements.extend(recorded.difference(&ours).map(|verdict| format!("{name}: missing {verdict:?}")));
        disagreements.extend(ours.difference(&recorded).map(|verdict| format!("{name}: too much {verdict:?}")));
    }
    println!("compared {} locks with {agreed} findings; {} could not be read", locks.len(), unread.len());
    assert!(locks.len() >= 250, "the corpus has verdicts of 273 locks, not of {}", locks.len());
    assert!(agreed >= 5_000, "the corpus has thousands of findings, not {agreed}");
    assert!(disagreements.is_empty(), "{} disagreements:\n{}", disagreements.len(), disagreements.join("\n"));
    assert!(unread.is_empty(), "could not be read:\n{}", unread.join("\n"));
}
