//! RustSec: Markdown with TOML front matter, read by the `rustsec` crate.

use jiff::Timestamp;
use rustsec::advisory::Informational;
use rustsec::osv::ranges_for_advisory;
use semver::{Comparator, Op, VersionReq};
use serde::Deserialize;

use super::contract::{Reading, RecordError, RecordFile, Source, aliases, has_extension, parse_cvss};
use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;
use crate::model::severity::Severity;

/// Reads `crates/<package>/RUSTSEC-*.md`; the `rust` collection is about the toolchain, which no lockfile pins.
pub(super) struct RustSec;

/// What every record begins with.
const FENCE: &str = "```toml";

/// No version number is larger than this; cargo's own are far smaller.
const NUMBER_LIMIT: u64 = u32::MAX as u64;

impl Source for RustSec {
    fn id(&self) -> &'static str {
        "rustsec"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::RustSec
    }

    fn claims(&self, path: &str) -> bool {
        let mut components = path.rsplit('/');
        let file = components.next().unwrap_or(path);
        let collection = components.nth(1);
        // `RUSTSEC-0000-0000` is the name of a draft.
        file.starts_with("RUSTSEC-")
            && !file.starts_with("RUSTSEC-0000-")
            && has_extension(file, "md")
            && collection.is_none_or(|collection| collection == "crates")
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let text = file.text()?;
        refuse_what_the_crate_cannot_take(text)?;
        let record: rustsec::Advisory = text.parse().map_err(|error| RecordError::of(&error))?;
        let changed = format!("{}T00:00:00Z", record.metadata.date.as_str()).parse::<Timestamp>().ok();
        if record.metadata.source.as_ref().is_some_and(|source| !source.is_default_registry()) {
            return Ok(Reading { foreign: 1, changed, ..Reading::default() });
        }
        Ok(Reading { advisories: vec![advisory(self.id(), record)?], changed, ..Reading::default() })
    }
}

fn advisory(source: &str, record: rustsec::Advisory) -> Result<Advisory, RecordError> {
    let metadata = record.metadata;
    let id = AdvisoryId::new(metadata.id.as_str()).map_err(|error| RecordError::of(&error))?;
    let cvss = metadata.cvss.and_then(|vector| parse_cvss(&vector.to_string()));
    let page = metadata.id.url();
    let addresses = metadata.url.into_iter().chain(metadata.references).map(String::from);
    Ok(Advisory {
        aliases: aliases(&id, metadata.aliases.iter().map(rustsec::advisory::Id::as_str)),
        id,
        source: source.to_owned(),
        kind: kind(metadata.informational.as_ref()),
        summary: metadata.title,
        details: metadata.description,
        references: page.into_iter().chain(addresses).collect(),
        severity: cvss.as_ref().map_or(Severity::Unknown, |cvss| Severity::from_score(cvss.score)),
        cvss,
        withdrawn: metadata.withdrawn.is_some(),
        affected: vec![Affected {
            ecosystem: Ecosystem::CratesIo,
            release: None,
            package: metadata.package.to_string(),
            ranges: ranges(&record.versions),
            versions: Vec::new(),
        }],
    })
}

fn kind(informational: Option<&Informational>) -> AdvisoryKind {
    match informational {
        None => AdvisoryKind::Vulnerability,
        Some(Informational::Unmaintained) => AdvisoryKind::Unmaintained,
        Some(Informational::Unsound) => AdvisoryKind::Unsound,
        // The crate's list is open; what it does not know yet is at least worth a notice.
        Some(_) => AdvisoryKind::Notice,
    }
}

/// The affected versions as cargo-audit understands them: `patched` and `unaffected` turned inside out, with
/// pre-releases in their place (`VersionReq::matches` would leave them out).
///
/// Where a range ends at what no requirement names (`> 0.3.1` ends it at `0.3.2-0`, which nobody has released), it has a limit
/// and no fix.
fn ranges(versions: &rustsec::advisory::Versions) -> Vec<AffectedRange> {
    let requirements = versions.patched().iter().chain(versions.unaffected());
    let comparators = requirements.flat_map(|requirement| &requirement.comparators);
    let named: Vec<semver::Version> =
        comparators.filter(|comparator| comparator.op != Op::Greater).map(lower_bound).collect();
    let end = |version: semver::Version| {
        let event = if named.contains(&version) { RangeEvent::Fixed } else { RangeEvent::Limit };
        event(version.to_string())
    };
    let range = |range: rustsec::osv::OsvRange| {
        let introduced = range.introduced.map_or_else(|| "0".to_owned(), |version| version.to_string());
        let end = range.fixed.map(end);
        AffectedRange { events: std::iter::once(RangeEvent::Introduced(introduced)).chain(end).collect() }
    };
    ranges_for_advisory(versions).into_iter().map(range).collect()
}

