//! A sample.

mod check;
