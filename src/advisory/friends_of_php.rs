//! FriendsOfPHP: one YAML file per flaw and Composer package, in folders named for the package.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::contract::{Reading, RecordError, RecordFile, Source, aliases, has_extension};
use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::model::severity::Severity;

/// Reads `<vendor>/<package>/<name>.yaml`, as its README describes it
/// (<https://github.com/FriendsOfPHP/security-advisories>).
pub(super) struct FriendsOfPhp;

/// The only scheme of `reference`.
const SCHEME: &str = "composer://";

#[derive(Deserialize)]
struct Wire {
    title: String,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    cve: Option<String>,
    reference: String,
    branches: BTreeMap<String, Branch>,
}

/// The affected versions of one branch: those that meet every constraint.
#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    time: Option<String>,
    versions: Vec<String>,
}

impl Source for FriendsOfPhp {
    fn id(&self) -> &'static str {
        "friends-of-php"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::FriendsOfPhp
    }

    fn claims(&self, path: &str) -> bool {
        has_extension(path, "yaml") && !path.rsplit('/').next().unwrap_or(path).starts_with('.')
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let wire: Wire = serde_saphyr::from_str(file.text()?).map_err(|error| RecordError::of(&error))?;
        let package = wire
            .reference
            .strip_prefix(SCHEME)
            .filter(|package| package.split('/').count() == 2)
            .ok_or_else(|| RecordError::malformed("its reference names no Composer package"))?;
        let stem = file.path.rsplit('/').next().unwrap_or(file.path).trim_end_matches(".yaml");
        let id = AdvisoryId::new(&format!("FriendsOfPHP/{package}/{stem}")).map_err(|error| RecordError::of(&error))?;
        let other_names = [Some(stem), wire.cve.as_deref()].into_iter().flatten().map(str::trim);
        let other_names = other_names.filter(|name| name.starts_with("CVE-") || name.starts_with("GHSA-"));

        let mut affected = Affected {
            ecosystem: Ecosystem::Packagist,
            release: None,
            package: package.to_owned(),
            ranges: Vec::new(),
            versions: Vec::new(),
        };
        let mut skipped = 0;
        for branch in wire.branches.values() {
            match branch_range(&branch.versions) {
                Some(BranchRange::Events(events)) => affected.ranges.push(AffectedRange { events }),
                Some(BranchRange::Version(version)) => affected.versions.push(version),
                None => skipped = 1,
            }
        }
        if affected.ranges.is_empty() && affected.versions.is_empty() {
            return Err(RecordError::malformed("none of its branches has versions that can be read"));
        }
        let changed = wire.branches.values().filter_map(|branch| time(branch.time.as_deref()?)).max();
        let advisory = Advisory {
            aliases: aliases(&id, other_names),
            id,
            source: self.id().to_owned(),
            kind: AdvisoryKind::Vulnerability,
            summary: wire.title,
            details: String::new(),
            references: wire.link.into_iter().collect(),
            cvss: None,
            severity: Severity::Unknown,
            withdrawn: false,
            affected: vec![affected],
        };
        Ok(Reading { advisories: vec![advisory], annotations: Vec::new(), changed, skipped, foreign: 0 })
    }
}

/// `2012-08-27 19:17:44`, in UTC; the seconds or the whole time of day are missing now and then.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let moment = text.parse::<DateTime>().or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M", text)).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

enum BranchRange {
    Events(Vec<RangeEvent>),
    Version(String),
}

/// The events of one branch's constraints; `None` when one of them is no comparison.
fn branch_range(constraints: &[String]) -> Option<BranchRange> {
    let mut lower = None;
    let mut upper = None;
    for constraint in constraints.iter().map(|constraint| constraint.trim()) {
        let position = constraint.find(|character: char| !"<>=!".contains(character))?;
        let (operator, version) = constraint.split_at(position);
        let version = version.trim();
        if !is_version(version) {
            return None;
        }
        match operator {
            ">=" => lower = Some(RangeEvent::Introduced(with_development(version))),
            ">" => lower = Some(RangeEvent::Introduced(successor(version))),
            "<" => upper = Some(RangeEvent::Fixed(version.to_owned())),
            "<=" => upper = Some(RangeEvent::LastAffected(version.to_owned())),
            "" | "=" | "==" if constraints.len() == 1 => return Some(BranchRange::Version(version.to_owned())),
            _ => return None,
        }
    }
    if lower.is_none() && upper.is_none() {
        return None;
    }
    let lower = lower.unwrap_or_else(|| RangeEvent::Introduced("0".to_owned()));
    Some(BranchRange::Events(std::iter::once(lower).chain(upper).collect()))
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || ".-_+".contains(character))
}

/// The numbers of a plain version, filled up to `count`; `None` when it has a suffix such as `-beta1`.
fn numbers(version: &str, count: usize) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    numbers.resize(numbers.len().max(count), 0);
    Some(numbers)
}

