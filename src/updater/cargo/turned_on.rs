//! The features of a locked release that turn on nothing but what is locked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value as Json;

use super::super::contract::Lookup;
use super::stand_in::Locked;

/// What the registry tells of locked releases.
pub(super) struct Records<'a> {
    packages: &'a [Locked],
    lookup: &'a Lookup<'a>,
    known: RefCell<BTreeMap<usize, Option<Rc<Record>>>>,
}

/// One release.
struct Record {
    /// What each feature turns on, in the words of manifests.
    features: BTreeMap<String, Vec<String>>,
    /// The packages that it needs, by the names that its features call them.
    needs: BTreeMap<String, String>,
}

impl Record {
    fn read(json: &Json) -> Self {
        let mut features: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in ["features", "features2"] {
            for (name, list) in json.get(key).and_then(Json::as_object).into_iter().flatten() {
                let words = list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
                features.entry(name.clone()).or_default().extend(words);
            }
        }
        let mut needs = BTreeMap::new();
        for one in json.get("deps").and_then(Json::as_array).into_iter().flatten() {
            let text = |key: &str| one.get(key).and_then(Json::as_str);
            if let Some(name) = text("name").filter(|_| text("kind") != Some("dev")) {
                needs.insert(name.to_owned(), text("package").unwrap_or(name).to_owned());
            }
        }
        Self { features, needs }
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(packages: &'a [Locked], lookup: &'a Lookup<'a>) -> Self {
        Self { packages, lookup, known: RefCell::default() }
    }

    /// The features of the package at a place that need no package but those that are locked, below it too.
    pub(super) fn allowed(&self, place: usize) -> Vec<String> {
        let Some(record) = self.record(place) else { return Vec::new() };
        let is_common = |name: &&String| !name.starts_with("__") && !["nightly", "unstable"].contains(&name.as_str());
        let is_allowed = |name: &&String| self.is_allowed((place, name), &mut BTreeSet::new());
        record.features.keys().filter(is_common).filter(is_allowed).cloned().collect()
    }

    /// Whether a feature turns on nothing but what is locked; `seen` are those that are being looked at already.
    fn is_allowed(&self, (place, feature): (usize, &str), seen: &mut BTreeSet<(usize, String)>) -> bool {
        if !seen.insert((place, feature.to_owned())) {
            return true;
        }
        let Some(record) = self.record(place) else { return false };
        let Some(words) = record.features.get(feature) else {
            // The feature of an optional package has its name; `default` is there without being written.
            return !record.needs.contains_key(feature) || !self.ends(place, &record, feature).is_empty();
        };
        words.iter().all(|word| match (word.strip_prefix("dep:"), word.split_once('/')) {
            (Some(name), _) => !self.ends(place, &record, name).is_empty(),
            (None, None) => self.is_allowed((place, word), seen),
            (None, Some((name, inner))) => {
                let plain = name.trim_end_matches('?');
                let ends = self.ends(place, &record, plain);
                let is_there = plain != name || !ends.is_empty();
                is_there && ends.into_iter().all(|child| self.is_allowed((child, inner), seen))
            }
        })
    }

    /// The locked packages that a release calls by a name.
    fn ends(&self, place: usize, record: &Record, name: &str) -> Vec<usize> {
        let edges = self.packages.get(place).map_or(&[][..], |package| package.edges.as_slice());
        let Some(package) = record.needs.get(name) else { return Vec::new() };
        let is_it = |end: &&usize| self.packages.get(**end).is_some_and(|it| it.name == *package);
        edges.iter().filter(is_it).copied().collect()
    }

    fn record(&self, place: usize) -> Option<Rc<Record>> {
        if let Some(known) = self.known.borrow().get(&place) {
            return known.clone();
        }
        let package = self.packages.get(place)?;
        let record = (self.lookup)(&package.name, &package.version).map(|json| Rc::new(Record::read(&json)));
        self.known.borrow_mut().insert(place, record.clone());
        record
    }
}
