//! Standing: what is on the forge already, and whether people have worked on it.

use super::{ProposeRequest, is_own};
use crate::git::commit;
use crate::model::proposal::{ExistingProposal, ProposalState};
use crate::template::state::{self, PullRequestState};

/// A proposal on the forge with what its hidden state says.
pub(super) struct Standing {
    pub(super) existing: Option<ExistingProposal>,
    pub(super) state: Option<PullRequestState>,
}

impl Standing {
    /// The state is trusted only in a pull request that the bot itself opened.
    pub(super) fn new(existing: Option<ExistingProposal>) -> Self {
        let state =
            existing.as_ref().filter(|proposal| proposal.ours).and_then(|proposal| state::parse(&proposal.body));
        Self { existing, state }
    }

    /// A run that was cut off after it moved the branch did not write down where to. What it left is still ours, and is
    /// made anew.
    pub(super) fn without_cut(mut self, request: &ProposeRequest<'_>) -> Self {
        let touched = self.is(ProposalState::Open) && self.is_touched();
        let tip = self.existing.as_ref().and_then(|existing| existing.head.clone()).filter(|_| touched);
        if let (Some(state), Some(tip)) = (&mut self.state, tip)
            && commit::message(&request.base.mirror, &tip).is_ok_and(|message| is_own(request, &message, &tip))
        {
            (state.fingerprint, state.content, state.head) = (String::new(), String::new(), Some(tip));
        }
        self
    }

    pub(super) fn is(&self, state: ProposalState) -> bool {
        self.existing.as_ref().is_some_and(|proposal| proposal.state == state)
    }

    /// Whether people have moved the branch since we left it.
    pub(super) fn is_touched(&self) -> bool {
        match (&self.existing, &self.state) {
            (Some(existing), Some(state)) => existing.head.is_some() && existing.head != state.head,
            // A pull request on our branch that is not ours, or whose state someone removed.
            (Some(existing), None) => existing.head.is_some(),
            (None, _) => false,
        }
    }
}
