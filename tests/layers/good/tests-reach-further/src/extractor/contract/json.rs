//! What several members read with.

pub(in crate::extractor) const DEPTH: usize = 64;
