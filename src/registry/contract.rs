//! What a registry is: it names the releases of a package. Blocking; answers are kept for the run.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::model::release::Release;
use crate::model::repository::CommitId;
use crate::net::cause;
use crate::net::limits::{self, Bounded, Exceeded, Limits};
use crate::sandbox::grammar::InvalidToken;
use crate::sandbox::proxy::Cause;
use crate::sandbox::runner::Runner;

/// Why the releases of a package are not known.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RegistryError {
    /// Nothing answers. Remembered, so that a hundred packages do not wait a hundred times.
    #[error("reach the {registry} registry: {reason}")]
    Unreachable {
        /// The registry.
        registry: &'static str,
        /// Why.
        reason: String,
    },
    /// The registry does not know the package.
    #[error("find `{}` in the {registry} registry", .package.escape_default())]
    Unknown {
        /// The registry.
        registry: &'static str,
        /// The package.
        package: String,
    },
    /// The answer makes no sense.
    #[error("understand what the {registry} registry says of `{}`: {reason}", .package.escape_default())]
    Malformed {
        /// The registry.
        registry: &'static str,
        /// The package.
        package: String,
        /// Why.
        reason: String,
    },
    /// The sandbox's proxy did not let the package manager through that was to ask.
    #[error("ask a registry: {}", .0.explanation)]
    Refused(Cause),
    /// The name must not be sent anywhere.
    #[error(transparent)]
    Name(#[from] InvalidToken),
}

/// Releases of a package, shared by all who ask.
pub(crate) type Releases = Arc<Vec<Release>>;

/// Where two releases of a package were made from, as its registry says. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources {
    /// The repository, in any form that manifests use.
    pub(crate) repository: String,
    /// The commits of both, where the registry names them.
    pub(crate) commits: Option<(CommitId, CommitId)>,
}

/// A source of releases. Blocking: call it on a thread that may wait.
pub(crate) trait Registry: Send + Sync {
    /// Every release of the package, in any order.
    fn releases(&self, package: &str) -> Result<Releases, RegistryError>;

    /// Whether this registry is the one that a lockfile names as a package's source (empty when it names none).
    /// Packages of others are never asked for here: their names may be private.
    fn serves(&self, source: &str) -> Result<bool, RegistryError>;

    /// Where two releases were made from; `None` where the registry does not say.
    fn sources(&self, _package: &str, _versions: (&str, &str)) -> Option<Sources> {
        None
    }

    /// What one release requires: package and requirement.
    fn requirements(&self, package: &str, version: &str) -> Result<Vec<(String, String)>, RegistryError> {
        let releases = self.releases(package)?;
        let release = releases.iter().find(|release| release.version == version);
        Ok(release.and_then(|release| release.requirements.clone()).unwrap_or_default())
    }

    /// The registry's own record of one release, where it has one and more of it is needed than its [`Release`] tells.
    fn record(&self, _package: &str, _version: &str) -> Option<serde_json::Value> {
        None
    }
}

/// What a registry needs to know before it can be asked.
pub(crate) struct RegistrySettings<'a> {
    /// Starts the package manager where only it knows the address.
    pub(crate) runner: &'a Runner,
    /// For folders that vanish.
    pub(crate) scratch: &'a Path,
    /// For what package managers keep.
    pub(crate) cache: &'a Path,
    /// The project's manifest, empty unless the registry is made [`Sharing::PerManifest`]. Untrusted.
    pub(crate) manifest: &'a [u8],
}

