//! Every check on every lockfile of the corpus: no panic, and findings in a plausible number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contract::testing::Files;
use super::{CHECKS, CheckContext};
use crate::advisory::AdvisoryDatabase;
use crate::extractor::{EXTRACTORS, SourceFile};
use crate::model::finding::FindingKind;
use crate::model::lockfile::Lockfile;
use crate::model::repository::RepoPath;

/// The corpus beside the repository; `None`, with the reason printed, where there is none.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from).join("corpus");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpus in {}; set PATCHPARTY_SHARED", folder.display());
    None
}

fn folders(below: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(below) else { return };
    let entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if entries.iter().any(|path| path.is_file()) {
        found.push(below.to_owned());
    }
    entries.iter().filter(|path| path.is_dir()).for_each(|folder| folders(folder, found));
}

/// The text files of one folder, as a project of their own.
fn project(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder).expect("a readable folder").filter_map(|file| Some(file.ok()?.path()));
    files
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((name, std::fs::read_to_string(&path).ok()?))
        })
        .filter(|(name, _)| RepoPath::new(name).is_ok())
        .collect()
}

#[test]
fn the_corpus_gives_a_plausible_number_of_findings() {
    let Some(corpus) = corpus() else { return };
    let mut all = Vec::new();
    folders(&corpus, &mut all);
    let mut counts: BTreeMap<FindingKind, usize> = BTreeMap::new();
    let mut contradictions: Vec<PathBuf> = Vec::new();
    for folder in &all {
        let files = project(folder);
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let tree = Files::new(&files);
        let lockfiles: Vec<Lockfile> = files
            .iter()
            .filter_map(|(name, text)| {
                let path = RepoPath::new(name).ok()?;
                let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path))?;
                let file = SourceFile { path: &path, content: text.as_bytes(), tree: &tree };
                Some(Lockfile::new(path.clone(), extractor.id(), extractor.extract(&file).ok()?))
            })
            .collect();
        let context = CheckContext {
            tree: &tree,
            lockfiles: &lockfiles,
            advisories: &AdvisoryDatabase::default(),
            today: jiff::civil::date(2026, 11, 21),
            effort: &crate::check::contract::effort::Effort::default(),
        };
        for finding in CHECKS.iter().flat_map(|check| check.inspect(&context)) {
            *counts.entry(finding.kind).or_default() += 1;
            let odd = [FindingKind::StaleLockfile, FindingKind::InconsistentLock, FindingKind::UnverifiedSource];
            if odd.contains(&finding.kind) {
                let (kind, package) = (finding.kind.as_str(), &finding.package);
                contradictions.extend((finding.kind == FindingKind::InconsistentLock).then(|| folder.clone()));
                println!(
                    "{kind} {}/{}: {package} {} {:?}",
                    folder.display(),
                    finding.file,
                    finding.version,
                    finding.detail
                );
            }
        }
    }
    println!("{} folders: {counts:?}", all.len());
    assert!(all.len() >= 900, "the corpus has over a thousand folders, not {}", all.len());
    let number = |kind| counts.get(&kind).copied().unwrap_or(0);
    // Most of the corpus is lockfiles without their manifests: go.mod without go.sum and requirement files are the others.
    assert!((20..400).contains(&number(FindingKind::Unlocked)), "{counts:?}");
    assert!((1..200).contains(&number(FindingKind::EndOfLife)), "{counts:?}");
    assert!((1..2_000).contains(&number(FindingKind::BranchTracking)), "{counts:?}");
    assert!(number(FindingKind::StaleLockfile) < 10, "{counts:?}");
    // Fixtures of other projects were edited by people: two versions with one checksum, archives of another name.
    let is_edited = |folder: &PathBuf| folder.starts_with(corpus.join("fixtures"));
    let (edited, own): (Vec<PathBuf>, Vec<PathBuf>) = contradictions.into_iter().partition(is_edited);
    assert!(own.is_empty(), "tools do not contradict themselves: {own:?}");
    assert!(edited.len() <= 10, "{edited:?}");
    // Private registries of other projects' fixtures, whose configuration is not in the corpus.
    assert!(number(FindingKind::UnverifiedSource) < 100, "{counts:?}");
    assert_eq!(number(FindingKind::Yanked), 0, "no registry was asked");
}
