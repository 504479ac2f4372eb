//! Checks: what there is to say about a scanned project. To add one: write `check/<name>.rs`, then its two lines below.

mod branch_tracking;
mod contract;
mod known_vulnerable;
mod unlocked;
#[cfg(test)]
mod verdict_tests;

pub(crate) use contract::{Check, CheckContext};

pub(crate) static CHECKS: &[&dyn Check] = &[
    // In report order.
    &known_vulnerable::KnownVulnerable,
    &branch_tracking::BranchTracking,
    &unlocked::Unlocked,
];
