//! The order of Semantic Versioning 2.0.0 (<https://semver.org/#spec-item-11>), lenient about what it is given: a leading
//! `v` or `=`, any number of parts and numbers of any size.

use std::cmp::Ordering;

use super::number::{Number, compare_padded};
use crate::model::remedy::Step;

/// A version of numbers, with or without a pre-release.
#[derive(Debug, Clone)]
pub(super) struct SemanticVersion {
    /// At least one; missing ones count as zero.
    numbers: Vec<Number>,
    /// The pre-release's identifiers; empty for a release.
    prerelease: Vec<Identifier>,
}

/// One identifier of a pre-release. The order of the variants is that of the specification.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Numeric(Number),
    Alphanumeric(String),
}

/// The text of a version, cut in its parts.
pub(super) struct Parts<'a> {
    /// At least one.
    pub(super) numbers: Vec<Number>,
    /// What follows the numbers, without the hyphen; empty for a release.
    pub(super) prerelease: &'a str,
    /// What follows the `+`; empty without one.
    pub(super) build: &'a str,
}

impl<'a> Parts<'a> {
    /// Cuts `v1.2.3-beta.4+build`.
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let text = text.trim_start_matches(['=', ' ']);
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| !is_identifier_list(build)) {
            return None;
        }
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let numbers = numbers.split('.').map(Number::parse).collect::<Option<Vec<_>>>()?;
        let prerelease = rest.strip_prefix('-').unwrap_or(rest);
        if !rest.is_empty() && !is_identifier_list(prerelease) {
            return None;
        }
        Some(Self { numbers, prerelease, build: build.unwrap_or_default() })
    }
}

impl SemanticVersion {
    /// Reads `1`, `v1.2`, `1.2.3-beta.4+build` and, as npm's loose mode does, `1.2.3beta`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Build metadata has no part in the order.
        let Parts { numbers, prerelease, build: _ } = Parts::split(text)?;
        let identifiers = prerelease.split('.').filter(|_| !prerelease.is_empty());
        Some(Self { numbers, prerelease: identifiers.map(Identifier::new).collect() })
    }

    /// Reads a Go version, also one of the toolchain as its releases are named: `go1.21rc2` is `1.21.0-rc.2`.
    pub(super) fn parse_go(text: &str) -> Option<Self> {
        let text = text.strip_prefix("go").unwrap_or(text);
        let label = ["beta", "rc"].into_iter().find_map(|label| {
            let (numbers, number) = text.split_once(label)?;
            let is_toolchain = numbers.ends_with(|last: char| last.is_ascii_digit()) && !numbers.contains('-');
            Some((numbers, label, Number::parse(number)?)).filter(|_| is_toolchain)
        });
        match label {
            Some((numbers, label, number)) => {
                let prerelease = vec![Identifier::Alphanumeric(label.to_owned()), Identifier::Numeric(number)];
                Some(Self { prerelease, ..Self::parse(numbers)? })
            }
            None => Self::parse(text),
        }
    }

    /// Whether its suffix announces a release: `3.13-rc`, unlike `3.13-slim`, as tags of images have it.
    pub(super) fn announces_a_release(&self) -> bool {
        self.prerelease.iter().any(|identifier| match identifier {
            Identifier::Numeric(_) => false,
            Identifier::Alphanumeric(text) => text.to_ascii_lowercase().split('-').any(|word| {
                let word = word.trim_end_matches(|last: char| last.is_ascii_digit());
                ["alpha", "beta", "rc", "pre", "preview", "dev", "nightly", "snapshot", "a", "b"].contains(&word)
            }),
        })
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    /// Whether it is a pre-release.
    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// Whether all numbers of `self` stand at the front of `version`: `v4` covers `v4.1.2`.
    pub(super) fn covers(&self, version: &Self) -> bool {
        if self.is_prerelease() || self.numbers.len() > version.numbers.len() {
            return self == version;
        }
        self.numbers.iter().zip(&version.numbers).all(|(left, right)| left == right)
    }
}

/// How far a move between two lists of numbers goes by the rule of caret requirements.
pub(super) fn step_between(from: &[Number], to: &[Number]) -> Step {
    let part = |numbers: &[Number], position: usize| numbers.get(position).cloned().unwrap_or(Number::ZERO);
    // The first number that is not zero may not move; below 0.1.0 that is the third one.
    let leading = (0..3).find(|&position| !part(from, position).is_zero()).unwrap_or(2);
    let moved = |position: usize| part(from, position) != part(to, position);
    if (0..=leading).any(moved) {
        // `1.0.0-beta` → `1.0.0` moves no number and is no break.
        Step::Major
    } else if moved(1) {
        Step::Minor
    } else {
        Step::Patch
    }
}

