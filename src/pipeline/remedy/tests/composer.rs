//! Composer, against a repository of our own on the loopback, over TLS with a private certificate authority.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

use super::world::{MemoryTree, World, advisory, tell};
use crate::model::advisory::Advisory;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::sandbox::runner::Runner;

const FLAGS: [&str; 8] = [
    "--no-install",
    "--no-scripts",
    "--no-plugins",
    "--no-audit",
    "--no-progress",
    "--no-interaction",
    "--no-ansi",
    "--ignore-platform-req=ext-*",
];

/// A repository that serves one `packages.json`; its address and the file with its authority's certificate.
struct Repository {
    address: String,
    authority: tempfile::NamedTempFile,
}

fn package(name: &str, version: &str, requirements: &Value) -> Value {
    json!({
        "name": name, "version": version, "type": "library", "require": requirements,
        "dist": {"type": "zip", "url": format!("https://registry.example/{name}-{version}.zip")}
    })
}

fn packages() -> Value {
    let mut all = serde_json::Map::new();
    let mut add = |name: &str, version: &str, requirements: Value| {
        all.entry(name).or_insert_with(|| json!({}))[version] = package(name, version, &requirements);
    };
    for version in ["1.0.0", "1.0.1", "1.0.2", "1.1.0", "2.0.0", "2.0.1"] {
        add("acme/core", version, json!({"acme/util": "^1.0"}));
    }
    for version in ["1.0.0", "1.0.1", "1.2.0"] {
        add("acme/util", version, json!({}));
    }
    add("acme/pin", "1.0.0", json!({"acme/core": "1.0.0"}));
    add("acme/pin", "1.1.0", json!({"acme/core": "^1.0.1"}));
    add("acme/pin", "2.0.0", json!({"acme/core": "^2.0"}));
    add("acme/php9", "1.0.0", json!({"php": ">=7.0"}));
    add("acme/php9", "1.0.1", json!({"php": ">=9.0"}));
    add("acme/php9", "1.0.2", json!({"php": ">=7.0", "ext-imagick": "*"}));
    json!({ "packages": all })
}

fn serve() -> Repository {
    crate::net::client::install_tls();
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&authority_key).unwrap();
    let mut authority = tempfile::NamedTempFile::new().unwrap();
    authority.write_all(certificate.pem().as_bytes()).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let served = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![served.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let _ = answer(&mut tls);
        }
    });
    Repository { address, authority }
}

fn answer(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (status, body) = if request.starts_with("GET /packages.json ") {
        ("200 OK", packages().to_string())
    } else {
        ("404 Not Found", String::new())
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}

fn world(repository: &Repository) -> Option<World> {
    let runner = Runner::from_environment()
        .with_variable("SSL_CERT_FILE", repository.authority.path())
        .with_allowed(["localhost".parse().unwrap()]);
    let world = World::with_runner(runner, "composer", false)?;
    Some(World { allow_hosts: vec!["localhost".parse().unwrap()], ..world })
}

fn manifest(repository: &Repository, requirements: &str, more: &str) -> String {
    format!(
        "{{\n    \"name\": \"acme/shop\",\n    \"require\": {requirements},\n    \"repositories\": [\n        {{\"packagist\": false}},\n        {{\"type\": \"composer\", \"url\": \"{}\"}}\n    ]{more}\n}}\n",
        repository.address
    )
}

/// A project whose lockfile was written when `old` was asked for, with the manifest as given.
fn locked(world: &World, repository: &Repository, old: &str, new: &str) -> MemoryTree {
    let update: Vec<&str> = ["composer", "update"].into_iter().chain(FLAGS).collect();
    let relock: Vec<&str> = ["composer", "update", "--lock"].into_iter().chain(FLAGS).collect();
    let tree = MemoryTree::new(&[("composer.json", &manifest(repository, old, ""))]);
    let tree = world.generate(&tree, "composer.lock", &[&update]);
    let tree = tree.with("composer.json", manifest(repository, new, "").as_bytes());
    world.generate(&tree, "composer.lock", &[&relock])
}

fn flaw(package: &str, fixed: &str) -> Advisory {
    advisory(Ecosystem::Packagist, "CVE-2020-0001", package, "0", fixed)
}

#[test]
fn a_package_moves_alone_to_the_lowest_release_without_a_known_flaw() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(
        &world,
        &repository,
        r#"{"acme/core": "1.0.0", "acme/util": "1.0.0"}"#,
        r#"{"acme/core": "^1.0", "acme/util": "^1.0"}"#,
    );
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.1")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        acme/core 1.0.0 -> 1.0.1 [Patch] fixes ["CVE-2020-0001"]: lowest release that no known advisory affects; within the range `^1.0` that is asked for
        composer.lock: -2 +2
        "#);
}

#[test]
fn a_parent_that_stands_in_the_way_is_named() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/pin": "1.0.0"}"#, r#"{"acme/pin": "^1.0"}"#);
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.2")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        acme/core 1.0.0 -> 1.0.2 [Patch] fixes ["CVE-2020-0001"]: lowest release that no known advisory affects and that what requires it can use; outside of the range `1.0.0` that was asked for
        acme/pin 1.0.0 -> 1.1.0 [Minor] fixes []: lowest release that admits `acme/core` 1.0.2
        composer.lock: -5 +5
        "#);
}

