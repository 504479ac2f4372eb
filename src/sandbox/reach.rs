//! Reach: which hosts a package manager may reach. They come from the package manager itself and from the operator, never
//! from a project.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Deserialize;
use url::Url;

use super::composer_manifest;
use super::proxy::{Door, Hosts, Proxy, Upstream};
use super::runner::{Invocation, Output, RunError, Runner};
use super::skeleton::Skeleton;
use crate::net::address::Authority;

/// Cargo's own registry. Its sparse index has the host `index.` of this name (Cargo's source, `CRATES_IO_HTTP_INDEX`), which
/// cargo-lock confirms in a test below: Cargo has the address built in and does not print it.
const CRATES_IO: &str = "crates.io";
/// The variable with which the operator gives npm another registry.
const NPM_REGISTRY: &str = "npm_config_registry";

/// What a process may reach, through the proxy and not otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// No host at all.
    Nothing,
    /// The index of Cargo's own registry. Not where archives lie: locking downloads none.
    Cargo,
    /// npm's own registry, or the one of the operator's `npm_config_registry`.
    Npm,
    /// Composer's own repository.
    Composer,
}

/// The address of a registry, and whether the operator named it: then it may be in a private network.
#[derive(Debug, Clone)]
struct Registry {
    address: Url,
    is_named: bool,
}

/// What the processes of a run share on their way to the network.
#[derive(Clone)]
pub(super) struct Network {
    upstream: Upstream,
    allowed: Vec<Authority>,
    scratch: PathBuf,
    cache: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    proxy: OnceLock<Proxy>,
    registries: Mutex<BTreeMap<Reach, Result<Registry, RunError>>>,
}

impl Network {
    /// Takes the operator's proxy from the environment.
    pub(super) fn from_environment() -> Self {
        let folder = std::env::temp_dir();
        Self {
            upstream: Upstream::from_environment(),
            allowed: Vec::new(),
            scratch: folder.clone(),
            cache: folder,
            shared: Arc::default(),
        }
    }

    /// Uses these folders for sockets and for what asks package managers.
    pub(super) fn use_folders(&mut self, scratch: &Path, cache: &Path) {
        (self.scratch, self.cache) = (scratch.to_path_buf(), cache.to_path_buf());
    }

    /// Adds hosts that every package manager may reach.
    pub(super) fn allow(&mut self, authorities: impl IntoIterator<Item = Authority>) {
        self.allowed.extend(authorities);
    }

    /// Forgets what package managers have said: they are about to get another environment.
    pub(super) fn forget(&mut self) {
        self.shared = Arc::default();
    }

    /// Opens a door to what a process may reach.
    pub(super) fn open(&self, runner: &Runner, reach: Reach) -> Result<Result<Door, io::Error>, RunError> {
        let hosts = match reach {
            Reach::Nothing => Hosts::default(),
            Reach::Cargo | Reach::Npm | Reach::Composer => {
                let registry = self.registry(runner, reach)?;
                let authority = Authority::of(&registry.address);
                let hosts = Hosts::default().with_named(self.allowed.iter().cloned());
                match authority {
                    Some(authority) if registry.is_named => hosts.with_named([authority]),
                    Some(authority) => hosts.with_public(authority),
                    None => hosts,
                }
            }
        };
        Ok(self.proxy().and_then(|proxy| proxy.open(hosts, &self.scratch)))
    }

    fn proxy(&self) -> io::Result<&Proxy> {
        if let Some(proxy) = self.shared.proxy.get() {
            return Ok(proxy);
        }
        // Who starts a second one at the same time drops it again.
        let proxy = Proxy::start(self.upstream.clone())?;
        Ok(self.shared.proxy.get_or_init(|| proxy))
    }

    /// The address of a package manager's registry. Asked once per run.
    pub(super) fn address(&self, runner: &Runner, reach: Reach) -> Result<Url, RunError> {
        Ok(self.registry(runner, reach)?.address)
    }

    fn registry(&self, runner: &Runner, reach: Reach) -> Result<Registry, RunError> {
        let mut known = self.shared.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = known.entry(reach).or_insert_with(|| match reach {
            Reach::Cargo => cargo(),
            Reach::Npm => self.npm(runner),
            Reach::Composer => self.composer(runner),
            Reach::Nothing => Err(unknown("nothing", &"it has none")),
        });
        registry.clone()
    }

