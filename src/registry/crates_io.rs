//! crates.io: the sparse index, at the address that Cargo itself uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cargo_lock::package::SourceId;
use serde::Deserialize;
use url::Url;

use super::contract::{Memory, Registry, RegistryError, RegistrySettings, Releases, fetch};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::net::{client, limits};
use crate::sandbox::grammar;
use crate::sandbox::runner::{Invocation, Runner};
use crate::sandbox::skeleton::{Place, Skeleton};
use crate::sandbox::words;

const REGISTRY: &str = "crates.io";

/// The registry of Rust crates.
struct CratesIo {
    runner: Runner,
    scratch: PathBuf,
    cache: PathBuf,
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
    Arc::new(CratesIo::new(settings.runner.clone(), settings.scratch, settings.cache))
}

impl CratesIo {
    fn new(runner: Runner, scratch: &Path, cache: &Path) -> Self {
        Self {
            runner,
            scratch: scratch.to_path_buf(),
            cache: cache.to_path_buf(),
            address: OnceLock::new(),
            memory: Memory::default(),
        }
    }

    /// Cargo has the index's address built in but does not print it; it names its index folder after the host.
    fn discover(&self, package: &str) -> Result<(Url, reqwest::blocking::Client), RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let client = client::blocking(&limits::REGISTRY).map_err(|error| unreachable(error.to_string()))?;
        let indexes = self.cache.join("cargo/registry/index");
        let host = if let Some(host) = index_host(&indexes) {
            host
        } else {
            self.touch_index(package)?;
            index_host(&indexes).ok_or_else(|| unreachable("Cargo does not say where its index is".to_owned()))?
        };
        let address = Url::parse(&format!("https://{host}/")).map_err(|error| unreachable(error.to_string()))?;
        Ok((address, client))
    }

    /// Makes Cargo ask its index once, for a project of ours that wants nothing but the package.
    fn touch_index(&self, package: &str) -> Result<(), RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let file = |name: &str| crate::model::repository::RepoPath::new(name).expect("a constant path is plain");
        let manifest = format!(
            "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\n{package} = \"*\"\n"
        );
        let files =
            [(file("Cargo.toml"), manifest.into_bytes()), (file("src/lib.rs"), Vec::new())].into_iter().collect();
        let skeleton =
            Skeleton::new(&self.scratch, &self.cache, &files).map_err(|error| unreachable(error.to_string()))?;
        let output = self
            .runner
            .run(&probe(skeleton.place()), &skeleton.place().home)
            .map_err(|error| unreachable(error.to_string()))?;
        // A package that does not exist fails as well, but then the index has answered.
        let silent = index_host(&self.cache.join("cargo/registry/index")).is_none();
        if silent {
            // Its own words may repeat what a server says.
            let answers =
                if words::say_unreachable(&output.stderr) { "no answer" } else { "Cargo cannot ask its index" };
            return Err(unreachable(answers.to_owned()));
        }
        Ok(())
    }
}

impl Registry for CratesIo {
    fn serves(&self, source: &str) -> Result<bool, RegistryError> {
        Ok(SourceId::from_url(source).is_ok_and(|source| source.is_default_registry()))
    }

    fn releases(&self, package: &str) -> Result<Releases, RegistryError> {
        let package = grammar::package(Ecosystem::CratesIo, package)?;
        self.memory.remember(package, || {
            let (address, client) = self.address.get_or_init(|| self.discover(package)).clone()?;
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

fn probe(place: &Place) -> Invocation {
    let manifest = place.project.join("Cargo.toml").display().to_string();
    let env = [
        ("CARGO_HOME", place.cache.join("cargo").display().to_string()),
        ("CARGO_NET_RETRY", "1".to_owned()),
        ("CARGO_HTTP_TIMEOUT", "15".to_owned()),
    ];
    Invocation {
        program: "cargo".to_owned(),
        args: ["update", "--manifest-path", &manifest].map(str::to_owned).to_vec(),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        cwd: place.empty.clone(),
    }
}

/// The host of the sparse index: the folder is named `<host>-<hash>`, those of git registries have no `index.` in front.
///
/// Compared as a whole: a project may name registries of its own, and Cargo keeps their indexes in the same folder.
fn index_host(indexes: &Path) -> Option<String> {
    let own = format!("index.{REGISTRY}");
    std::fs::read_dir(indexes)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.rsplit_once('-')?.0.to_owned()))
        .find(|host| *host == own)
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
        let registry = CratesIo::new(Runner::from_environment(), Path::new("/none"), Path::new("/none"));
        let own = SourceId::default().to_string();
        assert!(registry.serves(&own).unwrap(), "{own}");
        assert!(!registry.serves("registry+https://registry.example/index").unwrap());
        assert!(!registry.serves("git+https://git.example/x").unwrap());
    }

    #[test]
    fn a_registry_that_a_project_names_is_never_taken_for_the_index() {
        let cache = tempfile::tempdir().unwrap();
        let own = format!("index.{REGISTRY}");
        for name in [format!("index.a{REGISTRY}-0123456789abcdef"), format!("{own}.example-0123456789abcdef")] {
            std::fs::create_dir(cache.path().join(name)).unwrap();
        }
        assert_eq!(index_host(cache.path()), None);
        std::fs::create_dir(cache.path().join(format!("{own}-1949cf8c6b5b557f"))).unwrap();
        assert_eq!(index_host(cache.path()), Some(own));
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
