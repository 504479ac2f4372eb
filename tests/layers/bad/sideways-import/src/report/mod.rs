//! Reports.

mod contract;

pub use contract::write;
