//! What an index must be: the same bytes for the same advisories, the same answers as a naive evaluation, and an error
//! or the same answer for every damage.

mod damage;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::advisory::contract::Annotation;
use crate::advisory::database::{AdvisoryDatabase, FlawMatch};
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::model::severity::{Cvss, Severity};

const ECOSYSTEMS: [Ecosystem; 3] = [Ecosystem::CratesIo, Ecosystem::Npm, Ecosystem::Packagist];
const PACKAGES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

fn id(text: &str) -> AdvisoryId {
    AdvisoryId::new(text).unwrap()
}

fn advisory(number: u32, ecosystem: Ecosystem, package: &str, events: &[(u8, u32)], versions: &[u32]) -> Advisory {
    let version = |number: u32| format!("{}.{}.0", number / 10, number % 10);
    let event = |&(kind, number): &(u8, u32)| match kind {
        0 => RangeEvent::Introduced(if number == 0 { "0".to_owned() } else { version(number) }),
        1 => RangeEvent::Fixed(version(number)),
        2 => RangeEvent::LastAffected(version(number)),
        _ => RangeEvent::Limit(version(number)),
    };
    let ranges =
        if events.is_empty() { vec![] } else { vec![AffectedRange { events: events.iter().map(event).collect() }] };
    Advisory {
        id: id(&format!("GHSA-{number}")),
        aliases: vec![id(&format!("CVE-2026-{}", number / 2))],
        source: "osv".to_owned(),
        kind: AdvisoryKind::Vulnerability,
        summary: format!("summary of {number}"),
        details: "A long text. ".repeat(usize::try_from(number).unwrap() * 20),
        references: vec![format!("https://example.org/{number}")],
        cvss: Some(Cvss { vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(), score: 8.1 }),
        severity: Severity::High,
        withdrawn: false,
        affected: vec![Affected {
            ecosystem,
            release: None,
            package: package.to_owned(),
            ranges,
            versions: versions.iter().map(|&number| version(number)).collect(),
        }],
    }
}

fn sample() -> Vec<Advisory> {
    vec![
        advisory(1, Ecosystem::CratesIo, "alpha", &[(0, 0), (1, 12)], &[]),
        advisory(2, Ecosystem::CratesIo, "alpha", &[(0, 5), (2, 20)], &[6, 30]),
        advisory(3, Ecosystem::Npm, "@scope/beta", &[(0, 0)], &[]),
        advisory(4, Ecosystem::Packagist, "Acme/Gamma", &[], &[10, 11]),
    ]
}

fn bytes_of(advisories: Vec<Advisory>) -> Vec<u8> {
    Compilation { advisories, ..Compilation::default() }.compile().into_bytes()
}

/// Opens bytes as a file, as a run does.
fn open(bytes: &[u8]) -> Result<AdvisoryDatabase, IndexError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.ppdb");
    std::fs::write(&path, bytes).unwrap();
    AdvisoryDatabase::open(&path)
}

/// Every answer, or the error that stands for it.
fn answers(database: &AdvisoryDatabase) -> Result<Vec<Vec<FlawMatch>>, String> {
    let mut answers = Vec::new();
    for (ecosystem, package) in [
        (Ecosystem::CratesIo, "alpha"),
        (Ecosystem::CratesIo, "absent"),
        (Ecosystem::Npm, "@scope/beta"),
        (Ecosystem::Packagist, "acme/gamma"),
        (Ecosystem::Go, "alpha"),
    ] {
        for version in ["0.5.0", "1.0.0", "1.1.0", "3.0.0"] {
            let found = database.affecting(ecosystem, package, version);
            let is_free = database.is_free_of_flaws(ecosystem, package, version);
            if let Some(damage) = database.damage() {
                return Err(damage.to_string());
            }
            assert_eq!(found.is_empty(), is_free);
            answers.push(found);
        }
    }
    let knows = ["GHSA-1", "CVE-2026-1", "CVE-2026-9"].map(|name| database.knows(&id(name)));
    if let Some(damage) = database.damage() {
        return Err(damage.to_string());
    }
    assert_eq!(knows, [true, true, false]);
    Ok(answers)
}

