//! The npm registry, at the address that npm itself uses.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use url::Url;

use super::contract::{Memory, Registry, RegistryError, RegistrySettings, Releases, Sources, fetch};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::repository::CommitId;
use crate::net::{client, limits};
use crate::sandbox::grammar;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Runner;

const REGISTRY: &str = "npm";
/// The short form of a packument (<https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>); the
/// long one for registries that do not know it.
const ACCEPT: &str = "application/vnd.npm.install-v1+json, application/json;q=0.8";

/// The registry of JavaScript packages.
struct NpmRegistry {
    runner: Runner,
    address: OnceLock<Result<(Url, reqwest::blocking::Client), RegistryError>>,
    memory: Memory,
}

/// Prepares to ask; nothing is sent yet.
pub(super) fn connect(settings: &RegistrySettings<'_>) -> Arc<dyn Registry> {
    Arc::new(NpmRegistry { runner: settings.runner.clone(), address: OnceLock::new(), memory: Memory::default() })
}

impl NpmRegistry {
    /// npm's built-in registry, or the one that the bot's own `npm_config_registry` names.
    fn discover(&self) -> Result<(Url, reqwest::blocking::Client), RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let client = client::blocking(&limits::REGISTRY).map_err(|error| unreachable(error.to_string()))?;
        let address = self.runner.registry(Reach::Npm).map_err(|error| unreachable(error.to_string()))?;
        Ok((address, client))
    }

    /// The manifest of one release: as the packument has it, or where that is the short form, asked for.
    fn manifest(&self, package: &str, version: &str) -> Option<Value> {
        let (package, version) =
            (grammar::package(Ecosystem::Npm, package).ok()?, grammar::version(Ecosystem::Npm, version).ok()?);
        let releases = self.releases(package).ok()?;
        let record = releases.iter().find(|release| release.version == version)?.record.as_ref();
        if let Some(record) = record.filter(|record| record.get("repository").is_some()) {
            return Some(record.clone());
        }
        let (address, client) = self.address.get_or_init(|| self.discover()).clone().ok()?;
        let address = address.join(&format!("{}/{version}", package.replace('/', "%2f"))).ok()?;
        let body = fetch(&client, REGISTRY, (address, "application/json", package)).ok()?;
        serde_json::from_slice(&body).ok()
    }
}

impl Registry for NpmRegistry {
    fn serves(&self, source: &str) -> Result<bool, RegistryError> {
        if source.is_empty() {
            return Ok(true);
        }
        let (address, _) = self.address.get_or_init(|| self.discover()).clone()?;
        Ok(Url::parse(source).is_ok_and(|source| source.host_str() == address.host_str()))
    }

    fn sources(&self, package: &str, (from, to): (&str, &str)) -> Option<Sources> {
        let after = self.manifest(package, to)?;
        let said = after.get("repository")?;
        let repository = said.as_str().or_else(|| said.get("url")?.as_str())?.to_owned();
        let commit = |manifest: &Value| CommitId::new(manifest.get("gitHead")?.as_str()?).ok();
        // The older manifest is worth a question only where the newer one names its commit.
        let commits = commit(&after).and_then(|after| Some((commit(&self.manifest(package, from)?)?, after)));
        Some(Sources { repository, commits })
    }

    fn releases(&self, package: &str) -> Result<Releases, RegistryError> {
        let package = grammar::package(Ecosystem::Npm, package)?;
        self.memory.remember(package, || {
            let (address, client) = self.address.get_or_init(|| self.discover()).clone()?;
            let malformed =
                |reason: String| RegistryError::Malformed { registry: REGISTRY, package: package.to_owned(), reason };
            let address = address.join(&package.replace('/', "%2f")).map_err(|error| malformed(error.to_string()))?;
            let body = fetch(&client, REGISTRY, (address, ACCEPT, package))?;
            read_packument(&body).map_err(|error| malformed(error.to_string()))
        })
    }
}

/// Reads the releases. `deprecated` is a word to users, not a withdrawal: npm has no yanking, only removal.
fn read_packument(body: &[u8]) -> serde_json::Result<Vec<Release>> {
    let mut packument: Map<String, Value> = serde_json::from_slice(body)?;
    let Some(Value::Object(versions)) = packument.remove("versions") else { return Ok(Vec::new()) };
    Ok(versions.into_iter().map(|(version, record)| release(version, record)).collect())
}

fn release(version: String, record: Value) -> Release {
    let checksum = record.get("dist").and_then(|dist| dist.get("integrity")).and_then(Value::as_str);
    let requirements = ["dependencies", "optionalDependencies", "peerDependencies"]
        .iter()
        .filter_map(|section| record.get(section)?.as_object())
        .flatten()
        .filter_map(|(name, wanted)| Some((name.clone(), wanted.as_str()?.to_owned())))
        .collect();
    Release {
        version,
        yanked: false,
        checksum: checksum.map(str::to_owned),
        requirements: Some(requirements),
        record: Some(record),
        ..Release::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packument_is_read_and_deprecated_is_not_yanked() {
        let body = br#"{"name": "x", "versions": {
            "1.0.0": {"deprecated": "use y", "dist": {"integrity": "sha512-a"}, "dependencies": {"ms": "2.0.0"}},
            "1.1.0": {"dist": {}}
        }}"#;
        let releases = read_packument(body).unwrap();
        assert_eq!(releases.len(), 2);
        assert!(!releases[0].yanked);
        assert_eq!(releases[0].checksum.as_deref(), Some("sha512-a"));
        assert_eq!(releases[0].requirements.as_deref(), Some(&[("ms".to_owned(), "2.0.0".to_owned())][..]));
        assert!(read_packument(b"[]").is_err());
    }
}
