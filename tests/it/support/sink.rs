//! A small server on loopback that writes down who asks it, and answers as a test wants.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What a git server says that it can (gitprotocol-v2).
const CAPABILITIES: &str = "001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000";

/// A server at the same port of 127.0.0.1 and, where there is one, of `::1`. It ends with the test's process.
pub(crate) struct Sink {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    /// A server that gives every request, told by its first line, to `answer`. The connection is closed afterwards.
    pub(crate) fn start(answer: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let log = Arc::default();
        let answer: Arc<Answer> = Arc::new(answer);
        let listeners = std::iter::once(listener).chain(TcpListener::bind(("::1", port)).ok());
        for listener in listeners {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                    std::thread::spawn(move || serve(stream, &log, answer.as_ref()));
                }
            });
        }
        Self { port, log }
    }

    /// One that knows nothing.
    pub(crate) fn silent() -> Self {
        Self::start(|_, stream| {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        })
    }

    /// A git server that answers the question for references with `list`.
    pub(crate) fn lister(list: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let head = |kind: &str| {
            format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-git-upload-pack-{kind}\r\n\r\n"
            )
        };
        Self::start(move |request, stream| {
            if request.starts_with("GET") {
                return stream.write_all(format!("{}{CAPABILITIES}", head("advertisement")).as_bytes());
            }
            stream.write_all(head("result").as_bytes())?;
            list(stream)
        })
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The first line of every request, or `connected` for a connection that has none.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Answer = dyn Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync;

fn serve(mut stream: TcpStream, log: &Mutex<Vec<String>>, answer: &Answer) {
    let write_down = |line: &str| log.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    let Ok(reading) = stream.try_clone() else { return write_down("connected") };
    let mut lines = BufReader::new(reading).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return write_down("connected") };
    write_down(&first);
    // The headers; what is sent after them is short, and nobody wants to know it.
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    // Whoever hangs up has heard enough.
    let _ = answer(&first, &mut stream);
}

/// A line of a list of references.
pub(crate) fn reference(number: usize) -> String {
    let line = format!("{:040x} refs/tags/v{number}\n", number + 1);
    format!("{:04x}{line}", line.len() + 4)
}
