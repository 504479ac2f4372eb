//! Registries: which releases of a package can be had. To add one: write `registry/<name>.rs`, then its two lines below.

mod contract;
mod crates_io;
mod npm;
mod offline;
mod packagist;

pub(crate) use contract::{Registry, RegistryError};
pub(crate) use crates_io::CratesIo;
pub(crate) use npm::NpmRegistry;
pub(crate) use offline::Offline;
pub(crate) use packagist::Packagist;
