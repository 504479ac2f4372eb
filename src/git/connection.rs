//! Connections: how every git request is made — bounded, authenticated over TLS only, never asking a person.

use std::cell::OnceCell;

use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::TransportWithoutIO as _;
use gix::protocol::transport::client::blocking_io::http::Transport as HttpTransport;
use gix::protocol::transport::client::blocking_io::{Transport, connect};
use url::Url;

use crate::git::address::Address;
use crate::git::http::{BoundedHttp, GitLimits};
use crate::git::mirror::MirrorError;
use crate::git::remote::NamedBy;
use crate::net::address::AddressRule;
use crate::net::cause;
use crate::net::client;
use crate::net::limits::Exceeded;
use crate::net::secret::Token;

/// The largest single allocation that data of a repository may cause. GitHub refuses files above 100 MB; 512 MiB leaves
/// room for other hosts and keeps a small pack from claiming all memory.
pub(super) const ALLOCATION_LIMIT: &str = "gitoxide.objects.allocLimit=536870912";

/// Whoever makes a repository could otherwise have another commit read in place of the one that a branch names
/// (<https://git-scm.com/docs/git-replace>): a mirror takes such references along, and forges never show them.
const NO_REPLACEMENTS: &str = "core.useReplaceRefs=false";

/// How repositories are opened: no configuration of the system or the user, no environment, and every object is the one
/// that its name says. Grafts are unknown to gix, and a `shallow` file ends histories but hides no commit's tree.
pub(super) fn open_options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([ALLOCATION_LIMIT, NO_REPLACEMENTS])
}

/// Where a connection goes, and with what.
pub(super) struct Access<'a> {
    /// The address.
    pub(super) url: gix::Url,
    /// The token, where it may be sent.
    token: Option<&'a Token>,
    /// What the address must obey, with the address.
    foreign: Option<(&'a AddressRule, Url)>,
    limits: GitLimits,
    /// One client for all connections, so that a listing and a fetch share one.
    client: OnceCell<reqwest::blocking::Client>,
}

impl<'a> Access<'a> {
    /// The access to a network address; the token is left out where there is no TLS. `None` for a local folder.
    pub(super) fn new(address: &Address, named_by: NamedBy<'a>) -> Result<Option<Self>, MirrorError> {
        let Address::Network { url, parsed } = address else { return Ok(None) };
        let (token, foreign) = match named_by {
            NamedBy::Operator(token) => (token.filter(|_| parsed.scheme() == "https"), None),
            NamedBy::Repository(rule) => {
                client::permits(rule, parsed).map_err(MirrorError::NotPermitted)?;
                (None, Some((rule, Url::clone(parsed))))
            }
        };
        let limits = GitLimits::FILES;
        Ok(Some(Self { url: url.clone(), token, foreign, limits, client: OnceCell::new() }))
    }

    /// The same within other limits.
    pub(super) fn within(self, limits: GitLimits) -> Self {
        Self { limits, ..self }
    }

    /// A `file://` access, which starts `git upload-pack`: the tests' stand-in for a server.
    #[cfg(test)]
    pub(super) fn through_upload_pack(repository: &std::path::Path) -> Self {
        let url = Url::from_file_path(repository).expect("an absolute path");
        Self {
            url: gix::url::parse(gix::bstr::BStr::new(url.as_str())).expect("well-formed"),
            token: None,
            foreign: None,
            limits: GitLimits::FILES,
            client: OnceCell::new(),
        }
    }

    /// The identity that goes with the first request.
    fn identity(&self) -> Option<gix::sec::identity::Account> {
        self.token.map(|token| gix::sec::identity::Account {
            username: "x-access-token".to_owned(),
            password: token.reveal().to_owned(),
            oauth_refresh_token: None,
        })
    }

    fn client(&self) -> gix::Result<reqwest::blocking::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let foreign = self.foreign.as_ref().map(|(rule, address)| (*rule, address));
        let client = client::git(&self.limits.listing, foreign).map_err(gix::Error::from_error)?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// The transport of a connection; nothing is sent yet.
    pub(super) fn transport(&self) -> gix::Result<Box<dyn Transport + Send>> {
        if !matches!(self.url.scheme, gix::url::Scheme::Https | gix::url::Scheme::Http) {
            return connect::connect(self.url.clone(), connect::Options::default());
        }
        let http = BoundedHttp::new(self.client()?, self.limits);
        let mut transport = HttpTransport::new_http(http, self.url.clone(), Protocol::V2, false);
        if let Some(identity) = self.identity() {
            transport.set_identity(identity).map_err(gix::Error::from_error)?;
        }
        Ok(Box::new(transport))
    }
}

