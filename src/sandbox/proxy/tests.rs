//! Tests of the proxy against servers on loopback.

mod upstream;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

/// Long enough for the slowest machine; a test that needs it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that sends back what it gets, and counts who comes.
struct Echo {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let mut sink = stream.try_clone().unwrap();
                    let mut source = stream;
                    // Whoever is cut off sees an error here.
                    let _ = io::copy(&mut source, &mut sink);
                    let _ = sink.shutdown(std::net::Shutdown::Write);
                });
            }
        });
        Self { address, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// A proxy for which every name leads to one address.
fn proxy_to(address: SocketAddr, limits: Limits) -> Proxy {
    let resolve = move |_: &AddressRule, _: &str, _: u16| Ok(vec![address]);
    Proxy::start_with(Upstream::new("", ""), Arc::new(resolve), limits).unwrap()
}

/// A proxy with the real resolver.
fn real_proxy() -> Proxy {
    Proxy::start(Upstream::new("", "")).unwrap()
}

fn public(authorities: &[&str]) -> Hosts {
    authorities.iter().fold(Hosts::default(), |hosts, authority| hosts.with_public(authority.parse().unwrap()))
}

fn named(authorities: &[&str]) -> Hosts {
    Hosts::default().with_named(authorities.iter().map(|authority| authority.parse().unwrap()))
}

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn knock(door: &Door) -> UnixStream {
    let stream = UnixStream::connect(door.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and gives the status of the answer and the open connection.
fn ask(door: &Door, request: &[u8]) -> (u16, UnixStream) {
    let mut stream = knock(door);
    // A door that is full answers before it has read anything, and may be closed by now.
    let _ = stream.write_all(request);
    (status(&mut stream), stream)
}

fn connect_to(target: &str) -> Vec<u8> {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: test\r\n\r\n").into_bytes()
}

/// The status of an answer, whose head is read to its end.
fn status(stream: &mut impl Read) -> u16 {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// Whether the other side has closed the connection, or does so while we wait.
fn is_closed(stream: &mut impl Read) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

fn round_trip(stream: &mut (impl Read + Write), text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

fn refused(door: &Door) -> Vec<String> {
    door.refused().iter().map(ToString::to_string).collect()
}

#[test]
fn a_listed_host_is_reached_by_socket_and_by_port() {
    let echo = Echo::start();
    let folder = scratch();
    let door = proxy_to(echo.address, LIMITS).open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (status_of_answer, mut stream) = ask(&door, &connect_to("registry.example:443"));
    assert_eq!(status_of_answer, 200);
    round_trip(&mut stream, b"to and fro");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(is_closed(&mut stream), "the end of one direction is passed on");

    let port = door.port().unwrap();
    assert_eq!(door.port().unwrap(), port);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&connect_to("REGISTRY.Example.:443")).unwrap();
    assert_eq!(status(&mut stream), 200);
    round_trip(&mut stream, &vec![7; 300_000]);
    assert_eq!(refused(&door), Vec::<String>::new());
}

#[test]
fn what_was_sent_with_the_request_is_passed_on() {
    let echo = Echo::start();
    let folder = scratch();
    let door = proxy_to(echo.address, LIMITS).open(public(&["registry.example:443"]), folder.path()).unwrap();
    let mut request = connect_to("registry.example:443");
    request.extend_from_slice(b"early");
    let (status_of_answer, mut stream) = ask(&door, &request);
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!((status_of_answer, &back), (200, b"early"));
}

#[test]
fn everything_else_is_refused_and_noted() {
    let echo = Echo::start();
    let folder = scratch();
    let table: &[(&str, u16, &str)] = &[
        ("CONNECT elsewhere.example:443 HTTP/1.1", 403, "elsewhere.example:443 is not on the list"),
        ("CONNECT registry.example:22 HTTP/1.1", 403, "registry.example:22 is not on the list"),
        ("CONNECT a.registry.example:443 HTTP/1.1", 403, "a.registry.example:443 is not on the list"),
        (
            "CONNECT registry.example.evil.example:443 HTTP/1.1",
            403,
            "registry.example.evil.example:443 is not on the list",
        ),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", 403, "127.0.0.1:443 is not on the list"),
        ("CONNECT 2130706433:443 HTTP/1.1", 403, "127.0.0.1:443 is not on the list"),
        ("CONNECT 0177.1:443 HTTP/1.1", 403, "127.0.0.1:443 is not on the list"),
        ("CONNECT 0x7f.0.0.1:443 HTTP/1.1", 403, "127.0.0.1:443 is not on the list"),
        ("CONNECT [::1]:443 HTTP/1.1", 403, "[::1]:443 is not on the list"),
        ("CONNECT [::ffff:127.0.0.1]:443 HTTP/1.1", 403, "[::ffff:7f00:1]:443 is not on the list"),
        ("CONNECT xn--rgistry-bya.example:443 HTTP/1.1", 403, "xn--rgistry-bya.example:443 is not on the list"),
        ("CONNECT régistry.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example:443@elsewhere.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example@elsewhere.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT elsewhere.example:443#registry.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example:0443443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example:0 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example:+443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example%00:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT [::1%25eth0]:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT https://registry.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("CONNECT registry.example:443", 400, "a request could not be understood"),
        ("CONNECT registry.example:443 HTTP/2.0", 400, "a request could not be understood"),
        ("CONNECT  registry.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("connect registry.example:443 HTTP/1.1", 400, "a request could not be understood"),
        ("\u{1b}[2J", 400, "a request could not be understood"),
        ("GET http://registry.example/x HTTP/1.1", 405, "registry.example:80 was asked for without TLS"),
        ("GET http://me:secret@169.254.169.254/latest HTTP/1.1", 405, "169.254.169.254:80 was asked for without TLS"),
        ("POST / HTTP/1.1", 405, "a request was no CONNECT"),
        ("PRI * HTTP/1.1", 405, "a request was no CONNECT"),
    ];
    let proxy = proxy_to(echo.address, LIMITS);
    for (line, expected, note) in table {
        let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
        let (answer, mut stream) = ask(&door, format!("{line}\r\nHost: x\r\n\r\n").as_bytes());
        assert_eq!((answer, refused(&door)), (*expected, vec![(*note).to_owned()]), "{line}");
        assert!(is_closed(&mut stream), "{line}");
    }
    assert_eq!(echo.visits(), 0);
}

#[test]
fn addresses_of_this_network_are_refused_even_when_they_are_listed() {
    let echo = Echo::start();
    let folder = scratch();
    let own = format!("127.0.0.1:{}", echo.address.port());
    let listed =
        [own.as_str(), "localhost:443", "[::1]:443", "169.254.169.254:443", "[::ffff:10.0.0.1]:443", "vault:443"];
    let door = real_proxy().open(public(&listed), folder.path()).unwrap();
    for target in listed.iter().chain(&["2852039166:443", "LOCALHOST.:443"]) {
        assert_eq!(ask(&door, &connect_to(target)).0, 403, "{target}");
    }
    assert_eq!(echo.visits(), 0);
    assert!(refused(&door).contains(&"169.254.169.254:443 has no public address".to_owned()), "{:?}", refused(&door));
}

#[test]
fn what_the_operator_names_may_be_in_this_network() {
    let echo = Echo::start();
    let folder = scratch();
    let own = format!("127.0.0.1:{}", echo.address.port());
    let door = real_proxy().open(named(&[&own]), folder.path()).unwrap();
    let (answer, mut stream) = ask(&door, &connect_to(&own));
    assert_eq!(answer, 200);
    round_trip(&mut stream, b"inside");
    assert_eq!(ask(&door, &connect_to("127.0.0.1:1")).0, 403, "another port is another service");
}

#[test]
fn a_name_is_resolved_once_and_exactly_that_address_is_connected() {
    let (permitted, sink) = (Echo::start(), Echo::start());
    let folder = scratch();
    let asked = Arc::new(AtomicUsize::new(0));
    let (counted, first, second) = (Arc::clone(&asked), permitted.address, sink.address);
    // The first answer is one that the rule lets through, every later one leads inside.
    let resolve = move |_: &AddressRule, _: &str, _: u16| {
        Ok(vec![if counted.fetch_add(1, Ordering::SeqCst) == 0 { first } else { second }])
    };
    let proxy = Proxy::start_with(Upstream::new("", ""), Arc::new(resolve), LIMITS).unwrap();
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (answer, mut stream) = ask(&door, &connect_to("registry.example:443"));
    assert_eq!(answer, 200);
    round_trip(&mut stream, b"the first answer");
    assert_eq!((asked.load(Ordering::SeqCst), permitted.visits(), sink.visits()), (1, 1, 0));
}

#[test]
fn a_name_that_leads_inside_is_refused_without_a_word_about_where() {
    let folder = scratch();
    let resolve = |_: &AddressRule, _: &str, _: u16| Err(AddressError::Unreachable);
    let proxy = Proxy::start_with(Upstream::new("", ""), Arc::new(resolve), LIMITS).unwrap();
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    assert_eq!(ask(&door, &connect_to("registry.example:443")).0, 502);
    assert_eq!(
        refused(&door),
        ["registry.example:443 cannot be reached: the host is not known here, or has no public address"]
    );
}

#[test]
fn a_head_that_does_not_end_is_cut_off() {
    let echo = Echo::start();
    let folder = scratch();
    let limits = Limits { head_time: Duration::from_millis(300), ..LIMITS };
    let proxy = proxy_to(echo.address, limits);
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (answer, mut stream) = ask(&door, b"CONNECT registry.example:443 HTTP/1.1\r\nHost: ");
    assert_eq!(answer, 408);
    assert!(is_closed(&mut stream));
    let mut silent = knock(&door);
    assert_eq!(status(&mut silent), 408, "nor does one that never begins");

    let mut stream = knock(&door);
    let endless = [b"CONNECT registry.example:443 HTTP/1.1\r\nX: ".as_slice(), &vec![b'x'; 1024 * 1024]].concat();
    // Cut off while it is still writing, or just after.
    let _ = stream.write_all(&endless);
    assert!(is_closed(&mut stream));
    assert_eq!(echo.visits(), 0);
}

#[test]
fn an_idle_tunnel_and_one_that_lasts_too_long_are_cut() {
    let echo = Echo::start();
    let folder = scratch();
    for limits in [
        Limits { idle_time: Duration::from_millis(300), ..LIMITS },
        Limits { total_time: Duration::from_millis(300), ..LIMITS },
    ] {
        let door = proxy_to(echo.address, limits).open(public(&["registry.example:443"]), folder.path()).unwrap();
        let (answer, mut stream) = ask(&door, &connect_to("registry.example:443"));
        assert_eq!(answer, 200);
        assert!(is_closed(&mut stream));
    }
}

#[test]
fn a_door_has_so_many_connections_and_bytes_and_no_more() {
    let echo = Echo::start();
    let folder = scratch();
    let limits = Limits { connections: 3, bytes: 100_000, ..LIMITS };
    let door = proxy_to(echo.address, limits).open(public(&["registry.example:443"]), folder.path()).unwrap();
    let mut open: Vec<_> = (0..3).map(|_| ask(&door, &connect_to("registry.example:443"))).collect();
    assert!(open.iter().all(|(answer, _)| *answer == 200));
    assert_eq!(status(&mut knock(&door)), 503);
    assert_eq!(refused(&door), ["too many connections"]);

    let (_, stream) = &mut open[0];
    let mut writer = stream.try_clone().unwrap();
    let sending = thread::spawn(move || {
        // Ends with an error when the tunnel is cut.
        let _ = writer.write_all(&vec![1; 1_000_000]);
    });
    let mut back = Vec::new();
    // Cut in the middle: by an end or a reset.
    let _ = stream.read_to_end(&mut back);
    sending.join().unwrap();
    assert!(back.len() < 100_000, "{} bytes came back", back.len());
    assert_eq!(refused(&door), ["too many connections", "too many bytes"]);
}

#[test]
fn connections_are_counted_until_the_door_is_closed() {
    let echo = Echo::start();
    let folder = scratch();
    let limits = Limits { connections_in_all: 5, ..LIMITS };
    let proxy = proxy_to(echo.address, limits);
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let answers: Vec<u16> = (0..7).map(|_| ask(&door, &connect_to("elsewhere.example:443")).0).collect();
    assert_eq!(answers, [403, 403, 403, 403, 403, 503, 503]);
    let other = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    assert_eq!(ask(&other, &connect_to("registry.example:443")).0, 200, "every door counts for itself");
}

#[test]
fn a_closed_door_cuts_its_tunnels_and_leaves_nothing_behind() {
    let echo = Echo::start();
    let folder = scratch();
    let proxy = proxy_to(echo.address, LIMITS);
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let other = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (_, mut stream) = ask(&door, &connect_to("registry.example:443"));
    let (_, mut kept) = ask(&other, &connect_to("registry.example:443"));
    round_trip(&mut stream, b"open");
    let (socket, port) = (door.socket().to_path_buf(), door.port().unwrap());
    let mode = std::fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(door);
    assert!(is_closed(&mut stream));
    assert!(!socket.exists() && !socket.parent().unwrap().exists());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    drop(proxy);
    round_trip(&mut kept, b"the proxy lives as long as its last door");
}

#[test]
fn a_scratch_folder_with_a_long_name_is_no_obstacle() {
    let echo = Echo::start();
    let folder = scratch();
    let deep = folder.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let door = proxy_to(echo.address, LIMITS).open(public(&["registry.example:443"]), &deep).unwrap();
    assert_eq!(ask(&door, &connect_to("registry.example:443")).0, 200);
}

#[test]
fn refusals_are_told_once_and_not_without_end() {
    let folder = scratch();
    let door = real_proxy().open(Hosts::default(), folder.path()).unwrap();
    for number in 0..40 {
        for _ in 0..2 {
            assert_eq!(ask(&door, &connect_to(&format!("h{number}.example:443"))).0, 403);
        }
    }
    assert_eq!(door.refused().len(), 16);
    assert_eq!(refused(&door)[15], "h15.example:443 is not on the list");
}
