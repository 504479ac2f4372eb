//! Bundler's lockfile under another name: `gemfile` and `lockfile` of `.bundle/config`
//! (<https://bundler.io/man/bundle-config.1.html>), and `lockfile` in a Gemfile
//! (<https://bundler.io/man/gemfile.5.html>).

use super::super::contract::code::{Language, without_comments};
use super::super::contract::configured::literal;
use super::super::contract::{Configured, LockfileChoice, SourceFile};
use crate::model::repository::RepoPath;

/// Where a project's own settings are.
const SETTINGS: &str = ".bundle/config";

/// Whether a file may name a lockfile.
pub(super) fn is_one(path: &RepoPath) -> bool {
    let path = path.as_str();
    let is = |name: &str| path.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with('/'));
    is("Gemfile") || is("gems.rb") || is(SETTINGS)
}

/// The lockfiles that a configuration names.
pub(super) fn read(file: &SourceFile<'_>) -> Vec<Configured> {
    let text = String::from_utf8_lossy(file.content);
    if file.path.as_str().ends_with(SETTINGS) { settings(file, &text) } else { gemfile(file, &text) }
}

/// Bundler's own small YAML: `BUNDLE_GEMFILE: "gemfiles/next.gemfile"`.
fn settings(file: &SourceFile<'_>, text: &str) -> Vec<Configured> {
    let folder = file.path.folder();
    // The folder that `.bundle` is in.
    let project = folder.rsplit_once('/').map_or("", |(above, _)| above);
    let usual = ["Gemfile", "gems.rb"].into_iter().map(|name| RepoPath::in_folder(project, name).ok());
    let usual = usual.flatten().find(|path| file.tree.kind(path).is_some()).and_then(|gemfile| lockfile_of(&gemfile));
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        let choice = LockfileChoice::below(project, value);
        let choice = match (key.trim(), choice) {
            (_, _) if value.is_empty() => continue,
            ("BUNDLE_LOCKFILE", choice) => choice,
            ("BUNDLE_GEMFILE", LockfileChoice::File(gemfile)) => match lockfile_of(&gemfile) {
                Some(lockfile) => LockfileChoice::File(lockfile),
                None => continue,
            },
            ("BUNDLE_GEMFILE", outside) => outside,
            _ => continue,
        };
        found.push(Configured { line: number, usual: usual.clone(), choice });
    }
    found
}

/// `lockfile "own.lock"`, or `lockfile false`; a Gemfile is a program, and what is no plain text is computed.
fn gemfile(file: &SourceFile<'_>, text: &str) -> Vec<Configured> {
    let plain = without_comments(text, Language::Hash);
    let mut found = Vec::new();
    for (line, number) in plain.lines().zip(1_u32..) {
        let Some(rest) = line.trim_start().strip_prefix("lockfile") else { continue };
        let Some(rest) = rest.strip_prefix([' ', '\t', '(']) else { continue };
        let rest = rest.trim().trim_start_matches('(').trim_end_matches(')').trim();
        let choice = match literal(rest).filter(|(_, behind)| behind.trim().is_empty()) {
            Some((path, _)) => LockfileChoice::below(file.path.folder(), path),
            None if matches!(rest, "false" | "nil") => LockfileChoice::Off,
            // A variable of that name.
            None if rest.starts_with('=') => continue,
            None => LockfileChoice::Computed(rest.to_owned()),
        };
        found.push(Configured { line: number, usual: lockfile_of(file.path), choice });
    }
    found
}

/// `Gemfile.lock`, `gems.locked`.
fn lockfile_of(gemfile: &RepoPath) -> Option<RepoPath> {
    let name = gemfile.file_name();
    let name = if name == "gems.rb" { "gems.locked".to_owned() } else { format!("{name}.lock") };
    gemfile.sibling(&name).ok()
}
