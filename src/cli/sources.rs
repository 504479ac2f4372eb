//! Advisory sources: the ones given on the command line, else those of the policy.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::address::without_credentials;
use super::args::{GlobalOptions, SharedOptions};
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::output;
use crate::advisory::store::{self, LoadError, LoadRequest, Loaded};
use crate::config::policy::{AdvisoryPolicy, Policy, SourceConfig, SourceKind};

/// Loads what is known. `--advisories` replaces the policy's sources, not its limits of age. Without it, a run that may
/// not use the network takes the index that was imported, where there is one.
pub(super) fn load(
    policy: &Policy,
    shared: &SharedOptions,
    (global, environment): (&GlobalOptions, &Environment),
    now: Timestamp,
) -> Result<Loaded, Failure> {
    let cache = environment.cache_folder(shared.cache.as_ref())?;
    let mut policy = policy.advisories.clone();
    match shared.advisories.as_slice() {
        [] => {
            if let Some(index) = store::imported(&cache).filter(|_| shared.offline) {
                let text =
                    format!("--offline: the index `{}` is used instead of the configured sources", index.display());
                output::remark(environment, global, &text);
                return store::open_imported(&index, &policy, now).map_err(failure);
            }
        }
        locations => {
            if let Some(index) = compiled(locations)? {
                return store::open_index(&index, &policy, now).map_err(failure);
            }
        }
    }
    if !shared.advisories.is_empty() {
        policy = AdvisoryPolicy { sources: given(&shared.advisories, (global, environment))?, ..policy };
    }
    store::load(&LoadRequest { policy: &policy, cache: &cache, offline: shared.offline, now, accept_shrunk: false })
        .map_err(failure)
}

/// Why nothing is known, with the way out.
pub(super) fn failure(error: LoadError) -> Failure {
    let hint = Some(error.hint().to_owned());
    let outcome = if error.is_mistake() { Outcome::Usage } else { Outcome::Incomplete };
    Failure { error: anyhow::Error::new(error).context("load the advisories"), hint, outcome }
}

/// The compiled index among locations: it stands alone, because it has all that its sources know together.
pub(super) fn compiled(locations: &[String]) -> Result<Option<PathBuf>, Failure> {
    // One that says it is an index and is none is damaged: guessing another format would hide that.
    let is_index = |path: &Path| store::is_index(path) || path.is_file() && path.extension() == Some("ppdb".as_ref());
    match locations.iter().find(|location| is_index(Path::new(location))) {
        Some(index) if locations.len() == 1 => Ok(Some(PathBuf::from(index))),
        Some(index) => Err(Failure::with_hint(
            anyhow::anyhow!("use the compiled index `{index}` together with other advisories"),
            "a compiled index stands alone; compile all of them into one with `patchparty db import`",
        )),
        None => Ok(None),
    }
}

/// The sources at some locations, each in the format that its files or its address tell.
pub(super) fn given(
    locations: &[String],
    (global, environment): (&GlobalOptions, &Environment),
) -> Result<Vec<SourceConfig>, Failure> {
    let mut sources = Vec::with_capacity(locations.len());
    for location in locations {
        let Some(collected) = collection(location) else {
            sources.push(SourceConfig { kind: kind_of(location)?, location: location.clone() });
            continue;
        };
        for (location, kind) in collected {
            if let Some(kind) = kind {
                sources.push(SourceConfig { kind, location });
            } else {
                let text = format!("`{location}` has no advisories in a format that is read, and is left out");
                output::remark(environment, global, &text);
            }
        }
    }
    Ok(sources)
}

/// A folder with more of them holds the records of one source.
const COLLECTION_LIMIT: usize = 64;

/// The folders and zips in a folder with their formats, where these are not all the same: read as one source, it would
/// give the records of one format, and silently lack the others.
fn collection(location: &str) -> Option<Vec<(String, Option<SourceKind>)>> {
    if location.contains("://") || !Path::new(location).is_dir() {
        return None;
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(location).ok()? {
        let path = entry.ok()?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && (path.is_dir() || path.extension() == Some("zip".as_ref())) {
            paths.push(path.to_str()?.to_owned());
        }
        if paths.len() > COLLECTION_LIMIT {
            return None;
        }
    }
    paths.sort();
    let found: Vec<_> = paths.into_iter().map(|path| (store::detect_location(&path), path)).collect();
    let mut kinds = found.iter().filter_map(|(kind, _)| *kind);
    let first = kinds.next()?;
    let is_mixed = kinds.any(|kind| kind != first);
    is_mixed.then(|| found.into_iter().map(|(kind, path)| (path, kind)).collect())
}

fn kind_of(location: &str) -> Result<SourceKind, Failure> {
    if !location.contains("://") && !Path::new(location).exists() {
        return Err(Failure::with_hint(
            anyhow::anyhow!("find the advisories `{location}`"),
            "name an existing folder, zip or file; --advisories also takes an `https` address",
        ));
    }
    store::detect_location(location).ok_or_else(|| {
        Failure::with_hint(
            anyhow::anyhow!("tell the format of the advisories at `{}`", without_credentials(location)),
            "expected a checkout of RustSec, FriendsOfPHP or RubySec, OSV records, CISA's catalogue or an EPSS table, as a folder, zip or file, or a compiled index (.ppdb); another source is named with its `kind` in patchparty.toml, under [[advisories.source]]",
        )
    })
}
