//! The rating of an OSV record: vectors first, then the words that databases use.

use super::wire::{Specific, Wire, WireAffected, WireSeverity};
use crate::advisory::contract::parse_cvss;
use crate::model::severity::{Cvss, Severity};

/// The vector of the highest CVSS version and the rating of a record: of that vector, else the gravest word among those of
/// the schema's type `Ubuntu`, `database_specific` and `ecosystem_specific`, else unknown.
pub(super) fn rating(wire: &Wire, entries: &[WireAffected]) -> (Option<Cvss>, Severity) {
    let of_packages = || entries.iter().flat_map(|entry| &entry.severity.items);
    let cvss = newest_vector(wire.severity.items.iter()).or_else(|| newest_vector(of_packages()));
    if let Some(cvss) = cvss {
        let severity = Severity::from_score(cvss.score);
        return (Some(cvss), severity);
    }
    let typed = wire.severity.items.iter().chain(of_packages());
    let typed = typed.filter(|severity| severity.kind.as_deref() == Some("Ubuntu"));
    let typed = typed.filter_map(|severity| severity.score.text());
    let added = std::iter::once(&wire.database_specific)
        .chain(entries.iter().flat_map(|entry| [&entry.database_specific, &entry.ecosystem_specific]));
    let words = typed.chain(added.flat_map(Specific::ratings));
    (None, words.filter_map(severity_of_word).max().unwrap_or(Severity::Unknown))
}

/// The vector of the highest CVSS version, as the schema allows several.
fn newest_vector<'a>(severities: impl Iterator<Item = &'a WireSeverity>) -> Option<Cvss> {
    let version = |kind: &str| ["CVSS_V2", "CVSS_V3", "CVSS_V4"].iter().position(|known| *known == kind);
    let rated = severities.filter_map(|severity| {
        let version = version(severity.kind.as_deref()?)?;
        let cvss = parse_cvss(severity.score.text()?)?;
        // Among vectors of one major version, 3.1 is after 3.0 and a higher score after a lower one.
        let minor = cvss.vector.get(..8).unwrap_or_default().to_owned();
        Some((version, minor, cvss))
    });
    rated
        .max_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)).then(left.2.score.total_cmp(&right.2.score)))
        .map(|(_, _, cvss)| cvss)
}

/// The words of GitHub (<https://docs.github.com/en/code-security/security-advisories>), Red Hat and SUSE (`important`,
/// <https://access.redhat.com/security/updates/classification>), Ubuntu (`negligible`,
/// <https://ubuntu.com/security/cves/about#priority>) and Debian (`unimportant`,
/// <https://security-team.debian.org/security_tracker.html#severity-levels>). Words that say that nobody has looked yet
/// (`untriaged`, `not yet assigned`) are none.
fn severity_of_word(word: &str) -> Option<Severity> {
    // Debian's tracker marks an urgency with stars when it guessed it.
    match word.trim().trim_end_matches('*').to_ascii_lowercase().as_str() {
        "negligible" | "unimportant" | "minor" | "low" => Some(Severity::Low),
        "moderate" | "medium" => Some(Severity::Medium),
        "important" | "high" => Some(Severity::High),
        "critical" => Some(Severity::Critical),
        _ => None,
    }
}
