//! Bounds: what every record is held to, whatever its source, before it enters the database.

use crate::model::advisory::{Advisory, Affected, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// One line for people; the longest summaries of RustSec, FriendsOfPHP and Go have 145, 229 and 270 characters.
const SUMMARY_LIMIT: usize = 300;
/// The long text, in bytes: the longest of RustSec has 9,582. GitHub refuses bodies above 65,536 characters, so that
/// much more could never be shown.
const DETAILS_LIMIT: usize = 32 * 1024;
/// Addresses per record, and the length of one.
const REFERENCES_LIMIT: usize = 100;
const ADDRESS_LIMIT: usize = 2_000;
/// Other names per record: the longest list of RustSec has 16.
const ALIASES_LIMIT: usize = 100;
/// Entries per record, events per range and explicit versions per entry, whatever their source: far above every real
/// record, and low enough that a look-up never reads one for long.
const AFFECTED_LIMIT: usize = 50_000;
const EVENTS_LIMIT: usize = 5_000;
const VERSIONS_LIMIT: usize = 50_000;
/// A package name or version; npm names have at most 214 characters, crates.io names at most 64.
const NAME_LIMIT: usize = 300;

/// A record within bounds, and whether a part of it could not be understood and was left out.
pub(super) struct Bounded {
    /// The record; `None` when nothing of it is left.
    pub(super) advisory: Option<Advisory>,
    /// Whether a range or version was left out.
    pub(super) is_partial: bool,
}

/// Cuts texts, keeps `https` addresses only and leaves out ranges that the ecosystem's order cannot place.
pub(super) fn bounded(mut advisory: Advisory) -> Bounded {
    advisory.summary = one_line(&advisory.summary);
    cut(&mut advisory.details, DETAILS_LIMIT);
    advisory.references.retain(|address| is_plain_https(address));
    advisory.references.sort();
    advisory.references.dedup();
    advisory.references.truncate(REFERENCES_LIMIT);
    advisory.aliases.sort();
    advisory.aliases.dedup();
    advisory.aliases.truncate(ALIASES_LIMIT);

    let mut is_partial = advisory.affected.len() > AFFECTED_LIMIT;
    advisory.affected.truncate(AFFECTED_LIMIT);
    let said_something = advisory.affected.iter().any(says_something);
    for affected in &mut advisory.affected {
        is_partial |= leave_out_the_unordered(affected);
    }
    let is_named = |affected: &Affected| within(&affected.package) && affected.release.as_deref().is_none_or(within);
    is_partial |= !advisory.affected.iter().all(is_named);
    advisory.affected.retain(|affected| is_named(affected) && says_something(affected));
    // A record that never named a version is whole as it is; one whose every range had to go is not a record any more.
    let is_lost = said_something && advisory.affected.is_empty();
    Bounded { advisory: (!is_lost).then_some(advisory), is_partial: is_partial || is_lost }
}

fn says_something(affected: &Affected) -> bool {
    !affected.ranges.is_empty() || !affected.versions.is_empty()
}

fn within(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_LIMIT && !text.contains(char::is_control)
}

fn leave_out_the_unordered(affected: &mut Affected) -> bool {
    let before = (affected.ranges.len(), affected.versions.len());
    let ecosystem = affected.ecosystem;
    affected.ranges.retain(|range| {
        // Without a beginning, nothing of a range is affected: the schema demands one.
        range.events.len() <= EVENTS_LIMIT
            && range.events.iter().any(|event| matches!(event, RangeEvent::Introduced(_)))
            && range.events.iter().all(|event| is_ordered(ecosystem, event))
    });
    affected.versions.retain(|version| within(version));
    affected.versions.truncate(VERSIONS_LIMIT);
    before != (affected.ranges.len(), affected.versions.len())
}

fn is_ordered(ecosystem: Ecosystem, event: &RangeEvent) -> bool {
    match event {
        RangeEvent::Introduced(zero) if zero == "0" => true,
        // The schema's default: no limit at all.
        RangeEvent::Limit(star) if star == "*" => true,
        RangeEvent::Introduced(version)
        | RangeEvent::Fixed(version)
        | RangeEvent::LastAffected(version)
        | RangeEvent::Limit(version) => within(version) && version::compare(ecosystem, version, version).is_ok(),
    }
}

fn is_plain_https(address: &str) -> bool {
    address.len() <= ADDRESS_LIMIT
        && address.starts_with("https://")
        && address.chars().all(|character| character.is_ascii_graphic())
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // Looking further would cost time on a text of megabytes and change nothing.
        if line.len() > 4 * SUMMARY_LIMIT {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(SUMMARY_LIMIT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::advisory::{AdvisoryId, AdvisoryKind, AffectedRange};
    use crate::model::severity::Severity;

    fn advisory(events: Vec<RangeEvent>) -> Advisory {
        Advisory {
            id: AdvisoryId::new("X-1").expect("valid"),
            aliases: Vec::new(),
            source: "test".to_owned(),
            kind: AdvisoryKind::Vulnerability,
            summary: "short".to_owned(),
            details: String::new(),
            references: Vec::new(),
            cvss: None,
            severity: Severity::Unknown,
            withdrawn: false,
            affected: vec![Affected {
                ecosystem: Ecosystem::CratesIo,
                release: None,
                package: "smallvec".to_owned(),
                ranges: vec![AffectedRange { events }],
                versions: Vec::new(),
            }],
        }
    }

    fn introduced(version: &str) -> RangeEvent {
        RangeEvent::Introduced(version.to_owned())
    }

    #[test]
    fn texts_are_cut_between_characters_and_addresses_are_https() {
        let mut hostile = advisory(vec![introduced("0")]);
        hostile.summary = format!("one\n\ttwo\u{0}three {}", "ä".repeat(5_000_000));
        hostile.details = "ß".repeat(1_000_000);
        hostile.references = vec![
            "https://example.org/b".to_owned(),
            "https://example.org/a".to_owned(),
            "https://example.org/a".to_owned(),
            "http://example.org".to_owned(),
            "javascript:alert(1)".to_owned(),
            "https://example.org/)\n@all".to_owned(),
            format!("https://example.org/{}", "x".repeat(10_000)),
        ];
        let Bounded { advisory: Some(bounded), is_partial: false } = bounded(hostile) else {
            panic!("nothing of the record is wrong")
        };
        assert!(bounded.summary.starts_with("one two three ääää"));
        assert_eq!(bounded.summary.chars().count(), SUMMARY_LIMIT + 1);
        assert!(bounded.details.len() <= DETAILS_LIMIT + '…'.len_utf8());
        assert_eq!(bounded.references, ["https://example.org/a", "https://example.org/b"]);
    }

    #[test]
    fn ranges_that_cannot_be_ordered_are_left_out_and_named() {
        let fixed = |version: &str| RangeEvent::Fixed(version.to_owned());
        for bad in ["", "not a version", &"9".repeat(400), "1.0.0\n"] {
            let outcome = bounded(advisory(vec![introduced("0"), fixed(bad)]));
            assert!(outcome.is_partial, "{bad:?} was taken");
            assert!(outcome.advisory.is_none(), "{bad:?} was kept");
        }
        assert!(bounded(advisory(vec![fixed("1.0.0")])).advisory.is_none(), "a range needs a beginning");

        let mut partly = advisory(vec![introduced("0"), fixed("?")]);
        partly.affected[0].versions = vec!["1.0.0".to_owned()];
        let outcome = bounded(partly);
        assert!(outcome.is_partial);
        assert_eq!(outcome.advisory.expect("its versions remain").affected[0].versions, ["1.0.0"]);
    }

    #[test]
    fn absurd_ranges_are_left_out_or_mean_nothing() {
        let fixed = |version: &str| RangeEvent::Fixed(version.to_owned());
        let mut many = vec![introduced("0")];
        many.extend((0..1_000_000).map(|number| fixed(&format!("1.0.{number}"))));
        let outcome = bounded(advisory(many));
        assert!(outcome.is_partial && outcome.advisory.is_none(), "a million events were taken");

        // Inverted and circular ranges are evaluated in the order of versions: they are no loops and hold what they say.
        let round = vec![fixed("1.0.0"), introduced("2.0.0"), fixed("1.0.0"), introduced("2.0.0"), fixed("2.0.0")];
        assert!(bounded(advisory(round)).advisory.is_some());

        let mut wide = advisory(vec![introduced("0")]);
        wide.affected = vec![wide.affected[0].clone(); AFFECTED_LIMIT + 1];
        let outcome = bounded(wide);
        assert!(outcome.is_partial);
        assert_eq!(outcome.advisory.expect("most of it").affected.len(), AFFECTED_LIMIT);

        let mut long = advisory(vec![introduced("0")]);
        long.affected[0].versions = (0..=VERSIONS_LIMIT).map(|number| format!("1.0.{number}")).collect();
        let outcome = bounded(long);
        assert!(outcome.is_partial);
        assert_eq!(outcome.advisory.expect("most of it").affected[0].versions.len(), VERSIONS_LIMIT);
    }

    #[test]
    fn names_that_are_none_are_left_out_and_named() {
        for name in ["", "a\u{0}b", "a\nb", &"x".repeat(10_000)] {
            let mut hostile = advisory(vec![introduced("0")]);
            hostile.affected[0].package = name.to_owned();
            let outcome = bounded(hostile);
            assert!(outcome.is_partial && outcome.advisory.is_none(), "{name:?} was taken");
            let mut hostile = advisory(vec![introduced("0")]);
            hostile.affected[0].release = Some(name.to_owned());
            assert!(bounded(hostile).advisory.is_none(), "{name:?} was taken as a release");
        }
    }
}
