//! The advisories of all sources, by package.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::ranges::{self, Locked};
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{AdvisoryRecord, KnownFlaw};
use crate::model::severity::{Cvss, Severity};

/// Every advisory that was loaded, looked up by ecosystem and normalised name.
#[derive(Debug, Default)]
pub struct AdvisoryDatabase {
    advisories: Vec<Advisory>,
    /// For each advisory, the number of the flaw that it is about.
    flaws: Vec<usize>,
    /// For each flaw, all its names in order of preference.
    names: Vec<Vec<AdvisoryId>>,
    /// For each package, the entries about it: position of the advisory, position of the entry in it.
    packages: HashMap<Ecosystem, HashMap<String, Vec<(usize, usize)>>>,
}

/// A flaw that affects a version, with what the sources say it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FlawMatch {
    /// The kind of the records; the gravest when they disagree.
    pub kind: AdvisoryKind,
    /// The rating: the highest that a record gives, unknown when none gives one.
    pub severity: Severity,
    /// The flaw with all its names.
    pub flaw: KnownFlaw,
}

impl AdvisoryDatabase {
    /// Indexes advisories; withdrawn ones are dropped, and so are repetitions of a record.
    pub fn new(mut advisories: Vec<Advisory>) -> Self {
        advisories.retain(|advisory| !advisory.withdrawn);
        // Positions decide nothing that is shown, but equal inputs shall give equal bytes in any order.
        advisories.sort_by(|left, right| (&left.source, &left.id).cmp(&(&right.source, &right.id)));
        advisories.dedup();
        let (flaws, names) = flaws_and_names(&advisories);
        let mut packages: HashMap<Ecosystem, HashMap<String, Vec<(usize, usize)>>> = HashMap::new();
        for (position, advisory) in advisories.iter().enumerate() {
            for (entry, affected) in advisory.affected.iter().enumerate() {
                let name = affected.ecosystem.normalise(&affected.package);
                packages.entry(affected.ecosystem).or_default().entry(name).or_default().push((position, entry));
            }
        }
        Self { advisories, flaws, names, packages }
    }

    /// How many advisories there are, withdrawn ones left out.
    pub fn advisory_count(&self) -> usize {
        self.advisories.len()
    }

    /// The flaws that affect a version: records that share a name (transitively, through their aliases) are one flaw.
    /// Sorted by kind and preferred name. A version that the ecosystem cannot order matches only explicit versions.
    ///
    /// What is not a flaw – nobody maintains the package, a notice – is never merged with one: RustSec lists a flaw's
    /// names as aliases of such a record as well (`RUSTSEC-2020-0036`).
    pub fn affecting(&self, ecosystem: Ecosystem, package: &str, version: &str) -> Vec<FlawMatch> {
        let locked = Locked::new(ecosystem, version);
        let mut matched: Vec<(usize, usize)> = self
            .entries(ecosystem, package)
            .filter(|&(_, affected)| locked.is_affected_by(affected))
            .map(|(position, _)| (self.flaws[position], position))
            .collect();
        matched.sort_unstable();
        matched.dedup();
        let mut flaws: Vec<_> = matched
            .chunk_by(|left, right| left.0 == right.0)
            .map(|group| self.flaw_match(group, &locked, self.entries(ecosystem, package)))
            .collect();
        flaws.sort_by(|left, right| (left.kind, &left.flaw.id).cmp(&(right.kind, &right.flaw.id)));
        flaws
    }

    /// Whether no known vulnerability or attack affects the version. A version that the ecosystem cannot order is free
    /// only when no such advisory names a range of the package: what cannot be placed is not known to be safe.
    pub fn is_free_of_flaws(&self, ecosystem: Ecosystem, package: &str, version: &str) -> bool {
        let locked = Locked::new(ecosystem, version);
        !self.entries(ecosystem, package).any(|(position, affected)| {
            let is_flaw = match self.advisories[position].kind {
                AdvisoryKind::Vulnerability | AdvisoryKind::Malicious => true,
                AdvisoryKind::Unmaintained | AdvisoryKind::Unsound | AdvisoryKind::Notice => false,
            };
            is_flaw && (locked.is_affected_by(affected) || !locked.is_ordered() && !affected.ranges.is_empty())
        })
    }

    fn entries(&self, ecosystem: Ecosystem, package: &str) -> impl Iterator<Item = (usize, &Affected)> {
        let name = ecosystem.normalise(package);
        let repository = repository_of(ecosystem, &name).map(str::to_owned);
        let packages = self.packages.get(&ecosystem);
        [Some(name), repository]
            .into_iter()
            .flatten()
            .filter_map(move |name| packages?.get(&name))
            .flatten()
            .map(|&(position, entry)| (position, &self.advisories[position].affected[entry]))
    }

