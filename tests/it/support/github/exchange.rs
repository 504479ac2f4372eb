//! Exchanges: what was asked, what is answered, and what is remembered of both.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::problem;
use super::state::State;

/// One request, taken apart.
#[derive(Debug)]
pub(crate) struct Call {
    /// `GET`, `POST` …
    pub(crate) method: String,
    /// The path's segments, decoded.
    pub(crate) segments: Vec<String>,
    /// The path as sent, without the query.
    pub(crate) path: String,
    /// The query as sent, possibly empty.
    pub(crate) query: String,
    /// Header names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body, possibly empty.
    pub(crate) body: Vec<u8>,
    /// Whose token was sent.
    pub(crate) login: Option<String>,
}

impl Call {
    /// A header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The body as a JSON object, or GitHub's complaint.
    pub(crate) fn json(&self) -> Result<Value, Reply> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            Ok(_) | Err(_) => Err(problem::message(400, "Problems parsing JSON")),
        }
    }

    /// Whether it asks without changing anything.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// An answer that is a success, or one that is a documented complaint.
pub(crate) type Answer = Result<Reply, Reply>;

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A JSON answer.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// One page of a list, with the `Link` header that leads to the others
    /// (<https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>: 30 per page, at most 100).
    pub(crate) fn page(state: &State, call: &Call, items: &[Value]) -> Self {
        let number = |name: &str, default: usize| {
            call.parameter(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(default).max(1)
        };
        let (size, page) = (number("per_page", 30).min(state.page_limit), number("page", 1));
        let shown: Vec<Value> = items.iter().skip((page - 1) * size).take(size).cloned().collect();
        let last = items.len().div_ceil(size).max(1);
        let mut relations = Vec::new();
        if page > 1 {
            relations.extend([(page - 1, "prev"), (1, "first")]);
        }
        if page < last {
            relations.extend([(page + 1, "next"), (last, "last")]);
        }
        let links: Vec<String> = relations.iter().map(|(page, name)| link(&state.base, call, *page, name)).collect();
        let reply = Self::json(200, &Value::Array(shown));
        if links.is_empty() { reply } else { reply.with_header("link", links.join(", ")) }
    }
}

/// One entry of a `Link` header: absolute, with every other parameter of the request kept.
fn link(base: &str, call: &Call, page: usize, relation: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(call.query.as_bytes()).filter(|(name, _)| name != "page") {
        query.append_pair(&name, &value);
    }
    query.append_pair("page", &page.to_string());
    format!("<{base}{}?{}>; rel=\"{relation}\"", call.path, query.finish())
}

/// What is remembered of one exchange.
#[derive(Debug, Clone)]
pub(crate) struct LogEntry {
    /// `GET`, `POST` …
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// The body of a request that was not git's.
    pub(crate) body: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// Whose token was sent.
    pub(crate) login: Option<String>,
}

impl LogEntry {
    /// Whether the request asked for a change. A fetch and a GraphQL query post what they want and change nothing.
    pub(crate) fn writes(&self) -> bool {
        let asks = self.path.ends_with("/git-upload-pack")
            || (self.path.ends_with("/graphql") && !self.body.contains("mutation"));
        !matches!(self.method.as_str(), "GET" | "HEAD") && !asks
    }

    /// The body as JSON; `null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(json!(null))
    }
}

impl std::fmt::Display for LogEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} -> {}", self.method, self.path, self.status)
    }
}