#[derive(Deserialize)]
struct FrontMatter {
    versions: Requirements,
}

#[derive(Deserialize)]
struct Requirements {
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
}

/// The crate panics on three inputs (rustsec 0.33): text whose twentieth byte is inside a character, two requirements
/// with the same lower bound (`> 1.0` beside `= 1.0`), and numbers that overflow when it adds one.
fn refuse_what_the_crate_cannot_take(text: &str) -> Result<(), RecordError> {
    let (front_matter, _) = text
        .strip_prefix(FENCE)
        .and_then(|rest| rest.split_once("\n```"))
        .ok_or_else(|| RecordError::malformed("it does not begin with TOML front matter"))?;
    let FrontMatter { versions } = bounded_toml::from_str(front_matter).map_err(|error| RecordError::of(&error))?;
    let mut lower_bounds = Vec::new();
    for comparator in versions.patched.iter().chain(&versions.unaffected).flat_map(|request| &request.comparators) {
        let numbers = [Some(comparator.major), comparator.minor, comparator.patch];
        if numbers.into_iter().flatten().any(|number| number > NUMBER_LIMIT) {
            return Err(RecordError::malformed("a version number is too large"));
        }
        if !matches!(comparator.op, Op::Less | Op::LessEq) {
            lower_bounds.push(lower_bound(comparator));
        }
    }
    let count = lower_bounds.len();
    lower_bounds.sort();
    lower_bounds.dedup();
    if lower_bounds.len() < count {
        return Err(RecordError::malformed("two of its version requirements begin at the same version"));
    }
    Ok(())
}

