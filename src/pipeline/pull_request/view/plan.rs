//! The test plan and the deploy checklist of a body.

use std::collections::BTreeSet;

use serde::Serialize;

use super::SHORT_LIST;
use crate::config::policy::PlanCheck;
use crate::model::project_kind::{Kinds, ProjectKind};
use crate::model::remedy::Bump;
use crate::pipeline::pull_request::{Facts, WriteRequest};
use crate::pipeline::test_plan::{Change, PlanReason, PlanSection, PlanSubject, checks_for, test_plan};

#[derive(Serialize)]
pub(super) struct SectionView {
    always: bool,
    area: Option<String>,
    emergency: bool,
    major: bool,
    reasons: Vec<PlanReasonView>,
    hidden_reasons: usize,
    checks: Vec<CheckView>,
}

#[derive(Serialize)]
struct PlanReasonView {
    subject: String,
    /// What it matches; `None` for a major step.
    pattern: Option<String>,
}

#[derive(Serialize)]
pub(super) struct CheckView {
    id: String,
    text: String,
    owner: String,
}

/// What people tick.
pub(super) struct Plans {
    /// Before merging.
    pub(super) plan: Vec<SectionView>,
    /// While deploying.
    pub(super) deploy: Vec<CheckView>,
}

/// Whether projects of these kinds are released, and none is deployed.
pub(super) fn is_released(kinds: &Kinds) -> bool {
    let deployed = |kind: &ProjectKind| matches!(kind, ProjectKind::Service | ProjectKind::Documentation);
    !kinds.is_empty() && !kinds.iter().any(deployed)
}

/// The test plan and the deploy checklist; a check that both ask for stands in the plan.
pub(super) fn plan(request: &WriteRequest<'_>, facts: &Facts<'_>) -> Plans {
    let bumps: Vec<Bump> = facts.bumps.iter().copied().cloned().collect();
    let files: BTreeSet<_> =
        request.remedies.iter().flat_map(|remedy| &remedy.changes).map(|change| change.path.clone()).collect();
    let files: Vec<_> = files.into_iter().collect();
    let change = Change { bumps: &bumps, files: &files, route: request.route, kinds: request.kinds };
    let sections = test_plan(&request.policy.test_plan, &change);
    let planned: BTreeSet<&str> =
        sections.iter().flat_map(|section| &section.checks).map(|check| check.id.as_str()).collect();
    let deploy = checks_for(&request.policy.deploy, request.kinds);
    let deploy = deploy.iter().filter(|check| !planned.contains(check.id.as_str())).map(check_view).collect();
    Plans { plan: sections.iter().map(section_view).collect(), deploy }
}

fn section_view(section: &PlanSection) -> SectionView {
    let reason = |reason: &PlanReason| match reason {
        PlanReason::Package { name, pattern } => {
            PlanReasonView { subject: name.clone(), pattern: Some(pattern.clone()) }
        }
        PlanReason::Path { path, pattern } => {
            PlanReasonView { subject: path.to_string(), pattern: Some(pattern.clone()) }
        }
        PlanReason::MajorStep { name } => PlanReasonView { subject: name.clone(), pattern: None },
    };
    let area = match &section.subject {
        PlanSubject::Area(name) => Some(name.clone()),
        PlanSubject::Always | PlanSubject::Emergency | PlanSubject::Major => None,
    };
    SectionView {
        always: section.subject == PlanSubject::Always,
        area,
        emergency: section.subject == PlanSubject::Emergency,
        major: section.subject == PlanSubject::Major,
        reasons: section.reasons.iter().take(SHORT_LIST).map(reason).collect(),
        hidden_reasons: section.reasons.len().saturating_sub(SHORT_LIST),
        checks: section.checks.iter().map(check_view).collect(),
    }
}

fn check_view(check: &PlanCheck) -> CheckView {
    CheckView { id: check.id.clone(), text: check.text.clone(), owner: check.owner.clone() }
}
