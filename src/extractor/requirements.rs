//! pip's requirements files (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>): what they pin.

mod include;
mod line;
mod requirement;
mod via;

use std::collections::HashMap;

use super::contract::encoding::decode;
use super::contract::python::{is_development_name, normalise};
use super::contract::text::explain;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use include::{Budget, Kind};
use line::Line;
use requirement::{Fault, Requirement};
use via::Comments;

const WAY_OUT: &str = "correct the line, or compile the file anew with `pip-compile` or `uv pip compile`";

/// Reads requirements files: `*requirements*.txt`, `*.txt` in a folder called `requirements`, and Rye's locks, which are in
/// the same format.
///
/// Constraints are no requirements: a file of them says nothing alone, but pins what a requirements file that names it
/// asks for.
pub(super) struct Requirements;

impl Extractor for Requirements {
    fn id(&self) -> &'static str {
        "requirements"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        is_requirements(path)
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(file, &text).map_err(|error| explain(&text, error, WAY_OUT))
    }
}

/// As osv-scanner finds them, and as pip's users lay them out.
fn is_requirements(path: &RepoPath) -> bool {
    // Rye's locks; Helm 2 had one of the same name, which cannot be read as this.
    if matches!(path.file_name(), "requirements.lock" | "requirements-dev.lock") {
        return true;
    }
    let Some(stem) = path.file_name().strip_suffix(".txt") else { return false };
    stem.contains("requirements") || folder_name(path) == "requirements"
}

fn folder_name(path: &RepoPath) -> &str {
    path.folder().rsplit('/').next().unwrap_or_default()
}

/// `requirements-dev.txt`, `requirements/test.txt`, `docs/requirements.txt`.
fn scope_of(path: &RepoPath) -> Scope {
    let stem = path.file_name().trim_end_matches(".txt");
    if is_development_name(stem) || is_development_name(folder_name(path)) {
        Scope::Development
    } else {
        Scope::Runtime
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let mut reading = Reading { file, entries: Vec::new(), constraints: HashMap::new(), budget: Budget::of(file.path) };
    let mut comments = Comments::of(text);
    reading.read(text, &mut comments)?;
    Ok(reading.finish(&comments))
}

/// One requirement of the file, pinned or not.
struct Entry {
    requirement: Requirement,
    line: u32,
}

/// What was read so far, of the file and of what it includes.
struct Reading<'a> {
    file: &'a SourceFile<'a>,
    entries: Vec<Entry>,
    /// The versions that constraints pin, by normalised name.
    constraints: HashMap<String, String>,
    budget: Budget,
}

impl Reading<'_> {
    fn read(&mut self, text: &str, comments: &mut Comments) -> Result<(), ParseError> {
        for line in line::read(text) {
            match line {
                Line::Comment(comment) => comments.read(comment),
                Line::Logical { text, comment, line } => {
                    comments.leave();
                    self.logical(&text, line).map_err(|error| error.at_line(line))?;
                    if text.starts_with(|first: char| first != '-') || is_editable(&text) {
                        comments.enter(self.entries.len().checked_sub(1));
                    }
                    if let Some(comment) = comment {
                        comments.read(comment);
                    }
                }
            }
        }
        Ok(())
    }

    /// A line without its comment.
    fn logical(&mut self, text: &str, line: u32) -> Result<(), ParseError> {
        if let Some((kind, target)) = include::parse(text) {
            return self.include(kind, target, line);
        }
        match Requirement::parse(text) {
            Ok(Some(requirement)) => {
                self.entries.push(Entry { requirement, line });
                check_package_count(self.entries.len())
            }
            // An option of pip.
            Ok(None) => Ok(()),
            Err(fault) => Err(refuse(text, fault)),
        }
    }

    /// A file that is not claimed itself is read as if it stood in the place of the line that names it.
    fn include(&mut self, kind: Kind, target: &str, line: u32) -> Result<(), ParseError> {
        let start = self.file.path.clone();
        let mut queue = vec![(kind, include::resolve(&start, target))];
        while let Some((kind, path)) = queue.pop() {
            // What is outside of the project, at another host or not there cannot be read; pip would say so.
            let Some(path) = path.filter(|path| kind == Kind::Constraints || !is_requirements(path)) else { continue };
            let Some(content) = self.budget.read(self.file, &path) else { continue };
            let named = |error: ParseError| {
                ParseError::new(format!("read what it includes, line {} of `{path}`: {error}", error.line.unwrap_or(1)))
            };
            let text = decode(&content).map_err(named)?;
            for inner in line::read(&text) {
                let Line::Logical { text, line: place, .. } = inner else { continue };
                if let Some((inner, target)) = include::parse(&text) {
                    let kind = if kind == Kind::Constraints { kind } else { inner };
                    queue.push((kind, include::resolve(&path, target)));
                    continue;
                }
                let requirement =
                    Requirement::parse(&text).map_err(|fault| named(refuse(&text, fault).at_line(place)))?;
                match (requirement, kind) {
                    (Some(requirement), Kind::Requirements) => self.entries.push(Entry { requirement, line }),
                    (Some(requirement), Kind::Constraints) => {
                        if let Some(version) = requirement.version {
                            self.constraints.insert(normalise(&requirement.name), version);
                        }
                    }
                    (None, _) => {}
                }
                check_package_count(self.entries.len())?;
            }
        }
        Ok(())
    }

    fn finish(self, comments: &Comments) -> Vec<Dependency> {
        let scope = scope_of(self.file.path);
        let mut dependencies = Vec::with_capacity(self.entries.len());
        // The position of each entry among the dependencies.
        let mut positions = Vec::with_capacity(self.entries.len());
        for entry in self.entries {
            let Requirement { name, version, origin } = entry.requirement;
            let version = version.or_else(|| self.constraints.get(&normalise(&name)).cloned());
            // A range pins nothing.
            let Some(version) = version else {
                positions.push(None);
                continue;
            };
            positions.push(Some(dependencies.len()));
            dependencies.push(Dependency {
                origin,
                scope,
                direct: true,
                ..Dependency::new(Ecosystem::PyPi, name, version, entry.line)
            });
        }
        comments.link(&mut dependencies, &positions);
        dependencies
    }
}

fn is_editable(text: &str) -> bool {
    text.starts_with("-e") || text.starts_with("--editable")
}

fn refuse(text: &str, fault: Fault) -> ParseError {
    let shown: String = text.chars().take(80).collect();
    let reason = match fault {
        Fault::Name => "it does not begin with a name",
        Fault::Range => "what follows the name is no range of versions",
        Fault::Marker => "its marker is not complete",
    };
    ParseError::new(format!("read the requirement `{}`: {reason}", shown.escape_debug()))
}
