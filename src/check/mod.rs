//! Checks: what there is to say about a scanned project. To add one: write `check/<name>.rs`, then its two lines below.

mod branch_tracking;
mod contract;
#[cfg(test)]
mod corpus_tests;
mod end_of_life;
#[cfg(test)]
mod hostile_tests;
mod inconsistent_lock;
mod known_vulnerable;
mod loose_requirement;
mod movable_tag;
mod stale_lockfile;
mod unlocked;
mod unmaintained;
mod unverified_source;
#[cfg(test)]
mod verdict_tests;
mod yanked;

pub(crate) use contract::effort::Effort;
pub(crate) use contract::{Check, CheckContext};

pub(crate) static CHECKS: &[&dyn Check] = &[
    // In report order.
    &known_vulnerable::KnownVulnerable,
    &inconsistent_lock::InconsistentLock,
    &branch_tracking::BranchTracking,
    &unlocked::Unlocked,
    &loose_requirement::LooseRequirement,
    &movable_tag::MovableTag,
    &stale_lockfile::StaleLockfile,
    &unverified_source::UnverifiedSource,
    &yanked::Yanked,
    &unmaintained::Unmaintained,
    &end_of_life::EndOfLife,
];
