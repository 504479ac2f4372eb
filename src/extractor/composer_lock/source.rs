//! What a package of composer.lock says about its source and its archive, next to each other.
//!
//! Composer installs the archive (`dist`) of a release and the repository (`source`) of a branch, by its own preference, so
//! that the two have to be the same commit of the same repository (<https://getcomposer.org/doc/06-config.md#preferred-install>).

use super::super::contract::json::Node;
use super::super::contract::sources::{Sources, host};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;
use crate::version;

/// What contradicts itself in the entry of a package at a version.
pub(super) fn doubts(entry: &Node<'_>, (name, version): (&str, &str)) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for (what, key) in [("source", "source"), ("archive", "dist")] {
        let reference = entry.get(key).and_then(|place| place.text_at("reference")).unwrap_or_default();
        if let Some(tag) = other_release(reference, version) {
            doubts.push(Doubt::contradiction(format!("its {what} is at the tag {reference}"), Some((name, tag))));
        }
    }
    if let Some(reference) = entry.get("source").and_then(expression) {
        let reason = format!("its source is at `{reference}`, which is neither a commit nor a tag");
        doubts.push(Doubt::contradiction(reason, leading_release(reference).map(|release| (name, release))));
    }
    let address = entry.get("dist").and_then(|dist| dist.text_at("url")).unwrap_or_default();
    if let Some(tag) = named_tag(address) {
        if is_expression(&tag) {
            let reason = format!("its archive is that of `{tag}`, which is neither a commit nor a tag");
            doubts.push(Doubt::contradiction(reason, leading_release(&tag).map(|release| (name, release))));
        } else if let Some(release) = other_release(&tag, version) {
            doubts.push(Doubt::contradiction(format!("its archive is that of the tag {tag}"), Some((name, release))));
        }
    }
    let (Some(source), Some(dist)) = (entry.get("source"), entry.get("dist")) else { return doubts };
    let commit = |place: &Node<'_>| place.text_at("reference").and_then(|text| CommitId::new(text).ok());
    let (source_commit, dist_commit) = (commit(source), commit(dist));
    if let (Some(source), Some(dist)) = (&source_commit, &dist_commit)
        && source != dist
    {
        doubts.push(Doubt::contradiction(format!("its archive is at {dist}, its source at {source}"), None));
    }
    let address = dist.text_at("url").unwrap_or_default();
    if let (Some(dist), Some(named)) = (&dist_commit, named_commit(address))
        && dist.as_str() != named
    {
        doubts.push(Doubt::contradiction(format!("its archive is named as {dist}, and is {named}"), None));
    }
    if let (Some(own), Some(other)) = (source.text_at("url").and_then(repository), archived_repository(address))
        && !own.eq_ignore_ascii_case(&other)
    {
        doubts.push(Doubt::contradiction(format!("its archive is that of {other}, its source is {own}"), None));
    }
    doubts
}

/// The reference of a source where it is an expression that the tool of the repository works out.
fn expression<'a>(source: &'a Node<'_>) -> Option<&'a str> {
    // These name folders and revisions in one, as `/tags/1.0.0/@17`.
    if matches!(source.text_at("type"), Some("svn" | "perforce")) {
        return None;
    }
    source.text_at("reference").filter(|reference| is_expression(reference))
}

/// Whether a reference is more than a name: no branch or tag has these signs (<https://git-scm.com/docs/git-check-ref-format>),
/// and `git checkout` takes them for the way to a commit (<https://git-scm.com/docs/gitrevisions>), as it does what
/// `git describe` prints and a commit in short.
fn is_expression(reference: &str) -> bool {
    let is_sign = |sign: char| "~^:?*[\\".contains(sign) || sign.is_whitespace() || sign.is_control();
    let is_hexadecimal = |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_short = is_hexadecimal(reference)
        && (7..40).contains(&reference.len())
        && reference.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_described = reference.rsplit_once("-g").is_some_and(|(before, commit)| {
        let count = before.rsplit_once('-').map_or("", |(_, count)| count);
        is_hexadecimal(commit) && !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())
    });
    reference.contains(is_sign)
        || reference.contains("..")
        || reference.contains("@{")
        || reference.starts_with('-')
        || matches!(reference, "@" | "HEAD")
        || is_short
        || is_described
}

/// The release that an expression begins with: `1.0.0` of `v1.0.0~0`.
fn leading_release(expression: &str) -> Option<&str> {
    let name = expression.strip_prefix("refs/").unwrap_or(expression);
    let name = name.strip_prefix("tags/").unwrap_or(name);
    let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
    let end = name.find(|next: char| !(next.is_ascii_alphanumeric() || ".-+_".contains(next))).unwrap_or(name.len());
    let release = name.get(..end)?;
    version::parse(Ecosystem::Packagist, release).is_ok().then_some(release)
}

