//! OSV: the Open Source Vulnerability format, as JSON or YAML, of any database that exports it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::contract::{Reading, RecordError, RecordFile, Source, aliases, has_extension, parse_cvss};
use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::model::severity::{Cvss, Severity};

/// Reads records of the OSV schema (<https://ossf.github.io/osv-schema/>); one per file, or a list of them.
///
/// The structs are our own and tolerant: a field that is new, or null, or of a shape that one database alone uses, costs
/// that field and not the record.
pub(super) struct Osv;

#[derive(Deserialize)]
struct Wire {
    id: String,
    modified: Option<String>,
    withdrawn: Option<String>,
    aliases: Option<Vec<String>>,
    summary: Option<String>,
    details: Option<String>,
    severity: Option<Vec<WireSeverity>>,
    affected: Option<Vec<WireAffected>>,
    references: Option<Vec<WireReference>>,
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct WireSeverity {
    #[serde(rename = "type")]
    kind: Option<String>,
    score: Option<Value>,
}

#[derive(Deserialize)]
struct WireAffected {
    package: Option<WirePackage>,
    ranges: Option<Vec<WireRange>>,
    versions: Option<Vec<String>>,
    severity: Option<Vec<WireSeverity>>,
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct WirePackage {
    ecosystem: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct WireRange {
    #[serde(rename = "type")]
    kind: Option<String>,
    events: Option<Vec<WireEvent>>,
}

#[derive(Deserialize)]
struct WireEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

#[derive(Deserialize)]
struct WireReference {
    url: Option<String>,
}

/// What a database adds on its own: GitHub a severity word, RustSec the kind of an informational record.
#[derive(Deserialize)]
#[serde(untagged)]
enum Specific {
    Known { severity: Option<Value>, informational: Option<Value> },
    Other(serde::de::IgnoredAny),
}

impl Specific {
    fn severity_word(&self) -> Option<&str> {
        match self {
            Self::Known { severity, .. } => severity.as_ref()?.as_str(),
            Self::Other(_) => None,
        }
    }

    fn informational(&self) -> Option<&str> {
        match self {
            Self::Known { informational, .. } => informational.as_ref()?.as_str(),
            Self::Other(_) => None,
        }
    }
}

/// Several records in one file: a plain list, or the answer of OSV's own API.
#[derive(Deserialize)]
struct Answer {
    vulns: Vec<Value>,
}

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
        // The complaint about a single record says more than the one about a list that it never was.
        let records = serde_json::from_str::<Vec<Value>>(text)
            .or_else(|_| serde_json::from_str::<Answer>(text).map(|answer| answer.vulns))
            .map_err(|_| RecordError::of(&failure))?;
        for record in records {
            let outcome = serde_json::from_value(record).map_err(|error| RecordError::of(&error));
            if outcome.and_then(|wire| reading.add(self.id(), wire)).is_err() {
                reading.skipped += 1;
            }
        }
        Ok(reading)
    }
}

impl Reading {
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

fn advisory(source: &str, wire: Wire) -> Result<(Advisory, bool), RecordError> {
    let id = AdvisoryId::new(&wire.id).map_err(|error| RecordError::of(&error))?;
    let entries = wire.affected.unwrap_or_default();
    let aliases = aliases(&id, wire.aliases.iter().flatten().map(String::as_str));
    let informational = std::iter::once(wire.database_specific.as_ref())
        .chain(entries.iter().map(|entry| entry.database_specific.as_ref()))
        .find_map(|specific| specific?.informational());
    let kind = kind(&id, &aliases, informational);

    let own = wire.severity.iter().flatten();
    let of_packages = entries.iter().flat_map(|entry| entry.severity.iter().flatten());
    let cvss = newest_vector(own).or_else(|| newest_vector(of_packages));
    let word = wire.database_specific.as_ref().and_then(Specific::severity_word).and_then(severity_of_word);
    let rated = cvss.as_ref().map(|cvss| Severity::from_score(cvss.score)).or(word);
    let severity =
        if kind == AdvisoryKind::Malicious { Severity::Critical } else { rated.unwrap_or(Severity::Unknown) };

    let mut is_partial = false;
    let affected = entries.into_iter().filter_map(|entry| affected(entry, &mut is_partial)).collect();
    let advisory = Advisory {
        id,
        aliases,
        source: source.to_owned(),
        kind,
        summary: wire.summary.unwrap_or_default(),
        details: wire.details.unwrap_or_default(),
        references: wire.references.into_iter().flatten().filter_map(|reference| reference.url).collect(),
        cvss,
        severity,
        withdrawn: wire.withdrawn.is_some(),
        affected,
    };
    Ok((advisory, is_partial))
}

fn kind(id: &AdvisoryId, aliases: &[AdvisoryId], informational: Option<&str>) -> AdvisoryKind {
    // The prefix of OpenSSF's malicious-packages database.
    if std::iter::once(id).chain(aliases).any(|name| name.as_str().starts_with("MAL-")) {
        return AdvisoryKind::Malicious;
    }
    match informational {
        None => AdvisoryKind::Vulnerability,
        Some("unmaintained") => AdvisoryKind::Unmaintained,
        Some("unsound") => AdvisoryKind::Unsound,
        Some(_) => AdvisoryKind::Notice,
    }
}

/// The vector of the highest CVSS version, as the schema allows several.
fn newest_vector<'a>(severities: impl Iterator<Item = &'a WireSeverity>) -> Option<Cvss> {
    let version = |kind: &str| ["CVSS_V2", "CVSS_V3", "CVSS_V4"].iter().position(|known| *known == kind);
    let rated = severities.filter_map(|severity| {
        let version = version(severity.kind.as_deref()?)?;
        let cvss = parse_cvss(severity.score.as_ref()?.as_str()?)?;
        // Among vectors of one major version, 3.1 is after 3.0 and a higher score after a lower one.
        let minor = cvss.vector.get(..8).unwrap_or_default().to_owned();
        Some((version, minor, cvss))
    });
    rated
        .max_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)).then(left.2.score.total_cmp(&right.2.score)))
        .map(|(_, _, cvss)| cvss)
}

