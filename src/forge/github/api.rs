//! Requests to GitHub's REST API: one way to send, one status check, one retry rule.

use std::time::{Instant, SystemTime};

use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode, Uri};
use octocrab::Octocrab;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Problem};
use crate::net::client;
use crate::net::limits::{self, Meter};
use crate::net::retry::{Advice, Outcome, Replay, WritePace, advise};
use crate::net::secret::Token;

/// A page of a list has at most 100 entries (GitHub, using pagination in the REST API).
pub(super) const PAGE_SIZE: u32 = 100;

/// A renamed repository redirects once; more than this is a loop.
const REDIRECT_LIMIT: usize = 5;

/// The connection to GitHub.
pub(super) struct Api {
    octocrab: Octocrab,
    scheme: Option<http::uri::Scheme>,
    authority: Option<String>,
    pace: WritePace,
}

/// An answer that passed the status check.
struct Answer {
    headers: HeaderMap,
    body: Vec<u8>,
}

/// One request before it is sent.
struct Call<'a> {
    method: Method,
    route: &'a str,
    body: Option<&'a serde_json::Value>,
    replay: Replay,
}

impl Api {
    /// Connects nothing yet; the first request does. Must be called on an asynchronous runtime.
    pub(super) fn new(url: &str, token: Option<&Token>) -> Result<Self, Failure> {
        let base: Uri = url.trim_end_matches('/').parse().map_err(Failure::transport)?;
        let plain = base.scheme_str() != Some("https") && !base.host().is_some_and(is_this_machine);
        if plain && token.is_some() {
            return Err(Failure::transport("the token is only sent over https"));
        }
        let client = client::asynchronous(&limits::API).map_err(Failure::transport)?;
        let (scheme, authority) = (base.scheme().cloned(), base.authority().map(ToString::to_string));
        // A personal token also for Apps: octocrab attaches other kinds only for the host `api.github.com`, so that page 2
        // of a list on GitHub Enterprise Server would be asked for without any.
        let mut builder = Octocrab::builder().base_uri(base).map_err(Failure::transport)?;
        if let Some(token) = token {
            builder = builder.personal_token(token.reveal().to_owned());
        }
        let octocrab = builder.build_with_reqwest(client).map_err(Failure::transport)?;
        Ok(Self { octocrab, scheme, authority, pace: WritePace::from_environment() })
    }

    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, Failure> {
        let call = Call { method: Method::GET, route, body: None, replay: Replay::Safe };
        decode(&self.send(&call).await?)
    }

    /// Reads a list page by page, following the links that GitHub gives; at most `pages` of them. The second value says
    /// whether there would have been more.
    pub(super) async fn list<T: DeserializeOwned>(&self, route: &str, pages: usize) -> Result<(Vec<T>, bool), Failure> {
        let mut items = Vec::new();
        let mut next = Some(route.to_owned());
        for _ in 0..pages {
            let Some(route) = next else { return Ok((items, false)) };
            let call = Call { method: Method::GET, route: &route, body: None, replay: Replay::Safe };
            let answer = self.send(&call).await?;
            items.extend(decode::<Vec<T>>(&answer)?);
            next = next_page(&answer.headers);
            // Neither asked with the token, nor passed over: what stands there would be missing without a word.
            if next.as_ref().is_some_and(|link| !self.is_ours(link)) {
                return Err(Failure::transport("the list goes on at another host than the API's"));
            }
        }
        Ok((items, next.is_some()))
    }

    /// Writes something that is named by its content, so that writing it twice does no harm.
    pub(super) async fn store<T: DeserializeOwned>(&self, route: &str, body: impl Serialize) -> Result<T, Failure> {
        self.write(Method::POST, route, body, Replay::Safe).await
    }

    /// Creates something; when the answer is lost the caller looks before it tries again.
    pub(super) async fn create<T: DeserializeOwned>(&self, route: &str, body: impl Serialize) -> Result<T, Failure> {
        self.write(Method::POST, route, body, Replay::AfterLookup).await
    }

    /// Changes something; when the answer is lost the caller looks before it tries again.
    pub(super) async fn update<T: DeserializeOwned>(&self, route: &str, body: impl Serialize) -> Result<T, Failure> {
        self.write(Method::PATCH, route, body, Replay::AfterLookup).await
    }

    /// Removes something.
    pub(super) async fn delete(&self, route: &str) -> Result<(), Failure> {
        let _turn = self.pace.turn().await;
        let call = Call { method: Method::DELETE, route, body: None, replay: Replay::AfterLookup };
        self.send(&call).await.map(drop)
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: impl Serialize,
        replay: Replay,
    ) -> Result<T, Failure> {
        let body = serde_json::to_value(body).map_err(Failure::transport)?;
        let _turn = self.pace.turn().await;
        decode(&self.send(&Call { method, route, body: Some(&body), replay }).await?)
    }

