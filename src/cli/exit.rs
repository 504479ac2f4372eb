//! Exit codes, and errors that end a command.

use std::process::ExitCode;

use crate::model::report::Report;
use crate::sandbox::interrupt::Signal;

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Clean,
    Findings,
    Usage,
    NothingRead,
    Incomplete,
    Interrupted(Signal),
}

impl Outcome {
    /// The exit code; documented in `--help`.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::NothingRead => 3,
            Self::Incomplete => 4,
            Self::Interrupted(signal) => signal.exit_code(),
        }
    }

    /// The outcome of a report, when nothing in it counts as a failure by itself.
    pub(super) fn of_reading(report: &Report) -> Self {
        if report.is_incomplete() {
            Self::Incomplete
        } else if report.lockfiles_read() == 0 {
            Self::NothingRead
        } else {
            Self::Clean
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// An error that ends a command before it did anything: usage, configuration, or a missing prerequisite.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: anyhow::Error,
    pub(super) hint: Option<String>,
    /// How the command ends: [`Outcome::Usage`] for what the user wrote, [`Outcome::Incomplete`] for what another run may get.
    pub(super) outcome: Outcome,
}

impl Failure {
    /// A failure with the way out.
    pub(super) fn with_hint(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: Some(hint.into()), outcome: Outcome::Usage }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), hint: None, outcome: Outcome::Usage }
    }
}
