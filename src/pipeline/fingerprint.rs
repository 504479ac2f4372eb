//! Fingerprints: whether anything that a proposal is made from, or what it changes, is new.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::model::dependency::Origin;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Detail, Finding};
use crate::model::remedy::Remedy;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree as _};
use crate::pipeline::propose::ProposeRequest;

/// The manifests whose content decides what a package manager does with a lockfile.
pub(crate) const MANIFESTS: [&str; 3] = ["Cargo.toml", "package.json", "composer.json"];

/// A digest of everything that a proposal is made from: our version, the policy's words, the findings with their
/// advisories, what else is known about the packages beside them, and the files that package managers read. Equal
/// digests mean that nothing has to be done again.
pub(crate) fn of_inputs(request: &ProposeRequest<'_>, findings: &[Finding]) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        // The length keeps neighbouring parts from running into one another.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(request.base.branch.as_bytes());
    add(request.route.as_str().as_bytes());
    let policy = request.policy;
    add(format!("{:?}{:?}{:?}{:?}", policy.test_plan, policy.deploy, policy.wording, policy.deadlines).as_bytes());
    add(request.night.templates.digest().as_bytes());
    add(format!("{:?}", (policy.updates.breaking_limit, policy.kind_of(&request.project.slug), &policy.routes))
        .as_bytes());
    // What goes first decides on what is left to do, and on what the change has to fit beside.
    for (path, content) in request.ahead.iter().flat_map(|ahead| &ahead.files) {
        add(path.as_str().as_bytes());
        add(content);
    }
    for finding in findings {
        add(format!("{:?}", without_asked_commit(finding)).as_bytes());
    }
    // Also what does not affect the locked versions: it may affect the one that is proposed. What a proposal brings in
    // that no lockfile names yet is looked at when something else is new.
    let files: BTreeSet<&RepoPath> = findings.iter().map(|finding| &finding.file).collect();
    let concerned = request.base.report.lockfiles.iter().filter(|lockfile| files.contains(&lockfile.path));
    let dependencies = concerned.flat_map(|lockfile| &lockfile.dependencies);
    // Each package once, however many versions of it are locked in however many files.
    let packages: BTreeSet<(Ecosystem, &str)> = dependencies.map(|it| (it.ecosystem, it.name.as_str())).collect();
    for (ecosystem, name) in packages {
        for (advisory, affected) in request.night.advisories.records_about(ecosystem, name) {
            add(format!("{:?}{:?}{affected:?}", advisory.id, advisory.kind).as_bytes());
        }
    }
    let tree = &request.base.tree;
    for entry in tree.entries() {
        let path = &entry.path;
        let read_by_tools = MANIFESTS.contains(&path.file_name()) || files.contains(path);
        if read_by_tools && matches!(entry.kind, EntryKind::File { .. }) {
            add(path.as_str().as_bytes());
            // A file that cannot be read is a problem of the scan; here it only has to be the same every time.
            add(&tree.read(path).unwrap_or_default());
        }
    }
    format!("{:x}", digest.finalize())
}

/// A finding without what was asked of a remote: the commit that its branch stands at today, where the file does not lock
/// one, and the release nearest to it.
///
/// The branch moves on, and a pull request that pins it must not: it would be another one every night, never tested.
fn without_asked_commit(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    if let (Ecosystem::GitHubActions, Origin::Git { commit, .. }) = (finding.ecosystem, &mut finding.origin) {
        *commit = None;
    }
    // Which release is nearest moves with the branch, and is not known on a night without the network.
    // What a project excludes is as vulnerable as it was.
    if let Some(Detail::Excluded(detail)) = finding.detail {
        finding.detail = detail.map(|detail| *detail);
    }
    finding.detail = finding.detail.filter(|detail| !matches!(detail, Detail::Nearest(_)));
    finding
}

/// A digest of what a proposal changes: every file before and after.
pub(crate) fn of_content(remedies: &[Remedy]) -> String {
    let mut changes: Vec<_> = remedies.iter().flat_map(|remedy| &remedy.changes).collect();
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    let mut digest = Sha256::new();
    // Goes up when commits get something that the text beside them relies on.
    digest.update("patchparty content v2");
    for change in changes {
        for part in [change.path.as_str().as_bytes(), &change.before, &change.after] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    }
    format!("{:x}", digest.finalize())
}
