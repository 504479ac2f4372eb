//! A client for the tests of the stand-in itself.

use std::sync::Once;

use reqwest::Method;
use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::github::{GitHub, TOKEN};

/// A client that trusts the stand-in's authority and sends a token.
pub(crate) struct Client {
    http: Http,
    api: String,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body; `null` when it is no JSON.
    pub(crate) body: Value,
}

impl Client {
    /// A client with the bot's token, or with another one, or with none.
    pub(crate) fn new(github: &GitHub) -> Self {
        Self::with_token(github, Some(TOKEN))
    }

    /// A client with the given token.
    pub(crate) fn with_token(github: &GitHub, token: Option<&str>) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let authority =
            reqwest::Certificate::from_pem(github.authority_pem().as_bytes()).expect("the authority is PEM");
        let http =
            Http::builder().tls_certs_only([authority]).user_agent("stand-in-test").build().expect("TLS is ready");
        Self { http, api: github.api_url(), token: token.map(str::to_owned) }
    }

    /// A request that is not sent yet, to a path of the API or an absolute address.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.api) };
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends `GET`.
    pub(crate) fn get(&self, path: &str) -> Answered {
        Answered::read(self.request(Method::GET, path).send().expect("the stand-in answers"))
    }

    /// Sends a body with a method.
    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Answered {
        let request = self.request(method, path).body(body.to_string());
        Answered::read(request.send().expect("the stand-in answers"))
    }

    /// Sends `POST`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answered {
        self.send(Method::POST, path, body)
    }

    /// Sends `PATCH`.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answered {
        self.send(Method::PATCH, path, body)
    }
}

impl Answered {
    /// Takes an answer apart.
    pub(crate) fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().expect("the body arrives");
        Self { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    /// A header as text; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Fails unless the status is the given one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Fails unless it is a complaint with this status whose `message`, or the first of whose `errors`, is the text.
    #[track_caller]
    pub(crate) fn expect_complaint(self, status: u16, text: &str) {
        let answered = self.expect(status);
        let error = &answered.body["errors"][0];
        let said = [&answered.body["message"], &error["message"], &error["code"]];
        assert!(said.iter().any(|said| *said == text), "expected `{text}`, got {}", answered.body);
    }
}
