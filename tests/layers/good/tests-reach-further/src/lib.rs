//! A sample.

pub mod model;
mod git;
mod net;
mod extractor;
mod check;
mod pipeline;
pub mod cli;
