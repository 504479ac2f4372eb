//! Remedies with the real package managers. Each test says why it is skipped where a tool or the network is missing.

mod cargo;
mod composer;
mod elsewhere;
mod npm;
mod pins;
mod poisoned;
mod world;
