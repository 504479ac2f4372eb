//! What a user of the store sees: sources from folders and over HTTP, their ages, and what is not good enough.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use zip::write::SimpleFileOptions;

use super::detection::detect;
use super::*;
use crate::config::policy::SourceConfig;
use crate::git::scratch::Scratch;
use crate::model::advisory::AdvisoryKind;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;

pub(super) const DAY: Duration = Duration::from_hours(24);

pub(super) fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisory").join(name).to_string_lossy().into_owned()
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) struct World {
    pub(super) cache: tempfile::TempDir,
    pub(super) policy: AdvisoryPolicy,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new(sources: &[(SourceKind, &str)]) -> Self {
        let sources =
            sources.iter().map(|(kind, location)| SourceConfig { kind: *kind, location: (*location).to_owned() });
        let policy = AdvisoryPolicy {
            sources: sources.collect(),
            warn_age: 7 * DAY,
            max_age: 30 * DAY,
            accept_uncovered: Vec::new(),
        };
        Self { cache: tempfile::tempdir().unwrap(), policy, now: at("2026-03-05T00:00:00Z") }
    }

    pub(super) fn request(&self, offline: bool) -> LoadRequest<'_> {
        LoadRequest { policy: &self.policy, cache: self.cache.path(), offline, now: self.now, accept_shrunk: false }
    }

    pub(super) fn load(&self, offline: bool) -> Result<Loaded, LoadError> {
        load(&self.request(offline))
    }
}

#[test]
fn every_kind_has_exactly_one_reader() {
    for kind in [
        SourceKind::RustSec,
        SourceKind::Osv,
        SourceKind::FriendsOfPhp,
        SourceKind::RubySec,
        SourceKind::Kev,
        SourceKind::Epss,
    ] {
        assert_eq!(SOURCES.iter().filter(|source| source.kind() == kind).count(), 1, "{kind:?}");
        assert_eq!(source_of(kind).kind(), kind);
    }
}

#[test]
fn all_sources_become_one_database() {
    let (osv, php, rust) = (fixture("osv"), fixture("friends-of-php"), fixture("rustsec"));
    let world = World::new(&[(SourceKind::Osv, &osv), (SourceKind::FriendsOfPhp, &php), (SourceKind::RustSec, &rust)]);
    let loaded = world.load(true).unwrap();
    let of = |status: &SourceStatus| (status.id.clone(), status.advisories, status.skipped);
    let counts: Vec<_> = loaded.sources.iter().map(of).collect();
    let expected = [("osv", 2, 1), ("friends-of-php", 1, 0), ("rustsec", 1, 0)];
    assert_eq!(counts, expected.map(|(id, advisories, skipped)| (id.to_owned(), advisories, skipped)));
    assert_eq!(loaded.sources[0].age_seconds, Some(68_033), "the newest record is from the fourth of March, 05:06:07");
    assert_eq!(loaded.database.advisory_count(), 4);

    let find = |ecosystem, package, version| loaded.database.affecting(ecosystem, package, version);
    let parser = find(Ecosystem::Npm, "demo-parser", "2.0.0");
    assert_eq!((parser[0].flaw.id.as_str(), parser[0].flaw.fixed.as_deref()), ("CVE-2026-0001", Some("2.4.1")));
    assert!(find(Ecosystem::Npm, "demo-parser", "1.9.3").is_empty());
    assert_eq!(find(Ecosystem::Packagist, "acme/demo-parser", "1.1.0").len(), 1, "v1.1.0 is the same version");
    assert_eq!(find(Ecosystem::Npm, "demo-parzer", "1.0.1")[0].kind, AdvisoryKind::Malicious);
    let shop = find(Ecosystem::Packagist, "acme/shop", "v1.4.0");
    assert_eq!((shop[0].flaw.id.as_str(), shop[0].flaw.fixed.as_deref()), ("CVE-2026-0002", Some("2.1.4")));
    assert_eq!(find(Ecosystem::Packagist, "acme/shop", "1.0.0-beta1").len(), 1, "a constraint means pre-releases too");
    assert_eq!(find(Ecosystem::CratesIo, "demo-arena", "1.2.0-rc.1").len(), 1);
    assert!(find(Ecosystem::CratesIo, "demo-arena", "1.2.0").is_empty());
}

