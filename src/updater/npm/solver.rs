//! The solver of package-lock.json: every copy is judged by the ranges on its own way, and the whole change is planned from
//! what the registry says, so that npm only has to confirm it.

mod diagnosis;
mod edge;
mod entry;
mod fix;
mod market;
mod overrides;
mod place;
mod raise;
mod reasons;
pub(super) mod sync;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub(super) mod tree;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use nodejs_semver::Version;
use serde_json::{Map, Value};

use super::super::contract::{
    Action, Attempt, Breaking, Files, Freedom, ManifestEdit, Obstacle, Puzzle, Solution, Solver as Contract,
};
use super::settings::ENGINE_STRICT;
use super::{ancient, lockfile_version, npm, npm_in_version, omits_resolved};
use crate::model::advisory::AdvisoryId;
use crate::sandbox::skeleton::Place;
use crate::version::NpmRange;
use edge::{Edge, Reader, Wanted};
use entry::{Entry, Reading, Standing};
use market::Market;
use overrides::Overrides;
use tree::{Ask, Tree};

/// How often all copies are looked at again after something has moved.
const PASS_LIMIT: usize = 4;

/// The solver of npm's lockfiles.
pub(super) struct NpmSolver;

impl Contract for NpmSolver {
    fn what(&self) -> &'static str {
        "edit of the locked entries, taken over by npm install"
    }

    fn open(&self, files: &Files, place: &Place) -> Option<Attempt> {
        let install = || Action::Run(npm_in_version(files, place, 3));
        (lockfile_version(files.lock()) == Some(1))
            .then(|| Attempt { what: "npm install in version 3", actions: vec![install()] })
    }

    fn opened(&self, files: &Files) -> Option<Vec<u8>> {
        ancient::opened(files)
    }

    fn raise_step(&self, package: &str, requirement: &str) -> String {
        format!("run `npm install {package}@{requirement}` and adapt the code")
    }

    fn solve(&self, puzzle: &Puzzle<'_>) -> Result<Solution, Obstacle> {
        let project = Project::read(puzzle.files).ok_or_else(Project::unreadable)?;
        let mut solver = project.solver(puzzle);
        solver.run();
        solver.is_ended()?;
        Ok(Solution {
            lock: write::lock(&project, &solver.tree),
            edits: write::edits(&project, &solver.tree),
            reasons: solver.reasons(),
            stays: solver.stays(),
        })
    }

    fn raises(&self, puzzle: &Puzzle<'_>) -> Result<Vec<BTreeSet<String>>, Obstacle> {
        let project = Project::read(puzzle.files).ok_or_else(Project::unreadable)?;
        let freedom = Freedom { breaking: Breaking::Any, ..puzzle.freedom };
        let puzzle = Puzzle { freedom, ..*puzzle };
        let mut solver = project.solver(&puzzle);
        let mut raises = BTreeSet::new();
        let mut covered: BTreeSet<Rc<str>> = BTreeSet::new();
        for path in solver.open() {
            let mark = solver.tree.mark();
            if !covered.contains(&path) && solver.fix(&path) {
                let names: BTreeSet<String> = write::edits(&project, &solver.tree)
                    .into_iter()
                    .filter(|edit| edit.keys.len() == 2 && edit.keys[0] != "overrides")
                    .filter_map(|edit| edit.keys.last().cloned())
                    .collect();
                covered.extend(solver.tree.changed_since(mark).into_keys());
                if !names.is_empty() {
                    raises.insert(names);
                }
            }
            solver.tree.roll_back(mark);
        }
        solver.is_ended()?;
        Ok(raises.into_iter().collect())
    }

    fn edit(&self, manifest: &[u8], edits: &[&ManifestEdit]) -> Option<Vec<u8>> {
        write::manifest(manifest, edits)
    }

    fn broken(&self, files: &Files) -> Option<BTreeSet<String>> {
        sync::broken(files)
    }

    fn confirm(&self, files: &Files, planned: Vec<u8>, place: &Place) -> Attempt {
        let actions = vec![
            Action::Write(files.lockfile.clone(), write::bare(planned)),
            Action::Run(npm(files, place, &["install"])),
        ];
        Attempt { what: self.what(), actions }
    }
}

/// A project as its files have it.
struct Project<'a> {
    files: &'a Files,
    lock: Value,
    manifest: Map<String, Value>,
    reader: Rc<Reader>,
}

