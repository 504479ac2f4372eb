//! Connections outwards: to the address that the rule has let through, or to the operator's proxy.

use std::io;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Intercept;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use url::Url;

use super::request::{Target, read_head};
use super::{Engine, Refusal, Traffic};
use crate::net::address::AddressError;

/// An answer of the operator's proxy may carry a page that explains a refusal, but not in its head.
const ANSWER_LIMIT: usize = 16 * 1024;

/// A connection to the target, and what the other side has said already.
pub(super) async fn connect(
    target: &Target,
    traffic: &Traffic,
    engine: &Engine,
) -> Result<(TcpStream, Vec<u8>), Refusal> {
    if !traffic.hosts.list(target) {
        return Err(Refusal::NotListed(target.clone()));
    }
    // The text alone: what is private by its name or number is refused whoever resolves it.
    let address = Url::parse(&format!("https://{target}/")).map_err(|_| Refusal::Malformed)?;
    traffic.rule.permits(&address).map_err(|error| match error {
        AddressError::Port => Refusal::NotListed(target.clone()),
        _ => Refusal::NotPublic(target.clone()),
    })?;
    let unreachable = |reason: &str| Refusal::Unreachable(target.clone(), reason.to_owned());
    let connecting = async {
        match engine.upstream.route(target) {
            Some(proxy) => through(&proxy, target).await.map_err(|error| unreachable(&error.to_string())),
            None => directly(target, traffic, engine).await.map(|stream| (stream, Vec::new())),
        }
    };
    tokio::time::timeout(engine.limits.connect_time, connecting)
        .await
        .unwrap_or_else(|_| Err(unreachable("no answer in time")))
}

/// Resolves the name once and connects to what came out.
async fn directly(target: &Target, traffic: &Traffic, engine: &Engine) -> Result<TcpStream, Refusal> {
    let (resolve, rule) = (Arc::clone(&engine.resolve), traffic.rule.clone());
    let (host, port) = (target.host(), target.port);
    let found = tokio::task::spawn_blocking(move || resolve(&rule, &host, port)).await;
    let unreachable = |reason: String| Refusal::Unreachable(target.clone(), reason);
    let addresses = found.map_err(|error| unreachable(error.to_string()))?.map_err(|error| match error {
        // Deliberately the same for a name that leads inside and for one that is not known.
        AddressError::Unreachable if !target.is_literal() => unreachable(error.to_string()),
        _ => Refusal::NotPublic(target.clone()),
    })?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last.to_string()))
}

/// Asks the operator's proxy for a tunnel.
async fn through(proxy: &Intercept, target: &Target) -> io::Result<(TcpStream, Vec<u8>)> {
    let address = proxy.uri();
    let scheme = address.scheme_str().unwrap_or("http");
    if scheme != "http" {
        let reason = format!("the proxy of this machine is asked with `{scheme}://`, and only `http://` is supported");
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    let host = address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let named = |error: io::Error| io::Error::new(error.kind(), format!("the proxy of this machine: {error}"));
    let mut stream = TcpStream::connect((host, address.port_u16().unwrap_or(80))).await.map_err(named)?;
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(credentials) = proxy.basic_auth() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(named)?;
    let answer = read_head(&mut stream, ANSWER_LIMIT).await.map_err(named)?;
    let (head, rest) = answer.ok_or_else(|| named(io::ErrorKind::UnexpectedEof.into()))?;
    let status = head.split(|byte| *byte == b' ').nth(1).and_then(|word| std::str::from_utf8(word).ok());
    let status = status.and_then(|word| word.parse::<u16>().ok()).unwrap_or_default();
    if (200..300).contains(&status) {
        return Ok((stream, rest));
    }
    Err(io::Error::other(format!("the proxy of this machine answers {status}")))
}
