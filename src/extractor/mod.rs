//! Extractors: read the dependencies a file pins. To add one: write `extractor/<name>.rs`, then its two lines below.

mod apk_installed;
mod cargo_lock;
mod chart_lock;
mod compose;
mod composer_lock;
mod contract;
mod cyclonedx;
mod dockerfile;
mod dpkg_status;
mod flake_lock;
mod gitmodules;
mod package_lock;
mod spdx;
mod terraform_lock;
mod workflow;

pub use contract::{Extractor, ParseError, SourceFile};

/// Every extractor, in report order.
pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
    &package_lock::PackageLock,
    &composer_lock::ComposerLock,
    &workflow::Workflow,
    &gitmodules::Gitmodules,
    &flake_lock::FlakeLock,
    &terraform_lock::TerraformLock,
    &chart_lock::ChartLock,
    &dockerfile::Dockerfile,
    &compose::Compose,
    &cyclonedx::CycloneDx,
    &spdx::Spdx,
    &dpkg_status::DpkgStatus,
    &apk_installed::ApkInstalled,
];

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod testing;
