//! Which package and version the address of an archive names.
//!
//! npm installs what stands at `resolved`, whatever the entry calls it: `pacote` extracts `<name>@<resolved>`, checks
//! `integrity` alone, and neither compares the name nor the version with what is inside (tried with npm 11.19 against a
//! registry on loopback). The same is true of the addresses that Yarn, pnpm and Bun keep.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// What stands between the name of a package and its archive in every registry that answers as npm's does.
const MARK: &str = "/-/";

/// What the package registry of GitHub has before `<scope>/<name>/<version>/<hash>`.
const DOWNLOAD: &str = "/download/@";

/// What an address does not let be what the entry says: another package, or another version of it; `None` where it fits,
/// or names nothing that could be compared.
pub(in crate::extractor) fn contradiction(name: &str, version: &str, resolved: &str) -> Option<Doubt> {
    let (resolved, fragment) = resolved.split_once('#').unwrap_or((resolved, ""));
    if let Some(range) = range(fragment) {
        let reason = format!("its address asks for the range `{range}` of the repository's tags, not for a commit");
        let other = version::parse(Ecosystem::Npm, &range).is_ok().then_some((name, range.as_str()));
        return Some(Doubt::contradiction(reason, other));
    }
    // What npm writes itself is what nearly every entry has: compared without taking the address apart.
    if is_usual(name, version, resolved) {
        return None;
    }
    let address = plain(resolved)?;
    let (archive_name, archive_version) = named(&address)?;
    let same_version = archive_version == version
        || version::compare(Ecosystem::Npm, &archive_version, version).is_ok_and(std::cmp::Ordering::is_eq)
        // There is nothing to compare it with.
        || version::parse(Ecosystem::Npm, version).is_err();
    // Some private registries leave the sign of a scope out.
    let same_name = archive_name == name
        || name.strip_prefix('@').is_some_and(|scoped| {
            address.rsplit_once(MARK).is_some_and(|(before, _)| before.ends_with(&format!("/{scoped}")))
                && scoped.ends_with(&format!("/{archive_name}"))
        });
    if same_name && same_version {
        return None;
    }
    let reason = format!("its archive is that of {archive_name} {archive_version}");
    Some(Doubt::contradiction(reason, Some((&archive_name, &archive_version))))
}

/// The range behind `#semver:`, which npm looks up among the tags of a repository (`npa.js` of npm-package-arg).
fn range(fragment: &str) -> Option<String> {
    if fragment.is_empty() {
        return None;
    }
    let fragment = percent_decode_str(fragment).decode_utf8().ok()?;
    let range = fragment.split("::").find_map(|part| part.strip_prefix("semver:"))?;
    Some(percent_decode_str(range).decode_utf8_lossy().into_owned())
}

/// What stands for the registry in use, whose address the file does not name.
const REGISTRY: &str = "https://registry.invalid/";

/// Where an address leads that has no scheme.
pub(in crate::extractor) enum Place {
    /// Below the address of the registry in use.
    Below(String),
    /// To a host of its own (`//host/path`).
    At(String),
}

/// Where an address leads without a scheme, which pnpm reads as a reference below its registry
/// (`pkgSnapshotToResolution.ts`); `None` for one with a scheme.
pub(in crate::extractor) fn place(address: &str) -> Option<Place> {
    if Url::parse(address) != Err(url::ParseError::RelativeUrlWithoutBase) {
        return None;
    }
    let registry = Url::parse(REGISTRY).ok()?;
    let url = registry.join(address).ok()?;
    let is_below = url.host_str() == registry.host_str();
    Some(if is_below { Place::Below(url.into()) } else { Place::At(url.into()) })
}

/// `<registry>/<name>/-/<short name>-<version>.tgz`, without anything that an address may hide something in.
fn is_usual(name: &str, version: &str, resolved: &str) -> bool {
    let short = name.rsplit('/').next().unwrap_or(name);
    let path = || {
        let rest = resolved.strip_suffix(".tgz")?.strip_suffix(version)?.strip_suffix('-')?.strip_suffix(short)?;
        rest.strip_suffix(MARK)?.strip_suffix(name)?.strip_suffix('/')
    };
    // Without a name or a version everything would fit.
    !short.is_empty()
        && !version.is_empty()
        && path().is_some_and(|rest| {
            let is_plain = !rest.contains(['?', '#', '\\', '%', '\t', '\r', '\n']) && !rest.contains("/.");
            let has_scope = rest.rsplit('/').next().is_some_and(|above| above.starts_with('@'));
            is_plain && !has_scope
        })
}

/// The path of an address as it is asked for: without `..`, a query and a fragment, and decoded.
fn plain(resolved: &str) -> Option<String> {
    let url = Url::parse(resolved).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let path: Cow<'_, str> = percent_decode_str(url.path()).decode_utf8().ok()?;
    Some(path.into_owned())
}