/// Prepares to ask a registry; nothing is sent yet.
pub(crate) type Connect = fn(&RegistrySettings<'_>) -> Arc<dyn Registry>;

/// Who shares the answers of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Every project of a run.
    PerRun,
    /// Projects whose manifest of this name is the same: it says which repositories are asked.
    PerManifest(&'static str),
}

/// Answers every question with "unreachable", without asking anyone.
pub(crate) struct Offline;

impl Offline {
    fn unreachable() -> RegistryError {
        RegistryError::Unreachable { registry: "package", reason: "--offline was given".to_owned() }
    }
}

impl Registry for Offline {
    fn releases(&self, _: &str) -> Result<Releases, RegistryError> {
        Err(Self::unreachable())
    }

    fn serves(&self, _: &str) -> Result<bool, RegistryError> {
        Err(Self::unreachable())
    }
}

/// Answers that are kept for the run, and whether the registry answers at all.
#[derive(Default)]
pub(crate) struct Memory {
    answers: Mutex<HashMap<String, Result<Releases, RegistryError>>>,
    unreachable: Mutex<Option<RegistryError>>,
}

impl Memory {
    /// The remembered answer, or the one that `ask` gives.
    pub(crate) fn remember(
        &self,
        package: &str,
        ask: impl FnOnce() -> Result<Vec<Release>, RegistryError>,
    ) -> Result<Releases, RegistryError> {
        if let Some(error) = lock(&self.unreachable).clone() {
            return Err(error);
        }
        if let Some(answer) = lock(&self.answers).get(package) {
            return answer.clone();
        }
        // Two threads may ask at once; both get the same answer, and neither holds the lock while it waits.
        let answer = ask().map(Arc::new);
        if let Err(error @ (RegistryError::Unreachable { .. } | RegistryError::Refused(_))) = &answer {
            *lock(&self.unreachable) = Some(error.clone());
        }
        lock(&self.answers).insert(package.to_owned(), answer.clone());
        answer
    }
}

/// What is remembered stays valid when another thread panicked.
fn lock<Content>(mutex: &Mutex<Content>) -> std::sync::MutexGuard<'_, Content> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The body of an answer to a GET.
pub(crate) fn fetch(
    client: &reqwest::blocking::Client,
    registry: &'static str,
    (address, accept, package): (url::Url, &str, &str),
) -> Result<Vec<u8>, RegistryError> {
    let unreachable = |reason: String| RegistryError::Unreachable { registry, reason };
    let mut answer = None;
    let mut start = Instant::now();
    for attempt in 0..2 {
        start = Instant::now();
        let response = client.get(address.clone()).header(http::header::ACCEPT, accept).send();
        let again = attempt == 0 && response.as_ref().is_ok_and(|response| response.status().is_server_error());
        if !again {
            answer = Some(response);
            break;
        }
    }
    let response = answer
        .expect("the second attempt is always kept")
        .map_err(|error| unreachable(cause::of(&error).unwrap_or_else(|| root_cause(&error.without_url()))))?;
    if !response.status().is_success() {
        return Err(refusal(registry, package, response.status()));
    }
    read(response, limits::REGISTRY, start).map_err(|error| match error.get_ref().and_then(|it| it.downcast_ref()) {
        // What is too large is so of this package; what is too slow is so of the registry.
        Some(reason @ Exceeded::Bytes(_)) => {
            RegistryError::Malformed { registry, package: package.to_owned(), reason: reason.to_string() }
        }
        Some(_) | None => unreachable(cause::of(&error).unwrap_or_else(|| root_cause(&error))),
    })
}

fn read(body: impl Read, limits: Limits, start: Instant) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    Bounded::new(body, limits, start).read_to_end(&mut content)?;
    Ok(content)
}

/// What an answer other than success says: about the package, or about the registry as a whole. The latter ends all
/// questions of the run, so that no project may bring it about by a name that the registry does not like.
fn refusal(registry: &'static str, package: &str, status: http::StatusCode) -> RegistryError {
    use http::StatusCode;
    let package = package.to_owned();
    match status {
        // Cargo's index says 451 and 410 for what was taken down; 403 is what an object store says of what is not there.
        StatusCode::NOT_FOUND
        | StatusCode::GONE
        | StatusCode::FORBIDDEN
        | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => RegistryError::Unknown { registry, package },
        StatusCode::UNAUTHORIZED
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS => {
            RegistryError::Unreachable { registry, reason: format!("it answers {status}") }
        }
        _ if status.is_client_error() => {
            RegistryError::Malformed { registry, package, reason: format!("it answers {status}") }
        }
        _ => RegistryError::Unreachable { registry, reason: format!("it answers {status}") },
    }
}

/// The innermost error says what happened; the outer ones only that something did.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_unreachable_registry_is_asked_once() {
        let memory = Memory::default();
        let asked = Cell::new(0);
        for package in ["a", "b", "c"] {
            let answer = memory.remember(package, || {
                asked.set(asked.get() + 1);
                Err(RegistryError::Unreachable { registry: "npm", reason: "no route".to_owned() })
            });
            assert_eq!(answer.unwrap_err().to_string(), "reach the npm registry: no route");
        }
        assert_eq!(asked.get(), 1);
    }

    #[test]
    fn a_name_that_the_registry_does_not_like_is_no_outage() {
        for (status, outage) in [(400, false), (403, false), (405, false), (451, false), (429, true), (503, true)] {
            let error = refusal("npm", "x", http::StatusCode::from_u16(status).unwrap());
            assert_eq!(matches!(error, RegistryError::Unreachable { .. }), outage, "{status}");
        }
    }

    #[test]
    fn an_answer_is_kept_for_the_run() {
        let memory = Memory::default();
        let answer = || Ok(vec![Release { version: "1.0.0".to_owned(), ..Release::default() }]);
        assert_eq!(memory.remember("a", answer).unwrap().len(), 1);
        assert_eq!(memory.remember("a", || panic!("asked again")).unwrap().len(), 1);
    }
}
