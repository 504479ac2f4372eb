//! Damaged, cut off and hostile files: an error, or the same answers.

use super::*;

#[test]
fn every_flipped_byte_is_an_error_or_changes_no_answer() {
    let whole = bytes_of(sample());
    let expected = answers(&open(&whole).unwrap()).unwrap();
    let mut errors = 0;
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        match open(&damaged).map_err(|error| error.to_string()).and_then(|database| answers(&database)) {
            Ok(found) => assert_eq!(found, expected, "byte {position}"),
            Err(_) => errors += 1,
        }
        let verified = Index::of_bytes(damaged).and_then(|index| index.verify());
        assert!(verified.is_err(), "byte {position} is not verified");
    }
    assert!(errors > whole.len() / 2, "most bytes are read by these look-ups");
}

#[test]
fn every_truncation_and_extension_is_an_error() {
    let whole = bytes_of(sample());
    for length in 0..whole.len() {
        assert!(Index::of_bytes(whole[..length].to_vec()).is_err(), "{length} bytes were taken");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(Index::of_bytes(longer).is_err());
    assert!(matches!(open(b"").unwrap_err(), IndexError::NotAnIndex));
    assert!(matches!(open(b"PK\x03\x04 and so on").unwrap_err(), IndexError::NotAnIndex));
    assert!(matches!(open(&whole[..100]).unwrap_err(), IndexError::DamagedHeader));
    let mut newer = whole;
    newer[8] = 200;
    assert!(matches!(open(&newer).unwrap_err(), IndexError::OtherVersion(200)));
}

/// Makes all checksums right again, as someone would who means harm.
fn resealed(sections: [Vec<u8>; 7]) -> Vec<u8> {
    Compiled { sections }.into_bytes()
}

#[test]
fn hostile_lengths_and_counts_are_errors_and_cost_no_memory() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let sound = Index::of_bytes(bytes_of(sample())).unwrap().to_compiled().unwrap();
    for section in 0..7 {
        let length = sound.sections[section].len();
        for position in (0..length).step_by(if length > 200 { 11 } else { 2 }) {
            let mut sections = sound.sections.clone();
            let end = (position + huge.len()).min(length);
            sections[section].splice(position..end, huge);
            let Ok(index) = Index::of_bytes(resealed(sections)) else { continue };
            // Whatever it is, it ends, and within memory.
            let _ = index.verify();
        }
    }
    // Blocks whose checksums are right and whose content is made up.
    for payload in [&huge[..], &[0; 64], &[0xff; 64], &[1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 5, b'a']] {
        let mut sections = sound.sections.clone();
        let mut packages = Vec::new();
        block::append(Section::Packages, &mut packages, payload);
        sections[1] = [0_u64.to_le_bytes(), (packages.len() as u64).to_le_bytes()].concat();
        sections[2] = packages;
        let index = Index::of_bytes(resealed(sections)).unwrap();
        assert!(index.package(Ecosystem::CratesIo, "alpha").map_or(true, |found| found.is_none()));
        assert!(index.verify().is_err(), "{payload:?}");
    }
}

#[test]
fn a_package_that_nobody_would_find_is_damage() {
    let sound = Index::of_bytes(bytes_of(sample())).unwrap().to_compiled().unwrap();
    assert!(Index::of_bytes(resealed(sound.sections.clone())).unwrap().verify().is_ok());
    let mut sections = sound.sections;
    for slot in sections[1].as_chunks_mut::<8>().0 {
        // The offset stays, the signature says that nothing is there.
        slot[5..].fill(0);
    }
    let index = Index::of_bytes(resealed(sections)).unwrap();
    assert!(matches!(index.verify(), Err(IndexError::Damaged { section: Section::Packages, .. })));
}

#[test]
fn a_file_that_is_cut_off_while_it_is_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.ppdb");
    // A small one would be in memory by now.
    let mut advisories = sample();
    let long = advisories[0].clone();
    advisories.extend((0..40).map(|number| Advisory {
        id: id(&format!("LONG-{number}")),
        aliases: Vec::new(),
        references: (0..2_000).map(|line| format!("https://example.org/{number}/{line}/0123456789")).collect(),
        affected: vec![Affected { package: format!("long-{number}"), ..long.affected[0].clone() }],
        ..long.clone()
    }));
    std::fs::write(&path, bytes_of(advisories)).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 128 << 10);
    let database = AdvisoryDatabase::open_kept(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(220).unwrap();
    assert!(database.affecting(Ecosystem::CratesIo, "alpha", "1.0.0").is_empty());
    assert!(matches!(database.damage(), Some(IndexError::Unreadable(_))));
    assert!(!database.is_free_of_flaws(Ecosystem::CratesIo, "alpha", "1.0.0"), "nothing is known to be free");
    assert!(database.records_about(Ecosystem::CratesIo, "alpha").is_empty());
    assert!(!database.knows(&id("GHSA-1")));
}

#[test]
fn a_damaged_index_of_the_cache_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.ppdb");
    let mut bytes = bytes_of(sample());
    let index = Index::of_bytes(bytes.clone()).unwrap();
    let packages = usize::try_from(index.layout_of(Section::Packages)).unwrap();
    bytes[packages + 9] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let database = AdvisoryDatabase::open(&path).unwrap();
    assert!(database.affecting(Ecosystem::CratesIo, "alpha", "1.0.0").is_empty());
    let damage = database.damage().expect("it is noted").to_string();
    assert_eq!(damage, format!("read the index: section `packages` is damaged at byte {packages} of the file"));
    assert!(path.exists(), "a file of the user's own stays");
    let database = AdvisoryDatabase::open_kept(&path).unwrap();
    assert!(database.affecting(Ecosystem::CratesIo, "alpha", "1.0.0").is_empty());
    assert!(database.damage().is_some() && !path.exists());
}
