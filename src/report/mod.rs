//! Reports: the outcome, for people and for machines. To add one: write `report/<name>.rs`, then its two lines below.

mod contract;

pub(crate) use contract::{ReportOptions, Reporter};

pub(crate) static REPORTERS: &[&dyn Reporter] = &[
    // The first is the default.
];
