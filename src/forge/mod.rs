//! Forges: where projects live and pull requests are opened. To add one: write `forge/<name>.rs`, then its two lines
//! below.

mod contract;

pub(crate) use contract::{Forge, ForgeError};
