//! Requirements of gems, turned inside out: what lies outside of all of them is affected.

use std::cmp::Ordering;

use crate::model::advisory::{AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version::{self, Version};

/// A place between two versions: just below one, or just above it.
#[derive(Debug, Clone)]
struct Cut {
    place: Version,
    /// The version as it is written into events.
    text: String,
    is_above: bool,
}

impl Cut {
    fn new(text: &str, is_above: bool) -> Option<Self> {
        let place = version::parse(Ecosystem::RubyGems, text).ok()?;
        Some(Self { place, text: text.to_owned(), is_above })
    }

    fn order(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place).then(self.is_above.cmp(&other.is_above))
    }
}

/// The versions between two cuts; `None` is no bound on that side.
#[derive(Debug, Clone, Default)]
struct Interval {
    from: Option<Cut>,
    to: Option<Cut>,
}

impl Interval {
    fn is_empty(&self) -> bool {
        matches!((&self.from, &self.to), (Some(from), Some(to)) if from.order(to).is_ge())
    }

    fn intersection(&self, other: &Self) -> Self {
        let later = |left: &Cut, right: &Cut| if left.order(right).is_ge() { left.clone() } else { right.clone() };
        let sooner = |left: &Cut, right: &Cut| if left.order(right).is_le() { left.clone() } else { right.clone() };
        let both = |left: &Option<Cut>, right: &Option<Cut>, pick: &dyn Fn(&Cut, &Cut) -> Cut| match (left, right) {
            (Some(left), Some(right)) => Some(pick(left, right)),
            (left, right) => left.clone().or_else(|| right.clone()),
        };
        Self { from: both(&self.from, &other.from, &later), to: both(&self.to, &other.to, &sooner) }
    }
}

