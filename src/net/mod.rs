//! The network: one HTTP client, one rule of outgoing addresses, one retry rule, and secrets that cannot be printed.

#[cfg_attr(not(test), expect(dead_code, reason = "the requests and the proxy that obey the rule come next"))]
pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod retry;
pub(crate) mod secret;
