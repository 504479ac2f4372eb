//! The world of a test: a project in memory, advisories made for it, and scratch folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::{AllowedSources, RemedyOutcome, RemedyRequest, Tools, remedy};
use crate::advisory::AdvisoryDatabase;
use crate::extractor::{EXTRACTORS, SourceFile};
use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind, Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::severity::Severity;
use crate::model::specification::SpecificationKind;
use crate::model::tree::{EntryKind, ProjectTree, TreeEntry, TreeError};
use crate::net::address::Authority;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::{Invocation, Runner};
use crate::sandbox::skeleton::{Place, Skeleton};

/// A project in memory.
pub(super) struct MemoryTree {
    pub(super) files: BTreeMap<RepoPath, Vec<u8>>,
    entries: Vec<TreeEntry>,
}

impl MemoryTree {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<RepoPath, Vec<u8>> =
            files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), text.as_bytes().to_vec())).collect();
        let kind = EntryKind::File { executable: false };
        let entries = files.keys().map(|path| TreeEntry { path: path.clone(), kind }).collect();
        Self { files, entries }
    }

    pub(super) fn with(&self, path: &str, content: &[u8]) -> Self {
        let mut files = self.files.clone();
        files.insert(RepoPath::new(path).unwrap(), content.to_vec());
        let kind = EntryKind::File { executable: false };
        let entries = files.keys().map(|path| TreeEntry { path: path.clone(), kind }).collect();
        Self { files, entries }
    }
}

/// Where projects and cases for tests lie, beside the repository; `None`, with the reason on stderr, where there are none.
pub(super) fn shared(folder: &str) -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    if place.is_dir() {
        return Some(place);
    }
    eprintln!("skipped: there is no `../shared/{folder}`");
    None
}

impl MemoryTree {
    /// Every file below a folder.
    pub(super) fn of_folder(folder: &Path) -> Self {
        let walk = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        let files = walk.filter_map(|entry| {
            let path = entry.path().strip_prefix(folder).ok()?.to_str()?.to_owned();
            Some((RepoPath::new(&path).ok()?, std::fs::read(entry.path()).ok()?))
        });
        Self::of(files.collect())
    }

    /// A project as `tree.txt` and `files` tell it; what has no content is empty.
    pub(super) fn of_project(folder: &Path) -> Self {
        let list = std::fs::read(folder.join("tree.txt")).unwrap_or_default();
        let list = String::from_utf8_lossy(&list).into_owned();
        let files = list.lines().filter_map(|line| {
            let path = line.strip_prefix("100644 ").or_else(|| line.strip_prefix("100755 "))?;
            let content = std::fs::read(folder.join("files").join(path)).unwrap_or_default();
            Some((RepoPath::new(path).ok()?, content))
        });
        Self::of(files.collect())
    }

    fn of(files: BTreeMap<RepoPath, Vec<u8>>) -> Self {
        let kind = EntryKind::File { executable: false };
        let entries = files.keys().map(|path| TreeEntry { path: path.clone(), kind }).collect();
        Self { files, entries }
    }

    /// The project with the changes of a remedy.
    pub(super) fn changed(&self, outcome: &RemedyOutcome) -> Self {
        let changes = outcome.remedy.iter().flat_map(|remedy| &remedy.changes);
        changes.fold(Self::of(self.files.clone()), |tree, change| tree.with(change.path.as_str(), &change.after))
    }
}

impl ProjectTree for MemoryTree {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        self.files.get(path).cloned().ok_or_else(|| TreeError::Missing { path: path.clone() })
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}

/// Scratch folders and tools of one test.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) tools: Tools,
    /// What the policy allows; nothing, unless a test says so.
    pub(super) allow_sources: BTreeSet<SpecificationKind>,
    /// The hosts that the policy names.
    pub(super) allow_hosts: Vec<Authority>,
    /// Whether the policy lets new overrides be written; not, unless a test says so.
    pub(super) npm_overrides: bool,
}

impl World {
    /// `None`, with the reason on stderr, where a program or the network is missing.
    pub(super) fn new(program: &str, needs_network: bool) -> Option<Self> {
        Self::with_runner(Runner::from_environment(), program, needs_network)
    }

