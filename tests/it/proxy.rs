//! The operator's own proxy: package managers are led to ours, which asks it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

const CREDENTIALS: &str = "night:proxy-Canary-1";

/// A proxy of the operator that wants credentials and notes what it is asked.
struct Operator {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Operator {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // A connection that ends early is somebody's right.
                thread::spawn(move || carry(stream, &noted));
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("nobody panics with it").clone()
    }
}

/// Reads one request and connects it to where it leads.
fn carry(mut client: TcpStream, noted: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    noted.lock().expect("nobody panics with it").push(head);
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| {
            // An end of either side is no failure of the test.
            let _ = io::copy(&mut &client, &mut &server);
            let _ = server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &server, &mut &client);
        let _ = client.shutdown(Shutdown::Write);
    });
    Ok(())
}

#[test]
fn a_proxy_of_the_operator_is_used_and_its_credentials_reach_no_tool() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let operator = Operator::start();
    let address = format!("http://{CREDENTIALS}@127.0.0.1:{}", operator.port);
    let bot = Bot::new(&github)
        .variable("HTTPS_PROXY", &address)
        .variable("https_proxy", &address)
        .variable("NO_PROXY", "127.0.0.1");
    github.repository("acme", "shop").files(fixtures::project("npm")).commit();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let night = bot.run(&["run", "--org", "acme", "--format", "json", "-vv"]);
    night.expect_code(0);
    for slug in ["acme/shop", "acme/ledger"] {
        assert_eq!(night.actions(slug), ["opened"], "{}", night.explanation(slug));
    }
    let heads = operator.heads();
    // `night:proxy-Canary-1`.
    let authenticated =
        |head: &String| head.to_lowercase().contains("proxy-authorization: basic bmlnahq6chjvehktq2fuyxj5lte=");
    assert!(heads.iter().all(|head| head.starts_with("CONNECT ") && authenticated(head)), "{heads:#?}");
    for tool in ["cargo", "npm"] {
        let calls = bot.tool_calls(tool);
        assert!(calls.contains("HTTPS_PROXY=http://127.0.0.1:"), "{tool} has no proxy:\n{calls}");
        assert!(!calls.contains("Canary-1") && !calls.contains("NO_PROXY"), "{calls}");
    }
    assert!(!night.stderr.contains("Canary-1"), "{}", night.stderr);
    github.finish();
}
