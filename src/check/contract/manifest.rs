//! Manifests: files in which people write what a project needs, and the lockfiles that pin it.
//!
//! Nothing is evaluated: of manifests that are programs (Gemfile, mix.exs, Package.swift, Podfile, Terraform, Nix) only
//! lines that cannot mean anything else are read. A manifest that cannot be read asks for nothing that could be named.
//! To add a format: write `manifest/<language>.rs`, then its lines below.

mod cargo;
mod composer;
mod containers;
mod dotnet;
mod javascript;
mod jvm;
mod lines;
mod mobile;
mod native;
mod python;
mod scripting;

use std::collections::HashSet;

use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

/// A package that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::check) struct Request {
    /// Its name. Untrusted.
    pub(in crate::check) name: String,
    /// What is asked for, as written; empty where nothing is. Untrusted.
    pub(in crate::check) requirement: String,
    /// The line, from 1.
    pub(in crate::check) line: u32,
    /// Why that is loose: a fragment that fits after the package's name.
    pub(in crate::check) loose: Option<Loose>,
}

/// Why a request is loose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Loose {
    /// Any version will do.
    AnyVersion,
    /// The newest version of a line will do, and no lockfile is customary.
    Floating,
    /// A branch is asked for.
    Branch,
    /// Versions that are not stable will do.
    Unstable,
}

impl Loose {
    /// A fragment for people.
    pub(in crate::check) const fn reason(self) -> &'static str {
        match self {
            Self::AnyVersion => "allows any version",
            Self::Floating => "takes whatever version is newest",
            Self::Branch => "asks for a branch",
            Self::Unstable => "allows versions that are not stable",
        }
    }
}

/// What a manifest asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::check) struct Asked {
    /// The line, from 1, of the first table that asks for something.
    pub(in crate::check) line: u32,
    /// In file order as far as the format keeps one.
    pub(in crate::check) requests: Vec<Request>,
    /// What is loose whether or not a lockfile pins today's choice.
    pub(in crate::check) settings: Vec<Request>,
    /// Whether it says that its tool locks nothing, whatever lockfile stands beside it.
    pub(in crate::check) is_lock_off: bool,
}

/// What locks the requests of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Locks {
    /// One of these files, beside the manifest or in a folder above.
    Above(&'static [&'static str]),
    /// A file beside it that is called as it is but for its ending (`x.txt` of `x.in`), or one of these as with `Above`.
    Compiled(&'static [&'static str]),
    /// One of these files anywhere: who uses the folder locks it.
    Anywhere(&'static [&'static str]),
    /// Exact versions in the manifest are what pins; one of these files, above, is more than is customary.
    Itself(&'static [&'static str]),
}

/// A manifest format.
pub(in crate::check) struct Format {
    claims: fn(&str) -> bool,
    /// The ecosystem of what it asks for.
    pub(in crate::check) ecosystem: Ecosystem,
    locks: Locks,
    read: fn(&str) -> Option<Asked>,
}

static FORMATS: &[&[Format]] = &[
    // By language.
    cargo::FORMATS,
    javascript::FORMATS,
    composer::FORMATS,
    python::FORMATS,
    scripting::FORMATS,
    mobile::FORMATS,
    dotnet::FORMATS,
    jvm::FORMATS,
    containers::FORMATS,
    native::FORMATS,
];

/// A manifest of the project.
pub(in crate::check) struct Manifest<'a> {
    /// The file.
    pub(in crate::check) path: &'a RepoPath,
    /// Its format.
    pub(in crate::check) format: &'static Format,
    /// What it asks for.
    pub(in crate::check) asked: Asked,
    /// Whether its requests have to be locked and nothing does.
    pub(in crate::check) is_unlocked: bool,
    /// Whether a lockfile pins what it asks for.
    pub(in crate::check) is_locked: bool,
}

