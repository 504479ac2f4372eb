//! Pins a Composer dependency that follows a branch: `dev-main` becomes `dev-main#<commit>`, which moves nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::contract::{PinRequest, Pinner, Refusal};
use crate::model::repository::RepoPath;
use crate::sandbox::content_hash::content_hash;
use crate::sandbox::layout;

/// Two lines: the requirement, and the hash by which the lockfile knows its manifest.
pub(crate) struct PinComposer;

impl Pinner for PinComposer {
    fn handles(&self, lockfile: &RepoPath) -> bool {
        lockfile.file_name() == "composer.lock"
    }

    fn pin(&self, request: &PinRequest<'_>) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal> {
        let package = &request.dependency.name;
        let unreadable = |name: &str| {
            Refusal::new(
                format!("`{name}` beside `{}` cannot be read", request.lockfile),
                "make it a regular JSON file",
            )
        };
        let manifest_path = request.lockfile.sibling("composer.json").map_err(|_| unreadable("composer.json"))?;
        let read = |path: &RepoPath, name: &str| {
            let content = request.tree.read(path).ok();
            content.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| unreadable(name))
        };
        let manifest = read(&manifest_path, "composer.json")?;
        let lock = read(request.lockfile, "composer.lock")?;
        let parsed: Value = serde_json::from_str(&manifest).map_err(|_| unreadable("composer.json"))?;
        let (section, name, old) = requirement(&parsed, package).ok_or_else(|| {
            Refusal::new(
                format!("`{package}` follows a branch because another package asks for it that way, which this project cannot change"),
                format!("require `{package}` in the project itself at a commit or a release"),
            )
        })?;
        let new = pinned(old, &request.dependency.version, request.commit.as_str());
        let locked: Value = serde_json::from_str(&lock).map_err(|_| unreadable("composer.lock"))?;
        let hash = locked.get("content-hash").and_then(Value::as_str);
        if hash.is_none() || hash != content_hash(manifest.as_bytes()).as_deref() {
            return Err(Refusal::new(
                format!("`{}` does not match its manifest", request.lockfile),
                "run `composer update --lock` and commit the lockfile",
            ));
        }
        let manifest =
            layout::replace_member(&manifest, &[section, name], &new).ok_or_else(|| unreadable("composer.json"))?;
        let hash = content_hash(manifest.as_bytes()).ok_or_else(|| unreadable("composer.json"))?;
        let lock =
            layout::replace_member(&lock, &["content-hash"], &hash).ok_or_else(|| unreadable("composer.lock"))?;
        Ok(BTreeMap::from([(manifest_path, manifest.into_bytes()), (request.lockfile.clone(), lock.into_bytes())]))
    }
}

/// Where the project asks for the package, as it spells the name, and what it asks for.
fn requirement<'a>(manifest: &'a Value, package: &str) -> Option<(&'static str, &'a str, &'a str)> {
    ["require", "require-dev"].into_iter().find_map(|section| {
        let (name, wanted) =
            manifest.get(section)?.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(package))?;
        Some((section, name.as_str(), wanted.as_str()?))
    })
}

/// The requirement with the commit: an alias (`dev-main as 1.0.0`) stays behind it.
fn pinned(old: &str, locked: &str, commit: &str) -> String {
    let (branch, alias) = old.split_once(" as ").map_or((old, None), |(branch, alias)| (branch.trim(), Some(alias)));
    let branch = branch.split('#').next().unwrap_or(branch).trim();
    // `*@dev` and the like name no branch; the lockfile does.
    let names_branch = (branch.starts_with("dev-") || branch.ends_with("-dev"))
        && !branch.contains([' ', ',', '|', '@', '^', '~', '>', '<', '*']);
    let branch = if names_branch { branch } else { locked };
    let alias = alias.map(|alias| format!(" as {}", alias.trim())).unwrap_or_default();
    format!("{branch}#{commit}{alias}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_follows_the_branch() {
        for (old, expected) in [
            ("dev-main", "dev-main#abc"),
            ("dev-main as 1.0.0", "dev-main#abc as 1.0.0"),
            ("2.x-dev", "2.x-dev#abc"),
            ("*@dev", "dev-main#abc"),
            ("dev-main#old", "dev-main#abc"),
        ] {
            assert_eq!(pinned(old, "dev-main", "abc"), expected, "{old}");
        }
    }
}
