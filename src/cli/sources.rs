//! Advisory sources: the ones given on the command line, else those of the policy.

use std::path::Path;

use jiff::Timestamp;

use super::address::without_credentials;
use super::args::SharedOptions;
use super::environment::Environment;
use super::exit::Failure;
use crate::advisory::store::{self, LoadRequest, Loaded};
use crate::config::policy::{AdvisoryPolicy, Policy, SourceConfig, SourceKind};

/// Loads what is known. `--advisories` replaces the policy's sources, not its limits of age.
pub(super) fn load(
    policy: &Policy,
    shared: &SharedOptions,
    environment: &Environment,
    now: Timestamp,
) -> Result<Loaded, Failure> {
    let cache = environment.cache_folder(shared.cache.as_ref())?;
    let mut policy = policy.advisories.clone();
    if !shared.advisories.is_empty() {
        policy = AdvisoryPolicy { sources: given(&shared.advisories)?, ..policy };
    }
    store::load(&LoadRequest { policy: &policy, cache: &cache, offline: shared.offline, now }).map_err(|error| {
        let hint = Some(error.hint().to_owned());
        Failure { error: anyhow::Error::new(error).context("load the advisories"), hint }
    })
}

fn given(locations: &[String]) -> Result<Vec<SourceConfig>, Failure> {
    locations.iter().map(|location| Ok(SourceConfig { kind: kind_of(location)?, location: location.clone() })).collect()
}

fn kind_of(location: &str) -> Result<SourceKind, Failure> {
    if !location.contains("://") && !Path::new(location).exists() {
        return Err(Failure::with_hint(
            anyhow::anyhow!("find the advisories `{location}`"),
            "--advisories needs an existing folder, zip or file, or an `https` address",
        ));
    }
    store::detect_location(location).ok_or_else(|| {
        Failure::with_hint(
            anyhow::anyhow!("tell the format of the advisories at `{}`", without_credentials(location)),
            "expected a RustSec or FriendsOfPHP checkout, or OSV JSON in a folder, file or zip; another source is named with its `kind` in patchparty.toml, under [[advisories.source]]",
        )
    })
}
