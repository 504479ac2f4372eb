//! Gathering: the sources of a policy, opened; read and compiled only when there is no index of what they hold.

use jiff::Timestamp;

use super::age::{Age, seconds_between};
use super::files::{FilesError, RecordFiles};
use super::location::{self, Location};
use super::reading::{self, Content};
use super::remote::{self, Opened, RemoteError};
use super::shelf::Shelf;
use super::{Keeping, LoadError, LoadRequest, Loaded, chain, source_of};
use crate::advisory::contract::Source;
use crate::advisory::database::AdvisoryDatabase;
use crate::advisory::index::{Compilation, SourceSummary};
use crate::config::policy::{AdvisoryPolicy, SourceConfig};
use crate::model::report::SourceStatus;

/// What stands on this machine and has no more bytes is compiled in a few milliseconds: an index of it would only fill
/// the cache.
const SMALL: u64 = 1 << 20;
/// Sources with fewer advisories may lose any number of them: a handful of withdrawals is no mass withdrawal.
const FEW: u64 = 100;

/// A source that was opened and not read.
struct Candidate {
    source: &'static dyn Source,
    /// Where it is, for people.
    location: String,
    copy: Opened,
    identity: String,
    /// How many bytes are to be read; the largest number for what is not a matter of files on this machine.
    size: u64,
}

/// The sources of a policy.
pub(super) struct Gathering {
    candidates: Vec<Candidate>,
    /// Those that are not there and that the others do without.
    left_out: Vec<SourceStatus>,
    key: String,
}

impl Gathering {
    /// Opens every source, and fetches what is elsewhere.
    pub(super) fn start(request: &LoadRequest<'_>) -> Result<Self, LoadError> {
        let (mut candidates, mut left_out) = (Vec::new(), Vec::new());
        for config in &request.policy.sources {
            match Candidate::open(config, request) {
                Ok(candidate) => candidates.push(candidate),
                Err(error) if config.kind.only_annotates() => left_out.push(without(
                    source_of(config.kind).id(),
                    &location::without_credentials(&config.location),
                    &error,
                )),
                Err(error) => return Err(error),
            }
        }
        let identities: Vec<String> = candidates
            .iter()
            .flat_map(|candidate| [candidate.source.id().to_owned(), candidate.identity.clone()])
            .collect();
        Ok(Self { key: Shelf::key(&identities), candidates, left_out })
    }

    /// The index of what the sources hold.
    pub(super) fn open_or_compile(
        self,
        request: &LoadRequest<'_>,
        indexes: &Shelf,
        keeping: Keeping,
    ) -> Result<Loaded, LoadError> {
        let is_outdated = self.candidates.iter().any(|candidate| candidate.copy.complaint.is_some());
        let is_sound = |database: &AdvisoryDatabase| keeping == Keeping::WhenWorthIt || database.verify().is_ok();
        if let Some((path, database)) = indexes.find(&self.key).filter(|(_, database)| is_sound(database)) {
            let sources = self.statuses(&database.metadata().sources, request)?;
            return Ok(Loaded { database, sources, path: Some(path), is_outdated });
        }
        let compilation = self.compilation(request.now)?;
        if !request.accept_shrunk {
            refuse_shrunk(&compilation.sources, indexes)?;
        }
        let mut sources = self.statuses(&compilation.sources, request)?;
        let is_small = self.candidates.iter().map(|candidate| candidate.size).fold(0, u64::saturating_add) <= SMALL;
        if is_small && keeping == Keeping::WhenWorthIt {
            let database = AdvisoryDatabase::compile(compilation);
            return Ok(Loaded { database, sources, path: None, is_outdated });
        }
        let compiled = compilation.compile();
        let kept = indexes.put(&self.key, &compiled);
        if let (Err(error), Some(status)) = (&kept, sources.first_mut()) {
            // The advisories are at hand all the same: only the next run has to compile them again.
            let complaint = format!("failed to keep the compiled index: {error}");
            status.warning =
                Some(status.warning.take().map_or(complaint.clone(), |other| format!("{other}; {complaint}")));
        }
        // Another process may have replaced the file by now; what was compiled is as good.
        let path = kept.ok();
        let opened = path.as_ref().and_then(|path| AdvisoryDatabase::open_kept(path).ok());
        let database = opened.unwrap_or_else(|| AdvisoryDatabase::of_compiled(compiled));
        Ok(Loaded { database, sources, path, is_outdated })
    }

    /// Reads every source.
    pub(super) fn compilation(&self, now: Timestamp) -> Result<Compilation, LoadError> {
        let mut compilation = Compilation { key: self.key.clone(), ..Compilation::default() };
        for candidate in &self.candidates {
            let content = match candidate.read(now) {
                // Every flaw is found all the same; its status says that nothing was understood.
                Err(_) if candidate.source.kind().only_annotates() => Content::default(),
                read => read?,
            };
            compilation.sources.push(candidate.summary(&content));
            compilation.advisories.extend(content.advisories);
            compilation.annotations.extend(content.annotations);
        }
        Ok(compilation)
    }

