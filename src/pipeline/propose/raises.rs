//! Raises: each requirement that has to be raised beyond what its makers call compatible is offered on its own.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::standing::Standing;
use super::{Offer, ProposeRequest, Proposed};
use crate::config::policy::Policy;
use crate::model::finding::Finding;
use crate::model::proposal::{ProposalState, Route};
use crate::model::report::{ProposalAction, Remark};
use crate::model::repository::Project;
use crate::model::severity::Severity;
use crate::pipeline::night::Night;
use crate::pipeline::plan::{raise_branch, raises_into};
use crate::pipeline::project::Base;

/// Where raises are proposed.
pub(crate) struct RaisesRequest<'a> {
    pub(crate) night: &'a Arc<Night>,
    pub(crate) project: &'a Project,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) base: &'a Arc<Base>,
    /// What the routes offer.
    pub(crate) offers: Vec<Offer>,
}

/// What became of all raises of a base.
#[derive(Debug, Default)]
pub(crate) struct Raised {
    /// What became of each.
    pub(crate) done: Vec<anyhow::Result<Proposed>>,
    /// That some wait until others are merged.
    pub(crate) remark: Option<Remark>,
}

/// Brings the pull requests of raises in line: those that stand keep their place, then come the most urgent ones until the
/// policy's limit is reached. An emergency waits for nothing. One whose findings are gone is closed.
pub(crate) async fn propose_raises(request: RaisesRequest<'_>) -> Raised {
    let RaisesRequest { night, project, policy, base, offers } = request;
    let existing = &base.proposals;
    let mut raised = Raised::default();
    let (mut open, mut waiting) = (0, 0);
    let mut seen = BTreeSet::new();
    for (branch, offer) in in_order(existing, &base.branch, offers) {
        if !seen.insert(branch.clone()) {
            // The routine route asks for the same requirement as the emergency.
            continue;
        }
        let must = offer.route == Route::Emergency;
        if !must && open >= policy.updates.breaking_limit {
            waiting += 1;
            continue;
        }
        let request = ProposeRequest {
            night,
            project,
            policy,
            base,
            route: offer.route,
            branch,
            raise: Some(&offer),
            ahead: None,
        };
        let done = super::propose_raise(&request).await;
        open += u16::from(done.as_ref().is_ok_and(is_open));
        raised.done.push(done);
    }
    for branch in raises_into(existing, &base.branch).filter(|branch| !seen.contains(*branch)) {
        let request = ProposeRequest {
            night,
            project,
            policy,
            base,
            route: Route::Routine,
            branch: branch.clone(),
            raise: None,
            ahead: None,
        };
        raised.done.push(retire(&request).await);
    }
    if waiting > 0 {
        let told = if waiting == 1 { "1 breaking raise waits" } else { &format!("{waiting} breaking raises wait") };
        let limit = policy.updates.breaking_limit;
        let message = format!("{told}: at most {limit} are open into `{}` at one time", base.branch);
        raised.remark = Some(Remark { place: "updates.breaking-limit".to_owned(), message });
    }
    raised
}

async fn retire(request: &ProposeRequest<'_>) -> anyhow::Result<Proposed> {
    let standing = Standing::of(request, &request.branch).await?;
    if !standing.is(ProposalState::Open) {
        return Ok(Proposed::default());
    }
    request.retire(&standing).await
}

/// The offers with their branches: emergencies, then those that stand already, then the most urgent.
fn in_order(existing: &BTreeSet<String>, base: &str, offers: Vec<Offer>) -> Vec<(String, Offer)> {
    let branch = |offer: &Offer| {
        let raise = &offer.raise;
        raise_branch(existing, base, (raise.ecosystem, &raise.file, &raise.package))
    };
    let mut offers: Vec<(String, Offer)> = offers.into_iter().map(|offer| (branch(&offer), offer)).collect();
    offers.sort_by_cached_key(|(branch, offer)| {
        let stands = existing.contains(branch);
        (offer.route != Route::Emergency, !stands, Reverse(urgency(&offer.findings)), branch.clone())
    });
    offers
}

/// Exploited first, then by severity, then by the number of findings.
fn urgency(findings: &[Finding]) -> (bool, Option<Severity>, usize) {
    let exploited = findings.iter().any(|it| it.advisory.as_ref().is_some_and(|flaw| flaw.exploited));
    (exploited, findings.iter().map(|finding| finding.severity).max(), findings.len())
}

fn is_open(done: &Proposed) -> bool {
    done.proposal.as_ref().is_some_and(|proposal| match proposal.action {
        ProposalAction::Opened
        | ProposalAction::Updated
        | ProposalAction::Unchanged
        | ProposalAction::Previewed
        | ProposalAction::LeftToPeople => true,
        ProposalAction::ClosedByPerson | ProposalAction::ClosedAsFixed | ProposalAction::ClosedAsIgnored => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;
    use crate::model::finding::FindingKind;
    use crate::model::remedy::{Raise, Remedy};

    fn offer(package: &str, route: Route, severity: Severity) -> Offer {
        let of_flaw = (FindingKind::Vulnerability, severity);
        let finding = Finding::sample(of_flaw, (Ecosystem::CratesIo, package), "Cargo.lock");
        let raise = Raise {
            also: Vec::new(),
            ecosystem: Ecosystem::CratesIo,
            file: finding.file.clone(),
            package: package.to_owned(),
            requirement: "1".to_owned(),
            raised: "2".to_owned(),
            remedy: Remedy { bumps: Vec::new(), changes: Vec::new(), evidence: Vec::new() },
        };
        Offer { route, findings: vec![finding], with_safe: false, pages: Vec::new(), raise }
    }

    #[test]
    fn emergencies_come_first_then_what_stands_then_the_most_urgent() {
        let offers = || {
            vec![
                offer("low", Route::Routine, Severity::Low),
                offer("high", Route::Routine, Severity::High),
                offer("both", Route::Routine, Severity::Medium),
                offer("stands", Route::Routine, Severity::Low),
                offer("both", Route::Emergency, Severity::Critical),
            ]
        };
        let branch_of = |name: &str| {
            let all = in_order(&BTreeSet::new(), "main", offers());
            all.into_iter().find(|(_, offer)| offer.raise.package == name).unwrap().0
        };
        let existing = BTreeSet::from([branch_of("stands")]);
        let order = in_order(&existing, "main", offers());
        let names: Vec<(&str, Route)> =
            order.iter().map(|(_, offer)| (offer.raise.package.as_str(), offer.route)).collect();
        let routine = |name| (name, Route::Routine);
        let expected =
            [("both", Route::Emergency), routine("stands"), routine("high"), routine("both"), routine("low")];
        assert_eq!(names, expected);
        assert_eq!(order[0].0, order[3].0, "one branch for one requirement, whatever the route");
    }
}
