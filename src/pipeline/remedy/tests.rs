//! Remedies with the real package managers. Each test says why it is skipped where a tool or the network is missing.

mod cargo;
mod cargo_accepts;
mod cargo_cases;
mod cargo_kinds;
mod cargo_real;
mod composer;
mod elsewhere;
mod npm;
mod npm_cases;
mod npm_kinds;
mod pins;
mod poisoned;
mod stand_ins;
mod world;
