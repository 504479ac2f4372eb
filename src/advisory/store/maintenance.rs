//! Maintenance: what people ask about the index, and what they put into the cache themselves.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::files::RecordFiles;
use super::gathering::Gathering;
use super::reading;
use super::shelf::{self, Shelf};
use super::{LoadError, LoadRequest, Loaded, open_index};
use crate::advisory::database::{AdvisoryDatabase, IndexSize};
use crate::advisory::index::{FORMAT_VERSION, IndexError, Verified};
use crate::config::policy::AdvisoryPolicy;
use crate::model::advisory::Advisory;
use crate::model::report::SourceStatus;

/// What there is to say about an index.
#[derive(Debug)]
pub(crate) struct IndexStatus {
    /// The file.
    pub(crate) path: PathBuf,
    /// Whether it was imported, and is what runs without the network use.
    pub(crate) is_imported: bool,
    /// The version of its format.
    pub(crate) format_version: u32,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// How many of them are looked up in, the texts left out.
    pub(crate) lookup_bytes: u64,
    /// Records, withdrawn ones left out.
    pub(crate) advisories: u64,
    /// Packages.
    pub(crate) packages: u64,
    /// Affected ranges.
    pub(crate) ranges: u64,
    /// The sources, in the order of the policy.
    pub(crate) sources: Vec<SourceStatus>,
}

/// What was found in an index that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verification {
    /// Packages.
    pub(crate) packages: u64,
    /// What records say about packages.
    pub(crate) entries: u64,
    /// Records.
    pub(crate) records: u64,
}

/// The advisories of a folder, zip or file in any format that is read; `None` when it is in none of them or cannot be
/// read.
pub fn advisories_in(path: &Path) -> Option<Vec<Advisory>> {
    let kind = super::detection::detect(path)?;
    let files = RecordFiles::open(path).ok()?;
    let content = reading::read(super::source_of(kind), &files, Timestamp::now()).ok()?;
    Some(content.advisories)
}

/// Compiles local sources into the index that runs without the network use; a compiled index is taken as it is, once all
/// of it was read. What was imported before stays until the new one is whole.
pub(crate) fn import(request: &LoadRequest<'_>, index: Option<&Path>) -> Result<Loaded, LoadError> {
    let path = Shelf::import(request.cache);
    let compiled = match index {
        None => Gathering::start(request)?.compilation(request.now)?.compile(),
        Some(index) => {
            verify(index)?;
            AdvisoryDatabase::copy(index).map_err(|source| of_index(index, source))?
        }
    };
    shelf::write(&path, &compiled)
        .map_err(|source| LoadError::Write { location: path.display().to_string(), source })?;
    open_index(&path, request.policy, request.now)
}

/// Removes what was imported; whether there was something.
pub(crate) fn forget_import(cache: &Path) -> Result<bool, LoadError> {
    let path = Shelf::import(cache);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(LoadError::Write { location: path.display().to_string(), source }),
    }
}

/// The index that a run without the network uses: what was imported, else what was compiled from the policy's sources.
fn in_use(request: &LoadRequest<'_>) -> Result<PathBuf, LoadError> {
    let kept = || Shelf::new(request.cache, &request.policy.sources).latest().map(|(path, _)| path);
    let path = super::imported(request.cache).or_else(kept);
    path.ok_or_else(|| LoadError::NoIndex { cache: request.cache.display().to_string() })
}

/// How the index of a cache folder stands.
pub(crate) fn status(request: &LoadRequest<'_>) -> Result<IndexStatus, LoadError> {
    let path = in_use(request)?;
    // That it is too old is for people to read here, and no reason to say nothing.
    let patient = AdvisoryPolicy { max_age: std::time::Duration::MAX, ..request.policy.clone() };
    let open = if path == Shelf::import(request.cache) { super::open_imported } else { open_index };
    Ok(describe(&open(&path, &patient, request.now)?, path, request.cache))
}

/// What there is to say about an index that was opened.
pub(crate) fn describe(loaded: &Loaded, path: PathBuf, cache: &Path) -> IndexStatus {
    let metadata = loaded.database.metadata();
    let IndexSize { bytes, lookup_bytes, ranges } = loaded.database.size();
    IndexStatus {
        is_imported: path == Shelf::import(cache),
        path,
        format_version: FORMAT_VERSION,
        bytes,
        lookup_bytes,
        advisories: metadata.advisories,
        packages: metadata.packages,
        ranges,
        sources: loaded.sources.clone(),
    }
}

/// Reads all of an index: every checksum, every record.
pub(crate) fn verify(path: &Path) -> Result<Verification, LoadError> {
    let database = AdvisoryDatabase::open(path).map_err(|source| of_index(path, source))?;
    let Verified { packages, entries, records } = database.verify().map_err(|source| of_index(path, source))?;
    Ok(Verification { packages, entries, records })
}

/// The same for the index of a cache folder.
pub(crate) fn verify_in_use(request: &LoadRequest<'_>) -> Result<(PathBuf, Verification), LoadError> {
    let path = in_use(request)?;
    let verification = verify(&path)?;
    Ok((path, verification))
}

pub(super) fn of_index(path: &Path, source: IndexError) -> LoadError {
    LoadError::Index { location: path.display().to_string(), source }
}
