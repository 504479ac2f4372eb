//! The sandbox: the only place that starts a process of an ecosystem.

#[cfg(target_os = "linux")]
pub(crate) mod attack;
mod capture;
pub(crate) mod cargo_project;
pub(crate) mod composer_manifest;
pub(crate) mod content_hash;
pub(crate) mod grammar;
mod grants;
pub(crate) mod inside;
pub(crate) mod interrupt;
mod launch;
pub(crate) mod layout;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
mod order;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod runner;
pub(crate) mod scratch;
pub(crate) mod secrets;
pub(crate) mod skeleton;
pub(crate) mod supervisor;
pub(crate) mod tool_log;
pub(crate) mod toolchain;
#[cfg(target_os = "linux")]
pub(crate) mod trial;
pub(crate) mod vanishing;
pub(crate) mod words;
