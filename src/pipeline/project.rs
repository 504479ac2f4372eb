//! One project: mirror → scan → assess → one proposal per base and route.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config;
use crate::config::policy::{Author, Policy};
use crate::git::mirror::{self, MirrorError, MirrorRequest, Snapshot};
use crate::git::tree::GitTree;
use crate::model::report::{Problem, ProjectReport};
use crate::model::repository::{CommitId, Project, RepoPath};
use crate::model::tree::{ProjectTree as _, TreeError};
use crate::pipeline::audit::{AuditContext, audit};
use crate::pipeline::night::Night;
use crate::pipeline::plan::{BaseRole, branches_to_look_at, proposal_branch};
use crate::pipeline::propose::{self, ProposeRequest, Proposed, RaisesRequest};
use crate::pipeline::suppress;
use crate::pipeline::yanked::Withdrawals;

/// Where a project says what the organisation's policy does not: it may only narrow.
const PROJECT_POLICY: &str = ".github/patchparty.toml";

/// A branch that proposals start from, audited.
pub(crate) struct Base {
    /// What the branch stands for.
    pub(crate) role: BaseRole,
    /// The branch.
    pub(crate) branch: String,
    /// The commit that was audited.
    pub(crate) commit: CommitId,
    /// The branches that exist in the repository, among those of proposals of any base and those that could bar them.
    pub(crate) proposals: BTreeSet<String>,
    /// The mirror of the repository.
    pub(crate) mirror: PathBuf,
    /// Its files.
    pub(crate) tree: GitTree,
    /// What was read and found.
    pub(crate) report: ProjectReport,
}

/// Does the night's work for one project; one report per audited branch.
pub(crate) async fn handle(night: &Arc<Night>, project: &Project) -> Vec<ProjectReport> {
    let name = project.slug.to_string();
    if project.archived {
        return vec![skipped(&name, "it is archived: nothing can be changed")];
    }
    let job = (Arc::clone(night), project.clone());
    let audited = tokio::task::spawn_blocking(move || audit_bases(&job.0, &job.1)).await;
    let (policy, bases) = match audited {
        Ok(Ok(audited)) => audited,
        Ok(Err(MirrorError::Empty)) => return vec![skipped(&name, "the repository is empty")],
        Ok(Err(error)) => return vec![ProjectReport::failed(&name, explain(&error))],
        Err(panic) => {
            return vec![ProjectReport::failed(&name, Problem::new(format!("read the project: {panic}"), None))];
        }
    };
    let policy = Arc::new(policy);
    let mut reports = Vec::with_capacity(bases.len());
    for base in bases {
        let mut report = propose_all(night, project, &policy, base).await;
        // No report of a run lists dependencies.
        report.forget_dependencies();
        reports.push(report);
    }
    reports
}

async fn propose_all(night: &Arc<Night>, project: &Project, policy: &Arc<Policy>, base: Base) -> ProjectReport {
    let base = Arc::new(base);
    let mut report = base.report.clone();
    let (mut ahead, mut offers) = (None, Vec::new());
    for &route in base.role.routes() {
        let branch = proposal_branch(&base.proposals, route, &base.branch);
        let request = ProposeRequest { night, project, policy, base: &base, route, branch, raise: None, ahead };
        let mut done = propose::propose(&request).await;
        // Emergency and routine start from the same commit: what comes second has to fit beside what goes first.
        ahead = done.as_mut().ok().and_then(|done| done.ahead.take()).map(Arc::new);
        offers.extend(done.as_mut().map(|done| std::mem::take(&mut done.offers)).unwrap_or_default());
        take(&mut report, done, &format!("propose the {route} fixes"));
    }
    let request = RaisesRequest { night, project, policy, base: &base, offers };
    let raised = propose::propose_raises(request).await;
    for done in raised.done {
        take(&mut report, done, "propose a breaking raise");
    }
    report.remarks.extend(raised.remark);
    report
}

/// Takes what became of a proposal into the report.
fn take(report: &mut ProjectReport, done: anyhow::Result<Proposed>, what: &str) {
    match done {
        Ok(mut done) => {
            report.proposals.extend(done.proposal);
            report.blocked.append(&mut done.blocked);
            report.problems.extend(done.problem);
        }
        Err(error) => report.problems.push(Problem::from_error(error.context(what.to_owned()).as_ref(), None)),
    }
}

fn skipped(name: &str, reason: &str) -> ProjectReport {
    ProjectReport { skipped: Some(reason.to_owned()), ..ProjectReport::named(name) }
}

fn explain(error: &MirrorError) -> Problem {
    let hint = match error {
        MirrorError::NotFound => {
            Some("it may have been deleted or renamed since it was listed; check the token's access")
        }
        MirrorError::Empty
        | MirrorError::NoDefaultBranch
        | MirrorError::Refused { .. }
        | MirrorError::NotPermitted(_)
        | MirrorError::Fetch(_) => None,
    };
    Problem::from_error(error, hint)
}