/// The ranges that no requirement holds; `None` when one of them cannot be understood.
///
/// Each text is a list of comparisons that must all hold (`>= 1.2.3, < 2`); a version that meets any of the texts is not
/// affected. The meaning of the comparisons is that of `Gem::Requirement`
/// (<https://docs.ruby-lang.org/en/master/Gem/Requirement.html>), which bundler-audit uses.
pub(super) fn outside_of(requirements: &[String]) -> Option<Vec<AffectedRange>> {
    let mut safe = Vec::new();
    for requirement in requirements {
        safe.extend(intervals(requirement)?);
    }
    safe.sort_by(|left, right| match (&left.from, &right.from) {
        (Some(left), Some(right)) => left.order(right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    });
    let mut gaps = Vec::new();
    // Where the first version stands that may still be affected.
    let mut open = Interval::default();
    for interval in safe {
        let gap = Interval { from: open.from.clone(), to: interval.from.clone() };
        if interval.from.is_some() && !gap.is_empty() {
            gaps.push(gap);
        }
        let Some(end) = interval.to else { return Some(gaps.into_iter().map(range).collect()) };
        if open.from.as_ref().is_none_or(|start| end.order(start).is_gt()) {
            open.from = Some(end);
        }
    }
    gaps.push(open);
    Some(gaps.into_iter().map(range).collect())
}

fn range(gap: Interval) -> AffectedRange {
    let introduced = match gap.from {
        None => "0".to_owned(),
        Some(cut) if cut.is_above => successor(&cut.text),
        Some(cut) => cut.text,
    };
    let end =
        gap.to.map(|cut| if cut.is_above { RangeEvent::LastAffected(cut.text) } else { RangeEvent::Fixed(cut.text) });
    AffectedRange { events: std::iter::once(RangeEvent::Introduced(introduced)).chain(end).collect() }
}

/// Where a range begins that leaves the version itself out. The order is dense, so that no version is the next one; this
/// one is before every version that anyone releases (`1.2.3.1`, `1.2.3.0.1`).
fn successor(version: &str) -> String {
    format!("{version}.0.0.0.1")
}

/// The intervals of one text: more than one when it leaves versions out (`!= 1.2.3`).
fn intervals(requirement: &str) -> Option<Vec<Interval>> {
    let mut intervals = vec![Interval::default()];
    for comparison in requirement.split(',') {
        let allowed = comparison_intervals(comparison.trim())?;
        let all = intervals.iter().flat_map(|left| allowed.iter().map(|right| left.intersection(right)));
        intervals = all.filter(|interval| !interval.is_empty()).collect();
    }
    Some(intervals)
}

fn comparison_intervals(comparison: &str) -> Option<Vec<Interval>> {
    let start = comparison.find(|character: char| !"<>=!~".contains(character))?;
    let (operator, text) = comparison.split_at(start);
    let text = plain(text.trim())?;
    let below = Cut::new(&text, false)?;
    let above = Cut { is_above: true, ..below.clone() };
    let one = |from, to| Some(vec![Interval { from, to }]);
    match operator {
        ">=" => one(Some(below), None),
        ">" => one(Some(above), None),
        "<" => one(None, Some(below)),
        "<=" => one(None, Some(above)),
        "" | "=" => one(Some(below), Some(above)),
        "!=" => Some(vec![Interval { from: None, to: Some(below) }, Interval { from: Some(above), to: None }]),
        "~>" => one(Some(below), Some(Cut::new(&end_of_line(&text)?, false)?)),
        _ => None,
    }
}

/// The version as `Gem::Version` keeps it, where a dash means a pre-release; `None` for text that is no version.
fn plain(text: &str) -> Option<String> {
    let is_version = text.starts_with(|first: char| first.is_ascii_digit())
        && text.split(['.', '-']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_version.then(|| text.replace('-', ".pre."))
}

/// Where `~>` ends: `~> 1.2.3` allows what is released before `1.3`, and so none of its pre-releases either
/// (`Gem::Version#bump`, and `release` in `Gem::Requirement`). Letters stand before numbers and capital ones before small
/// ones, so that `1.3.A` is below every pre-release of 1.3 that anyone names.
fn end_of_line(version: &str) -> Option<String> {
    let release = version.split(|character: char| character.is_ascii_alphabetic()).next()?.trim_end_matches('.');
    let mut numbers: Vec<u64> = release.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if numbers.len() > 1 {
        numbers.pop();
    }
    let last = numbers.last_mut()?;
    *last = last.checked_add(1)?;
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    Some(format!("{}.A", numbers.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(requirements: &[&str]) -> Option<Vec<String>> {
        let requirements: Vec<_> = requirements.iter().map(|text| (*text).to_owned()).collect();
        let word = |event: &RangeEvent| match event {
            RangeEvent::Introduced(version) => format!("from {version}"),
            RangeEvent::Fixed(version) => format!("to {version}"),
            RangeEvent::LastAffected(version) => format!("through {version}"),
            RangeEvent::Limit(version) => format!("limit {version}"),
        };
        let text = |range: &AffectedRange| range.events.iter().map(word).collect::<Vec<_>>().join(" ");
        Some(outside_of(&requirements)?.iter().map(text).collect())
    }

    #[track_caller]
    fn check(requirements: &[&str], expected: &[&str]) {
        assert_eq!(outside(requirements).expect("well-formed"), expected, "{requirements:?}");
    }

    #[test]
    fn what_lies_outside_of_all_requirements_is_affected() {
        check(&[], &["from 0"]);
        check(&[">= 1.2.3"], &["from 0 to 1.2.3"]);
        check(&["> 1.2.3"], &["from 0 through 1.2.3"]);
        check(&["< 1.2.3"], &["from 1.2.3"]);
        check(&["<= 1.2.3"], &["from 1.2.3.0.0.0.1"]);
        check(&["= 1.2.3"], &["from 0 to 1.2.3", "from 1.2.3.0.0.0.1"]);
        check(&["1.2.3"], &["from 0 to 1.2.3", "from 1.2.3.0.0.0.1"]);
        check(&["!= 1.2.3"], &["from 1.2.3 through 1.2.3"]);
        check(&[">= 0"], &["from 0 to 0"]);
        check(&["~> 1.2.3"], &["from 0 to 1.2.3", "from 1.3.A"]);
        check(&["~> 1.2"], &["from 0 to 1.2", "from 2.A"]);
        check(&["~> 1"], &["from 0 to 1", "from 2.A"]);
        check(&["~> 7.0.0-rc3"], &["from 0 to 7.0.0.pre.rc3", "from 7.1.A"]);
        check(&["~> 1.2.3b2"], &["from 0 to 1.2.3b2", "from 1.3.A"]);
    }

    #[test]
    fn lists_are_joined_and_overlaps_are_no_gaps() {
        check(&["~> 3.2.13", ">= 4.0.0"], &["from 0 to 3.2.13", "from 3.3.A to 4.0.0"]);
        check(&[">= 4.0.0", "~> 3.2.13"], &["from 0 to 3.2.13", "from 3.3.A to 4.0.0"]);
        check(&["~> 1.2.3", ">= 1.2.5"], &["from 0 to 1.2.3"]);
        check(&["< 2", "~> 2.0.6", ">= 2.1.3"], &["from 2 to 2.0.6", "from 2.1.A to 2.1.3"]);
        check(&["~> 2.3.5, >= 2.3.18"], &["from 0 to 2.3.18", "from 2.4.A"]);
        check(&[">= 1, < 2", ">= 2, < 3"], &["from 0 to 1", "from 3"]);
        check(&["< 1", ">= 1"], &[]);
        check(&["> 2, < 1"], &["from 0"]);
        check(&["~> 1.0, != 1.5"], &["from 0 to 1.0", "from 1.5 through 1.5", "from 2.A"]);
        check(&["< 3.0.0-rc.1", ">= 3"], &["from 3.0.0.pre.rc.1 to 3"]);
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for bad in
            ["", ">=", "~>", "=> 1", ">= x", "^1.0", ">= 1.0 || < 2", "~> 18446744073709551615", ">= 1..2", "1.0\u{0}"]
        {
            assert!(outside(&[bad]).is_none(), "{bad:?} was taken");
        }
    }
}
