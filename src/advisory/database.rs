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

    /// Whether some record has this name, be it its own or an alias.
    pub fn knows(&self, id: &AdvisoryId) -> bool {
        self.advisories.iter().any(|advisory| advisory.id == *id || advisory.aliases.contains(id))
    }

    /// Every record about a package with what it says, whichever versions that affects, in the order of sources and
    /// identifiers.
    pub fn records_about(&self, ecosystem: Ecosystem, package: &str) -> impl Iterator<Item = (&Advisory, &Affected)> {
        self.entries(ecosystem, package).map(|(position, affected)| (&self.advisories[position], affected))
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
                exploited: false,
                likelihood: None,
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
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advisory::{AffectedRange, RangeEvent};

    struct Record(Advisory);

    impl Record {
        fn new(source: &str, id: &str, aliases: &[&str]) -> Self {
            let range = |events: &[RangeEvent]| AffectedRange { events: events.to_vec() };
            let events = [RangeEvent::Introduced("0".to_owned()), RangeEvent::Fixed("2.0.0".to_owned())];
            Self(Advisory {
                id: AdvisoryId::new(id).unwrap(),
                aliases: aliases.iter().map(|alias| AdvisoryId::new(alias).unwrap()).collect(),
                source: source.to_owned(),
                kind: AdvisoryKind::Vulnerability,
                summary: format!("summary of {id}"),
                details: String::new(),
                references: vec![format!("https://example.org/{id}"), "http://example.org".to_owned()],
                cvss: None,
                severity: Severity::Unknown,
                withdrawn: false,
                affected: vec![Affected {
                    ecosystem: Ecosystem::Npm,
                    release: None,
                    package: "demo".to_owned(),
                    ranges: vec![range(&events)],
                    versions: Vec::new(),
                }],
            })
        }

        fn with(mut self, change: impl FnOnce(&mut Advisory)) -> Self {
            change(&mut self.0);
            self
        }

        fn rated(self, score: f64) -> Self {
            self.with(|advisory| {
                advisory.cvss = Some(Cvss { vector: format!("score {score}"), score });
                advisory.severity = Severity::from_score(score);
            })
        }

        fn fixed_in(self, version: &str) -> Self {
            self.with(|advisory| {
                advisory.affected[0].ranges[0].events[1] = RangeEvent::Fixed(version.to_owned());
            })
        }
    }

    fn database(records: Vec<Record>) -> AdvisoryDatabase {
        AdvisoryDatabase::new(records.into_iter().map(|record| record.0).collect())
    }

    fn names(flaw: &KnownFlaw) -> Vec<&str> {
        std::iter::once(&flaw.id).chain(&flaw.aliases).map(AdvisoryId::as_str).collect()
    }

    #[test]
    fn one_flaw_under_several_names_is_one_match_with_the_best_of_all_records() {
        let records = || {
            vec![
                Record::new("rustsec", "RUSTSEC-2024-0001", &["CVE-2024-1"]).fixed_in("1.5.0"),
                Record::new("osv", "GHSA-aaaa", &["CVE-2024-1", "CVE-2024-2"]).rated(5.0).fixed_in("1.6.0"),
                Record::new("osv", "GHSA-bbbb", &["CVE-2024-2"]).rated(8.1).with(|advisory| {
                    advisory.details = "the long text".to_owned();
                }),
                Record::new("osv", "GHSA-cccc", &["CVE-2024-3"]),
            ]
        };
        let database = database(records());
        let matches = database.affecting(Ecosystem::Npm, "demo", "1.0.0");
        let [merged, other] = matches.as_slice() else { panic!("two flaws, not {}", matches.len()) };
        assert_eq!(names(&merged.flaw), ["CVE-2024-1", "CVE-2024-2", "GHSA-aaaa", "GHSA-bbbb", "RUSTSEC-2024-0001"]);
        assert_eq!(merged.severity, Severity::High, "unknown does not outrank a rating");
        assert_eq!(merged.flaw.cvss.as_ref().map(|cvss| cvss.score), Some(8.1));
        let of = |record: &AdvisoryRecord| format!("{} {}", record.source, record.id);
        let sources: Vec<_> = merged.flaw.records.iter().map(of).collect();
        assert_eq!(sources, ["osv GHSA-aaaa", "osv GHSA-bbbb", "rustsec RUSTSEC-2024-0001"]);
        assert_eq!(
            (merged.flaw.summary.as_str(), merged.flaw.details.as_str()),
            ("summary of GHSA-bbbb", "the long text")
        );
        assert_eq!(
            merged.flaw.references,
            ["https://example.org/GHSA-aaaa", "https://example.org/GHSA-bbbb", "https://example.org/RUSTSEC-2024-0001"]
        );
        assert_eq!(merged.flaw.fixed.as_deref(), Some("2.0.0"), "1.5.0 and 1.6.0 are not fixed for every record");
        assert_eq!(names(&other.flaw), ["CVE-2024-3", "GHSA-cccc"]);
        assert_eq!(other.severity, Severity::Unknown);

        let mut turned = records();
        turned.reverse();
        let turned = AdvisoryDatabase::new(turned.into_iter().map(|record| record.0).collect());
        assert_eq!(turned.affecting(Ecosystem::Npm, "demo", "1.0.0"), matches, "the order of sources decides nothing");
    }

    #[test]
    fn only_records_that_match_the_version_are_named() {
        let database = database(vec![
            Record::new("rustsec", "RUSTSEC-1", &["CVE-1"]).fixed_in("1.5.0").rated(9.9),
            Record::new("osv", "GHSA-1", &["CVE-1"]).fixed_in("1.9.0").rated(5.0),
        ]);
        let matches = database.affecting(Ecosystem::Npm, "demo", "1.7.0");
        assert_eq!(matches.len(), 1);
        assert_eq!(matches[0].flaw.records.len(), 1);
        assert_eq!((matches[0].severity, matches[0].flaw.fixed.as_deref()), (Severity::Medium, Some("1.9.0")));
    }

    #[test]
    fn what_is_no_flaw_is_not_merged_with_one() {
        let kind = |kind| move |advisory: &mut Advisory| advisory.kind = kind;
        let database = database(vec![
            Record::new("rustsec", "RUSTSEC-2020-0036", &["CVE-9"]).with(kind(AdvisoryKind::Unmaintained)),
            Record::new("rustsec", "RUSTSEC-2019-0036", &["CVE-9"]).with(kind(AdvisoryKind::Unsound)),
            Record::new("osv", "GHSA-9", &["CVE-9"]),
        ]);
        let kinds: Vec<_> = database
            .affecting(Ecosystem::Npm, "demo", "1.0.0")
            .into_iter()
            .map(|found| (found.kind, found.flaw.records.len()))
            .collect();
        assert_eq!(kinds, [(AdvisoryKind::Vulnerability, 2), (AdvisoryKind::Unmaintained, 1)]);
    }

    #[test]
    fn withdrawn_records_never_match_and_never_link() {
        let database = database(vec![
            Record::new("osv", "GHSA-1", &["CVE-1"]),
            Record::new("osv", "GHSA-2", &["CVE-1", "CVE-2"]).with(|advisory| advisory.withdrawn = true),
            Record::new("osv", "GHSA-3", &["CVE-2"]),
            Record::new("osv", "GHSA-3", &["CVE-2"]),
        ]);
        assert_eq!(database.advisory_count(), 2, "a repetition counts once");
        let matches = database.affecting(Ecosystem::Npm, "demo", "1.0.0");
        let all: Vec<_> = matches.iter().map(|found| names(&found.flaw)).collect();
        assert_eq!(all, [["CVE-1", "GHSA-1"], ["CVE-2", "GHSA-3"]]);
    }

    #[test]
    fn names_are_looked_up_as_the_ecosystem_does() {
        let about = |ecosystem, package: &str| {
            let package = package.to_owned();
            Record::new("osv", "GHSA-1", &[]).with(move |advisory| {
                advisory.affected[0].ecosystem = ecosystem;
                advisory.affected[0].package = package;
            })
        };
        let found =
            |record, ecosystem, name: &str| !database(vec![record]).affecting(ecosystem, name, "1.0.0").is_empty();
        assert!(found(about(Ecosystem::Packagist, "Acme/Shop"), Ecosystem::Packagist, "acme/shop"));
        assert!(!found(about(Ecosystem::Npm, "Demo"), Ecosystem::Npm, "demo"));
        assert!(!found(about(Ecosystem::Npm, "demo"), Ecosystem::CratesIo, "demo"));
        assert!(found(about(Ecosystem::GitHubActions, "acme/tool"), Ecosystem::GitHubActions, "ACME/tool/sub/path"));
        assert!(!found(about(Ecosystem::GitHubActions, "acme/tool"), Ecosystem::GitHubActions, "acme/tools"));
    }

    #[test]
    fn a_target_is_free_only_when_that_is_known() {
        let flawed = database(vec![Record::new("osv", "GHSA-1", &[])]);
        assert!(!flawed.is_free_of_flaws(Ecosystem::Npm, "demo", "1.0.0"));
        assert!(flawed.is_free_of_flaws(Ecosystem::Npm, "demo", "2.0.0"));
        assert!(flawed.is_free_of_flaws(Ecosystem::Npm, "other", "1.0.0"));
        assert!(!flawed.is_free_of_flaws(Ecosystem::Npm, "demo", "not a version"));
        assert!(flawed.is_free_of_flaws(Ecosystem::Npm, "other", "not a version"));
        let unmaintained =
            Record::new("osv", "GHSA-1", &[]).with(|advisory| advisory.kind = AdvisoryKind::Unmaintained);
        assert!(database(vec![unmaintained]).is_free_of_flaws(Ecosystem::Npm, "demo", "1.0.0"));
        let malicious = Record::new("osv", "MAL-1", &[]).with(|advisory| advisory.kind = AdvisoryKind::Malicious);
        assert!(!database(vec![malicious]).is_free_of_flaws(Ecosystem::Npm, "demo", "1.0.0"));
    }
}