/// GitHub's words (<https://docs.github.com/en/code-security/security-advisories>).
fn severity_of_word(word: &str) -> Option<Severity> {
    match word.to_ascii_uppercase().as_str() {
        "LOW" => Some(Severity::Low),
        "MODERATE" | "MEDIUM" => Some(Severity::Medium),
        "HIGH" => Some(Severity::High),
        "CRITICAL" => Some(Severity::Critical),
        _ => None,
    }
}

fn affected(entry: WireAffected, is_partial: &mut bool) -> Option<Affected> {
    let WirePackage { ecosystem, name } = entry.package?;
    let ecosystem = ecosystem_of(&ecosystem?)?;
    let mut ranges = Vec::new();
    for range in entry.ranges.into_iter().flatten() {
        match range.kind.as_deref() {
            Some("SEMVER" | "ECOSYSTEM") | None => {
                let events: Vec<_> = range.events.into_iter().flatten().flat_map(events).collect();
                ranges.push(AffectedRange { events });
            }
            // Commits: they say nothing about versions.
            Some("GIT") => {}
            Some(_) => *is_partial = true,
        }
    }
    let versions = entry.versions.unwrap_or_default();
    Some(Affected { ecosystem, release: None, package: name?, ranges, versions })
}

/// Packagist's suffix names another Composer repository (`Packagist:https://…`); the package names are one space.
fn ecosystem_of(text: &str) -> Option<Ecosystem> {
    let name = if text.starts_with("Packagist:") { "Packagist" } else { text };
    name.parse().ok()
}

fn events(event: WireEvent) -> impl Iterator<Item = RangeEvent> {
    // The schema demands one of them per object; several are taken as several.
    [
        event.introduced.map(RangeEvent::Introduced),
        event.fixed.map(RangeEvent::Fixed),
        event.last_affected.map(RangeEvent::LastAffected),
        event.limit.map(RangeEvent::Limit),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let [npm, composer] = advisory.affected.as_slice() else { panic!("two known ecosystems") };
        assert_eq!((npm.ecosystem, npm.package.as_str(), npm.ranges.len()), (Ecosystem::Npm, "demo-parser", 1));
        assert_eq!(npm.ranges[0].events.len(), 4, "the range of commits is left out");
        assert_eq!((composer.ecosystem, composer.versions.len()), (Ecosystem::Packagist, 2));
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
            format!(r#"{{"id": "X", "modified": "x", "database_specific": {deep}}}"#),
            deep.clone(),
        ] {
            assert!(read("x.json", &text).is_err(), "{:?} was taken", &text[..text.len().min(80)]);
        }
        assert!(read("x.yaml", &format!("{bomb}id: X\nmodified: x\n")).is_err());
        assert!(read("x.yaml", &deep).is_err());
        assert!(Osv.read(&RecordFile { path: "x.json", content: b"\xff\xfe{}" }).is_err());
    }
}
