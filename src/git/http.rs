//! Git over HTTP: the one HTTP client as gix's transport, every answer read within limits.
//!
//! gix's own transport over reqwest replaces our redirect policy by one that follows to other hosts, and hands bodies on
//! without any limit. This one sits at the narrowest place, the trait that gix builds its HTTP transport on: every request
//! and every byte passes here, whether it is listed, negotiated or stored.

use std::any::Any;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gix::protocol::transport::client::AuthenticationRequired;
use gix::protocol::transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::git::packets::Packets;
use crate::net::limits::{self, Bounded, Limits};

/// How much is taken from the connection at a time.
const BUFFER: usize = 64 << 10;

/// What the exchanges with one server may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct GitLimits {
    /// What it says that it can, and its references.
    pub(super) listing: Limits,
    /// What is fetched.
    pub(super) pack: Limits,
}

impl GitLimits {
    /// For fetches of files.
    pub(super) const FILES: Self = Self { listing: limits::LISTING, pack: limits::PACK };
    /// For fetches of commits without their files.
    pub(super) const COMMITS: Self = Self { listing: limits::LISTING, pack: limits::COMMITS };

    /// Which limits hold for the answer to a POST of this content (gitprotocol-v2, "ls-refs"; its first line has the
    /// command, after four digits of length).
    fn of_request(&self, content: &[u8]) -> &Limits {
        let is_listing = content.get(4..).is_some_and(|line| line.starts_with(b"command=ls-refs"));
        if is_listing { &self.listing } else { &self.pack }
    }
}

/// The requests of one connection.
pub(super) struct BoundedHttp {
    client: Client,
    limits: GitLimits,
    /// Where the repository has moved to.
    moved: Option<String>,
}

impl BoundedHttp {
    /// The client decides who is connected and which redirects are followed.
    pub(super) fn new(client: Client, limits: GitLimits) -> Self {
        Self { client, limits, moved: None }
    }
}

impl Http for BoundedHttp {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = Upload;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let request = self.client.get(url).headers(header_map(headers));
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let answer = send(request, &self.limits.listing).and_then(|answer| {
            if answer.url != url {
                let base = answer.url.strip_suffix(tail);
                let base = base.ok_or_else(|| io::Error::other("the server redirects to what is no repository"))?;
                self.moved = Some(base.to_owned());
            }
            Ok(answer)
        });
        let slot = Slot { request: None, content: Vec::new(), limits: self.limits, body: None }.shared();
        // gix expects the errors of a request where its headers are read.
        let headers = Headers { slot: Arc::clone(&slot), lines: Some(keep_body(&slot, answer)) };
        Ok(GetResponse { headers, body: Body { slot, reader: None } })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _kind: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, Upload>> {
        let request = self.client.post(url).headers(header_map(headers));
        let slot = Slot { request: Some(request), content: Vec::new(), limits: self.limits, body: None }.shared();
        Ok(PostResponse {
            post_body: Upload { slot: Arc::clone(&slot) },
            headers: Headers { slot: Arc::clone(&slot), lines: None },
            body: Body { slot, reader: None },
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result<()> {
        // What gix offers here comes from git's configuration, which is not ours.
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved.clone()
    }
}

type BodyReader = BufReader<Packets<Bounded<Response>>>;

struct Answer {
    /// The address that answered.
    url: String,
    /// `name:value` lines.
    headers: Vec<u8>,
    body: BodyReader,
}

fn send(request: RequestBuilder, limits: &Limits) -> io::Result<Answer> {
    let start = Instant::now();
    let response = request.send().map_err(|error| io::Error::other(error.without_url()))?;
    if response.status() == StatusCode::UNAUTHORIZED {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, AuthenticationRequired::default()));
    }
    let response = response.error_for_status().map_err(|error| io::Error::other(error.without_url()))?;
    let mut headers = Vec::new();
    for (name, value) in response.headers() {
        headers.extend_from_slice(&[name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
    }
    let url = response.url().to_string();
    let body = Packets::new(Bounded::new(response, *limits, start), limits.lines);
    Ok(Answer { url, headers, body: BufReader::with_capacity(BUFFER, body) })
}

/// Where the parts of an exchange meet: gix writes the request, then reads the headers of the answer, then its body.
struct Slot {
    /// A request that is not sent yet, because its content is not complete.
    request: Option<RequestBuilder>,
    content: Vec<u8>,
    limits: GitLimits,
    body: Option<BodyReader>,
}

type Shared = Arc<Mutex<Slot>>;

impl Slot {
    fn shared(self) -> Shared {
        Arc::new(Mutex::new(self))
    }
}

/// The parts are used one after the other by one thread; one that panicked has left nothing half done.
fn lock(slot: &Shared) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the body aside and gives the headers.
fn keep_body(slot: &Shared, answer: io::Result<Answer>) -> io::Result<Cursor<Vec<u8>>> {
    answer.map(|answer| {
        lock(slot).body = Some(answer.body);
        Cursor::new(answer.headers)
    })
}

/// The content of a POST. What we ask for is short: it is kept until it is complete.
pub(super) struct Upload {
    slot: Shared,
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.slot).content.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers of an answer, one per line. Reading them sends the request that was waiting for its content.
pub(super) struct Headers {
    slot: Shared,
    lines: Option<io::Result<Cursor<Vec<u8>>>>,
}

impl Headers {
    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        let slot = &self.slot;
        let lines = self.lines.get_or_insert_with(|| {
            let (request, content, limits) = {
                let mut slot = lock(slot);
                (slot.request.take(), std::mem::take(&mut slot.content), slot.limits)
            };
            let request = request.ok_or_else(|| io::Error::other("the request was sent before"))?;
            let limits = limits.of_request(&content);
            keep_body(slot, send(request.body(content), limits))
        });
        match lines {
            Ok(lines) => Ok(lines),
            Err(error) => {
                let spent = io::Error::new(error.kind(), "the request failed before");
                Err(std::mem::replace(error, spent))
            }
        }
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(Ok(lines)) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The body of an answer whose headers were read.
pub(super) struct Body {
    slot: Shared,
    reader: Option<BodyReader>,
}

impl Body {
    fn reader(&mut self) -> io::Result<&mut BodyReader> {
        if self.reader.is_none() {
            self.reader = lock(&self.slot).body.take();
        }
        self.reader.as_mut().ok_or_else(|| io::Error::other("there is no answer"))
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader()?.read(buffer)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(amount);
        }
    }
}

/// `name: value` lines as gix writes them; it writes none that is not well-formed. The client names itself.
fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.as_ref().split_once(':') else { continue };
        let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value.trim()));
        if let (Ok(name), Ok(value)) = (name, value)
            && name != reqwest::header::USER_AGENT
        {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests;