    pub(super) fn with_runner(runner: Runner, program: &str, needs_network: bool) -> Option<Self> {
        let installed = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file());
        if !installed {
            eprintln!("skipped: `{program}` is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::with_runner(runner, &folder.path().join("scratch"), &folder.path().join("cache")).unwrap();
        if needs_network && !reaches_registry(&tools, program) {
            eprintln!("skipped: the registry of `{program}` cannot be reached");
            return None;
        }
        Some(Self { folder, tools, allow_sources: BTreeSet::new(), allow_hosts: Vec::new(), npm_overrides: false })
    }

    /// Runs a command in a skeleton of the project and gives the project with what it wrote to `path`.
    pub(super) fn generate(&self, tree: &MemoryTree, path: &str, commands: &[&[&str]]) -> MemoryTree {
        let skeleton = Skeleton::new(&self.tools.scratch, &self.tools.cache, &tree.files).unwrap();
        let place = skeleton.place();
        for command in commands {
            let invocation = invocation(place, path, command);
            let output = self.tools.runner.run(&invocation, place).unwrap();
            assert!(output.succeeded(), "{command:?}: {}{}", output.stderr, output.stdout);
        }
        let written = skeleton.read(&RepoPath::new(path).unwrap()).unwrap().expect("the command writes it");
        tree.with(path, &written)
    }

    /// Whether a command in a skeleton of the project ends well.
    pub(super) fn can(&self, tree: &MemoryTree, path: &str, command: &[&str]) -> bool {
        let skeleton = Skeleton::new(&self.tools.scratch, &self.tools.cache, &tree.files).unwrap();
        self.tools.runner.run(&invocation(skeleton.place(), path, command), skeleton.place()).unwrap().succeeded()
    }

    /// Remedies every finding of the lockfile.
    pub(super) fn remedy(&self, tree: &MemoryTree, path: &str, advisories: Vec<Advisory>) -> RemedyOutcome {
        self.remedy_until(Instant::now() + Duration::from_hours(1), tree, path, advisories)
    }

    /// Remedies what the first `urgent` advisories are about, as an emergency does.
    pub(super) fn remedy_urgent(
        &self,
        tree: &MemoryTree,
        path: &str,
        (advisories, urgent): (Vec<Advisory>, usize),
    ) -> RemedyOutcome {
        let ids: Vec<AdvisoryId> = advisories.iter().take(urgent).map(|it| it.id.clone()).collect();
        let wanted = |finding: &Finding| finding.advisory.as_ref().is_some_and(|flaw| ids.contains(&flaw.id));
        self.remedy_some(Instant::now() + Duration::from_hours(1), (tree, path), advisories, &wanted)
    }

    /// The same with a deadline.
    pub(super) fn remedy_until(
        &self,
        deadline: Instant,
        tree: &MemoryTree,
        path: &str,
        advisories: Vec<Advisory>,
    ) -> RemedyOutcome {
        self.remedy_some(deadline, (tree, path), advisories, &|_| true)
    }

    fn remedy_some(
        &self,
        deadline: Instant,
        (tree, path): (&MemoryTree, &str),
        advisories: Vec<Advisory>,
        is_wanted: &dyn Fn(&Finding) -> bool,
    ) -> RemedyOutcome {
        let database = AdvisoryDatabase::new(advisories);
        let lockfile = read(tree, path);
        let all = findings(&lockfile, &database);
        let besides: Vec<&Finding> = all.iter().collect();
        let findings: Vec<&Finding> = all.iter().filter(|finding| is_wanted(finding)).collect();
        remedy(&RemedyRequest {
            project: "acme/shop",
            tree,
            lockfile: &lockfile,
            findings: &findings,
            besides: &besides,
            advisories: &database,
            tools: &self.tools,
            allow_sources: AllowedSources { kinds: &self.allow_sources, hosts: &self.allow_hosts },
            npm_overrides: self.npm_overrides,
            remotes: None,
            deadline,
        })
    }
}

/// A command in the folder of a lockfile.
fn invocation(place: &Place, path: &str, command: &[&str]) -> Invocation {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Invocation {
        program: command[0].to_owned(),
        args: command[1..].iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::from([
            ("CARGO_HOME".to_owned(), place.cache.join("cargo").display().to_string()),
            ("npm_config_cache".to_owned(), place.cache.join("npm").display().to_string()),
            ("npm_config_userconfig".to_owned(), place.home.join("none-user").display().to_string()),
            ("npm_config_globalconfig".to_owned(), place.home.join("none-global").display().to_string()),
            ("COMPOSER_HOME".to_owned(), place.home.join("composer").display().to_string()),
            ("COMPOSER_ALLOW_SUPERUSER".to_owned(), "1".to_owned()),
        ]),
        cwd: place.project.join(folder),
        reach: match command[0] {
            "cargo" => Reach::Cargo,
            "npm" => Reach::Npm,
            _ => Reach::Composer,
        },
    }
}

fn reaches_registry(tools: &Tools, program: &str) -> bool {
    let ecosystem = if program == "npm" { Ecosystem::Npm } else { Ecosystem::CratesIo };
    let files = crate::updater::Files::new(RepoPath::new("x").unwrap(), BTreeMap::new());
    let package = if program == "npm" { "ms" } else { "cfg-if" };
    tools.registry(ecosystem, &files).unwrap().releases(package).is_ok()
}

/// Reads a lockfile with its extractor.
pub(super) fn read(tree: &MemoryTree, path: &str) -> Lockfile {
    let path = RepoPath::new(path).unwrap();
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).unwrap();
    let content = tree.read(&path).unwrap();
    let dependencies = extractor.extract(&SourceFile { path: &path, content: &content, tree }).unwrap();
    Lockfile::new(path, extractor.id(), dependencies)
}

