//! Versions 2 and 3: the `packages` object, keyed by folder.

use foldhash::HashMap;

use super::super::contract::json::{Member, Node};
use super::super::contract::text::Lines;
use super::super::contract::{ParseError, check_package_count};
use super::installed::{Installed, Instance};
use crate::model::dependency::Scope;

/// The deepest folder that is accepted; npm nests less than 20 levels, each of them three parts at most.
const FOLDER_DEPTH_LIMIT: usize = 100;

/// The longest folder that is accepted, as for any other path in a repository.
const FOLDER_LENGTH_LIMIT: usize = 4096;

const NODE_MODULES: &str = "node_modules/";

/// Reads the `packages` object.
pub(super) fn read<'a>(packages: &'a Node<'_>, lines: &Lines) -> Result<Installed<'a>, ParseError> {
    check_package_count(packages.members().len())?;
    for member in packages.members() {
        let folder = member.key.as_ref();
        let fault = |message: String| Err(ParseError::new(message).at_line(lines.at(member.offset)));
        if !member.value.is_object() {
            return fault(format!("find an object under `{}`", folder.escape_debug()));
        }
        if folder.len() > FOLDER_LENGTH_LIMIT || folder.split('/').count() > FOLDER_DEPTH_LIMIT {
            return fault("read it: a package is nested deeper than npm nests any".to_owned());
        }
    }
    let mut tree = Tree::default();
    let folders: HashMap<&str, &Node<'_>> =
        packages.members().iter().map(|member| (member.key.as_ref(), &member.value)).collect();
    tree.add_containers(&folders);
    let positions: Vec<Option<usize>> =
        packages.members().iter().map(|member| tree.add_package(member, &folders, lines)).collect();
    for (member, position) in packages.members().iter().zip(positions) {
        tree.add_requirements(member, position);
    }
    Ok(tree.installed)
}

#[derive(Default)]
struct Tree<'a> {
    installed: Installed<'a>,
    /// The folders that have a `node_modules` folder.
    containers: HashMap<&'a str, usize>,
    /// The folders of the project that are linked to, and the links.
    links: HashMap<&'a str, usize>,
}

impl<'a> Tree<'a> {
    fn add_containers(&mut self, folders: &HashMap<&'a str, &'a Node<'_>>) {
        let mut containers: Vec<&'a str> = folders.keys().filter_map(|folder| Some(split_folder(folder)?.0)).collect();
        // The root is above every folder, and what is above comes first.
        containers.push("");
        containers.sort_unstable_by_key(|folder| (folder.len(), *folder));
        containers.dedup();
        for folder in containers {
            let above = parent_folder(folder).map(|parent| self.container_of(parent));
            let container = self.installed.add_container(above);
            self.containers.insert(folder, container);
        }
    }

    /// The nearest container at or above a folder.
    fn container_of(&self, folder: &str) -> usize {
        std::iter::successors(Some(folder), |folder| parent_folder(folder))
            .find_map(|folder| self.containers.get(folder).copied())
            .unwrap_or_default()
    }

    /// Adds a package that stands in a `node_modules` folder; all others are folders of the project.
    fn add_package(
        &mut self,
        member: &'a Member<'_>,
        folders: &HashMap<&'a str, &'a Node<'_>>,
        lines: &Lines,
    ) -> Option<usize> {
        let entry = &member.value;
        let (container, name) = split_folder(&member.key)?;
        let container = self.containers.get(container).copied()?;
        let link = entry.is_true("link");
        let instance = Instance {
            // An alias gives the package's own name beside it.
            name: entry.text_at("name").unwrap_or(name),
            version: entry.text_at("version").unwrap_or_default(),
            resolved: entry.text_at("resolved"),
            asked: None,
            link,
            scope: if entry.is_true("dev") { Scope::Development } else { Scope::Runtime },
            line: lines.at(member.offset),
            abandoned: entry.text_at("deprecated"),
        };
        let position = self.installed.add_instance(container, name, instance);
        if link && let Some(target) = entry.text_at("resolved") {
            self.links.entry(target).or_insert(position);
            if let Some(version) = folders.get(target).and_then(|folder| folder.text_at("version")) {
                self.installed.set_version(position, version);
            }
        }
        Some(position)
    }

    fn add_requirements(&mut self, member: &'a Member<'_>, position: Option<usize>) {
        let container = self.container_of(&member.key);
        let entry = &member.value;
        let development = position.is_none().then_some("devDependencies");
        let lists = ["dependencies", "optionalDependencies", "peerDependencies"].into_iter().chain(development);
        for (name, requirement) in lists.flat_map(|list| entry.texts_at(list)) {
            if position.is_none() {
                // The root and the workspaces are the project itself; a workspace is a dependency as well.
                self.installed.require(None, container, name, requirement);
            }
            if let Some(parent) = position.or_else(|| self.links.get(member.key.as_ref()).copied()) {
                self.installed.require(Some(parent), container, name, requirement);
            }
        }
    }
}

/// `a/node_modules/@s/b` is the name `@s/b` in the container `a`; `None` for what is in no `node_modules` folder.
fn split_folder(folder: &str) -> Option<(&str, &str)> {
    if let Some(position) = folder.rfind("/node_modules/") {
        return Some((&folder[..position], &folder[position + 1 + NODE_MODULES.len()..]));
    }
    folder.strip_prefix(NODE_MODULES).map(|name| ("", name))
}

fn parent_folder(folder: &str) -> Option<&str> {
    if folder.is_empty() { None } else { Some(folder.rsplit_once('/').map_or("", |(parent, _)| parent)) }
}
