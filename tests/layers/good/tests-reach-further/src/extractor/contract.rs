//! What an extractor is.

pub mod json;

pub trait Extractor: Sync {}
