//! The lockfile as a graph: who asks for what, and what below each package would have to change with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::super::bench::State;
use super::super::failure::Failure;
use super::index::{Index, Known};
use crate::model::dependency::{Dependency, Origin};
use crate::updater::DirectRequirement;

/// How deep it is looked whether a package is still needed.
const DEPTH_LIMIT: usize = 8;

/// Who asks for a package.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// The project, which may raise what it asks for.
    Project(DirectRequirement),
    /// Another locked package, which may move.
    Package(usize),
    /// A package from elsewhere than the registry, of which nothing is known.
    Fixed(usize),
}

/// One requirement on a locked package.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) asker: Asker,
    pub(super) requirement: String,
}

/// What is planned: releases by the place of the package that moves there.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) moves: BTreeMap<usize, Known>,
    /// Requirements of the project that have to be raised: the place, the new version, and what is asked for now.
    pub(super) raises: Vec<(usize, String, DirectRequirement)>,
    /// Packages that come in with it, as far as the index tells: name and the version that the tool is likely to take.
    pub(super) added: BTreeSet<(String, String)>,
}

pub(super) struct Graph<'a> {
    pub(super) index: &'a Index<'a>,
    pub(super) state: &'a State,
    by_name: HashMap<&'a str, Vec<usize>>,
    children: Vec<Vec<usize>>,
    project: BTreeMap<String, Vec<DirectRequirement>>,
    links: RefCell<HashMap<usize, Rc<Vec<Link>>>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(index: &'a Index<'a>, state: &'a State) -> Result<Self, Failure> {
        let dependencies = &state.lockfile.dependencies;
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut children = vec![Vec::new(); dependencies.len()];
        for (position, dependency) in dependencies.iter().enumerate() {
            by_name.entry(dependency.name.as_str()).or_default().push(position);
            for &parent in &dependency.parents {
                if let Some(list) = children.get_mut(parent) {
                    list.push(position);
                }
            }
        }
        let files = index.bench.files(&state.changed)?;
        let mut project: BTreeMap<String, Vec<DirectRequirement>> = BTreeMap::new();
        for (package, requirement) in index.bench.updater.every_requirement(&files, index.bench.request.tree) {
            project.entry(package).or_default().push(requirement);
        }
        Ok(Self { index, state, by_name, children, project, links: RefCell::default() })
    }

    pub(super) fn at(&self, position: usize) -> &'a Dependency {
        &self.state.lockfile.dependencies[position]
    }

    /// The places of a package, one for each locked version.
    pub(super) fn places(&self, package: &str) -> &[usize] {
        self.by_name.get(package).map_or(&[], Vec::as_slice)
    }

    /// Whether the package at a place may be moved by us at all.
    pub(super) fn is_movable(&self, position: usize) -> bool {
        let dependency = self.at(position);
        matches!(dependency.origin, Origin::Registry { .. }) && !self.index.bench.foreign.contains(&dependency.name)
    }

    /// The places of what a package requires as locked.
    pub(super) fn children(&self, position: usize) -> &[usize] {
        &self.children[position]
    }

    /// The names of what a package requires as locked.
    pub(super) fn required_names(&self, position: usize) -> BTreeSet<&'a str> {
        self.children[position].iter().map(|&child| self.at(child).name.as_str()).collect()
    }

    /// What a release needs at a place besides what it always needs: what is required there now, and what the features turn on
    /// that are on there now, by all that they turn on being required.
    pub(super) fn options(&self, position: usize, release: &Known) -> Result<BTreeSet<String>, Failure> {
        let package = self.at(position);
        let names = self.required_names(position);
        let mut options: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        if let Some(old) = self.index.release(&package.name, &package.version)? {
            let is_on = |turned_on: &BTreeSet<String>| {
                !turned_on.is_empty() && turned_on.iter().all(|package| names.contains(package.as_str()))
            };
            let on = old.features.iter().filter(|(_, turned_on)| is_on(turned_on)).map(|(name, _)| name);
            options.extend(release.turned_on(on));
        }
        Ok(options)
    }

    /// Whether what stands at a place with a draft has some features; of what does not move, the tool knows.
    pub(super) fn has_features(draft: &Draft, position: usize, asked: &BTreeSet<String>) -> bool {
        draft.moves.get(&position).is_none_or(|release| asked.iter().all(|name| release.has_feature(name)))
    }

    /// The names of what requires a package.
    pub(super) fn parent_names(&self, position: usize) -> impl Iterator<Item = &'a str> {
        self.at(position).parents.iter().map(|&parent| self.at(parent).name.as_str())
    }

    /// The requirements on the package at a place, as they are locked.
    pub(super) fn links(&self, position: usize) -> Result<Rc<Vec<Link>>, Failure> {
        if let Some(known) = self.links.borrow().get(&position) {
            return Ok(Rc::clone(known));
        }
        let child = self.at(position);
        let is_about = |wanted: &str| self.index.admits(wanted, &child.version);
        let mut links = Vec::new();
        if child.direct {
            let written = self.project.get(&child.name).into_iter().flatten();
            let about = written.filter(|direct| is_about(&direct.requirement));
            links.extend(
                about.map(|direct| Link {
                    requirement: direct.requirement.clone(),
                    asker: Asker::Project(direct.clone()),
                }),
            );
        }
        for &parent in &child.parents {
            let above = self.at(parent);
            if above.origin == Origin::Path {
                continue;
            }
            if self.is_movable(parent) {
                let release = self.index.release(&above.name, &above.version)?;
                let known = release.iter().flat_map(|release| release.requirements.iter().flatten());
                let wanted = known.filter(|(name, wanted)| *name == child.name && is_about(wanted));
                links.extend(
                    wanted.map(|(_, requirement)| Link {
                        asker: Asker::Package(parent),
                        requirement: requirement.clone(),
                    }),
                );
            } else {
                let version = child.version.split('+').next().unwrap_or_default();
                links.push(Link { asker: Asker::Fixed(parent), requirement: format!("={version}") });
            }
        }
        let links = Rc::new(links);
        self.links.borrow_mut().insert(position, Rc::clone(&links));
        Ok(links)
    }

    /// The version at which the package of a place stands with a draft.
    pub(super) fn version<'b>(&'b self, draft: &'b Draft, position: usize) -> &'b str {
        draft.moves.get(&position).map_or(self.at(position).version.as_str(), |release| release.version.as_str())
    }

    /// What the package at a place asks for of another, with a draft: all its ranges, or `None` where it has none any more.
    pub(super) fn asks(&self, draft: &Draft, position: usize, package: &str) -> Option<Vec<String>> {
        let release = draft.moves.get(&position)?;
        let wanted = release.requirements.iter().flatten().filter(|(name, _)| name == package);
        let is_asked = !release.optional.contains(package) || self.required_names(position).contains(package);
        Some(wanted.filter(|_| is_asked).map(|(_, wanted)| wanted.clone()).collect())
    }

    /// Whether a link still asks for the version at which its package stands.
    pub(super) fn holds(&self, draft: &Draft, link: &Link, position: usize) -> bool {
        let version = self.version(draft, position);
        match &link.asker {
            Asker::Package(parent) => match self.asks(draft, *parent, &self.at(position).name) {
                Some(ranges) => ranges.iter().any(|wanted| self.index.admits(wanted, version)),
                None => self.index.admits(&link.requirement, version),
            },
            Asker::Project(_) | Asker::Fixed(_) => self.index.admits(&link.requirement, version),
        }
    }

    /// Whether ranges that are asked for keep a package at its place: they admit the version that stands there, or lead to one
    /// that would come to the same place.
    fn keeps(&self, draft: &Draft, position: usize, ranges: &[String]) -> Result<bool, Failure> {
        let version = self.version(draft, position);
        if ranges.iter().any(|wanted| self.index.admits(wanted, version)) {
            return Ok(true);
        }
        let package = self.at(position);
        let releases = self.index.releases(&package.name)?;
        Ok(ranges.iter().any(|wanted| {
            let newest = releases.iter().rev().find(|it| !it.yanked && self.index.admits(wanted, &it.version));
            newest.is_some_and(|newest| self.index.share_a_place(&package.version, &newest.version))
        }))
    }

    /// Whether nothing asks for the package of a place any more.
    pub(super) fn is_gone(&self, draft: &Draft, position: usize) -> Result<bool, Failure> {
        self.is_gone_below(draft, position, 0)
    }

    fn is_gone_below(&self, draft: &Draft, position: usize, depth: usize) -> Result<bool, Failure> {
        let links = self.links(position)?;
        if depth > DEPTH_LIMIT || links.is_empty() {
            return Ok(false);
        }
        for link in links.iter() {
            let Asker::Package(parent) = link.asker else { return Ok(false) };
            let dropped = match self.asks(draft, parent, &self.at(position).name) {
                Some(ranges) => !self.keeps(draft, position, &ranges)?,
                None => false,
            };
            if !dropped && !self.is_gone_below(draft, parent, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
