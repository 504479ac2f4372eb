//! Ranges: whether a version is affected, as the OSV schema evaluates events.

use crate::model::advisory::{Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version::{Version, parse};

/// A version as it is locked, with its place in the order where it has one.
pub(super) struct Locked<'a> {
    ecosystem: Ecosystem,
    text: &'a str,
    place: Option<Version>,
}

impl<'a> Locked<'a> {
    /// Places a version in its ecosystem's order.
    pub(super) fn new(ecosystem: Ecosystem, text: &'a str) -> Self {
        Self { ecosystem, text, place: parse(ecosystem, text).ok() }
    }

    /// Whether the ecosystem can order it.
    pub(super) fn is_ordered(&self) -> bool {
        self.place.is_some()
    }

    /// Whether the explicit versions or any range of an entry of the same ecosystem holds it
    /// (<https://ossf.github.io/osv-schema/#evaluation>).
    pub(super) fn is_affected_by(&self, affected: &Affected) -> bool {
        if affected.versions.iter().any(|version| self.is(version)) {
            return true;
        }
        let Some(place) = &self.place else { return false };
        affected.ranges.iter().any(|range| holds(self.ecosystem, range, place))
    }

    fn is(&self, version: &str) -> bool {
        version == self.text
            || self
                .place
                .as_ref()
                .is_some_and(|place| parse(self.ecosystem, version).is_ok_and(|other| other == *place))
    }
}

/// Where an event takes effect. The order of the variants, and of their fields, is the order of evaluation: at one
/// version, `last_affected` ends behind it and so comes last, while `introduced` and `fixed` stay in the order in which
/// the source has them, so that a range may begin where another ends.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Beginning,
    At(Version, bool),
}

/// The events of a range but its limits, each with its place, lowest first; `None` when one of them has none.
fn placed(ecosystem: Ecosystem, range: &AffectedRange) -> Option<Vec<(Place, &RangeEvent)>> {
    let mut events = Vec::with_capacity(range.events.len());
    for event in &range.events {
        let place = match event {
            RangeEvent::Introduced(zero) if zero == "0" => Place::Beginning,
            RangeEvent::Introduced(version) | RangeEvent::Fixed(version) => {
                Place::At(parse(ecosystem, version).ok()?, false)
            }
            RangeEvent::LastAffected(version) => Place::At(parse(ecosystem, version).ok()?, true),
            RangeEvent::Limit(_) => continue,
        };
        events.push((place, event));
    }
    events.sort_by(|left, right| left.0.cmp(&right.0));
    Some(events)
}

fn holds(ecosystem: Ecosystem, range: &AffectedRange, version: &Version) -> bool {
    if !is_within_limits(ecosystem, range, version) {
        return false;
    }
    let Some(events) = placed(ecosystem, range) else { return false };
    let mut is_affected = false;
    for (place, event) in events {
        let has_passed = match &place {
            Place::Beginning => true,
            Place::At(at, is_behind) => {
                if *is_behind {
                    version > at
                } else {
                    version >= at
                }
            }
        };
        if has_passed {
            is_affected = matches!(event, RangeEvent::Introduced(_));
        }
    }
    is_affected
}

fn is_within_limits(ecosystem: Ecosystem, range: &AffectedRange, version: &Version) -> bool {
    let mut is_limited = false;
    for event in &range.events {
        let RangeEvent::Limit(limit) = event else { continue };
        is_limited = true;
        if limit == "*" || parse(ecosystem, limit).is_ok_and(|limit| *version < limit) {
            return true;
        }
    }
    !is_limited
}

