//! No registry at all: what a run without a network knows of releases.

use super::contract::{Registry, RegistryError, Releases};

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
