//! Tests of the way through the operator's own proxy.

use std::sync::Mutex;

use super::*;

/// A proxy of the operator: answers every request with one status, notes the head, and echoes afterwards.
struct Operator {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Operator {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                noted.lock().unwrap().push(String::from_utf8(head).unwrap());
                // Whoever is refused may have left.
                let _ = stream.write_all(answer.as_bytes());
                let mut sink = stream.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut stream, &mut sink));
            }
        });
        Self { address, heads }
    }

    /// Our proxy in front of it; a name that we resolve ourselves leads to `direct`.
    fn behind(&self, scheme: &str, except: &str, direct: SocketAddr) -> Proxy {
        let address = format!("{scheme}://night:p%40ss@{}", self.address);
        let resolve = move |_: &AddressRule, _: &str, _: u16| Ok(vec![direct]);
        Proxy::start_with(Upstream::new(&address, except), Arc::new(resolve), LIMITS).unwrap()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

#[test]
fn the_operators_proxy_is_asked_with_its_credentials_and_resolves_the_name() {
    let (operator, direct) = (Operator::start("HTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\nhello "), Echo::start());
    let folder = scratch();
    let door =
        operator.behind("http", "", direct.address).open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (answer, mut stream) = ask(&door, &connect_to("Registry.Example:443"));
    stream.write_all(b"world").unwrap();
    let mut back = [0; 11];
    stream.read_exact(&mut back).unwrap();
    assert_eq!((answer, &back), (200, b"hello world"));
    // `night:p@ss`.
    let expected = "CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\n\
        Proxy-Authorization: Basic bmlnaHQ6cEBzcw==\r\n\r\n";
    assert_eq!((operator.heads(), direct.visits()), (vec![expected.to_owned()], 0));
}

#[test]
fn the_list_and_the_rule_hold_behind_it() {
    let (operator, direct) = (Operator::start("HTTP/1.1 200 OK\r\n\r\n"), Echo::start());
    let folder = scratch();
    let listed = ["169.254.169.254:443", "localhost:443", "[::1]:443"];
    let door = operator.behind("http", "", direct.address).open(public(&listed), folder.path()).unwrap();
    for target in ["169.254.169.254:443", "localhost:443", "[::1]:443", "elsewhere.example:443"] {
        assert_eq!(ask(&door, &connect_to(target)).0, 403, "{target}");
    }
    assert_eq!(operator.heads(), Vec::<String>::new());
}

#[test]
fn hosts_that_need_no_proxy_are_reached_directly() {
    let (operator, direct) = (Operator::start("HTTP/1.1 200 OK\r\n\r\n"), Echo::start());
    let folder = scratch();
    let proxy = operator.behind("http", "other.example, .registry.example", direct.address);
    let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
    let (answer, mut stream) = ask(&door, &connect_to("registry.example:443"));
    assert_eq!(answer, 200);
    round_trip(&mut stream, b"direct");
    assert_eq!((operator.heads().len(), direct.visits()), (0, 1));
}

#[test]
fn what_it_refuses_and_what_it_cannot_do_is_said_without_its_credentials() {
    let direct = Echo::start();
    let folder = scratch();
    for (scheme, expected) in [
        ("http", "registry.example:443 cannot be reached: the proxy of this machine answers 407"),
        (
            "https",
            "registry.example:443 cannot be reached: the proxy of this machine is asked with `https://`, and only `http://` is supported",
        ),
    ] {
        let operator = Operator::start("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        let proxy = operator.behind(scheme, "", direct.address);
        let door = proxy.open(public(&["registry.example:443"]), folder.path()).unwrap();
        assert_eq!(ask(&door, &connect_to("registry.example:443")).0, 502);
        assert_eq!(refused(&door), [expected]);
    }
    assert_eq!(direct.visits(), 0);
    assert_eq!(format!("{:?}", Upstream::new("http://night:secret@127.0.0.1:1", "")), "Upstream");
}