/// Mirrors the project and audits the one or two branches that routes start from.
fn audit_bases(night: &Night, project: &Project) -> Result<(Policy, Vec<Base>), MirrorError> {
    let wanted = night.policy.branches_of(&project.slug);
    let mut branches: Vec<String> = [&wanted.production, &wanted.development].into_iter().flatten().cloned().collect();
    // Whether a proposal's branch exists tells, without a question to the forge, whether one may have to be closed.
    let bases: Vec<String> = branches.iter().chain(&project.default_branch).cloned().collect();
    branches.extend(branches_to_look_at(&bases));
    let snapshot = mirror::update(&MirrorRequest {
        url: &project.clone_url,
        token: night.forge.git_token(),
        branches: &branches,
        folder: &mirror_folder(night, project),
    })?;
    let default = project.default_branch.as_deref().filter(|name| snapshot.heads.contains_key(*name));
    let default = default.or(snapshot.default_branch.as_deref()).ok_or(MirrorError::Empty)?;
    let existing = |name: &Option<String>| {
        name.as_deref().filter(|name| snapshot.heads.contains_key(*name)).unwrap_or(default).to_owned()
    };
    let (production, development) = (existing(&wanted.production), existing(&wanted.development));
    let (policy, complaint) = project_policy(night, &snapshot, default)?;
    let roles = if production == development {
        vec![(BaseRole::Only, production)]
    } else {
        vec![(BaseRole::Production, production), (BaseRole::Development, development)]
    };
    let mut bases = Vec::with_capacity(roles.len());
    for (role, branch) in roles {
        bases.push(audit_base(night, project, &policy, (role, branch), &snapshot)?);
    }
    let own =
        suppress::remarks(&policy.ignores, Author::Project, &bases.iter().map(|base| &base.report), night.today());
    if let Some(base) = bases.first_mut() {
        base.report.remarks.extend(own);
    }
    if let (Some(complaint), Some(base)) = (complaint, bases.first_mut()) {
        base.report.problems.push(complaint);
    }
    Ok((policy, bases))
}

fn audit_base(
    night: &Night,
    project: &Project,
    policy: &Policy,
    (role, branch): (BaseRole, String),
    snapshot: &Snapshot,
) -> Result<Base, MirrorError> {
    let commit = snapshot.heads.get(&branch).ok_or(MirrorError::Empty)?.clone();
    let tree = GitTree::open(&snapshot.folder, &commit).map_err(MirrorError::Fetch)?;
    // Offline tools would only say that they are offline.
    let withdrawals = (policy.yanked && night.resolver.is_some()).then(|| Withdrawals::new(&night.tools)).flatten();
    let context = AuditContext {
        advisories: &night.advisories,
        exclude: &policy.exclude,
        own_exclusions: &policy.own_exclusions,
        accept_uncovered: &policy.advisories.accept_uncovered,
        limits: &policy.limits,
        ignores: &policy.ignores,
        allow_hosts: &policy.network.allow_hosts,
        today: night.today(),
        resolver: night.resolver.as_ref(),
        withdrawals: withdrawals.as_ref(),
    };
    let mut report = audit(&project.slug.to_string(), &tree, &context);
    report.branch = Some(branch.clone());
    let proposals = snapshot.heads.keys().chain(&snapshot.below).cloned().collect();
    let mirror = snapshot.folder.clone();
    Ok(Base { role, branch, commit, proposals, mirror, tree, report })
}

/// The policy narrowed by the project's own file, read from the default branch only, so that no pull request can change
/// how it is treated. A broken file is a complaint; the organisation's policy then holds alone.
fn project_policy(night: &Night, snapshot: &Snapshot, default: &str) -> Result<(Policy, Option<Problem>), MirrorError> {
    let commit = snapshot.heads.get(default).ok_or(MirrorError::Empty)?;
    let tree = GitTree::open(&snapshot.folder, commit).map_err(MirrorError::Fetch)?;
    let path = RepoPath::new(PROJECT_POLICY).expect("a constant path without dots");
    let text = match tree.read(&path) {
        Ok(content) => String::from_utf8_lossy(&content).into_owned(),
        Err(TreeError::Missing { .. }) => return Ok((night.policy.clone(), None)),
        Err(error) => return Ok((night.policy.clone(), Some(Problem::from_error(&error, None)))),
    };
    match config::narrow(&night.policy, PROJECT_POLICY, &text) {
        Ok(policy) => Ok((policy, None)),
        Err(error) => {
            // One mistake per line in a terminal; a problem is one line.
            let mistakes = error.to_string().replace('\n', "; and ");
            let hint = "mend or remove the file; until then the organisation's policy holds alone";
            let mut problem = Problem::new(format!("accept the project's own file: {mistakes}"), Some(hint));
            problem.file = Some(path);
            Ok((night.policy.clone(), Some(problem)))
        }
    }
}

/// One folder per project; the slug's grammar makes it a safe name.
fn mirror_folder(night: &Night, project: &Project) -> PathBuf {
    night.cache.join("mirrors").join(project.slug.owner()).join(format!("{}.git", project.slug.name()))
}
