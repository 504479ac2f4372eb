//! Whatever stands behind the checksums of an index, reading it ends with an answer or an error.
//!
//! The checksums are not looked at in a build for the fuzzer. The data are changes to a whole index: two bytes of position and
//! one to be mixed in, so that nearly all of it stays what the reader expects.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use patchparty::advisory::{AdvisoryDatabase, advisories_in};
use patchparty::model::advisory::AdvisoryId;
use patchparty::model::ecosystem::Ecosystem;

/// Magic, version and number of sections: what is not these is another file.
const START: usize = 16;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/advisories/known");
    let mut index = Vec::new();
    AdvisoryDatabase::write_index(advisories_in(&known).expect("advisories"), &mut index).expect("bytes in memory");
    index
});

fuzz_target!(|data: &[u8]| {
    let mut index = WHOLE.clone();
    let room = index.len() - START;
    for change in data.chunks_exact(3) {
        let position = START + usize::from(u16::from_le_bytes([change[0], change[1]])) % room;
        index[position] ^= change[2];
    }
    let path = std::env::temp_dir().join(format!("patchparty-fuzz-reader-{}.ppdb", std::process::id()));
    std::fs::write(&path, &index).expect("the folder for temporary files can be written to");
    let _ = patchparty::fuzzing::verify(&path);
    let Ok(database) = AdvisoryDatabase::open(&path) else { return };
    for (ecosystem, package) in
        [(Ecosystem::Npm, "lodash"), (Ecosystem::Npm, "minimist"), (Ecosystem::CratesIo, "time"), (Ecosystem::PyPi, "a")]
    {
        let _ = database.affecting(ecosystem, package, "1.0.0");
        let _ = database.records_about(ecosystem, package);
    }
    let _ = database.knows(&AdvisoryId::new("CVE-2021-23337").expect("a name"));
});
