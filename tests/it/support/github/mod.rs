//! A stand-in for GitHub: one state, REST over TLS on loopback, and real git behind it. To add a route: its line in the
//! `route` function of the file it belongs to.

mod builder;
mod certificate;
mod composer;
mod disk;
mod exchange;
mod git_data;
mod issues;
mod problem;
mod pulls;
mod repositories;
mod router;
mod server;
mod smart_http;
mod standin;
mod state;
mod views;

pub(crate) use standin::{BOT, GitHub, PullRequest, REVIEWER, TOKEN};
pub(crate) use state::Unseen;