    /// The sources, with what an index says about their content and what is known about their age now.
    fn statuses(&self, summaries: &[SourceSummary], request: &LoadRequest<'_>) -> Result<Vec<SourceStatus>, LoadError> {
        let with = self.candidates.iter().zip(summaries);
        let statuses = with.map(|(candidate, summary)| {
            let now = SourceSummary {
                written: candidate.copy.files.written_at().map(Timestamp::as_second),
                fetched: candidate.copy.fetched_at.map(Timestamp::as_second),
                location: candidate.location.clone(),
                ..summary.clone()
            };
            match status(&now, candidate.copy.complaint.clone(), request.policy, request.now) {
                Err(error) if candidate.source.kind().only_annotates() => {
                    Ok(without(candidate.source.id(), &candidate.location, &error))
                }
                status => status,
            }
        });
        statuses.chain(self.left_out.iter().cloned().map(Ok)).collect()
    }
}

/// Refuses fetched sources that have lost more than half of the advisories that the index in use has from them.
///
/// Whoever controls a source, or the way to it, could silence findings by withdrawing what they rest on. Databases grow; what
/// a person changes in a local copy is that person's business.
fn refuse_shrunk(sources: &[SourceSummary], indexes: &Shelf) -> Result<(), LoadError> {
    let Some((_, in_use)) = indexes.latest() else { return Ok(()) };
    for now in sources.iter().filter(|now| now.fetched.is_some()) {
        let same = |before: &&SourceSummary| before.id == now.id && before.location == now.location;
        let Some(before) = in_use.metadata().sources.iter().find(same) else { continue };
        if before.advisories >= FEW && now.advisories < before.advisories.div_ceil(2) {
            return Err(LoadError::Shrunk {
                id: now.id.clone(),
                location: now.location.clone(),
                before: before.advisories,
                now: now.advisories,
            });
        }
    }
    Ok(())
}

impl Candidate {
    fn open(config: &SourceConfig, request: &LoadRequest<'_>) -> Result<Self, LoadError> {
        let source = source_of(config.kind);
        let id = source.id();
        let location = location::without_credentials(&config.location);
        let parsed = Location::parse(&config.location)
            .ok_or_else(|| LoadError::UnknownLocation { id, location: location.clone() })?;
        let copy = open(&parsed, request).map_err(|error| error.at(id, &location))?;
        let (identity, size) = match &copy.identity {
            Some(identity) => (identity.clone(), u64::MAX),
            None => copy.files.identity(&|path| source.claims(path)),
        };
        Ok(Self { source, location, copy, identity, size })
    }

    fn read(&self, now: Timestamp) -> Result<Content, LoadError> {
        let id = self.source.id();
        let content = reading::read(self.source, &self.copy.files, now)
            .map_err(|error| OpenError::from(error).at(id, &self.location))?;
        if content.is_empty() {
            return Err(LoadError::NoRecord { id, location: self.location.clone(), skipped: content.skipped });
        }
        Ok(content)
    }

    fn summary(&self, content: &Content) -> SourceSummary {
        SourceSummary {
            id: self.source.id().to_owned(),
            location: self.location.clone(),
            digest: content.digest.clone(),
            advisories: content.advisories.len() as u64,
            annotations: content.annotations.len() as u64,
            foreign: content.foreign as u64,
            skipped: content.skipped as u64,
            changed: content.changed.map(Timestamp::as_second),
            written: self.copy.files.written_at().map(Timestamp::as_second),
            fetched: self.copy.fetched_at.map(Timestamp::as_second),
        }
    }
}

/// The status of a source that the others do without: every flaw is found, and it is not said which are exploited.
fn without(id: &str, location: &str, error: &LoadError) -> SourceStatus {
    SourceStatus {
        id: id.to_owned(),
        location: location.to_owned(),
        advisories: 0,
        skipped: 0,
        age_seconds: None,
        digest: None,
        warning: Some(format!("left out: failed to {}", chain(error))),
    }
}

/// How a source stands, or that it is too old.
pub(super) fn status(
    summary: &SourceSummary,
    complaint: Option<String>,
    policy: &AdvisoryPolicy,
    now: Timestamp,
) -> Result<SourceStatus, LoadError> {
    let age = age(summary, now);
    let mut complaints: Vec<String> = complaint.into_iter().collect();
    complaints.extend(age.complaint(&summary.id, &summary.location, policy)?);
    complaints.extend(content_complaint(summary));
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(SourceStatus {
        id: summary.id.clone(),
        location: summary.location.clone(),
        advisories: count(summary.advisories.saturating_add(summary.annotations)),
        skipped: count(summary.skipped),
        age_seconds: age.shown,
        digest: Some(summary.digest.clone()).filter(|digest| !digest.is_empty()),
        warning: (!complaints.is_empty()).then(|| complaints.join("; ")),
    })
}

fn age(summary: &SourceSummary, now: Timestamp) -> Age {
    let time = |seconds: Option<i64>| seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    match time(summary.fetched) {
        Some(fetched) => Age::of_a_copy(seconds_between(fetched, now)),
        None => Age::of_local_files(time(summary.written), time(summary.changed), now),
    }
}

fn content_complaint(summary: &SourceSummary) -> Option<String> {
    let understood = summary.advisories.saturating_add(summary.annotations);
    if understood == 0 && summary.foreign == 0 {
        return Some("nothing in it could be understood".to_owned());
    }
    if understood == 0 {
        return Some(format!("none of its {} advisories is about an ecosystem that patchparty knows", summary.foreign));
    }
    // One bad record among many is in the numbers; where it is more than a few, something is wrong with the source.
    let all = understood.saturating_add(summary.foreign).saturating_add(summary.skipped);
    (summary.skipped.saturating_mul(20) > all)
        .then(|| format!("{} of its {all} records could not be understood", summary.skipped))
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
