//! `RubySec`: one YAML file per flaw and gem, in folders named for the gem.

mod requirement;

use jiff::Timestamp;
use serde::Deserialize;

use super::contract::{Reading, RecordError, RecordFile, Source, aliases, has_extension};
use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected};
use crate::model::ecosystem::Ecosystem;
use crate::model::severity::Severity;

/// Reads `gems/<gem>/<name>.yml`, as the README of the database describes it
/// (<https://github.com/rubysec/ruby-advisory-db>). The other collection, `rubies`, is about interpreters (`ruby`, `jruby`,
/// `mruby`): they are no gems, and no lockfile pins them as one.
pub(super) struct RubySec;

/// More requirements than any record has; the longest list has eleven.
const REQUIREMENTS_LIMIT: usize = 500;

#[derive(Deserialize)]
struct Wire {
    gem: Option<String>,
    engine: Option<String>,
    cve: Option<String>,
    ghsa: Option<String>,
    osvdb: Option<String>,
    url: Option<String>,
    title: Option<String>,
    date: Option<String>,
    description: Option<String>,
    cvss_v2: Option<String>,
    cvss_v3: Option<String>,
    cvss_v4: Option<String>,
    #[serde(default)]
    patched_versions: Option<Vec<String>>,
    #[serde(default)]
    unaffected_versions: Option<Vec<String>>,
    related: Option<Related>,
}

#[derive(Deserialize)]
struct Related {
    #[serde(default)]
    url: Option<Vec<String>>,
}

impl Source for RubySec {
    fn id(&self) -> &'static str {
        "ruby-sec"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::RubySec
    }

    fn claims(&self, path: &str) -> bool {
        let mut components = path.rsplit('/');
        let file = components.next().unwrap_or(path);
        let collection = components.nth(1);
        has_extension(file, "yml")
            && !file.starts_with('.')
            && collection.is_none_or(|collection| matches!(collection, "gems" | "rubies"))
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let wire: Wire = serde_saphyr::from_str(file.text()?).map_err(|error| RecordError::of(&error))?;
        let date = wire.date.as_deref().and_then(|date| date.get(..10));
        let changed = date.and_then(|date| format!("{date}T00:00:00Z").parse::<Timestamp>().ok());
        if wire.gem.is_none() && wire.engine.is_some() {
            return Ok(Reading { foreign: 1, changed, ..Reading::default() });
        }
        let stem = file.path.rsplit('/').next().unwrap_or(file.path);
        let stem = stem.strip_suffix(".yml").unwrap_or(stem);
        Ok(Reading { advisories: vec![advisory(self.id(), stem, wire)?], changed, ..Reading::default() })
    }
}

fn advisory(source: &str, stem: &str, wire: Wire) -> Result<Advisory, RecordError> {
    let gem = wire.gem.filter(|gem| is_gem(gem)).ok_or_else(|| RecordError::malformed("it names no gem"))?;
    let title = wire.title.ok_or_else(|| RecordError::malformed("it has no title"))?;
    let id = AdvisoryId::new(&format!("RubySec/{gem}/{stem}")).map_err(|error| RecordError::of(&error))?;
    // The fields hold the numbers alone; now and then someone writes the prefix as well.
    let name = |prefix: &str, number: Option<&String>| {
        number.map(|number| format!("{prefix}{}", number.trim().trim_start_matches(prefix)))
    };
    let names = [
        name("CVE-", wire.cve.as_ref()),
        name("GHSA-", wire.ghsa.as_ref()),
        name("OSVDB-", wire.osvdb.as_ref()),
        ["CVE-", "GHSA-", "OSVDB-"].iter().any(|prefix| stem.starts_with(prefix)).then(|| stem.to_owned()),
    ];
    let scores = [wire.cvss_v4, wire.cvss_v3, wire.cvss_v2];
    let score = scores.iter().flatten().find_map(|score| score.trim().parse::<f64>().ok());
    let requirements = [wire.patched_versions, wire.unaffected_versions].into_iter().flatten().flatten();
    let requirements: Vec<String> = requirements.collect();
    if requirements.len() > REQUIREMENTS_LIMIT {
        return Err(RecordError::malformed("it has too many requirements"));
    }
    let ranges = requirement::outside_of(&requirements)
        .ok_or_else(|| RecordError::malformed("one of its requirements cannot be understood"))?;
    let links = wire.related.and_then(|related| related.url).unwrap_or_default();
    Ok(Advisory {
        aliases: aliases(&id, names.iter().flatten().map(String::as_str)),
        id,
        source: source.to_owned(),
        kind: AdvisoryKind::Vulnerability,
        summary: title,
        details: wire.description.unwrap_or_default(),
        references: wire.url.into_iter().chain(links).collect(),
        // The database gives scores without their vectors.
        cvss: None,
        severity: score.filter(|score| (0.0..=10.0).contains(score)).map_or(Severity::Unknown, Severity::from_score),
        withdrawn: false,
        affected: vec![Affected {
            ecosystem: Ecosystem::RubyGems,
            release: None,
            package: gem,
            ranges,
            versions: Vec::new(),
        }],
    })
}