    /// Sends a request as often as the retry rule allows.
    async fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let sent = self.send_once(call).await;
            let advice = match &sent {
                Ok((status, answer)) => {
                    let body = std::str::from_utf8(&answer.body).unwrap_or_default();
                    let outcome = Outcome::Answer { status: *status, headers: &answer.headers, body };
                    advise(call.replay, outcome, attempt, SystemTime::now())
                }
                Err(_) => advise(call.replay, Outcome::NoAnswer, attempt, SystemTime::now()),
            };
            match advice {
                Advice::Accept => {
                    let (status, answer) = sent?;
                    return check(status, answer);
                }
                Advice::Retry(pause) => {
                    tracing::debug!(method = %call.method, route = call.route, ?pause, "trying again");
                    tokio::time::sleep(pause).await;
                }
                Advice::RateLimited(wait) => return Err(Failure::RateLimited { seconds: wait.as_secs() }),
            }
        }
    }

    /// Sends a request once, following redirects: those of writes (307, for renamed repositories) are left to us, because
    /// a streamed body cannot be sent twice.
    async fn send_once(&self, call: &Call<'_>) -> Result<(StatusCode, Answer), Failure> {
        let mut target = call.route.to_owned();
        for _ in 0..REDIRECT_LIMIT {
            let request = http::Request::builder().method(call.method.clone()).uri(&target);
            let request = self.octocrab.build_request(request, call.body).map_err(Failure::transport)?;
            let start = Instant::now();
            let response = self.octocrab.execute(request).await.map_err(Failure::transport)?;
            let status = response.status();
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            if let (307 | 308, Some(location)) = (status.as_u16(), location)
                && self.is_ours(location)
            {
                location.clone_into(&mut target);
                continue;
            }
            return Ok((status, read(response.map(reqwest::Body::wrap), Meter::new(limits::API, start)).await?));
        }
        Err(Failure::transport("too many redirects"))
    }

    /// Whether an address is GitHub's own, and as private as ours: the token and our bodies go nowhere else.
    fn is_ours(&self, address: &str) -> bool {
        address.parse::<Uri>().is_ok_and(|uri| {
            let same = |authority: &http::uri::Authority| Some(authority.as_str()) == self.authority.as_deref();
            uri.authority().is_none_or(|authority| same(authority) && uri.scheme() == self.scheme.as_ref())
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Reads a whole answer, within limits.
async fn read(response: http::Response<reqwest::Body>, mut meter: Meter) -> Result<Answer, Failure> {
    let mut response = reqwest::Response::from(response);
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
        meter.count(chunk.len(), Instant::now()).map_err(Failure::transport)?;
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { headers, body })
}

/// The one status check: an answer that is no success becomes a failure that keeps what GitHub said.
fn check(status: StatusCode, answer: Answer) -> Result<Answer, Failure> {
    if status.is_success() {
        return Ok(answer);
    }
    Err(Failure::Refused { status: status.as_u16(), problem: Problem::read(&answer.body, &answer.headers) })
}

fn decode<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    // 204 has no body; what is asked for then is `()` or an option.
    let body = if answer.body.is_empty() { b"null".as_slice() } else { &answer.body };
    serde_json::from_slice(body).map_err(Failure::transport)
}

/// The address of the next page: `Link: <…>; rel="next"`. It is used as given, never constructed.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(http::header::LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|value| value.split(',')).find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| parameter.trim().replace('"', "") == "rel=next");
        next.then(|| address.to_owned())
    })
}

/// A value as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    // `form_urlencoded` writes a space as `+`, which a path takes literally.
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A branch as segments of a path.
pub(super) fn segments(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(next_page(&headers), None);
        let value = "<https://api.example/a?page=1>; rel=\"prev\", <https://api.example/a?page=3&x=1>; rel=\"next\"";
        headers.insert(http::header::LINK, value.parse().expect("a value"));
        assert_eq!(next_page(&headers).as_deref(), Some("https://api.example/a?page=3&x=1"));
        headers.insert(http::header::LINK, "<https://api.example/a>; rel=\"last\"".parse().expect("a value"));
        assert_eq!(next_page(&headers), None);
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(segments("patchparty/routine/release 1.x"), "patchparty/routine/release%201.x");
        assert_eq!(segment("severity: high"), "severity%3A%20high");
        assert_eq!(segment("a/../b?c#d+e"), "a%2F..%2Fb%3Fc%23d%2Be");
    }

    #[tokio::test]
    async fn a_token_is_not_sent_in_clear_text() {
        let token = Token::new("canary-token").expect("printable");
        assert!(Api::new("http://git.example/api/v3", Some(&token)).is_err());
        assert!(Api::new("http://git.example/api/v3", None).is_ok());
        for url in ["https://git.example/api/v3/", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(Api::new(url, Some(&token)).is_ok(), "{url}");
        }
    }
}
