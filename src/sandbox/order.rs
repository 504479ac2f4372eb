//! Orders: what the supervisor is told, and what it answers; one line of JSON each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::confinement::Enforced;

/// Variables by which package managers find a proxy: those of everybody, Cargo's and npm's own. Where several are obeyed,
/// all say the same.
pub(crate) const PROXY_VARIABLES: [&str; 7] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "CARGO_HTTP_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
];

/// The variables that lead to a proxy at a port of 127.0.0.1; none without a port.
pub(super) fn way_to_proxy(port: Option<u16>) -> impl Iterator<Item = (String, String)> {
    let address = port.map(|port| format!("http://127.0.0.1:{port}"));
    address.into_iter().flat_map(|address| PROXY_VARIABLES.map(|name| (name.to_owned(), address.clone())))
}

/// What is to be started, and what it may reach.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The program; `None` when only the walls are to be tried.
    pub(crate) command: Option<Command>,
    /// Files and folders, with all that is in them.
    pub(crate) grants: Grants,
    /// The proxy; without one there is no network.
    pub(crate) route: Option<Route>,
    /// Whether nothing is started when a wall that is required is missing.
    pub(crate) required: bool,
    /// When the program and all that it has started are ended.
    pub(crate) milliseconds: u64,
}

/// A program with all that it is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Command {
    /// Its file.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its whole environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Where it starts.
    pub(crate) cwd: PathBuf,
}

/// What may be opened. What does not exist is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grants {
    /// For reading.
    pub(crate) read: BTreeSet<PathBuf>,
    /// For reading and starting.
    pub(crate) execute: BTreeSet<PathBuf>,
    /// For everything but starting.
    pub(crate) write: BTreeSet<PathBuf>,
}

/// The doors of the proxy: the socket is for a network namespace, the port for where there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Route {
    /// A Unix socket.
    pub(crate) socket: PathBuf,
    /// A TCP port of the loopback address; not looked at in a network namespace.
    pub(crate) port: u16,
}

/// What came of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The walls.
    pub(crate) enforced: Enforced,
    /// What became of the program.
    pub(crate) ending: Ending,
}

/// What became of the program.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// Nothing was to be started.
    Tried,
    /// A wall is missing, and it was not started.
    Refused,
    /// It could not be started.
    Failed(String),
    /// It took too long and was killed.
    TimedOut,
    /// It ended.
    Ended {
        /// Its exit code; `None` when a signal ended it.
        status: Option<i32>,
        /// The first part of its output.
        stdout: String,
        /// The first part of its messages.
        stderr: String,
    },
}
