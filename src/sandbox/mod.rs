//! The sandbox: the only place that starts a process of an ecosystem.

pub(crate) mod runner;
pub(crate) mod skeleton;
pub(crate) mod toolchain;
