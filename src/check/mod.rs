//! Checks: what there is to say about a scanned project. To add one: write `check/<name>.rs`, then its two lines below.

mod contract;

pub(crate) use contract::{Check, CheckContext};

pub(crate) static CHECKS: &[&dyn Check] = &[
    // In report order.
];
