//! Hosts: what one run of a package manager may reach.

use crate::net::address::{AddressRule, Authority};

use super::request::Target;

/// A list of hosts, some of which the operator names: those may lie in a private network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// Reached if they are on the public internet.
    public: Vec<Authority>,
    /// Reached wherever they are.
    named: Vec<Authority>,
}

impl Hosts {
    /// Adds a host that is reached if it is on the public internet: one that a package manager knows by itself.
    #[must_use]
    pub(crate) fn with_public(mut self, authority: Authority) -> Self {
        self.public.push(authority);
        self
    }

    /// Adds hosts that the operator's policy or environment names: they are reached wherever they are.
    #[must_use]
    pub(crate) fn with_named(mut self, authorities: impl IntoIterator<Item = Authority>) -> Self {
        self.named.extend(authorities);
        self
    }

    /// Whether the target is on the list.
    pub(super) fn list(&self, target: &Target) -> bool {
        let host = target.host();
        self.public.iter().chain(&self.named).any(|authority| authority.admits(&host, target.port))
    }

    /// The rule that judges the addresses of these hosts.
    pub(super) fn rule(&self) -> AddressRule {
        AddressRule::new(self.named.iter().cloned())
    }
}
