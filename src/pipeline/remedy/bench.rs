//! The bench: one lockfile on its way, the tool that changes it and the extractor that reads it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::failure::Failure;
use super::overlay::Overlay;
use super::proved::Version;
use super::{RemedyRequest, Tools, trust};
use crate::extractor::{EXTRACTORS, SourceFile};
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;
use crate::model::remedy::{BlockCause, Blocked};
use crate::model::repository::RepoPath;
use crate::model::tree::ProjectTree as _;
use crate::registry::Registry;
use crate::sandbox::proxy;
use crate::sandbox::runner::RunError;
use crate::sandbox::skeleton::{Place, Skeleton};
use crate::updater::{Action, Attempt, Files, Reason, Said, SyncCheck, Updater};

/// The project's files as changed so far, and the lockfile as they make it.
#[derive(Clone)]
pub(super) struct State {
    /// Files of the repository that differ from the base.
    pub(super) changed: BTreeMap<RepoPath, Vec<u8>>,
    /// The lockfile, read again.
    pub(super) lockfile: Lockfile,
}

/// What one lockfile is worked on with.
pub(super) struct Bench<'a> {
    pub(super) request: &'a RemedyRequest<'a>,
    pub(super) updater: &'static dyn Updater,
    pub(super) registry: Arc<dyn Registry>,
    /// Packages that come from elsewhere: the registry is never asked for them, as their names may be private.
    pub(super) foreign: BTreeSet<String>,
    /// The version of the package manager.
    pub(super) version: Version,
    /// Whether the tool is shown stand-ins for what comes from hosts that the policy does not let it ask.
    pub(super) stands_in: bool,
}