impl<'a> Project<'a> {
    /// Reads the files; `None` where the lockfile has no `packages`.
    fn read(files: &'a Files) -> Option<Self> {
        let lock: Value = serde_json::from_slice(files.lock()).ok()?;
        lock.get("packages")?.as_object()?;
        let (_, manifest) = files.beside("package.json")?;
        let manifest = serde_json::from_slice(manifest).ok()?;
        let no_peers = files.settings.iter().any(|setting| setting == "--legacy-peer-deps=true");
        Some(Self { files, lock, manifest, reader: Rc::new(Reader::new(no_peers)) })
    }

    fn unreadable() -> Obstacle {
        Obstacle {
            cause: crate::model::remedy::BlockCause::Unsupported,
            explanation: "the lockfile does not list its packages by folder".to_owned(),
            next_step: Some("write it anew with `npm install`".to_owned()),
            chain: Vec::new(),
            ends_all: true,
        }
    }

    fn packages(&self) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let packages = self.lock.get("packages").and_then(Value::as_object).into_iter().flatten();
        packages.filter_map(|(path, entry)| Some((path, entry.as_object()?)))
    }

    fn solver<'b>(&self, puzzle: &'b Puzzle<'b>) -> Solver<'b> {
        let reading = Reading { edges: &self.reader, affected: puzzle.affected, foreign: puzzle.foreign };
        // A package with a lockfile of its own installs what that says, whatever stands here.
        let sealed: Vec<String> = self
            .packages()
            .filter(|(_, fields)| fields.get("hasShrinkwrap").and_then(Value::as_bool) == Some(true))
            .map(|(path, _)| format!("{path}/"))
            .collect();
        let entries = self.packages().map(|(path, fields)| {
            let mut entry = reading.entry(path, fields);
            if entry.standing == Standing::Registry && sealed.iter().any(|start| path.starts_with(start)) {
                entry.standing = Standing::Bundled;
            }
            (Rc::from(path.as_str()), entry)
        });
        let tree = Tree::new(entries, Overrides::read(&self.manifest, &self.reader));
        let asked = self.manifest.get("engines").and_then(|it| it.get("node")).and_then(Value::as_str);
        let node = asked.and_then(NpmRange::parse).and_then(|range| range.lowest());
        let is_strict = self.files.settings.iter().any(|setting| setting == ENGINE_STRICT);
        let market = Market::new(puzzle, &self.reader, (node, is_strict), omits_resolved(puzzle.files.lock()));
        let mut wanted: BTreeMap<&str, BTreeSet<&AdvisoryId>> = BTreeMap::new();
        for ((package, _), flaws) in puzzle.goals {
            wanted.entry(package).or_default().extend(flaws);
        }
        let known = tree.entries().flat_map(|(_, entry)| pairs(entry).collect::<Vec<_>>()).collect();
        let broken = broken(&tree);
        let counts = |(path, entry): (&Rc<str>, &Rc<Entry>)| -> Vec<Rc<Edge>> {
            entry.edges.iter().map(|edge| tree.counts(path, edge)).collect()
        };
        let elsewhere = tree.entries().flat_map(counts).filter(|edge| *edge.wanted == Wanted::Elsewhere);
        let elsewhere = elsewhere.map(|edge| (Rc::clone(&edge.name), Rc::clone(&edge.written))).collect();
        let mut locked: BTreeMap<Rc<str>, Vec<Version>> = BTreeMap::new();
        for (_, entry) in tree.entries() {
            locked.entry(Rc::clone(&entry.package)).or_default().extend(entry.version.clone());
        }
        Solver { elsewhere, locked, tree, market, puzzle, wanted, known, broken, start: 0 }
    }
}

/// What is wrong with a tree: flaws, each as often as someone gets the copy that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Score {
    /// Those that are to go.
    wanted: usize,
    /// All that are known.
    all: usize,
}

/// One search.
struct Solver<'a> {
    tree: Tree,
    market: Market<'a>,
    puzzle: &'a Puzzle<'a>,
    /// The flaws that are to go, by package.
    wanted: BTreeMap<&'a str, BTreeSet<&'a AdvisoryId>>,
    /// The flaws that were there before.
    known: BTreeSet<(Rc<str>, AdvisoryId)>,
    /// Requirements that were not met before either: who asks, for which name, and what.
    broken: BTreeSet<(Rc<str>, Rc<str>, Rc<str>)>,
    /// What leads elsewhere and was asked for before: the name, and what is asked.
    elsewhere: BTreeSet<(Rc<str>, Rc<str>)>,
    /// The versions at which packages were locked before.
    locked: BTreeMap<Rc<str>, Vec<Version>>,
    /// The journal's mark of the lockfile as it was.
    start: usize,
}

