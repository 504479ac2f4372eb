//! Checks.

mod contract;

pub use contract::Check;
