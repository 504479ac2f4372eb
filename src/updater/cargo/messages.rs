//! What Cargo says, by the forms of its messages (1.95); `[]` stands for parts that are not always there:
//!
//! ```text
//! error: failed to select a version for [the requirement] `S[ = "REQ"]`[ (locked to v)]
//! required by package `A v1[ (path)]`
//!     ... which satisfies [path ][git ]dependency `A = "^1"` [(locked to v)] of package `B v2 [(path)]`
//! versions that meet the requirements `REQ`[ (locked to v)] are: v, v
//!   previously selected package `S vOLD`
//! error: no matching package named `X` found
//! error: package ID specification `X@V` did not match any packages
//! error: failed to get `X` as a dependency of package `A v1 [(path)]`
//! error: failed to load manifest for workspace member `path`
//! error: failed to parse manifest at `path`
//! ```

use super::super::contract::{Reason, Said, Sibling, between, package, requirement, version};
use crate::model::ecosystem::Ecosystem;
use crate::sandbox::words;

const ECOSYSTEM: Ecosystem = Ecosystem::CratesIo;

/// Reads the messages of a run that failed.
pub(super) fn read(messages: &str) -> Said {
    if messages.contains("--locked was passed") {
        return Said::because(Reason::Stale);
    }
    let mut said = Said { reason: reason(messages), siblings: siblings(messages), ..Said::default() };
    let mut wanted = "";
    for line in messages.lines().map(str::trim) {
        // Either the requirement that nothing meets, or the link to the next parent.
        if let Some(rest) = between(line, "requirement `", "`").or_else(|| between(line, "dependency `", "`")) {
            wanted = rest.split_once(" = ").map_or("", |(_, wanted)| wanted.trim_matches('"'));
        }
        let parent = between(line, "required by package `", "`").or_else(|| between(line, "of package `", "`"));
        if let Some((name, version)) = parent.and_then(|text| text.split_once(" v")) {
            let version = version.split(' ').next().unwrap_or(version);
            said.link(ECOSYSTEM, (name, version, std::mem::take(&mut wanted)));
        }
    }
    if matches!(said.reason, Some(Reason::Unreachable | Reason::NotLoaded(_) | Reason::Manifest)) {
        // The same words lead to what cannot be read; nobody stands in the way.
        said.chain.clear();
        said.siblings.clear();
    }
    said
}

/// The locked packages that stand in the way, with what they would have to meet.
fn siblings(messages: &str) -> Vec<Sibling> {
    let mut found: Vec<Sibling> = Vec::new();
    let mut asked = "";
    let mut wanted: Vec<String> = Vec::new();
    for line in messages.lines().map(str::trim) {
        if let Some(name) = between(line, "failed to select a version for `", "`") {
            asked = name;
        }
        if let Some(range) = between(line, "versions that meet the requirements `", "`") {
            wanted.extend(requirement(ECOSYSTEM, range));
        }
        let mut note = |name: &str, locked: &str, wanted: Vec<String>| {
            let locked = locked.split(' ').next().unwrap_or(locked);
            let known = package(ECOSYSTEM, name).zip(version(ECOSYSTEM, locked));
            if let Some((package, version)) = known
                && !found.iter().any(|it| it.package == package && it.version == version)
            {
                found.push(Sibling { package, version, wanted });
            }
        };
        if let Some((name, locked)) =
            between(line, "previously selected package `", "`").and_then(|text| text.split_once(" v"))
            && name == asked
        {
            note(name, locked, wanted.clone());
        }
        if let Some((name, range)) = between(line, "for the requirement `", "`").and_then(|text| text.split_once(" = "))
            && let Some(locked) = between(line, "(locked to ", ")")
        {
            let range = requirement(ECOSYSTEM, range.trim_matches('"'));
            note(name, locked, range.into_iter().collect());
        }
    }
    found
}