fn lower_bound(comparator: &Comparator) -> semver::Version {
    semver::Version {
        major: comparator.major,
        minor: comparator.minor.unwrap_or(0),
        patch: comparator.patch.unwrap_or(0),
        pre: comparator.pre.clone(),
        build: semver::BuildMetadata::EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(front_matter: &str, body: &str) -> Result<Reading, RecordError> {
        let text = format!("```toml\n{front_matter}\n```\n\n{body}");
        RustSec.read(&RecordFile { path: "crates/demo/RUSTSEC-2020-0001.md", content: text.as_bytes() })
    }

    const HEAD: &str = "[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"demo\"\ndate = \"2020-01-02\"\n";

    fn events(patched: &str, unaffected: &str) -> Vec<Vec<RangeEvent>> {
        let matter = format!("{HEAD}\n[versions]\npatched = {patched}\nunaffected = {unaffected}");
        let reading = read(&matter, "# Title\n\nText.\n").expect("well-formed");
        reading.advisories[0].affected[0].ranges.iter().map(|range| range.events.clone()).collect()
    }

    fn from(version: &str) -> RangeEvent {
        RangeEvent::Introduced(version.to_owned())
    }

    fn to(version: &str) -> RangeEvent {
        RangeEvent::Fixed(version.to_owned())
    }

    #[test]
    fn everything_that_a_record_says_is_taken() {
        let matter = format!(
            "{HEAD}aliases = [\"CVE-2020-1\", \"GHSA-x\"]\nurl = \"https://example.org/a\"\n\
             cvss = \"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N\"\n\
             [affected.functions]\n\"demo::f\" = [\"*\"]\n[versions]\npatched = [\">= 1.2.3\"]"
        );
        let reading = read(&matter, "# A title\n\nSome text.\n").expect("well-formed");
        assert_eq!(reading.changed, Some("2020-01-02T00:00:00Z".parse().expect("a time")));
        let advisory = &reading.advisories[0];
        assert_eq!(advisory.aliases.iter().map(AdvisoryId::as_str).collect::<Vec<_>>(), ["CVE-2020-1", "GHSA-x"]);
        assert_eq!((advisory.summary.as_str(), advisory.details.as_str()), ("A title", "Some text."));
        assert_eq!((advisory.severity, advisory.kind), (Severity::Critical, AdvisoryKind::Vulnerability));
        assert_eq!(advisory.cvss.as_ref().map(|cvss| cvss.score), Some(9.3));
        assert!(advisory.references.contains(&"https://rustsec.org/advisories/RUSTSEC-2020-0001".to_owned()));
        assert!(advisory.references.contains(&"https://example.org/a".to_owned()));
    }

    #[test]
    fn a_fix_is_a_version_that_a_requirement_names() {
        for (patched, end) in [
            ("[\"> 0.3.1\"]", RangeEvent::Limit("0.3.2-0".to_owned())),
            ("[\">= 0.3.2\"]", to("0.3.2")),
            ("[\"^0.3.2\"]", to("0.3.2")),
            ("[\"> 1.2\"]", RangeEvent::Limit("1.3.0-0".to_owned())),
        ] {
            let found = events(patched, "[]");
            let kind = |event: &RangeEvent| matches!(event, RangeEvent::Limit(_));
            let last = found.first().and_then(|range| range.last()).expect("an end");
            assert_eq!(kind(last), kind(&end), "{patched}: {found:?}");
            if !kind(&end) {
                assert_eq!(last, &end, "{patched}");
            }
        }
    }

    #[test]
    fn informational_records_keep_their_kind() {
        for (word, kind) in [
            ("unmaintained", AdvisoryKind::Unmaintained),
            ("unsound", AdvisoryKind::Unsound),
            ("notice", AdvisoryKind::Notice),
            ("something-new", AdvisoryKind::Notice),
        ] {
            let matter = format!("{HEAD}informational = \"{word}\"\n[versions]\npatched = []");
            let reading = read(&matter, "# Title\n\n").expect("well-formed");
            assert_eq!((reading.advisories[0].kind, reading.advisories[0].severity), (kind, Severity::Unknown));
        }
    }

    #[test]
    fn ranges_keep_pre_releases_in_their_place() {
        assert_eq!(events("[]", "[]"), [vec![from("0")]]);
        assert_eq!(events("[\">= 1.2.3\"]", "[\"< 1.0.0\"]"), [vec![from("1.0.0"), to("1.2.3")]]);
        assert_eq!(
            events("[\"^0.3.4\", \">= 0.6.3\"]", "[]"),
            [vec![from("0"), to("0.3.4")], vec![from("0.4.0-0"), to("0.6.3")]]
        );
        let limit = RangeEvent::Limit("1.2.4-0".to_owned());
        assert_eq!(events("[\"> 1.2.3\"]", "[]"), [vec![from("0"), limit]]);
        assert_eq!(events("[\"*\"]", "[]"), Vec::<Vec<RangeEvent>>::new());
    }

    #[test]
    fn hostile_records_are_refused_without_a_panic() {
        let versions = |patched: &str| format!("{HEAD}\n[versions]\npatched = {patched}");
        for patched in [
            "[\"> 1.0.0\", \"= 1.0.0\"]",
            "[\"^18446744073709551615\"]",
            "[\"~1.18446744073709551615\"]",
            "[\"> 1.0.18446744073709551615\"]",
            "[\">= 1\", \">= 2\"]",
            "[\"not a requirement\"]",
            "[\"1.*, 2.*, 3.*\"]",
            "\"x\"",
        ] {
            assert!(read(&versions(patched), "# T\n\n").is_err(), "{patched} was taken");
        }
        for text in ["", "```toml", "abcdefghijklmnopqrsä and more", "```toml\n```", "```toml\n[[[[\n```\n# T\n"] {
            let file = RecordFile { path: "RUSTSEC-2020-0001.md", content: text.as_bytes() };
            assert!(RustSec.read(&file).is_err(), "{text:?} was taken");
        }
        assert!(RustSec.read(&RecordFile { path: "RUSTSEC-2020-0001.md", content: b"\xff\xfe" }).is_err());
        let traversal = HEAD.replace("RUSTSEC-2020-0001", "../../etc/passwd");
        assert!(read(&format!("{traversal}\n[versions]\npatched = []"), "# T\n\n").is_err());
        let deep = format!("{HEAD}x = {}1{}\n[versions]\npatched = []", "[".repeat(50_000), "]".repeat(50_000));
        assert!(read(&deep, "# T\n\n").is_err());
    }

    #[test]
    fn only_records_about_crates_are_claimed() {
        assert!(RustSec.claims("crates/smallvec/RUSTSEC-2018-0003.md"));
        assert!(RustSec.claims("checkout/crates/smallvec/RUSTSEC-2018-0003.md"));
        assert!(RustSec.claims("RUSTSEC-2018-0003.md"));
        assert!(!RustSec.claims("crates/smallvec/RUSTSEC-0000-0000.md"));
        assert!(!RustSec.claims("rust/std/CVE-2015-20001.md"));
        assert!(!RustSec.claims("rust/std/RUSTSEC-2015-0001.md"));
        assert!(!RustSec.claims("README.md"));
    }
}
