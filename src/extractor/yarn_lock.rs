//! Yarn's yarn.lock: classic (<https://classic.yarnpkg.com/lang/en/docs/yarn-lock/>) and every version of berry
//! (<https://yarnpkg.com/configuration/manifest>).

mod berry;
mod classic;
mod entry;

use super::contract::npm::manifest::manifests;
use super::contract::text::{explain, read_text};
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `yarn install` to write it anew";

/// Reads yarn.lock.
///
/// Who is direct and what is for development stands in the manifests: the one beside the file and those of its
/// workspaces. A registry is never named, as for package-lock.json.
pub(super) struct YarnLock;

impl Extractor for YarnLock {
    fn id(&self) -> &'static str {
        "yarn-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "yarn.lock" && !path.folder().split('/').any(|folder| folder == "node_modules")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // Yarn takes an empty file for a project without dependencies; berry even asks for one to mark its root.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(file, text).map_err(|error| explain(text, error, WAY_OUT))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let manifests = manifests(file);
    if berry::is_berry(text) {
        return Ok(entry::link(berry::read(text)?, &manifests).finish());
    }
    match classic::read(text) {
        Ok(entries) => Ok(entry::link(entries, &manifests).finish()),
        // Yarn classic, too, takes what it cannot read as its own format for YAML.
        Err(error) => match berry::read(text) {
            Ok(entries) => Ok(entry::link(entries, &manifests).finish()),
            Err(_) => Err(error),
        },
    }
}
