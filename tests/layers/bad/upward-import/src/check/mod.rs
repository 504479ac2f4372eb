//! Checks.

mod contract;

pub use contract::inspect;
