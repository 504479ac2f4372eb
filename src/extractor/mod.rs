//! Extractors: read the dependencies a file pins. To add one: write `extractor/<name>.rs`, then its two lines below.

mod cargo_lock;
mod composer_lock;
mod contract;
mod package_lock;
mod workflow;
mod yarn_lock;

pub use contract::{Extractor, ParseError, SourceFile};

/// Every extractor, in report order.
pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
    &package_lock::PackageLock,
    &yarn_lock::YarnLock,
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
