//! CISA KEV: the catalogue of flaws that are exploited in the wild, one JSON file.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::contract::{Annotation, Reading, RecordError, RecordFile, Source, has_extension};
use crate::config::policy::SourceKind;
use crate::model::advisory::AdvisoryId;

/// Reads the catalogue (<https://www.cisa.gov/known-exploited-vulnerabilities-catalog>, schema beside it).
pub(super) struct Kev;

/// The catalogue had 1,404 entries after four years.
const ENTRIES_LIMIT: usize = 100_000;

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "dateReleased")]
    date_released: Option<String>,
    vulnerabilities: Entries,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "cveID")]
    id: String,
}

/// The identifiers of the list, and how many of its entries could not be understood.
struct Entries {
    ids: Vec<AdvisoryId>,
    skipped: usize,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor(PhantomData<Entries>);

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the list of exploited vulnerabilities")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut entries = Entries { ids: Vec::new(), skipped: 0 };
        while entries.ids.len() < ENTRIES_LIMIT {
            let Some(entry) = list.next_element::<&RawValue>()? else { return Ok(entries) };
            let id = serde_json::from_str::<Entry>(entry.get()).ok().and_then(|entry| AdvisoryId::new(&entry.id).ok());
            match id {
                Some(id) => entries.ids.push(id),
                None => entries.skipped += 1,
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            entries.skipped += 1;
        }
        Ok(entries)
    }
}

impl Source for Kev {
    fn id(&self) -> &'static str {
        "kev"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Kev
    }

    fn claims(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        // CISA's repository has the catalogue's schema beside it.
        has_extension(name, "json") && !name.starts_with('.') && !name.contains("schema")
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let wire: Wire = serde_json::from_str(file.text()?).map_err(|error| RecordError::of(&error))?;
        let mut ids = wire.vulnerabilities.ids;
        ids.sort();
        ids.dedup();
        let annotation = |id| Annotation { id, exploited: true, likelihood: None };
        Ok(Reading {
            annotations: ids.into_iter().map(annotation).collect(),
            skipped: wire.vulnerabilities.skipped,
            changed: wire.date_released.and_then(|time| time.parse::<Timestamp>().ok()),
            ..Reading::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Reading, RecordError> {
        Kev.read(&RecordFile { path: "known_exploited_vulnerabilities.json", content: text.as_bytes() })
    }

    #[test]
    fn every_entry_is_an_exploited_flaw_and_a_bad_one_loses_no_other() {
        let reading = read(
            r#"{"title": "x", "count": 5, "dateReleased": "2025-08-25T17:04:19.9796Z", "vulnerabilities": [
                {"cveID": "CVE-2025-2", "product": "Git"}, {"cveID": 7}, "text", {"cveID": "../../etc/passwd"},
                {"cveID": "CVE-2025-1"}, {"cveID": "CVE-2025-2"}]}"#,
        )
        .expect("well-formed");
        let ids: Vec<_> = reading.annotations.iter().map(|annotation| annotation.id.as_str()).collect();
        assert_eq!(ids, ["CVE-2025-1", "CVE-2025-2"]);
        assert!(reading.annotations.iter().all(|annotation| annotation.exploited && annotation.likelihood.is_none()));
        assert_eq!((reading.skipped, reading.foreign, reading.advisories.len()), (3, 0, 0));
        assert_eq!(reading.changed, Some("2025-08-25T17:04:19.9796Z".parse().expect("a time")));
    }

    #[test]
    fn hostile_catalogues_are_refused_without_a_panic() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for text in [
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"vulnerabilities": {}}"#.to_owned(),
            r#"{"vulnerabilities": [], "vulnerabilities": []}"#.to_owned(),
            r#"{"vulnerabilities": [{"cveID": "CVE-1-1"}"#.to_owned(),
            deep.clone(),
        ] {
            assert!(read(&text).is_err(), "{:?} was taken", &text[..text.len().min(80)]);
        }
        assert_eq!(read(&format!(r#"{{"vulnerabilities": [{deep}]}}"#)).expect("a list").skipped, 1);
        assert!(Kev.read(&RecordFile { path: "x.json", content: b"\xff" }).is_err());
        let many = vec![r#"{"cveID":"CVE-1-1"}"#; ENTRIES_LIMIT + 5].join(",");
        let reading = read(&format!(r#"{{"vulnerabilities": [{many}]}}"#)).expect("a list");
        assert_eq!((reading.annotations.len(), reading.skipped), (1, 5));
    }

    #[test]
    fn the_schema_beside_the_catalogue_is_not_claimed() {
        assert!(Kev.claims("known_exploited_vulnerabilities.json"));
        assert!(!Kev.claims("known_exploited_vulnerabilities_schema.json"));
        assert!(!Kev.claims("LICENSE"));
    }
}
