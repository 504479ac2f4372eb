//! The compiled index with 300,000 advisories: how long it takes to open it and to look 2,000 packages up in it, of which
//! 30 % are known; and how large it is. Real advisories of the shared folder are multiplied, synthetic ones without it.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use divan::Bencher;
use patchparty::advisory::{AdvisoryDatabase, advisories_in};
use patchparty::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use patchparty::model::ecosystem::Ecosystem;
use patchparty::model::severity::{Cvss, Severity};
use rayon::prelude::*;

const ADVISORIES: usize = 300_000;
const LOOK_UPS: usize = 2_000;
/// Of every ten, so many are about a package that an advisory names.
const KNOWN: usize = 3;

#[expect(clippy::print_stdout, reason = "a benchmark's numbers are what it prints")]
fn main() {
    let world = world();
    let size = AdvisoryDatabase::open(&world.path).expect("it was just written").size();
    println!(
        "{} advisories ({}), {} ranges: {} bytes, {} to look up in, {} per range; compiled in {:?}",
        ADVISORIES,
        if world.is_real { "real ones multiplied" } else { "synthetic" },
        size.ranges,
        size.bytes,
        size.lookup_bytes,
        size.lookup_bytes / size.ranges.max(1),
        world.compiled_in,
    );
    let affected = |look_ups| run(look_ups, Cores::All);
    println!(
        "{LOOK_UPS} look-ups: {} affected of the usual ones, {} of the bad ones",
        affected(&world.fixed),
        affected(&world.affected)
    );
    divan::main();
}

struct World {
    _folder: tempfile::TempDir,
    path: PathBuf,
    is_real: bool,
    compiled_in: std::time::Duration,
    /// Packages with the first version that a record calls fixed – others often call it affected –, or with one that is
    /// affected for sure.
    fixed: Vec<(Ecosystem, String, String)>,
    affected: Vec<(Ecosystem, String, String)>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let real = real();
        let is_real = !real.is_empty();
        let advisories = multiplied(&if is_real { real } else { synthetic() });
        let (fixed, affected) = (look_ups(&advisories, false), look_ups(&advisories, true));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("index.ppdb");
        let file = File::create(&path).expect("the folder is writable");
        let started = Instant::now();
        AdvisoryDatabase::write_index(advisories, &mut BufWriter::new(file)).expect("there is room");
        World { _folder: folder, path, is_real, compiled_in: started.elapsed(), fixed, affected }
    })
}

fn real() -> Vec<Advisory> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("PATCHPARTY_SHARED").map_or(beside, PathBuf::from).join("advisories");
    let folders = ["rustsec", "go", "pypa", "friendsofphp", "rubysec"].map(|name| shared.join(name));
    folders.iter().filter_map(|folder| advisories_in(folder)).flatten().collect()
}

fn synthetic() -> Vec<Advisory> {
    let one = |number: usize| Advisory {
        id: AdvisoryId::new(&format!("GHSA-{number:04}-abcd-efgh")).expect("well-formed"),
        aliases: vec![AdvisoryId::new(&format!("CVE-2026-{number}")).expect("well-formed")],
        source: "osv".to_owned(),
        kind: AdvisoryKind::Vulnerability,
        summary: "A flaw that lets someone do something that they should not be able to do".to_owned(),
        details: "What it is, since when, and what to do about it. ".repeat(20),
        references: vec!["https://example.org/advisories/one/of/many".to_owned()],
        cvss: Some(Cvss { vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(), score: 9.8 }),
        severity: Severity::Critical,
        withdrawn: false,
        affected: vec![Affected {
            ecosystem: [Ecosystem::Npm, Ecosystem::CratesIo, Ecosystem::Packagist][number % 3],
            release: None,
            package: format!("package/of-{}", number / 2),
            ranges: vec![AffectedRange {
                events: vec![
                    RangeEvent::Introduced(format!("{}.0.0", number % 7)),
                    RangeEvent::Fixed(format!("{}.{}.3", number % 7, 1 + number % 5)),
                ],
            }],
            versions: Vec::new(),
        }],
    };
    (0..5_000).map(one).collect()
}

