//! Remote sources: fetched into the cache, by git or over HTTPS.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use sha2::{Digest, Sha256};
use url::Url;
use zip::ZipArchive;

use super::LoadRequest;
use super::age::{for_people, seconds_between};
use super::cache::{Content, Slot, Stamp};
use super::files::{FilesError, RecordFiles};
use super::location::{Remote, is_protected, is_table, is_zip};
use crate::git::mirror::{self, MirrorError, MirrorRequest, Snapshot};
use crate::git::tree::GitTree;
use crate::model::repository::CommitId;
use crate::net::cause;
use crate::net::client;
use crate::net::limits::{self, Bounded, Exceeded};
use crate::sandbox::vanishing::Vanishing;

/// Why a remote source is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// The network is to be left alone and the cache is empty.
    #[error("find it in the cache, which has no copy, and `--offline` forbids to fetch one")]
    NotCached,
    /// The repository cannot be mirrored.
    #[error("fetch the repository")]
    Mirror(#[source] MirrorError),
    /// The commit cannot be read.
    #[error("read the commit")]
    Commit(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The repository has no branch to read.
    #[error("find the repository's default branch")]
    NoBranch,
    /// The request failed on its way.
    #[error("download the file")]
    Request(#[source] cause::Source),
    /// The server refused.
    #[error("download the file: the server answered {status}: {body}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The beginning of the body.
        body: String,
    },
    /// A redirect led to an address that anyone on the way can change.
    #[error("download the file: it was redirected to an address without TLS")]
    Unprotected,
    /// The answer is too large, or not what the address says.
    #[error("download the file: {0}")]
    Unusable(String),
    /// The copy in the cache cannot be opened.
    #[error("open the copy")]
    Copy(#[source] FilesError),
    /// The cache cannot be written.
    #[error("write the cache `{folder}`")]
    Cache {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A source that was opened.
pub(super) struct Opened {
    /// Its files.
    pub(super) files: RecordFiles,
    /// When the cache's copy was last fetched or found unchanged; `None` for what is not a copy.
    pub(super) fetched_at: Option<Timestamp>,
    /// What tells the copy's content from another; `None` for what is not a copy.
    pub(super) identity: Option<String>,
    /// What is to be said about it, for example that it could not be fetched now.
    pub(super) complaint: Option<String>,
}

impl Opened {
    /// What stands on this machine anyway.
    pub(super) fn local(files: RecordFiles) -> Self {
        Self { files, fetched_at: None, identity: None, complaint: None }
    }

    fn copy(files: RecordFiles, content: &Content, fetched_at: Timestamp) -> Self {
        let identity = match content {
            Content::Commit(commit) => format!("commit {commit}"),
            Content::File { digest, name, .. } => format!("file {digest} {name}"),
        };
        Self { files, fetched_at: Some(fetched_at), identity: Some(identity), complaint: None }
    }
}

/// Opens the default branch of a repository on this machine, where it is.
pub(super) fn open_repository(url: &Url) -> Result<RecordFiles, RemoteError> {
    let (snapshot, commit) = mirror(url, Path::new(""))?;
    let tree = GitTree::open(&snapshot.folder, &commit).map_err(RemoteError::Commit)?;
    Ok(RecordFiles::of_tree(Box::new(tree)))
}

fn mirror(url: &Url, folder: &Path) -> Result<(Snapshot, CommitId), RemoteError> {
    let request = MirrorRequest { url: url.as_str(), token: None, branches: &[], folder };
    let snapshot = mirror::update(&request).map_err(RemoteError::Mirror)?;
    let commit = match &snapshot.default_branch {
        Some(branch) => snapshot.heads.get(branch),
        None => snapshot.heads.values().next(),
    };
    let commit = commit.cloned().ok_or(RemoteError::NoBranch)?;
    Ok((snapshot, commit))
}

/// Brings the copy up to date unless the network is to be left alone; a copy that could not be renewed is used, and
/// that is said.
pub(super) fn obtain(remote: &Remote, request: &LoadRequest<'_>) -> Result<Opened, RemoteError> {
    let slot = Slot::new(request.cache, remote.url().as_str());
    let cached = slot.stamp().and_then(|stamp| Some((open(&slot, &stamp.content).ok()?, stamp)));
    if request.offline {
        let (files, stamp) = cached.ok_or(RemoteError::NotCached)?;
        return Ok(Opened::copy(files, &stamp.content, stamp.fetched_at));
    }
    let known = cached.as_ref().map(|(_, stamp)| &stamp.content);
    let fetched = match remote {
        Remote::Repository(url) => fetch_repository(url, &slot),
        Remote::Download(url) => download(url, &slot, known),
    };
    match fetched.and_then(|content| keep(&slot, content, known, request.now)) {
        Ok((files, content)) => Ok(Opened::copy(files, &content, request.now)),
        Err(error) => {
            let Some((files, stamp)) = cached else { return Err(error) };
            let age = for_people(seconds_between(stamp.fetched_at, request.now));
            let complaint = format!("failed to {error}; the copy of {age} ago is used");
            Ok(Opened { complaint: Some(complaint), ..Opened::copy(files, &stamp.content, stamp.fetched_at) })
        }
    }
}

fn open(slot: &Slot, content: &Content) -> Result<RecordFiles, RemoteError> {
    match content {
        Content::Commit(commit) => {
            let tree = GitTree::open(&slot.mirror(), commit).map_err(RemoteError::Commit)?;
            Ok(RecordFiles::of_tree(Box::new(tree)))
        }
        Content::File { digest, name, .. } => {
            let path = slot.file(digest).ok_or_else(|| RemoteError::Unusable("its digest is damaged".to_owned()))?;
            RecordFiles::open_file(&path, name).map_err(RemoteError::Copy)
        }
    }
}

fn unwritable(slot: &Slot, source: std::io::Error) -> RemoteError {
    RemoteError::Cache { folder: slot.folder().display().to_string(), source }
}

/// Makes new content the slot's content and removes what it replaces.
fn keep(
    slot: &Slot,
    content: Content,
    replaced: Option<&Content>,
    now: Timestamp,
) -> Result<(RecordFiles, Content), RemoteError> {
    let files = open(slot, &content)?;
    let stamp = Stamp { fetched_at: now, content };
    slot.put_stamp(&stamp).map_err(|source| unwritable(slot, source))?;
    if let (Some(Content::File { digest: old, .. }), Content::File { digest: new, .. }) = (replaced, &stamp.content)
        && old != new
        && let Some(path) = slot.file(old)
    {
        // A file that stays only takes room; the next change of this source has another name again.
        let _ = std::fs::remove_file(path);
    }
    Ok((files, stamp.content))
}

fn fetch_repository(url: &Url, slot: &Slot) -> Result<Content, RemoteError> {
    mirror(url, &slot.mirror()).map(|(_, commit)| Content::Commit(commit))
}

fn download(url: &Url, slot: &Slot, known: Option<&Content>) -> Result<Content, RemoteError> {
    // The messages of the client name the address, which may hold a secret.
    let failed = |error: reqwest::Error| match cause::of(&error) {
        Some(words) => RemoteError::Request(words.into()),
        None => RemoteError::Request(error.without_url().into()),
    };
    let mut request = client::blocking(&limits::ADVISORIES).map_err(failed)?.get(url.clone());
    if let Some(Content::File { etag, last_modified, .. }) = known {
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = last_modified {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
    }
    let start = Instant::now();
    let response = request.send().map_err(failed)?;
    if !is_protected(response.url()) {
        return Err(RemoteError::Unprotected);
    }
    if response.status() == StatusCode::NOT_MODIFIED
        && let Some(known) = known
    {
        return Ok(known.clone());
    }
    if response.status() != StatusCode::OK {
        return Err(RemoteError::Status { status: response.status(), body: beginning(response) });
    }
    save(response, (url, start), slot)
}

/// The first 200 bytes of a body, on one line.
fn beginning(response: Response) -> String {
    let mut bytes = Vec::new();
    // The status is the message; a body that breaks off adds what has come.
    let _ = response.take(200).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).split(|character: char| character.is_control()).collect::<Vec<_>>().join(" ")
}

fn save(response: Response, (url, start): (&Url, Instant), slot: &Slot) -> Result<Content, RemoteError> {
    let header = |name: HeaderName| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
    let mut file = slot.scratch().map_err(|source| unwritable(slot, source))?;
    let _vanishing = Vanishing::new(file.path());
    let mut hash = Sha256::new();
    let mut body = Bounded::new(response, limits::ADVISORIES, start);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = body.read(&mut buffer).map_err(|error| broken_off(&error))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(|source| unwritable(slot, source))?;
    }
    refuse_what_is_something_else(file.path(), url, slot)?;
    let digest = format!("{:x}", hash.finalize());
    let path = slot.file(&digest).ok_or_else(|| RemoteError::Unusable("its digest is damaged".to_owned()))?;
    file.persist(path).map_err(|error| unwritable(slot, error.error))?;
    let name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Content::File { digest, name, etag, last_modified })
}

/// Which limit a body has exceeded, else what kind of error it is: the client's own words name the address.
fn broken_off(error: &std::io::Error) -> RemoteError {
    let exceeded = error.get_ref().and_then(|reason| reason.downcast_ref::<Exceeded>());
    RemoteError::Unusable(exceeded.map_or_else(|| error.kind().to_string(), ToString::to_string))
}

/// A proxy's error page with status 200 must not replace a good copy.
fn refuse_what_is_something_else(path: &Path, url: &Url, slot: &Slot) -> Result<(), RemoteError> {
    let mut file = File::open(path).map_err(|source| unwritable(slot, source))?;
    let (is_expected, format) = if is_zip(url) {
        (ZipArchive::new(file).is_ok_and(|archive| !archive.is_empty()), "a zip archive")
    } else {
        let mut first = [0; 64];
        let count = file.read(&mut first).map_err(|source| unwritable(slot, source))?;
        let first = first[..count].trim_ascii_start();
        if is_table(url) {
            // Text, or what gzip wrote; a page begins with `<`.
            (!first.is_empty() && !first.starts_with(b"<") && !first.starts_with(b"{"), "a table")
        } else {
            (first.first().is_some_and(|byte| b"{[".contains(byte)), "JSON")
        }
    };
    if is_expected { Ok(()) } else { Err(RemoteError::Unusable(format!("the answer is not {format}"))) }
}
