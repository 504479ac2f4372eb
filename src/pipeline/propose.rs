//! Propose: one pull request per project, base and route, written only when something differs.

mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use standing::Standing;

use crate::config::policy::Policy;
use crate::git::commit;
use crate::model::advisory::AdvisoryId;
use crate::model::finding::{Finding, FindingKind};
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, ProposalState, Route};
use crate::model::remedy::{Blocked, Remedy};
use crate::model::report::{Problem, ProposalAction, ProposalReport};
use crate::model::repository::{CommitId, Project, RepoPath};
use crate::pipeline::fingerprint;
use crate::pipeline::night::Night;
use crate::pipeline::plan::proposal_branch;
use crate::pipeline::project::Base;
use crate::pipeline::pull_request::{self, WriteRequest, Written};
use crate::pipeline::remedy::{self, RemedyRequest};
use crate::template::state::{self, PullRequestState};
use crate::template::ticks::carry_ticks;

/// What a proposal is made from.
pub(crate) struct ProposeRequest<'a> {
    pub(crate) night: &'a Arc<Night>,
    pub(crate) project: &'a Project,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) base: &'a Arc<Base>,
    pub(crate) route: Route,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Proposed {
    /// The pull request, when there is one.
    pub(crate) proposal: Option<ProposalReport>,
    /// What could not be remedied.
    pub(crate) blocked: Vec<Blocked>,
    /// What was not worked on.
    pub(crate) problem: Option<Problem>,
}

/// How many findings one proposal is made for. The hidden state names each of their advisories, and the body it stands in
/// has 60,000 characters; the packages are worked on one after the other. No project of the corpus has as many.
const FINDINGS_LIMIT: usize = 2_000;

/// Remedies the findings of one route and brings the forge in line.
///
/// What nothing here can pin is said every night and has no part in a proposal: what is known of it tomorrow is what is
/// known today, and it must neither open one nor have a finished one made again.
pub(crate) async fn propose(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let mut proposed = propose_fixable(request).await?;
    proposed.blocked.extend(request.left_by_hand());
    proposed.problem = request.too_many();
    Ok(proposed)
}

async fn propose_fixable(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let findings = request.findings();
    let branch = proposal_branch(request.route, &request.base.branch);
    if findings.is_empty() && !request.base.proposals.contains(&branch) {
        return Ok(Proposed::default());
    }
    let forge = &request.night.forge;
    let existing = forge.existing(request.project, &branch).await.context("look up the pull request")?;
    let standing = Standing::new(existing).without_cut(request);
    if findings.is_empty() {
        return request.retire(&standing).await;
    }
    let fingerprint = fingerprint::of_inputs(request, &findings);
    if let Some(action) = settled(&standing, &fingerprint, &findings) {
        return request.leave(&standing, action).await;
    }
    let (remedies, blocked) = remedy_all(request, findings.clone()).await?;
    if remedies.is_empty() {
        return Ok(Proposed { blocked, ..Proposed::default() });
    }
    let publication = Publication { request, branch, standing, fingerprint, findings, remedies, blocked };
    publication.publish().await
}

/// What names the tree of the bot's commits in their messages.
const TREE: &str = "Patchparty-Tree: ";

/// Whether a commit is the bot's as it made it: its message names its tree. Whoever amends it or puts it on top of other
/// commits keeps the message and changes the tree.
fn is_own(request: &ProposeRequest<'_>, message: &str, commit: &CommitId) -> bool {
    let named = message.lines().rev().find_map(|line| line.strip_prefix(TREE));
    commit::tree(&request.base.mirror, commit).is_ok_and(|tree| named == Some(tree.as_str()))
}

/// Whether a pull request reads as it should. Forges and their editors change line ends and those of the text.
fn says_the_same(existing: &ExistingProposal, proposal: &Proposal) -> bool {
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    existing.title == proposal.title && lines(&existing.body) == lines(&proposal.body)
}

/// What already settles the matter: nothing new, or people have decided.
fn settled(standing: &Standing, fingerprint: &str, findings: &[Finding]) -> Option<ProposalAction> {
    let unchanged = standing.state.as_ref().is_some_and(|state| state.fingerprint == fingerprint && state.complete);
    // Also on a branch that is left from a closed or merged pull request: what people pushed is never overwritten.
    if standing.is_touched() {
        return Some(ProposalAction::LeftToPeople);
    }
    if standing.is(ProposalState::Open) {
        return unchanged.then_some(ProposalAction::Unchanged);
    }
    // Closing is a decision about what the pull request said; anything new opens the question again.
    let state = standing.state.as_ref().filter(|_| standing.is(ProposalState::Closed))?;
    let nothing_new = advisories_of(findings).iter().all(|id| state.advisories.contains(id))
        && loose_dependencies_of(findings).iter().all(|name| state.loose.contains(name));
    nothing_new.then_some(ProposalAction::ClosedByPerson)
}

/// The advisories that findings are about, each once: many packages in many files may have the same flaw.
fn advisories_of(findings: &[Finding]) -> Vec<AdvisoryId> {
    let mut seen = BTreeSet::new();
    let all = findings.iter().filter_map(|finding| Some(&finding.advisory.as_ref()?.id));
    all.filter(|id| seen.insert(*id)).cloned().collect()
}

