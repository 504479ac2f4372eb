//! Reports: the outcome, for people and for machines. To add one: write `report/<name>.rs`, then its two lines below.

mod annotations;
mod contract;
mod human;
mod json;
#[cfg(test)]
pub(crate) mod sample;
mod summary;

pub(crate) use annotations::Annotations;
pub(crate) use contract::{ReportOptions, Reporter, Section, Tally, Threshold, not_read};
pub(crate) use human::wrap;
pub(crate) use summary::{FindingView, StepSummary, finding_view};

pub(crate) static REPORTERS: &[&dyn Reporter] = &[
    // The first is the default.
    &human::Human,
    &json::Json,
];