/// What an address of a host of repositories names behind `zipball/`, `zip/`, `archive/` and the like, or as `sha=`; nothing
/// where that is a commit.
fn named_tag(address: &str) -> Option<String> {
    const KINDS: [&str; 7] =
        ["/zipball/", "/tarball/", "/legacy.zip/", "/legacy.tar.gz/", "/zip/", "/tar.gz/", "/archive/"];
    const ENDS: [&str; 4] = [".zip", ".tar.gz", ".tgz", ".tar"];
    let address = address.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let asked = query.split('&').find_map(|part| part.strip_prefix("sha=").or_else(|| part.strip_prefix("ref=")));
    let in_path = || {
        let behind = KINDS.iter().find_map(|kind| path.split_once(kind).map(|(_, rest)| rest))?;
        Some(ENDS.iter().find_map(|end| behind.strip_suffix(end)).unwrap_or(behind))
    };
    let written = asked.or_else(in_path)?;
    let decoded = percent_encoding::percent_decode_str(written).decode_utf8().ok()?;
    let tag = decoded.strip_prefix("refs/tags/").or_else(|| decoded.strip_prefix("tags/")).unwrap_or(&decoded);
    // GitLab has the name of the archive behind the tag.
    let tag = if path.contains("/-/archive/") { tag.split('/').next().unwrap_or(tag) } else { tag };
    (!tag.is_empty() && CommitId::new(tag).is_err()).then(|| tag.to_owned())
}

/// The version that a reference names as a tag, where that is another one: Composer checks the reference out. Only plain
/// numbers are compared; `8.x-1.3` and the like count in a way of their own.
fn other_release<'r>(reference: &'r str, version: &str) -> Option<&'r str> {
    let tag = reference.strip_prefix("refs/tags/").or_else(|| reference.strip_prefix("tags/")).unwrap_or(reference);
    let plain = |text: &str| {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        numbers.contains('.') && numbers.split('.').all(|part| part.len() < 10 && part.parse::<u32>().is_ok())
    };
    let number = |text: &'r str| text.strip_prefix(['v', 'V']).unwrap_or(text);
    let own = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let is_other = || version::compare(Ecosystem::Packagist, number(tag), own).is_ok_and(std::cmp::Ordering::is_ne);
    (plain(number(tag)) && plain(own) && is_other()).then(|| number(tag))
}

/// Notes from which site the archive of an entry comes: a repository's host serves archives under other names of its own.
pub(super) fn note(sources: &mut Sources, position: usize, entry: &Node<'_>) {
    let address = entry.get("dist").and_then(|dist| dist.text_at("url"));
    if let Some(host) = address.and_then(host) {
        sources.note_host(position, site(host));
    }
}

/// The last two names of a host: `api.host.example` serves what `host.example` has.
fn site(host: &str) -> &str {
    let host = host.split(':').next().unwrap_or(host);
    match host.rmatch_indices('.').nth(1) {
        Some((dot, _)) => host.get(dot + 1..).unwrap_or(host),
        None => host,
    }
}

/// The commit that an address holds, where it holds one.
fn named_commit(address: &str) -> Option<&str> {
    address
        .split(['/', '?', '=', '&', '#'])
        .map(|part| part.split('.').next().unwrap_or(part))
        .find(|part| part.len() == 40 && CommitId::new(part).is_ok())
}

/// `owner/name` of `https://host/owner/name.git`.
fn repository(url: &str) -> Option<String> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.split('/').count() == 2).then(|| path.to_owned())
}

