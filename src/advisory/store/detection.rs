//! Detection: the format of what stands at a location.

use std::ops::ControlFlow;
use std::path::Path;

use super::files::RecordFiles;
use super::location::{Location, Remote, kind_of_file, kind_of_repository};
use crate::advisory::SOURCES;
use crate::advisory::contract::Source;
use crate::config::policy::SourceKind;

/// How many files a format is tried on before it is ruled out.
const SAMPLE: usize = 50;

/// The format of what stands at a location as people write it (`--advisories`): of a path what its files say, of an
/// address what the address says. `None` when that tells nothing.
pub(crate) fn detect_location(location: &str) -> Option<SourceKind> {
    match Location::parse(location)? {
        Location::Local(path) => detect(&path),
        Location::Remote(Remote::Download(url)) => Some(kind_of_file(&url)),
        Location::Repository(url) | Location::Remote(Remote::Repository(url)) => kind_of_repository(&url),
    }
}

/// The format of a folder, zip or file; `None` when none of its files is a record of a known format.
pub(crate) fn detect(path: &Path) -> Option<SourceKind> {
    let files = RecordFiles::open(path).ok()?;
    SOURCES.iter().find(|source| is_in_format(**source, &files)).map(|source| source.kind())
}

fn is_in_format(source: &dyn Source, files: &RecordFiles) -> bool {
    let mut seen = 0;
    let mut is_found = false;
    let outcome = files.visit(&|path| source.claims(path), &mut |_, file| {
        seen += 1;
        let reading = file.and_then(|file| source.read(&file).ok());
        is_found = reading.is_some_and(|reading| {
            !reading.advisories.is_empty() || !reading.annotations.is_empty() || reading.foreign > 0
        });
        if is_found || seen >= SAMPLE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome.is_ok() && is_found
}