/// The characters of a gem's name (`Gem::Specification::VALID_NAME_PATTERN`).
fn is_gem(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advisory::RangeEvent;

    const RECORD: &str = include_str!("../../tests/fixtures/advisory/ruby-sec/gems/demo-mailer/CVE-2026-0003.yml");

    fn read(path: &str, text: &str) -> Result<Reading, RecordError> {
        RubySec.read(&RecordFile { path, content: text.as_bytes() })
    }

    #[test]
    fn everything_that_a_record_says_is_taken() {
        let reading = read("gems/demo-mailer/CVE-2026-0003.yml", RECORD).expect("well-formed");
        assert_eq!(reading.changed, Some("2026-02-03T00:00:00Z".parse().expect("a time")));
        let advisory = &reading.advisories[0];
        assert_eq!(advisory.id.as_str(), "RubySec/demo-mailer/CVE-2026-0003");
        let names: Vec<_> = advisory.aliases.iter().map(AdvisoryId::as_str).collect();
        assert_eq!(names, ["CVE-2026-0003", "GHSA-demo-demo-0003"], "related flaws are others");
        assert_eq!((advisory.severity, advisory.cvss.as_ref()), (Severity::High, None), "version 3 is newer than 2");
        assert!(advisory.details.starts_with("A subject") && advisory.summary.starts_with("Header injection"));
        assert_eq!(advisory.references, ["https://example.org/GHSA-demo-demo-0003", "https://example.org/commit/1"]);
        let affected = &advisory.affected[0];
        assert_eq!((affected.ecosystem, affected.package.as_str()), (Ecosystem::RubyGems, "demo-mailer"));
        let range = |from: &str, to: &str| vec![RangeEvent::Introduced(from.into()), RangeEvent::Fixed(to.into())];
        let events: Vec<_> = affected.ranges.iter().map(|range| range.events.clone()).collect();
        assert_eq!(events, [range("1.4", "2.0.6"), range("2.1.A", "2.1.3")]);
    }

    #[test]
    fn interpreters_are_foreign_and_records_without_a_fix_affect_everything() {
        let text = include_str!("../../tests/fixtures/advisory/ruby-sec/rubies/demo-ruby/CVE-2026-0004.yml");
        assert_eq!(read("rubies/demo-ruby/CVE-2026-0004.yml", text).expect("well-formed").foreign, 1);
        let text = "gem: demo\nosvdb: 94644\ntitle: t\ndate: 2013-06-27\ncvss_v2: high\npatched_versions:\n";
        let advisory = read("gems/demo/OSVDB-94644.yml", text).expect("well-formed").advisories.remove(0);
        assert_eq!(advisory.aliases.iter().map(AdvisoryId::as_str).collect::<Vec<_>>(), ["OSVDB-94644"]);
        assert_eq!(advisory.severity, Severity::Unknown);
        assert_eq!(advisory.affected[0].ranges[0].events, [RangeEvent::Introduced("0".to_owned())]);
    }

    #[test]
    fn hostile_records_are_refused_without_a_panic() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
        }
        let patched = |list: &str| format!("gem: demo\ntitle: t\npatched_versions: {list}\n");
        for text in [
            String::new(),
            "type: map\nmapping: {}\n".to_owned(),
            "gem: ../../etc/passwd\ntitle: t\n".to_owned(),
            "gem: demo\n".to_owned(),
            "gem: demo\ngem: demo\ntitle: t\n".to_owned(),
            patched("['nothing']"),
            patched("text"),
            patched(&format!("[{}'>= 1']", "'>= 1', ".repeat(1_000))),
            format!("gem: {}\ntitle: t\n", "x".repeat(10_000)),
            format!("gem: demo\ntitle: {}", "[".repeat(100_000)),
            format!("{bomb}gem: demo\ntitle: *a11\n"),
        ] {
            assert!(read("gems/demo/CVE-1-1.yml", &text).is_err(), "{:?} was taken", &text[..text.len().min(80)]);
        }
        for name in ["gems/demo/a..b.yml", "gems/demo/\u{0}.yml", "gems/demo/@all.yml"] {
            assert!(read(name, &patched("[]")).is_err(), "{name:?} is no identifier");
        }
        assert!(RubySec.read(&RecordFile { path: "gems/demo/CVE-1-1.yml", content: b"gem: \xff" }).is_err());
    }

    #[test]
    fn only_the_two_collections_are_claimed() {
        assert!(RubySec.claims("gems/rails/CVE-2013-0156.yml"));
        assert!(RubySec.claims("checkout/rubies/ruby/CVE-2013-0156.yml"));
        assert!(RubySec.claims("rails/CVE-2013-0156.yml") && RubySec.claims("CVE-2013-0156.yml"));
        assert!(!RubySec.claims("spec/schemas/gem.yml") && !RubySec.claims("gems/rails/.rubocop.yml"));
        assert!(!RubySec.claims("gems/rails/x.yaml"));
    }
}