    /// What the records of one flaw say together; `group` has the flaw's number and the position of each.
    fn flaw_match<'a>(
        &self,
        group: &[(usize, usize)],
        locked: &Locked<'_>,
        entries: impl Iterator<Item = (usize, &'a Affected)>,
    ) -> FlawMatch {
        // Sources come in the order of their names, which is the order of positions.
        let records: Vec<&Advisory> = group.iter().map(|&(_, position)| &self.advisories[position]).collect();
        let told = records.iter().find(|record| !record.details.is_empty());
        let told = told.or_else(|| records.iter().find(|record| !record.summary.is_empty()));
        let mut names = self.names[group[0].0].iter().cloned();
        let references: BTreeSet<_> =
            records.iter().flat_map(|record| &record.references).filter(|link| link.starts_with("https://")).collect();
        let is_record = |position: usize| group.iter().any(|&(_, record)| record == position);
        let entries: Vec<_> =
            entries.filter(|(position, _)| is_record(*position)).map(|(_, affected)| affected).collect();
        FlawMatch {
            kind: records
                .iter()
                .map(|record| record.kind)
                .min_by_key(|kind| gravity(*kind))
                .unwrap_or(AdvisoryKind::Notice),
            severity: highest_rating(&records),
            flaw: KnownFlaw {
                id: names.next().unwrap_or_else(|| records[0].id.clone()),
                aliases: names.collect::<BTreeSet<_>>().into_iter().collect(),
                records: sorted_records(&records),
                summary: told.map(|record| record.summary.clone()).unwrap_or_default(),
                details: told.map(|record| record.details.clone()).unwrap_or_default(),
                references: references.into_iter().cloned().collect(),
                cvss: highest_score(&records),
                fixed: ranges::lowest_fix(&entries, locked),
            },
        }
    }
}

/// The repository of an action: advisories name `owner/repository`, workflows `owner/repository/path`.
fn repository_of(ecosystem: Ecosystem, name: &str) -> Option<&str> {
    match ecosystem {
        Ecosystem::GitHubActions => {
            let (second_slash, _) = name.match_indices('/').nth(1)?;
            Some(&name[..second_slash])
        }
        Ecosystem::CratesIo | Ecosystem::Npm | Ecosystem::Packagist => None,
    }
}

fn sorted_records(records: &[&Advisory]) -> Vec<AdvisoryRecord> {
    let record = |advisory: &&Advisory| AdvisoryRecord { source: advisory.source.clone(), id: advisory.id.clone() };
    records.iter().map(record).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Unknown stands above medium where findings are sorted; a record without a rating must not outrank one with a rating.
fn highest_rating(records: &[&Advisory]) -> Severity {
    let ratings = records.iter().map(|record| record.severity);
    ratings.filter(|severity| *severity != Severity::Unknown).max().unwrap_or(Severity::Unknown)
}

fn highest_score(records: &[&Advisory]) -> Option<Cvss> {
    let vectors = records.iter().filter_map(|record| record.cvss.as_ref());
    let order = |left: &&Cvss, right: &&Cvss| -> Ordering {
        left.score.total_cmp(&right.score).then_with(|| left.vector.cmp(&right.vector))
    };
    vectors.max_by(order).cloned()
}

/// The gravest first.
fn gravity(kind: AdvisoryKind) -> u8 {
    match kind {
        AdvisoryKind::Malicious => 0,
        AdvisoryKind::Vulnerability => 1,
        AdvisoryKind::Unsound => 2,
        AdvisoryKind::Unmaintained => 3,
        AdvisoryKind::Notice => 4,
    }
}

/// Records of one matter may be about the same flaw: being an attack, being open to one and being unsound are views of
/// one thing.
fn matter(kind: AdvisoryKind) -> u8 {
    match kind {
        AdvisoryKind::Vulnerability | AdvisoryKind::Malicious | AdvisoryKind::Unsound => 0,
        AdvisoryKind::Unmaintained => 1,
        AdvisoryKind::Notice => 2,
    }
}

/// Union-find over names: for each advisory its flaw, for each flaw its names in order of preference.
fn flaws_and_names(advisories: &[Advisory]) -> (Vec<usize>, Vec<Vec<AdvisoryId>>) {
    let mut parents: Vec<usize> = (0..advisories.len()).collect();
    let mut first_with: HashMap<(u8, &AdvisoryId), usize> = HashMap::new();
    for (position, advisory) in advisories.iter().enumerate() {
        for name in std::iter::once(&advisory.id).chain(&advisory.aliases) {
            let first = *first_with.entry((matter(advisory.kind), name)).or_insert(position);
            let (left, right) = (root(&mut parents, first), root(&mut parents, position));
            parents[left.max(right)] = left.min(right);
        }
    }
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut flaws = Vec::with_capacity(advisories.len());
    let mut names: Vec<BTreeSet<(u8, &AdvisoryId)>> = Vec::new();
    for (position, advisory) in advisories.iter().enumerate() {
        let number = *numbers.entry(root(&mut parents, position)).or_insert_with(|| {
            names.push(BTreeSet::new());
            names.len() - 1
        });
        flaws.push(number);
        let all = std::iter::once(&advisory.id).chain(&advisory.aliases);
        names[number].extend(all.map(|name| (name.preference(), name)));
    }
    let names = names.into_iter().map(|names| names.into_iter().map(|(_, name)| name.clone()).collect()).collect();
    (flaws, names)
}

fn root(parents: &mut [usize], mut position: usize) -> usize {
    while parents[position] != position {
        parents[position] = parents[parents[position]];
        position = parents[position];
    }
    position
}
