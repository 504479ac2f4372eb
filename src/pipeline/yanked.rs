//! Yanked: which locked crates their registry has withdrawn, asked of the registry's index when that is wanted.
//!
//! As cargo-audit does without `--no-yanked`: only crates of crates.io are asked for, as names from elsewhere may be
//! private. Every crate is asked for once per run, a few at a time. What the index does not know is not claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::dependency::Origin;
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::{Content, Lockfile};
use crate::model::report::Problem;
use crate::pipeline::remedy::Tools;
use crate::registry::{Registry, RegistryError};

/// How many crates are asked for at a time; the index answers from a cache, what costs is the way.
const AT_A_TIME: usize = 8;

/// More crates in one project are an attempt to keep us busy: the largest workspaces in public lock less than 3,000.
const CRATE_LIMIT: usize = 10_000;

/// Asks the index which crates were withdrawn.
pub(crate) struct Withdrawals {
    registry: Arc<dyn Registry>,
}

/// Name, and versions that were withdrawn or why that is not known.
type Answers = BTreeMap<String, Result<BTreeSet<String>, RegistryError>>;

impl Withdrawals {
    /// Asks with what the package managers of a run have; offline tools answer that nothing is known.
    pub(crate) fn new(tools: &Tools) -> Option<Self> {
        tools.registry_of_run(Ecosystem::CratesIo).map(|registry| Self { registry })
    }

    /// Marks what was withdrawn. Gives what could not be learned.
    pub(crate) fn mark(&self, lockfiles: &mut [Lockfile]) -> Vec<Problem> {
        let wanted: BTreeSet<String> =
            lockfiles.iter().flat_map(|lockfile| crates(lockfile)).map(|(_, name, _)| name.to_owned()).collect();
        let total = wanted.len();
        let names: Vec<String> = wanted.into_iter().take(CRATE_LIMIT).collect();
        let answers = self.ask(&names);
        Lockfile::each_content(lockfiles, |content| {
            let withdrawn: Vec<usize> = crates(content)
                .filter(|(_, name, version)| {
                    matches!(answers.get(*name), Some(Ok(versions)) if versions.contains(*version))
                })
                .map(|(position, _, _)| position)
                .collect();
            content.yanked.extend(withdrawn);
        });
        problems(&answers, total.saturating_sub(names.len()))
    }

    fn ask(&self, names: &[String]) -> Answers {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Answers::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME.min(names.len()) {
                scope.spawn(|| {
                    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let answer = self.registry.releases(name).map(|releases| {
                            let withdrawn = releases.iter().filter(|release| release.yanked);
                            withdrawn.map(|release| release.version.clone()).collect()
                        });
                        answers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), answer);
                    }
                });
            }
        });
        answers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The crates of crates.io in a lockfile: position, name, version.
fn crates(content: &Content) -> impl Iterator<Item = (usize, &str, &str)> {
    content
        .dependencies
        .iter()
        .enumerate()
        .filter(|(_, dependency)| {
            dependency.ecosystem == Ecosystem::CratesIo && dependency.origin == Origin::Registry { url: None }
        })
        .map(|(position, dependency)| (position, dependency.name.as_str(), dependency.version.as_str()))
}

/// One problem for an index that does not answer, however many crates that concerns, and one for each odd answer.
fn problems(answers: &Answers, left_out: usize) -> Vec<Problem> {
    const HINT: &str = "run it where the registry can be reached, or do not ask for withdrawn versions";
    let mut problems: BTreeMap<String, Problem> = BTreeMap::new();
    for error in answers.values().filter_map(|answer| answer.as_ref().err()) {
        match error {
            // A crate that was deleted, or never was one, has no withdrawn versions.
            RegistryError::Unknown { .. } => {}
            RegistryError::Unreachable { .. }
            | RegistryError::Malformed { .. }
            | RegistryError::Refused(_)
            | RegistryError::Name(_) => {
                let message = format!("learn which crates were withdrawn: {error}");
                problems.entry(message.clone()).or_insert_with(|| Problem::new(message, Some(HINT)));
            }
        }
    }
    let mut problems: Vec<Problem> = problems.into_values().collect();
    if left_out > 0 {
        let message = format!("learn whether {left_out} crates were withdrawn: the limit is {CRATE_LIMIT}");
        problems.push(Problem::new(message, None));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::Dependency;
    use crate::model::release::Release;
    use crate::model::repository::RepoPath;
    use crate::registry::Offline;

    /// Knows `withdrawn` (1.0.0 of which is) and `kept`, and counts how often it is asked.
    struct Index(AtomicUsize);

    impl Registry for Index {
        fn releases(&self, package: &str) -> Result<Arc<Vec<Release>>, RegistryError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let release = |version: &str, yanked| Release { version: version.to_owned(), yanked, ..Release::default() };
            match package {
                "withdrawn" => Ok(Arc::new(vec![release("1.0.0", true), release("1.0.1", false)])),
                "kept" => Ok(Arc::new(vec![release("1.0.0", false)])),
                "odd" => Err(RegistryError::Malformed {
                    registry: "crates.io",
                    package: package.to_owned(),
                    reason: "no".to_owned(),
                }),
                _ => Err(RegistryError::Unknown { registry: "crates.io", package: package.to_owned() }),
            }
        }

        fn serves(&self, _: &str) -> Result<bool, RegistryError> {
            Ok(true)
        }
    }

    fn lockfile(dependencies: Vec<Dependency>) -> Lockfile {
        Lockfile::new(RepoPath::new("Cargo.lock").unwrap(), "cargo-lock", dependencies)
    }

    fn of(name: &str, version: &str) -> Dependency {
        Dependency::new(Ecosystem::CratesIo, name, version, 1)
    }

    #[test]
    fn withdrawn_versions_are_marked_and_each_crate_is_asked_for_once() {
        let index = Arc::new(Index(AtomicUsize::new(0)));
        let mut private = of("withdrawn", "1.0.0");
        private.origin = Origin::Registry { url: Some("https://registry.example".to_owned()) };
        let mut npm = of("withdrawn", "1.0.0");
        npm.ecosystem = Ecosystem::Npm;
        let all =
            vec![of("kept", "1.0.0"), of("withdrawn", "1.0.0"), of("withdrawn", "1.0.1"), private, npm, of("x", "1")];
        let mut lockfiles = [lockfile(all), lockfile(vec![of("withdrawn", "1.0.0")])];
        let problems = Withdrawals { registry: index.clone() }.mark(&mut lockfiles);
        assert_eq!(problems, []);
        assert_eq!(lockfiles[0].yanked, BTreeSet::from([1]));
        assert_eq!(lockfiles[1].yanked, BTreeSet::from([0]));
        assert_eq!(index.0.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn what_could_not_be_learned_is_said_once() {
        let mut lockfiles = [lockfile(vec![of("a", "1.0.0"), of("b", "1.0.0")])];
        let problems = Withdrawals { registry: Arc::new(Offline) }.mark(&mut lockfiles);
        let [problem] = problems.as_slice() else { panic!("one problem, not {problems:?}") };
        assert!(problem.message.starts_with("learn which crates were withdrawn: reach"), "{}", problem.message);
        assert!(lockfiles[0].yanked.is_empty(), "nothing is claimed");
        let odd = Withdrawals { registry: Arc::new(Index(AtomicUsize::new(0))) };
        assert_eq!(odd.mark(&mut [lockfile(vec![of("odd", "1.0.0")])]).len(), 1);
        assert_eq!(odd.mark(&mut []), []);
    }
}