/// The loose dependencies among findings, each as `file: package`.
fn loose_dependencies_of(findings: &[Finding]) -> Vec<String> {
    let loose = findings.iter().filter(|finding| finding.kind == FindingKind::BranchTracking);
    loose.map(|finding| format!("{}: {}", finding.file, finding.package)).collect()
}

/// How long the package managers may work on one proposal: the largest of the corpus needs a few minutes.
const TIME_LIMIT: Duration = Duration::from_mins(45);

/// Runs the package managers, off the asynchronous threads. One lockfile after the other: they share caches.
async fn remedy_all(
    request: &ProposeRequest<'_>,
    findings: Vec<Finding>,
) -> anyhow::Result<(Vec<Remedy>, Vec<Blocked>)> {
    let (night, base) = (Arc::clone(request.night), Arc::clone(request.base));
    tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + TIME_LIMIT;
        let (mut remedies, mut blocked) = (Vec::new(), Vec::new());
        let mut of_files: BTreeMap<&RepoPath, Vec<&Finding>> = BTreeMap::new();
        findings.iter().for_each(|finding| of_files.entry(&finding.file).or_default().push(finding));
        let remotes = night.resolver.as_ref().map(|resolver| (resolver, resolver.hosts(&base.report.lockfiles)));
        for lockfile in &base.report.lockfiles {
            let Some(here) = of_files.remove(&lockfile.path) else { continue };
            let outcome = remedy::remedy(&RemedyRequest {
                tree: &base.tree,
                lockfile,
                findings: &here,
                advisories: &night.advisories,
                tools: &night.tools,
                allow_sources: &night.policy.allow_sources,
                remotes: remotes.as_ref().map(|(resolver, hosts)| (*resolver, hosts)),
                deadline,
            });
            blocked.extend(outcome.blocked);
            match outcome.remedy.map(|made| remedy::beside(&remedies, made)) {
                Some(Ok(remedy)) => remedies.push(remedy),
                Some(Err(mut refused)) => blocked.append(&mut refused),
                None => {}
            }
        }
        (remedies, blocked)
    })
    .await
    .context("run the package managers")
    .and_then(|made| match request.night.advisories.damage() {
        // What could not be looked up may affect what was chosen.
        Some(damage) => Err(anyhow::anyhow!("trust what was made: {damage}")),
        None => Ok(made),
    })
}

impl ProposeRequest<'_> {
    /// The findings of this base that the route takes and something here may remedy: the most urgent, as many as one
    /// proposal is made for.
    fn findings(&self) -> Vec<Finding> {
        self.remediable().take(FINDINGS_LIMIT).cloned().collect()
    }

    fn remediable(&self) -> impl Iterator<Item = &Finding> {
        self.taken().filter(|finding| remedy::by_hand(finding).is_none())
    }

    /// What is said of findings beyond those that one proposal is made for.
    fn too_many(&self) -> Option<Problem> {
        let more = self.remediable().skip(FINDINGS_LIMIT).count();
        (more > 0).then(|| {
            let message = format!(
                "propose {} fixes for {more} more findings: one pull request is made for the {FINDINGS_LIMIT} most urgent",
                self.route
            );
            Problem::new(message, Some("merge it: the next run goes on with what is left"))
        })
    }

    /// Those that are left to people.
    fn left_by_hand(&self) -> impl Iterator<Item = Blocked> {
        self.taken().filter_map(remedy::by_hand)
    }

    fn taken(&self) -> impl Iterator<Item = &Finding> {
        self.base.report.findings.iter().filter(|finding| self.base.role.takes(self.route, finding))
    }

    /// Closes an open pull request whose findings have been fixed otherwise, or are left alone on purpose now. One that people work on is theirs to close.
    async fn retire(&self, standing: &Standing) -> anyhow::Result<Proposed> {
        let (Some(existing), Some(state)) = (&standing.existing, &standing.state) else {
            return Ok(Proposed::default());
        };
        // Findings of a route also vanish when a file cannot be read, when this run knows less than the one before, or
        // when a flaw is rated anew and takes the other route.
        let left = &self.base.report.findings;
        let (flaws, loose) = (advisories_of(left), loose_dependencies_of(left));
        let is_fixed = self.base.report.problems.is_empty()
            && state.advisories.iter().all(|id| self.night.advisories.knows(id) && !flaws.contains(id))
            && !state.loose.iter().any(|name| loose.contains(name))
            && standing.is(ProposalState::Open)
            && !standing.is_touched();
        if !is_fixed {
            return Ok(Proposed::default());
        }
        let ignored: Vec<Finding> = self.base.report.ignored.iter().map(|ignored| ignored.finding.clone()).collect();
        let (flaws, loose) = (advisories_of(&ignored), loose_dependencies_of(&ignored));
        let is_ignored =
            state.advisories.iter().any(|id| flaws.contains(id)) || state.loose.iter().any(|name| loose.contains(name));
        let action = if is_ignored { ProposalAction::ClosedAsIgnored } else { ProposalAction::ClosedAsFixed };
        let proposed = self.leave(standing, action).await?;
        // What it named counts as new when it comes back: this was no person's decision.
        let last = PullRequestState { advisories: Vec::new(), loose: Vec::new(), ..state.clone() };
        let body = state::append(state::without(&existing.body), &last);
        let branch = proposal_branch(self.route, &self.base.branch);
        let forge = &self.night.forge;
        forge.close(self.project, existing, &branch, &body).await.context("close the pull request")?;
        Ok(proposed)
    }

    /// Reports a pull request that stands as it is; tells its people once why nothing is pushed.
    async fn leave(&self, standing: &Standing, action: ProposalAction) -> anyhow::Result<Proposed> {
        let Some(existing) = &standing.existing else { return Ok(Proposed::default()) };
        let topic = match action {
            ProposalAction::LeftToPeople => Some("human-commits"),
            ProposalAction::ClosedByPerson => Some("closed"),
            ProposalAction::ClosedAsFixed => Some("fixed"),
            ProposalAction::ClosedAsIgnored => Some("ignored"),
            ProposalAction::Opened
            | ProposalAction::Updated
            | ProposalAction::Unchanged
            | ProposalAction::Previewed => None,
        };
        if let Some(topic) = topic {
            let body = self.night.templates.comment(topic, &existing.base).context("word the comment")?;
            let forge = &self.night.forge;
            forge.comment_once(self.project, existing, topic, &body).await.context("comment on the pull request")?;
        }
        let proposal = ProposalReport {
            route: self.route,
            severity: self.findings().iter().map(|finding| finding.severity).max(),
            base: existing.base.clone(),
            branch: proposal_branch(self.route, &self.base.branch),
            title: existing.title.clone(),
            bumps: Vec::new(),
            action,
            url: Some(existing.url.clone()),
        };
        Ok(Proposed { proposal: Some(proposal), ..Proposed::default() })
    }
}

