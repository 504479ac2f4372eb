//! A sample.

mod git;
mod report;