fn pairs(entry: &Entry) -> impl Iterator<Item = (Rc<str>, AdvisoryId)> {
    entry.flaws.iter().map(|flaw| (Rc::clone(&entry.package), flaw.clone()))
}

/// What is not met as it stands: npm was told to accept it.
fn broken(tree: &Tree) -> BTreeSet<(Rc<str>, Rc<str>, Rc<str>)> {
    let mut broken = BTreeSet::new();
    for (path, entry) in tree.entries() {
        for edge in &entry.edges {
            let counts = tree.counts(path, edge);
            if tree.resolve(path, &counts).is_some_and(|found| !tree.is_met(&counts, &found)) {
                broken.insert((Rc::clone(path), Rc::clone(&edge.name), Rc::clone(&edge.written)));
            }
        }
    }
    broken
}

impl Solver<'_> {
    /// Everyone who gets the copy at a path and is content with what stands there, and what they ask for.
    fn asks(&self, path: &str) -> Vec<Ask> {
        let mut asks = self.tree.asks(path);
        asks.retain(|ask| !self.was_broken(&ask.from, &ask.edge));
        asks
    }

    fn was_broken(&self, from: &Rc<str>, edge: &Edge) -> bool {
        !self.broken.is_empty()
            && self.broken.contains(&(Rc::clone(from), Rc::clone(&edge.name), Rc::clone(&edge.written)))
    }

    fn run(&mut self) {
        self.start = self.tree.mark();
        self.market.prefetch(&self.likely());
        for _ in 0..PASS_LIMIT {
            let mut changed = false;
            for path in self.open() {
                if self.market.is_over() {
                    return;
                }
                changed |= self.is_open(&path) && self.fix(&path);
            }
            if !changed {
                return;
            }
        }
    }

    /// What will be asked for with certainty: the packages with flaws and those who require them.
    fn likely(&self) -> BTreeSet<Rc<str>> {
        const LEVELS: usize = 2;
        let mut level: BTreeSet<Rc<str>> = self.open().into_iter().collect();
        let mut names = BTreeSet::new();
        for _ in 0..=LEVELS {
            names.extend(level.iter().filter_map(|path| Some(Rc::clone(&self.tree.get(path)?.package))));
            let parents = level.iter().flat_map(|path| self.tree.asks(path)).map(|ask| ask.from);
            level = parents.filter(|path| !tree::is_project(path)).collect();
        }
        names
    }

    /// The copies that still have flaws that are to go.
    fn open(&self) -> Vec<Rc<str>> {
        self.tree.flawed().iter().filter(|path| self.is_open(path)).cloned().collect()
    }

    fn is_open(&self, path: &str) -> bool {
        self.tree.get(path).is_some_and(|entry| self.wanted_of(entry) > 0)
    }

    /// How many flaws a copy has that are to go.
    fn wanted_of(&self, entry: &Entry) -> usize {
        let Some(wanted) = self.wanted.get(&*entry.package) else { return 0 };
        entry.flaws.iter().filter(|flaw| wanted.contains(flaw)).count()
    }

    fn score(&self) -> Score {
        let mut score = Score { wanted: 0, all: 0 };
        for path in self.tree.flawed() {
            let Some(entry) = self.tree.get(path) else { continue };
            let getters = self.tree.asks(path).len().max(1);
            score.wanted += self.wanted_of(entry) * getters;
            score.all += entry.flaws.len() * getters;
        }
        score
    }

    /// Whether fewer of the wanted flaws are left than before, not more of any, and no new one.
    fn is_better_than(&self, before: &Score, mark: usize) -> bool {
        let after = self.score();
        after.wanted < before.wanted && after.all <= before.all && self.brings_nothing_new(mark)
    }

    /// Whether no copy that was changed since a mark has a flaw that its package did not have before.
    fn brings_nothing_new(&self, mark: usize) -> bool {
        let changed = self.tree.changed_since(mark).into_keys();
        changed.filter_map(|path| self.tree.get(&path)).all(|entry| pairs(entry).all(|pair| self.known.contains(&pair)))
    }

    /// What ended the search before its time.
    fn is_ended(&self) -> Result<(), Obstacle> {
        self.market.obstacle().map_or(Ok(()), Err)
    }
}
