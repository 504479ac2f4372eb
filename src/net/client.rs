//! The one HTTP client: rustls with ring, the system's certificates, bounded waiting.

use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use url::Url;

use crate::net::address::{AddressError, AddressRule};
use crate::net::limits::{CONNECT, Limits};
use crate::net::resolver::{Foreign, is_proxy};

/// What servers are told about us.
pub(crate) const USER_AGENT: &str = concat!("patchparty/", env!("CARGO_PKG_VERSION"));

/// A repository that was renamed redirects once, a server that moved once more.
const REDIRECT_LIMIT: usize = 5;

/// Installs the one TLS provider; reqwest without a built-in provider panics otherwise.
pub(crate) fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for asynchronous code that asks the forge's API: within [`Limits::silence`], and only at that host.
pub(crate) fn asynchronous(limits: &Limits) -> reqwest::Result<reqwest::Client> {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        .read_timeout(limits.silence)
        .redirect(Policy::custom(follow_on_one_host))
        .build()
}

/// A client for blocking code, for addresses that the operator has configured. It must not be used on an asynchronous
/// thread. The timeout holds until an answer begins, and then for each piece of it; the rest is the business of
/// [`crate::net::limits::Bounded`].
pub(crate) fn blocking(limits: &Limits) -> reqwest::Result<reqwest::blocking::Client> {
    builder(limits.silence).build()
}

/// The client of git. With a rule, for an address that a repository names: what the rule refuses is never connected,
/// whatever its name resolves to, and [`permits`] has to be asked before. Redirects stay on the host.
pub(crate) fn git(
    limits: &Limits,
    foreign: Option<(&AddressRule, &Url)>,
) -> reqwest::Result<reqwest::blocking::Client> {
    let builder = builder(limits.silence).redirect(Policy::custom(follow_reads_on_one_host));
    let Some((rule, address)) = foreign else { return builder.build() };
    let port = address.port_or_known_default().unwrap_or_default();
    builder.dns_resolver(Arc::new(Foreign::new(rule.clone(), port))).build()
}

/// Whether an address that a repository names may be asked at all, as far as its text tells.
///
/// Behind a proxy that is all that there is to judge, because the proxy resolves the name. The proxy itself is in our
/// network, and no repository has a business with it.
pub(crate) fn permits(rule: &AddressRule, address: &Url) -> Result<(), AddressError> {
    rule.permits(address)?;
    let is_proxy = address.host_str().is_some_and(is_proxy) && !rule.names_address(address);
    if is_proxy { Err(AddressError::NotPublic) } else { Ok(()) }
}

fn builder(silence: Duration) -> reqwest::blocking::ClientBuilder {
    install_tls();
    reqwest::blocking::Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT).timeout(silence)
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum RedirectError {
    #[error("the server redirects to another host, which is not followed")]
    OtherHost,
    #[error("the server redirects more than {REDIRECT_LIMIT} times")]
    TooMany,
    #[error("the server redirects what was sent to it, which is not followed")]
    Write,
}

fn follow_on_one_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    match judge(attempt.previous(), attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(error) => attempt.error(error),
    }
}

/// Git asks with GET first and learns from its redirects; a POST goes to where the GET ended.
fn follow_reads_on_one_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_write = attempt.previous().iter().any(|url| url.path().ends_with("/git-upload-pack"));
    if is_write { attempt.error(RedirectError::Write) } else { follow_on_one_host(attempt) }
}

/// Another host may be one that only we can reach, and what it answers is told to whoever wrote the address.
fn judge(previous: &[Url], next: &Url) -> Result<(), RedirectError> {
    let Some(last) = previous.last() else { return Ok(()) };
    if previous.len() > REDIRECT_LIMIT {
        return Err(RedirectError::TooMany);
    }
    let place = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    // A host that is asked in clear text may lead to its own TLS, at the ports that belong to the two.
    let is_upgrade = place(last) == ("http".to_owned(), Some(80)) && place(next) == ("https".to_owned(), Some(443));
    let is_same = last.host() == next.host() && (place(last) == place(next) || is_upgrade);
    let has_credentials = !next.username().is_empty() || next.password().is_some();
    if is_same && !has_credentials { Ok(()) } else { Err(RedirectError::OtherHost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_the_host() {
        let url = |text: &str| Url::parse(text).expect("an address");
        let judged = |from: &str, to: &str| judge(&[url(from)], &url(to));
        for (from, to) in [
            ("https://git.example/a", "https://git.example/b"),
            ("https://git.example/a", "https://GIT.example:443/b"),
            ("http://git.example/a", "https://git.example/a"),
            ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/b"),
        ] {
            assert_eq!(judged(from, to), Ok(()), "{from} → {to}");
        }
        for (from, to) in [
            ("https://git.example/a", "http://git.example/a"),
            ("https://git.example/a", "https://git.example:8443/a"),
            ("https://git.example/a", "https://other.example/a"),
            ("https://git.example/a", "https://git.example.evil.example/a"),
            ("https://git.example/a", "https://127.0.0.1/a"),
            ("https://git.example/a", "https://me@git.example/a"),
            ("http://127.0.0.1:8000/a", "http://127.0.0.1:8001/a"),
            ("http://127.0.0.1:8000/a", "https://127.0.0.1/a"),
        ] {
            assert_eq!(judged(from, to), Err(RedirectError::OtherHost), "{from} → {to}");
        }
        let many = vec![url("https://git.example/a"); REDIRECT_LIMIT + 1];
        assert_eq!(judge(&many, &url("https://git.example/a")), Err(RedirectError::TooMany));
    }

    #[test]
    fn the_address_of_a_repository_is_judged_by_the_rule() {
        let rule = AddressRule::new(["127.0.0.1:8443".parse().expect("an authority")]);
        let judged = |text: &str| permits(&rule, &Url::parse(text).expect("an address"));
        assert_eq!(judged("https://git.example/a"), Ok(()));
        assert_eq!(judged("https://127.0.0.1:8443/a"), Ok(()));
        assert_eq!(judged("https://127.0.0.1/a"), Err(AddressError::NotPublic));
    }
}
