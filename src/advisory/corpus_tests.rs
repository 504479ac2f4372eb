//! Every file of the real databases beside the repository, and what is known by hand about some of their advisories.

mod node;

use std::path::{Path, PathBuf};

use super::SOURCES;
use super::bounds::bounded;
use super::contract::{Annotation, RecordFile, Source};
use super::database::AdvisoryDatabase;
use crate::model::ecosystem::Ecosystem;

/// The folder of the shared material; `None`, with the reason printed, where there is none.
fn shared(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no {name} in {}; set PATCHPARTY_SHARED", folder.display());
    None
}

/// What a whole database says.
#[derive(Default)]
struct Whole {
    files: usize,
    advisories: usize,
    annotations: Vec<Annotation>,
    foreign: usize,
    /// The paths of files of which something could not be understood.
    skipped: Vec<String>,
    database: AdvisoryDatabase,
}

fn source(id: &str) -> &'static dyn Source {
    *SOURCES.iter().find(|source| source.id() == id).expect("in the table")
}

fn whole(folder: &Path, source: &dyn Source) -> Whole {
    let mut whole = Whole::default();
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten() {
        let path = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        if !entry.file_type().is_file() || !source.claims(&path) {
            continue;
        }
        whole.files += 1;
        let content = std::fs::read(entry.path()).unwrap();
        let Ok(reading) = source.read(&RecordFile { path: &path, content: &content }) else {
            whole.skipped.push(path);
            continue;
        };
        let mut is_whole = reading.skipped == 0;
        whole.foreign += reading.foreign;
        whole.annotations.extend(reading.annotations);
        for advisory in reading.advisories {
            let outcome = bounded(advisory);
            is_whole &= !outcome.is_partial;
            all.extend(outcome.advisory);
        }
        if !is_whole {
            whole.skipped.push(path);
        }
    }
    whole.advisories = all.len();
    whole.database = AdvisoryDatabase::new(all);
    whole
}

/// Whether the flaw is found at each of the versions, `+` before those at which it has to be.
#[track_caller]
fn check(database: &AdvisoryDatabase, ecosystem: Ecosystem, package: &str, flaw: &str, versions: &str) {
    for version in versions.split_whitespace() {
        let (is_expected, version) = version.strip_prefix('+').map_or((false, version), |version| (true, version));
        let found = database.affecting(ecosystem, package, version);
        let is_found = found.iter().any(|found| found.flaw.id.as_str() == flaw);
        assert_eq!(is_found, is_expected, "{flaw} at {package} {version}");
    }
}

#[test]
fn every_file_of_the_real_databases_is_read() {
    let Some(advisories) = shared("advisories") else { return };
    // At least what the snapshot of 2026 has; of a younger one, more.
    for (folder, id, files, foreign) in [
        ("go", "osv", 4_291, 0),
        ("pypa", "osv", 2_661, 0),
        ("rubysec", "ruby-sec", 1_381, 147),
        ("friendsofphp", "friends-of-php", 1_592, 0),
        ("rustsec", "rustsec", 1_205, 0),
        ("kev", "kev", 1, 0),
    ] {
        let whole = whole(&advisories.join(folder), source(id));
        println!(
            "{folder}: {} files, {} advisories, {} annotations, {} foreign, {} with something that cannot be understood {:?}",
            whole.files,
            whole.advisories,
            whole.annotations.len(),
            whole.foreign,
            whole.skipped.len(),
            whole.skipped
        );
        assert!(whole.files >= files && whole.foreign >= foreign, "{folder}");
        assert_eq!(whole.skipped, Vec::<String>::new(), "{folder}");
        assert!(whole.advisories + whole.annotations.len() + whole.foreign >= whole.files, "{folder}");
    }
}

