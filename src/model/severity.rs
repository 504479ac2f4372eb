//! How bad a finding is: CVSS decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The rating of a finding.
///
/// The order is the order of attention: what nobody has rated may be worse than medium, so [`Severity::Unknown`] stands
/// between medium and high and is never shown as low. Thresholds (`--fail-on`) use the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// CVSS 0.0 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// No source has rated it.
    Unknown,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0: the emergency route.
    Critical,
}

impl Severity {
    /// Every rating, most urgent first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Unknown, Self::Medium, Self::Low];

    /// The rating of a CVSS base score between 0.0 and 10.0.
    ///
    /// The bands are those of CVSS 3.1, section 5 (<https://www.first.org/cvss/v3.1/specification-document>), the same
    /// in 4.0; CVSS 2 scores are put into the same bands, as the NVD and OSV do. A score of 0.0 ("none") is low.
    pub fn from_score(score: f64) -> Self {
        if score >= 9.0 {
            Self::Critical
        } else if score >= 7.0 {
            Self::High
        } else if score >= 4.0 {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// The lower-case word used in labels and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::Unknown => "unknown",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A word that is no severity.
#[derive(Debug, thiserror::Error)]
#[error("unknown severity `{0}`: expected critical, high, unknown, medium or low")]
pub struct UnknownSeverity(pub String);

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// A CVSS vector with its base score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cvss {
    /// The vector as the source wrote it, for example `CVSS:3.1/AV:N/AC:L/…`.
    pub vector: String,
    /// The score, 0.0 to 10.0.
    pub score: f64,
}