/// Everything that is known once the remedies are made.
struct Publication<'a> {
    request: &'a ProposeRequest<'a>,
    branch: String,
    standing: Standing,
    fingerprint: String,
    findings: Vec<Finding>,
    remedies: Vec<Remedy>,
    blocked: Vec<Blocked>,
}

impl Publication<'_> {
    async fn publish(self) -> anyhow::Result<Proposed> {
        let open = self.standing.is(ProposalState::Open);
        let kept = self.standing.state.clone().filter(|_| open);
        let content = fingerprint::of_content(&self.remedies);
        // The same change again: the commit under test stays, only the words move.
        let keep = kept.as_ref().filter(|state| state.content == content);
        let base_commit = keep.map_or(&self.request.base.commit, |state| &state.base_commit).clone();
        let first_seen = kept.as_ref().map_or(self.request.night.now, |state| state.first_seen);
        let written = self.write(&base_commit, first_seen)?;
        let head = match keep.and_then(|state| state.head.clone()) {
            Some(head) => head,
            None => self.commit(&written, &base_commit).await?,
        };
        let state = PullRequestState {
            fingerprint: self.fingerprint.clone(),
            content,
            complete: self.blocked.is_empty(),
            base_commit,
            head: Some(head),
            first_seen,
            route: self.request.route,
            advisories: advisories_of(&self.findings),
            loose: loose_dependencies_of(&self.findings),
        };
        self.open_or_update(&written, &state, open).await
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

    async fn commit(&self, written: &Written, base_commit: &CommitId) -> anyhow::Result<CommitId> {
        let mut files: Vec<_> = self.remedies.iter().flat_map(|remedy| remedy.changes.iter().cloned()).collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let tree = commit::tree_of(&self.request.base.mirror, base_commit, &files).context("name the commit's tree")?;
        let message = format!("{}\n{TREE}{tree}\n", written.commit_message.trim_end());
        let change = ChangeSet { branch: self.branch.clone(), base: base_commit.clone(), files, message };
        let (forge, project) = (&self.request.night.forge, self.request.project);
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
        let message = forge.commit_message(project, &tip).await.context("look up the branch")?;
        anyhow::ensure!(
            is_own(self.request, &message, &tip),
            "use branch `{}`: people have put commits there; rename or delete it, and the next run opens the pull request",
            self.branch
        );
        Ok(Some(tip))
    }

    /// The body with the boxes that people have ticked, also while the package managers ran: that takes minutes.
    async fn with_ticks(&self, existing: &ExistingProposal, body: String) -> anyhow::Result<String> {
        let (forge, project) = (&self.request.night.forge, self.request.project);
        let now = forge.existing(project, &self.branch).await.context("look up the pull request")?;
        let now = now.filter(|now| now.number == existing.number);
        Ok(carry_ticks(now.as_ref().map_or(&existing.body, |now| &now.body), &body))
    }

    async fn open_or_update(self, written: &Written, state: &PullRequestState, open: bool) -> anyhow::Result<Proposed> {
        let existing = self.standing.existing.as_ref().filter(|_| open);
        let body = state::append(&written.body, state);
        let body = match existing {
            Some(existing) => self.with_ticks(existing, body).await?,
            None => body,
        };
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
