//! A sample.

mod model;
