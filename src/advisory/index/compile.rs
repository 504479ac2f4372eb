//! Compiling: advisories of all sources → the bytes of an index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::block::{self, Place};
use super::flaws::{Flaw, flaws};
use super::layout::{self, Section};
use super::table::TableBuilder;
use super::text;
use super::wire::{Entry, FlawBlock, FlawRecord, Metadata, SourceSummary};
use crate::advisory::contract::Annotation;
use crate::advisory::ranges::Claims;
use crate::model::advisory::{Advisory, Affected};
use crate::model::ecosystem::Ecosystem;

/// What an index is made of.
#[derive(Debug, Default)]
pub(in crate::advisory) struct Compilation {
    /// The records of all sources.
    pub(in crate::advisory) advisories: Vec<Advisory>,
    /// What sources without records know about them.
    pub(in crate::advisory) annotations: Vec<Annotation>,
    /// The sources, in the order of the policy.
    pub(in crate::advisory) sources: Vec<SourceSummary>,
    /// What tells this content from another.
    pub(in crate::advisory) key: String,
}

/// An index that is not written yet.
#[derive(Debug)]
pub(in crate::advisory) struct Compiled {
    pub(super) sections: [Vec<u8>; Section::ALL.len()],
}

impl Compiled {
    /// Writes the file.
    pub(in crate::advisory) fn write(&self, sink: &mut dyn Write) -> io::Result<()> {
        layout::write(&self.sections, sink)
    }

    /// The bytes of the file.
    pub(in crate::advisory) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.sections.iter().map(Vec::len).sum::<usize>());
        self.write(&mut bytes).expect("bytes go into memory");
        bytes
    }
}

/// Where a package is found: the number of its ecosystem, and its normalised name.
type PackageKey = (u32, String);

impl Compilation {
    /// Compiles. Withdrawn records are dropped, and so are repetitions of a record; the order of the input decides
    /// nothing.
    pub(in crate::advisory) fn compile(self) -> Compiled {
        let advisories = in_order(self.advisories);
        let flaws = flaws(&advisories);
        let (texts, text_places) = texts(&advisories);
        let source_names: BTreeSet<&str> = advisories.iter().map(|advisory| advisory.source.as_str()).collect();
        let source_names: Vec<String> = source_names.into_iter().map(str::to_owned).collect();
        let known = Known::of(&self.annotations);
        let mut homes = vec![Home::default(); advisories.len()];
        let mut names = TableBuilder::default();
        let mut bodies = Vec::new();
        for flaw in &flaws {
            let payload = flaw_payload(flaw, &advisories, &source_names, &text_places, &known);
            let place = block::append(Section::Flaws, &mut bodies, &payload);
            for (record, &position) in (0..).zip(&flaw.records) {
                homes[position] = Home { flaw: place, record };
            }
            for name in &flaw.names {
                names.insert(name_hash(name.as_str()), to_bytes(&place));
            }
        }
        let ecosystems = ecosystems(&advisories);
        let packages = packages(&advisories, &ecosystems);
        let metadata = Metadata {
            key: self.key,
            advisories: advisories.len() as u64,
            ranges: advisories.iter().flat_map(|advisory| &advisory.affected).map(range_count).sum(),
            packages: packages.len() as u64,
            source_names,
            ecosystems: ecosystems.iter().map(|ecosystem| ecosystem.as_str().to_owned()).collect(),
            sources: self.sources,
        };
        let (package_directory, packages) = package_table(packages, &advisories, &homes);
        let (name_directory, names) = names.finish(Section::Names);
        let metadata = to_bytes(&metadata);
        Compiled { sections: [metadata, package_directory, packages, name_directory, names, bodies, texts] }
    }
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
struct Home {
    flaw: Place,
    record: u32,
}

impl Default for Home {
    fn default() -> Self {
        Self { flaw: Place { offset: 0, length: 0 }, record: 0 }
    }
}

fn to_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values go into memory")
}

/// The hash of a flaw's name.
pub(super) fn name_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The hash of a package.
pub(super) fn package_hash(ecosystem: u32, name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), u64::from(ecosystem))
}

/// By source and name, each record once, withdrawn ones left out.
fn in_order(mut advisories: Vec<Advisory>) -> Vec<Advisory> {
    advisories.retain(|advisory| !advisory.withdrawn);
    advisories.par_sort_by(|left, right| (&left.source, &left.id).cmp(&(&right.source, &right.id)));
    let is_same = |left: &Advisory, right: &Advisory| left.source == right.source && left.id == right.id;
    for same in advisories.chunk_by_mut(is_same) {
        if same.len() > 1 {
            // Two records of one name, or one record from two places.
            same.sort_by_cached_key(to_bytes);
        }
    }
    advisories.dedup();
    advisories
}

