//! OSV: the Open Source Vulnerability format, as JSON or YAML, of any database that exports it.

mod affected;
mod rating;
mod wire;

use std::fmt;

use jiff::Timestamp;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::contract::{Reading, RecordError, RecordFile, Source, aliases, has_extension};
use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind};
use crate::model::severity::Severity;
use affected::affected;
use rating::rating;
use wire::{Specific, Wire};

/// Reads records of the OSV schema (<https://ossf.github.io/osv-schema/>); one per file, or a list of them.
pub(super) struct Osv;

impl Source for Osv {
    fn id(&self) -> &'static str {
        "osv"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Osv
    }

    fn claims(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.starts_with('.') && ["json", "yaml", "yml"].iter().any(|extension| has_extension(name, extension))
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let text = file.text()?;
        let mut reading = Reading::default();
        if !has_extension(file.path, "json") {
            reading.add(self.id(), serde_saphyr::from_str(text).map_err(|error| RecordError::of(&error))?)?;
            return Ok(reading);
        }
        let failure = match serde_json::from_str::<Wire>(text) {
            Ok(wire) => {
                reading.add(self.id(), wire)?;
                return Ok(reading);
            }
            Err(failure) => failure,
        };
        let mut list = serde_json::Deserializer::from_str(text);
        let visitor = RecordList { source: self.id(), reading: &mut reading };
        // The complaint about a single record says more than the one about a list that it never was.
        list.deserialize_any(visitor).and_then(|()| list.end()).map_err(|_| RecordError::of(&failure))?;
        Ok(reading)
    }
}

/// Several records in one file: a plain list, or the answer of OSV's own API (`{"vulns": […]}`). They are read one by one,
/// so that a file of hundreds of megabytes needs no more memory than its records do here, and a record that cannot be
/// understood loses none of the others.
struct RecordList<'a> {
    source: &'static str,
    reading: &'a mut Reading,
}

impl<'de> DeserializeSeed<'de> for RecordList<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RecordList<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<&RawValue>()? {
            self.reading.add_text(self.source, record.get());
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "vulns" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            is_found = true;
            map.next_value_seed(RecordList { source: self.source, reading: &mut *self.reading })?;
        }
        if is_found { Ok(()) } else { Err(A::Error::missing_field("vulns")) }
    }
}

impl Reading {
    fn add_text(&mut self, source: &str, text: &str) {
        let outcome = serde_json::from_str(text).map_err(|error| RecordError::of(&error));
        if outcome.and_then(|wire| self.add(source, wire)).is_err() {
            self.skipped += 1;
        }
    }

    fn add(&mut self, source: &str, wire: Wire) -> Result<(), RecordError> {
        if wire.affected.is_none() && wire.modified.is_none() {
            // The schema demands `modified`; hand-written records lack it now and then. What has neither is something else.
            return Err(RecordError::malformed("it has neither `modified` nor `affected`"));
        }
        let changed = wire.modified.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let (advisory, is_partial) = advisory(source, wire)?;
        self.changed = self.changed.max(changed);
        self.skipped += usize::from(is_partial);
        if advisory.affected.is_empty() {
            self.foreign += 1;
        } else {
            self.advisories.push(advisory);
        }
        Ok(())
    }
}

fn advisory(source: &str, mut wire: Wire) -> Result<(Advisory, bool), RecordError> {
    let id = AdvisoryId::new(&wire.id).map_err(|error| RecordError::of(&error))?;
    let list = wire.affected.take().unwrap_or_default();
    let (entries, mut is_partial) = (list.items, list.is_cut);
    let upstream = own_cve(&id, &wire);
    let aliases = aliases(&id, wire.aliases.items.iter().map(String::as_str).chain(upstream.as_deref()));
    let specifics = || std::iter::once(&wire.database_specific).chain(entries.iter().map(|it| &it.database_specific));
    let kind = kind(&id, &aliases, specifics());
    let (cvss, rated) = rating(&wire, &entries);
    let affected = entries.into_iter().flat_map(|entry| affected(entry, &mut is_partial)).collect();
    let advisory = Advisory {
        id,
        aliases,
        source: source.to_owned(),
        kind,
        summary: wire.summary.unwrap_or_default(),
        details: wire.details.unwrap_or_default(),
        references: wire.references.items.into_iter().filter_map(|reference| reference.url).collect(),
        cvss,
        severity: if kind == AdvisoryKind::Malicious { Severity::Critical } else { rated },
        withdrawn: wire.withdrawn.is_some_and(|time| !time.trim().is_empty()),
        affected,
    };
    Ok((advisory, is_partial))
}

