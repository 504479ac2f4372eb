//! Trees and solutions of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::NpmSolver;
use super::edge::Reader;
use super::entry::Reading;
use super::overrides::Overrides;
use super::tree::Tree;
use crate::model::advisory::AdvisoryId;
use crate::model::release::Release;
use crate::model::repository::RepoPath;
use crate::updater::contract::{Breaking, Files, Freedom, Goals, Obstacle, Puzzle, Solution, Solver as _};

/// The tree of a lockfile's `packages`.
#[expect(clippy::needless_pass_by_value, reason = "what `json!` makes is handed over")]
pub(super) fn tree(packages: Value) -> Tree {
    let (reader, nothing) = (Reader::default(), BTreeSet::new());
    let reading = Reading { edges: &reader, affected: &|_, _| BTreeSet::new(), foreign: &nothing };
    let packages = packages.as_object().unwrap().clone();
    let entries = packages
        .iter()
        .map(|(path, fields)| (Rc::from(path.as_str()), reading.entry(path, fields.as_object().unwrap())));
    Tree::new(entries, Overrides::default())
}

/// A world of a few packages: what is locked, what can be had, and what is wrong with it.
pub(super) struct World {
    /// The lockfile's `packages`; the one of the project is its manifest, too.
    pub(super) packages: Value,
    /// Releases: package, version and record.
    pub(super) releases: Vec<(&'static str, &'static str, Value)>,
    /// Package and the version from which on it has no flaw.
    pub(super) flaws: Vec<(&'static str, &'static str)>,
    pub(super) breaking: bool,
    pub(super) overrides: bool,
}

impl World {
    pub(super) fn new(packages: Value) -> Self {
        Self { packages, releases: Vec::new(), flaws: Vec::new(), breaking: false, overrides: false }
    }

    pub(super) fn with(mut self, package: &'static str, version: &'static str, record: Value) -> Self {
        self.releases.push((package, version, record));
        self
    }

    pub(super) fn flaw(mut self, package: &'static str, fixed: &'static str) -> Self {
        self.flaws.push((package, fixed));
        self
    }

    fn affected(&self, package: &str, version: &str) -> BTreeSet<AdvisoryId> {
        let parse = |text: &str| nodejs_semver::Version::parse(text).unwrap();
        let hits = self.flaws.iter().filter(|(name, fixed)| *name == package && parse(version) < parse(fixed));
        hits.map(|(name, fixed)| AdvisoryId::new(&format!("GHSA-{name}-{fixed}")).unwrap()).collect()
    }

    fn releases_of(&self, package: &str) -> Vec<Release> {
        let of_package = self.releases.iter().filter(|(name, _, _)| *name == package);
        let release = |(name, version, record): &(&str, &str, Value)| {
            let mut record = record.clone();
            record["name"] = json!(name);
            record["dist"] = json!({"tarball": format!("https://registry.example/{name}/-/{name}-{version}.tgz"), "integrity": "sha512-x"});
            Release { version: (*version).to_owned(), record: Some(record), ..Release::default() }
        };
        of_package.map(release).collect()
    }

    fn files(&self) -> Files {
        let path = |name: &str| RepoPath::new(name).unwrap();
        let lock = json!({"lockfileVersion": 3, "packages": self.packages});
        let text = |value: &Value| serde_json::to_vec_pretty(value).unwrap();
        let contents = BTreeMap::from([
            (path("package.json"), text(&self.packages[""])),
            (path("package-lock.json"), text(&lock)),
        ]);
        Files::new(path("package-lock.json"), contents)
    }

    fn goals(&self) -> Goals {
        let mut goals = Goals::new();
        for (path, entry) in self.packages.as_object().unwrap() {
            let name = super::tree::name_of(path);
            let Some(version) = entry.get("version").and_then(Value::as_str) else { continue };
            let flaws = self.affected(name, version);
            if path.contains("node_modules/") && !flaws.is_empty() {
                goals.insert((name.to_owned(), version.to_owned()), flaws);
            }
        }
        goals
    }

    pub(super) fn solve(&self) -> (Solution, Vec<BTreeSet<String>>) {
        let (files, goals, foreign) = (self.files(), self.goals(), BTreeSet::new());
        let releases =
            |package: &str| -> Result<Arc<Vec<Release>>, Obstacle> { Ok(Arc::new(self.releases_of(package))) };
        let puzzle = Puzzle {
            files: &files,
            goals: &goals,
            affected: &|package, version| self.affected(package, version),
            releases: &releases,
            foreign: &foreign,
            freedom: Freedom {
                breaking: if self.breaking { Breaking::Any } else { Breaking::Never },
                overrides: self.overrides,
            },
            deadline: Instant::now() + Duration::from_hours(1),
        };
        (NpmSolver.solve(&puzzle).unwrap(), NpmSolver.raises(&puzzle).unwrap())
    }

    /// What comes of it, in lines: each copy with its version, edits, and what stays.
    pub(super) fn told(&self) -> String {
        let (solution, raises) = self.solve();
        let lock: Value = solution
            .lock
            .map_or_else(|| json!({"packages": self.packages}), |lock| serde_json::from_slice(&lock).unwrap());
        let mut lines = Vec::new();
        for (path, entry) in
            lock["packages"].as_object().unwrap().iter().filter(|(path, _)| path.contains("node_modules/"))
        {
            lines.push(format!("{path} {}", entry.get("version").and_then(Value::as_str).unwrap_or("link")));
        }
        lines.sort();
        lines.extend(
            solution
                .edits
                .iter()
                .map(|edit| format!("edit {} {} = {}", edit.manifest, edit.keys.join("."), edit.value)),
        );
        for stay in &solution.stays {
            let step = stay.obstacle.next_step.as_ref().map(|step| format!(" | {step}")).unwrap_or_default();
            lines.push(format!("stays {} {}: {}{step}", stay.package, stay.version, stay.obstacle.explanation));
        }
        for names in &raises {
            lines.push(format!("raise {}", names.iter().cloned().collect::<Vec<_>>().join(" and ")));
        }
        lines.join("\n")
    }
}
