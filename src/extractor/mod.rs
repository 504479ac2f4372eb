//! Extractors: read the dependencies a file pins. To add one: write `extractor/<name>.rs`, then its two lines below.

mod apk_installed;
mod bun_lock;
mod cabal_freeze;
mod cargo_lock;
mod chart_lock;
mod compose;
mod composer_lock;
mod conan_lock;
mod contract;
mod cyclonedx;
mod deno_lock;
mod dockerfile;
mod dpkg_status;
mod flake_lock;
mod gemfile_lock;
mod gitmodules;
mod go_mod;
mod go_sum;
mod go_work;
mod gradle_build;
mod gradle_lockfile;
mod gradle_verification;
mod mix_lock;
mod msbuild;
mod package_lock;
mod package_resolved;
mod packages_config;
mod packages_lock_json;
mod pdm_lock;
mod pipfile_lock;
mod pnpm_lock;
mod podfile_lock;
mod poetry_lock;
mod pom;
mod pubspec_lock;
mod pylock;
mod renv_lock;
mod requirements;
mod spdx;
mod stack_yaml_lock;
mod terraform_lock;
mod uv_lock;
mod workflow;
mod yarn_lock;

pub use contract::{Configured, Extractor, LockfileChoice, Noted, ParseError, SourceFile};

/// Every extractor, in report order.
pub static EXTRACTORS: &[&dyn Extractor] = &[
    // In report order.
    &cargo_lock::CargoLock,
    &package_lock::PackageLock,
    &yarn_lock::YarnLock,
    &pnpm_lock::PnpmLock,
    &bun_lock::BunLock,
    &deno_lock::DenoLock,
    &composer_lock::ComposerLock,
    &gemfile_lock::GemfileLock,
    &go_mod::GoMod,
    &go_sum::GoSum,
    &go_work::GoWork,
    &gradle_lockfile::GradleLockfile,
    &gradle_build::GradleBuild,
    &gradle_verification::GradleVerification,
    &pom::Pom,
    &mix_lock::MixLock,
    &pubspec_lock::PubspecLock,
    &package_resolved::PackageResolved,
    &podfile_lock::PodfileLock,
    &stack_yaml_lock::StackYamlLock,
    &cabal_freeze::CabalFreeze,
    &poetry_lock::PoetryLock,
    &uv_lock::UvLock,
    &pdm_lock::PdmLock,
    &pipfile_lock::PipfileLock,
    &pylock::Pylock,
    &requirements::Requirements,
    &packages_lock_json::PackagesLockJson,
    &packages_config::PackagesConfig,
    &msbuild::Msbuild,
    &renv_lock::RenvLock,
    &conan_lock::ConanLock,
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
mod mandatory_key_tests;
#[cfg(test)]
mod testing;
