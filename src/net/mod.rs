//! The network: one HTTP client, one rule of outgoing addresses, one set of limits, one retry rule, and secrets that cannot be printed.

pub(crate) mod address;
pub(crate) mod cause;
pub(crate) mod client;
pub(crate) mod limits;
mod resolver;
pub(crate) mod retry;
pub(crate) mod seal;
pub(crate) mod secret;
