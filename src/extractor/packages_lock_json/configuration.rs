//! NuGet's lockfile under another name: the property `NuGetLockFilePath` of a project or of what it imports
//! (<https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files#lock-file-extensibility>).

use super::super::contract::code::{Language, without_comments};
use super::super::contract::text::Lines;
use super::super::contract::xml::decode_xml;
use super::super::contract::{Configured, LockfileChoice, SourceFile};
use crate::model::repository::RepoPath;

const PROPERTY: &str = "NuGetLockFilePath";

/// What `MSBuild` imports into a project: of each, the nearest one above it.
const IMPORTED: [&str; 3] = ["Directory.Build.props", "Directory.Packages.props", "Directory.Build.targets"];

/// Whether a file is a project.
pub(super) fn is_one(path: &RepoPath) -> bool {
    [".csproj", ".fsproj", ".vbproj"].iter().any(|ending| path.file_name().ends_with(ending))
}

/// The lockfiles that a project names itself, else those that what it imports names; several where conditions choose.
pub(super) fn read(file: &SourceFile<'_>) -> Vec<Configured> {
    let own = properties(file.content);
    let (from, values) = if own.is_empty() { imported(file) } else { (file.path.clone(), own) };
    let project = file.path.folder();
    let name = file.path.file_name().rsplit_once('.').map_or("", |(stem, _)| stem);
    // Where both stand, NuGet takes the one with the project's name (`NuGetLockFile.GetNuGetLockFilePath`).
    let named = file.path.sibling(&format!("packages.{name}.lock.json")).ok();
    let usual = named.filter(|path| file.tree.kind(path).is_some()).or(file.path.sibling("packages.lock.json").ok());
    let read = |(line, value): (u32, String)| {
        // The line is one of the file that says it, which may be another one.
        let line = if from == *file.path { line } else { 1 };
        let choice = choice((&from, project, name), &value);
        Configured { line, usual: usual.clone(), choice }
    };
    values.into_iter().map(read).collect()
}

fn choice((from, project, name): (&RepoPath, &str, &str), value: &str) -> LockfileChoice {
    let mut folder = project;
    let mut path = value.replace("$(MSBuildProjectName)", name).replace('\\', "/");
    for (variable, of) in [
        ("$(MSBuildThisFileDirectory)", from.folder()),
        ("$(MSBuildProjectDirectory)", project),
        ("$(ProjectDir)", project),
    ] {
        if let Some(rest) = path.strip_prefix(variable) {
            (folder, path) = (of, rest.trim_start_matches('/').to_owned());
            break;
        }
    }
    if path.contains(['$', '%', '@']) {
        return LockfileChoice::Computed(value.to_owned());
    }
    LockfileChoice::below(folder, &path)
}

/// The nearest imported file above a project that sets the property.
fn imported(file: &SourceFile<'_>) -> (RepoPath, Vec<(u32, String)>) {
    for name in IMPORTED {
        let Some((path, content)) = file.nearest_above(name) else { continue };
        let values = properties(&content);
        if !values.is_empty() {
            return (path, values);
        }
    }
    (file.path.clone(), Vec::new())
}

/// The lines and values of the property in a file.
fn properties(content: &[u8]) -> Vec<(u32, String)> {
    let Ok(text) = decode_xml(content) else { return Vec::new() };
    if !text.contains(PROPERTY) {
        return Vec::new();
    }
    let plain = without_comments(&text, Language::Angles);
    let lines = Lines::of(&plain);
    let opening = format!("<{PROPERTY}");
    let opened = plain.match_indices(&opening).filter_map(|(place, tag)| {
        let (attributes, rest) = plain.get(place + tag.len()..)?.split_once('>')?;
        let (value, _) = rest.split_once("</")?;
        let value = value.trim();
        (!attributes.ends_with('/') && !value.is_empty()).then(|| (lines.at(place), value.to_owned()))
    });
    opened.collect()
}
