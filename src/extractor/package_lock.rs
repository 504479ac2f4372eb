//! npm's package-lock.json and npm-shrinkwrap.json, versions 1 to 3
//! (<https://docs.npmjs.com/cli/configuring-npm/package-lock-json>).

mod installed;
mod legacy;
mod packages;
mod requirement;

use super::contract::json::Node;
use super::contract::text::{Lines, explain, read_text};
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `npm install --package-lock-only` to write it anew";

/// Reads package-lock.json and npm-shrinkwrap.json.
///
/// A registry is never named in the result: the file gives addresses of archives only, and those of npm's own registry
/// cannot be told from those of a mirror.
pub(super) struct PackageLock;

impl Extractor for PackageLock {
    fn id(&self) -> &'static str {
        "package-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "package-lock.json" | "npm-shrinkwrap.json")
            && !path.folder().split('/').any(|folder| folder == "node_modules")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(file, text).map_err(|error| explain(text, error, WAY_OUT))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    if !root.is_object() {
        return Err(ParseError::new("find an object at its top").at_line(1));
    }
    let lines = Lines::of(text);
    let object = |key: &str| match root.get(key) {
        Some(node) if node.is_object() => Ok(Some(node)),
        // npm takes `null` and `false` as if the key were absent, anything else breaks it.
        Some(node) if node.is_absent() => Ok(None),
        Some(node) => Err(ParseError::new(format!("find an object under `{key}`")).at_line(lines.at(node.offset))),
        None => Ok(None),
    };
    // Version 2 holds the tree twice; the old form is there for npm 6 only.
    let installed = match (object("packages")?, object("dependencies")?) {
        (Some(packages), _) => packages::read(packages, &lines)?,
        (None, Some(dependencies)) => legacy::read(file, dependencies, &lines)?,
        (None, None) => return Ok(Vec::new()),
    };
    Ok(installed.into_dependencies())
}
