//! Versions that are lists of numbers, of which a longer one is the higher: those of R
//! (<https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file>) and of Haskell
//! (<https://pvp.haskell.org/>).

use super::number::Number;

/// A list of numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumericList(Vec<Number>);

impl NumericList {
    /// Reads an R version, whose numbers are separated by `.` or `-`.
    pub(super) fn parse_r(text: &str) -> Option<Self> {
        text.split(['.', '-']).map(Number::parse).collect::<Option<_>>().map(Self)
    }

    /// Reads a Haskell version.
    pub(super) fn parse_haskell(text: &str) -> Option<Self> {
        text.split('.').map(Number::parse).collect::<Option<_>>().map(Self)
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[Number] {
        &self.0
    }
}