impl Identifier {
    fn new(text: &str) -> Self {
        Number::parse(text).map_or_else(|| Self::Alphanumeric(text.to_owned()), Self::Numeric)
    }
}

fn is_identifier_list(text: &str) -> bool {
    text.split('.').all(|identifier| {
        !identifier.is_empty() && identifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

impl Ord for SemanticVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_padded(&self.numbers, &other.numbers)
            .then_with(|| other.is_prerelease().cmp(&self.is_prerelease()))
            .then_with(|| self.prerelease.cmp(&other.prerelease))
    }
}

impl PartialOrd for SemanticVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SemanticVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SemanticVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> SemanticVersion {
        SemanticVersion::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn the_specifications_own_example_is_in_order() {
        let sorted = [
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for (position, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(version(left).cmp(&version(right)), position.cmp(&other), "{left} and {right}");
            }
        }
    }

    #[test]
    fn leniency_does_not_change_the_order() {
        assert_eq!(version("v1.2.3"), version("1.2.3"));
        assert_eq!(version("=v1.2.3"), version("1.2.3"));
        assert_eq!(version("1"), version("1.0.0"));
        assert_eq!(version("1.2.3+a"), version("1.2.3+b"));
        assert_eq!(version("1.2.3beta"), version("1.2.3-beta"));
        assert!(version("1.2.3.4") > version("1.2.3"));
        assert!(version("1.0.0-20230101000000000000000001") > version("1.0.0-20230101000000000000000000"));
        for bad in
            ["", "v", "x", "1.", ".1", "1..2", "1.x", "main", "1.2.3-", "1.2.3-a..b", "1.2.3+", "1 2", "1.2.3-ä", "vv1"]
        {
            assert!(SemanticVersion::parse(bad).is_none(), "{bad:?} was read");
        }
    }

    #[test]
    fn steps_follow_caret_requirements() {
        for (from, to, step) in [
            ("1.2.3", "1.2.4", Step::Patch),
            ("1.2.3", "1.3.0", Step::Minor),
            ("1.2.3", "2.0.0", Step::Major),
            ("0.2.3", "0.2.4", Step::Patch),
            ("0.2.3", "0.3.0", Step::Major),
            ("0.0.3", "0.0.4", Step::Major),
            ("0.9.0", "1.0.0", Step::Major),
            ("1.0.0-rc.1", "1.0.0", Step::Patch),
            ("0.0.0", "0.0.1", Step::Major),
            ("v4", "v4.1.2", Step::Minor),
            ("v3", "v4", Step::Major),
        ] {
            assert_eq!(step_between(version(from).numbers(), version(to).numbers()), step, "{from} → {to}");
        }
    }

    #[test]
    fn a_short_reference_covers_what_it_floats_over() {
        assert!(version("v4").covers(&version("v4.1.2")));
        assert!(version("v4.1").covers(&version("v4.1.2")));
        assert!(!version("v4").covers(&version("v5.0.0")));
        assert!(!version("v4.1.2").covers(&version("v4")));
        assert!(version("v4.0.0").covers(&version("v4")));
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_semver_crate(left in "(0|[1-9][0-9]?)\\.(0|1|10)\\.[0-2](-(alpha|beta|rc|0|1|12)(\\.(0|1|2|10|x-y))?)?(\\+b1)?",
                                           right in "(0|[1-9][0-9]?)\\.(0|1|10)\\.[0-2](-(alpha|beta|rc|0|1|12)(\\.(0|1|2|10|x-y))?)?(\\+b2)?") {
            let reference = semver::Version::parse(&left).expect("valid").cmp_precedence(&semver::Version::parse(&right).expect("valid"));
            prop_assert_eq!(version(&left).cmp(&version(&right)), reference);
        }

        #[test]
        fn steps_agree_with_the_semver_crates_caret(from in "[0-2]\\.[0-2]\\.[0-2]", to in "[0-2]\\.[0-2]\\.[0-2]") {
            let (old, new) = (semver::Version::parse(&from).expect("valid"), semver::Version::parse(&to).expect("valid"));
            prop_assume!(new >= old);
            let caret = semver::VersionReq::parse(&format!("^{from}")).expect("valid");
            prop_assert_eq!(step_between(version(&from).numbers(), version(&to).numbers()) == Step::Major, !caret.matches(&new));
        }
    }
}
