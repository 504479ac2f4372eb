//! Forges.

pub mod github;

pub use github::GitHub;

pub static FORGES: &[(&str, fn() -> GitHub)] = &[
    // In the order in which they are asked.
    ("github", github::connect),
];
