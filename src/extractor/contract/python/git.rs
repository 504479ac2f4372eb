//! Addresses of git repositories and what is followed there.

use crate::model::dependency::{GitPin, Origin};
use crate::model::repository::CommitId;

/// Whether a reference is a commit, possibly shortened: git shows at least seven digits.
pub(in crate::extractor) fn is_commit(reference: &str) -> bool {
    (7..=64).contains(&reference.len()) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a reference stands for, of which nothing but its form is known: releases look like versions, all else may be a
/// branch.
pub(in crate::extractor) fn pin_by_form(reference: &str) -> GitPin {
    if reference.is_empty() || reference == "HEAD" {
        return GitPin::DefaultBranch;
    }
    if let Some(tag) = reference.strip_prefix("refs/tags/") {
        return GitPin::Tag(tag.to_owned());
    }
    if let Some(branch) = reference.strip_prefix("refs/heads/").or_else(|| reference.strip_prefix("origin/")) {
        return GitPin::Branch(branch.to_owned());
    }
    if is_commit(reference) {
        return GitPin::Commit;
    }
    if is_release(reference) { GitPin::Tag(reference.to_owned()) } else { GitPin::Branch(reference.to_owned()) }
}

/// `1.2.3`, `v4`, `release-1.2`, `name@1.2.3`, but not `1.x` or `feature-2`.
fn is_release(reference: &str) -> bool {
    const WORDS: [&str; 6] = ["release", "version", "rel", "ver", "v", "r"];
    let name = reference.rsplit('@').next().unwrap_or(reference);
    let lower = name.to_ascii_lowercase();
    let word = WORDS.iter().find_map(|word| {
        let rest = lower.strip_prefix(word)?;
        let rest = rest.strip_prefix(['-', '_', '/', '.']).unwrap_or(rest);
        // `release-v1.2`
        Some(rest.strip_prefix('v').unwrap_or(rest))
    });
    let version = word.unwrap_or(&lower);
    let mut parts = version.split('.');
    let starts_with_digit = |part: &str| part.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let first = parts.next().is_some_and(starts_with_digit);
    let second = parts.next();
    let numbers = first && second.map_or(word.is_some(), starts_with_digit);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
    numbers && version.bytes().all(allowed) && !version.split('.').any(|part| part == "x")
}

/// What a table of a manifest or a lock follows: `branch`, `tag`, `rev` or `ref` beside the repository's address.
pub(in crate::extractor) fn pin_of<'t>(field: impl Fn(&str) -> Option<&'t str>) -> GitPin {
    if let Some(branch) = field("branch") {
        return GitPin::Branch(branch.to_owned());
    }
    if let Some(tag) = field("tag") {
        return GitPin::Tag(tag.to_owned());
    }
    pin_by_form(field("rev").or_else(|| field("ref")).unwrap_or_default())
}

/// An address of pip: `git+https://host/path.git@reference#egg=name&subdirectory=folder`
/// (<https://pip.pypa.io/en/stable/topics/vcs-support/>).
pub(in crate::extractor) struct GitAddress<'a> {
    /// The address without the prefix, the reference and credentials.
    pub(in crate::extractor) url: String,
    /// What stands behind the last `@` of the path.
    pub(in crate::extractor) reference: Option<&'a str>,
}

impl<'a> GitAddress<'a> {
    /// Reads an address that begins with `git+`, or with `git:` as old versions of pip took it.
    pub(in crate::extractor) fn parse(text: &'a str) -> Option<Self> {
        let address = text.strip_prefix("git+").or_else(|| text.starts_with("git://").then_some(text))?;
        let address = address.split('#').next().unwrap_or_default();
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        // pip splits behind the last `@` of the path; one of the host is that of a user.
        let path = rest.find('/')?;
        let at = rest.rfind('@').filter(|&at| at > path);
        let (place, reference) = match at {
            Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
            None => (rest, None),
        };
        let url = if scheme.is_empty() { place.to_owned() } else { format!("{scheme}://{place}") };
        Some(Self { url: without_credentials(&url), reference: reference.filter(|reference| !reference.is_empty()) })
    }

    /// Where a dependency with this address comes from, if nothing locks it any closer.
    pub(in crate::extractor) fn origin(&self) -> Origin {
        let reference = self.reference.unwrap_or_default();
        Origin::Git { url: self.url.clone(), pin: pin_by_form(reference), commit: CommitId::new(reference).ok() }
    }
}

/// The address without user and password, which may be a token; the user of ssh is part of the address.
pub(in crate::extractor) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some(at) = rest.get(..end).and_then(|host| host.rfind('@')) else { return url.to_owned() };
    let (user, host) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
    if scheme.ends_with("ssh") && !user.contains(':') {
        return url.to_owned();
    }
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_judged_by_their_form() {
        let branch = |name: &str| GitPin::Branch(name.to_owned());
        let tag = |name: &str| GitPin::Tag(name.to_owned());
        for (reference, expected) in [
            ("", GitPin::DefaultBranch),
            ("HEAD", GitPin::DefaultBranch),
            ("main", branch("main")),
            ("refs/heads/1.2.3", branch("1.2.3")),
            ("refs/tags/next", tag("next")),
            ("0123456", GitPin::Commit),
            ("0123456789012345678901234567890123456789", GitPin::Commit),
            ("v1.2", tag("v1.2")),
            ("v4", tag("v4")),
            ("1.2.3rc1", tag("1.2.3rc1")),
            ("release-1.2", tag("release-1.2")),
            ("release/v1.2", tag("release/v1.2")),
            ("tool@1.2.3", tag("tool@1.2.3")),
            ("1.x", branch("1.x")),
            ("2.0.x", branch("2.0.x")),
            ("vnext", branch("vnext")),
            ("feature-2", branch("feature-2")),
            ("3", branch("3")),
            ("stable/2.0", branch("stable/2.0")),
        ] {
            assert_eq!(pin_by_form(reference), expected, "{reference}");
        }
    }

    #[test]
    fn addresses_of_pip_are_taken_apart() {
        for (text, url, reference) in [
            ("git+https://git.example/a/b.git@v1#egg=b", "https://git.example/a/b.git", Some("v1")),
            ("git+https://u:p@git.example/a/b", "https://git.example/a/b", None),
            ("git+ssh://git@git.example/a/b.git@feature/x", "ssh://git@git.example/a/b.git", Some("feature/x")),
            ("git+https://git.example/a/b.git@", "https://git.example/a/b.git", None),
            ("git+git@git.example:a/b.git@v1", "git@git.example:a/b.git", Some("v1")),
            ("git://git.example/a/b", "git://git.example/a/b", None),
            ("git+file:///srv/a@main", "file:///srv/a", Some("main")),
        ] {
            let address = GitAddress::parse(text).expect(text);
            assert_eq!((address.url.as_str(), address.reference), (url, reference), "{text}");
        }
        for text in ["https://git.example/a.tar.gz", "git+", "hg+https://hg.example/a", "git+x"] {
            assert!(GitAddress::parse(text).is_none(), "{text}");
        }
    }
}
