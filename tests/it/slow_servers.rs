//! Servers that never end: each is left after a while with little memory, and the next project is not touched.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use crate::memory::meter::measure;
use crate::support::bot::Bot;
use crate::support::fixtures;
use crate::support::sink::{Sink, reference};

/// A listing may have 32 MiB (docs/security.md, "Limits"); what it becomes in memory is a few times that.
const BOUND: u64 = 400 << 20;

#[test]
fn servers_without_end_without_pace_and_without_a_word_are_left_and_the_next_is_audited() {
    let endless = Sink::lister(|stream| {
        let lines: String = (0..1_000).map(reference).collect();
        (0..).try_for_each(|_| stream.write_all(lines.as_bytes()))
    });
    let slow = Sink::lister(|stream| {
        (0..).try_for_each(|number| {
            stream.write_all(reference(number).as_bytes())?;
            std::thread::sleep(Duration::from_secs(3));
            Ok(())
        })
    });
    // The system takes the connection, and nobody ever speaks TLS on it.
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mute_address = format!("https://{}/acme/shop", mute.local_addr().expect("an address"));
    let bot = Bot::without_forge();
    for (name, content) in fixtures::project("npm") {
        bot.write(&format!("shop/{name}"), &content);
    }
    let address = |sink: &Sink| format!("http://127.0.0.1:{}/acme/shop", sink.port());
    let (endless, slow, shop) = (address(&endless), address(&slow), bot.path("shop").display().to_string());
    let (cache, known) = (bot.path("cache").display().to_string(), fixtures::advisories("known"));
    let known = known.display().to_string();
    let shared = ["--format", "json", "--cache", &cache, "--advisories", &known];
    let targets = ["audit", endless.as_str(), slow.as_str(), mute_address.as_str(), shop.as_str()];
    let audited = measure(&bot, &[&targets[..], &shared[..]].concat(), &[("NO_PROXY", "127.0.0.1")]);
    let report: serde_json::Value = serde_json::from_str(&audited.stdout).expect("JSON");
    let problems = |number: usize| report["projects"][number]["problems"].to_string();
    assert!(problems(0).contains("the answer has more than"), "{}", problems(0));
    assert!(problems(1).contains("the server sent less than 20480 bytes in 20 s"), "{}", problems(1));
    assert!(problems(2).contains("fetch the repository"), "{}", problems(2));
    assert!(report["projects"][3]["findings"].to_string().contains("CVE-2021-23337"), "{report}");
    let Some(peak) = audited.peak else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    eprintln!("it took {} MiB", peak >> 20);
    assert!(peak < BOUND, "{peak}");
}
