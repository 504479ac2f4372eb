//! Who requires whom in a lockfile that names packages, and what follows from it.

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

use foldhash::{HashMap, HashMapExt as _};

use super::super::ParseError;
use super::super::graph::roots_are_direct;
use super::manifest::Manifest;
use super::normalise;
use crate::model::dependency::{Dependency, Scope};

/// More edges are refused: every package may name one that stands in the file many times. The largest lockfiles in public
/// have 3,000.
const EDGE_LIMIT: usize = 1_000_000;

/// The packages of a file by normalised name.
pub(in crate::extractor) struct Names(HashMap<String, Vec<usize>>);

impl Names {
    /// Notes where each package stands.
    pub(in crate::extractor) fn of(dependencies: &[Dependency]) -> Self {
        let mut names: HashMap<String, Vec<usize>> = HashMap::with_capacity(dependencies.len());
        for (position, dependency) in dependencies.iter().enumerate() {
            names.entry(normalise(&dependency.name)).or_default().push(position);
        }
        Self(names)
    }

    /// The positions of a package.
    pub(in crate::extractor) fn at(&self, name: &str) -> &[usize] {
        self.0.get(&normalise(name)).map_or(&[], Vec::as_slice)
    }

    /// Every normalised name with its positions.
    pub(in crate::extractor) fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, positions)| (name.as_str(), positions.as_slice()))
    }
}

/// Edges from parents to children with what is asked for, noted up to a limit.
#[derive(Default)]
pub(in crate::extractor) struct Edges(Vec<(usize, usize, String)>);

impl Edges {
    /// Notes that `parent` asks for `range` of `child`.
    pub(in crate::extractor) fn add(&mut self, parent: usize, child: usize, range: &str) -> Result<(), ParseError> {
        if self.0.len() >= EDGE_LIMIT {
            return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
        }
        if parent != child {
            self.0.push((child, parent, range.to_owned()));
        }
        Ok(())
    }

    /// Notes that `parent` asks for `range` of the package `name`; where several versions of it are locked, for those that
    /// the range allows, or all of them when it is not in the form of PEP 440.
    pub(in crate::extractor) fn add_named(
        &mut self,
        parent: usize,
        (name, range): (&str, &str),
        names: &Names,
        dependencies: &[Dependency],
    ) -> Result<(), ParseError> {
        let candidates = names.at(name);
        let allowed: Vec<usize> = match (candidates, VersionSpecifiers::from_str(range)) {
            (several @ [_, _, ..], Ok(ranges)) if !range.is_empty() => {
                let version = |&child: &usize| Version::from_str(&dependencies.get(child)?.version).ok();
                let allows = |child: &&usize| version(child).is_some_and(|version| ranges.contains(&version));
                // Counted before they are parsed.
                several.iter().take(EDGE_LIMIT / 1_000).filter(allows).copied().collect()
            }
            _ => Vec::new(),
        };
        let chosen = if allowed.is_empty() { candidates } else { &allowed };
        for &child in chosen {
            self.add(parent, child, range)?;
        }
        Ok(())
    }

    /// Writes the edges into the dependencies; with `ranges`, also what each parent asks for.
    pub(in crate::extractor) fn link(mut self, dependencies: &mut [Dependency], ranges: bool) {
        self.0.sort();
        self.0.dedup_by_key(|(child, parent, _)| (*child, *parent));
        let count = dependencies.len();
        for (child, parent, range) in self.0 {
            let Some(dependency) = dependencies.get_mut(child).filter(|_| parent < count) else { continue };
            dependency.parents.push(parent);
            if ranges {
                dependency.requirements.push(range);
            }
        }
    }
}

/// Marks what the project asks for: what the manifest names, else what nothing in the lock requires.
pub(in crate::extractor) fn mark_direct(dependencies: &mut [Dependency], manifest: Option<&Manifest>) {
    let Some(manifest) = manifest else { return roots_are_direct(dependencies) };
    for dependency in dependencies {
        dependency.direct = manifest.asks(&normalise(&dependency.name)).is_some_and(|asked| asked.scope.is_some());
    }
}

