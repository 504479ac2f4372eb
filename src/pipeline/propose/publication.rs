//! Publication: brings the forge in line with what was made.

use anyhow::Context as _;

use super::standing::{Maker, Standing, maker};
use super::{ProposeRequest, Proposed, advisories_of, ledger, loose_dependencies_of};
use crate::git::commit;
use crate::model::finding::Finding;
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, ProposalState};
use crate::model::remedy::{Blocked, Remedy};
use crate::model::report::{ProposalAction, ProposalReport};
use crate::model::repository::CommitId;
use crate::pipeline::fingerprint;
use crate::pipeline::plan::barred_by;
use crate::pipeline::pull_request::{self, WriteRequest, Written};
use crate::template::notes::carry_notes;
use crate::template::state::{self, Memory, PullRequestState};
use crate::template::ticks::carry_ticks;

/// Everything that is known once the remedies are made.
pub(super) struct Publication<'a> {
    pub(super) request: &'a ProposeRequest<'a>,
    pub(super) branch: String,
    pub(super) standing: Standing,
    pub(super) fingerprint: String,
    pub(super) findings: Vec<Finding>,
    pub(super) remedies: Vec<Remedy>,
    pub(super) blocked: Vec<Blocked>,
}

impl Publication<'_> {
    pub(super) async fn publish(self) -> anyhow::Result<Proposed> {
        let open = self.standing.is(ProposalState::Open);
        let content = fingerprint::of_content(&self.remedies);
        // The same change again: the commit under test stays, only the words move.
        let kept = self.standing.open_memory();
        let keep = self.standing.state.as_ref().filter(|_| kept.is_some_and(|memory| memory.content == content));
        let base_commit = keep.map_or(&self.request.base.commit, |state| &state.memory.base_commit).clone();
        let first_seen = kept.map(|memory| memory.first_seen).or(self.standing.opened_at());
        let first_seen = first_seen.unwrap_or(self.request.night.now);
        let written = self.write(&base_commit, first_seen)?;
        let labels = written.labels.iter().map(|label| label.name.as_str());
        let memory = Memory {
            fingerprint: self.fingerprint.clone(),
            content,
            complete: self.blocked.is_empty(),
            base_commit,
            first_seen,
            words: state::digest(&written.title, &written.body, labels),
            advisories: advisories_of(&self.findings),
            loose: loose_dependencies_of(&self.findings),
        };
        let head = match keep.map(|state| state.head.clone()) {
            Some(head) => head,
            None => self.commit(&written, &memory).await?,
        };
        let number = self.standing.existing.as_ref().filter(|_| open).map(|existing| existing.number);
        let state = PullRequestState { number, head, memory };
        // The number alone, which the first text could not have, is no reason to write.
        let same = self.standing.state.clone().filter(|known| PullRequestState { number, ..known.clone() } == state);
        self.open_or_update(&written, &same.unwrap_or(state), open).await
    }

    fn write(&self, base_commit: &CommitId, first_seen: jiff::Timestamp) -> anyhow::Result<Written> {
        let blocked: Vec<Blocked> = self.blocked.iter().cloned().chain(self.request.left_by_hand()).collect();
        pull_request::write(&WriteRequest {
            project: self.request.project,
            route: self.request.route,
            base_branch: &self.request.base.branch,
            base_commit,
            remedies: &self.remedies,
            findings: &self.findings,
            blocked: &blocked,
            policy: self.request.policy,
            first_seen,
            templates: &self.request.night.templates,
        })
        .context("word the pull request")
    }

    async fn commit(&self, written: &Written, memory: &Memory) -> anyhow::Result<CommitId> {
        let base_commit = &memory.base_commit;
        let mut files: Vec<_> = self.remedies.iter().flat_map(|remedy| remedy.changes.iter().cloned()).collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let tree = commit::tree_of(&self.request.base.mirror, base_commit, &files).context("name the commit's tree")?;
        let sealing = (&self.request.night.keys, &self.request.place(&self.branch));
        let message = ledger::message(&written.commit_message, &tree, memory, sealing);
        let change = ChangeSet { branch: self.branch.clone(), base: base_commit.clone(), files, message };
        let (forge, project) = (&self.request.night.forge, self.request.project);
        if let Some(bar) = barred_by(&self.request.base.proposals, &self.branch) {
            anyhow::bail!(
                "create branch `{}`: git cannot hold it beside branch `{bar}`; rename or delete that one, and the next run opens the pull request",
                self.branch
            );
        }
        let tip = match &self.standing.existing {
            Some(existing) => existing.head.clone(),
            None => self.own_tip().await?,
        };
        forge.publish(project, &change, tip.as_ref()).await.context("publish the commit")
    }

    /// The tip of a branch that no pull request tells of: left by a run that was cut off before it could open one, or
    /// made by a person, whose work is never overwritten.
    async fn own_tip(&self) -> anyhow::Result<Option<CommitId>> {
        let (forge, project) = (&self.request.night.forge, self.request.project);
        let Some(tip) = forge.tip(project, &self.branch).await.context("look up the branch")? else { return Ok(None) };
        let maker = maker(self.request, &self.request.place(&self.branch), &tip).await?;
        anyhow::ensure!(
            !matches!(maker, Maker::People),
            "use branch `{}`: people have put commits there; rename or delete it, and the next run opens the pull request",
            self.branch
        );
        Ok(Some(tip))
    }

    /// The body with people's part of it, the boxes that they have ticked and their notes, also from while the package
    /// managers ran: that takes minutes.
    async fn with_peoples_part(&self, existing: &ExistingProposal, body: String) -> anyhow::Result<String> {
        let (forge, project) = (&self.request.night.forge, self.request.project);
        let now = forge.existing(project, &self.branch).await.context("look up the pull request")?;
        let now = now.filter(|now| now.number == existing.number);
        let standing = now.as_ref().map_or(&existing.body, |now| &now.body);
        Ok(carry_notes(standing, &carry_ticks(standing, &body)))
    }

    async fn open_or_update(self, written: &Written, state: &PullRequestState, open: bool) -> anyhow::Result<Proposed> {
        let existing = self.standing.existing.as_ref().filter(|_| open);
        let body = match existing {
            Some(existing) => self.with_peoples_part(existing, written.body.clone()).await?,
            None => written.body.clone(),
        };
        let body = state::append(&body, state, &self.request.night.keys, &self.request.place(&self.branch));
        let proposal = Proposal {
            branch: self.branch.clone(),
            base: self.request.base.branch.clone(),
            title: written.title.clone(),
            body,
            labels: written.labels.clone(),
        };
        let (night, project) = (self.request.night, self.request.project);
        let url = night.forge.propose(project, &proposal, existing).await.context("open the pull request")?;
        let action = match (night.dry_run, existing) {
            (true, _) => ProposalAction::Previewed,
            (false, None) => ProposalAction::Opened,
            (false, Some(existing)) if says_the_same(existing, &proposal) => ProposalAction::Unchanged,
            (false, Some(_)) => ProposalAction::Updated,
        };
        let report = ProposalReport {
            route: self.request.route,
            severity: written.severity,
            base: proposal.base,
            branch: proposal.branch,
            title: proposal.title,
            bumps: self.remedies.into_iter().flat_map(|remedy| remedy.bumps).collect(),
            action,
            url: Some(url),
        };
        Ok(Proposed { proposal: Some(report), blocked: self.blocked, problem: None })
    }
}

/// Whether a pull request reads as it should. Forges and their editors change line ends and those of the text.
fn says_the_same(existing: &ExistingProposal, proposal: &Proposal) -> bool {
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    existing.title == proposal.title && lines(&existing.body) == lines(&proposal.body)
}
