//! A sample.

mod extractor;
