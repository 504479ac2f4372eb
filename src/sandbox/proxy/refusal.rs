//! Refusals: what a tool wanted of the proxy and did not get.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::request::Target;
use crate::sandbox::skeleton::REFUSED_HOST;

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

/// What a failure of a tool comes from, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// What it wanted and did not get.
    pub(crate) explanation: String,
    /// What a person can do about it.
    pub(crate) next_step: String,
    /// Whether it may be otherwise another time: nobody has forbidden anything.
    pub(crate) is_outage: bool,
}

/// The cause of a failure, where what the proxy refused a program tells it: first what was forbidden, then what did not
/// answer.
pub(crate) fn cause(program: &str, refused: &[Refusal]) -> Option<Cause> {
    let forbidden = |explanation: String, next_step: String| Cause { explanation, next_step, is_outage: false };
    let allow =
        |target: &Target| format!("allow `{target}` under `[network] allow-hosts` in patchparty.toml if it is yours");
    let causes = refused.iter().filter_map(|refusal| match refusal {
        // The skeleton's git is sent there with every address that does not begin with `https:`.
        Refusal::NotListed(target) if target.host() == REFUSED_HOST => Some(forbidden(
            format!("`{program}` was led to a git repository on this machine, or to one without TLS"),
            "take the dependency, and what it has as submodules, from an https address".to_owned(),
        )),
        Refusal::NotListed(target) => Some(forbidden(
            format!("`{program}` wanted to reach `{target}`, which is not among the registries of {program}"),
            allow(target),
        )),
        Refusal::NotPublic(target) => Some(forbidden(
            format!("`{program}` wanted to reach `{target}`, which is not on the public internet"),
            allow(target),
        )),
        Refusal::NotTunnelled(Some(target)) => Some(forbidden(
            format!("`{program}` wanted to reach `{target}` without TLS, so that anyone on the way could change what it gets"),
            "give the registry an https address".to_owned(),
        )),
        Refusal::Exhausted(limit) => Some(forbidden(
            format!("`{program}` asked the network for too many {limit}"),
            "look for what in the project makes it ask so much".to_owned(),
        )),
        Refusal::Unreachable(target, reason) => Some(Cause {
            explanation: format!("`{program}` could not reach `{target}`: {reason}"),
            next_step: "run patchparty again where the registry can be reached".to_owned(),
            is_outage: true,
        }),
        Refusal::NotTunnelled(None) | Refusal::Malformed => None,
    });
    // The first of those that were forbidden, else the first of all: the sort keeps their order.
    causes.min_by_key(|cause| cause.is_outage)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    #[test]
    fn what_was_forbidden_is_told_before_what_did_not_answer() {
        let refused = [
            Refusal::Malformed,
            Refusal::Unreachable(target("registry.example:443"), "connection refused".to_owned()),
            Refusal::NotListed(target("first.example:443")),
            Refusal::NotListed(target("second.example:443")),
        ];
        let told = cause("npm", &refused).unwrap();
        assert_eq!(
            (told.explanation.as_str(), told.next_step.as_str(), told.is_outage),
            (
                "`npm` wanted to reach `first.example:443`, which is not among the registries of npm",
                "allow `first.example:443` under `[network] allow-hosts` in patchparty.toml if it is yours",
                false
            )
        );
        let told = cause("npm", &refused[..2]).unwrap();
        assert_eq!(told.explanation, "`npm` could not reach `registry.example:443`: connection refused");
        assert!(told.is_outage);
        assert_eq!(cause("npm", &refused[..1]), None);
        assert_eq!(cause("npm", &[]), None);
    }

    #[test]
    fn the_rest_has_its_own_words() {
        let told = |refusal| cause("cargo", &[refusal]).unwrap().explanation;
        insta::assert_snapshot!(
            [
                told(Refusal::NotPublic(target("[::1]:443"))),
                told(Refusal::NotTunnelled(Some(target("registry.example:80")))),
                told(Refusal::Exhausted("bytes")),
                told(Refusal::NotListed(target("refused.invalid:443"))),
            ]
            .join("\n"),
            @r"
        `cargo` wanted to reach `[::1]:443`, which is not on the public internet
        `cargo` wanted to reach `registry.example:80` without TLS, so that anyone on the way could change what it gets
        `cargo` asked the network for too many bytes
        `cargo` was led to a git repository on this machine, or to one without TLS
        "
        );
    }
}
