//! The advisories of all sources, by package: a view over the compiled index.

mod answers;
mod rating;
mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use answers::{Answers, Question};
use rating::{gravity, highest_score, severity};

use super::contract::Annotation;
use super::index::{
    Compilation, Compiled, Contents, Entry, FlawBlock, FlawBytes, FlawRecord, Index, IndexError, Metadata, Place, Text,
    Verified,
};
use super::ranges::{self, Claims, Locked};
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{AdvisoryRecord, KnownFlaw};
use crate::model::severity::Severity;

/// Every advisory that was loaded, looked up by ecosystem and normalised name.
///
/// A look-up reads the index. What turns out to be damaged then is kept in mind: see [`AdvisoryDatabase::damage`].
#[derive(Debug)]
pub struct AdvisoryDatabase {
    index: Index,
    damage: OnceLock<IndexError>,
    /// A file that is removed when it turns out to be damaged, because it can be compiled anew.
    kept_at: Option<PathBuf>,
    /// Whether flaws are told with their long texts.
    has_details: bool,
    answers: Answers,
}

/// A flaw that affects a version, with what the sources say it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FlawMatch {
    /// The kind of the records; the gravest when they disagree.
    pub kind: AdvisoryKind,
    /// The rating: the highest that a record gives, unknown when none gives one; one level higher for what is exploited,
    /// critical for what is an attack.
    pub severity: Severity,
    /// The flaw with all its names.
    pub flaw: Arc<KnownFlaw>,
}

/// Which record says something about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// The source.
    pub source: String,
    /// The source's name for it.
    pub id: AdvisoryId,
    /// What it warns of.
    pub kind: AdvisoryKind,
}

/// How large an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSize {
    /// All of it, in bytes.
    pub bytes: u64,
    /// What is looked up in: all but the texts that people read.
    pub lookup_bytes: u64,
    /// Affected ranges; an entry without one, which names versions only, counts as one.
    pub ranges: u64,
}

impl Default for AdvisoryDatabase {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl AdvisoryDatabase {
    /// Compiles advisories in memory; withdrawn ones are dropped, and so are repetitions of a record.
    pub fn new(advisories: Vec<Advisory>) -> Self {
        Self::compile(Compilation { advisories, ..Compilation::default() })
    }

    /// Compiles advisories in memory, with what other sources know about their flaws.
    #[cfg_attr(not(test), expect(dead_code, reason = "the store compiles with more than this; tests of checks do not"))]
    pub(crate) fn with_annotations(advisories: Vec<Advisory>, annotations: Vec<Annotation>) -> Self {
        Self::compile(Compilation { advisories, annotations, ..Compilation::default() })
    }

    pub(super) fn compile(compilation: Compilation) -> Self {
        Self::of_compiled(compilation.compile())
    }

    pub(super) fn of_compiled(compiled: Compiled) -> Self {
        let index = Index::of_compiled(compiled);
        Self::of_index(index.expect("what was just compiled is an index, as the tests of the index make sure"))
    }

    /// Opens a compiled index. Little of it is read now; every part is verified when it is read.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Index::open(path).map(Self::of_index)
    }

    /// Opens an index of the cache: when a look-up finds it damaged it is removed, and the next run compiles it anew.
    pub(super) fn open_kept(path: &Path) -> Result<Self, IndexError> {
        Ok(Self { kept_at: Some(path.to_owned()), ..Self::open(path)? })
    }

    /// The bytes of an index file, to be written elsewhere.
    pub(super) fn copy(path: &Path) -> Result<Compiled, IndexError> {
        Index::open(path)?.to_compiled()
    }

    fn of_index(index: Index) -> Self {
        Self { index, damage: OnceLock::new(), kept_at: None, has_details: true, answers: Answers::default() }
    }

    /// The same advisories without their long texts, for reports that have no place for them.
    #[must_use]
    pub fn without_details(self) -> Self {
        Self { has_details: false, ..self }
    }

