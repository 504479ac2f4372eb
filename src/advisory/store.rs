//! The store: every source of the policy, from where it stands or through the cache, compiled into one index that is
//! opened as a database.

mod age;
mod cache;
mod comparison;
mod detection;
mod files;
mod gathering;
mod location;
mod maintenance;
mod reading;
mod remote;
mod shelf;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::SOURCES;
use super::contract::Source;
use super::database::AdvisoryDatabase;
use super::index::{IndexError, Metadata};
use crate::config::policy::{AdvisoryPolicy, SourceKind};
use crate::model::report::{Problem, SourceStatus};
use files::FilesError;
use gathering::Gathering;
use remote::RemoteError;
use shelf::Shelf;

pub(crate) use super::index::is_index;
pub(crate) use comparison::{Comparison, compare};
pub(crate) use detection::detect_location;
pub use maintenance::advisories_in;
pub(crate) use maintenance::{IndexStatus, describe, forget_import, import, status, verify, verify_in_use};

/// What to load.
pub(crate) struct LoadRequest<'a> {
    /// The sources and how old they may be.
    pub(crate) policy: &'a AdvisoryPolicy,
    /// The folder of everything that is kept between runs.
    pub(crate) cache: &'a Path,
    /// Whether the network is left alone.
    pub(crate) offline: bool,
    /// The time of this run.
    pub(crate) now: Timestamp,
    /// Whether a person has looked at a source that shrank and takes it as it is now.
    pub(crate) accept_shrunk: bool,
}

/// What was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The advisories of all sources.
    pub(crate) database: AdvisoryDatabase,
    /// The sources, in the order of the policy.
    pub(crate) sources: Vec<SourceStatus>,
    /// The file of the compiled index; `None` for what was compiled in memory.
    pub(crate) path: Option<PathBuf>,
    /// Whether something could not be renewed, so that an older copy or index is in use.
    pub(crate) is_outdated: bool,
}

/// Why the advisories could not be loaded. Nothing is audited then: what was not read is never clean.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The policy names none.
    #[error("load advisories: no source is configured")]
    NoSource,
    /// The location is of no known form.
    #[error("load advisories of `{id}` from `{location}`: it is neither a path nor an https, git or file address")]
    UnknownLocation {
        /// The source.
        id: &'static str,
        /// Where it was to be read from, without credentials.
        location: String,
    },
    /// The files cannot be read.
    #[error("load advisories of `{id}` from `{location}`")]
    Files {
        /// The source.
        id: &'static str,
        /// Where it was to be read from.
        location: String,
        /// Why.
        #[source]
        source: FilesError,
    },
    /// It cannot be fetched, and there is no copy in the cache.
    #[error("load advisories of `{id}` from `{location}`")]
    Remote {
        /// The source.
        id: &'static str,
        /// Where it was to be fetched from.
        location: String,
        /// Why.
        #[source]
        source: RemoteError,
    },
    /// There is no record in it.
    #[error("find an advisory of `{id}` in `{location}` ({skipped} records could not be understood)")]
    NoRecord {
        /// The source.
        id: &'static str,
        /// Where it was read from.
        location: String,
        /// How many records there are that are not in its format.
        skipped: usize,
    },
    /// The compiled index cannot be used.
    #[error("use the compiled index `{location}`")]
    Index {
        /// The file.
        location: String,
        /// Why.
        #[source]
        source: IndexError,
    },
    /// The compiled index cannot be written.
    #[error("write the compiled index `{location}`")]
    Write {
        /// The file.
        location: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It lost most of its advisories since the index in use was compiled: more likely an attack or an accident than news.
    #[error("trust `{id}` from `{location}`: it had {before} advisories and now has {now}")]
    Shrunk {
        /// The source.
        id: String,
        /// Where it was fetched from, without credentials.
        location: String,
        /// How many advisories the index in use has from it.
        before: u64,
        /// How many it has now.
        now: u64,
    },
    /// There is no compiled index.
    #[error("find a compiled index in `{cache}`")]
    NoIndex {
        /// The folder.
        cache: String,
    },
    /// It is older than the policy allows.
    #[error("use the advisories of `{id}` from `{location}`: they are {age} old and `max-age` is {limit}")]
    TooOld {
        /// The source.
        id: String,
        /// Where it was read from.
        location: String,
        /// Its age, for people.
        age: String,
        /// The limit, for people.
        limit: String,
        /// Whether the cache holds it, so that a run with the network renews it.
        is_cached: bool,
    },
}

impl LoadError {
    /// Whether it is about what the user wrote, and the same in every run; all else is an outage that may be over next time.
    pub(crate) fn is_mistake(&self) -> bool {
        match self {
            Self::NoSource | Self::UnknownLocation { .. } | Self::Files { .. } | Self::Write { .. } => true,
            Self::Remote { .. }
            | Self::NoRecord { .. }
            | Self::Index { .. }
            | Self::Shrunk { .. }
            | Self::NoIndex { .. }
            | Self::TooOld { .. } => false,
        }
    }