#[test]
fn what_a_parent_forbids_is_told_with_the_chain() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/pin": "1.0.0"}"#, r#"{"acme/pin": "^1.0"}"#);
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "2.0.0")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        blocked acme/core 1.0.0 -> Some("2.0.0") ParentRequirement: the project asks for `acme/pin` `^1.0`, and 2.0.0 is a breaking step | raise `acme/pin` to 2.0.0 and adapt the code | ["acme/pin@1.0.0 `1.0.0`"]
        "#);
}

#[test]
fn a_requirement_of_the_project_is_raised_when_nothing_else_helps() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/core": "^1.0"}"#, r#"{"acme/core": "^1.0"}"#);
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "2.0.0")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        acme/core 1.1.0 -> 2.0.0 [Major] fixes ["CVE-2020-0001"]: lowest release that no known advisory affects and that what requires it can use; outside of the range `^1.0` that was asked for
        composer.json: -1 +1
        composer.lock: -3 +3
        "#);
}

#[test]
fn a_release_for_another_php_is_passed_over() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/php9": "1.0.0"}"#, r#"{"acme/php9": "^1.0"}"#);
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/php9", "1.0.1")]);
    insta::assert_snapshot!(tell(&outcome), @r#"
        acme/php9 1.0.0 -> 1.0.2 [Patch] fixes ["CVE-2020-0001"]: lowest release that no known advisory affects; within the range `^1.0` that is asked for
        composer.lock: -2 +3
        "#);
}

#[test]
fn scripts_of_the_project_do_not_run() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/core": "1.0.0"}"#, r#"{"acme/core": "^1.0"}"#);
    let canary = world.folder.path().join("canary");
    let touch = format!("touch {}", canary.display());
    let scripts = format!(
        ",\n    \"scripts\": {{\"pre-command-run\": \"{touch}\", \"init\": \"{touch}\", \"pre-update-cmd\": \"{touch}\", \"post-update-cmd\": \"{touch}\"}},\n    \"config\": {{\"disable-tls\": true, \"secure-http\": false}}"
    );
    let armed = manifest(&repository, r#"{"acme/core": "^1.0"}"#, &scripts);
    let tree = tree.with("composer.json", armed.as_bytes());
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.1")]);
    let change = &outcome.remedy.as_ref().unwrap_or_else(|| panic!("{}", tell(&outcome))).changes;
    assert_eq!(change.len(), 1, "composer.json stays");
    assert!(!canary.exists(), "a script of the project ran");
}

#[test]
fn a_repository_whose_host_the_policy_does_not_name_is_not_asked() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/core": "1.0.0"}"#, r#"{"acme/core": "^1.0"}"#);
    let world = World { allow_hosts: Vec::new(), ..world };
    let told = tell(&world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.1")]));
    assert!(told.contains("UntrustedSource: `composer.json` takes `repositories` from another registry"), "{told}");
    assert!(told.contains("under `[network] allow-hosts`"), "{told}");
}

#[test]
fn a_repository_that_nobody_allowed_is_named_as_the_cause() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/core": "1.0.0"}"#, r#"{"acme/core": "1.0.0"}"#);
    let runner = Runner::from_environment().with_variable("SSL_CERT_FILE", repository.authority.path());
    let strict = World::with_runner(runner, "composer", false).unwrap();
    // What is judged before a tool starts is let through here: the proxy says no all the same.
    let strict = World { allow_hosts: vec!["localhost".parse().unwrap()], ..strict };
    let outcome = strict.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.1")]);
    let told = tell(&outcome).replace(repository.address.rsplit(':').next().unwrap(), "PORT");
    insta::assert_snapshot!(told, @"
    blocked acme/core 1.0.0 -> None Refused: `composer` wanted to reach `localhost:PORT`, which is not among the registries of composer | allow `localhost:PORT` under `[network] allow-hosts` in patchparty.toml if it is yours | []
    ");
}

#[test]
fn an_unreachable_repository_is_said_quickly() {
    let repository = serve();
    let Some(world) = world(&repository) else { return };
    let tree = locked(&world, &repository, r#"{"acme/core": "1.0.0"}"#, r#"{"acme/core": "1.0.0"}"#);
    let gone =
        Repository { address: "https://localhost:1".to_owned(), authority: tempfile::NamedTempFile::new().unwrap() };
    let text = manifest(&gone, r#"{"acme/core": "1.0.0"}"#, "");
    let hash = crate::sandbox::content_hash::content_hash(text.as_bytes()).unwrap();
    let lock: Value = serde_json::from_slice(&tree.files[&RepoPath::new("composer.lock").unwrap()]).unwrap();
    let old = lock["content-hash"].as_str().unwrap().to_owned();
    let lock = lock.to_string().replace(&old, &hash);
    let tree = MemoryTree::new(&[("composer.json", &text), ("composer.lock", &lock)]);
    let begun = std::time::Instant::now();
    let outcome = world.remedy(&tree, "composer.lock", vec![flaw("acme/core", "1.0.1")]);
    assert!(tell(&outcome).contains("RegistryUnreachable"), "{}", tell(&outcome));
    assert!(begun.elapsed().as_secs() < 30);
}
