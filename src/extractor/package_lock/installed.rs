//! The tree that npm installs: packages in folders, and who finds whom.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};

use super::super::contract::npm::{archive, requirement};
use super::super::contract::sources::{Checksums, Sources};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;

/// One package in one `node_modules` folder.
pub(super) struct Instance<'a> {
    /// The package's own name, also where it is installed under another.
    pub(super) name: Cow<'a, str>,
    /// The version as written; empty or no version at all where npm was asked for an address.
    pub(super) version: &'a str,
    /// Where the file says it came from: an address, a path, or nothing.
    pub(super) resolved: Option<&'a str>,
    /// What was asked for, where the file repeats it beside the package (version 1).
    pub(super) asked: Option<&'a str>,
    /// Whether it is a link to a folder.
    pub(super) link: bool,
    /// Whether it has a checksum, or comes inside another package, whose checksum counts.
    pub(super) is_checked: bool,
    /// What it is needed for.
    pub(super) scope: Scope,
    /// The line.
    pub(super) line: u32,
    /// What its makers say who have given it up.
    pub(super) abandoned: Option<&'a str>,
    /// Why it may not be what its entry says.
    pub(super) doubts: Vec<Doubt>,
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
    names: HashMap<Cow<'a, str>, usize>,
}

/// What is installed where.
#[derive(Default)]
pub(super) struct Installed<'a> {
    instances: Vec<Instance<'a>>,
    containers: Vec<Container<'a>>,
    edges: Vec<Edge<'a>>,
    /// The packages whose place has capitals: the folder, that place in small letters, and the position.
    cased: Vec<(usize, String, usize)>,
}

impl<'a> Installed<'a> {
    /// Adds a folder below another one.
    pub(super) fn add_container(&mut self, above: Option<usize>) -> usize {
        self.containers.push(Container { above, names: HashMap::new() });
        self.containers.len() - 1
    }

    /// Adds a package to a folder under a name. Of several in one place npm installs the last, so that all of them are in
    /// doubt.
    pub(super) fn add_instance(
        &mut self,
        container: usize,
        name: impl Into<Cow<'a, str>>,
        mut instance: Instance<'a>,
    ) -> usize {
        let position = self.instances.len();
        if let Some(resolved) = instance.resolved.filter(|_| !instance.link) {
            if let Some(version) = requirement::resolved_version(&instance.name, instance.version, resolved) {
                instance.version = version;
            }
            instance.doubts.extend(archive::contradiction(&instance.name, instance.version, resolved));
        }
        let name = name.into();
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.cased.push((container, name.to_ascii_lowercase(), position));
        }
        let before = self.containers.get_mut(container).and_then(|it| it.names.insert(name, position));
        if let Some(before) = before.and_then(|before| self.instances.get_mut(before)) {
            let doubt = || Doubt::contradiction("another entry stands for the same folder", None);
            before.doubts.push(doubt());
            instance.doubts.push(doubt());
        }
        self.instances.push(instance);
        position
    }

    /// Notes a doubt about packages of which npm, for which names ignore case here, installs the last.
    fn doubt_case(&mut self) {
        for (container, folded, position) in std::mem::take(&mut self.cased) {
            let twin = self.containers.get(container).and_then(|it| it.names.get(folded.as_str()).copied());
            for position in twin.into_iter().flat_map(|twin| [twin, position]) {
                self.doubt(position, Doubt::contradiction("another entry stands for the same folder", None));
            }
        }
    }

    /// Adds a package that stands in no folder of this tree.
    pub(super) fn add_outside(&mut self, instance: Instance<'a>) -> usize {
        self.add_instance(usize::MAX, "", instance)
    }

    /// Notes a doubt about the package at a position.
    pub(super) fn doubt(&mut self, position: usize, doubt: Doubt) {
        if let Some(instance) = self.instances.get_mut(position) {
            instance.doubts.push(doubt);
        }
    }

    /// The name and the version of the package at a position.
    pub(super) fn package(&self, position: usize) -> Option<(&str, &str)> {
        self.instances.get(position).map(|instance| (instance.name.as_ref(), instance.version))
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
        self.doubt_case();
        // Sorted by child and parent; the sort is stable, so of several requirements the first one written counts.
        self.edges.sort_by_key(|edge| (edge.child, edge.parent));
        let mut edges = self.edges.iter().peekable();
        let mut dependencies = Vec::with_capacity(self.instances.len());
        let mut sources = Sources::default();
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
            if origin == (Origin::Registry { url: None }) {
                sources.note_checksum(position, instance.is_checked);
                instance.resolved.into_iter().for_each(|resolved| sources.note_address(position, resolved));
            }
            dependencies.push(Dependency {
                ecosystem: Ecosystem::Npm,
                name: instance.name.into_owned(),
                version: instance.version.to_owned(),
                origin,
                scope: instance.scope,
                direct,
                parents,
                requirements,
                line: instance.line,
                abandoned: instance.abandoned.map(str::to_owned),
                doubts: instance.doubts,
            });
        }
        sources.judge(&mut dependencies, Checksums::Always);
        dependencies
    }
}
