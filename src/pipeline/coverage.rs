//! Coverage: what was read, held against the ecosystems that the advisories in use know.

use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt as _};

use crate::advisory::AdvisoryDatabase;
use crate::model::coverage::{Coverage, Knowledge};
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;

/// What an ecosystem has in a project.
#[derive(Default)]
struct Met<'a> {
    packages: HashSet<(&'a str, &'a str)>,
    files: usize,
}

/// Every ecosystem of the lockfiles, in report order, and what is known about it.
pub(crate) fn coverage(lockfiles: &[Lockfile], advisories: &AdvisoryDatabase, accepted: &[Ecosystem]) -> Vec<Coverage> {
    let mut met: BTreeMap<Ecosystem, Met<'_>> = BTreeMap::new();
    for lockfile in lockfiles {
        let mut here: Vec<Ecosystem> = Vec::new();
        for dependency in lockfile.dependencies.iter().filter(|dependency| is_asked_about(dependency)) {
            let ecosystem = dependency.ecosystem;
            let met = met.entry(ecosystem).or_insert_with(|| Met { packages: HashSet::new(), files: 0 });
            met.packages.insert((&dependency.name, &dependency.version));
            if !here.contains(&ecosystem) {
                here.push(ecosystem);
                met.files += 1;
            }
        }
    }
    let known = advisories.ecosystems();
    met.into_iter()
        .map(|(ecosystem, met)| Coverage {
            ecosystem,
            packages: met.packages.len(),
            files: met.files,
            knowledge: Knowledge::of(ecosystem, known.contains(&ecosystem), accepted.contains(&ecosystem)),
        })
        .collect()
}

/// Whether advisories of the ecosystem can be about a dependency: a folder of the project is in no registry.
fn is_asked_about(dependency: &Dependency) -> bool {
    match &dependency.origin {
        Origin::Path => false,
        Origin::Registry { .. } | Origin::Git { .. } | Origin::Archive { .. } => !dependency.name.is_empty(),
        Origin::Image { .. } | Origin::System { .. } => true,
    }
}
