//! What the scenarios stand on: the stand-in for GitHub, the bot under test, git, and the fixtures.

pub(crate) mod bot;
pub(crate) mod client;
pub(crate) mod fixtures;
pub(crate) mod git;
pub(crate) mod github;
pub(crate) mod known;
pub(crate) mod sink;
