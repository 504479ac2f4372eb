//! Tags of container images: which stand still, which move within a line of releases, and which follow whatever is newest.
//!
//! A tag says what somebody pushed last; only a digest says what runs. How far a tag may move is a convention of those who
//! push it, that of the official images (<https://github.com/docker-library/faq#whats-the-difference-between-shared-and-simple-tags>):
//! `1.27.3` is one release, `1.27` and `1` float over the releases of their line, `latest` and words like it over all.

use crate::model::dependency::{Dependency, Origin};

/// How a reference to an image moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Motion<'a> {
    /// Not at all, as far as can be told: it has a digest, a full version, a date, a commit, or a tag that says nothing.
    Fixed,
    /// Over the releases of a line: `20` of `20-alpine`, `bookworm`.
    Line(&'a str),
    /// Over everything: the word, `latest` where none is written.
    Everything(&'a str),
}

/// Tags, alone or before a variant, that stand for the newest build of something.
const NEWEST: [&str; 24] = [
    "beta",
    "canary",
    "current",
    "dev",
    "develop",
    "development",
    "edge",
    "experimental",
    "head",
    "insiders",
    "latest",
    "lts",
    "main",
    "mainline",
    "master",
    "next",
    "nightly",
    "oldstable",
    "preview",
    "rolling",
    "snapshot",
    "stable",
    "trunk",
    "unstable",
];

/// Words behind a version that make it a line's newest build all the same.
const NEWEST_OF: [&str; 4] = ["edge", "latest", "nightly", "snapshot"];

/// What official images are built on; alone it is the newest version on that base.
const VARIANTS: [&str; 6] = ["alpine", "slim", "bullseye", "bookworm", "trixie", "buster"];

/// Images that have a release of an operating system as their version.
const SYSTEMS: [&str; 3] = ["debian", "ubuntu", "buildpack-deps"];

/// How the image of a dependency moves; `None` when it is no image, or the empty one.
pub(in crate::check) fn motion(dependency: &Dependency) -> Option<Motion<'_>> {
    let Origin::Image { tag, digest } = &dependency.origin else { return None };
    if dependency.name == "scratch" {
        return None;
    }
    if digest.is_some() {
        return Some(Motion::Fixed);
    }
    let Some(tag) = tag.as_deref() else { return Some(Motion::Everything("latest")) };
    Some(motion_of(&dependency.name, tag))
}

fn motion_of<'a>(image: &str, tag: &'a str) -> Motion<'a> {
    let is_word = |words: &[&str], word: &str| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    let first = tag.split('-').next().unwrap_or(tag);
    let last = tag.rsplit('-').next().unwrap_or(tag);
    if tag.split(['-', '.', '_', '+']).any(is_build) || is_date(tag) {
        return Motion::Fixed;
    }
    if is_word(&NEWEST, first) {
        return Motion::Everything(first);
    }
    let numbers = leading_numbers(first);
    if numbers < 3 && is_word(&NEWEST_OF, last) {
        return Motion::Everything(last);
    }
    let is_system = SYSTEMS.contains(&last_component(image));
    if is_word(&VARIANTS, first) {
        return if is_system { Motion::Line(first) } else { Motion::Everything(first) };
    }
    match numbers {
        1 | 2 => Motion::Line(first),
        _ => Motion::Fixed,
    }
}

/// The name of an image without its registry and owner.
pub(in crate::check) fn last_component(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

/// How many numbers a version such as `1.27` or `v20` has; 0 when it is something else.
fn leading_numbers(version: &str) -> usize {
    let version = version.strip_prefix('v').unwrap_or(version);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = version.split('.').collect();
    if parts.iter().copied().all(is_number) { parts.len() } else { 0 }
}

/// A build's own mark: a day (`20240115`) or the digits of a commit.
fn is_build(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let all_hexadecimal = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hexadecimal && digits > 0 && (part.len() >= 7 || (part.len() == 6 && digits == 6))
}

/// `2024-01-15`, alone or in front of something.
fn is_date(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let mut is_number = |digits: usize| {
        parts.next().is_some_and(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_number(4) && is_number(2) && is_number(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_how_far_it_moves() {
        for (image, tag, expected) in [
            ("nginx", "latest", Motion::Everything("latest")),
            ("node", "lts-alpine", Motion::Everything("lts")),
            ("acme/app", "main", Motion::Everything("main")),
            ("acme/app", "18-nightly", Motion::Everything("nightly")),
            ("node", "alpine", Motion::Everything("alpine")),
            ("debian", "bookworm-slim", Motion::Line("bookworm")),
            ("node", "20", Motion::Line("20")),
            ("nginx", "1.27-alpine", Motion::Line("1.27")),
            ("alpine", "3.19", Motion::Line("3.19")),
            ("acme/app", "v2", Motion::Line("v2")),
            ("nginx", "1.27.3", Motion::Fixed),
            ("nginx", "1.27.3-alpine3.20", Motion::Fixed),
            ("acme/app", "1.2.3-beta", Motion::Fixed),
            ("ubuntu", "jammy-20240111", Motion::Fixed),
            ("acme/app", "2024-01-15", Motion::Fixed),
            ("acme/app", "main-3f2a91c", Motion::Fixed),
            ("acme/app", "202401", Motion::Fixed),
            ("eclipse-temurin", "8u302", Motion::Fixed),
            ("eclipse-temurin", "21.0.2_13-jre", Motion::Fixed),
        ] {
            assert_eq!(motion_of(image, tag), expected, "{image}:{tag}");
        }
    }
}
