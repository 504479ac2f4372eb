//! The tree that npm installs: packages in folders, and who finds whom.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};

use super::super::contract::npm::requirement;
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;

/// One package in one `node_modules` folder.
pub(super) struct Instance<'a> {
    /// The package's own name, also where it is installed under another.
    pub(super) name: &'a str,
    /// The version as written; empty or no version at all where npm was asked for an address.
    pub(super) version: &'a str,
    /// Where the file says it came from: an address, a path, or nothing.
    pub(super) resolved: Option<&'a str>,
    /// What was asked for, where the file repeats it beside the package (version 1).
    pub(super) asked: Option<&'a str>,
    /// Whether it is a link to a folder.
    pub(super) link: bool,
    /// What it is needed for.
    pub(super) scope: Scope,
    /// The line.
    pub(super) line: u32,
    /// What its makers say who have given it up.
    pub(super) abandoned: Option<&'a str>,
}

/// One requirement that is met by an instance.
struct Edge<'a> {
    /// `None` for the project itself.
    parent: Option<usize>,
    child: usize,
    requirement: Cow<'a, str>,
}

/// A folder that has a `node_modules` folder.
struct Container<'a> {
    /// The next one above it.
    above: Option<usize>,
    /// The names in it and the positions of their instances.
    names: HashMap<&'a str, usize>,
}

/// What is installed where.
#[derive(Default)]
pub(super) struct Installed<'a> {
    instances: Vec<Instance<'a>>,
    containers: Vec<Container<'a>>,
    edges: Vec<Edge<'a>>,
}

impl<'a> Installed<'a> {
    /// Adds a folder below another one.
    pub(super) fn add_container(&mut self, above: Option<usize>) -> usize {
        self.containers.push(Container { above, names: HashMap::new() });
        self.containers.len() - 1
    }

    /// Adds a package to a folder under a name.
    pub(super) fn add_instance(&mut self, container: usize, name: &'a str, mut instance: Instance<'a>) -> usize {
        let position = self.instances.len();
        if let Some(resolved) = instance.resolved
            && let Some(version) = requirement::resolved_version(instance.name, instance.version, resolved)
        {
            instance.version = version;
        }
        self.instances.push(instance);
        if let Some(container) = self.containers.get_mut(container) {
            container.names.insert(name, position);
        }
        position
    }

    /// Notes that `parent` (`None`: the project) requires `name`; node looks for it from `container` upwards.
    pub(super) fn require(
        &mut self,
        parent: Option<usize>,
        container: usize,
        name: &str,
        requirement: impl Into<Cow<'a, str>>,
    ) {
        let mut next = Some(container);
        while let Some(container) = next.and_then(|position| self.containers.get(position)) {
            if let Some(&child) = container.names.get(name) {
                self.edges.push(Edge { parent, child, requirement: requirement.into() });
                return;
            }
            next = container.above;
        }
        // An optional or a peer dependency that is not installed.
    }

    /// The version of the instance at a position may come from elsewhere: from the folder that a link leads to.
    pub(super) fn set_version(&mut self, position: usize, version: &'a str) {
        if let Some(instance) = self.instances.get_mut(position) {
            instance.version = version;
        }
    }

    /// Takes everything that nothing requires as direct, for want of a manifest that would say.
    pub(super) fn require_the_unrequired(&mut self) {
        let mut required = vec![false; self.instances.len()];
        for edge in &self.edges {
            required[edge.child] = true;
        }
        let unrequired = (0..required.len()).filter(|&child| !required[child]);
        self.edges.extend(unrequired.map(|child| Edge { parent: None, child, requirement: Cow::Borrowed("") }));
    }

    /// The dependencies, in file order.
    pub(super) fn into_dependencies(mut self) -> Vec<Dependency> {
        // Sorted by child and parent; the sort is stable, so of several requirements the first one written counts.
        self.edges.sort_by_key(|edge| (edge.child, edge.parent));
        let mut edges = self.edges.iter().peekable();
        let mut dependencies = Vec::with_capacity(self.instances.len());
        for (position, instance) in self.instances.into_iter().enumerate() {
            let (mut direct, mut parents, mut requirements, mut asked) =
                (instance.link, Vec::new(), Vec::new(), Vec::new());
            while let Some(edge) = edges.next_if(|edge| edge.child == position) {
                asked.push(edge.requirement.as_ref());
                match edge.parent {
                    None => direct = true,
                    Some(parent) if parents.last() != Some(&parent) => {
                        parents.push(parent);
                        requirements.push(edge.requirement.to_string());
                    }
                    Some(_) => {}
                }
            }
            asked.extend(instance.asked);
            let origin = if instance.link { Origin::Path } else { requirement::origin(instance.resolved, &asked) };
            dependencies.push(Dependency {
                ecosystem: Ecosystem::Npm,
                name: instance.name.to_owned(),
                version: instance.version.to_owned(),
                origin,
                scope: instance.scope,
                direct,
                parents,
                requirements,
                line: instance.line,
                abandoned: instance.abandoned.map(str::to_owned),
            });
        }
        dependencies
    }
}
