//! Pins a Cargo dependency that follows a branch: `rev` in the manifests, the same commit in the lockfile.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, TableLike, value};

use super::contract::{PinRequest, Pinner, Refusal};
use crate::model::bounded_toml;
use crate::model::dependency::{GitPin, Origin};
use crate::model::repository::RepoPath;
use crate::sandbox::cargo_project;
use crate::sandbox::layout;

/// Nesting that a manifest may have; real ones have six levels.
const DEPTH_LIMIT: usize = 32;

/// `branch = "x"` (or nothing) becomes `rev = "<commit>"`.
pub(crate) struct PinCargo;

impl Pinner for PinCargo {
    fn handles(&self, lockfile: &RepoPath) -> bool {
        lockfile.file_name() == "Cargo.lock"
    }

    fn pin(&self, request: &PinRequest<'_>) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal> {
        let package = &request.dependency.name;
        let Origin::Git { url, pin, .. } = &request.dependency.origin else {
            return Err(Refusal::new(format!("`{package}` does not come from git"), "nothing is to be done"));
        };
        let branch = match pin {
            GitPin::Branch(name) => Some(name.as_str()),
            GitPin::DefaultBranch | GitPin::Commit | GitPin::Tag(_) => None,
        };
        let mut changed = BTreeMap::new();
        for path in cargo_project::manifests(request.lockfile, request.tree) {
            // A manifest that cannot be read or parsed asks for nothing that could be pinned.
            let Ok(content) = request.tree.read(&path) else { continue };
            let Ok(text) = String::from_utf8(content) else { continue };
            let Some(mut document) = bounded_toml::parse::<DocumentMut>(&text) else { continue };
            let mut edited = false;
            pin_tables(document.as_table_mut(), (url, branch, request.commit.as_str()), 0, &mut edited);
            if edited {
                let written = layout::line_ends_like(&text, &document.to_string());
                changed.insert(path, written.into_bytes());
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
        let lock = request.tree.read(request.lockfile).ok().and_then(|content| String::from_utf8(content).ok());
        let pinned = lock.and_then(|text| pin_lock(&text, request)).ok_or_else(|| {
            Refusal::new(
                format!("`{}` has no entry of `{package}` from `{url}`", request.lockfile),
                "run `cargo update --workspace` and commit the lockfile",
            )
        })?;
        changed.insert(request.lockfile.clone(), pinned.into_bytes());
        Ok(changed)
    }
}

/// Pins every requirement on the repository's branch in a table and what is below it.
fn pin_tables(
    table: &mut dyn TableLike,
    (url, branch, commit): (&str, Option<&str>, &str),
    depth: usize,
    edited: &mut bool,
) {
    if depth > DEPTH_LIMIT {
        return;
    }
    let text = |table: &dyn TableLike, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let follows = text(table, "git").is_some_and(|git| same_repository(&git, url))
        && text(table, "branch").as_deref() == branch
        && !table.contains_key("rev")
        && !table.contains_key("tag");
    if follows {
        table.remove("branch");
        table.insert("rev", value(commit));
        *edited = true;
        return;
    }
    for (_, item) in table.iter_mut() {
        if let Some(inner) = item.as_table_like_mut() {
            pin_tables(inner, (url, branch, commit), depth + 1, edited);
        }
    }
}

/// Whether two addresses name the same repository: Cargo ignores a trailing `/` and `.git`, and case on GitHub.
fn same_repository(left: &str, right: &str) -> bool {
    let canonical = |address: &str| {
        let plain = address.strip_prefix("git+").unwrap_or(address);
        let plain = plain.split(['?', '#']).next().unwrap_or(plain).trim_end_matches('/');
        plain.strip_suffix(".git").unwrap_or(plain).to_ascii_lowercase()
    };
    canonical(left) == canonical(right)
}

/// The lockfile with the package's source, wherever it is written, at the commit instead of the branch.
fn pin_lock(text: &str, request: &PinRequest<'_>) -> Option<String> {
    let name = format!("name = \"{}\"", request.dependency.name);
    let version = format!("version = \"{}\"", request.dependency.version);
    let lines: Vec<&str> = text.lines().collect();
    let source = lines.windows(3).find_map(|block| {
        let matches = block[0].trim() == name && block[1].trim() == version;
        let written = block[2].trim().strip_prefix("source = \"")?.strip_suffix('"')?;
        (matches && written.starts_with("git+")).then_some(written)
    })?;
    let (tracked, locked) = source.split_once('#')?;
    let address = tracked.split_once('?').map_or(tracked, |(address, _)| address);
    let commit = request.commit.as_str();
    let pinned = format!("{address}?rev={commit}");
    // The source of packages has the commit behind it, the one in lists of dependencies has not.
    let text = text.replace(&format!("\"{tracked}#{locked}\""), &format!("\"{pinned}#{commit}\""));
    Some(text.replace(&format!("({tracked})"), &format!("({pinned})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_becomes_the_commit_and_comments_stay() {
        let commit = "0123456789012345678901234567890123456789";
        let text = "[dependencies]\n# ours\ntool = { git = \"https://git.example/a/tool.git\", branch = \"main\", features = [\"x\"] } # later\nother = { git = \"https://git.example/a/tool\", branch = \"next\" }\n\n[patch.crates-io.fork]\ngit = \"https://git.example/a/tool\"\nbranch = \"main\"\n";
        let mut document: DocumentMut = bounded_toml::parse(text).unwrap();
        let mut edited = false;
        pin_tables(document.as_table_mut(), ("https://git.example/a/tool", Some("main"), commit), 0, &mut edited);
        assert!(edited);
        insta::assert_snapshot!(document.to_string(), @r#"
        [dependencies]
        # ours
        tool = { git = "https://git.example/a/tool.git", features = ["x"] , rev = "0123456789012345678901234567890123456789" } # later
        other = { git = "https://git.example/a/tool", branch = "next" }

        [patch.crates-io.fork]
        git = "https://git.example/a/tool"
        rev = "0123456789012345678901234567890123456789"
        "#);
    }
}
