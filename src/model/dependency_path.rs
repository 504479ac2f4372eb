//! The way from what a project asks for to a dependency: kept once per lockfile as parents, told up to a length.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::dependency::Dependency;
use super::lockfile::Content;

/// How many links of a path are told: the direct dependency and those nearest to the package. The longest shortest paths
/// of real lockfiles have 11 links; a chain of 20,000 packages, told in full for each of them, has 200 million.
pub const TOLD_LINKS: usize = 12;

/// Nothing leads to it.
const NONE: u32 = u32::MAX;

/// For each dependency of a lockfile, where the shortest path to it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parents(Vec<Link>);

/// A dependency's place on the shortest path to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    /// The position of the parent; [`NONE`] for a direct dependency and one that nothing leads to.
    parent: u32,
    /// The position of the direct dependency with which the path begins.
    first: u32,
    /// How many links the path has, both ends included.
    length: u32,
}

impl Parents {
    /// Breadth first from the direct dependencies; among equals, the parent that comes first in the file wins.
    pub(super) fn of(dependencies: &[Dependency]) -> Self {
        let children = Children::of(dependencies);
        let number = |position: usize| u32::try_from(position).unwrap_or(NONE);
        let alone = |position| Link { parent: NONE, first: number(position), length: 1 };
        let mut links: Vec<Link> = (0..dependencies.len()).map(alone).collect();
        let mut reached: Vec<bool> = dependencies.iter().map(|dependency| dependency.direct).collect();
        let mut queue: VecDeque<usize> = (0..dependencies.len()).filter(|&position| reached[position]).collect();
        while let Some(parent) = queue.pop_front() {
            let above = links[parent];
            for &child in children.of_parent(parent) {
                if !reached[child] {
                    reached[child] = true;
                    links[child] = Link { parent: number(parent), first: above.first, length: above.length + 1 };
                    queue.push_back(child);
                }
            }
        }
        Self(links)
    }

    /// The positions that a path is told by, from the direct dependency on, and how many links it leaves out.
    fn told(&self, position: usize) -> (Vec<usize>, usize) {
        let Some(link) = self.0.get(position) else { return (vec![position], 0) };
        let length = usize::try_from(link.length).unwrap_or(usize::MAX);
        let is_cut = length > TOLD_LINKS;
        let upwards = std::iter::successors(Some(position), |current| self.parent(*current));
        let mut told: Vec<usize> = upwards.take(if is_cut { TOLD_LINKS - 1 } else { length }).collect();
        told.extend(usize::try_from(link.first).ok().filter(|_| is_cut));
        told.reverse();
        let left_out = length.saturating_sub(told.len());
        (told, left_out)
    }

    /// The links of some positions, which become the first ones, in their order.
    pub(super) fn only(&self, positions: &BTreeSet<usize>) -> Self {
        let places: BTreeMap<usize, usize> = positions.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let moved = |position: u32| {
            let old = usize::try_from(position).ok().filter(|_| position != NONE);
            let new = old.and_then(|old| places.get(&old).copied());
            new.and_then(|new| u32::try_from(new).ok()).unwrap_or(NONE)
        };
        let links = positions.iter().filter_map(|&position| self.0.get(position));
        Self(links.map(|link| Link { parent: moved(link.parent), first: moved(link.first), ..*link }).collect())
    }

    pub(super) fn parent(&self, position: usize) -> Option<usize> {
        let parent = self.0.get(position)?.parent;
        usize::try_from(parent).ok().filter(|_| parent != NONE)
    }
}

/// The shortest path from a direct dependency to a dependency, both included; empty where it is not known.
///
/// It is two words, however long it is: the links are those of the lockfile.
#[derive(Clone, Default)]
pub struct DependencyPath(Option<(Arc<Content>, usize)>);

/// A path as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldPath<'a> {
    /// The first and the last links, at most [`TOLD_LINKS`].
    pub steps: Vec<&'a Dependency>,
    /// How many links between the first and the second of `steps` are not told.
    pub left_out: usize,
}

impl DependencyPath {
    /// The path to the dependency at a position.
    pub fn to(content: Arc<Content>, position: usize) -> Self {
        Self((position < content.dependencies.len()).then_some((content, position)))
    }

    /// Its links, up to a number.
    pub fn told(&self) -> ToldPath<'_> {
        let Some((content, position)) = &self.0 else { return ToldPath { steps: Vec::new(), left_out: 0 } };
        let (positions, left_out) = content.parents.told(*position);
        let steps = positions.into_iter().filter_map(|position| content.dependencies.get(position)).collect();
        ToldPath { steps, left_out }
    }

    /// Keeps of the lockfiles behind some paths only what the paths tell, so that a report does not keep everything that
    /// was read for it.
    pub fn keep_told<'a>(paths: impl Iterator<Item = &'a mut Self>) {
        let mut paths: Vec<&mut Self> = paths.collect();
        // The contents by where they are, with the positions to keep.
        let mut kept: BTreeMap<*const Content, (Arc<Content>, BTreeSet<usize>)> = BTreeMap::new();
        for (content, position) in paths.iter().filter_map(|path| path.0.as_ref()) {
            let (_, positions) =
                kept.entry(Arc::as_ptr(content)).or_insert_with(|| (Arc::clone(content), BTreeSet::new()));
            positions.extend(content.parents.told(*position).0);
        }
        let number = |positions: &BTreeSet<usize>| positions.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let smaller: BTreeMap<*const Content, (Arc<Content>, BTreeMap<usize, usize>)> = kept
            .iter()
            .map(|(&place, (content, positions))| (place, (Arc::new(content.only(positions)), number(positions))))
            .collect();
        for (content, position) in paths.iter_mut().filter_map(|path| path.0.as_mut()) {
            let Some((small, places)) = smaller.get(&Arc::as_ptr(content)) else { continue };
            *position = places.get(position).copied().unwrap_or_default();
            *content = Arc::clone(small);
        }
    }
}

