//! The operator's own proxy, through which ours reaches the world where the machine cannot do so directly.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::request::Target;

/// What `HTTPS_PROXY` and `NO_PROXY` of the bot's own environment say. Its credentials never reach a tool.
#[derive(Clone)]
pub(crate) struct Upstream {
    matcher: std::sync::Arc<Matcher>,
}

impl Upstream {
    /// Reads the variables that name a proxy, in upper or lower case.
    pub(crate) fn from_environment() -> Self {
        Self { matcher: Matcher::from_env().into() }
    }

    /// The proxy at `address` (empty for none), except for the hosts in `except`, as `NO_PROXY` has them.
    #[cfg(test)]
    pub(crate) fn new(address: &str, except: &str) -> Self {
        Self { matcher: Matcher::builder().https(address).no(except).build().into() }
    }

    /// The proxy that leads to a target; `None` where it is reached directly.
    pub(super) fn route(&self, target: &Target) -> Option<Intercept> {
        let address: Uri = format!("https://{target}/").parse().ok()?;
        self.matcher.intercept(&address)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The matcher's own text may hold credentials.
        formatter.write_str("Upstream")
    }
}
