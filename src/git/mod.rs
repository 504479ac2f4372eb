//! Git: bare shallow mirrors and trees at a commit, never a checkout.

mod address;
pub(crate) mod commit;
mod connection;
pub(crate) mod create;
pub(crate) mod folder;
mod guard;
pub(crate) mod history;
mod http;
mod link;
pub(crate) mod local;
pub(crate) mod mirror;
pub(crate) mod overlap;
mod packets;
pub(crate) mod patch;
pub(crate) mod remote;
#[cfg(test)]
pub(crate) mod scratch;
pub(crate) mod submodules;
pub(crate) mod tree;