impl Bench<'_> {
    pub(super) fn ecosystem(&self) -> Ecosystem {
        self.updater.ecosystem()
    }

    pub(super) fn tools(&self) -> &Tools {
        self.request.tools
    }

    /// Notes something for whoever runs patchparty, and for nobody else.
    pub(super) fn log(&self, title: &str, text: &str) {
        self.tools().log.note(&self.request.subject(), title, text);
    }

    /// What the tool may see of the project as it stands.
    pub(super) fn files(&self, changed: &BTreeMap<RepoPath, Vec<u8>>) -> Result<Files, Failure> {
        files(self.request, self.updater, changed)
    }

    /// Whether the lockfile matches its manifest.
    pub(super) fn check_sync(&self, files: &Files) -> Result<(), Failure> {
        let path = &files.lockfile;
        let stale = || {
            let tool = self.updater.id();
            Failure::new(
                BlockCause::LockfileStale,
                format!("`{path}` does not match its manifest, so that any update would change unrelated packages"),
            )
            .with_next_step(format!("run `{tool} {}` and commit `{path}`", refresh(tool)))
        };
        let skeleton = self.skeleton(files)?;
        match self.updater.sync_check(files, skeleton.place()) {
            SyncCheck::Known(true) => Ok(()),
            SyncCheck::Known(false) => Err(stale()),
            SyncCheck::Ask(invocation) => {
                let messages = self.run(&Action::Run(invocation), &skeleton);
                match messages {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.reason() == Some(&Reason::Stale) => Err(stale()),
                    Err(failure) => Err(self.explained(failure)),
                }
            }
        }
    }

    /// A failure of a tool that cannot read the project, with what the project lacks.
    fn explained(&self, failure: Failure) -> Failure {
        if !matches!(failure.reason(), Some(Reason::NotLoaded(_) | Reason::Manifest)) {
            return failure;
        }
        match self.updater.missing(&self.request.lockfile.path, self.request.tree) {
            Some(refusal) => Failure::new(BlockCause::Refused, refusal.message).with_next_step(refusal.next_step),
            None => failure,
        }
    }

    /// Makes one attempt in a fresh skeleton and reads the lockfile back, in the format that it had.
    ///
    /// `choose` gets the skeleton's folders and gives the attempt; `None` means that there is no such attempt.
    pub(super) fn attempt(
        &self,
        files: &Files,
        choose: &dyn Fn(&Place) -> Result<Option<Attempt>, Failure>,
    ) -> Result<Option<(Files, &'static str)>, Failure> {
        let skeleton = self.skeleton(files)?;
        let Some(attempt) = choose(skeleton.place())? else { return Ok(None) };
        for action in &attempt.actions {
            self.run(action, &skeleton)?;
        }
        let written = skeleton
            .read(&files.lockfile)
            .map_err(|error| Failure::new(BlockCause::PostConditionFailed, format!("failed to {error}")))?
            .ok_or_else(|| {
                Failure::new(BlockCause::ToolFailed, format!("`{}` removed the lockfile", self.updater.id()))
            })?;
        let written = if self.stands_in {
            let moved = || {
                let text = format!("`{}` did not leave what comes from elsewhere where it was", self.updater.id());
                Failure::new(BlockCause::PostConditionFailed, text)
            };
            self.updater.put_back(files, &self.foreign, written).ok_or_else(moved)?
        } else {
            written
        };
        let mut changed = files.clone();
        changed.contents.insert(files.lockfile.clone(), self.updater.restore(files.lock(), written));
        Ok(Some((changed, attempt.what)))
    }

    /// Reads the lockfile of a changed project again.
    pub(super) fn read_again(&self, changed: &BTreeMap<RepoPath, Vec<u8>>) -> Result<Lockfile, Failure> {
        read_again(self.request, changed)
    }

    /// The files as the tool is shown them.
    pub(super) fn shown(&self, files: &Files) -> Result<Files, Failure> {
        if !self.stands_in {
            return Ok(files.clone());
        }
        let lookup = |package: &str, version: &str| {
            if self.foreign.contains(package) { None } else { self.registry.record(package, version) }
        };
        let gone =
            || Failure::new(BlockCause::UntrustedSource, "nothing can stand in any more for what comes from elsewhere");
        self.updater.standing_in(files, &self.foreign, &lookup).ok_or_else(gone)
    }

    fn skeleton(&self, files: &Files) -> Result<Skeleton, Failure> {
        let tools = self.tools();
        Skeleton::new(&tools.scratch, &tools.cache, &self.shown(files)?.contents)
            .map_err(|error| Failure::new(BlockCause::Refused, format!("failed to {error}")))
    }

    fn run(&self, action: &Action, skeleton: &Skeleton) -> Result<(), Failure> {
        let invocation = match action {
            Action::Write(path, content) => {
                return skeleton
                    .write(path, content)
                    .map_err(|error| Failure::new(BlockCause::ToolFailed, format!("failed to {error}")));
            }
            Action::Run(invocation) => invocation,
        };
        let output = self.tools().runner.run(invocation, skeleton.place()).map_err(|error| {
            // Whoever hangs waits for a server: trying other versions would hang as well.
            let cause = match &error {
                RunError::TimedOut { .. } => BlockCause::RegistryUnreachable,
                RunError::NotInstalled { .. } => BlockCause::ToolMissing,
                RunError::Start { .. } | RunError::NoRegistry { .. } => BlockCause::ToolFailed,
                RunError::Unconfined { .. } => BlockCause::Unconfined,
            };
            let failure = Failure::new(cause, format!("failed to {error}"));
            Failure { next_step: error.hint(), ..failure }
        })?;
        if output.succeeded() {
            return Ok(());
        }
        let messages = format!("{}\n{}", output.stderr, output.stdout);
        let how = match output.status {
            Some(code) => format!("ended with code {code}"),
            None => "was ended by a signal".to_owned(),
        };
        let title = format!("{} {}: {how}", invocation.program, invocation.args.join(" "));
        let refused: String = output.refused.iter().map(|refusal| format!("\nthe proxy: {refusal}")).collect();
        self.log(&title, &format!("{messages}{refused}"));
        let said = self.updater.said(&messages);
        let is_told = !said.chain.is_empty() || matches!(said.reason, Some(Reason::Stale | Reason::NotAllowed(_)));
        // What the proxy knows is a fact; what the tool makes of it is not.
        match proxy::cause(&invocation.program, &output.refused).filter(|_| !is_told) {
            Some(cause) => Err(cause.into()),
            None => Err(failed(self.updater, &how, said)),
        }
    }

    /// A failure as a finding that stays.
    pub(super) fn blocked(&self, (package, from): (&str, &str), target: Option<&str>, failure: Failure) -> Blocked {
        blocked(self.request, (self.ecosystem(), package, from), target, failure)
    }
}