fn texts(advisories: &[Advisory]) -> (Vec<u8>, Vec<Place>) {
    let mut bytes = Vec::new();
    let payloads: Vec<Vec<u8>> = advisories.par_iter().map(text::encode).collect();
    let places = payloads.iter().map(|payload| block::append(Section::Texts, &mut bytes, payload)).collect();
    (bytes, places)
}

/// What annotations say, by name.
struct Known<'a>(HashMap<&'a str, (bool, Option<f64>)>);

impl<'a> Known<'a> {
    fn of(annotations: &'a [Annotation]) -> Self {
        let mut known: HashMap<&str, (bool, Option<f64>)> = HashMap::new();
        for annotation in annotations {
            let (exploited, likelihood) = known.entry(annotation.id.as_str()).or_default();
            *exploited |= annotation.exploited;
            *likelihood = highest(*likelihood, annotation.likelihood);
        }
        Self(known)
    }

    /// What is known about a flaw under any of its names.
    fn about(&self, flaw: &Flaw) -> (bool, Option<f64>) {
        // That nobody maintains a package is not what is exploited.
        let names = flaw.names.iter().filter(|_| flaw.is_weakness);
        let found = names.filter_map(|name| self.0.get(name.as_str()));
        found.fold((false, None), |all, one| (all.0 | one.0, highest(all.1, one.1)))
    }
}

fn highest(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (one, other) => one.or(other),
    }
}

fn flaw_payload(
    flaw: &Flaw,
    advisories: &[Advisory],
    source_names: &[String],
    texts: &[Place],
    known: &Known<'_>,
) -> Vec<u8> {
    let numbers: HashMap<_, u32> = flaw.names.iter().zip(0..).collect();
    let record = |&position: &usize| {
        let advisory = &advisories[position];
        let mut aliases: Vec<u32> = advisory.aliases.iter().map(|alias| numbers[alias]).collect();
        aliases.sort_unstable();
        aliases.dedup();
        let source = source_names.binary_search(&advisory.source).expect("every source is among the names");
        FlawRecord {
            source: u32::try_from(source).expect("there are a handful of sources"),
            name: *numbers.get(&advisory.id).expect("a record's own name is one of its flaw"),
            aliases,
            kind: advisory.kind,
            severity: advisory.severity,
            text: texts[position],
        }
    };
    let (exploited, likelihood) = known.about(flaw);
    to_bytes(&FlawBlock {
        names: flaw.names.iter().map(crate::model::advisory::AdvisoryId::as_str).collect(),
        exploited,
        likelihood,
        records: flaw.records.iter().map(record).collect(),
    })
}

fn ecosystems(advisories: &[Advisory]) -> Vec<Ecosystem> {
    let all = advisories.iter().flat_map(|advisory| &advisory.affected).map(|affected| affected.ecosystem);
    let mut ecosystems: Vec<_> = all.collect::<BTreeSet<_>>().into_iter().collect();
    ecosystems.sort_by_key(|ecosystem| ecosystem.as_str());
    ecosystems
}

fn range_count(affected: &Affected) -> u64 {
    affected.ranges.len().max(1) as u64
}

/// For each package, the entries about it: position of the advisory, position of the entry in it.
fn packages(advisories: &[Advisory], ecosystems: &[Ecosystem]) -> BTreeMap<PackageKey, Vec<(usize, usize)>> {
    let numbers: HashMap<Ecosystem, u32> = ecosystems.iter().copied().zip(0..).collect();
    let mut packages: BTreeMap<PackageKey, Vec<(usize, usize)>> = BTreeMap::new();
    for (position, advisory) in advisories.iter().enumerate() {
        for (entry, affected) in advisory.affected.iter().enumerate() {
            let name = affected.ecosystem.normalise(&affected.package);
            packages.entry((numbers[&affected.ecosystem], name.into_owned())).or_default().push((position, entry));
        }
    }
    packages
}

fn package_table(
    packages: BTreeMap<PackageKey, Vec<(usize, usize)>>,
    advisories: &[Advisory],
    homes: &[Home],
) -> (Vec<u8>, Vec<u8>) {
    let rows: Vec<(u64, Vec<u8>)> = packages
        .into_par_iter()
        .map(|((ecosystem, name), entries)| {
            let entry = |&(position, entry): &(usize, usize)| {
                let advisory: &Advisory = &advisories[position];
                let affected = &advisory.affected[entry];
                let mut claims = Claims::of(affected);
                claims.drop_covered_versions(affected.ecosystem);
                Entry {
                    flaw: homes[position].flaw,
                    record: homes[position].record,
                    kind: advisory.kind,
                    release: affected.release.as_deref(),
                    spelling: Some(affected.package.as_str()).filter(|package| *package != name),
                    claims,
                }
            };
            let value = to_bytes(&((ecosystem, name.as_str()), entries.iter().map(entry).collect::<Vec<_>>()));
            (package_hash(ecosystem, &name), value)
        })
        .collect();
    let mut table = TableBuilder::default();
    for (hash, value) in rows {
        table.insert(hash, value);
    }
    table.finish(Section::Packages)
}
