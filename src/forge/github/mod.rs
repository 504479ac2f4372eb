//! GitHub and GitHub Enterprise Server, through octocrab and the Git Data API.

mod api;
mod failure;
mod forge;
mod identity;
mod labels;
mod projects;
mod proposals;
mod provenance;
mod publish;
#[cfg(test)]
mod tests;

pub(super) use forge::connect;
