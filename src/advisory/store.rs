//! The store: loads every source of the policy, from where it stands or through the cache, into one database.

mod age;
mod cache;
mod files;
mod location;
mod remote;

use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;

use super::SOURCES;
use super::bounds::bounded;
use super::contract::{Annotation, Source};
use super::database::AdvisoryDatabase;
use crate::config::policy::{AdvisoryPolicy, SourceConfig, SourceKind};
use crate::model::advisory::Advisory;
use crate::model::report::SourceStatus;
use age::{Age, seconds_between};
use files::{FilesError, RecordFiles};
use location::{Location, Remote};
use remote::{Opened, RemoteError};

/// How many files a format is tried on before it is ruled out.
const SAMPLE: usize = 50;

/// The first of January 1999, in seconds since 1970.
const EARLIEST: i64 = 915_148_800;

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
}

/// What was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The advisories of all sources.
    pub(crate) database: AdvisoryDatabase,
    /// The sources, in the order of the policy.
    pub(crate) sources: Vec<SourceStatus>,
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
    /// It is older than the policy allows.
    #[error("use the advisories of `{id}` from `{location}`: they are {age} old and `max-age` is {limit}")]
    TooOld {
        /// The source.
        id: &'static str,
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
    /// The way out.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoSource => "name one with `--advisories` or under `[advisories]` in patchparty.toml",
            Self::UnknownLocation { .. } => "give a folder, a zip, a file, or an address that begins with https://",
            Self::Files { .. } => "check the path; a folder, a zip and a single file are read",
            Self::Remote { source: RemoteError::NotCached, .. } => {
                "run once without `--offline`, or name a local copy with `--advisories`"
            }
            Self::Remote { .. } => "check the address and the network, or name a local copy with `--advisories`",
            Self::NoRecord { .. } => "check that the location is in the format that the source names",
            Self::TooOld { is_cached: true, .. } => {
                "run without `--offline` to fetch it anew, or raise `max-age` in patchparty.toml"
            }
            Self::TooOld { is_cached: false, .. } => {
                "bring the local copy up to date, or raise `max-age` in patchparty.toml"
            }
        }
    }
}

/// Loads every source of the policy. Blocking; it must not run on an asynchronous thread.
pub(crate) fn load(request: &LoadRequest<'_>) -> Result<Loaded, LoadError> {
    if request.policy.sources.is_empty() {
        return Err(LoadError::NoSource);
    }
    let mut advisories = Vec::new();
    let mut sources = Vec::new();
    for config in &request.policy.sources {
        match load_source(config, request) {
            Ok((content, status)) => {
                advisories.extend(content.advisories);
                sources.push(status);
            }
            Err(error) if config.kind.only_annotates() => sources.push(without(config, &error)),
            Err(error) => return Err(error),
        }
    }
    Ok(Loaded { database: AdvisoryDatabase::new(advisories), sources })
}

/// The format of what stands at a location as people write it (`--advisories`): of a path what its files say, of an
/// address what the address says. `None` when that tells nothing.
pub(crate) fn detect_location(location: &str) -> Option<SourceKind> {
    match Location::parse(location)? {
        Location::Local(path) => detect(&path),
        Location::Remote(Remote::Download(url)) => Some(location::kind_of_file(&url)),
        Location::Repository(url) | Location::Remote(Remote::Repository(url)) => location::kind_of_repository(&url),
    }
}

/// The format of a folder, zip or file; `None` when none of its files is a record of a known format.
pub(crate) fn detect(path: &Path) -> Option<SourceKind> {
    let files = RecordFiles::open(path).ok()?;
    SOURCES.iter().find(|source| is_in_format(**source, &files)).map(|source| source.kind())
}

/// The status of a source that is not there and that the others do without: every flaw is found, and it is not said
/// which ones are exploited.
fn without(config: &SourceConfig, error: &LoadError) -> SourceStatus {
    let mut reasons = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        reasons.push(error.to_string());
        cause = error.source();
    }
    SourceStatus {
        id: source_of(config.kind).id().to_owned(),
        location: location::without_credentials(&config.location),
        advisories: 0,
        skipped: 0,
        age_seconds: None,
        warning: Some(format!("left out: failed to {}", reasons.join(": "))),
    }
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

fn source_of(kind: SourceKind) -> &'static dyn Source {
    let source = SOURCES.iter().find(|source| source.kind() == kind);
    *source.expect("the table has a member for every kind, as a test makes sure")
}