/// The lowest fixed version above the locked one that the entries name.
///
/// A branch that never got its fix ends where the next branch begins, and some sources write that as `fixed`; such an
/// end is still affected by the next range, so that an end that no entry affects is preferred.
pub(super) fn lowest_fix(entries: &[&Affected], locked: &Locked<'_>) -> Option<String> {
    let current = locked.place.as_ref()?;
    let events = entries.iter().flat_map(|affected| &affected.ranges).flat_map(|range| &range.events);
    let mut fixes: Vec<(Version, &str)> = events
        .filter_map(|event| match event {
            RangeEvent::Fixed(fixed) => Some((parse(locked.ecosystem, fixed).ok()?, fixed.as_str())),
            RangeEvent::Introduced(_) | RangeEvent::LastAffected(_) | RangeEvent::Limit(_) => None,
        })
        .filter(|(fixed, _)| fixed > current)
        .collect();
    fixes.sort();
    let is_free = |version: &str| {
        let candidate = Locked::new(locked.ecosystem, version);
        !entries.iter().any(|affected| candidate.is_affected_by(affected))
    };
    let free = fixes.iter().find(|(_, fixed)| is_free(fixed));
    free.or_else(|| fixes.first()).map(|(_, fixed)| (*fixed).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(version: &str) -> RangeEvent {
        RangeEvent::Introduced(version.to_owned())
    }
    fn fixed(version: &str) -> RangeEvent {
        RangeEvent::Fixed(version.to_owned())
    }
    fn last(version: &str) -> RangeEvent {
        RangeEvent::LastAffected(version.to_owned())
    }
    fn limit(version: &str) -> RangeEvent {
        RangeEvent::Limit(version.to_owned())
    }

    fn entry(ranges: Vec<Vec<RangeEvent>>, versions: &[&str]) -> Affected {
        Affected {
            ecosystem: Ecosystem::CratesIo,
            release: None,
            package: "demo".to_owned(),
            ranges: ranges.into_iter().map(|events| AffectedRange { events }).collect(),
            versions: versions.iter().map(|version| (*version).to_owned()).collect(),
        }
    }

    fn affects(affected: &Affected, version: &str) -> bool {
        Locked::new(Ecosystem::CratesIo, version).is_affected_by(affected)
    }

    fn fix(entries: &[&Affected], version: &str) -> Option<String> {
        lowest_fix(entries, &Locked::new(Ecosystem::CratesIo, version))
    }

    #[track_caller]
    fn check(events: &[RangeEvent], yes: &[&str], no: &[&str]) {
        let entry = entry(vec![events.to_vec()], &[]);
        for version in yes {
            assert!(affects(&entry, version), "{version} is affected by {events:?}");
        }
        for version in no {
            assert!(!affects(&entry, version), "{version} is not affected by {events:?}");
        }
    }

    #[test]
    fn events_are_evaluated_in_version_order_whatever_their_order_in_the_record() {
        check(&[from("0")], &["0.0.0-0", "0.0.1", "99.0.0"], &[]);
        check(&[fixed("1.2.0"), from("0")], &["0.0.1-alpha", "1.2.0-rc.1", "1.1.9"], &["1.2.0", "2.0.0"]);
        check(
            &[fixed("3.0.0"), from("2.0.0"), fixed("1.5.0"), from("1.0.0")],
            &["1.0.0", "1.4.9", "2.0.0", "2.9.9"],
            &["0.9.9", "1.0.0-rc.1", "1.5.0", "1.9.9", "3.0.0"],
        );
        check(&[from("1.0.0"), last("1.2.0")], &["1.0.0", "1.2.0"], &["0.9.0", "1.2.1-rc.1", "1.2.1"]);
    }

    #[test]
    fn ranges_that_touch_and_ranges_of_one_version() {
        check(&[from("1.0.0"), fixed("2.0.0"), from("2.0.0"), fixed("3.0.0")], &["1.0.0", "2.0.0"], &["3.0.0"]);
        check(&[from("1.0.0"), last("1.0.0")], &["1.0.0"], &["1.0.1", "0.9.9"]);
        check(&[last("1.0.0"), from("1.0.0")], &["1.0.0"], &["1.0.1", "0.9.9"]);
        check(&[from("1.0.0"), fixed("1.0.0")], &[], &["0.9.9", "1.0.0", "1.0.1"]);
    }

    #[test]
    fn limits_cut_a_range_off() {
        check(&[from("1.0.0"), limit("2.0.0")], &["1.0.0", "1.9.0"], &["2.0.0", "3.0.0"]);
        check(&[from("1.0.0"), limit("2.0.0"), limit("3.0.0")], &["2.5.0"], &["3.0.0"]);
        check(&[from("1.0.0"), limit("*")], &["1.0.0", "9.0.0"], &["0.1.0"]);
    }

    #[test]
    fn a_version_without_a_place_matches_only_explicit_versions() {
        let branch = entry(vec![vec![from("0")]], &["dev-main", "1.0.0"]);
        assert!(affects(&branch, "dev-main"));
        assert!(!affects(&branch, "dev-next"));
        assert!(!affects(&entry(vec![vec![from("0")]], &[]), "dev-main"));
        check(&[from("0"), fixed("no version")], &[], &["1.0.0"]);
    }

    #[test]
    fn a_union_of_versions_and_ranges() {
        let both = entry(vec![vec![from("1.0.0"), fixed("1.1.0")], vec![from("3.0.0")]], &["2.0.0"]);
        for version in ["1.0.5", "2.0.0", "3.1.0"] {
            assert!(affects(&both, version), "{version}");
        }
        for version in ["0.9.0", "1.1.0", "2.0.1"] {
            assert!(!affects(&both, version), "{version}");
        }
    }

    #[test]
    fn the_lowest_fix_above_the_locked_version_is_one_that_is_fixed() {
        let unfixed_branch = entry(
            vec![
                vec![from("4.0.0"), fixed("5.0.0")],
                vec![from("5.0.0"), fixed("5.4.53")],
                vec![from("6.0.0"), fixed("6.4.41")],
            ],
            &[],
        );
        assert_eq!(fix(&[&unfixed_branch], "4.2.0").as_deref(), Some("5.4.53"));
        assert_eq!(fix(&[&unfixed_branch], "6.1.0").as_deref(), Some("6.4.41"));
        assert_eq!(fix(&[&unfixed_branch], "7.0.0"), None);
        let never = entry(vec![vec![from("0")]], &[]);
        assert_eq!(fix(&[&never], "1.0.0"), None);
        // Everything that is named is affected by another record: the lowest is the best that is known.
        assert_eq!(fix(&[&unfixed_branch, &never], "4.2.0").as_deref(), Some("5.0.0"));
    }
}
