//! Reading: the files of a source → what they say, on every core.

use std::ops::ControlFlow;

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::files::{FilesError, RecordFiles};
use crate::advisory::bounds::bounded;
use crate::advisory::contract::{Annotation, RecordFile, Source};
use crate::model::advisory::{Advisory, Affected, AffectedRange, RangeEvent};

/// The first of January 1999, in seconds since 1970.
const EARLIEST: i64 = 915_148_800;
/// So many files, or bytes of them, are read before they are understood: enough for every core, little for memory.
const BATCH_FILES: usize = 1_024;
const BATCH_BYTES: usize = 8 << 20;

/// Everything that a source says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) advisories: Vec<Advisory>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) foreign: usize,
    pub(super) skipped: usize,
    /// When the newest record was written, those dated in the future left out.
    pub(super) changed: Option<Timestamp>,
    /// How many bytes of memory the advisories and annotations take, about.
    weight: u64,
    /// The SHA-256 of the files that were read, with their paths, in hexadecimal digits.
    pub(super) digest: String,
}

impl Content {
    /// Whether no record was understood.
    pub(super) fn is_empty(&self) -> bool {
        self.advisories.is_empty() && self.annotations.is_empty() && self.foreign == 0
    }

    fn add(&mut self, other: Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.advisories.extend(other.advisories);
        self.annotations.extend(other.annotations);
        self.foreign += other.foreign;
        self.skipped += other.skipped;
        self.changed = self.changed.max(other.changed);
    }
}

/// Files that were read and not understood yet.
#[derive(Default)]
struct Batch {
    files: Vec<(String, Option<Vec<u8>>)>,
    bytes: usize,
}

/// Reads a source. The order of its files is that of the content.
pub(super) fn read(source: &dyn Source, files: &RecordFiles, now: Timestamp) -> Result<Content, FilesError> {
    let mut content = Content::default();
    let mut batch = Batch::default();
    let mut bytes = 0_u64;
    let mut is_too_heavy = false;
    let mut digest = Sha256::new();
    files.visit(&|path| source.claims(path), &mut |path, file| {
        for part in [path.as_bytes(), file.map_or(b"", |file| file.content)] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        batch.bytes += file.map_or(0, |file| file.content.len());
        bytes += file.map_or(0, |file| file.content.len() as u64);
        batch.files.push((path.to_owned(), file.map(|file| file.content.to_vec())));
        if batch.files.len() >= BATCH_FILES || batch.bytes >= BATCH_BYTES {
            understand(source, std::mem::take(&mut batch), now, &mut content);
            is_too_heavy = content.weight > files.heaviest(bytes);
        }
        if is_too_heavy { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    understand(source, batch, now, &mut content);
    let heaviest = files.heaviest(bytes);
    if content.weight > heaviest {
        return Err(FilesError::TooLarge(format!("{} MiB of records in memory", heaviest >> 20)));
    }
    content.digest = format!("{:x}", digest.finalize());
    Ok(content)
}

fn understand(source: &dyn Source, batch: Batch, now: Timestamp, content: &mut Content) {
    let said: Vec<Content> =
        batch.files.into_par_iter().map(|(path, bytes)| understand_one(source, &path, bytes.as_deref(), now)).collect();
    for one in said {
        content.add(one);
    }
}

fn understand_one(source: &dyn Source, path: &str, bytes: Option<&[u8]>, now: Timestamp) -> Content {
    let mut content = Content::default();
    match bytes.map(|content| source.read(&RecordFile { path, content })) {
        Some(Ok(reading)) => {
            // Before the first CVE list a date stands for none: Go's database writes the year 1.
            let earliest = Timestamp::from_second(EARLIEST).unwrap_or(Timestamp::MIN);
            content.foreign = reading.foreign;
            content.skipped = reading.skipped;
            content.annotations = reading.annotations;
            content.changed = reading.changed.filter(|changed| (earliest..=now).contains(changed));
            for advisory in reading.advisories {
                let mut outcome = bounded(advisory);
                content.skipped += usize::from(outcome.is_partial);
                outcome.advisory.iter_mut().for_each(shrink);
                content.weight += outcome.advisory.as_ref().map_or(0, weight_of);
                content.advisories.extend(outcome.advisory);
            }
            content.weight += (content.annotations.len() * size_of::<Annotation>()) as u64;
        }
        Some(Err(error)) => {
            tracing::debug!(source = source.id(), path, %error, "skipped a record");
            content.skipped = 1;
        }
        None => {
            tracing::debug!(source = source.id(), path, "skipped a file that is too large or cannot be read");
            content.skipped = 1;
        }
    }
    content
}

/// What was cut off keeps its memory until it is given back.
fn shrink(advisory: &mut Advisory) {
    advisory.details.shrink_to_fit();
    advisory.affected.shrink_to_fit();
    for affected in &mut advisory.affected {
        affected.versions.shrink_to_fit();
        affected.ranges.shrink_to_fit();
    }
}

/// About how many bytes of memory an advisory takes; an allocation takes 16 more than what is asked for.
fn weight_of(advisory: &Advisory) -> u64 {
    let text = |text: &str| text.len() + 16;
    let held = |text: &str| size_of::<String>() + text.len() + 16;
    let names = advisory.aliases.iter().map(|alias| held(alias.as_str()));
    let texts = advisory.references.iter().map(|address| held(address));
    let affected = advisory.affected.iter().map(|affected| {
        let ranges = affected.ranges.iter().map(|range| {
            let events = range.events.iter().map(|event| match event {
                RangeEvent::Introduced(version)
                | RangeEvent::Fixed(version)
                | RangeEvent::LastAffected(version)
                | RangeEvent::Limit(version) => size_of::<RangeEvent>() + text(version),
            });
            size_of::<AffectedRange>() + events.sum::<usize>()
        });
        let versions = affected.versions.iter().map(|version| held(version));
        size_of::<Affected>() + text(&affected.package) + ranges.sum::<usize>() + versions.sum::<usize>()
    });
    let own = size_of::<Advisory>() + text(&advisory.summary) + text(&advisory.details) + text(advisory.id.as_str());
    (own + names.sum::<usize>() + texts.sum::<usize>() + affected.sum::<usize>()) as u64
}
