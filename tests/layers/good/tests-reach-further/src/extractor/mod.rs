//! Extractors.

mod cargo_lock;
mod contract;
#[cfg(test)]
mod testing;

pub use contract::Extractor;

pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
];