/// What the checks would find.
pub(super) fn findings(lockfile: &Lockfile, database: &AdvisoryDatabase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, dependency) in lockfile.dependencies.iter().enumerate() {
        let finding = |kind, advisory| Finding {
            kind,
            severity: Severity::High,
            ecosystem: dependency.ecosystem,
            package: dependency.name.clone(),
            version: dependency.version.clone(),
            file: lockfile.path.clone(),
            line: dependency.line,
            direct: dependency.direct,
            scope: dependency.scope,
            path: lockfile.shortest_path(position),
            origin: dependency.origin.clone(),
            advisory,
            detail: None,
        };
        if let crate::model::dependency::Origin::Git { pin, .. } = &dependency.origin
            && pin.followed_branch().is_some()
        {
            findings.push(finding(FindingKind::BranchTracking, None));
        }
        for found in database.affecting(dependency.ecosystem, &dependency.name, &dependency.version) {
            findings.push(finding(FindingKind::Vulnerability, Some(found.flaw)));
        }
    }
    findings
}

/// An advisory about one range of one package.
pub(super) fn advisory(ecosystem: Ecosystem, id: &str, package: &str, introduced: &str, fixed: &str) -> Advisory {
    let mut events = vec![RangeEvent::Introduced(introduced.to_owned())];
    if !fixed.is_empty() {
        events.push(RangeEvent::Fixed(fixed.to_owned()));
    }
    Advisory {
        id: AdvisoryId::new(id).unwrap(),
        aliases: Vec::new(),
        source: "test".to_owned(),
        kind: AdvisoryKind::Vulnerability,
        summary: "a flaw".to_owned(),
        details: String::new(),
        references: Vec::new(),
        cvss: None,
        severity: Severity::High,
        withdrawn: false,
        affected: vec![Affected {
            ecosystem,
            release: None,
            package: package.to_owned(),
            ranges: vec![AffectedRange { events }],
            versions: Vec::new(),
        }],
    }
}

/// The outcome in lines: what moved, what stays, and how many lines of each file changed.
pub(super) fn tell(outcome: &RemedyOutcome) -> String {
    let mut lines = Vec::new();
    for bump in outcome.remedy.iter().flat_map(|remedy| &remedy.bumps) {
        let to = bump.to.as_deref().unwrap_or("(gone)");
        let fixes: Vec<&str> = bump.fixes.iter().map(AdvisoryId::as_str).collect();
        lines
            .push(format!("{} {} -> {to} [{:?}] fixes {fixes:?}: {}", bump.package, bump.from, bump.step, bump.reason));
    }
    for change in outcome.remedy.iter().flat_map(|remedy| &remedy.changes) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (before, after) = (text(&change.before), text(&change.after));
        let diff = similar::TextDiff::from_lines(&before, &after);
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        let (removed, added) = (count(similar::ChangeTag::Delete), count(similar::ChangeTag::Insert));
        lines.push(format!("{}: -{removed} +{added}", change.path));
    }
    for blocked in &outcome.blocked {
        let chain: Vec<String> =
            blocked.chain.iter().map(|link| format!("{} `{}`", link.parent, link.requirement)).collect();
        lines.push(format!(
            "blocked {} {} -> {:?} {:?}: {} | {} | {chain:?}",
            blocked.package, blocked.from, blocked.target, blocked.cause, blocked.explanation, blocked.next_step
        ));
    }
    lines.join("\n")
}

/// The lines about some packages or files: the rest may change with the registry.
pub(super) fn tell_about(outcome: &RemedyOutcome, names: &[&str]) -> String {
    let told = tell(outcome);
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| {
            names.iter().any(|name| line.starts_with(&format!("{name} ")) || line.starts_with(&format!("{name}: ")))
        })
        .collect();
    lines.join("\n")
}

/// Every file below a folder, for canaries.
pub(super) fn find_file(folder: &Path, name: &str) -> bool {
    walkdir::WalkDir::new(folder).into_iter().flatten().any(|entry| entry.file_name() == name)
}