#[test]
fn formats_are_told_by_what_is_in_them() {
    for (name, kind) in [
        ("osv", SourceKind::Osv),
        ("osv/MAL-2026-0001.json", SourceKind::Osv),
        ("friends-of-php", SourceKind::FriendsOfPhp),
        ("rustsec", SourceKind::RustSec),
        ("rustsec/crates/demo-arena/RUSTSEC-2026-9001.md", SourceKind::RustSec),
    ] {
        assert_eq!(detect(Path::new(&fixture(name))), Some(kind), "{name}");
    }
    for (name, kind) in [
        ("ruby-sec", SourceKind::RubySec),
        ("ruby-sec/gems/demo-mailer/CVE-2026-0003.yml", SourceKind::RubySec),
        ("kev", SourceKind::Kev),
        ("epss", SourceKind::Epss),
    ] {
        assert_eq!(detect(Path::new(&fixture(name))), Some(kind), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(detect(folder.path()), None);
    assert_eq!(detect(&folder.path().join("absent")), None);
    std::fs::write(folder.path().join("all.zip"), archive(&["osv/MAL-2026-0001.json"])).unwrap();
    assert_eq!(detect(&folder.path().join("all.zip")), Some(SourceKind::Osv));
    std::fs::write(folder.path().join("rust.zip"), archive(&["rustsec/crates/demo-arena/RUSTSEC-2026-9001.md"]))
        .unwrap();
    assert_eq!(detect(&folder.path().join("rust.zip")), Some(SourceKind::RustSec));
}

#[test]
fn the_format_of_well_known_addresses_is_told_by_the_address() {
    let of = detect_location;
    assert_eq!(of("https://example.org/RustSec/advisory-db.git"), Some(SourceKind::RustSec));
    assert_eq!(of("https://example.org/FriendsOfPHP/security-advisories"), Some(SourceKind::FriendsOfPhp));
    assert_eq!(of("https://example.org/rubysec/ruby-advisory-db.git"), Some(SourceKind::RubySec));
    assert_eq!(of("https://example.org/cisagov/kev-data"), Some(SourceKind::Kev));
    assert_eq!(of("https://example.org/feeds/known_exploited_vulnerabilities.json"), Some(SourceKind::Kev));
    assert_eq!(of("https://example.org/epss_scores-current.csv.gz"), Some(SourceKind::Epss));
    assert_eq!(of("https://example.org/npm/all.zip"), Some(SourceKind::Osv));
    assert_eq!(of("https://example.org/acme/notes"), None);
    assert_eq!(of(&fixture("rustsec")), Some(SourceKind::RustSec));
    assert_eq!(of("/does/not/exist"), None);
}

#[test]
fn a_local_source_grows_old_with_its_records() {
    let osv = fixture("osv");
    let mut world = World::new(&[(SourceKind::Osv, &osv)]);
    assert_eq!(
        world.load(true).unwrap().sources[0].warning.as_deref(),
        Some("1 of its 3 records could not be understood")
    );
    world.now = at("2026-03-20T00:00:00Z");
    let status = world.load(true).unwrap().sources.remove(0);
    assert!(status.warning.is_some_and(|warning| warning.starts_with("its newest record is 15 days old")));
    world.now = at("2126-01-01T00:00:00Z");
    let error = world.load(true).unwrap_err();
    assert!(matches!(&error, LoadError::TooOld { id, is_cached: false, .. } if id == "osv"), "{error}");
    assert!(error.to_string().contains("days old and `max-age` is 30 days"), "{error}");
    assert!(error.hint().contains("max-age"));
}

#[test]
fn what_only_annotates_is_left_out_when_it_is_not_there() {
    let (osv, kev, epss) = (fixture("osv"), fixture("kev"), fixture("epss/epss_scores.csv"));
    let sources = [(SourceKind::Osv, osv.as_str()), (SourceKind::Kev, &kev), (SourceKind::Epss, &epss)];
    let world = World::new(&sources);
    let counts: Vec<_> = world.load(true).unwrap().sources.iter().map(|status| status.advisories).collect();
    assert_eq!(counts, [2, 2, 2]);
    let world = World::new(&[(SourceKind::Osv, &osv), (SourceKind::Kev, "https://user:secret@kev.example/known.json")]);
    let status = world.load(true).unwrap().sources.remove(1);
    let warning = status.warning.unwrap();
    assert!(warning.starts_with("left out: failed to load advisories of `kev`"), "{warning}");
    assert!(warning.contains("no copy") && !warning.contains("secret"), "{warning}");
    let absent = World::new(&[(SourceKind::Osv, "/does/not/exist"), (SourceKind::Kev, &kev)]);
    assert!(absent.load(true).is_err(), "a source of advisories is never left out");
}

#[test]
fn nothing_read_is_never_clean() {
    assert!(matches!(World::new(&[]).load(true).unwrap_err(), LoadError::NoSource));
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_string_lossy().into_owned();
    let world = World::new(&[(SourceKind::Osv, &location)]);
    assert!(matches!(world.load(true).unwrap_err(), LoadError::NoRecord { skipped: 0, .. }));
    std::fs::write(folder.path().join("x.json"), "{}").unwrap();
    assert!(matches!(world.load(true).unwrap_err(), LoadError::NoRecord { skipped: 1, .. }));
    let absent = World::new(&[(SourceKind::Osv, "/does/not/exist")]);
    assert!(matches!(absent.load(true).unwrap_err(), LoadError::Files { .. }));
    let rust = fixture("rustsec");
    assert!(World::new(&[(SourceKind::FriendsOfPhp, &rust)]).load(true).is_err(), "the wrong format");
    let unknown = World::new(&[(SourceKind::Osv, "http://user:secret@example.org/all.zip")]).load(true).unwrap_err();
    assert!(matches!(unknown, LoadError::UnknownLocation { .. }) && !unknown.to_string().contains("secret"));
}

pub(super) fn archive(names: &[&str]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in names {
        archive.start_file(format!("archive/{name}"), SimpleFileOptions::default()).unwrap();
        archive.write_all(&std::fs::read(PathBuf::from(fixture(name))).unwrap()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Answers requests one by one with what it was given, and tells the requests' lines.
pub(super) struct Server {
    pub(super) address: String,
    requests: Receiver<Vec<String>>,
}

impl Server {
    pub(super) fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, requests) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                tell.send(lines.map(|line| line.to_ascii_lowercase()).collect()).unwrap();
                (&stream).write_all(&answer).unwrap();
            }
        });
        Self { address, requests }
    }
}

pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_download_is_kept_renewed_and_survives_a_server_that_fails() {
    let first = archive(&["osv/MAL-2026-0001.json"]);
    let second = archive(&["osv/MAL-2026-0001.json", "osv/GHSA-demo-0001.json"]);
    let server = Server::start(vec![
        answer("200 OK", "etag: \"one\"\r\n", &first),
        answer("304 Not Modified", "", b""),
        answer("200 OK", "etag: \"two\"\r\n", &second),
        answer("503 Service Unavailable", "", b"try\nlater"),
        answer("200 OK", "", b"<html>please log in</html>"),
    ]);
    let url = format!("{}/all.zip?key=secret", server.address);
    let mut world = World::new(&[(SourceKind::Osv, &url)]);
    let load = |world: &World, offline| world.load(offline).map(|mut loaded| loaded.sources.remove(0));

    let error = load(&world, true).unwrap_err();
    assert!(matches!(error, LoadError::Remote { source: RemoteError::NotCached, .. }));
    assert!(error.hint().contains("without `--offline`"));

    let status = load(&world, false).unwrap();
    assert_eq!((status.advisories, status.age_seconds, status.warning), (1, Some(0), None));
    assert_eq!(status.location, format!("{}/all.zip", server.address), "the key is not shown");
    assert!(!server.requests.recv().unwrap().iter().any(|line| line.starts_with("if-none-match")));

    world.now = at("2026-03-06T00:00:00Z");
    assert_eq!(load(&world, true).unwrap().age_seconds, Some(86_400));
    assert_eq!(load(&world, false).unwrap().age_seconds, Some(0), "unchanged is as good as fetched");
    assert!(server.requests.recv().unwrap().contains(&"if-none-match: \"one\"".to_owned()));

    assert_eq!(load(&world, false).unwrap().advisories, 2);
    let data = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|extension| extension == "data");
    let files = std::fs::read_dir(world.cache.path().join("advisories")).unwrap().filter_map(Result::ok);
    assert_eq!(files.filter(data).count(), 1, "the old archive is gone");

    world.now = at("2026-03-07T00:00:00Z");
    for reason in ["503 Service Unavailable", "not a zip archive"] {
        let status = load(&world, false).unwrap();
        let warning = status.warning.expect("it says that the copy is used");
        assert!(warning.contains(reason) && warning.contains("the copy of 24 hours ago is used"), "{warning}");
        assert_eq!((status.advisories, status.age_seconds), (2, Some(86_400)));
    }

    world.now = at("2026-03-20T00:00:00Z");
    assert_eq!(load(&world, true).unwrap().warning.as_deref(), Some("last fetched 14 days ago"));
    world.now = at("2026-05-20T00:00:00Z");
    let error = load(&world, true).unwrap_err();
    assert!(matches!(error, LoadError::TooOld { is_cached: true, .. }) && !error.to_string().contains("secret"));
}

