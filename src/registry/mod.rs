//! Registries: which releases of a package can be had. To add one: write `registry/<name>.rs`, then its two lines below.

mod contract;
mod crates_io;
mod npm;
mod packagist;

pub(crate) use contract::{Connect, Offline, Registry, RegistryError, RegistrySettings, Sharing, Sources};

use crate::model::ecosystem::Ecosystem;
use Sharing::{PerManifest, PerRun};

pub(crate) static REGISTRIES: &[(Ecosystem, Sharing, Connect)] = &[
    // One per ecosystem.
    (Ecosystem::CratesIo, PerRun, crates_io::connect),
    (Ecosystem::Npm, PerRun, npm::connect),
    (Ecosystem::Packagist, PerManifest("composer.json"), packagist::connect),
];
