//! A sample.

mod git;
mod version;
mod advisory;
mod check;
mod report;
