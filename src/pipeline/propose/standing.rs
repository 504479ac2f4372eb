//! Standing: what is on the forge already, what the bot may believe of it, and whether people have worked on it.
//!
//! Nothing is believed because it stands in a pull request's text: everybody who may write to the repository can edit that.
//! What counts is what the bot has sealed with its key (the hidden state in the text, which must also fit the branch, because
//! an old one can be put back; its commit) and, without a key, what the forge itself vouches for: who opened the pull
//! request and when, who moved the branch, who closed it.

use anyhow::Context as _;

use super::{ProposeRequest, ledger};
use crate::forge::ForgeError;
use crate::git::commit;
use crate::model::proposal::{ExistingProposal, ProposalState, PublishedCommit};
use crate::model::repository::CommitId;
use crate::template::state::{self, Memory, Place, PullRequestState};

/// A proposal on the forge with what the bot knows about it.
pub(super) struct Standing {
    pub(super) existing: Option<ExistingProposal>,
    /// What is proven; `None` where everything has to be found out anew.
    pub(super) state: Option<PullRequestState>,
    /// Whether the hidden state in the text is as the bot left it: proven, or absent where there is no key.
    is_written: bool,
    /// Whether people have moved the branch since we left it, or the pull request on it is not ours.
    pub(super) is_touched: bool,
}

/// Whose a commit on the bot's branch is.
pub(super) enum Maker {
    /// The bot's, proven: what its message says is true.
    Bot(Box<PublishedCommit>),
    /// The bot's as far as can be seen: it is not left to people, and nothing that it says is believed. What is made anew
    /// replaces it.
    ProbablyBot,
    /// People's.
    People,
}

impl Standing {
    /// Looks the pull request of a branch up, and finds out what is known about it.
    pub(super) async fn of(request: &ProposeRequest<'_>, branch: &str) -> anyhow::Result<Self> {
        let forge = &request.night.forge;
        let existing = forge.existing(request.project, branch).await.context("look up the pull request")?;
        let Some(existing) = existing else { return Ok(Self::nothing()) };
        if !existing.ours {
            let is_touched = existing.head.is_some();
            return Ok(Self { existing: Some(existing), is_touched, ..Self::nothing() });
        }
        let place = request.place(branch);
        let open = existing.state == ProposalState::Open;
        let left_at = if open { existing.head.clone() } else { existing.last_head.clone().or(existing.head.clone()) };
        let written = written(request, &place, &existing, left_at.as_ref());
        let expected = usize::from(!request.night.keys.is_empty());
        let is_written = state::count(&existing.body) == expected && usize::from(written.is_some()) == expected;
        let (state, mut is_touched) = match (written, &left_at) {
            (Some(state), _) => (Some(state), false),
            (None, Some(commit)) => recall(request, &place, &existing, commit).await?,
            (None, None) => (None, false),
        };
        let state = state.map(|mut state| {
            // The deadline never counts from later than the day on which the pull request was opened.
            let first_seen = state.memory.first_seen;
            state.memory.first_seen = existing.created_at.map_or(first_seen, |opened| opened.min(first_seen));
            state
        });
        if existing.head != left_at {
            // Closed, and the branch was deleted or has moved on since.
            is_touched = match &existing.head {
                Some(tip) => matches!(maker(request, &place, tip).await?, Maker::People),
                None => false,
            };
        }
        Ok(Self { existing: Some(existing), state, is_written, is_touched })
    }

    const fn nothing() -> Self {
        Self { existing: None, state: None, is_written: false, is_touched: false }
    }

    pub(super) fn is(&self, state: ProposalState) -> bool {
        self.existing.as_ref().is_some_and(|proposal| proposal.state == state)
    }

    /// What is proven about an open pull request.
    pub(super) fn open_memory(&self) -> Option<&Memory> {
        self.state.as_ref().filter(|_| self.is(ProposalState::Open)).map(|state| &state.memory)
    }

    /// When an open pull request was opened, by the forge's clock.
    pub(super) fn opened_at(&self) -> Option<jiff::Timestamp> {
        self.existing.as_ref().filter(|_| self.is(ProposalState::Open))?.created_at
    }

    /// Whether title, text, labels and target are those that the bot left; people's boxes, notes and labels aside.
    pub(super) fn reads_as_left(&self, request: &ProposeRequest<'_>) -> bool {
        let (Some(existing), Some(memory)) = (&self.existing, self.open_memory()) else { return false };
        let labels = existing.labels.iter().map(String::as_str);
        self.is_written
            && existing.base == request.base.branch
            && state::digest(&existing.title, &existing.body, labels) == memory.words
    }
}

/// What the hidden state says, where it is proven and fits what the forge knows. An old state of the same pull request
/// fits an old commit only, and one of another has another number or commit.
fn written(
    request: &ProposeRequest<'_>,
    place: &Place,
    existing: &ExistingProposal,
    commit: Option<&CommitId>,
) -> Option<PullRequestState> {
    let state = state::parse(&existing.body, &request.night.keys, place)?;
    let fits = Some(&state.head) == commit && state.number.is_none_or(|number| number == existing.number);
    fits.then_some(state)
}

/// What else is known about a pull request that stands at `commit`, and whether people brought it there.
async fn recall(
    request: &ProposeRequest<'_>,
    place: &Place,
    existing: &ExistingProposal,
    commit: &CommitId,
) -> anyhow::Result<(Option<PullRequestState>, bool)> {
    Ok(match maker(request, place, commit).await? {
        Maker::Bot(found) => {
            let state = |memory| PullRequestState { number: Some(existing.number), head: commit.clone(), memory };
            (ledger::read(&found).map(state), false)
        }
        Maker::ProbablyBot => (None, false),
        Maker::People => (None, true),
    })
}

/// Whose a commit on the bot's branch is. A request or two, unless it is sealed.
pub(super) async fn maker(request: &ProposeRequest<'_>, place: &Place, id: &CommitId) -> anyhow::Result<Maker> {
    let (forge, project, keys) = (&request.night.forge, request.project, &request.night.keys);
    let mirrored = commit::read(&request.base.mirror, id).ok().map(|(commit, _)| commit);
    if let Some(commit) = mirrored.as_ref().filter(|commit| ledger::is_sealed(commit, keys, place)) {
        return Ok(Maker::Bot(Box::new(commit.clone())));
    }
    // The mirror may be a moment older than the forge, and does not hold what no branch holds any more.
    let (commit, by_us) = match forge.commit(project, id).await {
        Ok(found) => found,
        // Of a closed pull request, perhaps: then nobody knows what it said.
        Err(ForgeError::NotFound { .. }) => return Ok(Maker::People),
        Err(error) => return Err(error).context("look up the commit on the branch"),
    };
    if ledger::is_sealed(&commit, keys, place) {
        return Ok(Maker::Bot(Box::new(commit)));
    }
    if !ledger::is_whole(&commit) {
        return Ok(Maker::People);
    }
    let pushed = forge.pushed_by_us(project, &place.branch, id).await.context("look up who moved the branch")?;
    Ok(match pushed {
        // With a key, the forge's word is not enough: other workflows may share the bot's account.
        Some(true) if keys.is_empty() => Maker::Bot(Box::new(commit)),
        Some(true) => Maker::ProbablyBot,
        None if by_us => Maker::ProbablyBot,
        Some(false) | None => Maker::People,
    })
}
