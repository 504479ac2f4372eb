//! The server: loopback, TLS with the private authority, one connection per task.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use super::exchange::{Call, Reply};
use super::router;
use super::state::State;

/// The largest body that is read: packs and blobs of tests are small.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// Serves until the runtime that it gives is dropped.
pub(super) fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be made");
    listener.set_nonblocking(true).expect("a fresh socket takes the flag");
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the socket is non-blocking");
        // The loop ends when the socket fails, which a test sees as a refused connection.
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            tokio::spawn(async move {
                // A client that does not trust the authority hangs up here; that is its own business to report.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| exchange(request, Arc::clone(&state)));
                drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    runtime
}

async fn exchange(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_LIMIT).await.unwrap_or_default();
    let is_head = parts.method == "HEAD";
    let call = Call {
        // A `HEAD` is a `GET` whose body is left out.
        method: if is_head { "GET".to_owned() } else { parts.method.to_string() },
        segments: segments(parts.uri.path()),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&parts.headers),
        body: body.to_vec(),
        login: None,
    };
    // Git and the file system are slow and blocking; the accepting threads stay free.
    let answered = tokio::task::spawn_blocking(move || router::answer(&state, call)).await;
    let reply = answered.unwrap_or_else(|panic| super::problem::message(500, &format!("the stand-in failed: {panic}")));
    Ok(respond(reply, is_head))
}

fn respond(reply: Reply, is_head: bool) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let body = if is_head { Bytes::new() } else { Bytes::from(reply.body) };
    response.body(Body::from(body)).expect("the stand-in's headers are valid")
}

/// The decoded segments of a path; empty ones are left out.
fn segments(path: &str) -> Vec<String> {
    let decode = |segment: &str| {
        // `+` and `&` stand for themselves in a path; form decoding would take them for a space and a separator.
        let protected = segment.replace('+', "%2B").replace('&', "%26");
        url::form_urlencoded::parse(format!("x={protected}").as_bytes())
            .next()
            .map_or_else(|| segment.to_owned(), |(_, value)| value.into_owned())
    };
    path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
}

fn headers(map: &HeaderMap) -> BTreeMap<String, String> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    map.iter().map(pair).collect()
}
