//! Extractors.

mod cargo_lock;
mod contract;
mod yarn_lock;

use contract::Extractor;

pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
];

pub fn all() -> usize {
    EXTRACTORS.len() + yarn_lock::COUNT
}