/// What a tool may see of a project as it stands, if nothing of it leads elsewhere than the policy allows.
pub(super) fn files(
    request: &RemedyRequest<'_>,
    updater: &dyn Updater,
    changed: &BTreeMap<RepoPath, Vec<u8>>,
) -> Result<Files, Failure> {
    let tree = Overlay { base: request.tree, changed };
    let files = updater
        .files(&request.lockfile.path, &tree)
        .map_err(|refusal| Failure::new(BlockCause::Refused, refusal.message).with_next_step(refusal.next_step))?;
    stands_in(request, updater, (&files, &BTreeSet::new()))?;
    Ok(files)
}

/// Whether the policy allows where the files lead only with stand-ins for what comes from elsewhere; given are the packages
/// that come from another registry.
pub(super) fn stands_in(
    request: &RemedyRequest<'_>,
    updater: &dyn Updater,
    (files, foreign): (&Files, &BTreeSet<String>),
) -> Result<bool, Failure> {
    let judge = |files: &Files| {
        trust::judge(request, updater, files)?;
        trust::judge_hosts(request, updater, files, |package| foreign.contains(package))
    };
    let Err(refused) = judge(files) else { return Ok(false) };
    match updater.standing_in(files, foreign, &|_, _| None) {
        Some(shown) if judge(&shown).is_ok() => Ok(true),
        _ => Err(refused),
    }
}

/// Why a tool failed, in our own words: its messages repeat what files hold, and only those in a known form are told.
fn failed(updater: &dyn Updater, how: &str, said: Said) -> Failure {
    let cause = match &said.reason {
        Some(Reason::Unreachable) => BlockCause::RegistryUnreachable,
        Some(Reason::NotAllowed(_)) => BlockCause::UntrustedSource,
        _ if !said.chain.is_empty() => BlockCause::ParentRequirement,
        _ => BlockCause::ToolFailed,
    };
    let tool = updater.id();
    let text = match &said.reason {
        Some(reason) => format!("`{tool}` says that {reason}"),
        None => format!("`{tool}` {how}; its own words are in the local log"),
    };
    let chain = said.chain.clone();
    Failure { chain, said: Some(Box::new(said)), ..Failure::new(cause, text) }
}

/// The locked packages that come from another registry than the one that is asked.
pub(super) fn foreign(
    updater: &dyn Updater,
    registry: &dyn Registry,
    files: &Files,
) -> Result<BTreeSet<String>, Failure> {
    let mut answers: BTreeMap<String, bool> = BTreeMap::new();
    let mut foreign = BTreeSet::new();
    for entry in updater.entries(files.lock()) {
        let known = answers.get(&entry.source).copied();
        let serves = known.map_or_else(|| registry.serves(&entry.source), Ok)?;
        answers.insert(entry.source, serves);
        if !serves {
            foreign.insert(entry.package);
        }
    }
    Ok(foreign)
}

