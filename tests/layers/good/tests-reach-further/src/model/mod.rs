//! The vocabulary; `crate::cli` in a comment is no import.

pub mod dependency;

#[cfg(test)]
mod bench;
