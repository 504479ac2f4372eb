//! The network: one HTTP client, one retry rule, and secrets that cannot be printed.

pub(crate) mod client;
pub(crate) mod retry;
pub(crate) mod secret;
