//! Tools: what all remedies of a run share.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::Failure;
use super::proved::Version;
use crate::model::confinement::{Confinement, Gap};
use crate::model::ecosystem::Ecosystem;
use crate::net::address::Authority;
use crate::registry::{Connect, Offline, REGISTRIES, Registry, RegistrySettings, Sharing};
use crate::sandbox::runner::Runner;
use crate::sandbox::skeleton::Skeleton;
use crate::sandbox::supervisor::Supervisor;
use crate::sandbox::tool_log::ToolLog;
use crate::sandbox::toolchain;
use crate::updater::Files;

/// By ecosystem and, where it says which repositories are asked, the project's manifest.
type Registries = HashMap<(Ecosystem, Vec<u8>), Arc<dyn Registry>>;

/// The runner, the scratch and cache folders, and the registries with what they have answered.
pub(crate) struct Tools {
    pub(super) runner: Runner,
    pub(super) scratch: PathBuf,
    pub(super) cache: PathBuf,
    /// What tools say, for whoever runs patchparty.
    pub(super) log: ToolLog,
    versions: Mutex<HashMap<&'static str, Result<Version, Failure>>>,
    registries: Mutex<Registries>,
    offline: bool,
}

/// What keeps each package manager from the network, whatever it is asked to do.
const OFFLINE_VARIABLES: [(&str, &str); 3] =
    [("CARGO_NET_OFFLINE", "true"), ("COMPOSER_DISABLE_NETWORK", "1"), ("npm_config_offline", "true")];

impl Tools {
    /// Looks for the Rust toolchain; everything else waits until it is needed.
    ///
    /// `scratch` holds folders that vanish, `cache` what package managers keep from run to run; the bot owns both.
    pub(crate) fn new(confinement: Confinement, scratch: &Path, cache: &Path) -> io::Result<Self> {
        Self::with_runner(runner(confinement)?, scratch, cache)
    }

    /// The same without a network: what needs a registry is blocked and says so, pins are still made.
    pub(crate) fn offline(confinement: Confinement, scratch: &Path, cache: &Path) -> io::Result<Self> {
        let runner = OFFLINE_VARIABLES
            .iter()
            .fold(runner(confinement)?, |runner, (name, value)| runner.with_variable(name, value));
        Ok(Self { offline: true, ..Self::with_runner(runner, scratch, cache)? })
    }

    /// The same with another runner.
    pub(crate) fn with_runner(runner: Runner, scratch: &Path, cache: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(scratch)?;
        std::fs::create_dir_all(cache)?;
        let (scratch, cache) = (scratch.canonicalize()?, cache.canonicalize()?);
        let runner = runner.with_folders(&scratch, &cache);
        let probe = Skeleton::new(&scratch, &cache, &BTreeMap::new()).map_err(io::Error::other)?;
        let runner = match toolchain::rust_toolchain(&runner, probe.place()) {
            Some(root) => runner.with_installation(&root),
            None => runner,
        };
        let (log, versions, registries) = (ToolLog::beside(&cache), Mutex::default(), Mutex::default());
        Ok(Self { log, versions, registries, offline: false, runner, scratch, cache })
    }

    /// The version of a tool, or why it is not used: what `ask` answers, once for a run.
    pub(super) fn version_of(
        &self,
        tool: &'static str,
        ask: impl FnOnce() -> Result<Version, Failure>,
    ) -> Result<Version, Failure> {
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(tool).or_insert_with(ask).clone()
    }

    /// The same with hosts that every package manager may reach besides its registry: those that the policy names.
    #[must_use]
    pub(crate) fn allowing(mut self, hosts: &[Authority]) -> Self {
        self.runner = self.runner.with_allowed(hosts.iter().cloned());
        self
    }

    /// The walls that are missing around the package managers.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.runner.gaps()
    }

    /// Where the words of failed package managers lie, when there are any of this run.
    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.written()
    }

    /// Who knows the releases of the packages of a lockfile; `None` for ecosystems without a registry.
    pub(super) fn registry(&self, ecosystem: Ecosystem, files: &Files) -> Option<Arc<dyn Registry>> {
        if self.offline {
            return Some(Arc::new(Offline));
        }
        let &(_, sharing, connect) = REGISTRIES.iter().find(|(served, _, _)| *served == ecosystem)?;
        let manifest = match sharing {
            Sharing::PerRun => Vec::new(),
            Sharing::PerManifest(name) => files.beside(name).map(|(_, content)| content.to_vec()).unwrap_or_default(),
        };
        Some(self.connected(ecosystem, manifest, connect))
    }

    /// Who knows the releases of an ecosystem whatever the project; `None` where the project's manifest decides.
    pub(crate) fn registry_of_run(&self, ecosystem: Ecosystem) -> Option<Arc<dyn Registry>> {
        if self.offline {
            return Some(Arc::new(Offline));
        }
        let &(_, sharing, connect) = REGISTRIES.iter().find(|(served, _, _)| *served == ecosystem)?;
        (sharing == Sharing::PerRun).then(|| self.connected(ecosystem, Vec::new(), connect))
    }

    /// The registry that is connected already, or is now.
    fn connected(&self, ecosystem: Ecosystem, manifest: Vec<u8>, connect: Connect) -> Arc<dyn Registry> {
        let mut known = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = known.entry((ecosystem, manifest)).or_insert_with_key(|(_, manifest)| {
            let (scratch, cache) = (self.scratch.as_path(), self.cache.as_path());
            connect(&RegistrySettings { runner: &self.runner, scratch, cache, manifest })
        });
        Arc::clone(registry)
    }
}

/// A runner that does what the policy says.
fn runner(confinement: Confinement) -> io::Result<Runner> {
    let runner = Runner::from_environment();
    match confinement {
        Confinement::Off => Ok(runner),
        Confinement::Required | Confinement::BestEffort => Ok(runner.confined(Arc::new(Supervisor::new(confinement)?))),
    }
}
