//! A sample.

mod model;
mod pipeline;
mod net;
mod warehouse;