/// Copies with other names, of records and of packages, until there are enough.
fn multiplied(base: &[Advisory]) -> Vec<Advisory> {
    let renamed =
        |id: &AdvisoryId, copy: usize| AdvisoryId::new(&format!("{id}-{copy}")).unwrap_or_else(|_| id.clone());
    (0..ADVISORIES)
        .map(|number| {
            let copy = number / base.len();
            let mut advisory = base[number % base.len()].clone();
            if copy > 0 {
                advisory.id = renamed(&advisory.id, copy);
                advisory.aliases = advisory.aliases.iter().map(|alias| renamed(alias, copy)).collect();
                advisory
                    .affected
                    .iter_mut()
                    .for_each(|affected| affected.package = format!("{}-{copy}", affected.package));
            }
            advisory
        })
        .collect()
}

/// Evenly spread over the packages, as a lockfile names each of its packages once; seven of ten have a name that no
/// advisory has.
fn look_ups(advisories: &[Advisory], affected: bool) -> Vec<(Ecosystem, String, String)> {
    let mut seen = HashSet::new();
    let one_of_each = advisories.iter().filter(|advisory| {
        advisory.affected.first().is_some_and(|entry| seen.insert((entry.ecosystem, entry.package.as_str())))
    });
    let one_of_each: Vec<_> = one_of_each.collect();
    let stride = (one_of_each.len() / LOOK_UPS).max(1);
    let candidates = one_of_each.into_iter().step_by(stride).filter_map(|advisory| {
        let entry = advisory.affected.first()?;
        let events = || entry.ranges.iter().flat_map(|range| &range.events);
        let fixed =
            events().find_map(|event| if let RangeEvent::Fixed(version) = event { Some(version) } else { None });
        let first =
            events().find_map(|event| if let RangeEvent::Introduced(version) = event { Some(version) } else { None });
        let first = first.map(|version| if version == "0" { "0.0.1" } else { version });
        let version = if affected { first?.to_owned() } else { fixed?.clone() };
        Some((entry.ecosystem, entry.package.clone(), version))
    });
    let known: Vec<_> = candidates.collect();
    (0..LOOK_UPS)
        .map(|number| {
            let (ecosystem, package, version) = known[number % known.len()].clone();
            let is_known = number % 10 < KNOWN;
            (ecosystem, if is_known { package } else { format!("{package}-nobody-knows-{number}") }, version)
        })
        .collect()
}

/// Opens the index and looks everything up, as an audit does: without the long texts, which its reports have no place for.
fn run(look_ups: &[(Ecosystem, String, String)], cores: Cores) -> usize {
    let database = AdvisoryDatabase::open(&world().path).expect("it was just written").without_details();
    let found = |(ecosystem, package, version): &(Ecosystem, String, String)| {
        usize::from(!database.affecting(*ecosystem, package, version).is_empty())
    };
    let affected = match cores {
        Cores::One => look_ups.iter().map(found).sum(),
        // As many at a time as the check takes.
        Cores::All => look_ups.par_chunks(256).map(|some| some.iter().map(found).sum::<usize>()).sum(),
    };
    assert!(database.damage().is_none(), "the index is whole");
    affected
}

#[derive(Clone, Copy)]
enum Cores {
    One,
    All,
}

#[divan::bench]
fn open() -> AdvisoryDatabase {
    AdvisoryDatabase::open(&world().path).expect("it was just written")
}

#[divan::bench]
fn open_and_look_up_on_one_core(bencher: Bencher<'_, '_>) {
    bencher.bench(|| run(&world().fixed, Cores::One));
}

#[divan::bench]
fn open_and_look_up(bencher: Bencher<'_, '_>) {
    bencher.bench(|| run(&world().fixed, Cores::All));
}

#[divan::bench]
fn open_and_look_up_what_is_affected_on_one_core(bencher: Bencher<'_, '_>) {
    bencher.bench(|| run(&world().affected, Cores::One));
}

#[divan::bench]
fn open_and_look_up_what_is_affected(bencher: Bencher<'_, '_>) {
    bencher.bench(|| run(&world().affected, Cores::All));
}
