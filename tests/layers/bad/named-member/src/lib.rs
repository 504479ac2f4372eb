//! A sample.

mod forge;
mod pipeline;
