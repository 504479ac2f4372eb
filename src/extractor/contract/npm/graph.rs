//! Packages and who asks for them, until what is known about each is complete.

use std::borrow::Cow;

use super::super::sources::{Checksums, Sources};
use super::{archive, requirement};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;

/// Where packages come from that name no host.
const REGISTRY_IN_USE: &str = "the registry in use";

/// A package as a lockfile writes it.
pub(in crate::extractor) struct Package<'a> {
    /// Whose package it is.
    pub(in crate::extractor) ecosystem: Ecosystem,
    /// Its own name, also where it is installed under another.
    pub(in crate::extractor) name: Cow<'a, str>,
    /// The version; empty where only an address is known.
    pub(in crate::extractor) version: Cow<'a, str>,
    /// Where the file says it came from: an address, a path, or nothing.
    pub(in crate::extractor) resolved: Option<Cow<'a, str>>,
    /// What it is needed for, where the file says so itself.
    pub(in crate::extractor) scope: Option<Scope>,
    /// The line.
    pub(in crate::extractor) line: u32,
    /// What its makers say who have given it up.
    pub(in crate::extractor) abandoned: Option<Cow<'a, str>>,
    /// Where its archive is, where the file says so of a package that comes from a registry all the same.
    pub(in crate::extractor) archive: Option<Cow<'a, str>>,
    /// Whether it is asked for by an address, which then is no surprise.
    pub(in crate::extractor) is_by_address: bool,
    /// Whether it has a checksum; `None` where its kind has none.
    pub(in crate::extractor) is_checked: Option<bool>,
    /// Why it may not be what its entry says.
    pub(in crate::extractor) doubts: Vec<Doubt>,
}

impl<'a> Package<'a> {
    /// A package of npm's registries.
    pub(in crate::extractor) fn new(
        name: impl Into<Cow<'a, str>>,
        version: impl Into<Cow<'a, str>>,
        line: u32,
    ) -> Self {
        let (name, version) = (name.into(), version.into());
        Self {
            ecosystem: Ecosystem::Npm,
            name,
            version,
            resolved: None,
            scope: None,
            line,
            abandoned: None,
            archive: None,
            is_by_address: false,
            is_checked: None,
            doubts: Vec::new(),
        }
    }
}

/// One requirement and the package that meets it.
struct Edge<'a> {
    child: usize,
    /// `None` for the project itself.
    parent: Option<usize>,
    requirement: Cow<'a, str>,
    /// What it is needed for, if the project itself asks.
    scope: Scope,
}

/// Packages and requirements, in the order in which the file has them.
#[derive(Default)]
pub(in crate::extractor) struct Graph<'a> {
    packages: Vec<Package<'a>>,
    edges: Vec<Edge<'a>>,
}

impl<'a> Graph<'a> {
    /// Adds a package and tells its position.
    pub(in crate::extractor) fn add(&mut self, mut package: Package<'a>) -> usize {
        if let (true, Some(resolved)) = (package.version.is_empty(), &package.resolved)
            && let Some(version) = requirement::resolved_version(&package.name, "", resolved)
        {
            package.version = Cow::Owned(version.to_owned());
        }
        if package.ecosystem == Ecosystem::Npm {
            for address in package.resolved.iter().chain(&package.archive) {
                package.doubts.extend(archive::contradiction(&package.name, &package.version, address));
            }
        }
        self.packages.push(package);
        self.packages.len() - 1
    }

    /// How many packages there are.
    pub(in crate::extractor) fn len(&self) -> usize {
        self.packages.len()
    }

    /// Notes that a package requires another one.
    pub(in crate::extractor) fn require(&mut self, parent: usize, child: usize, requirement: impl Into<Cow<'a, str>>) {
        if parent != child {
            let edge = Edge { child, parent: Some(parent), requirement: requirement.into(), scope: Scope::Runtime };
            self.edges.push(edge);
        }
    }

    /// Notes that the project itself asks for a package.
    pub(in crate::extractor) fn ask(&mut self, child: usize, requirement: impl Into<Cow<'a, str>>, scope: Scope) {
        self.edges.push(Edge { child, parent: None, requirement: requirement.into(), scope });
    }

