//! Causes: why there was no answer, in plain words. Libraries tell it once for each of their layers.

use std::error::Error;
use std::io::{self, ErrorKind};

/// An error as libraries give it.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
struct NoAnswer {
    words: String,
}

/// The error in plain words where it is the network's, as [`of`] tells it. Any other error is given back as it is.
pub(crate) fn plain(error: impl Into<Source>) -> Source {
    let error = error.into();
    match of(&*error) {
        Some(words) => Box::new(NoAnswer { words }),
        None => error,
    }
}

/// What the network's part of an error says, with the server where the error names it; `None` for what is no failure of the
/// network. The libraries' own words go to the log of `-v`.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<String> {
    let links = || std::iter::successors(Some(error), |&error| error.source());
    let server = links().find_map(server).map_or_else(|| "the server".to_owned(), |server| format!("`{server}`"));
    // The innermost link knows most.
    let words = links().filter_map(link).last()?.replace("{}", &server);
    // Addresses may hold secrets.
    let chain: Vec<String> = links().map(ToString::to_string).filter(|text| !text.contains("://")).collect();
    tracing::debug!(chain = chain.join(": "), "{words}");
    Some(words)
}

/// `host[:port]`; users and passwords stay out.
fn server(error: &(dyn Error + 'static)) -> Option<String> {
    let address = error.downcast_ref::<reqwest::Error>()?.url()?;
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", address.host_str()?))
}

const UNKNOWN: &str = "the name of {} is not known here";
const LATE: &str = "{} gave no answer in time";
const REFUSED: &str = "{} refused the connection";
const CUT: &str = "{} cut the connection off";
const NO_WAY: &str = "no network leads to {}";

/// How errors begin that are known by their text alone.
const WORDS: [(&str, &str); 7] = [
    ("failed to lookup address", UNKNOWN),
    ("dns error", UNKNOWN),
    ("operation timed out", LATE),
    ("Connection refused", REFUSED),
    ("Connection reset", CUT),
    ("Network is unreachable", NO_WAY),
    ("No route to host", NO_WAY),
];

/// What one link of the chain says of the network.
fn link(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let text = error.to_string();
    if text.contains("invalid peer certificate") {
        return Some(if text.contains("UnknownIssuer") {
            "the certificate of {} is from an issuer that is not known here; `SSL_CERT_FILE` may name a file with the issuer's"
        } else {
            "the certificate of {} is not valid for it"
        });
    }
    // The resolver's errors have no kind of their own, and gix keeps of others what they say.
    let known = WORDS.iter().find(|(said, _)| text.starts_with(said));
    if let Some((_, what)) = known {
        return Some(what);
    }
    if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout) {
        return Some(LATE);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        ErrorKind::ConnectionRefused => Some(REFUSED),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Some(LATE),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Some(CUT),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => Some(NO_WAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("layer of a library: {source}")]
    struct Layer {
        source: Source,
    }

    fn wrapped(error: impl Into<Source>) -> Source {
        Box::new(Layer { source: Box::new(Layer { source: error.into() }) })
    }

    #[test]
    fn what_the_network_says_is_told_once_and_anything_else_is_left_alone() {
        for (error, words) in [
            (wrapped(io::Error::from(ErrorKind::ConnectionRefused)), "the server refused the connection"),
            (wrapped(io::Error::from(ErrorKind::TimedOut)), "the server gave no answer in time"),
            (wrapped(io::Error::from(ErrorKind::ConnectionReset)), "the server cut the connection off"),
            (
                wrapped("failed to lookup address information: Name or service not known"),
                "the name of the server is not known here",
            ),
            (wrapped("invalid peer certificate: Expired"), "the certificate of the server is not valid for it"),
        ] {
            assert_eq!(plain(error).to_string(), words);
        }
        let issuer = plain(wrapped("invalid peer certificate: UnknownIssuer")).to_string();
        assert!(issuer.contains("SSL_CERT_FILE"), "{issuer}");
        let other = wrapped(io::Error::from(ErrorKind::PermissionDenied));
        let words = other.to_string();
        assert_eq!(plain(other).to_string(), words);
    }

    #[test]
    fn the_server_is_named_without_what_the_address_holds() {
        let client = super::super::client::blocking(&super::super::limits::ADVISORIES).unwrap();
        // Nobody listens at a port that was given back.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = client.get(format!("http://me:secret@127.0.0.1:{port}/private?token=x")).send().unwrap_err();
        assert_eq!(plain(error).to_string(), format!("`127.0.0.1:{port}` refused the connection"));
    }
}
