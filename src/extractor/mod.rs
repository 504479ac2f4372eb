//! Extractors: read the dependencies a file pins. To add one: write `extractor/<name>.rs`, then its two lines below.

mod cargo_lock;
mod contract;

pub use contract::{Extractor, ParseError, SourceFile};

/// Every extractor, in report order.
pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
];
