//! Reads the lockfiles of one repository within its budget, the most important first, and equal ones once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::recorder::{Looks, Recorder};
use super::{Claim, LFS_POINTER, pointer, unreadable};
use crate::config::policy::Limits;
use crate::extractor::{Noted, ParseError, SourceFile};
use crate::model::lockfile::{Content, Lockfile};
use crate::model::report::{Problem, Remark};
use crate::model::repository::RepoPath;
use crate::model::text::count;
use crate::model::tree::{ContentId, ProjectTree};

/// So many files are read before their sizes are added up: few enough that the last ones beyond a limit cost little.
const AT_ONCE: usize = 64;

/// So many readings of equal files with different neighbours are compared with another one; what differs more is read.
const READINGS: usize = 8;

/// So many packages that require others count as one more dependency: an edge takes a tenth of the memory.
const EDGES_PER_DEPENDENCY: usize = 10;

/// The longest message about one file, in bytes.
const MESSAGE: usize = 1_024;

/// What can be equal: the name, and the bytes.
type Key = (String, ContentId);

/// A file that was read.
enum Outcome {
    Read {
        extractor: &'static str,
        content: Arc<Content>,
        bytes: u64,
        /// What it leads to that was not read, and what of it nobody can look up.
        beside: Arc<Beside>,
    },
    Refused {
        problem: Problem,
        bytes: u64,
    },
    /// What was read beside it has filled the budget, or the time is up.
    NotTried,
}

/// What there is to say about a file besides its dependencies.
#[derive(Default)]
struct Beside {
    not_followed: Vec<ParseError>,
    noted: Vec<Noted>,
}

/// An equal file as it was read before.
struct Reading {
    path: RepoPath,
    looks: Looks,
    extractor: &'static str,
    content: Arc<Content>,
    beside: Arc<Beside>,
}

/// What came of the files.
#[derive(Default)]
pub(super) struct Done {
    pub(super) lockfiles: Vec<Lockfile>,
    pub(super) problems: Vec<Problem>,
    pub(super) remarks: Vec<Remark>,
}

