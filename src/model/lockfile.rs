//! A lockfile as read: its dependencies and who requires whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::dependency::{Dependency, PackageVersion};
use super::nearest::Nearest;
use super::repository::RepoPath;

/// What one file pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// The file, from the project's root.
    pub path: RepoPath,
    /// The id of the extractor that read it.
    pub extractor: &'static str,
    /// Its dependencies, in file order.
    pub dependencies: Vec<Dependency>,
    /// For dependencies at a commit, by position: the nearest release, where it was looked for.
    pub nearest: BTreeMap<usize, Nearest>,
    /// Positions of the dependencies that their registry has withdrawn, where it was asked.
    pub yanked: BTreeSet<usize>,
    /// For each dependency, the parent on a shortest path from a direct dependency.
    nearest_parent: Vec<Option<usize>>,
}

impl Lockfile {
    /// Takes what an extractor read and finds the shortest path to every dependency.
    pub fn new(path: RepoPath, extractor: &'static str, dependencies: Vec<Dependency>) -> Self {
        let nearest_parent = nearest_parents(&dependencies);
        Self { path, extractor, dependencies, nearest: BTreeMap::new(), yanked: BTreeSet::new(), nearest_parent }
    }

    /// The shortest path from a direct dependency to the one at `position`, both included.
    ///
    /// One element for a direct dependency and for one that nothing leads to.
    pub fn shortest_path(&self, position: usize) -> Vec<PackageVersion> {
        let mut path = Vec::new();
        let mut next = Some(position);
        while let Some(current) = next {
            let Some(dependency) = self.dependencies.get(current) else { break };
            path.push(PackageVersion::from(dependency));
            next = self.nearest_parent.get(current).copied().flatten();
        }
        path.reverse();
        path
    }
}

/// The children of every dependency in one list: a list for each would cost more than the search.
struct Children {
    /// The children of the first dependency, those of the second, and so on, each in file order.
    all: Vec<usize>,
    /// Where those of each dependency begin, and the end.
    starts: Vec<usize>,
}

impl Children {
    fn of(dependencies: &[Dependency]) -> Self {
        let known = dependencies.len();
        let edges = || {
            let numbered = dependencies.iter().enumerate();
            let edges =
                numbered.flat_map(|(child, dependency)| dependency.parents.iter().map(move |&parent| (parent, child)));
            edges.filter(|&(parent, _)| parent < known)
        };
        let mut starts = vec![0; known + 1];
        edges().for_each(|(parent, _)| starts[parent + 1] += 1);
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let (mut all, mut next) = (vec![0; end], starts.clone());
        for (parent, child) in edges() {
            all[next[parent]] = child;
            next[parent] += 1;
        }
        Self { all, starts }
    }

    fn of_parent(&self, parent: usize) -> &[usize] {
        &self.all[self.starts[parent]..self.starts[parent + 1]]
    }
}

/// Breadth first from the direct dependencies; among equals, the parent that comes first in the file wins.
fn nearest_parents(dependencies: &[Dependency]) -> Vec<Option<usize>> {
    let children = Children::of(dependencies);
    let mut nearest = vec![None; dependencies.len()];
    let mut reached: Vec<bool> = dependencies.iter().map(|dependency| dependency.direct).collect();
    let mut queue: VecDeque<usize> = (0..dependencies.len()).filter(|&position| reached[position]).collect();
    while let Some(parent) = queue.pop_front() {
        for &child in children.of_parent(parent) {
            if !reached[child] {
                reached[child] = true;
                nearest[child] = Some(parent);
                queue.push_back(child);
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::{Origin, Scope};
    use crate::model::ecosystem::Ecosystem;

    fn dependency(name: &str, direct: bool, parents: &[usize]) -> Dependency {
        Dependency {
            ecosystem: Ecosystem::Npm,
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            origin: Origin::Registry { url: None },
            scope: Scope::Runtime,
            direct,
            parents: parents.to_vec(),
            requirements: Vec::new(),
            line: 1,
            abandoned: None,
        }
    }

    fn names(lockfile: &Lockfile, position: usize) -> Vec<String> {
        lockfile.shortest_path(position).into_iter().map(|step| step.name).collect()
    }

    #[test]
    fn the_shortest_path_wins_and_cycles_end() {
        let lockfile = Lockfile::new(
            RepoPath::new("package-lock.json").expect("valid"),
            "package-lock",
            vec![
                dependency("a", true, &[2]),
                dependency("b", false, &[0]),
                dependency("c", false, &[1, 3]),
                dependency("d", true, &[]),
                dependency("orphan", false, &[4]),
            ],
        );
        assert_eq!(names(&lockfile, 0), ["a"]);
        assert_eq!(names(&lockfile, 1), ["a", "b"]);
        assert_eq!(names(&lockfile, 2), ["d", "c"]);
        assert_eq!(names(&lockfile, 4), ["orphan"]);
    }
}
