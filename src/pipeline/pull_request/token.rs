//! Words that may stand in a title or a commit message, where nothing can be escaped.

use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// Longer names are not shown in titles; npm allows 214 characters, real names have less than 60.
const NAME_LIMIT: usize = 100;

/// Longer versions are not shown in titles.
const VERSION_LIMIT: usize = 60;

/// The package's name when it is an ordinary one, else "a package".
pub(super) fn package(name: &str) -> String {
    if is_package(name) { name.to_owned() } else { "a package".to_owned() }
}

/// A version, or the beginning of a commit; anything else is "another version".
pub(super) fn version(text: &str) -> String {
    if let Ok(commit) = CommitId::new(text) {
        return commit.short().to_owned();
    }
    // Composer locks a branch at a commit as `dev-main#0123…`.
    let text = text.split('#').next().unwrap_or_default();
    if is_version(text) { text.to_owned() } else { "another version".to_owned() }
}

/// The file when its path is an ordinary one, else "a lockfile".
pub(super) fn file(path: &RepoPath) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    if path.as_str().chars().all(plain) { path.to_string() } else { "a lockfile".to_owned() }
}

/// The package as a purl (<https://github.com/package-url/purl-spec>); `None` when its name is not an ordinary one.
pub(super) fn purl(ecosystem: Ecosystem, name: &str, version: Option<&str>) -> Option<String> {
    if !is_package(name) {
        return None;
    }
    let name = ecosystem.normalise(name).replace('@', "%40");
    // What follows `owner/repository` of an action is a folder of the same package.
    let end = name.match_indices('/').nth(1).filter(|_| ecosystem == Ecosystem::GitHubActions);
    let name = end.map_or(name.as_str(), |(end, _)| &name[..end]);
    let version = version.filter(|version| is_version(version) && !version.contains('/'));
    let version = version.map(|version| format!("@{}", version.replace('+', "%2B"))).unwrap_or_default();
    Some(format!("pkg:{}/{name}{version}", ecosystem.purl_type()))
}

/// A conservative grammar that covers crates, npm, Composer and actions: segments of letters, digits, `.`, `_` and `-` that
/// begin and end with a letter, a digit or `_`. In the path that follows the `owner/repository` of an action, folders may be
/// hidden: `owner/repository/.github/workflows/x.yml`.
fn is_package(name: &str) -> bool {
    let segments = name.strip_prefix('@').unwrap_or(name).split('/');
    let is_segment = |(position, segment): (usize, &str)| {
        let hidden = segment.strip_prefix('.').filter(|_| position > 1);
        is_word(hidden.unwrap_or(segment))
    };
    name.len() <= NAME_LIMIT && segments.clone().count() <= 6 && segments.enumerate().all(is_segment)
}

fn is_version(text: &str) -> bool {
    let tail = |character: char| character.is_ascii_alphanumeric() || "._-+~/".contains(character);
    text.len() <= VERSION_LIMIT
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
        && text.chars().all(tail)
}

fn is_word(segment: &str) -> bool {
    let edge = |character: char| character.is_ascii_alphanumeric() || character == '_';
    segment.starts_with(edge)
        && segment.ends_with(edge)
        && segment.chars().all(|character| edge(character) || character == '.' || character == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass_and_others_do_not() {
        for name in [
            "lodash",
            "@acme/shop-ui",
            "symfony/http-kernel",
            "actions/checkout",
            "_x",
            "a.b",
            "acme/tools/sub/dir",
            "acme/shared/.github/workflows/x.yml",
        ] {
            assert_eq!(package(name), name);
        }
        for name in [
            "@octocat/fixes#1",
            "-p",
            "a/.b",
            "a/b/../c",
            "a/b/./c",
            "a/b/..c",
            "a b",
            "a\nfixes #1",
            "$(id)",
            "x-",
            "@",
            "",
            "a//b",
            &"a".repeat(200),
        ] {
            assert_eq!(package(name), "a package", "{name}");
        }
    }

    #[test]
    fn versions_and_commits_pass_and_others_do_not() {
        assert_eq!(version("4.17.21"), "4.17.21");
        assert_eq!(version("1.0.0-rc.1+build"), "1.0.0-rc.1+build");
        assert_eq!(version("dev-feature/x#0123456789"), "dev-feature/x");
        assert_eq!(version(&"0123456789".repeat(4)), "012345678901");
        for text in ["1.0 fixes #1", "@octocat", "", "-1", "1.0\n"] {
            assert_eq!(version(text), "another version", "{text}");
        }
    }

    #[test]
    fn purls_follow_their_specification() {
        let commit = "0123456789".repeat(4);
        for (ecosystem, name, version, expected) in [
            (Ecosystem::Npm, "@acme/shop", Some("1.0.0+b"), "pkg:npm/%40acme/shop@1.0.0%2Bb"),
            (Ecosystem::Packagist, "Symfony/Http-Kernel", Some("v6.4.1"), "pkg:composer/symfony/http-kernel@v6.4.1"),
            (Ecosystem::CratesIo, "time", None, "pkg:cargo/time"),
            (Ecosystem::CratesIo, "time", Some("x y"), "pkg:cargo/time"),
            (Ecosystem::GitHubActions, "acme/tools/sub/dir", Some("v1"), "pkg:githubactions/acme/tools@v1"),
            (Ecosystem::GitHubActions, "acme/x/.github/workflows/y.yml", Some("v1"), "pkg:githubactions/acme/x@v1"),
        ] {
            assert_eq!(purl(ecosystem, name, version).as_deref(), Some(expected));
        }
        assert!(purl(Ecosystem::GitHubActions, "acme/x", Some(&commit)).is_some_and(|purl| purl.ends_with(&commit)));
        assert_eq!(purl(Ecosystem::Npm, "$(id)", None), None);
    }
}