/// The one CVE that a record of a distribution is about (`UBUNTU-CVE-2024-1`, or a `DSA-5000-1` of upstream `CVE-2024-1`).
///
/// The schema forbids to take `upstream` for aliases: a notice such as USN or RHSA bundles many flaws, and taking them for
/// one would merge them all. A record that is about one single CVE is about that flaw and no other, so that it is reported
/// once, and CISA's catalogue, EPSS and an ignore by CVE reach it. Older exports of notices name it as `related`.
fn own_cve(id: &AdvisoryId, wire: &Wire) -> Option<String> {
    let upstream = &wire.upstream.items;
    if let Some((_, number)) = id.as_str().split_once("-CVE-") {
        let cve = format!("CVE-{number}");
        return upstream.contains(&cve).then_some(cve);
    }
    let is_notice = NOTICES.iter().any(|prefix| id.as_str().starts_with(prefix));
    let named = if upstream.is_empty() { &wire.related.items } else { upstream };
    let mut flaws: Vec<&String> = named.iter().filter(|name| name.starts_with("CVE-")).collect();
    flaws.sort_unstable();
    flaws.dedup();
    match flaws.as_slice() {
        [one] if is_notice => Some((*one).clone()),
        _ => None,
    }
}

/// How notices of distributions begin (<https://ossf.github.io/osv-schema/#id-modified-fields>).
const NOTICES: [&str; 19] = [
    "ALBA-", "ALEA-", "ALSA-", "ALPINE-", "AZL-", "BELL-", "CGA-", "DLA-", "DSA-", "DTSA-", "LSN-", "MGASA-", "MINI-",
    "OESA-", "RHBA-", "RHSA-", "RLSA-", "SUSE-", "USN-",
];

