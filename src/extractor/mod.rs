//! Extractors: read the dependencies a file pins. To add one: write `extractor/<name>.rs`, then its two lines below.

mod bun_lock;
mod cargo_lock;
mod composer_lock;
mod contract;
mod deno_lock;
mod package_lock;
mod pnpm_lock;
mod workflow;
mod yarn_lock;

pub use contract::{Extractor, ParseError, SourceFile};

/// Every extractor, in report order.
pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
    &package_lock::PackageLock,
    &yarn_lock::YarnLock,
    &pnpm_lock::PnpmLock,
    &bun_lock::BunLock,
    &deno_lock::DenoLock,
    &composer_lock::ComposerLock,
    &workflow::Workflow,
];

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod testing;