/// A failure as a finding that stays.
pub(super) fn blocked(
    request: &RemedyRequest<'_>,
    (ecosystem, package, from): (Ecosystem, &str, &str),
    target: Option<&str>,
    failure: Failure,
) -> Blocked {
    let of_package = request.findings.iter().filter(|finding| finding.package == package && finding.version == from);
    let mut advisories: Vec<_> =
        of_package.filter_map(|finding| finding.advisory.as_ref().map(|flaw| flaw.id.clone())).collect();
    advisories.sort();
    advisories.dedup();
    let next_step = failure.next_step.unwrap_or_else(|| default_step(failure.cause, package, target));
    Blocked {
        ecosystem,
        package: package.to_owned(),
        from: from.to_owned(),
        target: target.map(str::to_owned),
        file: request.lockfile.path.clone(),
        advisories,
        cause: failure.cause,
        chain: failure.chain,
        chain_left_out: failure.chain_left_out,
        explanation: failure.explanation,
        next_step,
    }
}

/// The smallest step that a person can take when nothing more particular is known.
fn default_step(cause: BlockCause, package: &str, target: Option<&str>) -> String {
    let target = target.unwrap_or("a fixed version");
    match cause {
        BlockCause::NoFixedVersion => format!("replace `{package}`, or shield the application from the flaw"),
        BlockCause::ParentRequirement => {
            format!("ask the package that requires `{package}` for a release that admits {target}, or replace it")
        }
        BlockCause::BreakingRaise => {
            format!("merge the pull request that raises the requirement above `{package}`, after a look at its changes")
        }
        BlockCause::ToolMissing => "install the package manager where patchparty runs".to_owned(),
        BlockCause::TimeLimit => "run patchparty again: what it has fetched is kept".to_owned(),
        BlockCause::LockfileStale => "write the lockfile anew and commit it".to_owned(),
        BlockCause::Unconfined => "run patchparty where package managers can be confined".to_owned(),
        BlockCause::RegistryUnreachable => "run patchparty again where the registry can be reached".to_owned(),
        BlockCause::ToolFailed | BlockCause::PostConditionFailed => {
            format!("update `{package}` to {target} by hand and look at what the package manager says")
        }
        BlockCause::Refused
        | BlockCause::UntrustedSource
        | BlockCause::ToolTooOld
        | BlockCause::Unsupported
        | BlockCause::ReportOnly => {
            format!("update `{package}` to {target} by hand")
        }
    }
}

/// A manifest as it stands.
pub(super) fn manifest(
    request: &RemedyRequest<'_>,
    changed: &BTreeMap<RepoPath, Vec<u8>>,
    path: &RepoPath,
) -> Result<Vec<u8>, Failure> {
    let tree = Overlay { base: request.tree, changed };
    tree.read(path).map_err(|error| Failure::new(BlockCause::Refused, format!("failed to {error}")))
}

/// Reads the lockfile of a changed project again, with the extractor that read it before.
pub(super) fn read_again(
    request: &RemedyRequest<'_>,
    changed: &BTreeMap<RepoPath, Vec<u8>>,
) -> Result<Lockfile, Failure> {
    let path = &request.lockfile.path;
    let unreadable = |reason: String| {
        Failure::new(BlockCause::PostConditionFailed, format!("the changed `{path}` cannot be read again: {reason}"))
    };
    let tree = Overlay { base: request.tree, changed };
    let extractor = EXTRACTORS
        .iter()
        .find(|extractor| extractor.id() == request.lockfile.extractor)
        .ok_or_else(|| unreadable(format!("there is no extractor `{}`", request.lockfile.extractor)))?;
    let content = tree.read(path).map_err(|error| unreadable(error.to_string()))?;
    let file = SourceFile { path, content: &content, tree: &tree };
    let dependencies = extractor.extract(&file).map_err(|error| {
        // The error repeats what the tool wrote.
        request.tools.log.note(&request.subject(), &format!("the changed {path}"), &error.to_string());
        unreadable("why is in the local log".to_owned())
    })?;
    Ok(Lockfile::new(path.clone(), extractor.id(), dependencies))
}

/// The command that brings a lockfile in line with its manifest.
fn refresh(tool: &str) -> &'static str {
    match tool {
        "cargo" => "update --workspace",
        "composer" => "update --lock",
        _ => "install",
    }
}