/// Takes what only requirements for development lead to for development, in a lock that does not say so itself. What
/// nothing leads to is not known to be for development. Nothing is followed through the project's own packages: what they
/// ask for is among the roots.
pub(in crate::extractor) fn mark_scopes(
    dependencies: &mut [Dependency],
    roots: &[(usize, Scope)],
    is_own: impl Fn(usize) -> bool,
) {
    let mut children = vec![Vec::new(); dependencies.len()];
    for (child, dependency) in dependencies.iter().enumerate() {
        for &parent in &dependency.parents {
            if let Some(list) = children.get_mut(parent) {
                list.push(child);
            }
        }
    }
    let reach = |wanted: Scope| {
        let mut reached = vec![false; children.len()];
        let mut queue: Vec<usize> = roots.iter().filter(|(_, scope)| *scope == wanted).map(|(root, _)| *root).collect();
        while let Some(position) = queue.pop() {
            let Some(seen) = reached.get_mut(position) else { continue };
            if !std::mem::replace(seen, true) && !is_own(position) {
                queue.extend(children.get(position).into_iter().flatten());
            }
        }
        reached
    };
    let (production, development) = (reach(Scope::Runtime), reach(Scope::Development));
    for ((dependency, production), development) in dependencies.iter_mut().zip(production).zip(development) {
        dependency.scope = if development && !production { Scope::Development } else { Scope::Runtime };
    }
}

/// [`mark_scopes`] from what a manifest asks for.
pub(in crate::extractor) fn mark_scopes_of(dependencies: &mut [Dependency], names: &Names, manifest: &Manifest) {
    let mut roots = Vec::new();
    for (name, positions) in names.iter() {
        if let Some(scope) = manifest.asks(name).and_then(|asked| asked.scope) {
            roots.extend(positions.iter().map(|&position| (position, scope)));
        }
    }
    mark_scopes(dependencies, &roots, |_| false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;

    fn dependencies(list: &[(&str, &str)]) -> Vec<Dependency> {
        list.iter().map(|(name, version)| Dependency::new(Ecosystem::PyPi, *name, *version, 1)).collect()
    }

    #[test]
    fn of_several_versions_the_allowed_ones_are_linked() {
        let mut list = dependencies(&[("a", "1"), ("B_c", "1.0"), ("b-c", "2.0"), ("b.c", "odd")]);
        let names = Names::of(&list);
        let mut edges = Edges::default();
        edges.add_named(0, ("b-C", ">=1.5"), &names, &list).expect("few");
        edges.add_named(2, ("a", ">=9"), &names, &list).expect("few");
        edges.add_named(1, ("b.c", "no range"), &names, &list).expect("few");
        edges.add(0, 0, "").expect("few");
        edges.link(&mut list, true);
        let parents: Vec<_> = list.iter().map(|it| (it.parents.clone(), it.requirements.join(" "))).collect();
        assert_eq!(
            parents,
            [
                (vec![2], ">=9".to_owned()),
                (vec![], String::new()),
                (vec![0, 1], ">=1.5 no range".to_owned()),
                (vec![1], "no range".to_owned()),
            ]
        );
    }

    #[test]
    fn edges_have_a_limit() {
        let mut edges = Edges::default();
        let error = (0..=EDGE_LIMIT).find_map(|child| edges.add(child + 1, child, "").err());
        assert!(error.expect("too many").message.contains("1000000"));
    }

    #[test]
    fn what_production_reaches_is_not_for_development() {
        let mut list = dependencies(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let manifest = Manifest::parse("[project]\ndependencies = ['A']\n[dependency-groups]\nx = ['b']").expect("one");
        let names = Names::of(&list);
        let mut edges = Edges::default();
        for (parent, child) in [(0, 2), (1, 2), (1, 3)] {
            edges.add(parent, child, "").expect("few");
        }
        edges.link(&mut list, false);
        mark_direct(&mut list, Some(&manifest));
        mark_scopes_of(&mut list, &names, &manifest);
        let shown: Vec<_> = list.iter().map(|it| (it.direct, it.scope)).collect();
        let (run, develop) = (Scope::Runtime, Scope::Development);
        assert_eq!(shown, [(true, run), (true, develop), (false, run), (false, develop)]);
    }
}