fn kind<'a>(
    id: &AdvisoryId,
    aliases: &[AdvisoryId],
    mut specifics: impl Iterator<Item = &'a Specific> + Clone,
) -> AdvisoryKind {
    // The prefix of OpenSSF's malicious-packages database, and the field in which it says where it has a record from.
    let is_malicious = std::iter::once(id).chain(aliases).any(|name| name.as_str().starts_with("MAL-"));
    if is_malicious || specifics.clone().any(|specific| specific.is_malicious) {
        return AdvisoryKind::Malicious;
    }
    match specifics.find_map(Specific::informational) {
        None => AdvisoryKind::Vulnerability,
        Some("unmaintained") => AdvisoryKind::Unmaintained,
        Some("unsound") => AdvisoryKind::Unsound,
        Some(_) => AdvisoryKind::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advisory::{Affected, RangeEvent};
    use crate::model::ecosystem::Ecosystem;

    fn read(path: &str, text: &str) -> Result<Reading, RecordError> {
        Osv.read(&RecordFile { path, content: text.as_bytes() })
    }

    fn one(text: &str) -> Advisory {
        let mut reading = read("x.json", text).expect("well-formed");
        assert_eq!((reading.advisories.len(), reading.skipped), (1, 0), "{text}");
        reading.advisories.remove(0)
    }

    fn record(id: &str, more: &str) -> String {
        format!(
            r#"{{"id": "{id}", "modified": "2026-01-02T03:04:05Z"{more}, "affected": [{{"package": {{"ecosystem": "npm",
                "name": "demo"}}, "ranges": [{{"type": "SEMVER", "events": [{{"introduced": "0"}}]}}]}}]}}"#
        )
    }

    #[test]
    fn a_record_is_taken_with_what_concerns_known_ecosystems() {
        let text = include_str!("../../tests/fixtures/advisory/osv/GHSA-demo-0001.json");
        let reading = read("GHSA-demo-0001.json", text).expect("well-formed");
        assert_eq!(reading.changed, Some("2026-03-04T05:06:07Z".parse().expect("a time")));
        let advisory = &reading.advisories[0];
        assert_eq!(advisory.aliases.iter().map(AdvisoryId::as_str).collect::<Vec<_>>(), ["CVE-2026-0001"]);
        assert_eq!((advisory.kind, advisory.severity), (AdvisoryKind::Vulnerability, Severity::High));
        assert_eq!(advisory.cvss.as_ref().map(|cvss| cvss.vector.starts_with("CVSS:4.0/")), Some(true));
        let [npm, composer, debian] = advisory.affected.as_slice() else { panic!("three known ecosystems") };
        assert_eq!((npm.ecosystem, npm.package.as_str(), npm.ranges.len()), (Ecosystem::Npm, "demo-parser", 1));
        assert_eq!(npm.ranges[0].events.len(), 4, "a range of commits that names no affected one is left out");
        assert_eq!((composer.ecosystem, composer.versions.len()), (Ecosystem::Packagist, 2));
        assert_eq!((debian.ecosystem, debian.release.as_deref()), (Ecosystem::Debian, Some("13")));
        assert_eq!(advisory.references, ["https://example.org/GHSA-demo-0001"]);
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let yaml = "id: X-1\nmodified: 2026-01-02T03:04:05Z\nseverity:\n- type: CVSS_V3\n  \
                    score: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\naffected:\n- package:\n    ecosystem: npm\n    \
                    name: demo\n  ranges:\n  - type: SEMVER\n    events:\n    - introduced: 0\n";
        let json = record(
            "X-1",
            r#", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]"#,
        );
        let yaml = read("x.yaml", yaml).expect("well-formed").advisories.remove(0);
        assert_eq!(yaml, one(&json));
        assert_eq!(yaml.severity, Severity::Critical);
    }

    #[test]
    fn the_rating_is_the_newest_vector_then_the_word_then_unknown() {
        let v2 = r#"{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}"#;
        let v3 = r#"{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}"#;
        let bad = r#"{"type": "CVSS_V4", "score": "CVSS:4.0/AV:?"}"#;
        let odd = r#"{"type": "Ubuntu", "score": {"x": 1}}, {"score": 7}, {}"#;
        let word = r#""database_specific": {"severity": "MODERATE", "cwe_ids": []}"#;
        let severity = |more: &str| one(&record("GHSA-1", more)).severity;
        assert_eq!(severity(&format!(r#", "severity": [{v2}]"#)), Severity::Critical);
        assert_eq!(severity(&format!(r#", "severity": [{v2}, {v3}, {bad}, {odd}]"#)), Severity::Low);
        assert_eq!(severity(&format!(r#", "severity": [{bad}], {word}"#)), Severity::Medium);
        assert_eq!(severity(&format!(", {word}")), Severity::Medium);
        assert_eq!(severity(r#", "database_specific": {"severity": ["HIGH"]}"#), Severity::Unknown);
        assert_eq!(severity(r#", "database_specific": "text", "severity": null"#), Severity::Unknown);
    }

    #[test]
    fn attacks_and_informational_records_are_told_apart() {
        let malicious = one(&record("MAL-2026-1", r#", "database_specific": {"severity": "LOW"}"#));
        assert_eq!((malicious.kind, malicious.severity), (AdvisoryKind::Malicious, Severity::Critical));
        let unsound = one(&record("RUSTSEC-2026-1", r#", "database_specific": {"informational": "unsound"}"#));
        assert_eq!(unsound.kind, AdvisoryKind::Unsound);
        let exported = record("RUSTSEC-2026-2", "")
            .replace(r#""ranges""#, r#""database_specific": {"informational": "unmaintained"}, "ranges""#);
        assert_eq!(one(&exported).kind, AdvisoryKind::Unmaintained);
        assert!(one(&record("GHSA-1", r#", "withdrawn": "2026-01-01T00:00:00Z""#)).withdrawn);
    }

    #[test]
    fn several_records_in_one_file_and_foreign_ones_are_counted() {
        let good = record("GHSA-1", "");
        let foreign = record("GO-1", "").replace("\"npm\"", "\"Android\"");
        let bad = r#"{"id": 1}"#;
        for text in [format!("[{good}, {foreign}, {bad}]"), format!(r#"{{"vulns": [{good}, {foreign}, {bad}]}}"#)] {
            let reading = read("all.json", &text).expect("a list");
            assert_eq!((reading.advisories.len(), reading.foreign, reading.skipped), (1, 1, 1));
        }
        let elsewhere = record("GHSA-2", "").replace("\"npm\"", "\"Packagist:https://repository.example\"");
        assert_eq!(one(&elsewhere).affected[0].ecosystem, Ecosystem::Packagist);
    }

    /// The entries of a record whose `affected` is this text.
    fn entries(affected: &str) -> Vec<Affected> {
        one(&format!(r#"{{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": [{affected}]}}"#)).affected
    }

    fn from(version: &str) -> RangeEvent {
        RangeEvent::Introduced(version.to_owned())
    }

    #[test]
    fn every_ecosystem_is_known_by_its_name_and_systems_with_their_release() {
        let of = |name: &str| {
            let entry = format!(r#"{{"package": {{"ecosystem": "{name}", "name": "demo"}}, "versions": ["1"]}}"#);
            let text = format!(r#"{{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": [{entry}]}}"#);
            let entry = read("x.json", &text).expect("well-formed").advisories.pop()?.affected.pop()?;
            Some((entry.ecosystem, entry.release))
        };
        for ecosystem in Ecosystem::ALL {
            assert_eq!(of(ecosystem.as_str()), Some((ecosystem, None)));
        }
        for (name, ecosystem, release) in [
            ("Debian:12", Ecosystem::Debian, Some("12")),
            ("Ubuntu:22.04:LTS", Ecosystem::Ubuntu, Some("22.04:LTS")),
            ("Ubuntu:Pro:18.04:LTS", Ecosystem::Ubuntu, Some("Pro:18.04:LTS")),
            ("Alpine:v3.19", Ecosystem::Alpine, Some("v3.19")),
            ("Red Hat:enterprise_linux:9::appstream", Ecosystem::RedHat, Some("enterprise_linux:9::appstream")),
            ("SUSE:Linux Enterprise Server 15 SP3", Ecosystem::Suse, Some("Linux Enterprise Server 15 SP3")),
            ("Packagist:https://repository.example/8", Ecosystem::Packagist, None),
            ("Maven:https://repository.example", Ecosystem::Maven, None),
            ("Debian:", Ecosystem::Debian, None),
        ] {
            assert_eq!(of(name), Some((ecosystem, release.map(str::to_owned))), "{name}");
        }
        for foreign in ["Android", "OSS-Fuzz", "Root:Alpine:3.18", "npm:other", "debian:12", "", ":12"] {
            assert_eq!(of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_range_of_commits_is_an_entry_about_the_repository() {
        let commit = |digit: char| digit.to_string().repeat(40);
        let (came, seen, gone) = (commit('a'), commit('b'), commit('c'));
        let entry = format!(
            r#"{{"package": {{"ecosystem": "PyPI", "name": "demo"}}, "versions": ["1.0", "1.1"], "ranges": [
                {{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "1.2"}}]}},
                {{"type": "GIT", "repo": "https://user@GitHub.com/Acme/Tool.git",
                  "events": [{{"introduced": "0"}}, {{"fixed": "{gone}"}}]}},
                {{"type": "GIT", "repo": "git@github.com:acme/tool",
                  "events": [{{"introduced": "{came}"}}, {{"last_affected": "{seen}"}}, {{"introduced": "{gone}"}}]}}]}}"#
        );
        let found = entries(&entry);
        let [python, repository] = found.as_slice() else { panic!("the package and the repository: {found:?}") };
        assert_eq!((python.ecosystem, python.ranges.len(), python.versions.len()), (Ecosystem::PyPi, 1, 2));
        assert_eq!((repository.ecosystem, repository.package.as_str()), (Ecosystem::Git, "github.com/acme/tool"));
        assert!(repository.ranges.is_empty());
        let expected = ["1.0".to_owned(), "1.1".to_owned(), came, seen];
        assert_eq!(repository.versions, expected, "a commit at which it is fixed never matches");

        let alone = entries(
            r#"{"versions": ["v1.0"], "ranges": [{"type": "GIT", "repo": "https://git.example/a/b",
                "events": [{"introduced": "0"}]}]}"#,
        );
        assert_eq!((alone.len(), alone[0].package.as_str()), (1, "git.example/a/b"));
        let nameless = r#"{"versions": ["v1.0"], "ranges": [{"type": "GIT", "repo": "../../etc",
                "events": [{"introduced": "0"}]}]}"#;
        let text = format!(r#"{{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": [{nameless}]}}"#);
        assert_eq!(read("x.json", &text).expect("well-formed").foreign, 1);
    }

    #[test]
    fn the_last_version_that_github_knows_closes_an_open_range() {
        let last = |bound: &str, events: &str| {
            let specific = format!(r#"{{"last_known_affected_version_range": "{bound}"}}"#);
            let entry = format!(
                r#"{{"package": {{"ecosystem": "npm", "name": "demo"}}, "database_specific": {specific},
                    "ranges": [{{"type": "ECOSYSTEM", "events": [{events}]}}]}}"#
            );
            entries(&entry).remove(0).ranges.remove(0).events
        };
        let open = r#"{"introduced": "0"}"#;
        let text = |version: &str| version.to_owned();
        assert_eq!(last("<= 1.2.3", open), [from("0"), RangeEvent::LastAffected(text("1.2.3"))]);
        assert_eq!(last("< 1.2.3", open), [from("0"), RangeEvent::Limit(text("1.2.3"))], "nobody calls 1.2.3 fixed");
        assert_eq!(last("= 1.2.3", open), [from("0"), RangeEvent::LastAffected(text("1.2.3"))]);
        assert_eq!(last(">= 1.0, <= 1.2.3", open), [from("0"), RangeEvent::LastAffected(text("1.2.3"))]);
        let later = r#"{"introduced": "2.0.0"}"#;
        assert_eq!(last("<= 1.2.3", later), [from("2.0.0")], "a bound below the beginning is about something else");
        assert_eq!(last("<= 2.0.0", later).len(), 2);
        assert_eq!(last("< 2.0.0", later).len(), 1);
        for nothing in ["", "1.2.3", "<", "<= nothing", "~> 1"] {
            assert_eq!(last(nothing, open), [from("0")], "{nothing}");
        }
        let closed = r#"{"introduced": "0"}, {"fixed": "1.0.0"}"#;
        assert_eq!(last("<= 1.2.3", closed).len(), 2, "a range that has an end keeps it");
    }

    #[test]
    fn databases_rate_in_words_of_their_own() {
        let of = |top: &str, entry: &str| {
            let text = record("X-1", top).replace(r#""ranges""#, &format!(r#"{entry} "ranges""#));
            one(&text).severity
        };
        let typed = |word: &str| format!(r#", "severity": [{{"type": "Ubuntu", "score": "{word}"}}]"#);
        assert_eq!(of(&typed("negligible"), ""), Severity::Low);
        assert_eq!(of(&typed("high"), ""), Severity::High);
        assert_eq!(of(&typed("untriaged"), ""), Severity::Unknown);
        let vector = r#""severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"#;
        assert_eq!(of(r#", "database_specific": {"severity": "LOW"}"#, vector), Severity::Critical);
        assert_eq!(of("", r#""severity": [{"type": "Ubuntu", "score": "medium"}],"#), Severity::Medium);
        assert_eq!(of("", r#""database_specific": {"severity": "Important"},"#), Severity::High);
        assert_eq!(of("", r#""ecosystem_specific": {"urgency": "low**"},"#), Severity::Low);
        assert_eq!(of("", r#""ecosystem_specific": {"urgency": "not yet assigned"},"#), Severity::Unknown);
        assert_eq!(
            of("", r#""ecosystem_specific": {"ubuntu_priority": "critical", "severity": 7},"#),
            Severity::Critical
        );
        assert_eq!(of("", r#""ecosystem_specific": [[1]], "database_specific": 1.5,"#), Severity::Unknown);
    }

    #[test]
    fn what_is_upstream_or_related_is_no_other_name() {
        let names =
            |id: &str, more: &str| one(&record(id, more)).aliases.iter().map(ToString::to_string).collect::<Vec<_>>();
        let upstream = r#", "upstream": ["CVE-2024-1", "CVE-2024-2"], "related": ["CVE-2024-3"]"#;
        assert!(names("USN-1-1", upstream).is_empty(), "a notice about two flaws does not make them one");
        assert_eq!(names("UBUNTU-CVE-2024-1", upstream), ["CVE-2024-1"]);
        assert!(names("DEBIAN-CVE-2024-9", upstream).is_empty());
        for (id, names_of_it, expected) in [
            ("DSA-5000-1", r#", "upstream": ["CVE-2024-1"]"#, &["CVE-2024-1"][..]),
            ("CGA-aaaa-bbbb-cccc", r#", "upstream": ["CVE-2024-1", "GHSA-aaaa-bbbb-cccc"]"#, &["CVE-2024-1"]),
            ("DLA-1-1", r#", "related": ["CVE-2024-1"]"#, &["CVE-2024-1"]),
            ("RHSA-2024:1", r#", "related": ["CVE-2024-1", "CVE-2024-2"]"#, &[]),
            ("GHSA-aaaa-bbbb-cccc", r#", "related": ["CVE-2024-1"]"#, &[]),
        ] {
            assert_eq!(names(id, names_of_it), expected, "{id}");
        }
        assert_eq!(names("GHSA-1", r#", "aliases": ["CVE-2024-4"]"#), ["CVE-2024-4"]);
    }

    #[test]
    fn malicious_and_unmaintained_packages_are_told_by_what_databases_add() {
        let origins = r#", "database_specific": {"malicious-packages-origins": [{"source": "x"}], "severity": "LOW"}"#;
        let malicious = one(&record("GHSA-1", origins));
        assert_eq!((malicious.kind, malicious.severity), (AdvisoryKind::Malicious, Severity::Critical));
        assert_eq!(one(&record("GHSA-1", r#", "aliases": ["MAL-2026-1"]"#)).kind, AdvisoryKind::Malicious);
        let flagged = one(&record("X-1", r#", "database_specific": {"unmaintained": true}"#));
        assert_eq!(flagged.kind, AdvisoryKind::Unmaintained);
        assert_eq!(
            one(&record("X-1", r#", "database_specific": {"unmaintained": false}"#)).kind,
            AdvisoryKind::Vulnerability
        );
        assert!(!one(&record("X-1", r#", "withdrawn": null"#)).withdrawn);
    }

    #[test]
    fn absurd_lists_are_cut_while_they_are_read() {
        let events = vec![r#"{"introduced":"1"}"#; 1_000_000].join(",");
        let absurd = format!(
            r#"{{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": [{{"package": {{"ecosystem": "npm",
                "name": "demo"}}, "versions": ["1.0.0"], "ranges": [{{"type": "SEMVER", "events": [{events}]}}]}}]}}"#
        );
        let reading = read("x.json", &absurd).expect("well-formed");
        assert_eq!(reading.skipped, 1, "it is named");
        let affected = &reading.advisories[0].affected[0];
        assert_eq!((affected.ranges.len(), affected.versions.len()), (0, 1), "half a range would say the contrary");
        let ranges = absurd.replace(&events, r#"{"introduced":"1"}"#).replace(r#"["1.0.0"]"#, "null");
        assert_eq!(read("x.json", &ranges).expect("well-formed").skipped, 0);
    }

    #[test]
    fn hostile_records_are_refused_without_a_panic() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
        }
        for text in [
            String::new(),
            "null".to_owned(),
            "\"text\"".to_owned(),
            r#"{"id": "../../etc/passwd", "modified": "x"}"#.to_owned(),
            r#"{"id": "GHSA-1\n@all", "modified": "x"}"#.to_owned(),
            format!(r#"{{"id": "{}", "modified": "x"}}"#, "A".repeat(10_000)),
            r#"{"id": "package.json"}"#.to_owned(),
            format!(r#"{{"id": "X", "modified": "x", "database_specific": {{"severity": {deep}}}}}"#),
        ] {
            assert!(read("x.json", &text).is_err(), "{:?} was taken", &text[..text.len().min(80)]);
        }
        assert_eq!(read("x.json", &deep).expect("a list with one bad record").skipped, 1);
        let unused = read("x.json", &format!(r#"{{"id": "X", "modified": "x", "database_specific": {deep}}}"#));
        assert!(unused.is_ok(), "what nobody reads is read over, however deep it is");
        assert!(read("x.yaml", &format!("{bomb}id: X\nmodified: x\n")).is_err());
        assert!(read("x.yaml", &deep).is_err());
        assert!(Osv.read(&RecordFile { path: "x.json", content: b"\xff\xfe{}" }).is_err());
    }
}
