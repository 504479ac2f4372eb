//! Failure: why a remedy did not work out, with its cause and what a person can do.

use crate::model::remedy::{BlockCause, BlockingParent};
use crate::registry::RegistryError;
use crate::sandbox::proxy;
use crate::updater::{Reason, Said, Sibling};

/// Why something did not work out.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) cause: BlockCause,
    pub(super) explanation: String,
    pub(super) next_step: Option<String>,
    pub(super) chain: Vec<BlockingParent>,
    /// How many links before the last one of `chain` are left out.
    pub(super) chain_left_out: usize,
    /// What the tool said, where it was a tool that failed.
    pub(super) said: Option<Box<Said>>,
}

impl Failure {
    pub(super) fn new(cause: BlockCause, explanation: impl Into<String>) -> Self {
        Self {
            cause,
            explanation: explanation.into(),
            next_step: None,
            chain: Vec::new(),
            chain_left_out: 0,
            said: None,
        }
    }

    /// What the tool said of why it failed.
    pub(super) fn reason(&self) -> Option<&Reason> {
        self.said.as_deref().and_then(|said| said.reason.as_ref())
    }

    /// The locked packages that the tool named as standing in the way.
    pub(super) fn siblings(&self) -> &[Sibling] {
        self.said.as_deref().map_or(&[], |said| said.siblings.as_slice())
    }

    pub(super) fn with_next_step(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let text = format!("failed to {error}");
        match error {
            RegistryError::Unreachable { .. } => Self::new(BlockCause::RegistryUnreachable, text),
            RegistryError::Unknown { .. } => Self::new(BlockCause::NoFixedVersion, text),
            RegistryError::Malformed { .. } => Self::new(BlockCause::ToolFailed, text),
            RegistryError::Name(_) => Self::new(BlockCause::Refused, text),
            RegistryError::Refused(cause) => cause.into(),
        }
    }
}

impl From<proxy::Cause> for Failure {
    fn from(cause: proxy::Cause) -> Self {
        let kind = if cause.is_outage { BlockCause::RegistryUnreachable } else { BlockCause::Refused };
        Self::new(kind, cause.explanation).with_next_step(cause.next_step)
    }
}