#[test]
fn a_damaged_cache_is_fetched_anew() {
    let body = std::fs::read(PathBuf::from(fixture("osv/MAL-2026-0001.json"))).unwrap();
    let server = Server::start(vec![answer("200 OK", "etag: \"one\"\r\n", &body), answer("200 OK", "", &body)]);
    let url = format!("{}/one.json", server.address);
    let world = World::new(&[(SourceKind::Osv, &url)]);
    assert_eq!(world.load(false).unwrap().database.advisory_count(), 1);
    for file in std::fs::read_dir(world.cache.path().join("advisories")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "data") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let loaded = world.load(true).unwrap();
    assert_eq!((loaded.database.advisory_count(), loaded.is_outdated), (1, true), "the old index stays in use");
    assert!(loaded.sources[0].warning.as_ref().is_some_and(|warning| warning.contains("the cache, which has no copy")));
    assert_eq!(world.load(false).unwrap().database.advisory_count(), 1);
    let conditional = server.requests.iter().filter(|lines| lines.iter().any(|line| line.starts_with("if-none-match")));
    assert_eq!(conditional.count(), 0, "nothing is there that could be unchanged");
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error_without_secrets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://user:secret@{address}/all.zip?key=secret");
    let error = World::new(&[(SourceKind::Osv, &url)]).load(false).unwrap_err();
    let mut texts = vec![error.to_string()];
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    assert!(texts.iter().all(|text| !text.contains("secret")), "{texts:?}");
    assert!(matches!(error, LoadError::Remote { source: RemoteError::Request(_), .. }));
}

const RECORD: &str = "crates/demo-arena/RUSTSEC-2026-9001.md";

