//! The market: every release that could stand in a lockfile, each asked for once.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use nodejs_semver::Version;
use serde_json::{Map, Value};

use super::super::super::contract::{Obstacle, Puzzle};
use super::edge::{Edge, Kind, Reader};
use super::entry::{Entry, Standing, bundles, in_place_of, written};
use crate::model::advisory::AdvisoryId;
use crate::model::release::Release;
use crate::version::NpmRange;

/// One release.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) version: Version,
    pub(super) written: Rc<str>,
    pub(super) flaws: Rc<BTreeSet<AdvisoryId>>,
    pub(super) is_deprecated: bool,
    /// Whether the oldest Node.js that the project admits can run it.
    pub(super) fits_engine: bool,
    /// Whether its archive brings packages along.
    pub(super) bundles: bool,
    package: Rc<str>,
    source: Source,
    entry: OnceCell<Rc<Entry>>,
}

/// Where the rest of a release is, for when it is needed.
#[derive(Debug)]
struct Source {
    releases: Arc<Vec<Release>>,
    index: usize,
    reader: Rc<Reader>,
    omits_resolved: bool,
}

impl Candidate {
    /// What ranks releases before their version does: clean ones first, then those that are kept up and can be run.
    pub(super) fn rank(&self) -> (usize, bool, bool) {
        (self.flaws.len(), self.is_deprecated, !self.fits_engine)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.flaws.is_empty()
    }

    /// What it asks for.
    pub(super) fn edges(&self) -> &[Rc<Edge>] {
        &self.entry().edges
    }

    /// It as an entry of a lockfile.
    fn entry(&self) -> &Rc<Entry> {
        self.entry.get_or_init(|| {
            let Source { releases, index, reader, omits_resolved } = &self.source;
            let record = releases.get(*index).and_then(|release| release.record.as_ref()?.as_object());
            let fields = record.and_then(|record| written(record, &self.written, *omits_resolved)).unwrap_or_default();
            Rc::new(Entry {
                package: Rc::clone(&self.package),
                version: Some(self.version.clone()),
                written: Rc::clone(&self.written),
                flaws: Rc::clone(&self.flaws),
                edges: reader.edges(&fields, false),
                standing: Standing::Registry,
                fields: Rc::new(fields),
            })
        })
    }
}

/// The releases of a package, lowest first.
pub(super) type Candidates = Rc<Vec<Rc<Candidate>>>;

/// Where releases come from.
pub(super) struct Market<'a> {
    puzzle: &'a Puzzle<'a>,
    pub(super) reader: Rc<Reader>,
    /// The oldest Node.js that the project admits, where it says so.
    node: Option<Version>,
    /// Whether releases that it cannot run are left out.
    is_strict: bool,
    omits_resolved: bool,
    known: RefCell<HashMap<String, Candidates>>,
    /// What ends the whole search.
    obstacle: RefCell<Option<Obstacle>>,
    is_late: Cell<bool>,
}

impl<'a> Market<'a> {
    /// `node` is the oldest Node.js that the project admits, and whether releases that it cannot run are left out.
    pub(super) fn new(
        puzzle: &'a Puzzle<'a>,
        reader: &Rc<Reader>,
        (node, is_strict): (Option<Version>, bool),
        omits_resolved: bool,
    ) -> Self {
        Self {
            puzzle,
            reader: Rc::clone(reader),
            node,
            is_strict,
            omits_resolved,
            known: RefCell::default(),
            obstacle: RefCell::default(),
            is_late: Cell::new(false),
        }
    }

