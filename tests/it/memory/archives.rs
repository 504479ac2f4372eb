//! An archive of advisories that unpacks to gigabytes takes a documented bound of memory, and the old index stays in use.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use zip::write::SimpleFileOptions;

use serde_json::Value;

use super::meter::measure;
use crate::support::bot::Bot;

/// docs/security.md, "Limits of advisory sources": an archive of up to 8 MiB takes at most this.
const BOUND: u64 = 1 << 30;

/// Records of short versions, which deflate packs a thousand times smaller and which take fifteen times their bytes in memory.
fn bomb(path: &Path, records: usize) {
    let mut archive = zip::ZipWriter::new(File::create(path).expect("a file"));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for number in 0..records {
        archive.start_file(format!("X-{number}.json"), options).expect("an entry");
        let versions = "\"1\",".repeat(50_000);
        let entry = format!(
            "{{\"package\": {{\"ecosystem\": \"npm\", \"name\": \"p{number}\"}}, \"versions\": [{versions}\"2\"]}},"
        );
        let text = format!(
            "{{\"id\": \"X-{number}\", \"modified\": \"2026-01-01T00:00:00Z\", \"affected\": [{}]}}",
            entry.repeat(30).trim_end_matches(',')
        );
        archive.write_all(text.as_bytes()).expect("written");
    }
    archive.finish().expect("written");
}

#[test]
fn an_archive_that_bursts_takes_a_bounded_amount_of_memory_and_is_named() {
    let bot = Bot::without_forge();
    let project = bot.write("shop/requirements.txt", b"a==1\n");
    let project = project.parent().expect("a folder").display().to_string();
    let archive = bot.path("all.zip");
    let policy = format!("[[advisories.source]]\nkind = \"osv\"\nlocation = \"{}\"\n", archive.display());
    let policy = bot.write("patchparty.toml", policy.as_bytes()).display().to_string();
    let record = br#"{"id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-11-20T00:00:00Z", "affected": [{
        "package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1"]}]}"#;
    let mut good = zip::ZipWriter::new(File::create(&archive).expect("a file"));
    good.start_file("GHSA-aaaa-bbbb-cccc.json", SimpleFileOptions::default()).expect("an entry");
    good.write_all(record).expect("written");
    good.finish().expect("written");
    let cache = bot.path("cache").display().to_string();
    let update = ["db", "update", "--config", &policy, "--cache", &cache];
    assert_eq!(measure(&bot, &update, &[]).code, Some(0));

    // 200 records of 6 MB: 1.2 GB of text, 18 GB of memory, in an archive of a megabyte or two.
    bomb(&archive, 200);
    let size = std::fs::metadata(&archive).expect("the archive").len();
    assert!(size < 8 << 20, "{size}");
    let audit = ["audit", "--config", &policy, "--cache", &cache, "--format", "json", &project];
    let audited = measure(&bot, &audit, &[]);
    let report: Value = serde_json::from_str(&audited.stdout).unwrap_or_else(|_| panic!("{}", audited.stderr));
    let warning = report["sources"][0]["warning"].as_str().unwrap_or_default().to_owned();
    assert!(warning.contains("256 MiB of records"), "{report}");
    assert!(report["projects"][0]["findings"].to_string().contains("GHSA-aaaa-bbbb-cccc"), "the old index: {report}");
    let Some(peak) = audited.peak else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    eprintln!("an archive of {size} bytes took {} MiB", peak >> 20);
    assert!(peak < BOUND, "{peak}");
}