#[test]
fn gems_are_affected_as_their_advisories_say() {
    let Some(advisories) = shared("advisories") else { return };
    let database = whole(&advisories.join("rubysec"), source("ruby-sec")).database;
    // Read off the records by hand: `patched_versions` and `unaffected_versions` as `Gem::Requirement` means them.
    for (gem, cve, versions) in [
        ("nokogiri", "CVE-2022-29181", "+1.0.0 +1.13.5 +1.13.6.rc1 1.13.6 1.14.0"),
        ("rack", "CVE-2022-30122", "1.1.6 +1.2 +2.0.9 2.0.9.1 +2.1.0 +2.1.4 2.1.4.1 +2.2.0.rc1 +2.2.3 2.2.3.1 3.0.0"),
        ("rails-html-sanitizer", "CVE-2022-32209", "+1.4.2 1.4.3"),
        (
            "actionpack",
            "CVE-2013-0156",
            "+2.3.14 2.3.15 2.3.99 +2.4.0 +3.0.18 3.0.19 +3.1.0.rc1 +3.1.9 3.1.10 +3.2.10 3.2.11",
        ),
        ("puma", "CVE-2022-23634", "+4.3.10 4.3.11 4.3.12 +4.4.0 +5.0.0.beta1 +5.6.1 5.6.2"),
        ("devise", "CVE-2019-5421", "+4.5.0 4.6.0"),
        ("loofah", "CVE-2018-8048", "+2.2.0 2.2.1"),
        ("sinatra", "CVE-2018-11627", "1.4.8 2.0.0.alpha +2.0.0.beta1 +2.0.0.beta2 +2.0.0 +2.0.1 2.0.2"),
        ("bootstrap", "CVE-2016-10735", "+3.4.1 +4.0.0.alpha6 +4.0.0.beta2 4.0.0.pre.beta.2 4.0.0"),
        ("json", "CVE-2020-10663", "+2.2.0 2.3.0"),
        ("rake", "CVE-2020-8130", "+12.3.2 12.3.3 13.0.0"),
        ("addressable", "CVE-2021-32740", "2.2.8 +2.3.0 +2.7.0 2.8.0"),
        ("activerecord", "CVE-2022-32224", "+5.2.8 5.2.8.1 +6.0.0 6.0.5.1 +6.1.6 6.1.6.1 +7.0.3 7.0.3.1"),
        ("kramdown", "CVE-2020-14001", "+2.2.1 2.3.0"),
        ("websocket-extensions", "CVE-2020-7663", "+0.1.4 0.1.5"),
        ("tzinfo", "CVE-2022-31163", "+0.3.60 0.3.61 0.3.62 +1.0.0 +1.2.9 1.2.10 2.0.0 2.0.4"),
        ("rexml", "CVE-2024-35176", "+3.2.6 3.2.7"),
        ("redcarpet", "CVE-2020-26298", "+3.5.0 3.5.1"),
        ("mail", "CVE-2012-2139", "+2.4.3 2.4.4"),
        ("omniauth", "CVE-2015-9284", "+1.9.1 +2.0.0.rc1 2.0.0"),
        ("strong_password", "CVE-2019-13354", "0.0.6 +0.0.7 0.0.8"),
        ("rest-client", "CVE-2019-15224", "1.6.9 +1.6.10 +1.6.13 1.6.14 1.7.0"),
        ("bootstrap-sass", "CVE-2019-10842", "3.2.0.2 +3.2.0.3 3.2.0.4"),
    ] {
        check(&database, Ecosystem::RubyGems, gem, cve, versions);
    }
    let fixed = |gem: &str, version: &str, cve: &str| {
        let found = database.affecting(Ecosystem::RubyGems, gem, version);
        found.into_iter().find(|found| found.flaw.id.as_str() == cve).and_then(|found| found.flaw.fixed.clone())
    };
    assert_eq!(fixed("actionpack", "3.0.5", "CVE-2013-0156").as_deref(), Some("3.0.19"));
    assert_eq!(fixed("rack", "2.1.0", "CVE-2022-30122").as_deref(), Some("2.1.4.1"));
}

#[test]
fn modules_and_python_packages_are_affected_as_their_advisories_say() {
    let Some(advisories) = shared("advisories") else { return };
    let go = whole(&advisories.join("go"), source("osv")).database;
    check(&go, Ecosystem::Go, "stdlib", "CVE-2022-27664", "+1.17.0 1.18.6 +1.19.0 1.19.1");
    check(&go, Ecosystem::Go, "golang.org/x/net", "CVE-2022-27664", "+v0.0.0-20210101000000-000000000000");
    check(&go, Ecosystem::Go, "github.com/gin-gonic/gin", "CVE-2020-28483", "+v1.7.0 v1.7.7 v1.8.0");
    let python = whole(&advisories.join("pypa"), source("osv")).database;
    check(&python, Ecosystem::PyPi, "Jinja2", "CVE-2020-28493", "+2.11.2 2.11.3 3.0.0");
    check(&python, Ecosystem::PyPi, "requests", "CVE-2018-18074", "+2.19.1 2.20.0");
    check(&python, Ecosystem::PyPi, "PyYAML", "CVE-2020-14343", "+5.3.1 5.4");
    // A repository at a tag: the record of the package names it.
    check(
        &python,
        Ecosystem::Git,
        "https://github.com/urllib3/urllib3.git",
        "CVE-2021-33503",
        "+1.26.4 +v1.26.4 1.26.5",
    );
}

#[test]
fn exploited_flaws_of_the_catalogue_are_named_as_advisories_name_them() {
    let Some(advisories) = shared("advisories") else { return };
    let annotations = whole(&advisories.join("kev"), source("kev")).annotations;
    assert!(annotations.len() >= 1_400 && annotations.iter().all(|annotation| annotation.exploited));
    for cve in ["CVE-2021-44228", "CVE-2025-48384"] {
        assert!(annotations.iter().any(|annotation| annotation.id.as_str() == cve), "{cve}");
    }
}