    /// npm's built-in registry, or the one that the operator's `npm_config_registry` names.
    fn npm(&self, runner: &Runner) -> Result<Registry, RunError> {
        let output = self.ask(runner, |skeleton| {
            let below = |name: &str| skeleton.place().home.join(name).display().to_string();
            Invocation {
                program: "npm".to_owned(),
                args: ["config", "get", "registry", "--no-update-notifier"].map(str::to_owned).to_vec(),
                env: BTreeMap::from([
                    ("npm_config_userconfig".to_owned(), below("no-user-npmrc")),
                    ("npm_config_globalconfig".to_owned(), below("no-global-npmrc")),
                ]),
                cwd: skeleton.place().empty.clone(),
                reach: Reach::Nothing,
            }
        })?;
        let mut address = parse("npm", output.stdout.trim())?;
        if !address.path().ends_with('/') {
            let path = format!("{}/", address.path());
            address.set_path(&path);
        }
        Ok(Registry { address, is_named: runner.variable(NPM_REGISTRY).is_some_and(|value| value != OsStr::new("")) })
    }

    /// Composer's built-in repository.
    fn composer(&self, runner: &Runner) -> Result<Registry, RunError> {
        /// One of the repositories that `composer config` tells.
        #[derive(Deserialize)]
        struct Repository {
            url: String,
        }
        let output = self.ask(runner, |skeleton| {
            let flags = composer_manifest::FLAGS.iter().copied();
            Invocation {
                program: "composer".to_owned(),
                args: ["config", "--global", "repositories"].into_iter().chain(flags).map(str::to_owned).collect(),
                env: composer_manifest::environment(skeleton.place()),
                cwd: skeleton.place().empty.clone(),
                reach: Reach::Nothing,
            }
        })?;
        let repositories: BTreeMap<String, Repository> =
            serde_json::from_str(&output.stdout).map_err(|error| unknown("composer", &error))?;
        let repository = repositories.values().next().ok_or_else(|| unknown("composer", &"it names none"))?;
        Ok(Registry { address: parse("composer", &repository.url)?, is_named: false })
    }

    /// What a package manager says in an empty folder with an empty home.
    fn ask(&self, runner: &Runner, question: impl Fn(&Skeleton) -> Invocation) -> Result<Output, RunError> {
        let skeleton =
            Skeleton::new(&self.scratch, &self.cache, &BTreeMap::new()).map_err(|error| unknown("a tool", &error))?;
        runner.run(&question(&skeleton), skeleton.place())
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Network").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

fn cargo() -> Result<Registry, RunError> {
    let address = parse("cargo", &format!("https://index.{CRATES_IO}/"))?;
    Ok(Registry { address, is_named: false })
}

fn parse(program: &str, address: &str) -> Result<Url, RunError> {
    Url::parse(address).map_err(|error| unknown(program, &error))
}

fn unknown(program: &str, reason: &dyn std::fmt::Display) -> RunError {
    RunError::NoRegistry { program: program.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cargo_lock::package::SourceId;

    #[test]
    fn cargos_registry_is_the_one_that_lockfiles_name() {
        let address = cargo().unwrap().address;
        let source = SourceId::from_url(&format!("sparse+{address}")).unwrap();
        assert!(source.is_default_registry(), "{address}");
    }

    #[test]
    fn the_operators_registry_is_named_and_npms_own_is_not() {
        let runner = Runner::from_environment();
        if runner.network().registry(&runner, Reach::Npm).is_err() {
            eprintln!("skipped: `npm` is not installed");
            return;
        }
        let own = runner.clone().with_variable(NPM_REGISTRY, "http://localhost:4873/npm");
        let registry = own.network().registry(&own, Reach::Npm).unwrap();
        assert_eq!((registry.address.as_str(), registry.is_named), ("http://localhost:4873/npm/", true));
    }

    #[test]
    fn composers_repository_is_its_own() {
        let runner = Runner::from_environment();
        match runner.network().registry(&runner, Reach::Composer) {
            Ok(registry) => assert!(registry.address.scheme() == "https" && !registry.is_named),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
}
