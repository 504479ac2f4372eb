//! The sandbox: the only place that starts a process of an ecosystem.

pub(crate) mod cargo_project;
pub(crate) mod composer_manifest;
pub(crate) mod content_hash;
pub(crate) mod grammar;
pub(crate) mod inside;
pub(crate) mod interrupt;
pub(crate) mod layout;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod runner;
pub(crate) mod scratch;
pub(crate) mod secrets;
pub(crate) mod skeleton;
pub(crate) mod tool_log;
pub(crate) mod toolchain;
pub(crate) mod words;
