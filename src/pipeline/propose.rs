//! Propose: one pull request per project, base and route, and one per breaking raise, written only when something differs.

mod ledger;
mod make;
mod publication;
mod raises;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
pub(crate) use make::Ahead;
use make::{Made, make};
use publication::Publication;
pub(crate) use raises::{RaisesRequest, propose_raises};
use standing::Standing;

use crate::config::policy::Policy;
use crate::model::advisory::AdvisoryId;
use crate::model::finding::{Finding, FindingKind};
use crate::model::proposal::{Label, ProposalState, Route};
use crate::model::remedy::{BlockCause, Blocked, Raise, Remedy};
use crate::model::report::{Problem, ProposalAction, ProposalReport};
use crate::model::repository::{Project, RepoPath};
use crate::model::text::count;
use crate::pipeline::fingerprint;
use crate::pipeline::night::Night;
use crate::pipeline::openings::Opening;
use crate::pipeline::plan;
use crate::pipeline::project::Base;
use crate::pipeline::pull_request::Page;
use crate::pipeline::remedy;
use crate::template::state::{self, Place};

/// What a proposal is made from.
pub(crate) struct ProposeRequest<'a> {
    pub(crate) night: &'a Arc<Night>,
    pub(crate) project: &'a Project,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) base: &'a Arc<Base>,
    pub(crate) route: Route,
    /// The branch of the proposal.
    pub(crate) branch: String,
    /// The breaking raise that is proposed; `None` for the safe changes of the route.
    pub(crate) raise: Option<&'a Offer>,
    /// The open proposal on the same base that goes first.
    pub(crate) ahead: Option<Arc<Ahead>>,
}

/// A breaking raise that a route offers.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The route of what it fixes.
    pub(crate) route: Route,
    /// The raise.
    pub(crate) raise: Raise,
    /// What it fixes and the safe changes do not.
    pub(crate) findings: Vec<Finding>,
    /// Whether safe changes are part of it.
    pub(crate) with_safe: bool,
    /// Where it can be looked at.
    pub(crate) pages: Vec<Page>,
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
    /// The breaking raises that fix what the safe changes do not.
    pub(crate) offers: Vec<Offer>,
    /// What other proposals on the same base have to fit beside.
    pub(crate) ahead: Option<Ahead>,
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
    proposed.blocked.extend(request.left_alone());
    proposed.problem = proposed.problem.or_else(|| request.too_many());
    Ok(proposed)
}

async fn propose_fixable(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let findings = request.findings();
    if findings.is_empty() && !request.base.proposals.contains(&request.branch) {
        return Ok(Proposed::default());
    }
    let standing = Standing::of(request, &request.branch).await?;
    if findings.is_empty() {
        return request.retire(&standing).await;
    }
    let fingerprint = fingerprint::of_inputs(request, &findings);
    if let Some(action) = request.settled(&standing, &fingerprint, &findings).await? {
        let mut left = request.leave(&standing, action).await?;
        let head = standing.existing.as_ref().and_then(|existing| existing.head.as_ref());
        if let (ProposalAction::Unchanged, Some(head)) = (action, head) {
            left.ahead = Ahead::of_commit(request, head, &findings);
        }
        return Ok(left);
    }
    // Before the limit is asked: what is blocked is told whether or not there is room for a pull request.
    let Made { remedies, blocked, offers, takes_in, pages } = make(request, findings.clone()).await?;
    if remedies.is_empty() {
        return Ok(Proposed { blocked, offers, ..Proposed::default() });
    }
    let opening = match request.opening(&standing) {
        Ok(opening) => opening,
        Err(postponed) => return Ok(Proposed { blocked, problem: Some(postponed), ..Proposed::default() }),
    };
    let ahead = Ahead::of_remedies(&request.branch, &remedies);
    let besides = request.fixed_besides(&findings, &remedies);
    let complete = blocked.is_empty() && offers.is_empty();
    let publication =
        Publication { request, standing, fingerprint, findings, besides, remedies, blocked, complete, takes_in, pages };
    let published = publication.publish().await?;
    if let Some(opening) = opening {
        opening.use_up();
    }
    Ok(Proposed { offers, ahead: Some(ahead), ..published })
}

/// Brings the forge in line with one breaking raise.
async fn propose_raise(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let Some(offer) = request.raise else { return Ok(Proposed::default()) };
    let standing = Standing::of(request, &request.branch).await?;
    let findings = offer.findings.clone();
    let fingerprint = fingerprint::of_inputs(request, &findings);
    if let Some(action) = request.settled(&standing, &fingerprint, &findings).await? {
        return request.leave(&standing, action).await;
    }
    let opening = match request.opening(&standing) {
        Ok(opening) => opening,
        Err(postponed) => return Ok(Proposed { problem: Some(postponed), ..Proposed::default() }),
    };
    let publication = Publication {
        request,
        standing,
        fingerprint,
        besides: request.fixed_besides(&findings, std::slice::from_ref(&offer.raise.remedy)),
        findings,
        remedies: vec![offer.raise.remedy.clone()],
        blocked: Vec::new(),
        complete: true,
        takes_in: false,
        pages: offer.pages.clone(),
    };
    let published = publication.publish().await?;
    if let Some(opening) = opening {
        opening.use_up();
    }
    Ok(published)
}

