//! Unverified source: packages that come from an unexpected host, or of which nothing says that they are still the same.
//!
//! Expected is the host of most packages of the same lockfile, and what the tool is configured with beside it. One row for
//! each host of a file, and one for all packages without a checksum: a mirror, or a tool that wrote no checksums, is one
//! thing to look at.

use std::collections::BTreeMap;

use super::contract::finding::of_dependency;
use super::contract::{Check, CheckContext};
use crate::model::doubt::Doubt;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::severity::Severity;
use crate::model::tree::ProjectTree;

/// Where tools are told which registries to use, beside a lockfile or at the project's root.
const CONFIGURATIONS: [&str; 14] = [
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    "bunfig.toml",
    "composer.json",
    "pyproject.toml",
    "uv.toml",
    "Pipfile",
    "pip.conf",
    "Gemfile",
    "NuGet.Config",
    "nuget.config",
    "pubspec.yaml",
];

/// Finds what comes from elsewhere than the rest, and what has no checksum.
pub(super) struct UnverifiedSource;

impl Check for UnverifiedSource {
    fn id(&self) -> &'static str {
        "unverified-source"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        context.lockfiles.iter().flat_map(|lockfile| of_file(context, lockfile)).collect()
    }
}

/// What one row is about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Group<'a> {
    Host(&'a str, &'a str),
    NoChecksum,
}

fn of_file(context: &CheckContext<'_>, lockfile: &Lockfile) -> Vec<Finding> {
    // The first package of each group, and how many there are.
    let mut groups: BTreeMap<Group<'_>, (usize, usize)> = BTreeMap::new();
    for (position, dependency) in lockfile.dependencies.iter().enumerate() {
        for doubt in &dependency.doubts {
            let group = match doubt {
                Doubt::Host { host, usual } => Group::Host(host, usual),
                Doubt::NoChecksum => Group::NoChecksum,
                Doubt::Contradiction { .. } => continue,
            };
            groups.entry(group).or_insert((position, 0)).1 += 1;
        }
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let configuration = configuration(context.tree, lockfile);
    let mut findings = Vec::new();
    for (group, (first, number)) in groups {
        let others = match number - 1 {
            0 => String::new(),
            1 => ", as does 1 other".to_owned(),
            more => format!(", as do {more} others"),
        };
        let reason = match group {
            Group::Host(host, _) if configuration.iter().any(|text| names(text, host)) => continue,
            Group::Host(host, usual) => format!("comes from {host}{others}; most of the file comes from {usual}"),
            Group::NoChecksum => format!("has no checksum{}", others.replace("does", "has").replace("do ", "have ")),
        };
        let Some(dependency) = lockfile.dependencies.get(first) else { continue };
        let graded = (FindingKind::UnverifiedSource, Severity::Low);
        let mut finding = of_dependency(lockfile, first, dependency, graded);
        finding.detail = Some(Detail::reason(reason));
        findings.push(finding);
    }
    findings
}

/// The text of everything that may say which registries a lockfile's tool uses.
fn configuration(tree: &dyn ProjectTree, lockfile: &Lockfile) -> Vec<String> {
    let mut files = Vec::new();
    for name in CONFIGURATIONS {
        let beside = lockfile.path.sibling(name).ok();
        let at_root = crate::model::repository::RepoPath::new(name).ok().filter(|path| Some(path) != beside.as_ref());
        files.extend(beside.into_iter().chain(at_root));
    }
    let contents = files.into_iter().filter_map(|path| tree.read(&path).ok());
    contents.map(|content| String::from_utf8_lossy(&content).to_ascii_lowercase()).collect()
}

/// Whether a text holds the address of a host, or of one below it: `//host`, and nothing behind it that would make it
/// another one.
fn names(text: &str, host: &str) -> bool {
    text.match_indices(host).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let behind = text.get(at + host.len()..).and_then(|rest| rest.chars().next());
        before.ends_with(['/', '@', '.'])
            && behind.is_none_or(|next| !next.is_ascii_alphanumeric() && !matches!(next, '.' | '-' | '_' | ':' | '@'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{inspect, lockfile};
    use super::*;
    use crate::model::dependency::Dependency;
    use crate::model::ecosystem::Ecosystem;

    fn rows(files: &[(&str, &str)], doubts: &[Doubt]) -> Vec<String> {
        let of = |doubt: &Doubt| Dependency {
            doubts: vec![doubt.clone()],
            ..Dependency::new(Ecosystem::Npm, "a", "1.0.0", 3)
        };
        let findings =
            inspect(&UnverifiedSource, files, &[lockfile("package-lock.json", doubts.iter().map(of).collect())]);
        assert!(findings.iter().all(|finding| finding.kind.is_warning() && finding.line == 3));
        findings.into_iter().map(|finding| finding.detail.expect("a reason").to_string()).collect()
    }

    fn from(host: &str) -> Doubt {
        Doubt::Host { host: host.to_owned(), usual: "registry.example".to_owned() }
    }

    #[test]
    fn a_host_is_one_row_and_so_are_all_without_a_checksum() {
        let doubts = [from("b.example"), from("a.example"), from("b.example"), from("b.example")];
        assert_eq!(
            rows(&[], &doubts),
            [
                "comes from a.example; most of the file comes from registry.example",
                "comes from b.example, as do 2 others; most of the file comes from registry.example",
            ]
        );
        assert_eq!(rows(&[], &[Doubt::NoChecksum]), ["has no checksum"]);
        assert_eq!(rows(&[], &[Doubt::NoChecksum, Doubt::NoChecksum]), ["has no checksum, as has 1 other"]);
        assert_eq!(rows(&[], &vec![Doubt::NoChecksum; 3]), ["has no checksum, as have 2 others"]);
        assert!(rows(&[], &[Doubt::contradiction("x", None)]).is_empty());
    }

    #[test]
    fn a_host_that_the_tool_is_configured_with_is_expected() {
        let with = |text: &str| rows(&[(".npmrc", text)], &[from("own.example")]).len();
        assert_eq!(with("@acme:registry=https://own.example/npm/"), 0);
        assert_eq!(with("//Own.Example/npm/:_authToken=x"), 0);
        assert_eq!(with("registry=https://npm.own.example"), 0);
        for other in ["https://own.example.org/", "https://my-own.example/", "https://own.example:8080/", "own.example"]
        {
            assert_eq!(with(other), 1, "{other}");
        }
    }
}
