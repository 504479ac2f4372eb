//! Propose: one pull request per project, base and route, written only when something differs.

mod ledger;
mod publication;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use publication::Publication;
use standing::Standing;

use crate::config::policy::Policy;
use crate::model::advisory::AdvisoryId;
use crate::model::finding::{Finding, FindingKind};
use crate::model::proposal::{ProposalState, Route};
use crate::model::remedy::{Blocked, Remedy};
use crate::model::report::{Problem, ProposalAction, ProposalReport};
use crate::model::repository::{Project, RepoPath};
use crate::pipeline::fingerprint;
use crate::pipeline::night::Night;
use crate::pipeline::plan::proposal_branch;
use crate::pipeline::project::Base;
use crate::pipeline::remedy::{self, AllowedSources, RemedyRequest};
use crate::sandbox::interrupt;
use crate::template::state::{self, Place};

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
    proposed.problem = proposed.problem.or_else(|| request.too_many());
    Ok(proposed)
}

async fn propose_fixable(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let findings = request.findings();
    let branch = request.branch();
    if findings.is_empty() && !request.base.proposals.contains(&branch) {
        return Ok(Proposed::default());
    }
    let standing = Standing::of(request, &branch).await?;
    if findings.is_empty() {
        return request.retire(&standing).await;
    }
    let fingerprint = fingerprint::of_inputs(request, &findings);
    if let Some(action) = request.settled(&standing, &fingerprint, &findings).await? {
        return request.leave(&standing, action).await;
    }
    let is_new = !standing.is(ProposalState::Open);
    let opening = is_new.then(|| request.night.openings.take(request.route));
    if matches!(opening, Some(None)) {
        return Ok(Proposed { problem: Some(request.postponed()), ..Proposed::default() });
    }
    let (remedies, blocked) = remedy_all(request, findings.clone()).await?;
    if remedies.is_empty() {
        return Ok(Proposed { blocked, ..Proposed::default() });
    }
    let publication = Publication { request, branch, standing, fingerprint, findings, remedies, blocked };
    let proposed = publication.publish().await?;
    if let Some(opening) = opening.flatten() {
        opening.use_up();
    }
    Ok(proposed)
}

/// The advisories that findings are about, each once: many packages in many files may have the same flaw.
fn advisories_of(findings: &[Finding]) -> Vec<AdvisoryId> {
    let mut seen = BTreeSet::new();
    let all = findings.iter().filter_map(|finding| Some(&finding.advisory.as_ref()?.id));
    all.filter(|id| seen.insert(*id)).cloned().collect()
}

/// The short names of the loose dependencies among findings.
fn loose_dependencies_of(findings: &[Finding]) -> Vec<String> {
    let loose = findings.iter().filter(|finding| finding.kind == FindingKind::BranchTracking);
    loose.map(|finding| state::short_name(&format!("{}: {}", finding.file, finding.package))).collect()
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
        for finding in &findings {
            of_files.entry(&finding.file).or_default().push(finding);
        }
        let remotes = night.resolver.as_ref().map(|resolver| (resolver, resolver.hosts(&base.report.lockfiles)));
        for lockfile in &base.report.lockfiles {
            let Some(here) = of_files.remove(&lockfile.path) else { continue };
            let outcome = remedy::remedy(&RemedyRequest {
                tree: &base.tree,
                lockfile,
                findings: &here,
                advisories: &night.advisories,
                tools: &night.tools,
                allow_sources: AllowedSources {
                    kinds: &night.policy.allow_sources,
                    hosts: &night.policy.network.allow_hosts,
                },
                npm_overrides: night.policy.npm_overrides,
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
    .and_then(|made| {
        // Killed tools look like failed ones: nothing may be made of that.
        anyhow::ensure!(!interrupt::is_requested(), "finish the work: the run was interrupted");
        Ok(made)
    })
    .and_then(|made| match request.night.advisories.damage() {
        // What could not be looked up may affect what was chosen.
        Some(damage) => Err(anyhow::anyhow!("trust what was made: {damage}")),
        None => Ok(made),
    })
}

impl ProposeRequest<'_> {
    /// The branch of the proposal.
    fn branch(&self) -> String {
        proposal_branch(&self.base.proposals, self.route, &self.base.branch)
    }

    /// What the bot's seals on a branch hold for.
    fn place(&self, branch: &str) -> Place {
        Place {
            host: self.night.forge.host().to_owned(),
            repository: self.project.id.map_or_else(|| self.project.slug.to_string(), |id| format!("#{id}")),
            branch: branch.to_owned(),
            base: self.base.branch.clone(),
        }
    }

    /// What already settles the matter: nothing new, or people have decided.
    async fn settled(
        &self,
        standing: &Standing,
        fingerprint: &str,
        findings: &[Finding],
    ) -> anyhow::Result<Option<ProposalAction>> {
        // Also on a branch that is left from a closed or merged pull request: what people pushed is never overwritten.
        if standing.is_touched {
            return Ok(Some(ProposalAction::LeftToPeople));
        }
        if let Some(memory) = standing.open_memory() {
            let unchanged = memory.fingerprint == fingerprint && memory.complete && standing.reads_as_left(self);
            return Ok(unchanged.then_some(ProposalAction::Unchanged));
        }
        let (Some(existing), Some(state)) = (&standing.existing, &standing.state) else { return Ok(None) };
        if !standing.is(ProposalState::Closed) {
            return Ok(None);
        }
        // Closing is a decision about what the pull request said; anything new opens the question again.
        let memory = &state.memory;
        let nothing_new = advisories_of(findings).iter().all(|id| memory.advisories.contains(id))
            && loose_dependencies_of(findings).iter().all(|name| memory.loose.contains(name));
        if !nothing_new {
            return Ok(None);
        }
        let closed_by_us = self.night.forge.closed_by_us(self.project, existing).await;
        Ok((!closed_by_us.context("look up who closed the pull request")?).then_some(ProposalAction::ClosedByPerson))
    }

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

    /// What is said of a pull request that would be one too many for one run.
    fn postponed(&self) -> Problem {
        let (route, limit) = (self.route, self.night.openings.limit());
        let message = format!(
            "open the {route} pull request in this run: it has opened {limit} of this kind, which is all that \
             `proposals-per-run` allows"
        );
        Problem::new(message, Some("run again to open it, or raise `proposals-per-run` under `[limits]` in the policy"))
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
        let state = &state.memory;
        let is_fixed = self.base.report.problems.is_empty()
            && state.advisories.iter().all(|id| self.night.advisories.knows(id) && !flaws.contains(id))
            && !state.loose.iter().any(|name| loose.contains(name))
            && standing.is(ProposalState::Open)
            && !standing.is_touched;
        if !is_fixed {
            return Ok(Proposed::default());
        }
        let ignored: Vec<Finding> = self.base.report.ignored.iter().map(|ignored| ignored.finding.clone()).collect();
        let (flaws, loose) = (advisories_of(&ignored), loose_dependencies_of(&ignored));
        let is_ignored =
            state.advisories.iter().any(|id| flaws.contains(id)) || state.loose.iter().any(|name| loose.contains(name));
        let action = if is_ignored { ProposalAction::ClosedAsIgnored } else { ProposalAction::ClosedAsFixed };
        let proposed = self.leave(standing, action).await?;
        let forge = &self.night.forge;
        forge.close(self.project, existing, &self.branch()).await.context("close the pull request")?;
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
            branch: self.branch(),
            title: existing.title.clone(),
            bumps: Vec::new(),
            action,
            url: Some(existing.url.clone()),
        };
        Ok(Proposed { proposal: Some(proposal), ..Proposed::default() })
    }
}
