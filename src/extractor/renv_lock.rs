//! renv's renv.lock (<https://rstudio.github.io/renv/articles/lockfile.html>), also in a profile's folder.

use std::collections::HashMap;

use super::contract::graph::{link, roots_are_direct};
use super::contract::json::{Member, Node};
use super::contract::python::git::{pin_by_form, without_credentials};
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// More edges are refused: the largest lockfiles in public have 2,000.
const EDGE_LIMIT: usize = 1_000_000;

const WAY_OUT: &str = "run `renv::snapshot()` to write it anew";

/// Reads renv.lock.
pub(super) struct RenvLock;

impl Extractor for RenvLock {
    fn id(&self) -> &'static str {
        "renv-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "renv.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    let fault = |message: &str, offset: usize| ParseError::new(message).at_line(lines.at(offset));
    if !root.is_object() {
        return Err(fault("find an object", root.offset));
    }
    let entries = match root.get("Packages") {
        Some(packages) if packages.is_object() => packages.members(),
        // R writes an empty list of names as a list.
        Some(packages) if packages.items().is_some_and(<[_]>::is_empty) => &[],
        Some(packages) => return Err(fault("find an object under `Packages`", packages.offset)),
        None => return Err(fault("find `Packages`, where renv lists what is locked", root.offset)),
    };
    check_package_count(entries.len())?;
    let mut dependencies = Vec::with_capacity(entries.len());
    for entry in entries {
        let version = entry.value.get("Version").and_then(Node::scalar);
        let shown = entry.key.escape_debug();
        let version = version.ok_or_else(|| fault(&format!("find the version of `{shown}`"), entry.offset))?;
        let name = entry.value.text_at("Package").unwrap_or(&entry.key);
        let dependency = Dependency::new(ecosystem(&entry.value), name, version, lines.at(entry.offset));
        dependencies.push(Dependency { origin: origin(&entry.value), ..dependency });
    }
    let edges = edges(entries)?;
    link(&mut dependencies, edges);
    // What the project itself loads stands in its R files.
    roots_are_direct(&mut dependencies);
    Ok(dependencies)
}

fn ecosystem(entry: &Node<'_>) -> Ecosystem {
    let from = |key: &str| entry.text_at(key).is_some_and(|value| value.starts_with("Bioconductor"));
    if from("Source") || from("Repository") || entry.get("biocViews").is_some() {
        Ecosystem::Bioconductor
    } else {
        Ecosystem::Cran
    }
}

/// <https://rstudio.github.io/renv/articles/package-sources.html>
fn origin(entry: &Node<'_>) -> Origin {
    let field = |key: &str| entry.text_at(key);
    let source = field("Source").unwrap_or_default().to_ascii_lowercase();
    let remote = field("RemoteType").unwrap_or_default().to_ascii_lowercase();
    let kind = if ["repository", "bioconductor", "cran"].contains(&source.as_str()) { &source } else { &remote };
    let kind = if kind.is_empty() { &source } else { kind };
    match kind.as_str() {
        "github" | "gitlab" | "bitbucket" => repository(&field, kind),
        "git" | "git2r" | "xgit" => git(&field, without_credentials(field("RemoteUrl").unwrap_or_default())),
        "local" => Origin::Path,
        "url" => Origin::Archive { url: without_credentials(field("RemoteUrl").unwrap_or_default()) },
        // The name of a repository is the user's own.
        _ => Origin::Registry { url: field("Repository").filter(|name| name.contains("://")).map(without_credentials) },
    }
}

/// A repository of a forge: the host is that of its interface.
fn repository<'t>(field: &impl Fn(&str) -> Option<&'t str>, forge: &str) -> Origin {
    let usual = match forge {
        "gitlab" => "gitlab.com",
        "bitbucket" => "bitbucket.org",
        _ => "github.com",
    };
    let host = field("RemoteHost").unwrap_or_default();
    let host = host.trim_start_matches("https://").trim_start_matches("api.").split('/').next().unwrap_or_default();
    let host = if host.is_empty() { usual } else { host };
    let (owner, name) = (field("RemoteUsername").unwrap_or_default(), field("RemoteRepo").unwrap_or_default());
    git(field, format!("https://{host}/{owner}/{name}"))
}

fn git<'t>(field: &impl Fn(&str) -> Option<&'t str>, url: String) -> Origin {
    let commit = field("RemoteSha");
    let reference = field("RemoteRef").unwrap_or_default();
    // pak writes the commit where it was asked for nothing else.
    let pin = if commit == Some(reference) { GitPin::Commit } else { pin_by_form(reference) };
    Origin::Git { url, pin, commit: commit.and_then(|commit| CommitId::new(commit).ok()) }
}

/// Who requires whom: names since renv 0.15, requirements as in DESCRIPTION since 1.1.
fn edges(entries: &[Member<'_>]) -> Result<Vec<(usize, usize)>, ParseError> {
    let positions: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(position, entry)| (entry.key.as_ref(), position)).collect();
    let mut edges = Vec::new();
    for (parent, entry) in entries.iter().enumerate() {
        for list in ["Requirements", "Depends", "Imports", "LinkingTo"] {
            let node = entry.value.get(list);
            let items = node.and_then(Node::items).unwrap_or_default().iter().filter_map(Node::text);
            // One requirement is a text of its own.
            for text in items.chain(node.and_then(Node::text)).flat_map(|text| text.split(',')) {
                // `R6 (>= 2.4)`
                let name = text.split('(').next().unwrap_or_default().trim();
                edges.extend(positions.get(name).map(|&child| (parent, child)));
            }
        }
        if edges.len() > EDGE_LIMIT {
            return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("[]", Some(1), "an object"),
            ("{}", Some(1), "`Packages`"),
            ("{\"Packages\": {\n\"a\": {}}}", Some(2), "version of `a`"),
        ] {
            let error = extract(&RenvLock, &[("renv.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(extract(&RenvLock, &[("renv.lock", b"{\"Packages\": []}")]).expect("empty").is_empty());
    }
}