/// Reads files until the budget is used up.
pub(super) struct Reader<'a> {
    tree: &'a dyn ProjectTree,
    limits: &'a Limits,
    deadline: Instant,
    bytes: u64,
    dependencies: u64,
    /// By key: the readings, or `None` where files are not alike enough to be compared.
    readings: BTreeMap<Key, Option<Vec<Reading>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a dyn ProjectTree, limits: &'a Limits, deadline: Instant) -> Self {
        Self { tree, limits, deadline, bytes: 0, dependencies: 0, readings: BTreeMap::new() }
    }

    /// Reads the claimed files. Those in few folders come first: a thousand decoys in a deep folder cannot push out the
    /// lockfile of the root.
    pub(super) fn read(mut self, mut claims: Vec<Claim<'a>>) -> Done {
        claims.sort_by_cached_key(|claim| (depth(&claim.entry.path), claim.entry.path.clone()));
        let mut done = Done::default();
        let repeated = self.repeated(&claims);
        let mut position = 0;
        while position < claims.len() {
            let allowed = usize::try_from(self.limits.lockfiles).unwrap_or(usize::MAX);
            let batch = claims.get(position..claims.len().min(position + AT_ONCE).min(allowed)).unwrap_or_default();
            if batch.is_empty() {
                let most = count(self.limits.lockfiles, "lockfile", "lockfiles");
                let what = format!("has more than {most} (`lockfiles`)");
                done.problems.push(not_read(claims.get(position..).unwrap_or_default(), &what));
                break;
            }
            let outcomes = self.batch(batch, &repeated);
            let taken = self.take(batch, outcomes, &mut done);
            position += taken.read;
            if let Some(what) = taken.exceeded {
                done.problems.push(not_read(claims.get(position..).unwrap_or_default(), &what));
                break;
            }
        }
        done.lockfiles.sort_by(|left, right| left.path.cmp(&right.path));
        done.problems.sort_by(|left, right| left.file.cmp(&right.file));
        done
    }

    /// The names and sizes that several files have: only these may be equal.
    fn repeated(&self, claims: &[Claim<'_>]) -> BTreeSet<(String, Option<u64>)> {
        let mut seen = BTreeSet::new();
        let of = |claim: &Claim<'_>| (claim.entry.path.file_name().to_owned(), self.tree.size(&claim.entry.path));
        match claims {
            [] | [_] => BTreeSet::new(),
            _ => claims
                .par_iter()
                .map(of)
                .collect::<Vec<_>>()
                .into_iter()
                .filter(|one| !seen.insert(one.clone()))
                .collect(),
        }
    }

    fn key(&self, claim: &Claim<'_>, repeated: &BTreeSet<(String, Option<u64>)>) -> Option<Key> {
        let path = &claim.entry.path;
        let name = path.file_name();
        if repeated.is_empty() || claim.extractors.iter().any(|extractor| extractor.is_about_the_place()) {
            return None;
        }
        repeated.contains(&(name.to_owned(), self.tree.size(path))).then_some(())?;
        Some((name.to_owned(), self.tree.content_id(path)?))
    }

    /// What comes of some files, in their order.
    fn batch(&mut self, claims: &[Claim<'_>], repeated: &BTreeSet<(String, Option<u64>)>) -> Vec<Outcome> {
        let keys: Vec<Option<Key>> = spread(claims, |claim| self.key(claim, repeated));
        let mut outcomes: Vec<Option<Outcome>> = claims.iter().map(|_| None).collect();
        let (bytes, dependencies) = (AtomicU64::new(self.bytes), AtomicU64::new(self.dependencies));
        loop {
            let mut chosen: Vec<usize> = Vec::new();
            let mut asked: BTreeSet<&Key> = BTreeSet::new();
            for (position, key) in keys.iter().enumerate() {
                if outcomes.get(position).is_none_or(Option::is_some) {
                    continue;
                }
                if let Some(known) = key.as_ref().and_then(|key| self.known(key, &claims[position].entry.path)) {
                    outcomes[position] = Some(known);
                } else if self.is_compared(key.as_ref()).is_none_or(|key| asked.insert(key)) {
                    chosen.push(position);
                }
            }
            if chosen.is_empty() {
                break;
            }
            let read = spread(&chosen, |&position| {
                let is_full = bytes.load(Ordering::Relaxed) > self.limits.bytes()
                    || dependencies.load(Ordering::Relaxed) > self.limits.dependencies
                    || Instant::now() > self.deadline;
                if is_full {
                    return (Outcome::NotTried, Looks::default());
                }
                let (outcome, looks) = self.one(&claims[position]);
                let (more, heavier) = weight(&outcome);
                bytes.fetch_add(more, Ordering::Relaxed);
                dependencies.fetch_add(heavier, Ordering::Relaxed);
                (outcome, looks)
            });
            for (position, (outcome, looks)) in chosen.into_iter().zip(read) {
                if let Some(key) = &keys[position] {
                    self.remember(key, &claims[position].entry.path, &outcome, looks);
                }
                outcomes[position] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::NotTried)).collect()
    }

    /// The key, where files with it are compared.
    fn is_compared<'k>(&self, key: Option<&'k Key>) -> Option<&'k Key> {
        key.filter(|key| match self.readings.get(*key) {
            None => true,
            Some(Some(readings)) => readings.len() < READINGS,
            Some(None) => false,
        })
    }

    /// An equal file with equal neighbours that was read before.
    fn known(&self, key: &Key, path: &RepoPath) -> Option<Outcome> {
        let mut readings = self.readings.get(key)?.iter().flatten();
        let same = readings.find(|reading| reading.looks.are_the_same_at(self.tree, &reading.path, path))?;
        // Its bytes were counted when they were read.
        let (content, beside) = (Arc::clone(&same.content), Arc::clone(&same.beside));
        Some(Outcome::Read { extractor: same.extractor, content, bytes: 0, beside })
    }

    fn remember(&mut self, key: &Key, path: &RepoPath, outcome: &Outcome, looks: Looks) {
        let known = self.readings.entry(key.clone()).or_insert_with(|| Some(Vec::new()));
        match (outcome, known) {
            (Outcome::Read { extractor, content, beside, .. }, Some(readings)) => {
                let (content, beside) = (Arc::clone(content), Arc::clone(beside));
                readings.push(Reading { path: path.clone(), looks, extractor, content, beside });
            }
            (_, known) => *known = None,
        }
    }

    /// Reads a file as the first format that it is in; what is wrong is said in the words of the first that knows its
    /// name.
    fn one(&self, claim: &Claim<'_>) -> (Outcome, Looks) {
        let path = &claim.entry.path;
        let content = match self.tree.read(path) {
            Ok(content) => content,
            Err(error) => return (Outcome::Refused { problem: unreadable(path, &error), bytes: 0 }, Looks::default()),
        };
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if content.starts_with(LFS_POINTER) {
            return (Outcome::Refused { problem: pointer(path), bytes }, Looks::default());
        }
        let recorder = Recorder::new(self.tree);
        let mut problem = None;
        for extractor in &claim.extractors {
            let file = SourceFile { path, content: &content, tree: &recorder };
            match extractor.extract(&file) {
                Ok(dependencies) => {
                    let beside = Beside { not_followed: extractor.not_followed(&file), noted: extractor.noted(&file) };
                    let content = Content::new(dependencies).with_unpinned(extractor.unpinned(&file));
                    let (content, beside) = (Arc::new(content), Arc::new(beside));
                    let outcome = Outcome::Read { extractor: extractor.id(), content, bytes, beside };
                    return (outcome, recorder.into_looks());
                }
                Err(error) => problem = problem.or(Some((extractor.id(), error))),
            }
        }
        let (id, error) = problem.expect("somebody knows every file that is read");
        (Outcome::Refused { problem: problem_of(path, id, error), bytes }, Looks::default())
    }

    /// Adds up what was read, in order, until something is exceeded.
    fn take(&mut self, claims: &[Claim<'_>], outcomes: Vec<Outcome>, done: &mut Done) -> Taken {
        for (position, (claim, outcome)) in claims.iter().zip(outcomes).enumerate() {
            let exceeded = |what: String| Taken { read: position, exceeded: Some(what) };
            let outcome = match outcome {
                // Others of its batch, which come after it, have filled the budget.
                Outcome::NotTried if Instant::now() <= self.deadline => self.one(claim).0,
                outcome => outcome,
            };
            let (bytes, dependencies) = weight(&outcome);
            self.bytes = self.bytes.saturating_add(bytes);
            self.dependencies = self.dependencies.saturating_add(dependencies);
            if self.bytes > self.limits.bytes() {
                return exceeded(format!("has lockfiles of more than {} MiB (`mebibytes`)", self.limits.mebibytes));
            }
            if self.dependencies > self.limits.dependencies {
                let allowed = count(self.limits.dependencies, "dependency", "dependencies");
                return exceeded(format!("has more than {allowed} (`dependencies`)"));
            }
            match outcome {
                Outcome::Read { extractor, content, beside, .. } => {
                    let path = &claim.entry.path;
                    let not_followed = beside.not_followed.iter().cloned();
                    done.problems.extend(not_followed.map(|error| problem_of(path, extractor, error)));
                    done.remarks.extend(beside.noted.iter().map(|noted| remark_of(path, noted)));
                    done.lockfiles.push(Lockfile::of(path.clone(), extractor, content));
                }
                Outcome::Refused { problem, .. } => done.problems.push(problem),
                Outcome::NotTried => {
                    let time = self.limits.time.as_secs();
                    return exceeded(format!("takes longer than {time} s to read (`time`)"));
                }
            }
        }
        Taken { read: claims.len(), exceeded: None }
    }
}

