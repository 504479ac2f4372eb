//! What a user of the compiled index sees: nothing read twice, the old index in use when the new one fails, and imports.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use super::tests::{DAY, Server, World, answer, archive, at, fixture};
use super::*;
use crate::config::policy::SourceConfig;
use crate::model::ecosystem::Ecosystem;

fn files(world: &World, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.cache.path().join("advisories")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// A world whose one source was downloaded once; the server gives the other answers then.
fn downloaded(mut answers: Vec<Vec<u8>>) -> (World, Server) {
    answers.insert(0, answer("200 OK", "etag: \"one\"\r\n", &archive(&["osv/MAL-2026-0001.json"])));
    let server = Server::start(answers);
    let world = World::new(&[(SourceKind::Osv, &format!("{}/all.zip", server.address))]);
    let loaded = world.load(false).unwrap();
    assert_eq!((loaded.database.advisory_count(), loaded.is_outdated), (1, false));
    (world, server)
}

fn knows_the_attack(loaded: &Loaded) -> bool {
    loaded.database.affecting(Ecosystem::Npm, "demo-parzer", "1.0.1").len() == 1
}

#[test]
fn what_was_compiled_is_opened_and_nothing_else_is_read() {
    let (world, _server) = downloaded(Vec::new());
    let [index] = files(&world, ".ppdb").try_into().expect("one index");
    assert_eq!(std::fs::metadata(&index).unwrap().permissions().mode() & 0o777, 0o600);
    let [copy] = files(&world, ".data").try_into().expect("one archive");
    std::fs::write(&copy, b"PK\x03\x04 nobody reads this").unwrap();
    let loaded = world.load(true).unwrap();
    assert!(knows_the_attack(&loaded) && loaded.path == Some(index.clone()));
    assert_eq!((loaded.sources[0].advisories, loaded.sources[0].warning.as_deref()), (1, None));
    assert!(!loaded.is_outdated);
    // A damaged header is found when the index is opened; then the archive is read, and it is none.
    std::fs::write(&index, b"\x89PPDB\r\n\x1a").unwrap();
    assert!(matches!(world.load(true).unwrap_err(), LoadError::Files { .. }));
}

#[test]
fn the_old_index_stays_in_use_whatever_comes_after_it() {
    let zip_of = |entries: &[(&str, &[u8])]| {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in entries {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    let record = |id: &str, summary: &str, fixed: &str| {
        format!(
            r#"{{"id":"{id}","modified":"2026-03-01T00:00:00Z","summary":"{summary}","affected":[{{"package":
            {{"ecosystem":"npm","name":"demo"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"{fixed}"}}]}}]}}]}}"#
        )
    };
    let whole = archive(&["osv/MAL-2026-0001.json", "osv/GHSA-demo-0001.json"]);
    let mut cut_off = answer("200 OK", "", &whole);
    cut_off.truncate(cut_off.len() - 200);
    let zeros = vec![b' '; 9 << 20];
    let bomb = zip_of(&[("bomb.json", &zeros)]);
    let absurd = zip_of(&[("a.json", record("GHSA-1", "x", &"9".repeat(5_000)).as_bytes())]);
    let paths = zip_of(&[("b.json", record("../../etc/passwd", "x", "0").as_bytes())]);
    let long = zip_of(&[("c.json", record("GHSA-2", &"x".repeat(10 << 20), "0").as_bytes())]);
    let answers = vec![
        cut_off,
        answer("200 OK", "", &whole[..whole.len() / 2]),
        answer("200 OK", "", &bomb),
        answer("200 OK", "", &absurd),
        answer("200 OK", "", &paths),
        answer("200 OK", "", &long),
    ];
    let reasons = ["download the file", "not a zip archive", "1 records", "1 records", "1 records", "1 records"];
    for (hostile, reason) in answers.into_iter().zip(reasons) {
        let (world, _server) = downloaded(vec![hostile]);
        let before = files(&world, ".ppdb");
        let loaded = world.load(false).unwrap();
        assert!(knows_the_attack(&loaded) && loaded.is_outdated, "{reason}");
        let warning = loaded.sources[0].warning.as_deref().expect("it says why");
        assert!(warning.contains(reason) && warning.contains("is used"), "{warning}");
        assert_eq!(files(&world, ".ppdb"), before);
        let is_scratch = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        assert!(!files(&world, "").iter().any(is_scratch), "nothing is left over");
        // The next run without the network as well.
        assert!(knows_the_attack(&world.load(true).unwrap()));
    }
}

