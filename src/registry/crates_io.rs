//! crates.io: the sparse index, at the address that Cargo itself uses.

use std::sync::{Arc, OnceLock};

use cargo_lock::package::SourceId;
use serde::Deserialize;
use url::Url;

use super::contract::{Memory, Registry, RegistryError, RegistrySettings, Releases, fetch};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::net::{client, limits};
use crate::sandbox::grammar;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Runner;

const REGISTRY: &str = "crates.io";

/// The registry of Rust crates.
struct CratesIo {
    runner: Runner,
    address: OnceLock<Result<(Url, reqwest::blocking::Client), RegistryError>>,
    memory: Memory,
}

/// One line of the index (<https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema>).
#[derive(Deserialize)]
struct Line {
    vers: String,
    cksum: String,
    #[serde(default)]
    yanked: bool,
    #[serde(default)]
    deps: Vec<Requirement>,
}

#[derive(Deserialize)]
struct Requirement {
    name: String,
    req: String,
    #[serde(default)]
    package: Option<String>,
}

/// Prepares to ask; nothing is sent yet.
pub(super) fn connect(settings: &RegistrySettings<'_>) -> Arc<dyn Registry> {
    Arc::new(CratesIo { runner: settings.runner.clone(), address: OnceLock::new(), memory: Memory::default() })
}

impl CratesIo {
    /// The index, at the address that Cargo itself uses.
    fn discover(&self) -> Result<(Url, reqwest::blocking::Client), RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let client = client::blocking(&limits::REGISTRY).map_err(|error| unreachable(error.to_string()))?;
        let address = self.runner.registry(Reach::Cargo).map_err(|error| unreachable(error.to_string()))?;
        Ok((address, client))
    }
}

impl Registry for CratesIo {
    fn serves(&self, source: &str) -> Result<bool, RegistryError> {
        Ok(SourceId::from_url(source).is_ok_and(|source| source.is_default_registry()))
    }

    fn releases(&self, package: &str) -> Result<Releases, RegistryError> {
        let package = grammar::package(Ecosystem::CratesIo, package)?;
        self.memory.remember(package, || {
            let (address, client) = self.address.get_or_init(|| self.discover()).clone()?;
            let address = address.join(&index_path(package)).map_err(|error| RegistryError::Malformed {
                registry: REGISTRY,
                package: package.to_owned(),
                reason: error.to_string(),
            })?;
            let body = fetch(&client, REGISTRY, (address, "text/plain", package))?;
            Ok(read_index(&body))
        })
    }
}

/// Where the index keeps a package (<https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files>).
fn index_path(package: &str) -> String {
    let name = package.to_ascii_lowercase();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// Reads index lines; one that is not understood is a release that we do not choose.
fn read_index(body: &[u8]) -> Vec<Release> {
    let lines = body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines
        .map(|line| Release {
            version: line.vers,
            yanked: line.yanked,
            checksum: Some(line.cksum),
            requirements: Some(
                line.deps.into_iter().map(|wanted| (wanted.package.unwrap_or(wanted.name), wanted.req)).collect(),
            ),
            record: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_packages_are_asked_for() {
        let registry =
            CratesIo { runner: Runner::from_environment(), address: OnceLock::new(), memory: Memory::default() };
        let own = SourceId::default().to_string();
        assert!(registry.serves(&own).unwrap(), "{own}");
        assert!(!registry.serves("registry+https://registry.example/index").unwrap());
        assert!(!registry.serves("git+https://git.example/x").unwrap());
    }

    #[test]
    fn packages_lie_where_the_index_says() {
        for (name, path) in [("a", "1/a"), ("ab", "2/ab"), ("Abc", "3/a/abc"), ("serde_json", "se/rd/serde_json")] {
            assert_eq!(index_path(name), path);
        }
    }

    #[test]
    fn yanked_releases_and_renamed_requirements_are_read() {
        let body = b"{\"name\":\"x\",\"vers\":\"1.0.0\",\"deps\":[{\"name\":\"clock\",\"req\":\"^0.1\",\"package\":\"time\"}],\"cksum\":\"ab\",\"yanked\":true}\nnot json\n{\"vers\":\"1.0.1\",\"cksum\":\"cd\"}";
        let releases = read_index(body);
        assert_eq!(releases.len(), 2);
        assert!(releases[0].yanked && !releases[1].yanked);
        assert_eq!(releases[0].requirements.as_deref(), Some(&[("time".to_owned(), "^0.1".to_owned())][..]));
    }
}