fn joined(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// `>=6.2.0` begins at `6.2.0-dev`: Composer adds the lowest stability where a constraint names none
/// (<https://getcomposer.org/doc/articles/versions.md#stability-constraints>), so that pre-releases of a branch's first
/// version are affected as well. The same rule for `<` is left out on purpose: it would call the pre-releases of a fix
/// safe, and its text would be shown as the fixed version.
fn with_development(version: &str) -> String {
    numbers(version, 3).map_or_else(|| version.to_owned(), |numbers| format!("{}-dev", joined(&numbers)))
}

/// The lowest version above: one more in the fourth and last place. A version with a suffix stays as it is, which
/// counts one version too many and none too few.
fn successor(version: &str) -> String {
    let Some(mut numbers) = numbers(version, 4) else { return version.to_owned() };
    let Some(last) = numbers.last_mut() else { return version.to_owned() };
    *last = last.saturating_add(1);
    format!("{}-dev", joined(&numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Result<Reading, RecordError> {
        FriendsOfPhp.read(&RecordFile { path, content: text.as_bytes() })
    }

    #[test]
    fn a_record_is_taken_with_all_its_branches() {
        let text = "
title:     \"CVE-2026-1: something\"
link:      https://example.org/blog
cve:       CVE-2026-1
branches:
    4.x:
        time:     ~
        versions: ['>=4.0.0', '<5.0.0']
    5.4.x:
        time:     2026-05-26 08:00:00
        versions: ['>=5.4.0', '<=5.4.52']
    old:
        time:     '2014-10-22 09:14'
        versions: ['<2.0-beta1']
reference: composer://acme/shop
";
        let reading = read("acme/shop/CVE-2026-1.yaml", text).expect("well-formed");
        assert_eq!(reading.changed, Some("2026-05-26T08:00:00Z".parse().expect("a time")));
        let advisory = &reading.advisories[0];
        assert_eq!(advisory.id.as_str(), "FriendsOfPHP/acme/shop/CVE-2026-1");
        assert_eq!(advisory.aliases.iter().map(AdvisoryId::as_str).collect::<Vec<_>>(), ["CVE-2026-1"]);
        assert_eq!((advisory.severity, advisory.cvss.as_ref()), (Severity::Unknown, None));
        assert_eq!(advisory.affected[0].package, "acme/shop");
        let events: Vec<_> = advisory.affected[0].ranges.iter().map(|range| range.events.clone()).collect();
        let from = |version: &str| RangeEvent::Introduced(version.to_owned());
        assert_eq!(
            events,
            [
                vec![from("4.0.0-dev"), RangeEvent::Fixed("5.0.0".to_owned())],
                vec![from("5.4.0-dev"), RangeEvent::LastAffected("5.4.52".to_owned())],
                vec![from("0"), RangeEvent::Fixed("2.0-beta1".to_owned())],
            ]
        );
    }

    #[test]
    fn a_file_without_a_cve_keeps_its_own_name() {
        let text = "title: t\nlink: https://example.org\nreference: 'composer://acme/shop'\n\
                    branches:\n  a: {time: ~, versions: ['1.2.3']}\n  b: {time: ~, versions: ['>3.2', '<3.3']}\n";
        let reading = read("acme/shop/2015-08-06-1.yaml", text).expect("well-formed");
        let advisory = &reading.advisories[0];
        assert_eq!(advisory.id.as_str(), "FriendsOfPHP/acme/shop/2015-08-06-1");
        assert!(advisory.aliases.is_empty());
        assert_eq!(advisory.affected[0].versions, ["1.2.3"]);
        assert_eq!(advisory.affected[0].ranges[0].events[0], RangeEvent::Introduced("3.2.0.1-dev".to_owned()));
    }

    #[test]
    fn a_branch_that_cannot_be_read_is_counted_and_the_rest_is_kept() {
        let text = "title: t\nreference: composer://acme/shop\nbranches:\n  a: {versions: ['~1.0']}\n  b: {versions: ['<1']}\n";
        let reading = read("acme/shop/x.yaml", text).expect("half of it is well-formed");
        assert_eq!((reading.skipped, reading.advisories[0].affected[0].ranges.len()), (1, 1));
    }

    #[test]
    fn hostile_records_are_refused_without_a_panic() {
        let record = |reference: &str, versions: &str| {
            format!("title: t\nreference: {reference}\nbranches:\n  a: {{versions: {versions}}}\n")
        };
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
        }
        bomb.push_str("title: *a11\n");
        for text in [
            String::new(),
            "- 1".to_owned(),
            record("composer://../../etc", "['<1']"),
            record("composer://a/b/c", "['<1']"),
            record("https://example.org", "['<1']"),
            record("composer://acme/shop", "[]"),
            record("composer://acme/shop", "['']"),
            record("composer://acme/shop", "['<$(id)']"),
            record("composer://acme/shop", "['!=1']"),
            bomb,
            format!("title: {}", "[".repeat(100_000)),
        ] {
            assert!(read("acme/shop/x.yaml", &text).is_err(), "{:?} was taken", &text[..text.len().min(80)]);
        }
        assert!(
            read("acme/shop/../x.yaml", &record("composer://acme/shop", "['<1']")).is_ok(),
            "the path is only a name"
        );
        assert!(read("acme/shop/a..b.yaml", &record("composer://acme/shop", "['<1']")).is_err());
    }
}
