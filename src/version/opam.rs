//! opam's versions: Debian's algorithm without epochs
//! (<https://opam.ocaml.org/doc/Manual.html#Version-ordering>).

use std::cmp::Ordering;

use super::debian::compare_parts;
use super::number::{Number, leading_numbers};

/// A version and what follows its last hyphen.
#[derive(Debug, Clone)]
pub(super) struct OpamVersion {
    version: String,
    /// Empty without a hyphen.
    revision: String,
}

impl OpamVersion {
    /// Reads any text but the empty one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (version, revision) = text.rsplit_once('-').unwrap_or((text, ""));
        (!text.is_empty()).then(|| Self { version: version.to_owned(), revision: revision.to_owned() })
    }

    /// Whether a tilde marks it as earlier than a release.
    pub(super) fn is_prerelease(&self) -> bool {
        self.version.contains('~')
    }

    /// The numbers at its front; many projects write `v0.16`.
    pub(super) fn numbers(&self) -> Vec<Number> {
        leading_numbers(self.version.strip_prefix('v').unwrap_or(&self.version))
    }
}

impl Ord for OpamVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_parts(&self.version, &other.version).then_with(|| compare_parts(&self.revision, &other.revision))
    }
}

impl PartialOrd for OpamVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OpamVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OpamVersion {}
