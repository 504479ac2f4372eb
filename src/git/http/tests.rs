//! Slow, endless and lying servers of git. The limits are small, so that no test waits; no clock is looked at.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::git::address::Address;
use crate::git::connection::{Access, classify};
use crate::git::mirror::MirrorError;
use crate::git::remote::{NamedBy, list};
use crate::net::address::AddressRule;

const SMALL: Limits = Limits {
    total: Duration::from_secs(20),
    silence: Duration::from_secs(2),
    bytes: 100_000,
    lines: 1_000,
    window: Duration::from_millis(300),
    pace: 10_000,
};

const CAPABILITIES: &str = "001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000";

/// A server that answers each connection's requests with `answer`, which gets the first line of each.
fn server(answer: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/acme/shop.git", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = serve(stream, &answer);
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str, &mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    // The headers; the content is shorter than what is buffered already, and nobody wants to know it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    answer(&first, &mut stream)
}

fn head(kind: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-git-upload-pack-{kind}\r\n\r\n")
}

/// Says what it can, and answers the question for references with `answer`.
fn lister(answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static) -> String {
    server(move |request, stream| {
        if request.starts_with("GET") {
            return stream.write_all(format!("{}{CAPABILITIES}", head("advertisement")).as_bytes());
        }
        stream.write_all(head("result").as_bytes())?;
        answer(stream)
    })
}

fn ask(url: &str, limits: Limits) -> String {
    let address = Address::parse(url).expect("an address");
    let access = Access::new(&address, NamedBy::Operator(None)).expect("permitted").expect("a network address");
    let access = access.within(GitLimits { listing: limits, pack: limits });
    match list(&access, &["refs/tags/*:refs/tags/*".to_owned()]) {
        Ok(references) => format!("{} references", references.len()),
        Err(error) => chain(&error),
    }
}

/// The whole of an error in one line.
fn chain(error: &MirrorError) -> String {
    format!("{error}: {error:?}")
}

fn reference(number: usize) -> String {
    let line = format!("{:040x} refs/tags/v{number}\n", number + 1);
    format!("{:04x}{line}", line.len() + 4)
}

#[test]
fn an_honest_server_is_listed() {
    let url = lister(|stream| {
        for number in 0..100 {
            stream.write_all(reference(number).as_bytes())?;
        }
        stream.write_all(b"0000")
    });
    assert_eq!(ask(&url, SMALL), "100 references");
}

#[test]
fn a_listing_without_end_is_cut_off_by_its_bytes() {
    let url = lister(|stream| (0..).try_for_each(|number| stream.write_all(reference(number).as_bytes())));
    let said = ask(&url, Limits { lines: u64::MAX, ..SMALL });
    assert!(said.contains("more than 100000 bytes"), "{said}");
}

#[test]
fn a_listing_without_end_is_cut_off_by_its_lines() {
    let url = lister(|stream| (0..).try_for_each(|number| stream.write_all(reference(number).as_bytes())));
    let said = ask(&url, Limits { bytes: u64::MAX, ..SMALL });
    assert!(said.contains("more than 1000 lines"), "{said}");
}

#[test]
fn a_packet_now_and_then_is_no_transfer() {
    let url = lister(|stream| {
        (0..).try_for_each(|number| {
            std::thread::sleep(Duration::from_millis(50));
            stream.write_all(reference(number).as_bytes())
        })
    });
    let said = ask(&url, SMALL);
    assert!(said.contains("sent less than 10000 bytes in 0.3 s"), "{said}");
    let said = ask(&url, Limits { total: Duration::from_millis(200), pace: 0, ..SMALL });
    assert!(said.contains("took longer than 0.2 s"), "{said}");
}

#[test]
fn a_silent_server_is_left() {
    let short = Limits { silence: Duration::from_millis(200), ..SMALL };
    for said in [
        // Before the headers, within them, and within the body.
        ask(&server(|_, _| loop_forever()), short),
        ask(
            &server(|_, stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
                loop_forever()
            }),
            short,
        ),
        ask(
            &lister(|stream| {
                stream.write_all(reference(1).as_bytes())?;
                loop_forever()
            }),
            short,
        ),
    ] {
        assert!(said.contains("fetch the repository") && said.contains("gave no answer in time"), "{said}");
    }
}

