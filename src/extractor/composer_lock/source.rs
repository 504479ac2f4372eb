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
    fn hosts_of_one_site_are_known_by_their_last_names() {
        for (host, expected) in
            [("api.host.example", "host.example"), ("host.example:443", "host.example"), ("localhost", "localhost")]
        {
            assert_eq!(site(host), expected);
        }
    }
}
