//! Semantic versions whose build metadata is ordered as well: those of Dart
//! (<https://github.com/dart-lang/tools/tree/main/pkgs/pub_semver#semantics>) and of Julia
//! (<https://docs.julialang.org/en/v1/base/base/#Base.VersionNumber>).

use std::cmp::Ordering;

use super::number::{Number, compare_padded};
use super::semantic::Parts;

/// A version with its build.
#[derive(Debug, Clone)]
pub(super) struct BuildVersion {
    numbers: Vec<Number>,
    prerelease: Vec<Part>,
    build: Vec<Part>,
}

/// A part of a pre-release or of a build. Numbers rank below words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// As Dart's `int.tryParse` reads it: `-5` is a number.
    Signed(i64),
    /// A number that needs more bits.
    Number(Number),
    Word(String),
}

impl BuildVersion {
    /// Reads a version of Dart.
    pub(super) fn parse_dart(text: &str) -> Option<Self> {
        let part = |text: &str| match text.parse() {
            Ok(number) => Part::Signed(number),
            Err(_) => Part::Word(text.to_owned()),
        };
        Self::parse(text, part)
    }

    /// Reads a version of Julia.
    pub(super) fn parse_julia(text: &str) -> Option<Self> {
        Self::parse(text, |text| Number::parse(text).map_or_else(|| Part::Word(text.to_owned()), Part::Number))
    }

    fn parse(text: &str, part: fn(&str) -> Part) -> Option<Self> {
        let parts = Parts::split(text)?;
        let list = |text: &str| text.split('.').filter(|_| !text.is_empty()).map(part).collect();
        Some(Self { prerelease: list(parts.prerelease), build: list(parts.build), numbers: parts.numbers })
    }

    /// Whether it is a pre-release.
    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[Number] {
        &self.numbers
    }
}

impl Ord for BuildVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_padded(&self.numbers, &other.numbers)
            .then_with(|| other.is_prerelease().cmp(&self.is_prerelease()))
            .then_with(|| self.prerelease.cmp(&other.prerelease))
            .then_with(|| self.build.cmp(&other.build))
    }
}

impl PartialOrd for BuildVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BuildVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for BuildVersion {}
