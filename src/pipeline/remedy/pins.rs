//! Pins: dependencies that follow a branch come to stand at its commit.

use super::bench::{State, blocked, read_again};
use super::failure::Failure;
use super::overlay::Overlay;
use super::{RemedyOutcome, RemedyRequest};
use crate::model::dependency::{Dependency, Origin};
use crate::model::finding::{Finding, FindingKind};
use crate::model::remedy::{BlockCause, Bump, Step};
use crate::model::repository::CommitId;
use crate::pipeline::resolve::{Hosts, Resolver};
use crate::updater::{PINNERS, PinRequest};

/// Pins everything that follows a branch, one after the other; what cannot be pinned is reported and stays.
pub(super) fn pin_all(request: &RemedyRequest<'_>, state: &mut State, outcome: &mut RemedyOutcome) -> Vec<Bump> {
    let mut bumps = Vec::new();
    for finding in request.findings.iter().filter(|finding| finding.kind == FindingKind::BranchTracking) {
        match pin(request, state, finding) {
            Ok((pinned, commit)) => {
                *state = pinned;
                bumps.push(bump(request, finding, &commit));
            }
            Err(failure) => {
                let named = (finding.ecosystem, finding.package.as_str(), finding.version.as_str());
                outcome.blocked.push(blocked(request, named, None, failure));
            }
        }
    }
    bumps
}

fn pin(request: &RemedyRequest<'_>, state: &State, finding: &Finding) -> Result<(State, CommitId), Failure> {
    let position = find(&state.lockfile.dependencies, finding).ok_or_else(|| {
        Failure::new(BlockCause::PostConditionFailed, format!("`{}` is not where it was found", finding.package))
    })?;
    let dependency = &state.lockfile.dependencies[position];
    let commit = commit_of(&finding.origin, request.remotes)?;
    if follows_no_branch(dependency) {
        // An earlier pin of the same repository has pinned this package as well.
        return Ok((state.clone(), commit));
    }
    let pinner = PINNERS.iter().find(|pinner| pinner.handles(&request.lockfile.path)).ok_or_else(|| {
        let text = format!("nothing here can pin what `{}` names", request.lockfile.path);
        Failure::new(BlockCause::Unsupported, text).with_next_step(format!("pin `{}` to {commit}", finding.package))
    })?;
    let tree = Overlay { base: request.tree, changed: &state.changed };
    let asked = PinRequest { lockfile: &request.lockfile.path, dependency, commit: &commit, tree: &tree };
    let files = pinner
        .pin(&asked)
        .map_err(|refusal| Failure::new(BlockCause::Refused, refusal.message).with_next_step(refusal.next_step))?;
    let mut after = state.clone();
    after.changed.extend(files);
    after.lockfile = read_again(request, &after.changed)?;
    verify(state, &after, position, &commit)?;
    Ok((after, commit))
}

/// The files, read again, say that the dependency stands at the commit and that nothing else moved.
fn verify(before: &State, after: &State, position: usize, commit: &CommitId) -> Result<(), Failure> {
    let failed = |text: String| Failure::new(BlockCause::PostConditionFailed, text);
    let (old, new) = (&before.lockfile.dependencies, &after.lockfile.dependencies);
    let name = &old[position].name;
    if old.len() != new.len() || old.iter().zip(new).any(|(old, new)| old.name != new.name) {
        return Err(failed(format!("pinning `{name}` would change other dependencies")));
    }
    let stands = match &new[position].origin {
        Origin::Git { pin, commit: locked, .. } => {
            pin.followed_branch().is_none() && locked.as_ref().is_none_or(|locked| locked == commit)
        }
        Origin::Registry { .. }
        | Origin::Path
        | Origin::Archive { .. }
        | Origin::Image { .. }
        | Origin::System { .. } => false,
    };
    if stands { Ok(()) } else { Err(failed(format!("`{name}` still follows a branch after it was pinned"))) }
}

/// The dependency of a finding: the same package on the same line, or the only one with its name and version.
fn find(dependencies: &[Dependency], finding: &Finding) -> Option<usize> {
    let same = |dependency: &Dependency| dependency.name == finding.package && dependency.version == finding.version;
    dependencies
        .iter()
        .position(|dependency| same(dependency) && dependency.line == finding.line)
        .or_else(|| dependencies.iter().position(same))
        .or_else(|| dependencies.iter().position(|it| it.name == finding.package && it.line == finding.line))
}

fn follows_no_branch(dependency: &Dependency) -> bool {
    match &dependency.origin {
        Origin::Git { pin, .. } => pin.followed_branch().is_none(),
        Origin::Registry { .. }
        | Origin::Path
        | Origin::Archive { .. }
        | Origin::Image { .. }
        | Origin::System { .. } => true,
    }
}

/// The commit at which the branch stands: the lockfile's, else the repository's own word.
fn commit_of(origin: &Origin, remotes: Option<(&Resolver, &Hosts)>) -> Result<CommitId, Failure> {
    let Origin::Git { url, pin, commit } = origin else {
        return Err(Failure::new(BlockCause::Refused, "the dependency does not come from git"));
    };
    if let Some(commit) = commit {
        return Ok(commit.clone());
    }
    let branch = pin.followed_branch().flatten();
    let unreachable = |text: String| {
        Failure::new(BlockCause::RegistryUnreachable, text)
            .with_next_step("run patchparty again where the repository can be reached, or name the commit by hand")
    };
    let answer = match remotes {
        Some((resolver, hosts)) => resolver.branch(url, branch, hosts),
        None => Err("this run does not use the network".to_owned()),
    };
    match answer {
        Ok(Some(commit)) => Ok(commit),
        Ok(None) => Err(unreachable(format!("`{url}` has no branch `{}`", branch.unwrap_or("HEAD")))),
        Err(reason) => Err(unreachable(format!("the commit of `{url}` is not known: {reason}"))),
    }
}

fn bump(request: &RemedyRequest<'_>, finding: &Finding, commit: &CommitId) -> Bump {
    let branch = match &finding.origin {
        Origin::Git { pin, .. } => pin.followed_branch().map(|branch| branch.unwrap_or("HEAD").to_owned()),
        Origin::Registry { .. }
        | Origin::Path
        | Origin::Archive { .. }
        | Origin::Image { .. }
        | Origin::System { .. } => None,
    };
    Bump {
        ecosystem: finding.ecosystem,
        package: finding.package.clone(),
        file: request.lockfile.path.clone(),
        from: branch.unwrap_or_else(|| finding.version.clone()),
        to: Some(commit.to_string()),
        step: Step::Pin,
        direct: finding.direct,
        path: finding.path.clone(),
        fixes: Vec::new(),
        reason: "the commit at which the branch stands: nothing moves until somebody decides so".to_owned(),
    }
}