/// A connection that stands, and what the server said it can.
pub(super) type Connected = (Box<dyn Transport + Send>, gix::protocol::Handshake);

impl Access<'_> {
    /// Connects to the server's side of a fetch.
    pub(super) fn connect(&self) -> gix::Result<Connected> {
        let mut transport = self.transport()?;
        let service = gix::protocol::transport::Service::UploadPack;
        let handshake =
            gix::protocol::handshake(&mut transport, service, no_credentials, Vec::new(), &mut gix::progress::Discard)?;
        Ok((transport, handshake))
    }
}

/// Answers a server that wants other credentials: there are none, and nobody is asked.
#[expect(clippy::unnecessary_wraps, reason = "gix calls it and dictates the type")]
pub(super) fn no_credentials(
    _: gix::credentials::helper::Action,
) -> gix::Result<Option<gix::credentials::protocol::Outcome>> {
    Ok(None)
}

/// Sorts an error by what the caller can do about it: 401, 403 and 404 all mean "not for us" (hosts hide private
/// repositories behind either).
pub(super) fn classify(error: gix::Error) -> MirrorError {
    if error.is_unauthenticated() || matches!(http_status(&error), Some(401 | 403 | 404 | 410 | 451)) {
        return MirrorError::NotFound;
    }
    let mut words = None;
    every_cause(&error, |link| {
        words = cause::of(link);
        words.is_some()
    });
    MirrorError::Fetch(words.map_or_else(|| error.into(), Into::into))
}

/// Whether the network is to blame, so that fetching into a fresh folder would not help.
pub(super) fn is_network_failure(error: &gix::Error) -> bool {
    error.is_cancelled()
        || error.is_retryable()
        || error.is_unauthenticated()
        || error.is_permission_denied()
        || every_cause(error, |cause| cause.is::<reqwest::Error>() || cause.is::<Exceeded>())
}

fn http_status(error: &gix::Error) -> Option<u16> {
    let mut status = None;
    every_cause(error, |cause| {
        status = cause.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::status);
        status.is_some()
    });
    status.map(|status| status.as_u16())
}

/// Looks at each error of the tree and at the plain sources below it, until `found` says so.
fn every_cause(error: &gix::Error, mut found: impl FnMut(&(dyn std::error::Error + 'static)) -> bool) -> bool {
    for top in error.iter_errors() {
        let mut cause = Some(top);
        while let Some(current) = cause {
            // `io::Error` hides what it wraps from `source`.
            let wrapped = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            if found(current) || wrapped.is_some_and(|inner| found(inner)) {
                return true;
            }
            cause = wrapped.map_or_else(|| current.source(), |inner| inner.source());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::remote::resolve;

    /// Answers every request with one status.
    async fn server(status: u16) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/acme/shop.git", listener.local_addr().expect("an address"));
        let status = http::StatusCode::from_u16(status).expect("a status");
        let router = axum::Router::new().fallback(move || async move { status });
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_server_hides_is_not_found_and_nobody_is_asked_for_a_password() {
        let token = Token::new("canary-token");
        for status in [401, 403, 404, 410] {
            let (url, token) = (server(status).await, token.clone());
            let outcome =
                tokio::task::spawn_blocking(move || resolve(&url, NamedBy::Operator(token.as_ref()), Some("main")));
            let outcome = outcome.await.expect("it ends");
            assert!(matches!(outcome, Err(MirrorError::NotFound)), "{status}: {outcome:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_server_cannot_do_is_told_with_its_cause() {
        for status in [429, 500, 503, 200] {
            let url = server(status).await;
            let outcome = tokio::task::spawn_blocking(move || resolve(&url, NamedBy::Operator(None), None))
                .await
                .expect("it ends");
            assert!(matches!(outcome, Err(MirrorError::Fetch(_))), "{status}: {outcome:?}");
        }
        let refused = || resolve("http://127.0.0.1:1/acme/shop.git", NamedBy::Operator(None), None);
        let refused = tokio::task::spawn_blocking(refused).await.expect("it ends");
        assert!(matches!(refused, Err(MirrorError::Fetch(_))), "{refused:?}");
    }
}
