//! What the fuzz targets reach: compiled with `--cfg fuzzing`, and for the tests, so that it keeps up with the rest.

#![cfg_attr(
    test,
    expect(
        clippy::missing_panics_doc,
        clippy::too_many_lines,
        reason = "a target panics where a promise is broken, and says all that a pull request may hold in one place"
    )
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::advisory::store;
use crate::config;
use crate::config::policy::{Author, PlanCheck, Policy};
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::{Origin, PackageVersion, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind, KnownFlaw};
use crate::model::proposal::{FileChange, Route};
use crate::model::remedy::{BlockCause, Blocked, BlockingParent, Bump, Evidence, Remedy, Step};
use crate::model::repository::{CommitId, Project, RepoPath};
use crate::model::severity::Severity;
use crate::pipeline::pull_request::{WriteRequest, write};
use crate::template::Templates;

/// The templates that a folder of one's own may replace, as far as they word a pull request.
pub const TEMPLATES: [&str; 5] = ["pull_request", "title", "commit", "partials/advisory", "partials/boxes"];

/// The built-in policy. Compiling its patterns takes longer than all the rest of a run.
static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);
static BUILT_IN: LazyLock<Templates> = LazyLock::new(|| Templates::built_in().expect("valid"));

/// The body of a pull request in which every text of others is one of the given: of an advisory (summary, details), of a
/// package (name, versions, who asks for it), of a tool and of a policy.
pub fn body(texts: [&str; 6]) -> Option<String> {
    worded(&BUILT_IN, texts, &POLICY)
}

/// The same with one template of the user's own; `None` when it is refused, or cannot be rendered.
pub fn body_with_template(name: &str, template: &str, texts: [&str; 6]) -> Option<String> {
    let templates = Templates::load(BTreeMap::from([(name.to_owned(), template.to_owned())])).ok()?;
    worded(&templates, texts, &POLICY)
}

fn worded(templates: &Templates, texts: [&str; 6], policy: &Policy) -> Option<String> {
    let [summary, details, package, version, reason, parent] = texts.map(str::to_owned);
    let id = AdvisoryId::new("CVE-2024-1").expect("a name");
    let file = RepoPath::new("web/package-lock.json").expect("a path");
    let step = |name: &str| PackageVersion { name: name.to_owned(), version: version.clone() };
    let flaw = KnownFlaw {
        id: id.clone(),
        aliases: Vec::new(),
        records: Vec::new(),
        summary,
        details,
        references: vec!["https://advisories.example/1".to_owned()],
        cvss: None,
        exploited: false,
        likelihood: None,
        fixed: Some(version.clone()),
    };
    let finding = Finding {
        kind: FindingKind::Vulnerability,
        severity: Severity::High,
        ecosystem: Ecosystem::Npm,
        package: package.clone(),
        version: version.clone(),
        file: file.clone(),
        line: 1,
        direct: false,
        scope: Scope::Runtime,
        path: vec![step(&parent), step(&package)].into(),
        origin: Origin::Registry { url: None },
        advisory: Some(Arc::new(flaw)),
        detail: None,
    };
    let bump = Bump {
        ecosystem: Ecosystem::Npm,
        package: package.clone(),
        file: file.clone(),
        from: version.clone(),
        to: Some(version.clone()),
        step: Step::Patch,
        direct: false,
        path: vec![step(&parent), step(&package)].into(),
        fixes: vec![id.clone()],
        reason: reason.clone(),
    };
    let blocked = Blocked {
        ecosystem: Ecosystem::Npm,
        package: package.clone(),
        from: version.clone(),
        target: Some(version.clone()),
        file: file.clone(),
        advisories: vec![id],
        cause: BlockCause::ParentRequirement,
        chain: vec![BlockingParent { parent: step(&parent), requirement: version.clone() }],
        chain_left_out: 0,
        explanation: reason.clone(),
        next_step: reason.clone(),
    };
    let remedy = Remedy {
        bumps: vec![bump],
        changes: vec![FileChange { path: file, before: Vec::new(), after: Vec::new(), executable: false }],
        evidence: vec![Evidence { check: reason.clone(), result: reason }],
    };
    let project = Project {
        slug: "acme/shop".parse().expect("a slug"),
        id: Some(1),
        clone_url: String::new(),
        default_branch: None,
        archived: false,
        private: false,
    };
    let request = WriteRequest {
        project: &project,
        route: Route::Routine,
        base_branch: "main",
        base_commit: &CommitId::new(&"a".repeat(40)).expect("40 digits"),
        remedies: &[remedy],
        findings: &[finding],
        blocked: &[blocked],
        policy,
        kinds: &crate::model::project_kind::Kinds::new(),
        change: "0123456789ab",
        raise: None,
        ahead: None,
        pages: &[],
        first_seen: jiff::Timestamp::UNIX_EPOCH,
        templates,
    };
    write(&request).ok().map(|written| written.body)
}

/// Reads a policy and a project's own file, and panics when the file widens the policy.
pub fn narrow(policy: &str, own: &str) {
    let policy = config::parse("patchparty.toml", policy).unwrap_or_else(|error| {
        assert!(!error.to_string().is_empty());
        Policy::default()
    });
    let Ok(narrowed) = config::narrow(&policy, ".github/patchparty.toml", own) else { return };
    let fixed = |policy: &Policy| {
        let Policy { projects, branches, advisories, deadlines, wording, yanked, exclude, overrides, .. } = policy;
        format!("{projects:?}{branches:?}{advisories:?}{deadlines:?}{wording:?}{yanked}{exclude:?}{overrides:?}")
    };
    assert_eq!(fixed(&narrowed), fixed(&policy));
    let (added, kept) = narrowed.ignores.split_at(policy.ignores.len());
    assert!(kept.iter().all(|ignore| ignore.author == Author::Project) && added.len() == policy.ignores.len());
    let keeps = |narrowed: &[PlanCheck], policy: &[PlanCheck]| {
        policy.iter().all(|check| narrowed.iter().any(|kept| kept.id == check.id && kept.text == check.text))
    };
    assert!(keeps(&narrowed.test_plan.always, &policy.test_plan.always) && keeps(&narrowed.deploy, &policy.deploy));
    assert!(keeps(&narrowed.test_plan.emergency, &policy.test_plan.emergency));
    assert!(keeps(&narrowed.test_plan.major, &policy.test_plan.major));
    for path in ["Cargo.lock", "package-lock.json", ".github/workflows/ci.yml"] {
        assert!(narrowed.own_exclusions.place_of(path).is_none() || path.contains('/'), "{path}");
    }
}

/// Reads all of an index; whether it is whole.
pub fn verify(index: &Path) -> bool {
    store::verify(index).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_something_to_run() {
        let texts = ["xa", "xb", "xc", "x1", "xd", "xe"];
        assert!(body(texts).is_some_and(|body| body.contains("xa")));
        assert!(body_with_template("title", "{{prefix}}xa", texts).is_some());
        assert!(body_with_template("title", "{{#if}}", texts).is_none());
        narrow("[audit]\nexclude = [\"a/**\"]\n", "[audit]\nexclude = [\"b/**\"]\n");
    }
}
