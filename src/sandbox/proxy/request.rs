//! Requests: `CONNECT host:port HTTP/1.x`, and the head of a message up to its empty line.

use std::fmt;
use std::io;
use std::net::Ipv6Addr;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use url::{Host, Url};

/// A longer name cannot be resolved (RFC 1035, 2.3.4).
const LONGEST_HOST: usize = 255;

/// Where a tunnel leads: the host as the URL standard reads it (`0x7f.1` is 127.0.0.1, upper case is lower), so that what is
/// judged is what is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    host: Host,
    pub(super) port: u16,
}

impl Target {
    /// Reads `host:port`; names in other letters than ASCII must come as `xn--…`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, digits) = text.rsplit_once(':')?;
        let decimal = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.parse::<u16>().ok().filter(|port| decimal && *port > 0)?;
        let host = if let Some(rest) = host.strip_prefix('[') {
            Host::Ipv6(rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?)
        } else {
            // The dot that ends a full name.
            let host = host.strip_suffix('.').unwrap_or(host);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            let well_formed = !host.is_empty() && host.len() <= LONGEST_HOST && host.bytes().all(plain);
            Host::parse(well_formed.then_some(host)?).ok()?
        };
        Some(Self { host, port })
    }

    /// The host without its port, an IPv6 address in brackets.
    pub(super) fn host(&self) -> String {
        self.host.to_string()
    }

    /// Whether it is an address and not a name.
    pub(super) fn is_literal(&self) -> bool {
        !matches!(self.host, Host::Domain(_))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// What a head asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A tunnel.
    Connect(Target),
    /// Something else, of this host where one is named.
    Other(Option<Target>),
    /// Nothing that is understood.
    Malformed,
}

/// Reads the first line of a head; header fields say nothing that a tunnel needs.
pub(super) fn read_request(head: &[u8]) -> Request {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Some(line) = std::str::from_utf8(line).ok().filter(|line| line.is_ascii() && !line.contains('\n')) else {
        return Request::Malformed;
    };
    let mut words = line.split(' ');
    let (Some(method), Some(address), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Request::Malformed;
    };
    if method == "CONNECT" {
        return Target::parse(address).map_or(Request::Malformed, Request::Connect);
    }
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Request::Malformed;
    }
    Request::Other(Url::parse(address).ok().and_then(|url| {
        let port = url.port_or_known_default()?;
        Target::parse(&format!("{}:{port}", url.host_str()?))
    }))
}

/// Reads up to the empty line that ends a head; gives the head and what came behind it. `None` where the stream ends before
/// its first byte.
pub(super) async fn read_head<Source: AsyncRead + Unpin>(
    source: &mut Source,
    limit: usize,
) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = Vec::new();
    loop {
        let mut buffer = [0_u8; 1024];
        let read = source.read(&mut buffer).await?;
        if read == 0 {
            return if head.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        // The end may have begun in what was read before.
        let searched = head.len().saturating_sub(3);
        head.extend_from_slice(&buffer[..read]);
        if let Some(found) = head[searched..].windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = head.split_off(searched + found + 4);
            return Ok(Some((head, rest)));
        }
        if head.len() > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too long"));
        }
    }
}
