//! The integration tests: the built binary against a stand-in for GitHub with real git behind it, one file per scenario.

mod support;

mod apps;
mod audit_remote;
mod canaries;
mod cargo_git;
mod corpus;
mod coverage;
mod db;
mod documents;
mod dry_run;
mod exit_codes;
mod forged_state;
mod hiding;
mod hostile;
mod ignores;
mod interrupt;
mod limits;
mod lookalikes;
mod loose;
mod memory;
mod mergeable;
mod named_lockfiles;
mod npm_elsewhere;
mod organisation;
mod outgoing;
mod people;
mod pitfalls;
mod proxy;
mod right_or_said;
mod routes;
mod said;
#[cfg(target_os = "linux")]
mod sandbox;
mod secrets;
mod slow_servers;
mod stale_base;
mod standin;
mod swapped_index;
mod three_ecosystems;
mod tools_not_started;
mod untrusted_sources;
mod versions;
mod way_out;
mod workflow_commands;
mod yanked;