    /// The way out.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoSource => "name one with `--advisories` or under `[advisories]` in patchparty.toml",
            Self::UnknownLocation { .. } => "give a folder, a zip, a file, or an address that begins with https://",
            Self::Files { .. } => "check the path; a folder, a zip and a single file are read",
            Self::Remote { source: RemoteError::NotCached, .. } => {
                "run once without `--offline`, or give a local copy to `patchparty db import` or `--advisories`"
            }
            Self::Remote { .. } => "check the address and the network, or name a local copy with `--advisories`",
            Self::NoRecord { .. } => "check that the location is in the format that the source names",
            Self::Index { source: IndexError::OtherVersion(_), .. } => {
                "compile it with this version of patchparty: `patchparty db import` or `patchparty db update`"
            }
            Self::Index { .. } | Self::NoIndex { .. } => {
                "compile one with `patchparty db update`, or from local files with `patchparty db import PATH`"
            }
            Self::Write { .. } => "name a cache folder that can be written to with `--cache`",
            Self::Shrunk { .. } => "look at the source; `patchparty db update --accept-shrunk` takes it as it is now",
            Self::TooOld { is_cached: true, .. } => {
                "run without `--offline` to fetch it anew, or raise `max-age` in patchparty.toml"
            }
            Self::TooOld { is_cached: false, .. } => {
                "bring the local copy up to date, or raise `max-age` in patchparty.toml"
            }
        }
    }
}

/// How a compiled index is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// In the cache, unless it is compiled in no time from small files of this machine.
    WhenWorthIt,
    /// In the cache, and one that is there is read all through before it is taken for good.
    Always,
}

/// Opens the compiled index of the policy's sources, compiled anew when one of them has changed. Where that fails, the
/// old index stays in use, and that is said. Blocking; it must not run on an asynchronous thread.
pub(crate) fn load(request: &LoadRequest<'_>) -> Result<Loaded, LoadError> {
    load_and_keep(request, Keeping::WhenWorthIt)
}

/// The same, for those who ask for an up-to-date index in the cache.
pub(crate) fn update(request: &LoadRequest<'_>) -> Result<Loaded, LoadError> {
    load_and_keep(request, Keeping::Always)
}

/// Opens a compiled index, wherever it came from.
pub(crate) fn open_index(path: &Path, policy: &AdvisoryPolicy, now: Timestamp) -> Result<Loaded, LoadError> {
    let database = AdvisoryDatabase::open(path)
        .map_err(|source| LoadError::Index { location: path.display().to_string(), source })?;
    let sources = statuses(database.metadata(), policy, now)?;
    Ok(Loaded { database, sources, path: Some(path.to_owned()), is_outdated: false })
}

/// Opens the index that was imported, and says where its sources are not of the kinds that the policy names.
pub(crate) fn open_imported(path: &Path, policy: &AdvisoryPolicy, now: Timestamp) -> Result<Loaded, LoadError> {
    let mut loaded = open_index(path, policy, now)?;
    if let (Some(complaint), Some(status)) =
        (comparison::complaint(&loaded.sources, policy), loaded.sources.first_mut())
    {
        status.warning = Some(status.warning.take().map_or(complaint.clone(), |other| format!("{other}; {complaint}")));
    }
    Ok(loaded)
}

/// The index that was imported into a cache folder, if there is one. It is what runs without the network use.
pub(crate) fn imported(cache: &Path) -> Option<PathBuf> {
    Some(Shelf::import(cache)).filter(|path| path.exists())
}

fn load_and_keep(request: &LoadRequest<'_>, keeping: Keeping) -> Result<Loaded, LoadError> {
    if request.policy.sources.is_empty() {
        return Err(LoadError::NoSource);
    }
    let shelf = Shelf::new(request.cache, &request.policy.sources);
    Gathering::start(request)
        .and_then(|gathering| gathering.open_or_compile(request, &shelf, keeping))
        .or_else(|error| fall_back(error, request, &shelf))
}

/// The old index, where there is one and what went wrong is not a matter of how we were called.
fn fall_back(error: LoadError, request: &LoadRequest<'_>, shelf: &Shelf) -> Result<Loaded, LoadError> {
    let failed = match &error {
        LoadError::Files { id, .. } | LoadError::Remote { id, .. } | LoadError::NoRecord { id, .. } => id,
        LoadError::Shrunk { id, .. } => id.as_str(),
        LoadError::NoSource
        | LoadError::UnknownLocation { .. }
        | LoadError::Index { .. }
        | LoadError::Write { .. }
        | LoadError::NoIndex { .. }
        | LoadError::TooOld { .. } => return Err(error),
    };
    let Some((path, database)) = shelf.latest() else { return Err(error) };
    let mut sources = statuses(database.metadata(), request.policy, request.now)?;
    let complaint = format!("failed to {}; the index that was compiled before is used", chain(&error));
    // Two sources may have one name; the first of them is as good a place to say it.
    if let Some(status) = sources.iter_mut().find(|status| status.id == failed) {
        status.warning = Some(status.warning.take().map_or(complaint.clone(), |other| format!("{complaint}; {other}")));
    }
    Ok(Loaded { database, sources, path: Some(path), is_outdated: true })
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    Problem::from_error(error, None).message
}

/// The sources as an index tells them.
fn statuses(metadata: &Metadata, policy: &AdvisoryPolicy, now: Timestamp) -> Result<Vec<SourceStatus>, LoadError> {
    metadata.sources.iter().map(|summary| gathering::status(summary, None, policy, now)).collect()
}

fn source_of(kind: SourceKind) -> &'static dyn Source {
    let source = SOURCES.iter().find(|source| source.kind() == kind);
    *source.expect("the table has a member for every kind, as a test makes sure")
}

#[cfg(test)]
mod index_tests;
#[cfg(test)]
mod tests;