/// How many files of a batch were taken, and what they exceeded.
struct Taken {
    read: usize,
    exceeded: Option<String>,
}

fn problem_of(path: &RepoPath, id: &str, mut error: ParseError) -> Problem {
    // It may quote what stands there, and many files may say the same.
    error.message.truncate(error.message.floor_char_boundary(MESSAGE));
    Problem {
        file: Some(path.clone()),
        line: error.line,
        message: format!("read the {id} `{path}`: {}", error.message),
        hint: error.hint,
    }
}

fn remark_of(path: &RepoPath, noted: &Noted) -> Remark {
    let mut message = noted.message.clone();
    message.truncate(message.floor_char_boundary(MESSAGE));
    Remark { place: format!("{path}:{}", noted.line), message }
}

/// The bytes and the dependencies of a file, as they count.
fn weight(outcome: &Outcome) -> (u64, u64) {
    match outcome {
        Outcome::Read { content, bytes, .. } => {
            let edges: usize = content.dependencies.iter().map(|dependency| dependency.parents.len()).sum();
            let all = content.dependencies.len() + edges / EDGES_PER_DEPENDENCY;
            (*bytes, u64::try_from(all).unwrap_or(u64::MAX))
        }
        Outcome::Refused { bytes, .. } => (*bytes, 0),
        Outcome::NotTried => (0, 0),
    }
}

fn depth(path: &RepoPath) -> usize {
    path.as_str().bytes().filter(|byte| *byte == b'/').count()
}

/// What is said of the files beyond a limit: how many, and the first of them.
fn not_read(claims: &[Claim<'_>], exceeded: &str) -> Problem {
    const NAMED: usize = 3;
    let names: Vec<String> = claims.iter().take(NAMED).map(|claim| format!("`{}`", claim.entry.path)).collect();
    let more = match claims.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let files = if claims.len() == 1 { "lockfile" } else { "lockfiles" };
    let message = format!("read {} {files}: {}{more}: the repository {exceeded}", claims.len(), names.join(", "));
    Problem::new(message, Some(HINT))
}

const HINT: &str = "exclude what is no part of the project, or raise the limit under [limits] of the organisation's policy; \
    files in the fewest folders were read first";

/// Does something for each of several items, on every core; waking them takes longer for one.
fn spread<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    match items {
        few @ ([] | [_]) => few.iter().map(work).collect(),
        many => many.par_iter().map(work).collect(),
    }
}