    /// What ended the search, if anything did.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle.borrow().clone()
    }

    /// Whether the search has to end.
    pub(super) fn is_over(&self) -> bool {
        if Instant::now() >= self.puzzle.deadline {
            self.is_late.set(true);
        }
        self.is_late.get() || self.obstacle.borrow().is_some()
    }

    /// Whether the time ran out.
    pub(super) fn is_late(&self) -> bool {
        self.is_late.get()
    }

    /// Asks for packages at the same time, because each question waits for its answer.
    pub(super) fn prefetch(&self, packages: &BTreeSet<Rc<str>>) {
        const AT_ONCE: usize = 6;
        let open: Vec<&str> =
            packages.iter().map(|name| &**name).filter(|name| !self.known.borrow().contains_key(*name)).collect();
        let open: Vec<&str> = open.into_iter().filter(|name| !self.puzzle.foreign.contains(*name)).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let releases = self.puzzle.releases;
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(open.len()) {
                // What comes of it is remembered by the registry.
                scope.spawn(|| {
                    while let Some(package) = open.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        let _ = releases(package);
                    }
                });
            }
        });
    }

    /// The releases of a package; none where there are none, or nobody may be asked.
    pub(super) fn candidates(&self, package: &str) -> Candidates {
        if let Some(known) = self.known.borrow().get(package) {
            return Rc::clone(known);
        }
        let releases = if self.puzzle.foreign.contains(package) || self.is_over() {
            Arc::default()
        } else {
            match (self.puzzle.releases)(package) {
                Ok(releases) => releases,
                Err(Obstacle { ends_all: false, .. }) => Arc::default(),
                Err(obstacle) => {
                    self.obstacle.borrow_mut().get_or_insert(obstacle);
                    Arc::default()
                }
            }
        };
        let mut candidates: Vec<Rc<Candidate>> =
            (0..releases.len()).filter_map(|index| self.candidate(package, &releases, index)).map(Rc::new).collect();
        candidates.sort_by(|left, right| left.version.cmp(&right.version));
        let candidates = Rc::new(candidates);
        self.known.borrow_mut().insert(package.to_owned(), Rc::clone(&candidates));
        candidates
    }

    /// A release that npm could lock: a version it can read, with a checksum.
    fn candidate(&self, package: &str, releases: &Arc<Vec<Release>>, index: usize) -> Option<Candidate> {
        let release = releases.get(index).filter(|release| !release.yanked)?;
        let version = Version::parse(&release.version).ok()?;
        let record = release.record.as_ref()?.as_object()?;
        let distribution = record.get("dist")?;
        distribution
            .get("tarball")
            .filter(|_| ["integrity", "shasum"].iter().any(|it| distribution.get(*it).is_some()))?;
        let wanted = record.get("engines").and_then(|it| it.get("node")).and_then(Value::as_str);
        let wanted = wanted.and_then(NpmRange::parse);
        let fits_engine = self.node.as_ref().zip(wanted).is_none_or(|(node, wanted)| wanted.admits(node));
        if self.is_strict && !fits_engine {
            return None;
        }
        let is_deprecated = record.get("deprecated").is_some_and(|it| it.as_str().is_some_and(|text| !text.is_empty()));
        let source = Source {
            releases: Arc::clone(releases),
            index,
            reader: Rc::clone(&self.reader),
            omits_resolved: self.omits_resolved,
        };
        Some(Candidate {
            version,
            written: release.version.as_str().into(),
            flaws: Rc::new((self.puzzle.affected)(package, &release.version)),
            is_deprecated,
            fits_engine,
            bundles: bundles(record) || record.get("_hasShrinkwrap").and_then(Value::as_bool) == Some(true),
            package: package.into(),
            source,
            entry: OnceCell::new(),
        })
    }

    /// What a release asks of Node.js, where the oldest one that the project admits does not meet it.
    pub(super) fn needed_node(&self, entry: &Entry) -> Option<String> {
        let written = entry.fields.get("engines")?.get("node")?.as_str()?;
        let node = self.node.as_ref()?;
        (!NpmRange::parse(written)?.admits(node)).then(|| written.to_owned())
    }

    /// Whether everything that a release has for single platforms was published with it: npm drops what is missing without
    /// a word.
    pub(super) fn is_complete(&self, candidate: &Candidate) -> bool {
        let of_platforms = candidate.edges().iter().filter(|edge| edge.kind == Kind::Optional);
        // Only what belongs together is published under one exact version.
        let exact = of_platforms.filter(|edge| Version::parse(&*edge.written).is_ok());
        exact.into_iter().all(|edge| {
            self.candidates(&edge.package).iter().any(|release| edge.wanted.admits(&release.version)) || self.is_over()
        })
    }

    /// The entry of a release, in the place of another one or in a place of its own under a name.
    pub(super) fn entry(candidate: &Candidate, (name, old): (&str, Option<&Entry>)) -> Rc<Entry> {
        let entry = candidate.entry();
        let kept = match old {
            Some(old) => in_place_of(&old.fields, (*entry.fields).clone()),
            None if *name != *entry.package => {
                let mut fields = Map::from_iter([("name".to_owned(), Value::from(&*entry.package))]);
                fields.extend((*entry.fields).clone());
                fields
            }
            None => return Rc::clone(entry),
        };
        Rc::new(Entry { fields: Rc::new(kept), ..(**entry).clone() })
    }
}