/// `owner/name` of `https://api.host/repos/owner/name/zipball/commit`.
fn archived_repository(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("/repos/")?;
    let mut parts = rest.split('/');
    let (owner, name, kind) = (parts.next()?, parts.next()?, parts.next()?);
    matches!(kind, "zipball" | "tarball").then(|| format!("{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_that_of_its_source() {
        let (one, two) = ("a".repeat(40), "b".repeat(40));
        let of = |source: (&str, &str), dist: (&str, &str)| {
            let text = format!(
                r#"{{"source": {{"url": "{}", "reference": "{}"}}, "dist": {{"url": "{}", "reference": "{}"}}}}"#,
                source.0, source.1, dist.0, dist.1
            );
            doubts(&Node::parse(&text).expect("JSON"), ("acme/a", "1.0.0")).len()
        };
        let source = "https://host.example/acme/a.git";
        let archive = |name: &str, commit: &str| format!("https://api.host.example/repos/{name}/zipball/{commit}");
        assert_eq!(of((source, &one), (&archive("acme/a", &one), &one)), 0);
        assert_eq!(of((source, &one), (&archive("Acme/A", &one), &one)), 0);
        assert_eq!(of((source, &one), ("https://mirror.example/a-1.0.0.zip", &one)), 0);
        assert_eq!(of((source, "1.0.0"), ("https://mirror.example/a-1.0.0.zip", "")), 0);
        assert_eq!(of((source, &one), (&archive("acme/b", &one), &one)), 1);
        assert_eq!(of((source, &one), (&archive("acme/a", &two), &one)), 1);
        assert_eq!(of((source, &one), (&archive("acme/a", &two), &two)), 1);
    }

    #[test]
    fn a_reference_that_is_a_tag_is_one_of_the_version() {
        for (reference, version, expected) in [
            ("v1.2.0", "2.0.0", Some("1.2.0")),
            ("tags/1.2.0", "2.0.0", Some("1.2.0")),
            ("refs/tags/v2.0.0-rc1", "2.0.0", Some("2.0.0-rc1")),
            ("1.2", "v1.2.0", None),
            ("v2.0.0", "2.0.0", None),
            ("8.x-1.3", "1.3.0", None),
            ("0123456789012345678901234567890123456789", "1.0.0", None),
            ("v1.2.0", "dev-main", None),
            ("main", "1.0.0", None),
            ("20240101", "1.0.0", None),
            ("", "1.0.0", None),
        ] {
            assert_eq!(other_release(reference, version), expected, "{reference} {version}");
        }
        let text = r#"{"dist": {"url": "https://mirror.example/a.zip", "reference": "v1.2.0"}}"#;
        let found = doubts(&Node::parse(text).expect("JSON"), ("acme/a", "2.0.0"));
        assert_eq!(found, [Doubt::contradiction("its archive is at the tag v1.2.0", Some(("acme/a", "1.2.0")))]);
    }

    #[test]
    fn an_expression_or_an_archive_of_another_tag_is_a_contradiction() {
        let of = |source: &str, address: &str| {
            let text = format!(
                r#"{{"source": {{"type": "git", "url": "https://host.example/acme/a.git", "reference": "{source}"}}, "dist": {{"url": "{address}"}}}}"#
            );
            doubts(&Node::parse(&text).expect("JSON"), ("acme/a", "2.0.0"))
        };
        for source in
            ["v1.0.0~0", "v1.0.0^{}", "v1.0.0^0", ":/1", "HEAD", "v1.0.0-0-g0123456", "abcdef0", "main@{1}", "a..b"]
        {
            let found = of(source, "");
            assert!(!found.is_empty(), "{source}");
        }
        let other = Doubt::contradiction(
            "its source is at `v1.0.0~0`, which is neither a commit nor a tag",
            Some(("acme/a", "1.0.0")),
        );
        assert_eq!(of("v1.0.0~0", ""), [other]);
        for reference in ["v2.0.0", "refs/tags/2.0.0", "8.x-1.3", "release-2", "", "20240101", &"a1".repeat(20)] {
            assert!(of(reference, "").is_empty(), "{reference}");
        }
        for (address, count) in [
            ("https://codeload.host.example/acme/a/zip/refs/tags/v1.0.0", 1),
            ("https://host.example/acme/a/archive/refs/tags/1.0.0.zip", 1),
            ("https://host.example/acme/a/archive/v1.0.0.tar.gz", 1),
            ("https://api.host.example/repos/acme/a/zipball/refs/tags/v1.0.0", 1),
            ("https://api.host.example/repos/acme/a/zipball/v1%2E0.0", 1),
            ("https://api.host.example/repos/acme/a/zipball/v1.0.0~0", 1),
            ("https://host.example/api/v4/projects/1/repository/archive.zip?sha=v1.0.0", 1),
            ("https://host.example/acme/a/-/archive/v1.0.0/a-v1.0.0.zip", 1),
            ("https://host.example/acme/a/-/archive/v2.0.0/a-v2.0.0.zip", 0),
            ("https://api.host.example/repos/acme/a/zipball/v2.0.0", 0),
            ("https://host.example/acme/a/archive/main.zip", 0),
            ("https://mirror.example/acme/a/a-acme-1.0.zip", 0),
        ] {
            assert_eq!(of("v2.0.0", address).len(), count, "{address}");
        }
    }

    #[test]
    fn hosts_of_one_site_are_known_by_their_last_names() {
        for (host, expected) in
            [("api.host.example", "host.example"), ("host.example:443", "host.example"), ("localhost", "localhost")]
        {
            assert_eq!(site(host), expected);
        }
    }
}