impl ToldPath<'_> {
    /// Who leads to the package, each as `word` has it, with a remark where links are left out. Empty for a direct
    /// dependency.
    pub fn parents(&self, word: impl Fn(&Dependency) -> String) -> Vec<String> {
        let parents = self.steps.len().saturating_sub(1);
        let mut words: Vec<String> = self.steps.iter().take(parents).map(|step| word(step)).collect();
        if self.left_out > 0 {
            words.insert(1.min(words.len()), format!("… {} more …", self.left_out));
        }
        words
    }
}

/// Two paths are the same when they are told the same.
impl PartialEq for DependencyPath {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some((left, here)), Some((right, there))) if Arc::ptr_eq(left, right) && here == there => true,
            _ => names(&self.told()).eq(names(&other.told())) && self.told().left_out == other.told().left_out,
        }
    }
}

impl Eq for DependencyPath {}

impl fmt::Debug for DependencyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told();
        formatter.debug_list().entries(names(&told)).entry(&told.left_out).finish()
    }
}

fn names<'a>(told: &ToldPath<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    told.steps.clone().into_iter().map(|step| (step.name.as_str(), step.version.as_str()))
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

/// A path of its own for tests and fuzz targets: each step requires the next.
#[cfg(any(test, fuzzing))]
impl From<Vec<super::dependency::PackageVersion>> for DependencyPath {
    fn from(steps: Vec<super::dependency::PackageVersion>) -> Self {
        let ecosystem = super::ecosystem::Ecosystem::Npm;
        let mut chain: Vec<Dependency> =
            steps.into_iter().map(|step| Dependency::new(ecosystem, step.name, step.version, 1)).collect();
        for (position, dependency) in chain.iter_mut().enumerate() {
            dependency.direct = position == 0;
            dependency.parents = position.checked_sub(1).into_iter().collect();
        }
        let last = chain.len().saturating_sub(1);
        Self::to(Arc::new(Content::new(chain)), last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::dependency::PackageVersion;
    use super::*;

    fn chain(length: usize) -> DependencyPath {
        let step = |number: usize| PackageVersion { name: format!("p{number}"), version: "1".to_owned() };
        (1..=length).map(step).collect::<Vec<_>>().into()
    }

    fn told(length: usize) -> String {
        chain(length).told().parents(|step| step.name.clone()).join(" → ")
    }

    #[test]
    fn a_long_path_is_told_by_its_ends() {
        assert_eq!(told(0), "");
        assert_eq!(told(1), "");
        assert_eq!(told(3), "p1 → p2");
        assert_eq!(told(12), "p1 → p2 → p3 → p4 → p5 → p6 → p7 → p8 → p9 → p10 → p11");
        assert_eq!(told(13), "p1 → … 1 more … → p3 → p4 → p5 → p6 → p7 → p8 → p9 → p10 → p11 → p12");
        let long = chain(50_000);
        let path = long.told();
        assert_eq!((path.steps.len(), path.left_out), (TOLD_LINKS, 50_000 - TOLD_LINKS));
        assert_eq!((path.steps[0].name.as_str(), path.steps[TOLD_LINKS - 1].name.as_str()), ("p1", "p50000"));
    }

    #[test]
    fn paths_are_compared_by_what_is_told() {
        assert_eq!(chain(3), chain(3));
        assert_ne!(chain(3), chain(2));
        assert_ne!(chain(30), chain(31));
        assert_eq!(DependencyPath::default(), chain(0));
        assert_eq!(format!("{:?}", chain(2)), "[(\"p1\", \"1\"), (\"p2\", \"1\"), 0]");
    }

    #[test]
    fn what_no_path_tells_can_be_forgotten() {
        let whole = chain(1_000);
        let Some((content, _)) = &whole.0 else { panic!("it has a content") };
        let all = [0, 5, 11, 12, 13, 500, 999].map(|position| DependencyPath::to(Arc::clone(content), position));
        let mut kept = all.clone();
        DependencyPath::keep_told(kept.iter_mut());
        assert_eq!(kept, all);
        let Some((small, _)) = &kept[0].0 else { panic!("it has a content") };
        assert_eq!(small.dependencies.len(), 36, "the first 14, and 11 for each of the two far ones");
    }
}