/// Every manifest of a project that asks for something, in the order of paths. What stands in requirements files was read by
/// their extractor: they are lockfiles as far as they pin.
pub(in crate::check) fn manifests<'a>(tree: &'a dyn ProjectTree, lockfiles: &'a [Lockfile]) -> Vec<Manifest<'a>> {
    // A lockfile that is broken, a link or too large still stands there: that it cannot be read is said elsewhere.
    let present: HashSet<&str> = tree.entries().iter().map(|entry| entry.path.as_str()).collect();
    let names: HashSet<&str> = tree.entries().iter().map(|entry| entry.path.file_name()).collect();
    let mut manifests = Vec::new();
    for entry in tree.entries() {
        if !matches!(entry.kind, EntryKind::File { .. }) || is_foreign(&entry.path) {
            continue;
        }
        let name = name_of(&entry.path);
        let Some(format) = FORMATS.iter().copied().flatten().find(|format| (format.claims)(name)) else { continue };
        let Ok(bytes) = tree.read(&entry.path) else { continue };
        let Some(asked) = std::str::from_utf8(&bytes).ok().and_then(format.read) else { continue };
        let is_locked = match format.locks {
            _ if asked.is_lock_off => false,
            Locks::Above(lockfiles) | Locks::Itself(lockfiles) => is_locked(&entry.path, lockfiles, &present),
            Locks::Compiled(lockfiles) => is_compiled(&entry.path, tree) || is_locked(&entry.path, lockfiles, &present),
            Locks::Anywhere(lockfiles) => lockfiles.iter().any(|name| names.contains(name)),
        };
        let needs_lock = !matches!(format.locks, Locks::Itself(_)) && !asked.requests.is_empty();
        let is_unlocked = needs_lock && !is_locked;
        manifests.push(Manifest { path: &entry.path, format, asked, is_unlocked, is_locked });
    }
    let partly = lockfiles.iter().filter(|lockfile| !lockfile.unpinned.is_empty() && !is_foreign(&lockfile.path));
    manifests.extend(partly.filter_map(|lockfile| {
        let format = &python::REQUIREMENTS;
        let Locks::Above(lockfiles) = format.locks else { return None };
        let asked = python::unpinned(&lockfile.unpinned)?;
        let is_locked = is_locked(&lockfile.path, lockfiles, &present);
        Some(Manifest { path: &lockfile.path, format, asked, is_unlocked: !is_locked, is_locked })
    }));
    manifests.sort_by_key(|manifest| manifest.path);
    manifests
}

/// Folders of installed packages and build results: their manifests are not the project's.
const FOREIGN_FOLDERS: [&str; 11] = [
    "node_modules",
    "vendor",
    "target",
    "site-packages",
    ".venv",
    "bower_components",
    "Pods",
    ".terraform",
    ".build",
    "_build",
    ".dart_tool",
];

/// Whether the file belongs to an installed package or a build.
pub(in crate::check) fn is_foreign(path: &RepoPath) -> bool {
    path.folder().split('/').any(|folder| FOREIGN_FOLDERS.contains(&folder))
}

/// The name by which a manifest is known: `base.in` in a folder `requirements` is what `requirements-base.in` is elsewhere.
fn name_of(path: &RepoPath) -> &str {
    let is_among_requirements = path.folder().rsplit('/').next() == Some("requirements");
    match path.file_name() {
        name if is_among_requirements && name.strip_suffix(".in").is_some() => "requirements.in",
        name => name,
    }
}

/// Whether what pip-compile or uv makes of a file stands beside it: `dev-requirements.txt`, `dev-requirements-linux.txt`.
fn is_compiled(path: &RepoPath, tree: &dyn ProjectTree) -> bool {
    let Some(stem) = path.file_name().strip_suffix(".in") else { return false };
    tree.entries().iter().map(|entry| &entry.path).any(|other| {
        let rest = other.file_name().strip_prefix(stem);
        let is_made = |rest: &str| [".txt", ".lock"].iter().any(|end| rest.ends_with(end));
        other.folder() == path.folder() && rest.is_some_and(is_made)
    })
}

fn is_locked(path: &RepoPath, lockfiles: &[&str], present: &HashSet<&str>) -> bool {
    let stands_in = |folder: &str, name: &&str| {
        if folder.is_empty() { present.contains(name) } else { present.contains(format!("{folder}/{name}").as_str()) }
    };
    // A requirements.txt does not lock itself, nor does one further up.
    path.folders().any(|folder| lockfiles.iter().any(|name| *name != path.file_name() && stands_in(folder, name)))
}
