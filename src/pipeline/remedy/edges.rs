//! Edges: what a changed entry requires is what the registry itself says of that release, whatever a tool's cache held.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::bench::{Bench, State};
use super::failure::Failure;
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::BlockCause;
use crate::registry::RegistryError;

/// Names of packages and what is asked of them.
type Requirements = Vec<(String, String)>;

/// Whether every release of a new entry is one of the registry's and requires nothing else than the registry says.
///
/// Package managers keep what registries answer, and believe it until it changes; one that was tricked by an earlier project
/// may have kept something else. The registry's answer is asked for anew here, without a package manager. Composer is left
/// out: what its repository says is known through Composer only.
pub(super) fn are_the_registrys(bench: &Bench<'_>, before: &State, after: &State) -> Result<(), Failure> {
    if !matches!(bench.ecosystem(), Ecosystem::CratesIo | Ecosystem::Npm) {
        return Ok(());
    }
    let old: BTreeSet<(&str, &str)> = before.lockfile.dependencies.iter().map(key).collect();
    let dependencies = &after.lockfile.dependencies;
    let is_new = |dependency: &Dependency| {
        !old.contains(&key(dependency))
            && matches!(dependency.origin, Origin::Registry { .. })
            && !bench.foreign.contains(&dependency.name)
    };
    let mut known: BTreeMap<(&str, &str), Option<Requirements>> = BTreeMap::new();
    for parent in dependencies.iter().filter(|dependency| is_new(dependency)) {
        if let Entry::Vacant(vacant) = known.entry(key(parent)) {
            vacant.insert(requirements_of(bench, parent)?);
        }
    }
    for child in dependencies {
        for parent in child.parents.iter().filter_map(|&position| dependencies.get(position)) {
            let Some(Some(requirements)) = known.get(&key(parent)) else { continue };
            if is_new(parent) && !requires(requirements, &child.name) {
                let (parent, version, child) = (&parent.name, &parent.version, &child.name);
                let text = format!("`{parent}` {version} would require `{child}`, and the registry does not say so");
                return Err(Failure::new(BlockCause::PostConditionFailed, text));
            }
        }
    }
    Ok(())
}

fn key(dependency: &Dependency) -> (&str, &str) {
    (&dependency.name, &dependency.version)
}

/// What a locked release requires by the registry's own word; `None` where it says nothing of that, or does not know the
/// package at all, as of a folder of the project.
fn requirements_of(bench: &Bench<'_>, dependency: &Dependency) -> Result<Option<Requirements>, Failure> {
    let (name, version) = key(dependency);
    let releases = match bench.registry.releases(name) {
        Ok(releases) => releases,
        Err(RegistryError::Unknown { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let release = releases.iter().find(|release| release.version == version);
    release.map(|release| release.requirements.clone()).ok_or_else(|| {
        let text = format!("`{name}` {version} is none of the registry's releases");
        Failure::new(BlockCause::PostConditionFailed, text)
    })
}

/// Whether a package is among requirements, under its own name or, as npm can, under another.
fn requires(requirements: &[(String, String)], child: &str) -> bool {
    let is_alias = |wanted: &str| {
        let target = wanted.strip_prefix("npm:").and_then(|target| target.strip_prefix(child));
        target.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    requirements.iter().any(|(name, wanted)| name == child || is_alias(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_requires_what_it_names_and_what_stands_behind_another_name() {
        let requirements = [("ms", "^2.0.0"), ("other", "npm:@acme/real@^1.0.0")];
        let requirements = requirements.map(|(name, wanted)| (name.to_owned(), wanted.to_owned()));
        for (child, expected) in [("ms", true), ("@acme/real", true), ("@acme/rea", false), ("evil", false)] {
            assert_eq!(requires(&requirements, child), expected, "{child}");
        }
    }
}
