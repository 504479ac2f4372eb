//! Ranges: whether a version is affected, as the OSV schema evaluates events.

use serde::{Deserialize, Serialize};

use crate::model::advisory::{Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version::{Version, parse};

/// What an entry says about versions, borrowed from wherever that stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims<'a> {
    /// Affected ranges.
    #[serde(borrow)]
    pub(super) ranges: Vec<Vec<Event<'a>>>,
    /// Versions that are affected one by one.
    pub(super) versions: Vec<&'a str>,
}

/// One event of an affected range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Event<'a> {
    /// Before every version, affected.
    Beginning,
    /// The first affected version.
    Introduced(&'a str),
    /// The first version that is not affected any more.
    Fixed(&'a str),
    /// The last affected version.
    LastAffected(&'a str),
    /// Versions from here on are not described by the range.
    Limit(&'a str),
}

impl<'a> From<&'a RangeEvent> for Event<'a> {
    fn from(event: &'a RangeEvent) -> Self {
        match event {
            RangeEvent::Introduced(zero) if zero == "0" => Self::Beginning,
            RangeEvent::Introduced(version) => Self::Introduced(version),
            RangeEvent::Fixed(version) => Self::Fixed(version),
            RangeEvent::LastAffected(version) => Self::LastAffected(version),
            RangeEvent::Limit(version) => Self::Limit(version),
        }
    }
}

impl From<Event<'_>> for RangeEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Beginning => Self::Introduced("0".to_owned()),
            Event::Introduced(version) => Self::Introduced(version.to_owned()),
            Event::Fixed(version) => Self::Fixed(version.to_owned()),
            Event::LastAffected(version) => Self::LastAffected(version.to_owned()),
            Event::Limit(version) => Self::Limit(version.to_owned()),
        }
    }
}

impl<'a> Claims<'a> {
    /// What a record says.
    pub(super) fn of(affected: &'a Affected) -> Self {
        Self {
            ranges: affected.ranges.iter().map(|range| range.events.iter().map(Event::from).collect()).collect(),
            versions: affected.versions.iter().map(String::as_str).collect(),
        }
    }

    /// The ranges as the model has them.
    pub(super) fn to_ranges(&self) -> Vec<AffectedRange> {
        let range =
            |events: &Vec<Event<'_>>| AffectedRange { events: events.iter().map(|&event| event.into()).collect() };
        self.ranges.iter().map(range).collect()
    }

    /// Leaves out explicit versions that a range holds anyway. No answer changes: what equals such a version has its
    /// place in the order, and so the range holds that as well.
    pub(super) fn drop_covered_versions(&mut self, ecosystem: Ecosystem) {
        if self.ranges.is_empty() || self.versions.is_empty() {
            return;
        }
        let ranges: Vec<PlacedRange> =
            self.ranges.iter().filter_map(|range| PlacedRange::of(ecosystem, range)).collect();
        self.versions.retain(|version| {
            parse(ecosystem, version).map_or(true, |place| !ranges.iter().any(|range| range.holds((&place, None))))
        });
    }
}

/// A version as it is locked, with its place in the order where it has one.
pub(super) struct Locked<'a> {
    ecosystem: Ecosystem,
    text: &'a str,
    place: Option<Version>,
    /// Of a local version of PEP 440 (`2.0.1+cu118`) the public one, which advisories name.
    public: Option<Version>,
}

impl<'a> Locked<'a> {
    /// Places a version in its ecosystem's order.
    pub(super) fn new(ecosystem: Ecosystem, text: &'a str) -> Self {
        // A local version is the release with changes of those who built it
        // (<https://packaging.python.org/en/latest/specifications/version-specifiers/#local-version-identifiers>).
        let public = text.split_once('+').filter(|_| ecosystem == Ecosystem::PyPi);
        let public = public.and_then(|(public, _)| parse(ecosystem, public).ok());
        Self { ecosystem, text, place: parse(ecosystem, text).ok(), public }
    }

    /// Whether the ecosystem can order it.
    pub(super) fn is_ordered(&self) -> bool {
        self.place.is_some()
    }

    /// Whether the explicit versions or any range of an entry of the same ecosystem holds it
    /// (<https://ossf.github.io/osv-schema/#evaluation>).
    pub(super) fn is_affected_by(&self, claims: &Claims<'_>) -> bool {
        if claims.versions.iter().any(|version| self.is(version)) {
            return true;
        }
        let Some(place) = &self.place else { return false };
        claims.ranges.iter().any(|range| holds(self.ecosystem, range, (place, self.public.as_ref())))
    }

    fn is(&self, version: &str) -> bool {
        let is_public = || {
            let public = self.public.as_ref().filter(|_| !version.contains('+'));
            public.is_some_and(|public| parse(self.ecosystem, version).is_ok_and(|other| other == *public))
        };
        version == self.text
            || is_public()
            || self
                .place
                .as_ref()
                .is_some_and(|place| parse(self.ecosystem, version).is_ok_and(|other| other == *place))
    }
}

/// A version, and its public one where it is local.
type Locally<'a> = (&'a Version, Option<&'a Version>);

