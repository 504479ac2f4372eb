//! Unverified source: packages that come from an unexpected host, or of which nothing says that they are still the same.
//!
//! Packages that are installed from an archive on disk, or from a folder in the place of a release, share one more row: their
//! content may be anything, whatever name and version the lockfile gives them.
//!
//! Expected are the hosts of the public registry or, where they are not known, that of most packages of the same lockfile;
//! and what the tool is configured with beside it. One row for each host of a file, and one for all packages without a
//! checksum: a mirror, or a tool that wrote no checksums, is one thing to look at.

use std::collections::BTreeMap;

use super::contract::finding::of_dependency;
use super::contract::{Check, CheckContext};
use crate::model::dependency::{Dependency, Origin};
use crate::model::doubt::Doubt;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::severity::Severity;
use crate::model::tree::ProjectTree;

/// Where tools are told which registries to use, beside a lockfile or at the project's root.
const CONFIGURATIONS: [&str; 16] = [
    ".cargo/config.toml",
    ".cargo/config",
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
    OnDisk,
}

/// Where a package stands that is installed from disk, and has a name and a version all the same.
fn place_on_disk(dependency: &Dependency) -> Option<&str> {
    match &dependency.origin {
        Origin::Archive { url } => match url.split_once(':') {
            Some(("file", path)) => Some(path.strip_prefix("//").unwrap_or(path)),
            Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(is_of_scheme) => None,
            _ => Some(url.as_str()),
        },
        _ => None,
    }
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

fn of_file(context: &CheckContext<'_>, lockfile: &Lockfile) -> Vec<Finding> {
    // The first package of each group, and how many there are.
    let mut groups: BTreeMap<Group<'_>, (usize, usize)> = BTreeMap::new();
    for (position, dependency) in lockfile.dependencies.iter().enumerate() {
        if place_on_disk(dependency).is_some() {
            groups.entry(Group::OnDisk).or_insert((position, 0)).1 += 1;
        }
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
        let Some(dependency) = lockfile.dependencies.get(first) else { continue };
        let reason = match group {
            Group::Host(host, _) if configuration.iter().any(|text| names(text, host)) => continue,
            Group::Host(host, "") => {
                format!("comes from {host}{others}, which nothing beside the file is configured with")
            }
            Group::Host(host, usual) => format!("comes from {host}{others}; most of the file comes from {usual}"),
            Group::NoChecksum => format!("has no checksum{}", others.replace("does", "has").replace("do ", "have ")),
            Group::OnDisk => {
                let place = place_on_disk(dependency).unwrap_or_default();
                format!("comes from `{place}` on disk, not from a registry{others}")
            }
        };
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
        (before.ends_with(['/', '@', '.']) || host.contains("://"))
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
        let mirror = Doubt::Host { host: "mirror.example".to_owned(), usual: String::new() };
        let said = "comes from mirror.example, which nothing beside the file is configured with";
        assert_eq!(rows(&[], std::slice::from_ref(&mirror)), [said]);
        let configured =
            [(".cargo/config.toml", "[registries.own]\nindex = \"sparse+https://mirror.example/index/\"\n")];
        assert!(rows(&configured, &[mirror]).is_empty());
    }

    #[test]
    fn what_comes_from_disk_is_one_row_and_no_address_is_taken_for_a_path() {
        let of = |url: &str| Dependency {
            origin: Origin::Archive { url: url.to_owned() },
            ..Dependency::new(Ecosystem::Npm, "a", "1.0.0", 3)
        };
        let row = |urls: &[&str]| {
            let dependencies = urls.iter().map(|url| of(url)).collect();
            let findings = inspect(&UnverifiedSource, &[], &[lockfile("package-lock.json", dependencies)]);
            findings.into_iter().map(|it| it.detail.expect("a reason").to_string()).collect::<Vec<_>>()
        };
        for (url, place) in [
            ("file:./a.tgz", "./a.tgz"),
            ("file:///a.whl", "/a.whl"),
            ("vendor/a.tgz", "vendor/a.tgz"),
            ("c:\\a.tgz", "c:\\a.tgz"),
        ] {
            assert_eq!(row(&[url]), [format!("comes from `{place}` on disk, not from a registry")]);
        }
        assert_eq!(row(&["file:a.tgz", "b.tgz"]), ["comes from `a.tgz` on disk, not from a registry, as does 1 other"]);
        assert!(row(&["https://host.example/a.tgz", "git+ssh://host.example/a", "hg+https://host.example"]).is_empty());
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