    /// The first damage of the index that a look-up came upon. After each project, a caller has to ask: where there is
    /// one, what was looked up may be incomplete, and nothing may be called clean or fixed.
    pub fn damage(&self) -> Option<&IndexError> {
        self.damage.get()
    }

    /// How many advisories there are, withdrawn ones left out.
    pub fn advisory_count(&self) -> usize {
        usize::try_from(self.index.metadata().advisories).unwrap_or(usize::MAX)
    }

    /// The ecosystems that advisories are about.
    pub(crate) fn ecosystems(&self) -> BTreeSet<Ecosystem> {
        self.index.metadata().ecosystems.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// What the index says about itself.
    pub(super) fn metadata(&self) -> &Metadata {
        self.index.metadata()
    }

    /// How large the index is.
    pub fn size(&self) -> IndexSize {
        let (bytes, lookup_bytes) = self.index.sizes();
        IndexSize { bytes, lookup_bytes, ranges: self.index.metadata().ranges }
    }

    /// Compiles advisories and writes the index, which [`AdvisoryDatabase::open`] opens.
    pub fn write_index(advisories: Vec<Advisory>, sink: &mut dyn std::io::Write) -> std::io::Result<()> {
        Compilation { advisories, ..Compilation::default() }.compile().write(sink)
    }

    /// What every record says, to be compared with another index.
    pub(super) fn contents(&self) -> Result<Contents, IndexError> {
        self.index.contents()
    }

    /// Reads everything.
    pub(super) fn verify(&self) -> Result<Verified, IndexError> {
        self.index.verify()
    }

    /// The flaws that affect a version: records that share a name (transitively, through their aliases) are one flaw.
    /// Sorted by kind and preferred name. A version that the ecosystem cannot order matches only explicit versions.
    pub fn affecting(&self, ecosystem: Ecosystem, package: &str, version: &str) -> Vec<FlawMatch> {
        self.affecting_in(ecosystem, None, package, version)
    }

    /// The flaws that affect a version in a release of an operating system. An entry about a release matches only that
    /// one, an entry about none matches all; without a known release, every entry matches.
    pub fn affecting_in(
        &self,
        ecosystem: Ecosystem,
        release: Option<&str>,
        package: &str,
        version: &str,
    ) -> Vec<FlawMatch> {
        if !self.may_know(ecosystem, package) {
            return Vec::new();
        }
        let question = Question { ecosystem, release, package, version };
        let answer = self.answers.get_or(&question, || self.matches(&question));
        self.or_damage(answer, Vec::new())
    }

    /// Whether no known vulnerability or attack affects the version. A version that the ecosystem cannot order is free
    /// only when no such advisory names a range of the package: what cannot be placed is not known to be safe.
    pub fn is_free_of_flaws(&self, ecosystem: Ecosystem, package: &str, version: &str) -> bool {
        self.or_damage(self.is_free(ecosystem, package, version), false)
    }

    /// Whether some record has this name, be it its own or an alias.
    pub fn knows(&self, id: &AdvisoryId) -> bool {
        self.or_damage(self.index.knows(id.as_str()), false)
    }

    /// Every record about a package with what it says, whichever versions that affects, in the order of sources and
    /// identifiers. Explicit versions that a range holds anyway are left out.
    pub fn records_about(&self, ecosystem: Ecosystem, package: &str) -> Vec<(RecordHead, Affected)> {
        self.or_damage(self.records(ecosystem, package), Vec::new())
    }

    /// The answer, or the answer that claims nothing once damage is noted.
    fn or_damage<T>(&self, answer: Result<T, IndexError>, nothing: T) -> T {
        answer.unwrap_or_else(|error| {
            if let (IndexError::Damaged { .. }, Some(path)) = (&error, &self.kept_at) {
                // It stays damaged, and the error is told, whether or not this works.
                let _ = std::fs::remove_file(path);
            }
            // Only the first is kept: others say no more.
            let _ = self.damage.set(error);
            nothing
        })
    }

    /// Whether something may be known about a package: nearly all packages are left here, without reading anything.
    fn may_know(&self, ecosystem: Ecosystem, package: &str) -> bool {
        let name = ecosystem.normalise(package);
        let has = |name: &str| self.index.may_have_package(ecosystem, name);
        has(&name) || repository_of(ecosystem, &name).is_some_and(has)
    }

    /// Calls `inspect` with everything that is known about a package; not at all when that is nothing.
    fn with_entries<T: Default>(
        &self,
        ecosystem: Ecosystem,
        package: &str,
        inspect: impl FnOnce(&[Entry<'_>]) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let name = ecosystem.normalise(package);
        let own = self.index.package(ecosystem, &name)?;
        let of_repository = match repository_of(ecosystem, &name) {
            Some(repository) => self.index.package(ecosystem, repository)?,
            None => None,
        };
        let mut entries = Vec::new();
        for package in own.iter().chain(&of_repository) {
            entries.extend(package.entries()?);
        }
        if entries.is_empty() { Ok(T::default()) } else { inspect(&entries) }
    }

    fn matches(&self, question: &Question<'_>) -> Result<Vec<FlawMatch>, IndexError> {
        let &Question { ecosystem, release, package, version } = question;
        self.with_entries(ecosystem, package, |entries| {
            let locked = Locked::new(ecosystem, version);
            let is_admitted = |entry: &&Entry<'_>| release::admits(ecosystem, entry.release, release);
            let mut admitted: Vec<&Entry<'_>> = entries.iter().filter(is_admitted).collect();
            admitted.sort_by_key(|entry| entry.flaw);
            let mut flaws = Vec::new();
            for entries in admitted.chunk_by(|left, right| left.flaw == right.flaw) {
                let affected = entries.iter().filter(|entry| locked.is_affected_by(&entry.claims));
                let mut records: Vec<u32> = affected.map(|entry| entry.record).collect();
                let Some(first) = entries.first().filter(|_| !records.is_empty()) else { continue };
                records.sort_unstable();
                records.dedup();
                let of_records = entries.iter().filter(|entry| records.binary_search(&entry.record).is_ok());
                let claims: Vec<&Claims<'_>> = of_records.map(|entry| &entry.claims).collect();
                let fixed = ranges::lowest_fix(&claims, &locked);
                flaws.push(self.flaw_match(&self.index.flaw(first.flaw)?, &records, fixed)?);
            }
            flaws.sort_by(|left, right| (left.kind, &left.flaw.id).cmp(&(right.kind, &right.flaw.id)));
            Ok(flaws)
        })
    }

    fn is_free(&self, ecosystem: Ecosystem, package: &str, version: &str) -> Result<bool, IndexError> {
        let has_flaw = self.with_entries(ecosystem, package, |entries| {
            let locked = Locked::new(ecosystem, version);
            Ok(entries.iter().any(|entry| {
                let is_flaw = match entry.kind {
                    AdvisoryKind::Vulnerability | AdvisoryKind::Malicious => true,
                    AdvisoryKind::Unmaintained | AdvisoryKind::Unsound | AdvisoryKind::Notice => false,
                };
                is_flaw
                    && (locked.is_affected_by(&entry.claims) || !locked.is_ordered() && !entry.claims.ranges.is_empty())
            }))
        })?;
        Ok(!has_flaw)
    }

    fn records(&self, ecosystem: Ecosystem, package: &str) -> Result<Vec<(RecordHead, Affected)>, IndexError> {
        self.with_entries(ecosystem, package, |entries| {
            let name = ecosystem.normalise(package);
            let places: BTreeSet<Place> = entries.iter().map(|entry| entry.flaw).collect();
            let bytes: Result<Vec<_>, _> = places.iter().map(|&place| self.index.flaw(place)).collect();
            let bytes = bytes?;
            let blocks: Result<Vec<_>, _> = bytes.iter().map(FlawBytes::decode).collect();
            let blocks = blocks?;
            let flaws: BTreeMap<Place, _> = places.into_iter().zip(bytes.iter().zip(&blocks)).collect();
            let mut records = Vec::with_capacity(entries.len());
            for entry in entries {
                let Some((bytes, flaw)) = flaws.get(&entry.flaw) else { continue };
                let (source, id) = bytes.identity(flaw, bytes.record(flaw, entry.record)?)?;
                let affected = Affected {
                    ecosystem,
                    release: entry.release.map(str::to_owned),
                    package: entry.spelling.unwrap_or(&name).to_owned(),
                    ranges: entry.claims.to_ranges(),
                    versions: entry.claims.versions.iter().map(|&version| version.to_owned()).collect(),
                };
                records.push((RecordHead { source: source.to_owned(), id, kind: entry.kind }, affected));
            }
            Ok(records)
        })
    }

    /// What some records of one flaw say together.
    fn flaw_match(
        &self,
        bytes: &FlawBytes<'_>,
        numbers: &[u32],
        fixed: Option<String>,
    ) -> Result<FlawMatch, IndexError> {
        let flaw = bytes.decode()?;
        // Sources come in the order of their names, which is the order of records.
        let mut records: Vec<(AdvisoryRecord, &FlawRecord)> = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let record = bytes.record(&flaw, number)?;
            let (source, id) = bytes.identity(&flaw, record)?;
            records.push((AdvisoryRecord { source: source.to_owned(), id }, record));
        }
        let mut texts = self.texts(&records)?;
        let cvss = highest_score(&texts);
        let told = texts.iter().position(|text| text.has_details);
        let told = told.or_else(|| texts.iter().position(|text| !text.summary.is_empty()));
        let told = told.and_then(|position| texts.get_mut(position)).map(std::mem::take).unwrap_or_default();
        let kinds = records.iter().map(|(_, record)| record.kind);
        let kind = kinds.min_by_key(|kind| gravity(*kind)).unwrap_or(AdvisoryKind::Notice);
        let (id, aliases) = names(bytes, &flaw)?;
        let references = texts.into_iter().flat_map(|text| text.references).chain(told.references);
        let references = sorted(references.filter(|link| link.starts_with("https://")).collect());
        Ok(FlawMatch {
            kind,
            severity: severity(kind, records.iter().map(|(_, record)| record.severity), flaw.exploited),
            flaw: Arc::new(KnownFlaw {
                id,
                aliases,
                summary: told.summary,
                details: told.details,
                references,
                cvss,
                exploited: flaw.exploited,
                likelihood: flaw.likelihood,
                fixed,
                records: sorted(records.into_iter().map(|(record, _)| record).collect()),
            }),
        })
    }

    /// What people read of each record; the long text of the first that has one.
    fn texts(&self, records: &[(AdvisoryRecord, &FlawRecord)]) -> Result<Vec<Text>, IndexError> {
        let mut is_told = !self.has_details;
        let mut texts = Vec::with_capacity(records.len());
        for (_, record) in records {
            let text = self.index.text(record.text, !is_told)?;
            is_told |= text.has_details;
            texts.push(text);
        }
        Ok(texts)
    }
}

/// The preferred name of a flaw, and the others sorted.
fn names(bytes: &FlawBytes<'_>, flaw: &FlawBlock<'_>) -> Result<(AdvisoryId, Vec<AdvisoryId>), IndexError> {
    let mut names = Vec::with_capacity(flaw.names.len());
    for name in &flaw.names {
        names.push(bytes.name(name)?);
    }
    let mut names = names.into_iter();
    let id = names.next().ok_or_else(|| bytes.damage())?;
    Ok((id, sorted(names.collect())))
}

/// In order, each once.
fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// The repository of an action: advisories name `owner/repository`, workflows `owner/repository/path`.
fn repository_of(ecosystem: Ecosystem, name: &str) -> Option<&str> {
    match ecosystem {
        Ecosystem::GitHubActions => {
            let (second_slash, _) = name.match_indices('/').nth(1)?;
            name.get(..second_slash)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advisory::{AffectedRange, RangeEvent};
    use crate::model::severity::Cvss;

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
