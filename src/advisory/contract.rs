//! What an advisory source is.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::policy::SourceKind;
use crate::model::advisory::{Advisory, AdvisoryId};
use crate::model::severity::Cvss;

/// One file of a source. Untrusted.
#[derive(Clone, Copy)]
pub(crate) struct RecordFile<'a> {
    /// Its path from the source's root, with `/`.
    pub(crate) path: &'a str,
    /// Its bytes.
    pub(crate) content: &'a [u8],
}

impl<'a> RecordFile<'a> {
    /// The content as text, without a byte order mark.
    pub(crate) fn text(&self) -> Result<&'a str, RecordError> {
        let text = std::str::from_utf8(self.content).map_err(|_| RecordError::NotText)?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }
}

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Its advisories about ecosystems that are known.
    pub(crate) advisories: Vec<Advisory>,
    /// What it says about advisories of other sources.
    pub(crate) annotations: Vec<Annotation>,
    /// How many of its records are well-formed and about nothing that is known here.
    pub(crate) foreign: usize,
    /// How many of its records could not be understood.
    pub(crate) skipped: usize,
    /// When the newest of its records was written.
    pub(crate) changed: Option<Timestamp>,
}

/// What a source that has no advisories of its own knows about one flaw: that it is exploited, or how likely that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Annotation {
    /// One of the flaw's names, usually its CVE.
    pub(crate) id: AdvisoryId,
    /// Whether it is exploited in the wild.
    pub(crate) exploited: bool,
    /// How likely it is exploited within 30 days, 0.0 to 1.0.
    pub(crate) likelihood: Option<f64>,
}

/// Why a file could not be read as the record that it claims to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// It is not UTF-8.
    #[error("read the record: it is not UTF-8 text")]
    NotText,
    /// It is not in the source's format.
    #[error("read the record: {0}")]
    Malformed(String),
}

impl RecordError {
    /// An error in our words.
    pub(crate) fn malformed(reason: &str) -> Self {
        Self::Malformed(reason.to_owned())
    }

    /// An error in the words of a parser.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A reader of one record format. Pure: it sees bytes and gives advisories.
pub(crate) trait Source: Sync {
    /// Its name in reports, in kebab-case.
    fn id(&self) -> &'static str;

    /// The configuration's word for it.
    fn kind(&self) -> SourceKind;

    /// Whether a file at this path may be a record.
    fn claims(&self, path: &str) -> bool;

    /// What the file says.
    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError>;
}

/// Whether the path has the extension, in any case.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The base metrics that a vector has to have, by the beginning of its text: CVSS 4.0 (<https://www.first.org/cvss/v4-0/>), 3.1,
/// 3.0 and, without a beginning, 2. A score without one of them would be that of another flaw.
const MANDATORY: [(&str, &[&str]); 4] = [
    ("CVSS:4.0/", &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"]),
    ("CVSS:3.1/", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("CVSS:3.0/", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("", &["AV", "AC", "Au", "C", "I", "A"]),
];

/// Whether every mandatory metric is in a vector, once.
fn has_base_metrics(vector: &str) -> bool {
    let of_version = MANDATORY.iter().find_map(|(start, metrics)| Some((vector.strip_prefix(start)?, metrics)));
    of_version.is_some_and(|(rest, metrics)| {
        let names = || rest.split('/').filter_map(|metric| Some(metric.split_once(':')?.0));
        metrics.iter().all(|metric| names().filter(|name| name == metric).count() == 1)
    })
}

/// The vector with its base score; `None` for text that is no vector of CVSS 2, 3.0, 3.1 or 4.0, and for one that lacks a
/// mandatory metric.
pub(crate) fn parse_cvss(vector: &str) -> Option<Cvss> {
    let vector = vector.trim();
    if !has_base_metrics(vector) {
        return None;
    }
    let score = vector.parse::<cvss::Cvss>().ok()?.score();
    (0.0..=10.0).contains(&score).then(|| Cvss { vector: vector.to_owned(), score })
}

/// The identifiers among some texts, sorted and without `own`; what is no identifier is left out.
pub(crate) fn aliases<'a>(own: &AdvisoryId, texts: impl IntoIterator<Item = &'a str>) -> Vec<AdvisoryId> {
    let mut ids: Vec<_> = texts.into_iter().filter_map(|text| AdvisoryId::new(text.trim()).ok()).collect();
    ids.retain(|id| id != own);
    ids.sort();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_every_version_have_a_score() {
        let score = |vector: &str| parse_cvss(vector).map(|cvss| cvss.score);
        assert_eq!(score("AV:N/AC:L/Au:N/C:P/I:P/A:P"), Some(7.5));
        assert_eq!(score("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), Some(9.8));
        assert_eq!(score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O"), Some(9.8));
        assert_eq!(score("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"), Some(9.3));
        for hostile in [
            "",
            "CVSS:9.9/AV:N",
            "CVSS:3.1/",
            "x",
            "CVSS:3.1/AV:\u{1F600}/",
            "((((((/",
            "AV:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H",
            "AV:N/AC:L/Au:N/C:P/I:P",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/C:H/I:H/A:H",
        ] {
            assert_eq!(score(hostile), None, "{hostile:?} has a score");
        }
    }

    #[test]
    fn aliases_are_identifiers_only() {
        let own = AdvisoryId::new("GHSA-1").expect("valid");
        let found = aliases(&own, ["CVE-2", "../etc/passwd", "GHSA-1", " CVE-1 ", "CVE-2", "<script>", ""]);
        assert_eq!(found.iter().map(AdvisoryId::as_str).collect::<Vec<_>>(), ["CVE-1", "CVE-2"]);
    }
}
