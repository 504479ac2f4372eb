//! Versions 2 and 3: the `packages` object, keyed by folder.

use std::borrow::Cow;

use foldhash::HashMap;
use url::Url;

use super::super::contract::json::{Member, Node};
use super::super::contract::npm::requirement::is_local;
use super::super::contract::text::Lines;
use super::super::contract::{ParseError, check_package_count};
use super::beside::{self, Forms};
use super::bundle::Bundled;
use super::installed::{Installed, Instance};
use super::location::{location, name_of};
use crate::model::dependency::Scope;
use crate::model::doubt::Doubt;

/// The deepest folder that is accepted; npm nests less than 20 levels, each of them three parts at most.
const FOLDER_DEPTH_LIMIT: usize = 100;

/// The longest folder that is accepted, as for any other path in a repository.
const FOLDER_LENGTH_LIMIT: usize = 4096;

const NODE_MODULES: &str = "node_modules/";

/// Reads the `packages` object; `legacy` is the old form beside it, which version 2 has for npm 6.
pub(super) fn read<'a>(
    packages: &'a Node<'_>,
    legacy: Option<&'a Node<'_>>,
    lines: &Lines,
) -> Result<Installed<'a>, ParseError> {
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
    let locations: Vec<Cow<'_, str>> = packages.members().iter().map(|member| location(&member.key)).collect();
    let mut tree = Tree::default();
    let folders: HashMap<&str, &Node<'_>> =
        locations.iter().zip(packages.members()).map(|(folder, member)| (folder.as_ref(), &member.value)).collect();
    tree.add_containers(&folders);
    let entries = || packages.members().iter().zip(&locations);
    let bundled = Bundled::of(&folders);
    let positions: Vec<Option<usize>> =
        entries().map(|(member, folder)| tree.add_package((member, folder), (&folders, &bundled), lines)).collect();
    for ((member, folder), position) in entries().zip(&positions) {
        tree.add_requirements(member, folder, *position);
    }
    if let Some(legacy) = legacy {
        let placed = locations.iter().zip(&positions).filter_map(|(folder, it)| Some((folder.as_ref(), (*it)?)));
        let forms = Forms { legacy, placed: placed.collect(), folders: &folders, lines };
        beside::compare(&forms, &mut tree.installed);
    }
    Ok(tree.installed)
}

/// Addresses that npm fetches as they stand (`npa.js` of npm-package-arg 13); anything else is asked for anew.
const FETCHED: [&str; 10] =
    ["http", "https", "git", "git+ssh", "git+https", "git+http", "git+file", "github", "ssh", "file"];

/// Why npm would not install the version that an entry names: `resolved` is no address but a range or another name, or there
/// is none and `version` is no exact version. npm then asks its registry for what stands there.
pub(super) fn asked_anew(resolved: Option<&str>, version: Option<&str>) -> Option<Doubt> {
    let (key, written, is_exact) = match (resolved, version) {
        (Some(resolved), _) => {
            let is_fetched = |url: Url| FETCHED.contains(&url.scheme());
            // Nearly all are, and need not be taken apart; a path leads to a file on disk.
            let is_exact =
                resolved.starts_with("https://") || is_local(resolved) || Url::parse(resolved).is_ok_and(is_fetched);
            ("resolved", resolved, is_exact)
        }
        (None, Some(version)) => {
            ("version", version, semver::Version::parse(version.trim_start_matches(['v', '='])).is_ok())
        }
        (None, None) => return None,
    };
    let reason = || format!("its `{key}` is `{written}`, for which npm asks the registry anew");
    (!is_exact).then(|| Doubt::contradiction(reason(), None))
}

/// The packages as folders; `'f` is for as long as these are read.
#[derive(Default)]
struct Tree<'a, 'f> {
    installed: Installed<'a>,
    /// The folders that have a `node_modules` folder.
    containers: HashMap<&'f str, usize>,
    /// The folders of the project that are linked to, and the links.
    links: HashMap<&'f str, usize>,
}

impl<'a: 'f, 'f> Tree<'a, 'f> {
    fn add_containers(&mut self, folders: &HashMap<&'f str, &'a Node<'_>>) {
        let mut containers: Vec<&'f str> = folders.keys().filter_map(|folder| Some(split_folder(folder)?.0)).collect();
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
        (member, folder): (&'a Member<'_>, &'f Cow<'a, str>),
        (folders, bundled): (&HashMap<&'f str, &'a Node<'_>>, &Bundled),
        lines: &Lines,
    ) -> Option<usize> {
        let entry = &member.value;
        let (container, place) = split_folder(folder)?;
        let container = self.containers.get(container).copied()?;
        let link = entry.is_true("link");
        let name = match folder {
            Cow::Borrowed(folder) => Cow::Borrowed(name_of(folder)),
            Cow::Owned(folder) => Cow::Owned(name_of(folder).to_owned()),
        };
        let mut doubts = Vec::new();
        if name != place || matches!(folder, Cow::Owned(_)) {
            let reason = format!("npm reads its key `{}` as `{folder}`", member.key);
            doubts.push(Doubt::contradiction(reason, None));
        }
        // What an archive brings along is not fetched: it has no address, and no checksum but that of the archive.
        let is_bundled = entry.get("resolved").is_none() && bundled.holds(folder);
        if !link && !is_bundled {
            doubts.extend(asked_anew(entry.text_at("resolved"), entry.text_at("version")));
        }
        let instance = Instance {
            // An alias gives the package's own name beside it.
            name: entry.text_at("name").map_or_else(|| name.clone(), Cow::Borrowed),
            version: entry.text_at("version").unwrap_or_default(),
            resolved: entry.text_at("resolved"),
            asked: None,
            link,
            is_checked: is_bundled || entry.text_at("integrity").is_some(),
            scope: if entry.is_true("dev") { Scope::Development } else { Scope::Runtime },
            line: lines.at(member.offset),
            abandoned: entry.text_at("deprecated"),
            doubts,
        };
        let position = self.installed.add_instance(container, name, instance);
        if link && let Some(target) = entry.text_at("resolved") {
            // The folder as its own key has it.
            let target = location(target);
            let target = folders.get_key_value(target.as_ref());
            if let Some((folder, _)) = target {
                self.links.entry(folder).or_insert(position);
            }
            if let Some(version) = target.and_then(|(_, entry)| entry.text_at("version")) {
                self.installed.set_version(position, version);
            }
        }
        Some(position)
    }

    fn add_requirements(&mut self, member: &'a Member<'_>, folder: &str, position: Option<usize>) {
        let container = self.container_of(folder);
        let entry = &member.value;
        let development = position.is_none().then_some("devDependencies");
        let lists = ["dependencies", "optionalDependencies", "peerDependencies"].into_iter().chain(development);
        for (name, requirement) in lists.flat_map(|list| entry.texts_at(list)) {
            if position.is_none() {
                // The root and the workspaces are the project itself; a workspace is a dependency as well.
                self.installed.require(None, container, name, requirement);
            }
            if let Some(parent) = position.or_else(|| self.links.get(folder).copied()) {
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
