//! Refusals: what a tool wanted of the proxy and did not get.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::request::Target;

/// So many different refusals are kept of one door: the first tell the cause.
const KEPT: usize = 16;

/// Something that was refused. A host in it consists of letters, digits and `-._:[]` only, but it was chosen by a tool and
/// by what the tool read: untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `host:port` is not on the list.
    NotListed(Target),
    /// `host:port` is on the list, but has no address that may be connected.
    NotPublic(Target),
    /// `host:port` is on the list, and could not be reached; the reason is the system's or the operator's proxy's.
    Unreachable(Target, String),
    /// A request that is no `CONNECT`: plain HTTP, which anyone on the way could change. The host, where one is named.
    NotTunnelled(Option<Target>),
    /// No request that can be understood, or one that does not end.
    Malformed,
    /// One of the door's limits is used up; the text says which.
    Exhausted(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(target) => write!(formatter, "{target} is not on the list"),
            Self::NotPublic(target) => write!(formatter, "{target} has no public address"),
            Self::Unreachable(target, reason) => write!(formatter, "{target} cannot be reached: {reason}"),
            Self::NotTunnelled(Some(target)) => write!(formatter, "{target} was asked for without TLS"),
            Self::NotTunnelled(None) => formatter.write_str("a request was no CONNECT"),
            Self::Malformed => formatter.write_str("a request could not be understood"),
            Self::Exhausted(limit) => write!(formatter, "too many {limit}"),
        }
    }
}

/// The refusals of a door: each once, in order, and not more than [`KEPT`].
#[derive(Default)]
pub(super) struct Refusals {
    kept: Mutex<Vec<Refusal>>,
}

impl Refusals {
    pub(super) fn note(&self, refusal: Refusal) {
        tracing::debug!(%refusal, "the proxy refuses");
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && !kept.contains(&refusal) {
            kept.push(refusal);
        }
    }

    pub(super) fn list(&self) -> Vec<Refusal> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