    /// The dependencies, in file order. Where the project asks for nothing, what nothing requires is taken as direct.
    pub(in crate::extractor) fn finish(mut self) -> Vec<Dependency> {
        let count = self.packages.len();
        self.edges.retain(|edge| edge.child < count && edge.parent.is_none_or(|parent| parent < count));
        let is_asked = self.edges.iter().any(|edge| edge.parent.is_none());
        let development = self.development();
        // The sort is stable: of several requirements the first one written counts.
        self.edges.sort_by_key(|edge| (edge.child, edge.parent));
        let mut edges = self.edges.into_iter().peekable();
        let mut dependencies = Vec::with_capacity(count);
        let mut asked: Vec<Cow<'a, str>> = Vec::new();
        let mut sources = Sources::default();
        for (position, package) in self.packages.into_iter().enumerate() {
            let mut direct = false;
            let (mut parents, mut requirements) = (Vec::new(), Vec::new());
            asked.clear();
            while let Some(edge) = edges.next_if(|edge| edge.child == position) {
                match edge.parent {
                    None => direct = true,
                    Some(parent) if parents.last() != Some(&parent) => {
                        parents.push(parent);
                        requirements.push(edge.requirement.clone().into_owned());
                    }
                    Some(_) => {}
                }
                if !edge.requirement.is_empty() {
                    asked.push(edge.requirement);
                }
            }
            if requirements.iter().all(String::is_empty) {
                requirements.clear();
            }
            let own = development.get(position).copied().unwrap_or(Scope::Runtime);
            let origin = origin(&package, &asked);
            if origin == (Origin::Registry { url: None }) && !package.is_by_address {
                package.is_checked.into_iter().for_each(|has_one| sources.note_checksum(position, has_one));
                match package.archive.as_ref().or(package.resolved.as_ref()) {
                    Some(address) => sources.note_address(position, address),
                    None => sources.note_default(REGISTRY_IN_USE),
                }
            }
            dependencies.push(Dependency {
                ecosystem: package.ecosystem,
                origin,
                version: package.version.into_owned(),
                name: package.name.into_owned(),
                scope: package.scope.unwrap_or(own),
                direct: direct || (!is_asked && parents.is_empty()),
                parents,
                requirements,
                line: package.line,
                abandoned: package.abandoned.map(Cow::into_owned),
                doubts: package.doubts,
            });
        }
        sources.judge(&mut dependencies, Checksums::SameForAll);
        dependencies
    }

    /// What is reached from requirements for development only.
    fn development(&self) -> Vec<Scope> {
        let count = self.packages.len();
        let roots = |scope: Scope| {
            let edges = self.edges.iter().filter(move |edge| edge.parent.is_none() && edge.scope == scope);
            edges.map(|edge| edge.child).collect::<Vec<usize>>()
        };
        let of_development = roots(Scope::Development);
        if of_development.is_empty() {
            return vec![Scope::Runtime; count];
        }
        let mut children: Vec<(usize, usize)> =
            self.edges.iter().filter_map(|edge| Some((edge.parent?, edge.child))).collect();
        children.sort_unstable();
        let reach = |mut waiting: Vec<usize>| {
            let mut reached = vec![false; count];
            while let Some(position) = waiting.pop() {
                let Some(seen) = reached.get_mut(position) else { continue };
                if !std::mem::replace(seen, true) {
                    let start = children.partition_point(|(parent, _)| *parent < position);
                    let own = children.get(start..).unwrap_or_default().iter();
                    waiting.extend(own.take_while(|(parent, _)| *parent == position).map(|(_, child)| *child));
                }
            }
            reached
        };
        let (runtime, development) = (reach(roots(Scope::Runtime)), reach(of_development));
        let scope = |(runtime, development): (bool, bool)| {
            if development && !runtime { Scope::Development } else { Scope::Runtime }
        };
        runtime.into_iter().zip(development).map(scope).collect()
    }
}

fn origin(package: &Package<'_>, asked: &[Cow<'_, str>]) -> Origin {
    match (package.ecosystem, package.resolved.as_deref()) {
        (Ecosystem::Npm, Some(resolved)) => {
            let asked: Vec<&str> = asked.iter().map(AsRef::as_ref).collect();
            requirement::origin(Some(resolved), &asked)
        }
        // Modules of Deno that come by their address.
        (Ecosystem::Jsr, Some(resolved)) => Origin::Archive { url: resolved.to_owned() },
        _ => Origin::Registry { url: None },
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::show;
    use super::*;

    #[test]
    fn what_only_development_reaches_is_for_development() {
        let mut graph = Graph::default();
        for (name, line) in ["a", "b", "c", "d", "e"].into_iter().zip(1..) {
            graph.add(Package::new(name, "1.0.0", line));
        }
        graph.require(0, 1, "^1");
        graph.require(2, 1, "*");
        graph.require(2, 3, "*");
        graph.require(2, 3, ">=0");
        graph.require(3, 2, "*");
        graph.require(3, 9, "*");
        graph.ask(0, "1", Scope::Runtime);
        graph.ask(2, "1", Scope::Development);
        insta::assert_snapshot!(show(&graph.finish()), @"
        0 a@1.0.0 Runtime direct Registry { url: None } [] line 1
        1 b@1.0.0 Runtime Registry { url: None } [0 ^1, 2 *] line 2
        2 c@1.0.0 Development direct Registry { url: None } [3 *] line 3
        3 d@1.0.0 Development Registry { url: None } [2 *] line 4
        4 e@1.0.0 Runtime Registry { url: None } [] line 5
        ");
    }

    #[test]
    fn what_nothing_requires_is_direct_when_nobody_says() {
        let mut graph = Graph::default();
        let (a, b) = (graph.add(Package::new("a", "1", 1)), graph.add(Package::new("b", "1", 2)));
        graph.require(a, b, "*");
        let direct: Vec<bool> = graph.finish().iter().map(|one| one.direct).collect();
        assert_eq!(direct, [true, false]);
    }
}
