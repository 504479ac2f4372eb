//! The index: what the registry says of packages, sorted, and asked for many at once before anything is planned.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::atomic::{self, AtomicUsize};

use super::super::bench::Bench;
use super::super::failure::Failure;
use super::super::target::flaws;
use crate::model::advisory::AdvisoryId;
use crate::model::release::Release;
use crate::registry::RegistryError;
use crate::version;

/// How many questions are on their way at once.
const QUESTIONS: usize = 8;

/// A release, shared by all drafts.
pub(super) type Known = Rc<Release>;

/// The flaws of a release, by its package and version.
type Flaws = HashMap<(String, String), Rc<BTreeSet<AdvisoryId>>>;

/// Releases by package, lowest first; yanked ones are known, as a lockfile may have them.
pub(super) struct Index<'a> {
    pub(super) bench: &'a Bench<'a>,
    known: RefCell<HashMap<String, Rc<Vec<Known>>>>,
    flaws: RefCell<Flaws>,
    ranges: RefCell<HashMap<(String, String), bool>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(bench: &'a Bench<'a>) -> Self {
        Self { bench, known: RefCell::default(), flaws: RefCell::default(), ranges: RefCell::default() }
    }

    /// Asks for several packages at once; what goes wrong is said when it matters.
    pub(super) fn fetch(&self, packages: &BTreeSet<&str>) {
        let open: Vec<&str> = {
            let known = self.known.borrow();
            let is_open = |package: &&&str| !known.contains_key(**package) && !self.bench.foreign.contains(**package);
            packages.iter().filter(is_open).copied().collect()
        };
        let next = AtomicUsize::new(0);
        let registry = &self.bench.registry;
        std::thread::scope(|scope| {
            for _ in 0..QUESTIONS.min(open.len()) {
                scope.spawn(|| {
                    while let Some(package) = open.get(next.fetch_add(1, atomic::Ordering::Relaxed)) {
                        // The registry remembers the answer.
                        if let Err(RegistryError::Unreachable { .. }) = registry.releases(package) {
                            return;
                        }
                    }
                });
            }
        });
    }

    /// Every release of a package; none for one that the registry does not know or must not be asked for.
    pub(super) fn releases(&self, package: &str) -> Result<Rc<Vec<Known>>, Failure> {
        if let Some(known) = self.known.borrow().get(package) {
            return Ok(Rc::clone(known));
        }
        let mut releases: Vec<Known> = if self.bench.foreign.contains(package) {
            Vec::new()
        } else {
            match self.bench.registry.releases(package) {
                Ok(releases) => releases.iter().cloned().map(Rc::new).collect(),
                Err(RegistryError::Unknown { .. }) => Vec::new(),
                Err(error) => return Err(error.into()),
            }
        };
        releases.sort_by(|left, right| self.compare(&left.version, &right.version));
        let releases = Rc::new(releases);
        self.known.borrow_mut().insert(package.to_owned(), Rc::clone(&releases));
        Ok(releases)
    }

    /// One release.
    pub(super) fn release(&self, package: &str, version: &str) -> Result<Option<Known>, Failure> {
        let releases = self.releases(package)?;
        Ok(releases.iter().find(|release| release.version == version).cloned())
    }

    /// The flaws of a version.
    pub(super) fn flaws(&self, package: &str, version: &str) -> Rc<BTreeSet<AdvisoryId>> {
        let key = (package.to_owned(), version.to_owned());
        if let Some(known) = self.flaws.borrow().get(&key) {
            return Rc::clone(known);
        }
        let found = Rc::new(flaws(self.bench.request.advisories, self.bench.ecosystem(), package, version));
        self.flaws.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    /// Whether a range admits a version; one that cannot be read is left to the tool to judge.
    pub(super) fn admits(&self, wanted: &str, version: &str) -> bool {
        let key = (wanted.to_owned(), version.to_owned());
        if let Some(known) = self.ranges.borrow().get(&key) {
            return *known;
        }
        let admits = version::satisfies(self.bench.ecosystem(), wanted, version).unwrap_or(true);
        self.ranges.borrow_mut().insert(key, admits);
        admits
    }

    pub(super) fn compare(&self, left: &str, right: &str) -> Ordering {
        version::compare(self.bench.ecosystem(), left, right).unwrap_or(Ordering::Equal)
    }

    pub(super) fn is_above(&self, from: &str, version: &str) -> bool {
        super::super::target::is_above(self.bench.ecosystem(), from, version)
    }

    /// Whether two versions exclude each other beside the same parent: a lockfile holds one of each caret range.
    pub(super) fn share_a_place(&self, one: &str, other: &str) -> bool {
        let (low, high) = if self.compare(one, other).is_gt() { (other, one) } else { (one, other) };
        version::step(self.bench.ecosystem(), low, high).is_ok_and(|step| step != crate::model::remedy::Step::Major)
    }

    /// Releases above a version that may be moved to, lowest first.
    pub(super) fn above(&self, package: &str, from: &str) -> Result<Vec<Known>, Failure> {
        let releases = self.releases(package)?;
        let higher = releases.iter().filter(|release| !release.yanked && self.is_above(from, &release.version));
        Ok(higher.cloned().collect())
    }
}
