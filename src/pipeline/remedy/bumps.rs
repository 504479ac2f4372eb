//! Bumps: what moved between two readings of a lockfile.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;
use crate::version;

/// One difference between two readings of a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shift {
    /// A locked version became another one, or went away.
    Moved { package: String, from: String, to: Option<String> },
    /// A package (or one more version of it) is new.
    Added { package: String, version: String },
}

impl Shift {
    pub(super) fn package(&self) -> &str {
        match self {
            Self::Moved { package, .. } | Self::Added { package, .. } => package,
        }
    }
}

/// Every difference, sorted. A version that went away is paired with the one that those who required it require now; where
/// nobody is known, lowest with lowest, so that nothing seems to go down that did not.
pub(super) fn shifts(ecosystem: Ecosystem, before: &Lockfile, after: &Lockfile) -> Vec<Shift> {
    let (before, after) = (versions(before), versions(after));
    let nothing = Versions::new();
    let packages: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut shifts = Vec::new();
    for package in packages {
        let old = before.get(package).unwrap_or(&nothing);
        let new = after.get(package).unwrap_or(&nothing);
        let gone = sorted(ecosystem, old.keys().filter(|version| !new.contains_key(*version)));
        let mut come = sorted(ecosystem, new.keys().filter(|version| !old.contains_key(*version)));
        let here = sorted(ecosystem, new.keys());
        for from in gone {
            let askers = &old[&from];
            let is_heir = |to: &&String| new.get(*to).is_some_and(|now| !now.is_disjoint(askers));
            let is_above = |to: &&String| version::compare(ecosystem, to, &from).is_ok_and(Ordering::is_gt);
            let to = if askers.is_empty() {
                let beside = || here.iter().find(is_above).or(come.first());
                come.iter().find(is_above).or_else(beside)
            } else {
                let heirs = |among: &[String]| -> Option<String> {
                    let heirs: Vec<&String> = among.iter().filter(is_heir).collect();
                    heirs.iter().find(|to| is_above(to)).or(heirs.first()).map(|to| (*to).clone())
                };
                // It may have moved onto a version that another parent uses already; one below was there for itself.
                heirs(&come)
                    .or_else(|| heirs(&here).filter(|to| is_above(&to)))
                    .as_ref()
                    .and_then(|to| here.iter().find(|it| *it == to))
            };
            let to = to.cloned();
            come.retain(|version| Some(version) != to.as_ref());
            shifts.push(Shift::Moved { package: package.clone(), from, to });
        }
        shifts.extend(come.into_iter().map(|version| Shift::Added { package: package.clone(), version }));
    }
    shifts.sort();
    shifts
}

/// The locked versions of a package, each with the names of those that require it; the project's own is empty.
type Versions = BTreeMap<String, BTreeSet<String>>;

fn versions(lockfile: &Lockfile) -> BTreeMap<String, Versions> {
    let mut versions: BTreeMap<String, Versions> = BTreeMap::new();
    for dependency in &lockfile.dependencies {
        let parents = dependency.parents.iter().filter_map(|&parent| lockfile.dependencies.get(parent));
        let askers = parents.map(|parent| parent.name.clone()).chain(dependency.direct.then(String::new));
        let known = versions.entry(dependency.name.clone()).or_default();
        known.entry(dependency.version.clone()).or_default().extend(askers);
    }
    versions
}

fn sorted<'a>(ecosystem: Ecosystem, versions: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut versions: Vec<String> = versions.cloned().collect();
    versions.sort_by(|left, right| version::compare(ecosystem, left, right).unwrap_or(Ordering::Equal));
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::{Dependency, Origin, Scope};
    use crate::model::repository::RepoPath;

    fn lockfile(pins: &[(&str, &str)]) -> Lockfile {
        let dependency = |(name, version): &(&str, &str)| Dependency {
            ecosystem: Ecosystem::Npm,
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            origin: Origin::Registry { url: None },
            scope: Scope::Runtime,
            direct: true,
            parents: Vec::new(),
            requirements: Vec::new(),
            line: 1,
            abandoned: None,
            doubts: Vec::new(),
        };
        let path = RepoPath::new("package-lock.json").unwrap();
        Lockfile::new(path, "package-lock", pins.iter().map(dependency).collect())
    }

    fn told(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
        let tell = |shift: Shift| match shift {
            Shift::Moved { package, from, to } => format!("{package} {from} -> {}", to.unwrap_or_default()),
            Shift::Added { package, version } => format!("{package} + {version}"),
        };
        shifts(Ecosystem::Npm, &lockfile(before), &lockfile(after)).into_iter().map(tell).collect()
    }

    #[test]
    fn instances_of_one_package_are_paired() {
        assert_eq!(
            told(&[("debug", "2.6.8"), ("debug", "3.1.0")], &[("debug", "2.6.9"), ("debug", "3.2.7")]),
            ["debug 2.6.8 -> 2.6.9", "debug 3.1.0 -> 3.2.7"]
        );
        assert_eq!(told(&[("debug", "2.6.8"), ("debug", "4.0.0")], &[("debug", "4.0.0")]), ["debug 2.6.8 -> 4.0.0"]);
        assert_eq!(told(&[("time", "0.1.40")], &[]), ["time 0.1.40 -> "]);
        assert_eq!(told(&[("a", "2.0.0")], &[("a", "1.0.0"), ("b", "1.0.0")]), ["a 2.0.0 -> 1.0.0", "b + 1.0.0"]);
    }

    #[test]
    fn instances_are_paired_by_who_requires_them() {
        let with_parent = |parent: &str, pins: &[(&str, &str)], required: usize| {
            let mut dependencies = lockfile(pins).dependencies.clone();
            dependencies.push(Dependency { name: parent.to_owned(), ..dependencies[0].clone() });
            let position = dependencies.len() - 1;
            if let Some(child) = dependencies.get_mut(required).filter(|_| required < position) {
                child.parents = vec![position];
                child.direct = false;
            }
            Lockfile::new(RepoPath::new("package-lock.json").unwrap(), "package-lock", dependencies)
        };
        // `chrono` no longer needs the first `time`; the project's own moved.
        let before = with_parent("chrono", &[("time", "0.1.45"), ("time", "0.2.22")], 0);
        let after = with_parent("chrono", &[("time", "0.2.23")], 9);
        let told: Vec<Shift> = shifts(Ecosystem::Npm, &before, &after);
        let moved = |from: &str, to: Option<&str>| Shift::Moved {
            package: "time".to_owned(),
            from: from.to_owned(),
            to: to.map(str::to_owned),
        };
        assert!(told.contains(&moved("0.1.45", None)), "{told:?}");
        assert!(told.contains(&moved("0.2.22", Some("0.2.23"))), "{told:?}");
    }
}