/// Whether a range holds a version; one with an event that has no place holds nothing.
fn holds(ecosystem: Ecosystem, range: &[Event<'_>], version: Locally<'_>) -> bool {
    // Nearly all ranges begin once and end at most once: nothing has to be sorted then.
    let (start, end) = match range {
        [start @ (Event::Beginning | Event::Introduced(_))] => (start, None),
        [start @ (Event::Beginning | Event::Introduced(_)), end @ (Event::Fixed(_) | Event::LastAffected(_))] => {
            (start, Some(end))
        }
        _ => return PlacedRange::of(ecosystem, range).is_some_and(|range| range.holds(version)),
    };
    let place = |event: &Event<'_>| match *event {
        Event::Introduced(text) | Event::Fixed(text) => Place::at(ecosystem, text, false),
        Event::LastAffected(text) => Place::at(ecosystem, text, true),
        Event::Beginning | Event::Limit(_) => Some(Place::Beginning),
    };
    let Some(start) = place(start) else { return false };
    match end.map(place) {
        None => start.has_passed(version),
        // One that ends before it begins does not end.
        Some(Some(end)) => start.has_passed(version) && (!end.has_passed(version) || end < start),
        Some(None) => false,
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

impl Place {
    /// The place of an event at a version; `None` for what is none.
    fn at(ecosystem: Ecosystem, text: &str, is_behind: bool) -> Option<Self> {
        Some(Self::At(parse(ecosystem, text).ok()?, is_behind))
    }

    /// Whether the event has taken effect for a version.
    fn has_passed(&self, (version, public): Locally<'_>) -> bool {
        match self {
            Self::Beginning => true,
            // A flaw last seen in a release is in all builds of that release.
            Self::At(at, true) => public.unwrap_or(version) > at,
            Self::At(at, false) => version >= at,
        }
    }
}

/// A range whose events have their places.
struct PlacedRange {
    /// The events but the limits, lowest first, each with whether what follows is affected.
    events: Vec<(Place, bool)>,
    /// The limits; one that is no version admits nothing.
    limits: Vec<Option<Version>>,
    /// Whether it has a limit that is none.
    is_unlimited: bool,
}

impl PlacedRange {
    /// Places the events of a range; `None` when one of them has no place.
    fn of(ecosystem: Ecosystem, range: &[Event<'_>]) -> Option<Self> {
        let mut placed = Self { events: Vec::with_capacity(range.len()), limits: Vec::new(), is_unlimited: false };
        for event in range {
            let (place, is_affected) = match event {
                Event::Beginning => (Place::Beginning, true),
                Event::Introduced(version) => (Place::at(ecosystem, version, false)?, true),
                Event::Fixed(version) => (Place::at(ecosystem, version, false)?, false),
                Event::LastAffected(version) => (Place::at(ecosystem, version, true)?, false),
                Event::Limit("*") => {
                    placed.is_unlimited = true;
                    continue;
                }
                Event::Limit(version) => {
                    placed.limits.push(parse(ecosystem, version).ok());
                    continue;
                }
            };
            placed.events.push((place, is_affected));
        }
        placed.events.sort_by(|left, right| left.0.cmp(&right.0));
        Some(placed)
    }

    fn holds(&self, locally: Locally<'_>) -> bool {
        let (version, _) = locally;
        let is_below = |limit: &Option<Version>| limit.as_ref().is_some_and(|limit| version < limit);
        if !self.is_unlimited && !self.limits.is_empty() && !self.limits.iter().any(is_below) {
            return false;
        }
        // Events stand in the order of their places, so that those which have passed come first.
        let passed = self.events.partition_point(|(place, _)| place.has_passed(locally));
        passed.checked_sub(1).and_then(|last| self.events.get(last)).is_some_and(|(_, is_affected)| *is_affected)
    }
}

/// The lowest fixed version above the locked one that the entries name.
///
/// A branch that never got its fix ends where the next branch begins, and some sources write that as `fixed`; such an
/// end is still affected by the next range, so that an end that no entry affects is preferred.
pub(super) fn lowest_fix(claims: &[&Claims<'_>], locked: &Locked<'_>) -> Option<String> {
    let current = locked.place.as_ref()?;
    let events = claims.iter().flat_map(|claims| &claims.ranges).flatten();
    let mut fixes: Vec<(Version, &str)> = events
        .filter_map(|event| match *event {
            Event::Fixed(fixed) => Some((parse(locked.ecosystem, fixed).ok()?, fixed)),
            Event::Beginning | Event::Introduced(_) | Event::LastAffected(_) | Event::Limit(_) => None,
        })
        .filter(|(fixed, _)| fixed > current)
        .collect();
    if let [] | [_] = fixes.as_slice() {
        return fixes.first().map(|(_, fixed)| (*fixed).to_owned());
    }
    fixes.sort();
    // Placed once: a record may name as many versions as it likes.
    let ranges: Vec<PlacedRange> = claims
        .iter()
        .flat_map(|claims| &claims.ranges)
        .filter_map(|range| PlacedRange::of(locked.ecosystem, range))
        .collect();
    let mut versions: Vec<Version> = claims
        .iter()
        .flat_map(|claims| &claims.versions)
        .filter_map(|text| parse(locked.ecosystem, text).ok())
        .collect();
    versions.sort();
    let is_free = |fixed: &Version| {
        versions.binary_search(fixed).is_err() && !ranges.iter().any(|range| range.holds((fixed, None)))
    };
    let free = fixes.iter().find(|(fixed, _)| is_free(fixed));
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
        Locked::new(Ecosystem::CratesIo, version).is_affected_by(&Claims::of(affected))
    }

    fn fix(entries: &[&Affected], version: &str) -> Option<String> {
        let claims: Vec<_> = entries.iter().map(|affected| Claims::of(affected)).collect();
        lowest_fix(&claims.iter().collect::<Vec<_>>(), &Locked::new(Ecosystem::CratesIo, version))
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