/// The package and the version that the path of an archive names (`version-from-tgz.js` of npm's arborist).
fn named(path: &str) -> Option<(String, String)> {
    if let Some((_, rest)) = path.rsplit_once(DOWNLOAD).filter(|_| !path.contains(MARK)) {
        let mut parts = rest.split('/');
        let (scope, name, version) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        return is_version(version).then(|| (format!("@{scope}/{name}"), version.to_owned()));
    }
    let (before, archive) = path.rsplit_once(MARK)?;
    let stem = archive.rsplit('/').next()?.strip_suffix(".tgz")?;
    let mut parts = before.rsplit('/');
    let short = parts.next()?;
    let scope = parts.next().filter(|scope| scope.starts_with('@'));
    let with_scope = |name: &str| scope.map_or_else(|| name.to_owned(), |scope| format!("{scope}/{name}"));
    if let Some(version) = stem.strip_prefix(short).and_then(|rest| rest.strip_prefix('-')).filter(|it| is_version(it))
    {
        return Some((with_scope(short), version.to_owned()));
    }
    // The archive of another package below this one's address.
    let ends = stem.match_indices('-').map(|(at, _)| at);
    let split = ends.map(|at| (&stem[..at], &stem[at + 1..])).find(|(_, version)| is_version(version))?;
    Some((split.0.to_owned(), split.1.to_owned()))
}

fn is_version(text: &str) -> bool {
    version::parse(Ecosystem::Npm, text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(name: &str, version: &str, resolved: &str) -> Option<String> {
        match contradiction(name, version, resolved)? {
            Doubt::Contradiction { other: Some(other), .. } => Some(other.to_string()),
            doubt => panic!("{doubt:?}"),
        }
    }

    #[test]
    fn an_address_that_names_the_package_is_believed() {
        for (name, version, resolved) in [
            ("a", "1.0.0", "https://registry.example/a/-/a-1.0.0.tgz"),
            ("@s/a", "1.0.0", "https://registry.example/@s/a/-/a-1.0.0.tgz"),
            ("@s/a", "1.0.0", "https://registry.example/@s%2fa/-/a-1.0.0.tgz"),
            ("@s/a", "1.0.0", "https://registry.example/own/s/a/-/a-1.0.0.tgz"),
            ("@s/a", "1.0.0", "https://registry.example/api/npm/own/@s/a/-/@s/a-1.0.0.tgz"),
            ("a", "1.0.0-rc.1", "https://registry.example/a/-/a-1.0.0-rc.1.tgz?cache=1#0123"),
            ("a", "1.0.0+build", "https://registry.example/a/-/a-1.0.0.tgz"),
            ("a", "v1.0.0", "https://registry.example/a/-/a-1.0.0.tgz"),
            ("@s/a", "1.0.0", "https://packages.example/download/@s/a/1.0.0/0123456789abcdef"),
            ("a", "1.0.0", "https://registry.example/files/0123456789abcdef"),
            ("a", "1.0.0", "https://registry.example/a/-/a-latest.tgz"),
            ("a", "1.0.0", "git+ssh://git@git.example/a.git#0123"),
            ("a", "1.0.0", "file:../a"),
            ("a", "", "https://registry.example/a/-/a-1.0.0.tgz"),
        ] {
            assert_eq!(other(name, version, resolved), None, "{name} {version} {resolved}");
        }
    }

    #[test]
    fn an_address_of_something_else_is_what_npm_installs() {
        let registry = "https://registry.example";
        for (resolved, expected) in [
            ("/b/-/b-1.0.0.tgz", "b@1.0.0"),
            ("/a/-/a-2.0.0.tgz", "a@2.0.0"),
            ("/@s/a/-/a-1.0.0.tgz", "@s/a@1.0.0"),
            ("/a/-/b-2.0.0.tgz", "b@2.0.0"),
            ("/a/-/../../b/-/b-1.0.0.tgz", "b@1.0.0"),
            ("/a/-/%2e%2e/../b/-/b-1.0.0.tgz", "b@1.0.0"),
            ("/b\\-\\b-1.0.0.tgz", "b@1.0.0"),
            ("/b/-/b-1.0.0.tgz#/a/-/a-1.0.0.tgz", "b@1.0.0"),
            ("/b/-/b-1.0.0.tgz?/a/-/a-1.0.0.tgz", "b@1.0.0"),
            ("/b/-/b-1.0\t.0.tgz", "b@1.0.0"),
            ("/%62/-/b-1.0.0.tgz", "b@1.0.0"),
            ("/download/@s/a/1.0.0/0123", "@s/a@1.0.0"),
        ] {
            assert_eq!(other("a", "1.0.0", &format!("{registry}{resolved}")).as_deref(), Some(expected), "{resolved}");
        }
    }

    #[test]
    fn a_range_in_the_place_of_a_commit_is_told() {
        for fragment in ["semver:1.0.0", "semver%3A1.0.0", "path:x::semver:1.0.0"] {
            let address = format!("git+https://git.example/a.git#{fragment}");
            assert_eq!(other("a", "2.0.0", &address).as_deref(), Some("a@1.0.0"), "{fragment}");
        }
        let range = contradiction("a", "2.0.0", "git+https://git.example/a.git#semver:^1.0.0");
        assert!(matches!(range, Some(Doubt::Contradiction { other: None, .. })));
        assert_eq!(contradiction("a", "2.0.0", "git+https://git.example/a.git#0123456"), None);
    }
}
