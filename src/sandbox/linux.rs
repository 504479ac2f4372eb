//! Linux: the walls around package managers, built by two supervisors that are this same program again.

mod attack;
mod calls;
mod confine;
mod descendants;
mod inner;
mod limits;
mod outer;
mod raw;
mod relay;

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

pub(crate) use attack::run as attack;
pub(crate) use limits::FILE_SIZE;
pub(crate) use outer::HALF_MADE;

/// Which namespaces the supervisor is in.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Namespaces {
    /// Why there is no network namespace; `None` where there is one.
    network: Option<String>,
    /// The same for processes.
    process: Option<String>,
    /// Whether the processes of the user are counted for this namespace alone.
    counts_apart: bool,
}

impl Namespaces {
    fn none(reason: &str) -> Self {
        Self { network: Some(reason.to_owned()), process: Some(reason.to_owned()), counts_apart: false }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Runs a supervisor to its end: the inner one where the namespaces are named, else the outer one.
pub(crate) fn supervise(inside: Option<&str>, with_namespaces: bool) -> ExitCode {
    match inside {
        Some(namespaces) => inner::run(namespaces),
        None => outer::run(with_namespaces),
    }
}
