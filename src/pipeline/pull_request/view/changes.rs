//! The table of what moves, worst first, and what only moves along.

use std::cmp::Reverse;

use serde::Serialize;

use super::{NameView, SHORT_LIST, names};
use crate::model::dependency::{PackageVersion, Scope};
use crate::model::finding::Finding;
use crate::model::remedy::{Bump, Step};
use crate::model::repository::CommitId;
use crate::pipeline::pull_request::{Facts, WriteRequest};

#[derive(Serialize)]
pub(super) struct ChangeView<'a> {
    package: &'a str,
    file: &'a str,
    from: &'a str,
    to: Option<String>,
    step: &'static str,
    major: bool,
    /// Whether it followed a branch.
    loose: bool,
    /// What the project needs it for.
    scope: &'static str,
    direct: bool,
    via: Vec<String>,
    /// Worst first.
    advisories: Vec<NameView<'a>>,
    /// How many of them are not shown.
    hidden_advisories: usize,
}

pub(super) fn change<'a>(bump: &'a Bump, request: &'a WriteRequest<'a>, facts: &Facts<'a>) -> ChangeView<'a> {
    let advisories = names(&bump.fixes, request, facts);
    let hidden_advisories = advisories.len().saturating_sub(SHORT_LIST);
    ChangeView {
        package: &bump.package,
        file: bump.file.as_str(),
        from: &bump.from,
        to: after(bump),
        step: if bump.to.is_none() { "–" } else { step(bump.step) },
        major: bump.step == Step::Major,
        loose: bump.step == Step::Pin,
        scope: scope(bump, request.findings),
        direct: bump.direct,
        via: if bump.direct { Vec::new() } else { via(bump) },
        advisories: advisories.into_iter().take(SHORT_LIST).collect(),
        hidden_advisories,
    }
}

/// Through whom the package is there: of a long chain its ends, which people know.
fn via(bump: &Bump) -> Vec<String> {
    let mut parents = bump.path.told().parents(|it| PackageVersion::from(it).to_string());
    if let (Some(last), true) = (parents.last().cloned(), parents.len() > 3) {
        let between = parents.len() - 2;
        parents.truncate(1);
        parents.extend([format!("… {between} more …"), last]);
    }
    parents
}

const fn step(step: Step) -> &'static str {
    match step {
        Step::Pin => "pin",
        Step::Patch => "patch",
        Step::Minor => "minor",
        Step::Major => "major",
    }
}

/// What the project needs a package for; production, where one of its instances runs there.
fn scope(bump: &Bump, findings: &[Finding]) -> &'static str {
    let same = |finding: &&Finding| {
        finding.file == bump.file && finding.package == bump.package && finding.version == bump.from
    };
    let scopes: Vec<Scope> = findings.iter().filter(same).map(|finding| finding.scope).collect();
    let has = |scope| scopes.contains(&scope);
    match () {
        () if has(Scope::Runtime) => "runtime",
        () if has(Scope::Development) => "development",
        () if has(Scope::Ci) => "CI",
        () => "–",
    }
}

/// The version after the change; of a commit, as much as people read.
pub(super) fn after(bump: &Bump) -> Option<String> {
    let to = bump.to.as_deref()?;
    let commit = CommitId::new(to);
    Some(commit.map_or_else(|_| to.to_owned(), |commit| commit.short().to_owned()))
}

/// The order in which reviewers read: worst first, then by name and place.
pub(super) fn worst_first<'a>(bumps: &mut [&'a Bump], facts: &Facts<'a>) {
    let worst = |bump: &Bump| {
        let here = facts.fixed.iter().filter(|finding| {
            finding.file == bump.file && finding.package == bump.package && finding.version == bump.from
        });
        here.map(|finding| {
            let flaw = finding.advisory.as_ref();
            let score = flaw.and_then(|flaw| flaw.cvss.as_ref()).map_or(0.0, |cvss| cvss.score);
            // Tenths order as scores do, and can be compared.
            (flaw.is_some_and(|flaw| flaw.exploited), finding.severity, format!("{score:04.1}"))
        })
        .max()
    };
    bumps.sort_by_cached_key(|bump| {
        (Reverse(worst(bump)), bump.package.clone(), bump.file.clone(), bump.from.clone(), bump.to.clone())
    });
}
