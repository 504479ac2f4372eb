//! Connections: how every git request is made — bounded, authenticated over TLS only, never asking a person.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix::protocol::transport::client::TransportWithoutIO as _;
use gix::protocol::transport::client::blocking_io::{Transport, connect, http};

use crate::git::address::Address;
use crate::git::mirror::MirrorError;
use crate::net::client::{USER_AGENT, install_tls};
use crate::net::secret::Token;

/// How long a server may stay silent. It is per read, not per transfer; the interrupt flag is not looked at while a socket
/// is silent, so this is also how long an interruption may take. `git upload-pack` sends a keep-alive every 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest single allocation that data of a repository may cause. GitHub refuses files above 100 MB; 512 MiB leaves
/// room for other hosts and keeps a small pack from claiming all memory.
pub(super) const ALLOCATION_LIMIT: &str = "gitoxide.objects.allocLimit=536870912";

/// How repositories are opened: no configuration of the system or the user, no environment.
pub(super) fn open_options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([ALLOCATION_LIMIT])
}

/// Where a connection goes, and with what.
pub(super) struct Access<'a> {
    /// The address.
    pub(super) url: gix::Url,
    /// The token, where it may be sent.
    token: Option<&'a Token>,
}

impl<'a> Access<'a> {
    /// The access to a network address; the token is left out where there is no TLS. `None` for a local folder.
    pub(super) fn new(address: &Address, token: Option<&'a Token>) -> Option<Self> {
        match address {
            Address::Network { url, tls } => Some(Self { url: url.clone(), token: token.filter(|_| *tls) }),
            Address::Local(_) => None,
        }
    }

    /// A `file://` access, which starts `git upload-pack`: the tests' stand-in for a server.
    #[cfg(test)]
    pub(super) fn through_upload_pack(repository: &std::path::Path) -> Self {
        let url = url::Url::from_file_path(repository).expect("an absolute path");
        Self { url: gix::url::parse(gix::bstr::BStr::new(url.as_str())).expect("well-formed"), token: None }
    }

    /// The identity that goes with the first request. Set on the transport it is dropped when a redirect changes the
    /// authority; sent as a header of ours, every redirect would be refused, and renamed repositories answer 301.
    pub(super) fn identity(&self) -> Option<gix::sec::identity::Account> {
        self.token.map(|token| gix::sec::identity::Account {
            username: "x-access-token".to_owned(),
            password: token.reveal().to_owned(),
            oauth_refresh_token: None,
        })
    }

    /// The options of the transport, for addresses that have some.
    pub(super) fn options(&self) -> Option<Box<http::Options>> {
        if !matches!(self.url.scheme, gix::url::Scheme::Https | gix::url::Scheme::Http) {
            return None;
        }
        install_tls();
        let backend = http::reqwest::Options {
            // The proxies of the environment and `SSL_CERT_FILE` are honoured by reqwest itself.
            configure_client: Some(Box::new(|client| {
                Ok(client.timeout(IDLE_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).user_agent(USER_AGENT))
            })),
            configure_request: None,
        };
        Some(Box::new(http::Options { backend: Some(Arc::new(Mutex::new(backend))), ..http::Options::default() }))
    }
}

/// A connection that stands, and what the server said it can.
pub(super) type Connected = (Box<dyn Transport + Send>, gix::protocol::Handshake);

impl Access<'_> {
    /// Connects to the server's side of a fetch.
    pub(super) fn connect(&self) -> gix::Result<Connected> {
        let mut transport = connect::connect(self.url.clone(), connect::Options::default())?;
        if let Some(options) = self.options() {
            transport.configure(&*options)?;
        }
        if let Some(identity) = self.identity() {
            transport.set_identity(identity).map_err(gix::Error::from_error)?;
        }
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
    MirrorError::Fetch(Box::new(error))
}

/// Whether the network is to blame, so that fetching into a fresh folder would not help.
pub(super) fn is_network_failure(error: &gix::Error) -> bool {
    error.is_cancelled()
        || error.is_retryable()
        || error.is_unauthenticated()
        || error.is_permission_denied()
        || every_cause(error, <dyn std::error::Error + 'static>::is::<reqwest::Error>)
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
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        let router = axum::Router::new().fallback(move || async move { status });
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_server_hides_is_not_found_and_nobody_is_asked_for_a_password() {
        let token = Token::new("canary-token");
        for status in [401, 403, 404, 410] {
            let (url, token) = (server(status).await, token.clone());
            let outcome = tokio::task::spawn_blocking(move || resolve(&url, token.as_ref(), Some("main")));
            let outcome = outcome.await.expect("it ends");
            assert!(matches!(outcome, Err(MirrorError::NotFound)), "{status}: {outcome:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_server_cannot_do_is_told_with_its_cause() {
        for status in [429, 500, 503, 200] {
            let url = server(status).await;
            let outcome = tokio::task::spawn_blocking(move || resolve(&url, None, None)).await.expect("it ends");
            assert!(matches!(outcome, Err(MirrorError::Fetch(_))), "{status}: {outcome:?}");
        }
        let refused = resolve("http://127.0.0.1:1/acme/shop.git", None, None);
        assert!(matches!(refused, Err(MirrorError::Fetch(_))), "{refused:?}");
    }
}