/// Keeps the connection until the test's process ends.
#[expect(clippy::unnecessary_wraps, reason = "what a server does may fail, and this is one that does nothing")]
fn loop_forever() -> io::Result<()> {
    std::thread::sleep(Duration::from_hours(1));
    Ok(())
}

#[test]
fn headers_without_end_are_left() {
    let drip = server(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        (0..).try_for_each(|_| {
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(b"x")
        })
    });
    let said = ask(&drip, Limits { silence: Duration::from_millis(300), ..SMALL });
    assert!(said.contains("gave no answer in time"), "{said}");
    let flood = server(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        (0..).try_for_each(|number| stream.write_all(format!("x{number}: y\r\n").as_bytes()))
    });
    let said = ask(&flood, SMALL);
    assert!(said.contains("fetch the repository") && !said.contains("references"), "{said}");
}

#[test]
fn tls_that_is_never_agreed_on_is_left() {
    // The test's own client: the real one waits ten seconds for a connection.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/acme/shop.git", listener.local_addr().expect("an address"));
    crate::net::client::install_tls();
    let client = Client::builder().connect_timeout(Duration::from_millis(200)).build().expect("a client");
    let error = client.get(url).send().expect_err("nobody answers");
    assert!(error.is_timeout() || error.is_connect(), "{error:?}");
}

#[test]
fn a_redirect_to_another_host_is_not_followed_and_the_token_stays() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let sink = server(|_, _| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let sink = sink.clone();
        let url = server(move |_, stream| {
            let to = format!("{sink}/info/refs?service=git-upload-pack");
            stream.write_all(format!("HTTP/1.1 {status}\r\nlocation: {to}\r\nconnection: close\r\n\r\n").as_bytes())
        });
        let said = ask(&url, SMALL);
        assert!(said.contains("redirects to another host"), "{said}");
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 0);
}

#[test]
fn a_renamed_repository_is_found_on_its_host() {
    let url = server(|request, stream| {
        if request.contains("/acme/shop.git/info/refs") {
            let to = "/acme/store.git/info/refs?service=git-upload-pack";
            return stream
                .write_all(format!("HTTP/1.1 301 Moved\r\nlocation: {to}\r\nconnection: close\r\n\r\n").as_bytes());
        }
        if request.starts_with("GET /acme/store.git/info/refs") {
            return stream.write_all(format!("{}{CAPABILITIES}", head("advertisement")).as_bytes());
        }
        assert!(request.starts_with("POST /acme/store.git/git-upload-pack"), "{request}");
        stream.write_all(format!("{}{}0000", head("result"), reference(1)).as_bytes())
    });
    assert_eq!(ask(&url, SMALL), "1 references");
}

#[test]
fn what_a_repository_names_is_only_asked_where_the_rule_permits() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let sink = server(|_, _| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let port = sink.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let rule = AddressRule::default();
    for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]", "a.localhost", "sink"] {
        for scheme in ["http", "https"] {
            let address = Address::parse(&format!("{scheme}://{host}:{port}/a")).expect("an address");
            let access = Access::new(&address, NamedBy::Repository(&rule));
            assert!(matches!(access, Err(MirrorError::NotPermitted(_))), "{scheme}://{host}");
        }
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 0);
    let named = AddressRule::new([format!("localhost:{port}").parse().expect("an authority")]);
    let address = Address::parse(&sink.replace("127.0.0.1", "localhost")).expect("an address");
    let access = Access::new(&address, NamedBy::Repository(&named)).expect("named").expect("a network address");
    assert!(access.connect().map_err(classify).is_err(), "the sink says nothing");
    assert!(ASKED.load(Ordering::SeqCst) > 0, "but it was asked");
}
