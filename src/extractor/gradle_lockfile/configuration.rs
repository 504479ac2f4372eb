//! Gradle's lockfile under another name: `lockFile` of `dependencyLocking` in a build script
//! (<https://docs.gradle.org/current/userguide/dependency_locking.html#fine_tuning_dependency_locking_behaviour_with_lock_mode>).

use super::super::contract::code::{Language, behind, without_comments};
use super::super::contract::configured::literal;
use super::super::contract::text::Lines;
use super::super::contract::{Configured, LockfileChoice, SourceFile};
use crate::model::repository::RepoPath;

/// What `file("…")` may be called on, with whether that is the root of the build.
const OWNERS: [(&str, bool); 7] = [
    ("", false),
    ("project.", false),
    ("layout.projectDirectory.", false),
    ("project.layout.projectDirectory.", false),
    ("rootProject.", true),
    ("rootProject.layout.projectDirectory.", true),
    ("layout.settingsDirectory.", true),
];

/// Folders that a text may begin with.
const FOLDERS: [(&str, bool); 6] = [
    ("$projectDir/", false),
    ("${projectDir}/", false),
    ("${project.projectDir}/", false),
    ("$rootDir/", true),
    ("${rootDir}/", true),
    ("${rootProject.projectDir}/", true),
];

/// Whether a file is a build script.
pub(super) fn is_one(path: &RepoPath) -> bool {
    matches!(path.file_name(), "build.gradle" | "build.gradle.kts")
}

/// The lockfile that a build script names; what is no plain text is computed.
pub(super) fn read(file: &SourceFile<'_>) -> Vec<Configured> {
    let text = String::from_utf8_lossy(file.content);
    if !text.contains("dependencyLocking") {
        return Vec::new();
    }
    let plain = without_comments(&text, Language::Slashes);
    let lines = Lines::of(&plain);
    let named = behind(&plain, "lockFile").filter_map(|(place, rest)| {
        let rest = rest.trim_start_matches([' ', '\t']);
        let value = match rest.strip_prefix('=') {
            Some(value) if !value.starts_with('=') => value,
            _ => rest.strip_prefix(".set(")?,
        };
        let value = value.lines().next().unwrap_or_default().trim();
        let choice = choice(file, value).unwrap_or_else(|| LockfileChoice::Computed(value.to_owned()));
        Some(Configured::beside(file, lines.at(place), "gradle.lockfile", choice))
    });
    named.collect()
}

/// The file of `file("gradle/own.lockfile")`; `None` where it is computed.
fn choice(file: &SourceFile<'_>, value: &str) -> Option<LockfileChoice> {
    let (owner, rest) = value.split_once("file(")?;
    let (_, at_root) = OWNERS.iter().find(|(name, _)| *name == owner)?;
    let inside = rest.trim_start();
    let (prefix, by_folder) = FOLDERS
        .iter()
        .find(|(name, _)| inside.get(1..).is_some_and(|text| text.starts_with(name)))
        .copied()
        .unwrap_or(("", *at_root));
    let quote = inside.get(..1)?;
    let inside = format!("{quote}{}", inside.get(1 + prefix.len()..)?);
    let (path, behind) = literal(&inside)?;
    behind.trim_start().starts_with(')').then_some(())?;
    let folder = if by_folder { root_of(file) } else { file.path.folder() };
    Some(LockfileChoice::below(folder, path))
}

/// The root of a build: the nearest folder with its settings, else the root of the project.
fn root_of<'a>(file: &SourceFile<'a>) -> &'a str {
    let has =
        |folder: &str, name: &str| RepoPath::in_folder(folder, name).is_ok_and(|path| file.tree.kind(&path).is_some());
    let is_root = |folder: &&str| has(folder, "settings.gradle") || has(folder, "settings.gradle.kts");
    file.path.folders().find(is_root).unwrap_or_default()
}
