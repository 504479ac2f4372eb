//! Make: runs the package managers for the findings of one route, apart from what the emergency before it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{Offer, ProposeRequest};
use crate::extractor::{EXTRACTORS, SourceFile};
use crate::git::overlap;
use crate::git::tree::GitTree;
use crate::model::finding::Finding;
use crate::model::lockfile::Lockfile;
use crate::model::remedy::{BlockCause, Blocked, Raise, Remedy};
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::ProjectTree as _;
use crate::pipeline::fingerprint::MANIFESTS;
use crate::pipeline::night::Night;
use crate::pipeline::pages::pages;
use crate::pipeline::plan::is_flaw;
use crate::pipeline::project::Base;
use crate::pipeline::pull_request::{Page, remedied};
use crate::pipeline::remedy::{self, AllowedSources, Overlay, RemedyRequest};
use crate::sandbox::interrupt;

/// How long the package managers may work on one proposal: the largest of the corpus needs a few minutes.
const TIME_LIMIT: Duration = Duration::from_mins(45);

/// An open proposal on the same base that goes first: what is made after it must fit beside it.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Its branch.
    pub(crate) branch: String,
    /// The files that it changes, as it leaves them.
    pub(crate) files: BTreeMap<RepoPath, Vec<u8>>,
}

impl Ahead {
    /// What a proposal that is made now leaves.
    pub(super) fn of_remedies(branch: &str, remedies: &[Remedy]) -> Self {
        let changes = remedies.iter().flat_map(|remedy| &remedy.changes);
        let files = changes.map(|change| (change.path.clone(), change.after.clone())).collect();
        Self { branch: branch.to_owned(), files }
    }

    /// What a proposal that stands at `head` leaves of the files of these findings and of manifests; nothing where that
    /// cannot be read.
    pub(super) fn of_commit(request: &ProposeRequest<'_>, head: &CommitId, findings: &[Finding]) -> Option<Self> {
        let base = request.base;
        let tree = GitTree::open(&base.mirror, head).ok()?;
        let locked: BTreeSet<&RepoPath> = findings.iter().map(|finding| &finding.file).collect();
        let concerned = |path: &RepoPath| locked.contains(path) || MANIFESTS.contains(&path.file_name());
        let differs = |path: &RepoPath| base.tree.content_id(path) != tree.content_id(path);
        let paths = base.tree.entries().iter().map(|entry| &entry.path).filter(|path| concerned(path) && differs(path));
        let files = paths.filter_map(|path| Some((path.clone(), tree.read(path).ok()?))).collect();
        Some(Self { branch: request.branch.clone(), files })
    }

    /// Whether it leaves what a finding is about: the package still stands at that version in that file.
    pub(super) fn leaves(
        &self,
        base: &Base,
        read: &mut BTreeMap<RepoPath, Option<Lockfile>>,
        finding: &Finding,
    ) -> bool {
        if !self.files.contains_key(&finding.file) {
            return true;
        }
        let lockfile = read.entry(finding.file.clone()).or_insert_with(|| self.read(base, &finding.file));
        lockfile.as_ref().is_none_or(|lockfile| {
            lockfile.dependencies.iter().any(|it| it.name == finding.package && it.version == finding.version)
        })
    }

    /// A lockfile as it leaves it, read by the extractor that read it before.
    fn read(&self, base: &Base, path: &RepoPath) -> Option<Lockfile> {
        let before = base.report.lockfiles.iter().find(|lockfile| lockfile.path == *path)?;
        let tree = Overlay { base: &base.tree, changed: &self.files };
        let extractor = EXTRACTORS.iter().find(|extractor| extractor.id() == before.extractor)?;
        let content = tree.read(path).ok()?;
        let dependencies = extractor.extract(&SourceFile { path, content: &content, tree: &tree }).ok()?;
        Some(Lockfile::new(path.clone(), extractor.id(), dependencies))
    }

    /// Whether both can be merged, in any order.
    fn is_beside(&self, remedy: &Remedy) -> bool {
        remedy.changes.iter().all(|change| {
            self.files.get(&change.path).is_none_or(|ours| overlap::apart(&change.before, ours, &change.after))
        })
    }
}

/// What was made for one route.
pub(super) struct Made {
    pub(super) remedies: Vec<Remedy>,
    pub(super) blocked: Vec<Blocked>,
    pub(super) offers: Vec<Offer>,
    /// Whether the change that goes first had to be taken in.
    pub(super) takes_in: bool,
    /// Where it can be looked at.
    pub(super) pages: Vec<Page>,
}

/// Runs the package managers, off the asynchronous threads. One lockfile after the other: they share caches.
pub(super) async fn make(request: &ProposeRequest<'_>, findings: Vec<Finding>) -> anyhow::Result<Made> {
    let (night, base, ahead) = (Arc::clone(request.night), Arc::clone(request.base), request.ahead.clone());
    let (route, breaking) = (request.route, request.policy.updates.breaking_limit > 0);
    let made = tokio::task::spawn_blocking(move || {
        let mut work =
            Work { night: &night, base: &base, ahead: ahead.as_deref(), deadline: Instant::now() + TIME_LIMIT };
        let (mut made, raises) = work.all(&findings);
        for raise in raises.into_iter().filter(|_| breaking) {
            let fixed = remedied(&findings, std::slice::from_ref(&raise.remedy));
            let with_safe = made.remedies.iter().any(|remedy| remedy.bumps.iter().any(|bump| bump.file == raise.file));
            if !fixed.is_empty() {
                let pages = pages(std::slice::from_ref(&raise.remedy), &night.tools);
                made.offers.push(Offer { route, findings: fixed, with_safe, pages, raise });
            }
        }
        if !breaking {
            for blocked in made.blocked.iter_mut().filter(|blocked| blocked.cause == BlockCause::BreakingRaise) {
                "raise the requirement by a change of your own: the policy opens no breaking raises (`breaking-limit`)"
                    .clone_into(&mut blocked.next_step);
            }
        }
        made.pages = pages(&made.remedies, &night.tools);
        made
    });
    let made = made.await.context("run the package managers")?;
    // Killed tools look like failed ones: nothing may be made of that.
    anyhow::ensure!(!interrupt::is_requested(), "finish the work: the run was interrupted");
    // What could not be looked up may affect what was chosen.
    match request.night.advisories.damage() {
        Some(damage) => Err(anyhow::anyhow!("trust what was made: {damage}")),
        None => Ok(made),
    }
}