/// The first line that has a known form.
fn reason(messages: &str) -> Option<Reason> {
    if words::say_unreachable(messages) {
        return Some(Reason::Unreachable);
    }
    messages.lines().map(str::trim).find_map(|line| {
        let named = |before: &str| between(line, before, "`").and_then(|text| package(ECOSYSTEM, text));
        if let Some(asked) = between(line, "failed to select a version for the requirement `", "`") {
            let (name, wanted) = asked.split_once(" = ").unwrap_or((asked, "*"));
            let wanted = requirement(ECOSYSTEM, wanted.trim_matches('"'));
            return package(ECOSYSTEM, name).zip(wanted).map(|(name, wanted)| Reason::NoRelease(name, wanted));
        }
        if let Some(name) = named("failed to select a version for `") {
            return Some(Reason::Conflict(Some(name)));
        }
        if let Some(name) = named("no matching package named `") {
            return Some(Reason::NoPackage(name));
        }
        if let Some(asked) = between(line, "package ID specification `", "`")
            && line.contains("did not match any packages")
        {
            return package(ECOSYSTEM, asked.split('@').next().unwrap_or(asked)).map(Reason::NotLocked);
        }
        if let Some(name) = named("failed to get `").or_else(|| named("failed to load source for dependency `")) {
            return Some(Reason::NotLoaded(name));
        }
        let manifest =
            ["failed to parse manifest at `", "failed to load manifest for workspace member `", "failed to read `"];
        manifest.iter().any(|words| line.contains(words)).then_some(Reason::Manifest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(said: &Said) -> Vec<String> {
        said.chain.iter().map(|link| format!("{} {}", link.parent, link.requirement)).collect()
    }

    #[test]
    fn the_chain_is_read_from_what_cargo_says() {
        let said = read(
            "error: failed to select a version for the requirement `time = \"^0.1.43\"`\n\
            candidate versions found which didn't match: 0.2.23\nlocation searched: crates.io index\n\
            required by package `chrono v0.4.19`\n    \
            ... which satisfies dependency `chrono = \"^0.4\"` (locked to 0.4.19) of package `app v0.1.0 (/scratch)`\n",
        );
        assert_eq!(chain(&said), ["chrono@0.4.19 ^0.1.43", "app@0.1.0 ^0.4"]);
        assert_eq!(said.reason, Some(Reason::NoRelease("time".to_owned(), "^0.1.43".to_owned())));
    }

    #[test]
    fn what_stands_in_the_way_is_named_with_what_it_would_have_to_meet() {
        let said = read(
            "error: failed to select a version for `smallvec`.\n    ... required by package `idna v1.0.3`\n    \
            ... which satisfies dependency `idna = \"^1\"` of package `url v2.5.4`\n\
            versions that meet the requirements `^1.13.1` are: 1.15.1, 1.13.1\n\n\
            all possible versions conflict with previously selected packages.\n\n  \
            previously selected package `smallvec v1.7.0`\n    ... which satisfies dependency `smallvec = \"^1.6\"` \
            (locked to 1.7.0) of package `app v0.1.0 (/scratch)`\n",
        );
        let wanted = vec!["^1.13.1".to_owned()];
        let expected = Sibling { package: "smallvec".to_owned(), version: "1.7.0".to_owned(), wanted };
        assert_eq!(said.siblings, [expected]);
    }

    #[test]
    fn every_known_form_has_its_reason() {
        let name = || "serde".to_owned();
        for (messages, expected) in [
            ("error: failed to select a version for `serde`.", Reason::Conflict(Some(name()))),
            ("error: no matching package named `serde` found", Reason::NoPackage(name())),
            ("error: package ID specification `serde@1.0.0` did not match any packages", Reason::NotLocked(name())),
            (
                "error: failed to get `serde` as a dependency of package `shop v0.1.0 (/scratch)`",
                Reason::NotLoaded(name()),
            ),
            ("error: failed to parse manifest at `/x/Cargo.toml`", Reason::Manifest),
            ("error: cannot update the lock file /x/Cargo.lock because --locked was passed", Reason::Stale),
            ("warning: spurious network error (1 try remaining): [6] Could not resolve host", Reason::Unreachable),
        ] {
            assert_eq!(read(messages).reason, Some(expected), "{messages}");
        }
    }

    #[test]
    fn what_has_no_known_form_is_not_told() {
        // A line of a file that a link led to, as Cargo shows it.
        let secret = "error: key with no value, expected `=`\n --> ../../git/checkouts/x/Cargo.toml:1:10\n  |\n\
            1 | root:x:0:0:SECRET:/root\n  |          ^\n";
        assert_eq!(read(secret), Said::default());
        for forged in [
            "error: no matching package named `<img src=x>` found",
            "error: failed to select a version for the requirement `a = \"::error::x\"`",
            "required by package `@octocat v1.0.0`",
            "required by package `a v$(id)`",
        ] {
            assert_eq!(read(forged), Said::default(), "{forged}");
        }
    }
}
