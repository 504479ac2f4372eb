//! Forges: where projects live and pull requests are opened. To add one: write `forge/<name>.rs`, then its two lines
//! below.

mod contract;
mod github;

pub(crate) use contract::{Connect, Discovery, Forge, ForgeError, ForgeSettings};

/// The first one that answers the settings is used.
pub(crate) static FORGES: &[(&str, Connect)] = &[
    // A folder of local repositories outranks what the configuration lists.
    ("github", github::connect),
];