/// Findings in files that the policy has reported and never changed, a package of a file at a time.
fn report_only(findings: &[&Finding]) -> Vec<Blocked> {
    let mut packages: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        packages.entry((&finding.file, &finding.package, &finding.version)).or_default().push(finding);
    }
    let blocked = |((file, package, version), findings): ((&RepoPath, &String, &String), Vec<&Finding>)| {
        let of_package: Vec<Finding> = findings.iter().map(|finding| (*finding).clone()).collect();
        Some(Blocked {
            ecosystem: of_package.first()?.ecosystem,
            package: package.clone(),
            from: version.clone(),
            target: None,
            file: file.clone(),
            advisories: advisories_of(&of_package),
            cause: BlockCause::ReportOnly,
            chain: Vec::new(),
            chain_left_out: 0,
            explanation: format!("the policy has `{file}` reported and never changed, as that of a test fixture"),
            next_step: "update it with the tests that use it, or narrow `report-only` below `[updates]` in the policy"
                .to_owned(),
        })
    };
    packages.into_iter().filter_map(blocked).collect()
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

impl ProposeRequest<'_> {
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
        if let Some(offer) = self.raise {
            return offer.findings.clone();
        }
        self.remediable().take(FINDINGS_LIMIT).cloned().collect()
    }

    fn remediable(&self) -> impl Iterator<Item = &Finding> {
        let mut read = BTreeMap::new();
        let fixable =
            self.taken().filter(|finding| !self.is_report_only(finding) && remedy::by_hand(finding).is_none());
        // What the emergency fixes, it fixes for all.
        fixable
            .filter(move |finding| self.ahead.as_ref().is_none_or(|ahead| ahead.leaves(self.base, &mut read, finding)))
    }

    /// The flaws of this base that remedies remove although they were made for others: a release rarely fixes only one.
    fn fixed_besides(&self, findings: &[Finding], remedies: &[Remedy]) -> Vec<Finding> {
        let bumps = || remedies.iter().flat_map(|remedy| &remedy.bumps);
        let is_fixed = |finding: &&Finding| {
            let Some(flaw) = &finding.advisory else { return false };
            bumps().any(|bump| {
                (&bump.file, &bump.package, &bump.from) == (&finding.file, &finding.package, &finding.version)
                    && bump.fixes.contains(&flaw.id)
            })
        };
        let all = self.base.report.findings.iter().filter(|finding| plan::is_flaw(finding));
        all.filter(is_fixed).filter(|finding| !findings.contains(finding)).cloned().collect()
    }

    fn is_report_only(&self, finding: &Finding) -> bool {
        self.policy.updates.report_only.is_match(finding.file.as_str())
    }

    /// What is said of findings beyond those that one proposal is made for.
    fn too_many(&self) -> Option<Problem> {
        // What an emergency leaves is read from files: only where there are as many at all.
        self.taken().nth(FINDINGS_LIMIT)?;
        let more = self.remediable().skip(FINDINGS_LIMIT).count();
        (more > 0).then(|| {
            let message = format!(
                "propose {} fixes for {}: one pull request is made for the {FINDINGS_LIMIT} most urgent",
                self.route,
                count(more, "more finding", "more findings")
            );
            Problem::new(message, Some("merge it: the next run goes on with what is left"))
        })
    }

    /// The right to open a pull request where none is open; what is said where this run may not open another.
    fn opening(&self, standing: &Standing) -> Result<Option<Opening<'_>>, Problem> {
        if standing.is(ProposalState::Open) {
            return Ok(None);
        }
        self.night.openings.take(self.route).map(Some).ok_or_else(|| self.postponed())
    }

    /// What is said of a pull request that would be one too many for one run.
    fn postponed(&self) -> Problem {
        let (route, limit) = (self.route, self.night.openings.limit());
        let message = format!(
            "open the {route} pull request in this run: `proposals-per-run` allows {limit} new ones of a route"
        );
        Problem::new(message, Some("run again to open it, or raise `proposals-per-run` under `[limits]` in the policy"))
    }

    /// Those that are left to people, or reported only.
    fn left_alone(&self) -> Vec<Blocked> {
        let (reported, others): (Vec<&Finding>, Vec<&Finding>) =
            self.taken().partition(|finding| self.is_report_only(finding));
        others.into_iter().filter_map(remedy::by_hand).chain(report_only(&reported)).collect()
    }

    fn taken(&self) -> impl Iterator<Item = &Finding> {
        self.base.report.findings.iter().filter(|finding| self.base.role.takes(self.route, finding, self.policy))
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
        forge.close(self.project, existing, &self.branch).await.context("close the pull request")?;
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
            branch: self.branch.clone(),
            breaking: existing.labels.iter().any(|label| label == Label::BREAKING),
            title: existing.title.clone(),
            bumps: Vec::new(),
            action,
            url: Some(existing.url.clone()),
        };
        Ok(Proposed { proposal: Some(proposal), ..Proposed::default() })
    }
}
