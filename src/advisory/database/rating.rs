//! Ratings: how bad a flaw is, of all that its records say.

use std::cmp::Ordering;

use crate::advisory::index::Text;
use crate::model::advisory::AdvisoryKind;
use crate::model::severity::{Cvss, Severity};

/// The rating of a flaw. Unknown stands above medium where findings are sorted; a record without a rating must not
/// outrank one with a rating.
pub(super) fn severity(kind: AdvisoryKind, ratings: impl Iterator<Item = Severity>, is_exploited: bool) -> Severity {
    let rated = ratings.filter(|severity| *severity != Severity::Unknown).max().unwrap_or(Severity::Unknown);
    match rated {
        // Whoever installs an attack has been attacked, whatever score somebody gave it.
        _ if kind == AdvisoryKind::Malicious => Severity::Critical,
        rated if !is_exploited => rated,
        Severity::Low => Severity::Medium,
        Severity::Medium | Severity::Unknown => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// The highest score, with the vector that says why.
pub(super) fn highest_score(texts: &[Text]) -> Option<Cvss> {
    let vectors = texts.iter().filter_map(|text| text.cvss.as_ref());
    let order = |left: &&Cvss, right: &&Cvss| -> Ordering {
        left.score.total_cmp(&right.score).then_with(|| left.vector.cmp(&right.vector))
    };
    vectors.max_by(order).cloned()
}

/// The gravest first.
pub(super) fn gravity(kind: AdvisoryKind) -> u8 {
    match kind {
        AdvisoryKind::Malicious => 0,
        AdvisoryKind::Vulnerability => 1,
        AdvisoryKind::Unsound => 2,
        AdvisoryKind::Unmaintained => 3,
        AdvisoryKind::Notice => 4,
    }
}