#[test]
fn an_old_index_is_held_to_the_age_limits() {
    let (mut world, _server) = downloaded(vec![answer("200 OK", "", b"<html>"), answer("200 OK", "", b"<html>")]);
    std::fs::remove_file(files(&world, ".data").remove(0)).unwrap();
    world.now = at("2026-03-20T00:00:00Z");
    let warning = world.load(true).unwrap().sources.remove(0).warning.unwrap();
    assert!(warning.contains("the index that was compiled before is used"), "{warning}");
    assert!(warning.contains("last fetched 15 days ago"), "{warning}");
    world.now = at("2026-05-20T00:00:00Z");
    assert!(matches!(world.load(true).unwrap_err(), LoadError::TooOld { is_cached: true, .. }));
}

#[test]
fn a_new_content_replaces_the_index_and_leaves_nothing_behind() {
    let both = archive(&["osv/MAL-2026-0001.json", "osv/GHSA-demo-0001.json"]);
    let (world, _server) = downloaded(vec![answer("200 OK", "", &both)]);
    let old = world.load(true).unwrap();
    let loaded = world.load(false).unwrap();
    assert_eq!(loaded.database.advisory_count(), 2);
    assert_eq!(files(&world, ".ppdb"), [loaded.path.unwrap()]);
    assert!(knows_the_attack(&old), "who has the old one open reads on");
    assert!(old.database.damage().is_none());
}

#[test]
fn many_compile_and_open_at_once() {
    let (world, _server) = downloaded(Vec::new());
    let [index] = files(&world, ".ppdb").try_into().expect("one index");
    let expected = std::fs::read(&index).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (world, index) = (&world, &index);
            scope.spawn(move || {
                for _ in 0..10 {
                    if number % 4 == 0 {
                        // As if it had been damaged, or cleared away.
                        let _ = std::fs::remove_file(index);
                    }
                    assert!(knows_the_attack(&world.load(true).unwrap()));
                }
            });
        }
    });
    assert!(knows_the_attack(&world.load(true).unwrap()));
    assert_eq!(std::fs::read(&index).unwrap(), expected, "all of them wrote the same");
}

#[test]
fn small_local_sources_are_compiled_in_memory_unless_the_index_is_asked_for() {
    let location = fixture("osv");
    let world = World::new(&[(SourceKind::Osv, &location)]);
    assert_eq!(world.load(true).unwrap().path, None);
    assert!(!world.cache.path().join("advisories").exists(), "the cache is left alone");
    let request = world.request(true);
    assert!(matches!(status(&request).unwrap_err(), LoadError::NoIndex { .. }));
    let path = update(&request).unwrap().path.expect("it is kept");
    assert_eq!(world.load(true).unwrap().path, Some(path.clone()), "and used");
    let status = status(&request).unwrap();
    assert_eq!(
        (status.path, status.is_imported, status.advisories, status.sources[0].skipped),
        (path.clone(), false, 2, 1)
    );
    assert!(status.lookup_bytes < status.bytes);
    assert_eq!(verify_in_use(&request).unwrap().1.records, 2);
    // One that is damaged within is found by an update, which reads all of it.
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = verify_in_use(&request).unwrap_err();
    assert!(chain(&error).contains("section `texts` is damaged at byte"), "{}", chain(&error));
    update(&request).unwrap();
    assert_eq!(verify_in_use(&request).unwrap().1.records, 2);
}

