//! Publication: brings the forge in line with what was made.

use anyhow::Context as _;

use super::standing::{Maker, Standing, maker};
use super::{ProposeRequest, Proposed, advisories_of, ledger, loose_dependencies_of};
use crate::git::commit;
use crate::model::finding::Finding;
use crate::model::project_kind::Kinds;
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, ProposalState};
use crate::model::remedy::{Blocked, Remedy};
use crate::model::report::{ProposalAction, ProposalReport};
use crate::model::repository::CommitId;
use crate::pipeline::fingerprint;
use crate::pipeline::plan::{barred_by, proposal_branch};
use crate::pipeline::project_kind;
use crate::pipeline::pull_request::{self, Page, Raised, WriteRequest, Written};
use crate::template::notes::{add_notes, carry_notes};
use crate::template::state::{self, Memory, Place, PullRequestState};
use crate::template::ticks::carry_ticks;
use crate::template::words;

/// Everything that is known once the remedies are made.
pub(super) struct Publication<'a> {
    pub(super) request: &'a ProposeRequest<'a>,
    pub(super) standing: Standing,
    pub(super) fingerprint: String,
    pub(super) findings: Vec<Finding>,
    /// What the remedies fix besides: flaws for which this pull request would not be opened.
    pub(super) besides: Vec<Finding>,
    pub(super) remedies: Vec<Remedy>,
    pub(super) blocked: Vec<Blocked>,
    /// Whether nothing is left that another run may remedy.
    pub(super) complete: bool,
    /// Whether the change that goes first had to be taken in.
    pub(super) takes_in: bool,
    /// Where it can be looked at.
    pub(super) pages: Vec<Page>,
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
        let written = self.write(&base_commit, &content, first_seen)?;
        let labels = written.labels.iter().map(|label| label.name.as_str());
        let memory = Memory {
            fingerprint: self.fingerprint.clone(),
            content,
            complete: self.complete,
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

    fn write(&self, base_commit: &CommitId, content: &str, first_seen: jiff::Timestamp) -> anyhow::Result<Written> {
        let (request, offer) = (self.request, self.request.raise);
        let mut blocked = self.blocked.clone();
        if offer.is_none() {
            blocked.extend(request.left_alone());
        }
        let safe_branch = proposal_branch(&request.base.proposals, request.route, &request.base.branch);
        let raise = offer.map(|offer| Raised {
            package: &offer.raise.package,
            also: &offer.raise.also,
            requirement: &offer.raise.requirement,
            wanted: &offer.raise.raised,
            safe_branch: if offer.with_safe { &safe_branch } else { "" },
        });
        let ahead = request.ahead.as_ref().filter(|_| self.takes_in).map(|ahead| ahead.branch.as_str());
        let files = self.remedies.iter().flat_map(|remedy| &remedy.changes).map(|change| &change.path);
        let kinds = match self.request.policy.kind_of(&self.request.project.slug) {
            Some(kind) => Kinds::from([kind]),
            None => project_kind::of_changes(&self.request.base.tree, files),
        };
        let change = change_name(&self.request.place(&self.request.branch), base_commit, content);
        let findings: Vec<Finding> = self.findings.iter().chain(&self.besides).cloned().collect();
        pull_request::write(&WriteRequest {
            project: self.request.project,
            route: self.request.route,
            base_branch: &self.request.base.branch,
            base_commit,
            remedies: &self.remedies,
            findings: &findings,
            blocked: &blocked,
            policy: self.request.policy,
            kinds: &kinds,
            change: &change,
            raise,
            ahead,
            pages: &self.pages,
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
        let sealing = (&self.request.night.keys, &self.request.place(&self.request.branch));
        let message = ledger::message(&written.commit_message, &tree, memory, sealing);
        let change = ChangeSet { branch: self.request.branch.clone(), base: base_commit.clone(), files, message };
        let (forge, project) = (&self.request.night.forge, self.request.project);
        if let Some(bar) = barred_by(&self.request.base.proposals, &self.request.branch) {
            anyhow::bail!(
                "create branch `{}`: git cannot hold it beside branch `{bar}`; rename or delete that one, and the next run opens the pull request",
                self.request.branch
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
        let Some(tip) = forge.tip(project, &self.request.branch).await.context("look up the branch")? else {
            return Ok(None);
        };
        let maker = maker(self.request, &self.request.place(&self.request.branch), &tip).await?;
        anyhow::ensure!(
            !matches!(maker, Maker::People),
            "use branch `{}`: people have put commits there; rename or delete it, and the next run opens the pull request",
            self.request.branch
        );
        Ok(Some(tip))
    }

    /// The body with people's part of it, the boxes that they have ticked, their notes and what they wrote elsewhere, also
    /// from while the package managers ran: that takes minutes.
    async fn with_peoples_part(&self, existing: &ExistingProposal, body: String) -> anyhow::Result<String> {
        let (forge, project) = (&self.request.night.forge, self.request.project);
        let now = forge.existing(project, &self.request.branch).await.context("look up the pull request")?;
        let now = now.filter(|now| now.number == existing.number);
        let now = now.as_ref().unwrap_or(existing);
        let carried = carry_notes(&now.body, &carry_ticks(&now.body, &body));
        // Nobody has written into a text that is as the bot left it, also where an older version did.
        let labels = now.labels.iter().map(String::as_str);
        let left = state::digest(&now.title, &now.body, labels);
        let is_as_left = self.standing.open_memory().is_some_and(|memory| memory.words == left);
        Ok(if is_as_left { carried } else { add_notes(&carried, &words::of_people(&now.body, &body)) })
    }

    async fn open_or_update(self, written: &Written, state: &PullRequestState, open: bool) -> anyhow::Result<Proposed> {
        let existing = self.standing.existing.as_ref().filter(|_| open);
        let body = match existing {
            Some(existing) => self.with_peoples_part(existing, written.body.clone()).await?,
            None => written.body.clone(),
        };
        let body = words::append(&body, &written.body);
        let body = state::append(&body, state, &self.request.night.keys, &self.request.place(&self.request.branch));
        let proposal = Proposal {
            branch: self.request.branch.clone(),
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
            breaking: self.request.raise.is_some(),
            title: proposal.title,
            bumps: self.remedies.into_iter().flat_map(|remedy| remedy.bumps).collect(),
            action,
            url: Some(url),
        };
        Ok(Proposed { proposal: Some(report), blocked: self.blocked, ..Proposed::default() })
    }
}

/// A value that only this change has, however often its branch is used: by it a person finds its commit in the history.
fn change_name(place: &Place, base_commit: &CommitId, content: &str) -> String {
    let words = format!("{base_commit}\n{content}");
    let parts = place.with(words.as_bytes());
    let joined: Vec<String> = parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    state::short_name(&joined.join("\n"))[..12].to_owned()
}

/// Whether a pull request reads as it should. Forges and their editors change line ends and those of the text.
fn says_the_same(existing: &ExistingProposal, proposal: &Proposal) -> bool {
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    existing.title == proposal.title && lines(&existing.body) == lines(&proposal.body)
}
