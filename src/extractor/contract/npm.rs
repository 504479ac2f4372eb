//! What the lockfiles of JavaScript's package managers have in common: requirements, manifests, and who requires whom.

pub(in crate::extractor) mod archive;
pub(in crate::extractor) mod graph;
pub(in crate::extractor) mod manifest;
pub(in crate::extractor) mod requirement;