fn repository() -> (Scratch, CommitId) {
    let scratch = Scratch::new();
    scratch.write(RECORD, std::fs::read(fixture(&format!("rustsec/{RECORD}"))).unwrap());
    scratch.write("crates/demo-arena/README.md", "no record");
    let commit = scratch.commit("advisories");
    // What is not committed is not known.
    scratch.write("crates/demo-arena/RUSTSEC-2026-9002.md", "unfinished");
    (scratch, commit)
}

#[test]
fn a_repository_on_this_machine_is_read_at_its_commit() {
    let (scratch, _) = repository();
    let location = format!("file://{}", scratch.path().display());
    let mut world = World::new(&[(SourceKind::RustSec, &location)]);
    world.now = at("2026-01-30T00:00:00Z");
    let status = world.load(true).unwrap().sources.remove(0);
    assert_eq!((status.advisories, status.skipped, status.age_seconds), (1, 0, Some(10 * 86_400)));
    assert_eq!(status.warning.as_deref(), Some("its newest record is 10 days old"));
    world.now = at("2026-03-30T00:00:00Z");
    assert!(matches!(world.load(true).unwrap_err(), LoadError::TooOld { is_cached: false, .. }));
    let absent = World::new(&[(SourceKind::RustSec, "file:///does/not/exist")]);
    assert!(matches!(absent.load(true).unwrap_err(), LoadError::Remote { source: RemoteError::Mirror(_), .. }));
}

#[test]
fn a_mirror_in_the_cache_is_used_offline() {
    let url = "https://git.example/advisory-db.git";
    let mut world = World::new(&[(SourceKind::RustSec, url)]);
    assert!(matches!(world.load(true).unwrap_err(), LoadError::Remote { source: RemoteError::NotCached, .. }));
    let (scratch, commit) = repository();
    let slot = cache::Slot::new(world.cache.path(), url);
    std::fs::create_dir_all(world.cache.path().join("advisories")).unwrap();
    scratch.git(&["clone", "-q", "--bare", ".", &slot.mirror().to_string_lossy()]);
    let stamp = cache::Stamp { fetched_at: world.now, content: cache::Content::Commit(commit) };
    slot.put_stamp(&stamp).unwrap();
    world.now = at("2026-03-06T00:00:00Z");
    let status = world.load(true).unwrap().sources.remove(0);
    assert_eq!((status.advisories, status.age_seconds, status.warning), (1, Some(86_400), None));
}

/// Real databases beside the repository; skipped, with the reason printed, where there are none.
#[test]
fn real_databases_load_without_an_error() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from).join("advisories");
    if !shared.is_dir() {
        println!("skipped: no advisories in {}; set PATCHPARTY_SHARED", shared.display());
        return;
    }
    for (name, kind, least) in [
        ("rustsec", SourceKind::RustSec, 1_150),
        ("friendsofphp", SourceKind::FriendsOfPhp, 1_500),
        ("go", SourceKind::Osv, 3_000),
        ("pypa", SourceKind::Osv, 2_500),
        ("rubysec", SourceKind::RubySec, 1_230),
        ("kev", SourceKind::Kev, 1_400),
    ] {
        let location = shared.join(name).to_string_lossy().into_owned();
        assert_eq!(detect(Path::new(&location)), Some(kind), "{name}");
        let mut world = World::new(&[(kind, &location)]);
        world.policy.max_age = 36_500 * DAY;
        world.now = Timestamp::now();
        let status = world.load(true).unwrap().sources.remove(0);
        println!("{name}: {} advisories, {} skipped, {:?}", status.advisories, status.skipped, status.warning);
        assert!(status.advisories >= least, "{name} has {} advisories", status.advisories);
        assert!(status.skipped <= 5, "{name} has {} records that could not be understood", status.skipped);
    }
    let location = shared.join("npm-security-wg").to_string_lossy().into_owned();
    assert_eq!(detect(Path::new(&location)), None, "it is in no format that is read");
}
