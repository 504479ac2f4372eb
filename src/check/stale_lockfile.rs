//! Stale lockfile: lockfiles that do not fit their manifest, as far as that can be told without running a tool.
//!
//! What a stale lockfile pins is not what the manifest asks for: the next install changes it, or refuses. A false alarm
//! is worse than silence, so that a lockfile is only called stale when its own package manager would say so: by its hash of
//! the manifest where it has one, else by a request that it lacks or that its version does not meet. Whatever may rewrite
//! requests on the way (overrides, hooks, catalogues, code) makes us say nothing.

mod cargo;
mod composer;
mod go;
mod npm;
mod pdm;
mod pipfile;
mod pnpm;
mod poetry;
mod python_json;
mod ruby;
mod uv;
mod yarn;

use super::contract::finding::Place;
use super::contract::manifest::is_foreign;
use super::contract::{Check, CheckContext};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;
use crate::model::tree::{EntryKind, ProjectTree};

/// A workspace whose manifests all come after so many other files is not compared: looking on would take time for each
/// of its lockfiles.
const ENTRY_LIMIT: usize = 10_000;

/// Finds lockfiles that do not fit.
pub(super) struct StaleLockfile;

/// A lockfile and what stands around it.
struct Pair<'a> {
    path: &'a RepoPath,
    lock: &'a str,
    tree: &'a dyn ProjectTree,
}

impl Pair<'_> {
    /// A file in the lockfile's folder, or below it; `None` when it cannot be read as text.
    fn beside(&self, name: &str) -> Option<String> {
        let path = self.path.sibling(name).ok()?;
        String::from_utf8(self.tree.read(&path).ok()?).ok()
    }

    /// Whether a file of this name stands in the lockfile's folder or above.
    fn is_above(&self, name: &str) -> bool {
        let stands = |folder: &str| RepoPath::in_folder(folder, name).is_ok_and(|path| self.tree.kind(&path).is_some());
        self.path.folders().any(stands)
    }

    /// The line of the lockfile, from 1, that has a piece of text; the first when none has.
    fn line_with(&self, wanted: &str) -> u32 {
        self.lock.lines().zip(1..).find(|(line, _)| line.contains(wanted)).map_or(1, |(_, number)| number)
    }
}

/// What does not fit.
#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    /// The line of the lockfile, from 1.
    line: u32,
    /// A fragment that fits after the lockfile's name.
    reason: String,
}

impl Misfit {
    fn new(line: u32, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// A lockfile that is compared with its manifest.
struct Format {
    file: &'static str,
    /// The manifest beside it.
    manifest: &'static str,
    ecosystem: Ecosystem,
    /// The first misfit; `None` when it fits or nothing can be said.
    compare: fn(&Pair<'_>) -> Option<Misfit>,
}

static FORMATS: &[Format] = &[
    // By ecosystem.
    Format { file: "Cargo.lock", manifest: "Cargo.toml", ecosystem: Ecosystem::CratesIo, compare: cargo::compare },
    Format { file: "package-lock.json", manifest: "package.json", ecosystem: Ecosystem::Npm, compare: npm::compare },
    Format { file: "npm-shrinkwrap.json", manifest: "package.json", ecosystem: Ecosystem::Npm, compare: npm::compare },
    Format { file: "pnpm-lock.yaml", manifest: "package.json", ecosystem: Ecosystem::Npm, compare: pnpm::compare },
    Format { file: "yarn.lock", manifest: "package.json", ecosystem: Ecosystem::Npm, compare: yarn::compare },
    Format {
        file: "composer.lock",
        manifest: "composer.json",
        ecosystem: Ecosystem::Packagist,
        compare: composer::compare,
    },
    Format { file: "uv.lock", manifest: "pyproject.toml", ecosystem: Ecosystem::PyPi, compare: uv::compare },
    Format { file: "Pipfile.lock", manifest: "Pipfile", ecosystem: Ecosystem::PyPi, compare: pipfile::compare },
    Format { file: "poetry.lock", manifest: "pyproject.toml", ecosystem: Ecosystem::PyPi, compare: poetry::compare },
    Format { file: "pdm.lock", manifest: "pyproject.toml", ecosystem: Ecosystem::PyPi, compare: pdm::compare },
    Format { file: "go.sum", manifest: "go.mod", ecosystem: Ecosystem::Go, compare: go::compare },
    Format { file: "Gemfile.lock", manifest: "Gemfile", ecosystem: Ecosystem::RubyGems, compare: ruby::compare },
];

impl Check for StaleLockfile {
    fn id(&self) -> &'static str {
        "stale-lockfile"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for entry in context.tree.entries() {
            if !matches!(entry.kind, EntryKind::File { .. }) || is_foreign(&entry.path) {
                continue;
            }
            let Some(format) = FORMATS.iter().find(|format| format.file == entry.path.file_name()) else { continue };
            // Reading a lockfile once more is only worth it where there is something to compare it with.
            if !has_manifest(context.tree, &entry.path, format.manifest) {
                continue;
            }
            // One that cannot be read is a problem of the scan.
            let Ok(bytes) = context.tree.read(&entry.path) else { continue };
            let Ok(lock) = std::str::from_utf8(&bytes) else { continue };
            let pair = Pair { path: &entry.path, lock, tree: context.tree };
            let Some(misfit) = (format.compare)(&pair) else { continue };
            let place = Place { file: &entry.path, line: misfit.line, ecosystem: format.ecosystem };
            // What is installed is decided by whoever installs next.
            let graded = (FindingKind::StaleLockfile, Severity::Medium);
            findings.push(place.finding(graded, (place.name(), ""), Some(Detail::reason(misfit.reason))));
        }
        findings
    }
}

/// Whether a file of this name stands in the lockfile's folder, or below it, as those of workspaces do.
fn has_manifest(tree: &dyn ProjectTree, lockfile: &RepoPath, name: &str) -> bool {
    let beside = lockfile.sibling(name).ok();
    if beside.and_then(|manifest| tree.kind(&manifest)).is_some() {
        return true;
    }
    let folder = lockfile.folder();
    let start = tree.entries().partition_point(|entry| entry.path.as_str() < folder);
    let below = tree.entries().iter().skip(start).take_while(|entry| entry.path.as_str().starts_with(folder));
    below.take(ENTRY_LIMIT).any(|entry| entry.path.file_name() == name)
}

#[cfg(test)]
mod tests;
