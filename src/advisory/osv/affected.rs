//! The entries of an OSV record: packages with their versions, and repositories with their tags and commits.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::wire::{WireAffected, WireEvent, WirePackage, WireRange};
use crate::model::advisory::{Affected, AffectedRange, RangeEvent};
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// What an entry says about repositories: for each, the commits that its events name.
#[derive(Default)]
struct Commits {
    affected: BTreeSet<String>,
    /// Where the flaw is gone, or where the range ends before.
    safe: BTreeSet<String>,
}

/// The packages and repositories of an entry that are known here. `is_partial` is set when a part of it cannot be used.
///
/// Commits cannot be ordered without the repository, so that a GIT range is not a range here: it becomes an entry of
/// [`Ecosystem::Git`] about the repository, whose versions are the entry's own (which osv.dev fills with the affected tags)
/// and the commits at which the flaw came or was last seen. A commit at which it is fixed, or before which the range
/// ends, is never one of them.
pub(super) fn affected(entry: WireAffected, is_partial: &mut bool) -> Vec<Affected> {
    let mut ranges = Vec::new();
    let mut repositories: BTreeMap<String, Commits> = BTreeMap::new();
    *is_partial |= entry.ranges.is_cut || entry.versions.is_cut;
    for range in entry.ranges.items {
        if range.events.is_cut {
            // With some of its events, a range would say the contrary of what it says.
            *is_partial = true;
            continue;
        }
        match range.kind.as_deref() {
            Some("SEMVER" | "ECOSYSTEM") | None => {
                ranges.push(AffectedRange { events: range.events.items.into_iter().flat_map(events).collect() });
            }
            Some("GIT") => collect_commits(range, &mut repositories),
            Some(_) => *is_partial = true,
        }
    }
    let versions = entry.versions.items;
    let mut all: Vec<Affected> = repositories
        .into_iter()
        .filter_map(|(repository, commits)| entry_of_repository(repository, &commits, &versions))
        .collect();
    if let Some((ecosystem, release, package)) = entry.package.and_then(package_of) {
        if let Some(bound) = entry.database_specific.last_known_affected() {
            for range in &mut ranges {
                close(ecosystem, range, bound);
            }
        }
        all.insert(0, Affected { ecosystem, release, package, ranges, versions });
    }
    all
}

fn package_of(package: WirePackage) -> Option<(Ecosystem, Option<String>, String)> {
    let (ecosystem, release) = ecosystem_of(&package.ecosystem?)?;
    Some((ecosystem, release, package.name?))
}

/// The ecosystem, and the release where it is one of an operating system: `Debian:12`, `Ubuntu:22.04:LTS`,
/// `Red Hat:enterprise_linux:9::appstream`. Behind `Packagist:` and `Maven:` stands the address of another repository,
/// whose packages have names of the same space.
fn ecosystem_of(text: &str) -> Option<(Ecosystem, Option<String>)> {
    let (name, suffix) = text.split_once(':').map_or((text, None), |(name, suffix)| (name, Some(suffix)));
    let ecosystem: Ecosystem = name.parse().ok()?;
    match suffix.map(str::trim).filter(|suffix| !suffix.is_empty()) {
        None => Some((ecosystem, None)),
        Some(release) if ecosystem.is_system() => Some((ecosystem, Some(release.to_owned()))),
        Some(address) if address.starts_with("https://") || address.starts_with("http://") => Some((ecosystem, None)),
        Some(_) => None,
    }
}

fn events(event: WireEvent) -> impl Iterator<Item = RangeEvent> {
    // The schema demands one of them per object; several are taken as several.
    [
        event.introduced.map(RangeEvent::Introduced),
        event.fixed.map(RangeEvent::Fixed),
        event.last_affected.map(RangeEvent::LastAffected),
        event.limit.map(RangeEvent::Limit),
    ]
    .into_iter()
    .flatten()
}

/// Closes a range that has only a beginning at the last version that GitHub knows to be affected. Its exports write that
/// beside the range instead of into it (<https://github.com/github/advisory-database/issues/470>). A bound below the
/// beginning, or one that cannot be ordered, is about something else and changes nothing.
///
/// `< 1.2.3` becomes a limit and not a fix: nobody says that 1.2.3 fixes anything.
fn close(ecosystem: Ecosystem, range: &mut AffectedRange, bound: &str) {
    let [RangeEvent::Introduced(introduced)] = range.events.as_slice() else { return };
    let bound = bound.rsplit(',').next().unwrap_or(bound).trim();
    let (event, text): (fn(String) -> RangeEvent, &str) = if let Some(version) = bound.strip_prefix("<=") {
        (RangeEvent::LastAffected, version)
    } else if let Some(version) = bound.strip_prefix('<') {
        (RangeEvent::Limit, version)
    } else if let Some(version) = bound.strip_prefix('=') {
        (RangeEvent::LastAffected, version)
    } else {
        return;
    };
    let text = text.trim();
    // Against itself the order says whether the version has a place at all.
    let from = if introduced == "0" { text } else { introduced };
    let order = version::compare(ecosystem, from, text);
    let is_above = match order {
        Ok(Ordering::Less) => true,
        Ok(Ordering::Equal) => introduced == "0" || matches!(event(String::new()), RangeEvent::LastAffected(_)),
        Ok(Ordering::Greater) | Err(_) => false,
    };
    if is_above {
        range.events.push(event(text.to_owned()));
    }
}

fn collect_commits(range: WireRange, repositories: &mut BTreeMap<String, Commits>) {
    let Some(repository) = range.repo.as_deref().and_then(repository_of) else { return };
    let commits = repositories.entry(repository).or_default();
    for event in range.events.items {
        commits.affected.extend([event.introduced, event.last_affected].into_iter().flatten().filter_map(commit_of));
        commits.safe.extend([event.fixed, event.limit].into_iter().flatten().filter_map(commit_of));
    }
}

/// `host/path`; `None` for text that names no repository of a host.
fn repository_of(address: &str) -> Option<String> {
    let name = Ecosystem::Git.normalise(address);
    let (host, path) = name.split_once('/')?;
    let is_host = host.starts_with(|first: char| first.is_ascii_alphanumeric()) && host.contains('.');
    (is_host && !path.is_empty() && !path.split('/').any(|part| part == "..")).then(|| name.into_owned())
}

/// A whole commit id, SHA-1 or SHA-256; `0`, the beginning, is none.
fn commit_of(mut text: String) -> Option<String> {
    text.make_ascii_lowercase();
    (matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

fn entry_of_repository(repository: String, commits: &Commits, tags: &[String]) -> Option<Affected> {
    let safe = |version: &str| commits.safe.contains(version);
    let tags = tags.iter().filter(|tag| !safe(tag)).cloned();
    let versions: Vec<_> = tags.chain(commits.affected.difference(&commits.safe).cloned()).collect();
    (!versions.is_empty()).then(|| Affected {
        ecosystem: Ecosystem::Git,
        release: None,
        package: repository,
        ranges: Vec::new(),
        versions,
    })
}
