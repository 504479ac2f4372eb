//! Pins an npm dependency that follows a branch of a git repository: `#main` (or nothing) becomes `#<commit>`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::contract::{PinRequest, Pinner, Refusal};
use crate::model::repository::RepoPath;
use crate::sandbox::layout;

/// The sections of a manifest that hold requirements.
const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// The requirement in the manifest and its copies in the lockfile.
pub(crate) struct PinNpm;

impl Pinner for PinNpm {
    fn handles(&self, lockfile: &RepoPath) -> bool {
        matches!(lockfile.file_name(), "package-lock.json" | "npm-shrinkwrap.json")
    }

    fn pin(&self, request: &PinRequest<'_>) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal> {
        let package = request.dependency.name.as_str();
        let unreadable =
            |path: &RepoPath| Refusal::new(format!("`{path}` cannot be read"), "make it a regular JSON file");
        let read = |path: &RepoPath| request.tree.read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let mut lock = read(request.lockfile).ok_or_else(|| unreadable(request.lockfile))?;
        let parsed: Value = serde_json::from_str(&lock).map_err(|_| unreadable(request.lockfile))?;
        let mut changed = BTreeMap::new();
        for folder in manifest_folders(&parsed) {
            let name = if folder.is_empty() { "package.json".to_owned() } else { format!("{folder}/package.json") };
            let Ok(path) = request.lockfile.sibling(&name) else { continue };
            let Some(mut manifest) = read(&path) else { continue };
            let Ok(value) = serde_json::from_str::<Value>(&manifest) else { continue };
            for section in SECTIONS {
                let wanted = value.get(section).and_then(|names| names.get(package)).and_then(Value::as_str);
                let Some(pinned) = wanted.and_then(|wanted| pinned(wanted, request.commit.as_str())) else { continue };
                manifest =
                    layout::replace_member(&manifest, &[section, package], &pinned).ok_or_else(|| unreadable(&path))?;
                changed.insert(path.clone(), manifest.clone().into_bytes());
                // Version 1 of the format has no copy of the manifests.
                if let Some(text) = layout::replace_member(&lock, &["packages", &folder, section, package], &pinned) {
                    lock = text;
                }
                let from = format!("{package}@{pinned}");
                if let Some(text) = layout::replace_member(&lock, &["dependencies", package, "from"], &from) {
                    lock = text;
                }
            }
        }
        if changed.is_empty() {
            return Err(Refusal::new(
                format!(
                    "`{package}` follows a branch because another package asks for it that way, which this project cannot change"
                ),
                format!("ask the package that requires `{package}` to name a commit or a release"),
            ));
        }
        changed.insert(request.lockfile.clone(), lock.into_bytes());
        Ok(changed)
    }
}

/// The folders of the project's own packages: the root and its workspaces.
fn manifest_folders(lock: &Value) -> Vec<String> {
    let packages = lock.get("packages").and_then(Value::as_object);
    let mut folders: Vec<String> = packages
        .into_iter()
        .flatten()
        .map(|(path, _)| path.clone())
        .filter(|path| !path.contains("node_modules"))
        .collect();
    if folders.is_empty() {
        folders.push(String::new());
    }
    folders
}

/// The requirement at the commit; `None` when it names no git repository.
fn pinned(wanted: &str, commit: &str) -> Option<String> {
    let address = wanted.split('#').next().unwrap_or(wanted);
    let hosted =
        ["git+", "git:", "github:", "gitlab:", "bitbucket:", "git@"].iter().any(|start| address.starts_with(start));
    let archive = [".tgz", ".tar.gz", ".tar"].iter().any(|end| address.ends_with(end));
    let web = (address.starts_with("https://") || address.starts_with("ssh://")) && !archive;
    // `owner/name` is short for a repository on GitHub.
    let short = address.split('/').count() == 2 && !address.starts_with(['@', '.', '~']) && !address.contains(':');
    (hosted || web || short).then(|| format!("{address}#{commit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_pinned_and_ranges_are_not() {
        for wanted in ["github:a/b#main", "a/b", "git+https://git.example/a/b.git#dev", "https://git.example/a/b.git"] {
            let pinned = pinned(wanted, "abc").unwrap();
            assert_eq!(pinned, format!("{}#abc", wanted.split('#').next().unwrap()));
        }
        for wanted in ["^1.0.0", "file:../x", "https://registry.example/a/b.tgz", "npm:@a/b@1", "latest", "./a/b"] {
            assert_eq!(pinned(wanted, "abc"), None, "{wanted}");
        }
    }
}
