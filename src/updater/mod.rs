//! Updaters: move one package to one exact version. To add one: write `updater/<name>.rs`, then its two lines below.
//! Pinners do the same for dependencies that follow a branch, without any tool.

mod cargo;
mod composer;
mod contract;
mod npm;
mod pin_cargo;
mod pin_composer;
mod pin_npm;
mod pin_workflow;

#[cfg(test)]
mod testing;

pub(crate) use contract::{
    Action, Attempt, Breaking, DirectRequirement, Files, Freedom, LockedEntry, ManifestEdit, Move, Obstacle,
    PinRequest, Pinner, Proved, Puzzle, Reason, Said, Sibling, Solution, Solver, Stay, SyncCheck, Updater,
};

/// Every updater.
pub(crate) static UPDATERS: &[&dyn Updater] = &[
    // In report order.
    &cargo::Cargo,
    &npm::Npm,
    &composer::Composer,
];

/// Every pinner.
pub(crate) static PINNERS: &[&dyn Pinner] = &[
    // In report order.
    &pin_cargo::PinCargo,
    &pin_npm::PinNpm,
    &pin_composer::PinComposer,
    &pin_workflow::PinWorkflow,
];
