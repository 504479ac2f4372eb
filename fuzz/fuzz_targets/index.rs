//! Whatever a file holds, it is an index or an error, and what is looked up in it ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchparty::advisory::AdvisoryDatabase;
use patchparty::model::advisory::AdvisoryId;
use patchparty::model::ecosystem::Ecosystem;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("patchparty-fuzz-{}.ppdb", std::process::id()));
    std::fs::write(&path, data).expect("the folder for temporary files can be written to");
    let Ok(database) = AdvisoryDatabase::open(&path) else { return };
    assert_eq!(database.size().bytes, data.len() as u64);
    for ecosystem in [Ecosystem::Npm, Ecosystem::CratesIo, Ecosystem::PyPi] {
        let _ = database.affecting(ecosystem, "a", "1.0.0");
        let _ = database.records_about(ecosystem, "a");
    }
    let _ = database.knows(&AdvisoryId::new("CVE-2024-1").expect("a name"));
});
