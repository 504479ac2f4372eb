//! Real package managers that a project leads to another server: the proxy says no, and nobody is asked there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::world::{MemoryTree, World};
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::{Invocation, Output};
use crate::sandbox::skeleton::{Place, Skeleton};

/// A server that only counts who comes.
struct Sink {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { port, visits }
    }

    /// Fails unless the run was refused exactly this, and nobody came.
    fn expect_nobody(&self, output: &Output, refused: &str) {
        let told: Vec<String> = output.refused.iter().map(ToString::to_string).collect();
        let expected = refused.replace("SINK", &format!("127.0.0.1:{}", self.port));
        assert!(!output.succeeded() && told.contains(&expected), "{told:?}\n{}{}", output.stderr, output.stdout);
        assert_eq!(self.visits.load(Ordering::SeqCst), 0);
    }
}

/// Runs a command in a project of these files.
fn run(world: &World, reach: Reach, files: &[(&str, &str)], command: impl Fn(&Place) -> Vec<String>) -> Output {
    let tree = MemoryTree::new(files);
    let skeleton = Skeleton::new(&world.tools.scratch, &world.tools.cache, &tree.files).unwrap();
    let place = skeleton.place();
    let mut command = command(place).into_iter();
    let below = |name: &str| place.home.join(name).display().to_string();
    let env = [
        ("CARGO_HOME", place.cache.join("cargo").display().to_string()),
        ("CARGO_NET_RETRY", "0".to_owned()),
        ("npm_config_userconfig", below("none-user")),
        ("npm_config_globalconfig", below("none-global")),
        ("npm_config_fetch_retries", "0".to_owned()),
        ("COMPOSER_HOME", below("composer")),
        ("COMPOSER_ALLOW_SUPERUSER", "1".to_owned()),
    ];
    let invocation = Invocation {
        program: command.next().unwrap(),
        args: command.collect(),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        cwd: place.project.clone(),
        reach,
    };
    world.tools.runner.run(&invocation, place).unwrap()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn npm_reaches_no_other_registry_and_no_archive_elsewhere() {
    let Some(world) = World::new("npm", false) else { return };
    let sink = Sink::start();
    for (scheme, refused) in [("https", "SINK is not on the list"), ("http", "SINK was asked for without TLS")] {
        let address = format!("{scheme}://127.0.0.1:{}", sink.port);
        let manifest = format!("{{\"name\": \"shop\", \"dependencies\": {{\"x\": \"{address}/x.tgz\"}}}}");
        let output =
            run(&world, Reach::Npm, &[("package.json", &manifest)], |_| words("npm install --package-lock-only"));
        sink.expect_nobody(&output, refused);
        let output = run(&world, Reach::Npm, &[], |_| words(&format!("npm view ms --registry={address}")));
        sink.expect_nobody(&output, refused);
    }
}

#[test]
fn cargo_reaches_no_other_registry_and_no_repository() {
    let Some(world) = World::new("cargo", false) else { return };
    let sink = Sink::start();
    let address = format!("https://127.0.0.1:{}", sink.port);
    for source in [format!("git = \"{address}/x\""), format!("version = \"1\", registry-index = \"sparse+{address}/\"")]
    {
        let manifest = format!(
            "[package]\nname = \"ledger\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nx = {{ {source} }}\n"
        );
        let files = [("Cargo.toml", manifest.as_str()), ("src/lib.rs", "")];
        let output = run(&world, Reach::Cargo, &files, |_| words("cargo generate-lockfile"));
        sink.expect_nobody(&output, "SINK is not on the list");
    }
}

#[test]
fn composer_reaches_no_other_repository() {
    let Some(world) = World::new("composer", false) else { return };
    let sink = Sink::start();
    for kind in ["composer", "vcs"] {
        let manifest = format!(
            r#"{{"require": {{"acme/x": "1"}}, "repositories": [{{"packagist": false}}, {{"type": "{kind}", "url": "https://127.0.0.1:{}/x"}}]}}"#,
            sink.port
        );
        let output = run(&world, Reach::Composer, &[("composer.json", &manifest)], |_| {
            words("composer update --no-install --no-scripts --no-plugins --no-interaction")
        });
        sink.expect_nobody(&output, "SINK is not on the list");
    }
}

#[test]
fn a_process_that_may_reach_nothing_reaches_no_registry_either() {
    let Some(world) = World::new("npm", false) else { return };
    let output = run(&world, Reach::Nothing, &[], |_| words("npm view ms"));
    assert!(!output.succeeded() && output.refused.len() == 1, "{output:?}");
}
