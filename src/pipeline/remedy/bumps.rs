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

/// Every difference, sorted. Versions of one package are paired lowest with lowest, so that nothing seems to go down
/// that did not.
pub(super) fn shifts(ecosystem: Ecosystem, before: &Lockfile, after: &Lockfile) -> Vec<Shift> {
    let (before, after) = (versions(before), versions(after));
    let nothing = BTreeSet::new();
    let packages: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut shifts = Vec::new();
    for package in packages {
        let old = before.get(package).unwrap_or(&nothing);
        let new = after.get(package).unwrap_or(&nothing);
        let gone = sorted(ecosystem, old.difference(new));
        let mut come = sorted(ecosystem, new.difference(old));
        for from in gone {
            let above = come.iter().position(|to| version::compare(ecosystem, to, &from).is_ok_and(Ordering::is_gt));
            let to = match above {
                Some(position) => Some(come.remove(position)),
                // It moved onto a version that another parent uses already.
                None => sorted(ecosystem, new.iter())
                    .into_iter()
                    .find(|to| version::compare(ecosystem, to, &from).is_ok_and(Ordering::is_gt))
                    .or_else(|| (!come.is_empty()).then(|| come.remove(0))),
            };
            shifts.push(Shift::Moved { package: package.clone(), from, to });
        }
        shifts.extend(come.into_iter().map(|version| Shift::Added { package: package.clone(), version }));
    }
    shifts.sort();
    shifts
}

fn versions(lockfile: &Lockfile) -> BTreeMap<String, BTreeSet<String>> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dependency in &lockfile.dependencies {
        versions.entry(dependency.name.clone()).or_default().insert(dependency.version.clone());
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
}
