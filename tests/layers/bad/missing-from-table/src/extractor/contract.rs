//! What an extractor is.

pub trait Extractor: Sync {}
