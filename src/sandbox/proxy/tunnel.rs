//! Tunnels: one connection of a tool, from its request to its last byte.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use super::connect::connect;
use super::request::{Request, read_head, read_request};
use super::{Engine, Refusal, Stream, Traffic};

/// What is read at once.
const BUFFER: usize = 32 * 1024;

/// Serves one connection. Whatever goes wrong is told to the tool and noted for us.
pub(super) async fn serve(mut client: Box<dyn Stream>, traffic: &Traffic, engine: &Engine) {
    let Some(_place) = Place::take(traffic, engine) else {
        refuse(&mut client, traffic, ("503 Service Unavailable", Refusal::Exhausted("connections"))).await;
        return;
    };
    let head = timeout(engine.limits.head_time, read_head(&mut client, engine.limits.head)).await;
    let (head, early) = match head {
        Ok(Ok(Some(read))) => read,
        // Tools open a connection to have one, and may not need it.
        Ok(Ok(None)) => return,
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            return refuse(&mut client, traffic, ("431 Request Header Fields Too Large", Refusal::Malformed)).await;
        }
        Ok(Err(_)) | Err(_) => {
            return refuse(&mut client, traffic, ("408 Request Timeout", Refusal::Malformed)).await;
        }
    };
    let target = match read_request(&head) {
        Request::Connect(target) => target,
        Request::Other(target) => {
            return refuse(&mut client, traffic, ("405 Method Not Allowed", Refusal::NotTunnelled(target))).await;
        }
        Request::Malformed => return refuse(&mut client, traffic, ("400 Bad Request", Refusal::Malformed)).await,
    };
    let (server, said) = match connect(&target, traffic, engine).await {
        Ok(connected) => connected,
        Err(refusal) => {
            let status = if matches!(refusal, Refusal::Unreachable(..)) { "502 Bad Gateway" } else { "403 Forbidden" };
            return refuse(&mut client, traffic, (status, refusal)).await;
        }
    };
    tracing::trace!(%target, "the proxy connects");
    let tunnel = Tunnel { traffic, engine, begun: Instant::now(), last: AtomicU64::new(0) };
    // Whoever cuts a connection short has no use for our opinion of it.
    let _ = timeout(engine.limits.total_time, tunnel.run(client, server, (early, said))).await;
}

/// Answers with a status and nothing else, and notes why.
async fn refuse(client: &mut Box<dyn Stream>, traffic: &Traffic, (status, refusal): (&str, Refusal)) {
    traffic.refusals.note(refusal);
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // The tool may be gone already; a socket's buffer has room for so little, so that this waits for nobody.
    let _ = client.write_all(answer.as_bytes()).await;
    let _ = client.shutdown().await;
}

/// One of the connections that a door may have at once.
struct Place<'a> {
    open: &'a AtomicUsize,
}

impl<'a> Place<'a> {
    fn take(traffic: &'a Traffic, engine: &Engine) -> Option<Self> {
        // All connections live in one thread: between looking and counting, nobody else counts.
        let opened = traffic.opened.fetch_add(1, Ordering::Relaxed);
        let open = traffic.open.load(Ordering::Relaxed);
        if opened >= engine.limits.connections_in_all || open >= engine.limits.connections {
            return None;
        }
        traffic.open.fetch_add(1, Ordering::Relaxed);
        Some(Self { open: &traffic.open })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes on their way in both directions.
struct Tunnel<'a> {
    traffic: &'a Traffic,
    engine: &'a Engine,
    begun: Instant,
    /// When the last byte went through, in milliseconds after the beginning.
    last: AtomicU64,
}

impl Tunnel<'_> {
    /// Copies until both sides have ended, or one of them fails, or nothing has moved for too long.
    async fn run<Server: AsyncRead + AsyncWrite>(
        &self,
        mut client: Box<dyn Stream>,
        server: Server,
        (early, said): (Vec<u8>, Vec<u8>),
    ) -> io::Result<()> {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        to_server.write_all(&early).await?;
        to_client.write_all(&said).await?;
        let both = async {
            tokio::try_join!(self.copy(&mut from_client, &mut to_server), self.copy(&mut from_server, &mut to_client),)
        };
        tokio::select! {
            ended = both => ended.map(|_| ()),
            () = self.silence() => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn copy(
        &self,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let mut buffer = vec![0_u8; BUFFER];
        loop {
            let read = source.read(&mut buffer).await?;
            if read == 0 {
                return sink.shutdown().await;
            }
            let before = self.traffic.bytes.fetch_add(read as u64, Ordering::Relaxed);
            if before.saturating_add(read as u64) > self.engine.limits.bytes {
                self.traffic.refusals.note(Refusal::Exhausted("bytes"));
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            sink.write_all(&buffer[..read]).await?;
            let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last.store(now, Ordering::Relaxed);
        }
    }

    /// Ends when nothing has moved for too long.
    async fn silence(&self) {
        loop {
            let last = self.last.load(Ordering::Relaxed);
            sleep_until(self.begun + Duration::from_millis(last) + self.engine.limits.idle_time).await;
            if self.last.load(Ordering::Relaxed) == last {
                return;
            }
        }
    }
}
