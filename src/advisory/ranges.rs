//! Ranges: whether a version is affected, as the OSV schema evaluates events.

use std::cmp::Ordering;

use crate::model::advisory::{Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version::compare;

/// Whether the explicit versions or any range holds the version
/// (<https://ossf.github.io/osv-schema/#evaluation>).
pub(super) fn affects(affected: &Affected, version: &str) -> bool {
    names(affected, version) || affected.ranges.iter().any(|range| holds(affected.ecosystem, range, version))
}

fn names(affected: &Affected, version: &str) -> bool {
    let is_same =
        |listed: &String| listed == version || compare(affected.ecosystem, listed, version).is_ok_and(Ordering::is_eq);
    affected.versions.iter().any(is_same)
}

fn holds(ecosystem: Ecosystem, range: &AffectedRange, version: &str) -> bool {
    let mut limits = range.events.iter().filter_map(|event| match event {
        RangeEvent::Limit(limit) => Some(limit),
        RangeEvent::Introduced(_) | RangeEvent::Fixed(_) | RangeEvent::LastAffected(_) => None,
    });
    let is_before = |limit: &String| limit == "*" || compare(ecosystem, version, limit).is_ok_and(Ordering::is_lt);
    let is_within_limits = match limits.next() {
        None => true,
        Some(first) => is_before(first) || limits.any(is_before),
    };
    is_within_limits && sorted(ecosystem, range).is_some_and(|events| is_affected_after(ecosystem, &events, version))
}

/// The events but limits, lowest first; `None` when one of them cannot be placed, and with it none can.
///
/// At one version, `introduced` and `fixed` stay in the order in which the source has them, so that a range may begin
/// where another ends; `last_affected` comes after both, as it ends behind its version.
fn sorted(ecosystem: Ecosystem, range: &AffectedRange) -> Option<Vec<&RangeEvent>> {
    let is_placed = |event: &&RangeEvent| match place(event) {
        Place::Nowhere | Place::Beginning => true,
        Place::At(version, _) => compare(ecosystem, version, version).is_ok(),
    };
    if !range.events.iter().all(|event| is_placed(&event)) {
        return None;
    }
    let mut events: Vec<_> = range.events.iter().filter(|event| !matches!(place(event), Place::Nowhere)).collect();
    events.sort_by(|left, right| match (place(left), place(right)) {
        (Place::Beginning, Place::Beginning) | (Place::Nowhere, _) | (_, Place::Nowhere) => Ordering::Equal,
        (Place::Beginning, Place::At(..)) => Ordering::Less,
        (Place::At(..), Place::Beginning) => Ordering::Greater,
        (Place::At(left, is_left_behind), Place::At(right, is_right_behind)) => {
            compare(ecosystem, left, right).unwrap_or(Ordering::Equal).then(is_left_behind.cmp(&is_right_behind))
        }
    });
    Some(events)
}

enum Place<'a> {
    Nowhere,
    Beginning,
    /// A version, and whether the event takes effect behind it.
    At(&'a str, bool),
}

fn place(event: &RangeEvent) -> Place<'_> {
    match event {
        RangeEvent::Introduced(version) if version == "0" => Place::Beginning,
        RangeEvent::Introduced(version) | RangeEvent::Fixed(version) => Place::At(version, false),
        RangeEvent::LastAffected(version) => Place::At(version, true),
        RangeEvent::Limit(_) => Place::Nowhere,
    }
}

fn is_affected_after(ecosystem: Ecosystem, events: &[&RangeEvent], version: &str) -> bool {
    // A version without a place in the order is in no range.
    if compare(ecosystem, version, version).is_err() {
        return false;
    }
    let order = |other: &str| compare(ecosystem, version, other).unwrap_or(Ordering::Less);
    let mut is_affected = false;
    for event in events {
        match event {
            RangeEvent::Introduced(zero) if zero == "0" => is_affected = true,
            RangeEvent::Introduced(introduced) if order(introduced).is_ge() => is_affected = true,
            RangeEvent::Fixed(fixed) if order(fixed).is_ge() => is_affected = false,
            RangeEvent::LastAffected(last) if order(last).is_gt() => is_affected = false,
            RangeEvent::Introduced(_) | RangeEvent::Fixed(_) | RangeEvent::LastAffected(_) | RangeEvent::Limit(_) => {}
        }
    }
    is_affected
}

/// The lowest fixed version above `version` that the entries name.
///
/// A branch that never got its fix ends where the next branch begins, and some sources write that as `fixed`; such an
/// end is still affected by the next range, so that an end that no entry affects is preferred.
pub(super) fn lowest_fix(entries: &[&Affected], ecosystem: Ecosystem, version: &str) -> Option<String> {
    let events = entries.iter().flat_map(|affected| &affected.ranges).flat_map(|range| &range.events);
    let mut fixes: Vec<&str> = events
        .filter_map(|event| match event {
            RangeEvent::Fixed(fixed) => Some(fixed.as_str()),
            RangeEvent::Introduced(_) | RangeEvent::LastAffected(_) | RangeEvent::Limit(_) => None,
        })
        .filter(|fixed| compare(ecosystem, fixed, version).is_ok_and(Ordering::is_gt))
        .collect();
    fixes.sort_by(|left, right| compare(ecosystem, left, right).unwrap_or(Ordering::Equal).then(left.cmp(right)));
    let free = fixes.iter().find(|fixed| !entries.iter().any(|affected| affects(affected, fixed)));
    free.or_else(|| fixes.first()).map(|fixed| (*fixed).to_owned())
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
            package: "demo".to_owned(),
            ranges: ranges.into_iter().map(|events| AffectedRange { events }).collect(),
            versions: versions.iter().map(|version| (*version).to_owned()).collect(),
        }
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
        let fix = |version: &str| lowest_fix(&[&unfixed_branch], Ecosystem::CratesIo, version);
        assert_eq!(fix("4.2.0").as_deref(), Some("5.4.53"));
        assert_eq!(fix("6.1.0").as_deref(), Some("6.4.41"));
        assert_eq!(fix("7.0.0"), None);
        let never = entry(vec![vec![from("0")]], &[]);
        assert_eq!(lowest_fix(&[&never], Ecosystem::CratesIo, "1.0.0"), None);
        // Everything that is named is affected by another record: the lowest is the best that is known.
        assert_eq!(lowest_fix(&[&unfixed_branch, &never], Ecosystem::CratesIo, "4.2.0").as_deref(), Some("5.0.0"));
    }
}
