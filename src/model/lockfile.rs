//! A lockfile as read: its dependencies and who requires whom.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use super::dependency::Dependency;
use super::dependency_path::{DependencyPath, Parents};
use super::nearest::Nearest;
use super::repository::RepoPath;

/// What one file pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// The file, from the project's root.
    pub path: RepoPath,
    /// The id of the extractor that read it.
    pub extractor: &'static str,
    /// What it says; files with the same content share it.
    content: Arc<Content>,
    /// How many dependencies it had before they were forgotten.
    forgotten: Option<usize>,
}

/// A line of a file that pins others, and pins nothing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpinned {
    /// The package that it asks for. Untrusted.
    pub name: String,
    /// What it asks for, as written; empty where any version will do. Untrusted.
    pub requirement: String,
    /// The line, from 1.
    pub line: u32,
}

/// What a lockfile says, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its dependencies, in file order.
    pub dependencies: Vec<Dependency>,
    /// The lines that ask for packages and pin none, in file order: a requirements file may have both.
    pub unpinned: Vec<Unpinned>,
    /// For dependencies at a commit, by position: the nearest release, where it was looked for.
    pub nearest: BTreeMap<usize, Nearest>,
    /// Positions of the dependencies that their registry has withdrawn, where it was asked.
    pub yanked: BTreeSet<usize>,
    /// For each dependency, the parent on a shortest path from a direct dependency.
    pub(super) parents: Parents,
}

impl Content {
    /// Takes what an extractor read, bounds its texts (see [`Dependency::bound_texts`]) and finds the shortest path to
    /// every dependency.
    pub fn new(mut dependencies: Vec<Dependency>) -> Self {
        dependencies.iter_mut().for_each(Dependency::bound_texts);
        let parents = Parents::of(&dependencies);
        Self { dependencies, unpinned: Vec::new(), nearest: BTreeMap::new(), yanked: BTreeSet::new(), parents }
    }

    /// The same with the lines that pin nothing, whose texts are cut as those of dependencies are.
    #[must_use]
    pub fn with_unpinned(mut self, mut unpinned: Vec<Unpinned>) -> Self {
        /// More is no name and no range of anything real.
        const LIMIT: usize = 1_024;
        for text in unpinned.iter_mut().flat_map(|line| [&mut line.name, &mut line.requirement]) {
            text.truncate(text.floor_char_boundary(LIMIT));
        }
        self.unpinned = unpinned;
        self
    }

    /// The dependencies at some positions, which become the first ones, in their order; without who requires them.
    pub(super) fn only(&self, positions: &BTreeSet<usize>) -> Self {
        let kept = positions
            .iter()
            .filter_map(|&position| self.dependencies.get(position))
            .map(|dependency| Dependency { parents: Vec::new(), requirements: Vec::new(), ..dependency.clone() });
        let dependencies = kept.collect();
        let parents = self.parents.only(positions);
        Self { dependencies, unpinned: Vec::new(), nearest: BTreeMap::new(), yanked: BTreeSet::new(), parents }
    }

    /// The parent of the dependency at `position` on the shortest path to it; `None` for a direct dependency and for one
    /// that nothing leads to.
    pub fn nearest_parent(&self, position: usize) -> Option<usize> {
        self.parents.parent(position)
    }
}

impl Lockfile {
    /// Takes what an extractor read at a path.
    pub fn new(path: RepoPath, extractor: &'static str, dependencies: Vec<Dependency>) -> Self {
        Self::of(path, extractor, Arc::new(Content::new(dependencies)))
    }

    /// The file at `path` with a content that other files may have as well.
    pub fn of(path: RepoPath, extractor: &'static str, content: Arc<Content>) -> Self {
        Self { path, extractor, content, forgotten: None }
    }

    /// How many dependencies it pins.
    pub fn dependency_count(&self) -> usize {
        self.forgotten.unwrap_or(self.dependencies.len())
    }

    /// Lets go of its dependencies; their number stays.
    pub fn forget_dependencies(&mut self) {
        self.forgotten = Some(self.dependency_count());
        self.content = Arc::new(Content::new(Vec::new()));
    }

    /// What it says.
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// Its content, to be filled in; copied first where other files share it.
    pub fn content_mut(&mut self) -> &mut Content {
        Arc::make_mut(&mut self.content)
    }

    /// Changes each content once, in the order of the first files that have it; they share it afterwards as before.
    pub fn each_content(lockfiles: &mut [Self], mut change: impl FnMut(&mut Content)) {
        let mut firsts: BTreeMap<*const Content, usize> = BTreeMap::new();
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, lockfile) in lockfiles.iter().enumerate() {
            let first = *firsts.entry(Arc::as_ptr(&lockfile.content)).or_insert(position);
            groups.entry(first).or_default().push(position);
        }
        let nothing = Arc::new(Content::new(Vec::new()));
        for (first, all) in groups {
            let mut content = Arc::clone(&lockfiles[first].content);
            // While others have it as well, a change would copy it.
            for &position in &all {
                lockfiles[position].content = Arc::clone(&nothing);
            }
            change(Arc::make_mut(&mut content));
            for position in all {
                lockfiles[position].content = Arc::clone(&content);
            }
        }
    }

    /// The shortest path from a direct dependency to the one at `position`, both included.
    ///
    /// One element for a direct dependency and for one that nothing leads to.
    pub fn shortest_path(&self, position: usize) -> DependencyPath {
        DependencyPath::to(Arc::clone(&self.content), position)
    }
}

impl Deref for Lockfile {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
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
            doubts: Vec::new(),
        }
    }

    fn names(lockfile: &Lockfile, position: usize) -> Vec<String> {
        lockfile.shortest_path(position).told().steps.iter().map(|step| step.name.clone()).collect()
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

    #[test]
    fn copies_of_a_lockfile_share_what_it_says_until_one_is_changed() {
        let first = Lockfile::new(RepoPath::new("a/x.lock").expect("valid"), "test", vec![dependency("a", true, &[])]);
        let mut second = Lockfile::of(RepoPath::new("b/x.lock").expect("valid"), "test", Arc::clone(first.content()));
        assert!(Arc::ptr_eq(first.content(), second.content()));
        second.content_mut().yanked.insert(0);
        assert!(first.yanked.is_empty() && second.yanked.contains(&0));
        let mut all = [first.clone(), second, first];
        let mut changed = 0;
        Lockfile::each_content(&mut all, |content| {
            changed += 1;
            content.yanked.insert(changed);
        });
        assert_eq!(changed, 2);
        assert!(Arc::ptr_eq(all[0].content(), all[2].content()));
        assert_eq!((all[0].yanked.len(), all[1].yanked.len()), (1, 2));
    }
}
