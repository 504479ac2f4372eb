//! NuGet's versions: up to four numbers, and labels that ignore case
//! (<https://learn.microsoft.com/nuget/concepts/package-versioning>, `NuGet.Versioning`'s `VersionComparer`).

use std::cmp::Ordering;

use super::number::{Number, compare_padded};
use super::semantic::Parts;

/// A version.
#[derive(Debug, Clone)]
pub(super) struct NuGetVersion {
    numbers: Vec<Number>,
    labels: Vec<Label>,
}

/// A label of a pre-release. Numbers rank below words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// What .NET's `int.TryParse` reads.
    Number(i32),
    /// In upper case, as ordinal comparison without case folds it.
    Word(String),
}

impl NuGetVersion {
    /// Reads a version; .NET pads what is missing with zeros.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts = Parts::split(text)?;
        let labels = parts.prerelease.split('.').filter(|_| !parts.prerelease.is_empty()).map(Label::new).collect();
        Some(Self { numbers: parts.numbers, labels })
    }

    /// Whether it is a pre-release.
    pub(super) fn is_prerelease(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[Number] {
        &self.numbers
    }
}

impl Label {
    fn new(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Word(text.to_ascii_uppercase()), Self::Number)
    }
}

impl Ord for NuGetVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_padded(&self.numbers, &other.numbers)
            .then_with(|| other.is_prerelease().cmp(&self.is_prerelease()))
            .then_with(|| self.labels.cmp(&other.labels))
    }
}

impl PartialOrd for NuGetVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for NuGetVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for NuGetVersion {}
