//! Every source against records that were changed at random: an error or a reading, never a panic.

use proptest::prelude::*;

use super::SOURCES;
use super::bounds::bounded;
use super::contract::RecordFile;
use super::database::AdvisoryDatabase;
use crate::model::advisory::AdvisoryId;
use crate::model::ecosystem::Ecosystem;

/// One whole record of each source, with the path at which it stands.
const RECORDS: [(&str, &str); 7] = [
    ("GHSA-demo-0001.json", include_str!("../../tests/fixtures/advisory/osv/GHSA-demo-0001.json")),
    (
        "PYSEC-1.yaml",
        "id: PYSEC-1\nmodified: 2026-01-02T03:04:05Z\naffected:\n- package: {ecosystem: PyPI, name: demo}\n  versions: ['1.0', 1.1]\n  ranges:\n  - type: GIT\n    repo: https://git.example/a/b\n    events: [{introduced: 0}]\n",
    ),
    (
        "crates/demo-arena/RUSTSEC-2026-9001.md",
        include_str!("../../tests/fixtures/advisory/rustsec/crates/demo-arena/RUSTSEC-2026-9001.md"),
    ),
    (
        "acme/shop/CVE-2026-0002.yaml",
        "title: t\nlink: https://example.org\nreference: composer://acme/shop\nbranches:\n  a: {time: ~, versions: ['>=1', '<2']}\n",
    ),
    (
        "gems/demo-mailer/CVE-2026-0003.yml",
        include_str!("../../tests/fixtures/advisory/ruby-sec/gems/demo-mailer/CVE-2026-0003.yml"),
    ),
    (
        "known_exploited_vulnerabilities.json",
        include_str!("../../tests/fixtures/advisory/kev/known_exploited_vulnerabilities.json"),
    ),
    ("epss_scores.csv", include_str!("../../tests/fixtures/advisory/epss/epss_scores.csv")),
];

/// What a record may have in the place of something else.
const INSERTS: [&[u8]; 22] = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\"",
    b"'",
    b"\n",
    b"\xff\xfe",
    b"\0",
    b"[[[[",
    b"../../etc/passwd",
    b"a/../b",
    b"&a [*a]",
    b"<<: *x",
    b"1.0.0.A",
    b"~> ",
    b">=",
    b"*",
    "\u{1F600}".as_bytes(),
];

/// Reads a file with every source that claims it, bounds what comes out and asks the database about it.
fn read(path: &str, content: &[u8]) -> usize {
    let mut records = 0;
    for source in SOURCES.iter().filter(|source| source.claims(path)) {
        let Ok(reading) = source.read(&RecordFile { path, content }) else { continue };
        records += reading.advisories.len() + reading.annotations.len();
        let advisories: Vec<_> =
            reading.advisories.into_iter().filter_map(|advisory| bounded(advisory).advisory).collect();
        let names: Vec<_> = advisories.iter().flat_map(|advisory| &advisory.affected).cloned().collect();
        let database = AdvisoryDatabase::new(advisories);
        for affected in names {
            let _ = database.affecting(affected.ecosystem, &affected.package, "1.0.0");
        }
    }
    records
}

#[test]
fn the_records_are_read_as_they_are() {
    for (path, text) in RECORDS {
        assert!(read(path, text.as_bytes()) > 0, "{path} is not read");
    }
}

#[test]
fn identifiers_with_parts_of_a_path_never_come_through() {
    for bad in ["../../etc/passwd", "a/../b", "/etc/passwd", "a\\u0000b", "a b", "", &"A".repeat(10_000)] {
        let record = format!(
            r#"{{"id": "{bad}", "modified": "x", "aliases": ["{bad}"], "affected": [{{"package": {{"ecosystem": "npm",
                "name": "demo"}}, "versions": ["1.0.0"]}}]}}"#
        );
        let list = format!("[{record}, {}]", record.replacen(bad, "GOOD-1", usize::from(!bad.is_empty())));
        for source in SOURCES.iter().filter(|source| source.claims("x.json")) {
            assert!(source.read(&RecordFile { path: "x.json", content: record.as_bytes() }).is_err(), "{bad:?}");
            let Ok(reading) = source.read(&RecordFile { path: "x.json", content: list.as_bytes() }) else { continue };
            let ids =
                reading.advisories.iter().flat_map(|advisory| std::iter::once(&advisory.id).chain(&advisory.aliases));
            assert!(ids.map(AdvisoryId::as_str).all(|id| id == "GOOD-1"), "{bad:?} came through");
        }
    }
}

#[test]
fn a_summary_of_megabytes_becomes_a_line() {
    let record = RECORDS[0].1.replace("demo-parser reads past", &"word ".repeat(2_000_000));
    let source = SOURCES.iter().find(|source| source.id() == "osv").expect("in the table");
    let mut reading = source.read(&RecordFile { path: "x.json", content: record.as_bytes() }).expect("well-formed");
    let advisory = bounded(reading.advisories.remove(0)).advisory.expect("whole but for its text");
    assert!(advisory.summary.len() < 1_000);
    let database = AdvisoryDatabase::new(vec![advisory]);
    assert!(database.affecting(Ecosystem::Npm, "demo-parser", "2.0.0")[0].flaw.summary.len() < 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Cuts something out of a record, puts something else there, up to four times.
    #[test]
    fn changed_records_never_panic(
        record in 0..RECORDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, 0..INSERTS.len()), 1..4),
    ) {
        let (path, text) = RECORDS[record];
        let mut content = text.as_bytes().to_vec();
        for (start, length, insert) in changes {
            let start = start.index(content.len() + 1);
            let end = (start + length).min(content.len());
            content.splice(start..end, INSERTS[insert].iter().copied());
        }
        read(path, &content);
    }

    /// Any bytes at all, under the name of each kind of record.
    #[test]
    fn any_bytes_never_panic(record in 0..RECORDS.len(), content in prop::collection::vec(any::<u8>(), 0..300)) {
        read(RECORDS[record].0, &content);
    }
}