/// Everything that a source says.
#[derive(Default)]
struct Content {
    advisories: Vec<Advisory>,
    annotations: Vec<Annotation>,
    foreign: usize,
    skipped: usize,
    /// When the newest record was written, those dated in the future left out.
    changed: Option<Timestamp>,
}

fn load_source(config: &SourceConfig, request: &LoadRequest<'_>) -> Result<(Content, SourceStatus), LoadError> {
    let source = source_of(config.kind);
    let id = source.id();
    let location = location::without_credentials(&config.location);
    let parsed = Location::parse(&config.location)
        .ok_or_else(|| LoadError::UnknownLocation { id, location: location.clone() })?;
    let copy = open(&parsed, request).map_err(|error| error.at(id, &location))?;
    let content = read(source, &copy.files, request.now).map_err(|error| OpenError::from(error).at(id, &location))?;
    let count = content.advisories.len() + content.annotations.len();
    if count == 0 && content.foreign == 0 {
        return Err(LoadError::NoRecord { id, location, skipped: content.skipped });
    }
    let age = match copy.fetched_at {
        Some(fetched_at) => Age::of_a_copy(seconds_between(fetched_at, request.now)),
        None => Age::of_local_files(&copy.files, &content, request.now),
    };
    let mut complaints: Vec<String> = copy.complaint.into_iter().collect();
    complaints.extend(age.complaint(id, &location, request.policy)?);
    complaints.extend(content_complaint(&content));
    let status = SourceStatus {
        id: id.to_owned(),
        location,
        advisories: count,
        skipped: content.skipped,
        age_seconds: age.shown,
        warning: (!complaints.is_empty()).then(|| complaints.join("; ")),
    };
    Ok((content, status))
}

/// Why a source cannot be opened, before it is said which.
#[derive(Debug)]
enum OpenError {
    Files(FilesError),
    Remote(RemoteError),
}

impl From<FilesError> for OpenError {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

impl From<RemoteError> for OpenError {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}

impl OpenError {
    fn at(self, id: &'static str, location: &str) -> LoadError {
        let location = location.to_owned();
        match self {
            Self::Files(source) => LoadError::Files { id, location, source },
            Self::Remote(source) => LoadError::Remote { id, location, source },
        }
    }
}

fn open(location: &Location, request: &LoadRequest<'_>) -> Result<Opened, OpenError> {
    Ok(match location {
        Location::Local(path) => Opened::local(RecordFiles::open(path)?),
        Location::Repository(url) => Opened::local(remote::open_repository(url)?),
        Location::Remote(remote) => remote::obtain(remote, request)?,
    })
}

fn read(source: &dyn Source, files: &RecordFiles, now: Timestamp) -> Result<Content, FilesError> {
    // Before the first CVE list a date stands for none: Go's database writes the year 1.
    let earliest = Timestamp::from_second(EARLIEST).unwrap_or(Timestamp::MIN);
    let mut content = Content::default();
    files.visit(&|path| source.claims(path), &mut |path, file| {
        match file.map(|file| source.read(&file)) {
            Some(Ok(reading)) => {
                content.foreign += reading.foreign;
                content.skipped += reading.skipped;
                content.changed =
                    content.changed.max(reading.changed.filter(|changed| (earliest..=now).contains(changed)));
                content.annotations.extend(reading.annotations);
                for advisory in reading.advisories {
                    let outcome = bounded(advisory);
                    content.skipped += usize::from(outcome.is_partial);
                    content.advisories.extend(outcome.advisory);
                }
            }
            Some(Err(error)) => {
                tracing::debug!(source = source.id(), path, %error, "skipped a record");
                content.skipped += 1;
            }
            None => {
                tracing::debug!(source = source.id(), path, "skipped a file that is too large or cannot be read");
                content.skipped += 1;
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(content)
}

fn content_complaint(content: &Content) -> Option<String> {
    let known = content.advisories.len() + content.annotations.len();
    if known == 0 {
        return Some(format!("none of its {} advisories is about an ecosystem that patchparty knows", content.foreign));
    }
    // One bad record among many is in the numbers; where it is more than a few, something is wrong with the source.
    let all = known + content.foreign + content.skipped;
    (content.skipped * 20 > all).then(|| format!("{} of its {all} records could not be understood", content.skipped))
}

#[cfg(test)]
mod tests;
