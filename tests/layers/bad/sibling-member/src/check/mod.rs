//! Checks.

mod branch_tracking;
mod contract;
mod unlocked;

pub use contract::Check;

pub static CHECKS: &[&dyn Check] = &[
    // In report order.
    &branch_tracking::BranchTracking,
    &unlocked::Unlocked,
];