#[test]
fn an_import_is_what_stands_in_until_the_next_update() {
    let (osv, rust) = (fixture("osv"), fixture("rustsec"));
    let world = World::new(&[(SourceKind::Osv, "https://example.org/all.zip")]);
    let cache = world.cache.path();
    let local = |kind, location: &str| AdvisoryPolicy {
        sources: vec![SourceConfig { kind, location: location.to_owned() }],
        warn_age: 7 * DAY,
        max_age: 30 * DAY,
        accept_uncovered: Vec::new(),
    };
    let request = |policy| LoadRequest { policy, cache, offline: true, now: world.now, accept_shrunk: false };
    assert_eq!(imported(cache), None);
    let policy = local(SourceKind::Osv, &osv);
    let loaded = import(&request(&policy), None).unwrap();
    assert!(knows_the_attack(&loaded));
    let path = imported(cache).expect("it is there");
    assert_eq!(loaded.path, Some(path.clone()));
    let opened = open_index(&path, &world.policy, world.now).unwrap();
    assert!(knows_the_attack(&opened) && opened.sources[0].location == osv);
    // One that fails changes nothing.
    let wrong = local(SourceKind::FriendsOfPhp, &rust);
    assert!(matches!(import(&request(&wrong), None).unwrap_err(), LoadError::NoRecord { .. }));
    assert!(knows_the_attack(&open_index(&path, &world.policy, world.now).unwrap()));
    assert!(status(&request(&world.policy)).unwrap().is_imported);
    // A compiled index is taken as it is, once it was read; a damaged one is not.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.ppdb");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&copy, &bytes).unwrap();
    import(&request(&world.policy), Some(&copy)).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::write(&copy, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(import(&request(&world.policy), Some(&copy)).unwrap_err(), LoadError::Index { .. }));
    assert!(knows_the_attack(&open_index(&path, &world.policy, world.now).unwrap()));
    // The limits of age hold for what was imported.
    let late = open_index(&path, &world.policy, at("2126-01-01T00:00:00Z")).unwrap_err();
    assert!(matches!(late, LoadError::TooOld { .. }), "{late}");
    assert!(forget_import(cache).unwrap() && !forget_import(cache).unwrap());
}

#[test]
fn an_index_of_sources_that_changed_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let record = std::fs::read_to_string(Path::new(&fixture("osv")).join("MAL-2026-0001.json")).unwrap();
    std::fs::write(folder.path().join("a.json"), &record).unwrap();
    let location = folder.path().to_string_lossy().into_owned();
    let world = World::new(&[(SourceKind::Osv, &location)]);
    let request = world.request(true);
    let first = update(&request).unwrap();
    assert_eq!(update(&request).unwrap().path, first.path);
    std::fs::write(folder.path().join("b.json"), record.replace("MAL-2026-0001", "MAL-2026-0002")).unwrap();
    let second = update(&request).unwrap();
    assert_eq!((first.database.advisory_count(), second.database.advisory_count()), (1, 2));
    assert_ne!(first.path, second.path);
    std::fs::remove_dir_all(folder.path()).unwrap();
    let left = world.load(true).unwrap();
    assert_eq!((left.database.advisory_count(), left.is_outdated), (2, true), "the folder went away, the index stays");
}

#[test]
fn lists_of_sources_have_indexes_of_their_own() {
    let of = |kind, location: &str| SourceConfig { kind, location: location.to_owned() };
    let cache = Path::new("cache");
    let prefixes = [
        vec![of(SourceKind::Osv, "a"), of(SourceKind::Osv, "b")],
        vec![of(SourceKind::Osv, "b"), of(SourceKind::Osv, "a")],
        vec![of(SourceKind::Osv, "ab")],
        vec![of(SourceKind::RustSec, "ab")],
    ]
    .map(|sources| Shelf::new(cache, &sources).prefix().to_owned());
    assert_eq!(prefixes.iter().collect::<BTreeSet<_>>().len(), 4);
}

#[test]
fn a_source_that_lost_most_of_its_advisories_is_held_until_a_person_accepts_it() {
    let archive_of = |count: u32| {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in 0..count {
            let name = if number == 0 { "demo".to_owned() } else { format!("package-{number}") };
            let record = format!(
                r#"{{"id":"GHSA-{number}","modified":"2026-03-01T00:00:00Z","affected":[{{"package":
                {{"ecosystem":"npm","name":"{name}"}},"versions":["1.0.0"]}}]}}"#
            );
            archive.start_file(format!("{number}.json"), zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, record.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    let download = |count| answer("200 OK", "", &archive_of(count));
    let server = Server::start(vec![download(300), download(120), download(120), download(100)]);
    let world = World::new(&[(SourceKind::Osv, &format!("{}/all.zip", server.address))]);
    assert_eq!(world.load(false).unwrap().database.advisory_count(), 300);

    let held = world.load(false).unwrap();
    assert_eq!((held.database.advisory_count(), held.is_outdated), (300, true));
    let warning = held.sources[0].warning.clone().unwrap();
    assert!(warning.contains("it had 300 advisories and now has 120"), "{warning}");
    assert!(warning.contains("the index that was compiled before is used"), "{warning}");

    let accepted = update(&LoadRequest { accept_shrunk: true, ..world.request(false) }).unwrap();
    assert_eq!((accepted.database.advisory_count(), accepted.is_outdated), (120, false));
    // What goes away little by little is ordinary.
    let smaller = world.load(false).unwrap();
    assert_eq!((smaller.database.advisory_count(), smaller.sources[0].warning.as_deref()), (100, None));
}