#[test]
fn the_same_advisories_give_the_same_bytes_in_any_order() {
    let first = bytes_of(sample());
    let mut turned = sample();
    turned.reverse();
    turned.push(sample().remove(0));
    assert_eq!(bytes_of(turned), first);
    let mut two_of_one_name = vec![sample().remove(0), advisory(1, Ecosystem::Npm, "other", &[(0, 0)], &[])];
    let one_order = bytes_of(two_of_one_name.clone());
    two_of_one_name.reverse();
    assert_eq!(bytes_of(two_of_one_name), one_order);
}

#[test]
fn a_change_of_the_format_is_a_new_version() {
    // Whoever changes what is written changes this number, and FORMAT_VERSION with it.
    let mut advisories = sample();
    // How well a text is compressed is the library's business.
    for advisory in &mut advisories {
        advisory.details.truncate(100);
    }
    assert_eq!(
        (FORMAT_VERSION, format!("{:016x}", xxh3_64(&bytes_of(advisories)))),
        (4, "05ccfd2b283516eb".to_owned())
    );
}

#[test]
fn what_is_exploited_is_rated_one_level_higher_and_an_attack_is_critical() {
    let rated = |severity, kind, exploited| {
        let mut record = advisory(2, Ecosystem::Npm, "demo", &[(0, 0)], &[]);
        record.severity = severity;
        record.kind = kind;
        let annotation = Annotation { id: id("CVE-2026-1"), exploited, likelihood: Some(0.25) };
        let other = Annotation { id: id("CVE-2026-777"), exploited: true, likelihood: Some(0.9) };
        let database = AdvisoryDatabase::with_annotations(vec![record], vec![annotation, other]);
        let found = database.affecting(Ecosystem::Npm, "demo", "1.0.0").remove(0);
        (found.severity, found.flaw.exploited, found.flaw.likelihood)
    };
    let vulnerability = AdvisoryKind::Vulnerability;
    for (from, to) in [
        (Severity::Low, Severity::Medium),
        (Severity::Medium, Severity::High),
        (Severity::Unknown, Severity::High),
        (Severity::High, Severity::Critical),
        (Severity::Critical, Severity::Critical),
    ] {
        assert_eq!(rated(from, vulnerability, true), (to, true, Some(0.25)));
        assert_eq!(rated(from, vulnerability, false), (from, false, Some(0.25)));
        assert_eq!(rated(from, AdvisoryKind::Malicious, false), (Severity::Critical, false, Some(0.25)));
    }
    // That nobody maintains a package is not what is exploited, whatever names the record lists.
    assert_eq!(rated(Severity::Low, AdvisoryKind::Unmaintained, true), (Severity::Low, false, None));
}

#[test]
fn entries_about_a_release_match_that_release() {
    let mut record = advisory(2, Ecosystem::Debian, "openssl", &[(0, 0)], &[]);
    record.affected[0].release = Some("12".to_owned());
    let database = AdvisoryDatabase::new(vec![record]);
    let found = |release| database.affecting_in(Ecosystem::Debian, release, "openssl", "1.0.0").len();
    assert_eq!([found(Some("12")), found(Some("11")), found(None)], [1, 0, 1]);
    assert_eq!(database.affecting(Ecosystem::Debian, "openssl", "1.0.0").len(), 1);
}

#[test]
fn records_are_told_as_they_were_written() {
    let database = AdvisoryDatabase::new(sample());
    let records = database.records_about(Ecosystem::Packagist, "ACME/gamma");
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].0.source.as_str(), records[0].0.id.as_str()), ("osv", "GHSA-4"));
    assert_eq!(records[0].1, sample()[3].affected[0]);
    let kept = database.records_about(Ecosystem::CratesIo, "alpha").remove(1).1;
    assert_eq!(kept.versions, ["3.0.0"], "0.6.0 is within the range");
    let long = &database.affecting(Ecosystem::Packagist, "acme/gamma", "1.0.0")[0].flaw.details;
    assert_eq!(*long, sample()[3].details, "also what was compressed");
}

#[test]
fn many_packages_are_found_each_by_its_own_name() {
    let many = |range: std::ops::Range<u32>| {
        range.map(|number| advisory(number, Ecosystem::Npm, &format!("package-{number}"), &[(0, 0), (1, 10)], &[]))
    };
    let index = Index::of_bytes(bytes_of(many(0..3_000).collect())).unwrap();
    assert_eq!(index.verify().unwrap(), Verified { packages: 3_000, entries: 3_000, records: 3_000 });
    for number in 0..3_100 {
        let found = index.package(Ecosystem::Npm, &format!("package-{number}")).unwrap();
        assert_eq!(found.map(|package| package.entries().unwrap().len()), (number < 3_000).then_some(1), "{number}");
    }
    assert!(index.package(Ecosystem::CratesIo, "package-1").unwrap().is_none());
}

