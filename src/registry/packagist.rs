//! Packagist and whatever other repositories a `composer.json` names: Composer itself is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::contract::{Memory, Registry, RegistryError, RegistrySettings, Releases};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::repository::RepoPath;
use crate::sandbox::composer_manifest;
use crate::sandbox::grammar;
use crate::sandbox::proxy;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::{Invocation, Runner};
use crate::sandbox::skeleton::Skeleton;

const REGISTRY: &str = "Packagist";

/// The repositories of one project.
struct Packagist {
    runner: Runner,
    scratch: PathBuf,
    cache: PathBuf,
    manifest: Vec<u8>,
    memory: Memory,
}

/// What `composer show --format=json` says; `versions` begins with the one that `requires` is of.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    requires: Value,
}

/// Prepares to ask the repositories that a `composer.json` names.
pub(super) fn connect(settings: &RegistrySettings<'_>) -> Arc<dyn Registry> {
    Arc::new(Packagist {
        runner: settings.runner.clone(),
        scratch: settings.scratch.to_path_buf(),
        cache: settings.cache.to_path_buf(),
        manifest: repositories_only(settings.manifest),
        memory: Memory::default(),
    })
}

impl Packagist {
    fn show(&self, package: &str, version: Option<&str>) -> Result<Shown, RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let manifest = RepoPath::new("composer.json").expect("a constant path is plain");
        let files = BTreeMap::from([(manifest, self.manifest.clone())]);
        let skeleton =
            Skeleton::new(&self.scratch, &self.cache, &files).map_err(|error| unreachable(error.to_string()))?;
        let place = skeleton.place();
        let mut args = vec!["show".to_owned()];
        args.extend(composer_manifest::FLAGS.iter().map(|flag| (*flag).to_owned()));
        args.extend(["--all", "--available", "--format=json", "--", package].map(str::to_owned));
        args.extend(version.map(str::to_owned));
        let invocation = Invocation {
            program: "composer".to_owned(),
            args,
            env: composer_manifest::environment(place),
            cwd: place.project.clone(),
            reach: Reach::Composer,
        };
        let output = self.runner.run(&invocation, place).map_err(|error| unreachable(error.to_string()))?;
        if !output.succeeded() {
            return Err(if output.stderr.contains("not found") && !output.stderr.contains("TransportException") {
                RegistryError::Unknown { registry: REGISTRY, package: package.to_owned() }
            } else if let Some(cause) = proxy::cause(&invocation.program, &output.refused) {
                RegistryError::Refused(cause)
            } else {
                // Its own words may repeat what a server or a file says.
                unreachable("Composer gets no answer".to_owned())
            });
        }
        serde_json::from_str(&output.stdout).map_err(|error| RegistryError::Malformed {
            registry: REGISTRY,
            package: package.to_owned(),
            reason: format!("Composer's answer is not as expected on line {}", error.line()),
        })
    }
}

impl Registry for Packagist {
    fn serves(&self, _source: &str) -> Result<bool, RegistryError> {
        // Composer asks the project's own repositories, in the project's order.
        Ok(true)
    }

    fn releases(&self, package: &str) -> Result<Releases, RegistryError> {
        let package = grammar::package(Ecosystem::Packagist, package)?;
        self.memory.remember(package, || {
            let shown = self.show(package, None)?;
            // Branches are no releases.
            let is_release = |version: &String| !version.starts_with("dev-") && !version.ends_with("-dev");
            let release = |version| Release { version, ..Release::default() };
            Ok(shown.versions.into_iter().filter(is_release).map(release).collect())
        })
    }

    fn requirements(&self, package: &str, version: &str) -> Result<Vec<(String, String)>, RegistryError> {
        let package = grammar::package(Ecosystem::Packagist, package)?;
        let version = grammar::version(Ecosystem::Packagist, version)?;
        let key = format!("{package} {version}");
        let answer = self.memory.remember(&key, || {
            let shown = self.show(package, Some(version))?;
            let members = shown.requires.as_object().into_iter().flatten();
            let requirements =
                members.filter_map(|(name, wanted)| Some((name.clone(), wanted.as_str()?.to_owned()))).collect();
            Ok(vec![Release { version: version.to_owned(), requirements: Some(requirements), ..Release::default() }])
        })?;
        Ok(answer.iter().filter_map(|release| release.requirements.clone()).flatten().collect())
    }
}

/// Only where to ask, and that pre-releases are listed as well.
fn repositories_only(manifest: &[u8]) -> Vec<u8> {
    let parsed: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let mut asked = serde_json::json!({"minimum-stability": "dev"});
    if let Some(repositories) = parsed.get("repositories") {
        asked["repositories"] = repositories.clone();
    }
    asked.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_repositories_are_shown_to_composer() {
        let asked: Value = serde_json::from_slice(&repositories_only(
            br#"{"require": {"a/b": "1"}, "repositories": [{"type": "composer", "url": "https://registry.example"}]}"#,
        ))
        .unwrap();
        assert_eq!(asked["repositories"][0]["url"], "https://registry.example");
        assert!(asked.get("require").is_none());
    }
}
