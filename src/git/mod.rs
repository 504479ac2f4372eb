//! Git: bare shallow mirrors and trees at a commit, never a checkout.

pub(crate) mod create;
pub(crate) mod folder;
pub(crate) mod mirror;
pub(crate) mod remote;
pub(crate) mod tree;