/// What an entry says about a version by the words of the OSV schema, written in another way than the index has it.
fn is_affected(affected: &Affected, version: &semver::Version) -> bool {
    let at =
        |text: &str| if text == "0" { semver::Version::new(0, 0, 0) } else { semver::Version::parse(text).unwrap() };
    if affected.versions.iter().any(|explicit| at(explicit) == *version) {
        return true;
    }
    affected.ranges.iter().any(|range| {
        let limits: Vec<_> = range
            .events
            .iter()
            .filter_map(|event| if let RangeEvent::Limit(limit) = event { Some(at(limit)) } else { None })
            .collect();
        if !limits.is_empty() && !limits.iter().any(|limit| version < limit) {
            return false;
        }
        let mut events: Vec<_> = range.events.iter().filter(|event| !matches!(event, RangeEvent::Limit(_))).collect();
        let text = |event: &RangeEvent| match event {
            RangeEvent::Introduced(text) | RangeEvent::Fixed(text) => (at(text), false),
            RangeEvent::LastAffected(text) | RangeEvent::Limit(text) => (at(text), true),
        };
        events.sort_by_key(|event| text(event));
        let mut is_vulnerable = false;
        for event in events {
            match event {
                RangeEvent::Introduced(text) if *version >= at(text) => is_vulnerable = true,
                RangeEvent::Fixed(text) if *version >= at(text) => is_vulnerable = false,
                RangeEvent::LastAffected(text) if *version > at(text) => is_vulnerable = false,
                _ => {}
            }
        }
        is_vulnerable
    })
}

fn any_advisory() -> impl Strategy<Value = Advisory> {
    // The beginning of all versions is no version, and only a range that begins can stand there.
    let event = (0_u8..4, 0_u32..40).prop_map(|(kind, number)| (kind, if kind == 0 { number } else { number.max(1) }));
    let events = proptest::collection::vec(event, 0..5);
    let versions = proptest::collection::vec(0_u32..40, 0..4);
    (0_u32..40, 0..3_usize, 0..4_usize, events, versions, any::<bool>()).prop_map(
        |(number, ecosystem, package, events, versions, withdrawn)| {
            let mut advisory = advisory(number, ECOSYSTEMS[ecosystem], PACKAGES[package], &events, &versions);
            advisory.withdrawn = withdrawn && number % 5 == 0;
            advisory.details.truncate(600);
            advisory
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_answers_as_the_advisories_do(advisories in proptest::collection::vec(any_advisory(), 0..30)) {
        let database = open(&bytes_of(advisories.clone())).unwrap();
        database.verify().unwrap();
        for ecosystem in ECOSYSTEMS {
            for package in PACKAGES {
                for version in (0..45).step_by(3).map(|number| semver::Version::new(number / 10, number % 10, 0)) {
                    let matching = advisories.iter().filter(|advisory| {
                        !advisory.withdrawn && advisory.affected.iter().any(|affected| {
                            affected.ecosystem == ecosystem && affected.package == package && is_affected(affected, &version)
                        })
                    });
                    let expected: std::collections::BTreeSet<_> = matching.map(|advisory| advisory.id.clone()).collect();
                    let found = database.affecting(ecosystem, package, &version.to_string());
                    let records = found.iter().flat_map(|found| &found.flaw.records).map(|record| record.id.clone());
                    prop_assert_eq!(records.collect::<std::collections::BTreeSet<_>>(), expected, "{} {}", package, version);
                }
            }
        }
        prop_assert!(database.damage().is_none());
    }

    #[test]
    fn no_bytes_make_an_index_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), with_magic in any::<bool>()) {
        let mut bytes = bytes;
        if with_magic && bytes.len() > 12 {
            bytes[..12].copy_from_slice(b"\x89PPDB\r\n\x1a\x01\0\0\0");
        }
        prop_assert!(Index::of_bytes(bytes).is_err());
    }
}
