//! Forges: where projects live and pull requests are opened. To add one: write `forge/<name>.rs`, then its two lines
//! below.

mod contract;
mod directory;
mod github;
mod preview;

pub(crate) use contract::{Connect, Forge, ForgeError, ForgeSettings};
pub(crate) use preview::{Preview, Previewed};

/// The first one that the settings ask for is used. A [`Preview`] wraps any of them, for a dry run.
pub(crate) static FORGES: &[(&str, Connect)] = &[
    // A folder of local repositories outranks what the configuration lists.
    ("directory", directory::connect),
    ("github", github::connect),
];
