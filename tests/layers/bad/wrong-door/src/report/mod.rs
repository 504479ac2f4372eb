//! Reports.

mod contract;
