//! Bills of materials: what their formats have in common, packages by address and who contains or requires whom.

use std::collections::{HashMap, HashSet, VecDeque};

use super::graph::{link, roots_are_direct};
use super::os_release::System;
use super::unusable::Unusable;
use super::{ParseError, check_package_count, purl};
use crate::model::dependency::{Dependency, Origin, PackageVersion, Scope};

/// An element of a document: a package, a file, an application, the project itself.
#[derive(Default)]
pub(in crate::extractor) struct Element<'a> {
    /// Its name inside the document; empty for one without.
    pub(in crate::extractor) id: &'a str,
    /// Its name for people.
    pub(in crate::extractor) name: &'a str,
    /// The version that stands beside its addresses, which may lack one.
    pub(in crate::extractor) version: Option<&'a str>,
    /// Whether it is a package: one whose addresses are not understood is told.
    pub(in crate::extractor) is_package: bool,
    /// Its addresses; the first that is understood counts.
    pub(in crate::extractor) purls: Vec<&'a str>,
    /// The line of its address, or of the element.
    pub(in crate::extractor) line: u32,
    /// Whether the element itself says that it is not for production.
    pub(in crate::extractor) is_development: bool,
    /// The source package, where something else than the address tells it.
    pub(in crate::extractor) source: Option<PackageVersion>,
}

/// One element requires or contains another.
pub(in crate::extractor) struct Edge<'a> {
    /// The one that requires.
    pub(in crate::extractor) from: &'a str,
    /// The one that is required.
    pub(in crate::extractor) to: &'a str,
    /// Whether only for development, tests or the build.
    pub(in crate::extractor) is_development: bool,
}

/// A document.
#[derive(Default)]
pub(in crate::extractor) struct Bom<'a> {
    /// Everything listed, in file order.
    pub(in crate::extractor) elements: Vec<Element<'a>>,
    /// Who requires whom.
    pub(in crate::extractor) edges: Vec<Edge<'a>>,
    /// What the document is about: the project itself, which is no dependency.
    pub(in crate::extractor) subject: Option<&'a str>,
    /// The operating system that is listed.
    pub(in crate::extractor) system: Option<System>,
}

/// How packages are counted that nobody can look up, and what holds of them.
pub(in crate::extractor) const UNUSABLE: ((&str, &str), (&str, &str)) =
    (("component", "components"), ("names no package that advisories know", "name no package that advisories know"));

impl Bom<'_> {
    /// The dependencies, and the packages without an address that is understood; through these, what the subject
    /// contains is still direct.
    pub(in crate::extractor) fn dependencies(&self) -> Result<(Vec<Dependency>, Unusable), ParseError> {
        let mut unusable = Unusable::default();
        check_package_count(self.elements.len())?;
        let mut positions: HashMap<&str, usize> = HashMap::new();
        let mut found = Vec::new();
        for element in &self.elements {
            if !element.id.is_empty() && (self.subject == Some(element.id) || positions.contains_key(element.id)) {
                continue;
            }
            let mut read = element.purls.iter().filter_map(|it| {
                purl::dependency(&purl::with_version(it, element.version), self.system.as_ref(), element.line)
            });
            let Some(mut dependency) = read.next() else {
                if element.is_package {
                    unusable.add(if element.name.is_empty() { element.id } else { element.name }, element.line);
                }
                continue;
            };
            if element.is_development {
                dependency.scope = Scope::Development;
            }
            if let (Origin::System { source: source @ None, .. }, Some(own)) = (&mut dependency.origin, &element.source)
            {
                *source =
                    Some(own.clone()).filter(|own| own.name != dependency.name || own.version != dependency.version);
            }
            if !element.id.is_empty() {
                positions.insert(element.id, found.len());
            }
            found.push(dependency);
        }
        let edges = self.edges.iter().filter_map(|edge| Some((*positions.get(edge.from)?, *positions.get(edge.to)?)));
        let edges: Vec<_> = edges.collect();
        link(&mut found, edges);
        match self.subject.filter(|subject| self.edges.iter().any(|edge| edge.from == *subject)) {
            Some(subject) => self.mark(subject, &positions, &mut found),
            None => roots_are_direct(&mut found),
        }
        Ok((found, unusable))
    }

    /// Marks what the subject requires as direct, and what it only reaches for development.
    fn mark(&self, subject: &str, positions: &HashMap<&str, usize>, found: &mut [Dependency]) {
        let mut edges: HashMap<&str, Vec<&Edge<'_>>> = HashMap::new();
        for edge in &self.edges {
            edges.entry(edge.from).or_default().push(edge);
        }
        let next = |id: &str| edges.get(id).into_iter().flatten().copied();
        // Files and folders between the subject and a package do not make the package indirect.
        let (mut open, mut seen) = (vec![subject], HashSet::from([subject]));
        while let Some(id) = open.pop() {
            for edge in next(id) {
                match positions.get(edge.to) {
                    Some(&position) => found[position].direct = true,
                    None if seen.insert(edge.to) => open.push(edge.to),
                    None => {}
                }
            }
        }
        if self.edges.iter().any(|edge| edge.is_development) {
            let reach = |with_development: bool| {
                let (mut open, mut reached) = (VecDeque::from([subject]), HashSet::from([subject]));
                while let Some(id) = open.pop_front() {
                    for edge in next(id).filter(|edge| with_development || !edge.is_development) {
                        if reached.insert(edge.to) {
                            open.push_back(edge.to);
                        }
                    }
                }
                reached
            };
            let (runtime, all) = (reach(false), reach(true));
            for (id, &position) in positions {
                if all.contains(id) && !runtime.contains(id) {
                    found[position].scope = Scope::Development;
                }
            }
        }
    }
}
