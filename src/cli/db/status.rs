//! How an index stands, for people and for programs.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

use crate::advisory::store::IndexStatus;
use crate::cli::args::DbFormat;
use crate::cli::output::unless_closed;
use crate::cli::stream::{self, Form};
use crate::model::report::SourceStatus;

/// The version of the JSON form: raised when a field goes away or changes its meaning.
const JSON_VERSION: u32 = 1;

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    path: String,
    imported: bool,
    format_version: u32,
    bytes: u64,
    lookup_bytes: u64,
    advisories: u64,
    packages: u64,
    affected_ranges: u64,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    id: &'a str,
    location: &'a str,
    advisories: usize,
    skipped: usize,
    age_seconds: Option<i64>,
    digest: Option<&'a str>,
    warning: Option<&'a str>,
}

impl<'a> From<&'a SourceStatus> for Source<'a> {
    fn from(status: &'a SourceStatus) -> Self {
        Self {
            id: &status.id,
            location: &status.location,
            advisories: status.advisories,
            skipped: status.skipped,
            age_seconds: status.age_seconds,
            digest: status.digest.as_deref(),
            warning: status.warning.as_deref(),
        }
    }
}

/// Writes it to standard output.
pub(super) fn print(status: &IndexStatus, format: DbFormat) -> anyhow::Result<()> {
    let (text, form) = match format {
        DbFormat::Human => (human(status), Form::Words),
        DbFormat::Json => (json(status)?, Form::Json),
    };
    Ok(unless_closed(stream::out(form).write_all(text.as_bytes()))?)
}

fn json(status: &IndexStatus) -> serde_json::Result<String> {
    let answer = Answer {
        version: JSON_VERSION,
        path: status.path.display().to_string(),
        imported: status.is_imported,
        format_version: status.format_version,
        bytes: status.bytes,
        lookup_bytes: status.lookup_bytes,
        advisories: status.advisories,
        packages: status.packages,
        affected_ranges: status.ranges,
        sources: status.sources.iter().map(Source::from).collect(),
    };
    Ok(serde_json::to_string_pretty(&answer)? + "\n")
}

fn human(status: &IndexStatus) -> String {
    let origin = if status.is_imported { "imported" } else { "compiled from the configured sources" };
    let mut text = format!(
        "{}\n  {origin}, format {}, {} ({} of it to look up in)\n  {}, {}, {}\n",
        status.path.display(),
        status.format_version,
        size(status.bytes),
        size(status.lookup_bytes),
        count(status.advisories, "advisory", "advisories"),
        count(status.packages, "package", "packages"),
        count(status.ranges, "affected range", "affected ranges"),
    );
    for source in &status.sources {
        let skipped = if source.skipped > 0 { format!(", {} skipped", source.skipped) } else { String::new() };
        let age = source.age_seconds.map(|age| format!(", {} old", age_for_people(age))).unwrap_or_default();
        let warning = source.warning.as_ref().map(|warning| format!("  warning: {warning}\n")).unwrap_or_default();
        text += &[
            source.id.as_str(),
            " ",
            &source.location,
            ": ",
            &count(source.advisories, "advisory", "advisories"),
            &skipped,
            &age,
            "\n",
            &warning,
        ]
        .concat();
    }
    // Locations and warnings hold names of files; none of them may move the cursor.
    text.retain(|character| character == '\n' || !character.is_control());
    text
}

fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    format!("{number} {}", if number == N::from(1) { one } else { many })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn age_for_people(seconds: i64) -> String {
    match seconds {
        ..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn sample() -> IndexStatus {
        IndexStatus {
            path: PathBuf::from("cache/advisories/imported.ppdb"),
            is_imported: true,
            format_version: 1,
            bytes: 20_000,
            lookup_bytes: 5_000,
            advisories: 12,
            packages: 7,
            ranges: 15,
            sources: vec![SourceStatus {
                id: "osv".to_owned(),
                location: "advisories/\u{1b}[2Jnpm".to_owned(),
                advisories: 12,
                skipped: 1,
                age_seconds: Some(200_000),
                digest: None,
                warning: Some("its newest record is 2 days old".to_owned()),
            }],
        }
    }

    #[test]
    fn people_read_where_it_is_and_what_is_in_it() {
        assert_eq!(
            human(&sample()),
            "cache/advisories/imported.ppdb\n  imported, format 1, 19 KiB (5000 bytes of it to look up in)\n  \
             12 advisories, 7 packages, 15 affected ranges\nosv advisories/[2Jnpm: 12 advisories, 1 skipped, 2 days old\n  \
             warning: its newest record is 2 days old\n"
        );
    }

    #[test]
    fn programs_read_the_same() {
        let answer: serde_json::Value = serde_json::from_str(&json(&sample()).unwrap()).unwrap();
        assert_eq!((answer["version"].as_u64(), answer["imported"].as_bool()), (Some(1), Some(true)));
        assert_eq!(answer["sources"][0]["age_seconds"].as_i64(), Some(200_000));
        assert_eq!(answer["affected_ranges"].as_u64(), Some(15));
    }
}