/// All flaws of a lockfile: a change that is made for one of them may remove others.
fn besides<'a>(base: &'a Base, lockfile: &Lockfile) -> Vec<&'a Finding> {
    let findings = base.report.findings.iter();
    findings.filter(|finding| finding.file == lockfile.path && is_flaw(finding)).collect()
}

/// What the lockfiles of one route share.
struct Work<'a> {
    night: &'a Night,
    base: &'a Base,
    ahead: Option<&'a Ahead>,
    deadline: Instant,
}

impl Work<'_> {
    fn all(&mut self, findings: &[Finding]) -> (Made, Vec<Raise>) {
        let mut made =
            Made { remedies: Vec::new(), blocked: Vec::new(), offers: Vec::new(), takes_in: false, pages: Vec::new() };
        let mut raises = Vec::new();
        let mut of_files: BTreeMap<&RepoPath, Vec<&Finding>> = BTreeMap::new();
        for finding in findings {
            of_files.entry(&finding.file).or_default().push(finding);
        }
        for lockfile in &self.base.report.lockfiles {
            let Some(here) = of_files.remove(&lockfile.path) else { continue };
            let mut outcome = self.one(lockfile, &here, &BTreeMap::new());
            let clash = outcome.remedy.as_ref().and_then(|remedy| self.ahead.filter(|ahead| !ahead.is_beside(remedy)));
            if let Some(ahead) = clash
                && let Some(left) = ahead.read(self.base, &lockfile.path)
            {
                // Made on top of what goes first, both are one change that is verified as a whole.
                outcome = self.one(&left, &here, &ahead.files);
                outcome.remedy = outcome.remedy.map(|remedy| self.with_ahead(remedy, lockfile, ahead));
                outcome.raises = outcome.raises.into_iter().map(|raise| self.raise_from_base(raise)).collect();
                made.takes_in |= outcome.remedy.is_some();
            }
            made.blocked.extend(outcome.blocked);
            raises.extend(outcome.raises);
            match outcome.remedy.map(|remedy| remedy::beside(&made.remedies, remedy)) {
                Some(Ok(remedy)) => made.remedies.push(remedy),
                Some(Err(mut refused)) => made.blocked.append(&mut refused),
                None => {}
            }
        }
        (made, raises)
    }

    fn one(
        &self,
        lockfile: &Lockfile,
        findings: &[&Finding],
        changed: &BTreeMap<RepoPath, Vec<u8>>,
    ) -> remedy::RemedyOutcome {
        let (night, base) = (self.night, self.base);
        let remotes = night.resolver.as_ref().map(|resolver| (resolver, resolver.hosts(&base.report.lockfiles)));
        let overlay = Overlay { base: &base.tree, changed };
        remedy::remedy(&RemedyRequest {
            project: &base.report.name,
            tree: if changed.is_empty() { &base.tree } else { &overlay },
            lockfile,
            findings,
            besides: &besides(base, lockfile),
            advisories: &night.advisories,
            tools: &night.tools,
            allow_sources: AllowedSources {
                kinds: &night.policy.updates.allow_sources,
                hosts: &night.policy.network.allow_hosts,
            },
            npm_overrides: night.policy.updates.npm_overrides,
            remotes: remotes.as_ref().map(|(resolver, hosts)| (*resolver, hosts)),
            deadline: self.deadline,
        })
    }

    /// A remedy that was made on top of what goes first, as a change of the base: with that in it.
    fn with_ahead(&self, mut remedy: Remedy, lockfile: &Lockfile, ahead: &Ahead) -> Remedy {
        self.rebase(&mut remedy);
        let folder = lockfile.path.folder();
        let belongs = |path: &RepoPath| {
            MANIFESTS.contains(&path.file_name())
                && (folder.is_empty() || path.as_str().starts_with(&format!("{folder}/")))
        };
        for (path, after) in ahead.files.iter().filter(|(path, _)| belongs(path)) {
            if remedy.changes.iter().any(|change| change.path == *path) {
                continue;
            }
            if let Some(mut change) = self.change(path) {
                change.after.clone_from(after);
                remedy.changes.push(change);
            }
        }
        remedy.changes.sort_by(|left, right| left.path.cmp(&right.path));
        remedy
    }

    fn raise_from_base(&self, mut raise: Raise) -> Raise {
        self.rebase(&mut raise.remedy);
        raise
    }

    fn rebase(&self, remedy: &mut Remedy) {
        for change in &mut remedy.changes {
            if let Ok(before) = self.base.tree.read(&change.path) {
                change.before = before;
            }
        }
    }

    /// A file of the base that does not change yet.
    fn change(&self, path: &RepoPath) -> Option<crate::model::proposal::FileChange> {
        use crate::model::tree::EntryKind;
        let before = self.base.tree.read(path).ok()?;
        let executable = matches!(self.base.tree.kind(path), Some(EntryKind::File { executable: true }));
        Some(crate::model::proposal::FileChange { path: path.clone(), after: before.clone(), before, executable })
    }
}
