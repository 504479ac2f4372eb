//! A sample.

mod model;
mod git;
mod check;
mod pipeline;
mod cli;
