//! The vocabulary.

mod dependency;
