//! Maven's pom.xml (<https://maven.apache.org/pom.html>).

mod element;
mod model;
mod settings;

use std::collections::{BTreeMap, HashSet};

use super::contract::text::explain;
use super::contract::unusable::Unusable;
use super::contract::xml::decode_xml;
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use element::Element;
use model::{Coordinates, Key, Project, Properties, parents};
use settings::Settings;

const WAY_OUT: &str = "compare it with what `mvn help:effective-pom` says";

/// The group of the plugins that name none.
const PLUGIN_GROUP: &str = "org.apache.maven.plugins";

/// Reads pom.xml: a manifest, but Maven has no lockfile, and a plain version in it is what is built.
///
/// What the file itself names is read: its dependencies, those that it manages for others (which pin what others bring
/// along), its plugins, all of these also in profiles, and its parent where that comes from a repository. Versions come
/// from the properties and the managed dependencies of the file and of its parents, as far as those are in the tree, from
/// what `.mvn` sets, and from each profile: which one is active is decided when Maven runs. What has no plain version after
/// that is counted and named: a range, `LATEST`, a property that nobody sets, a version that a parent or a list of versions
/// (scope `import`) outside the tree decides. A module of the same project counts as a path.
pub(super) struct Pom;

impl Extractor for Pom {
    fn id(&self) -> &'static str {
        "pom"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "pom.xml"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode_xml(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(file, &text).map(|read| read.found).map_err(|error| explain(&text, error, WAY_OUT))
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let read = decode_xml(file.content).ok().and_then(|text| read(file, &text).ok());
        let left_out = read.map(|read| read.profiles_left_out).filter(|number| *number > 0);
        let problem = |number: usize| {
            ParseError::new(format!("put in the properties of {number} more profiles: the file has too many of them"))
                .with_hint(WAY_OUT)
        };
        left_out.map(problem).into_iter().collect()
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let Some(read) = decode_xml(file.content).ok().and_then(|text| read(file, &text).ok()) else {
            return Vec::new();
        };
        let lack = ("has no version here", "have no version here");
        let asked = of(&read.open).noted(("direct dependency", "direct dependencies"), lack);
        let managed = of(&read.open_managed).noted(("managed dependency", "managed dependencies"), lack);
        asked.into_iter().chain(managed).collect()
    }
}

fn of(open: &BTreeMap<(u32, String), bool>) -> Unusable {
    let mut unusable = Unusable::default();
    open.iter().filter(|(_, is_open)| **is_open).for_each(|((line, name), _)| unusable.add(name, *line));
    unusable
}

/// What a place in the file says about the dependencies under it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The project needs it.
    Asked,
    /// The project decides its version, should somebody need it.
    Managed,
    /// The build runs it.
    Plugin,
    /// A plugin needs it.
    OfPlugin,
}

/// Together, the files that are put together once for each profile may have this many bytes.
const PROFILE_BYTES: usize = 16 * 1024 * 1024;

fn read<'a>(file: &'a SourceFile<'a>, text: &str) -> Result<Reading<'a>, ParseError> {
    let root = Element::parse(text)?;
    if root.name != "project" {
        return Err(ParseError::new("find `project` at its top").at_line(root.line));
    }
    let parents = parents(file, &root);
    let settings = Settings::of(file);
    let project = Project::resolve(&root, &parents, &settings, None);
    let mut reading = Reading { file: Some(file), ..Reading::default() };
    reading.parent(&root, &project);
    reading.overridden(&root, &project);
    reading.section(&root, &project, &project.properties);
    for profile in root.all("profiles", "profile") {
        let properties = project.properties.with(profile.child("properties"));
        reading.section(profile, &project, &properties);
    }
    // A profile of a parent sets properties as well.
    let profiles = parents.iter().rev().chain([&root]).flat_map(|project| project.all("profiles", "profile"));
    let profiles: Vec<&Element> = profiles.filter(|profile| profile.child("properties").is_some()).collect();
    let possible = (PROFILE_BYTES / text.len().max(1)).clamp(4, 64);
    reading.profiles_left_out = profiles.len().saturating_sub(possible);
    for profile in profiles.into_iter().take(possible) {
        let project = Project::resolve(&root, &parents, &settings, Some(profile));
        reading.section(&root, &project, &project.properties);
    }
    check_package_count(reading.found.len())?;
    reading.found.sort_by_key(|dependency| dependency.line);
    Ok(reading)
}

#[derive(Default)]
struct Reading<'a> {
    file: Option<&'a SourceFile<'a>>,
    found: Vec<Dependency>,
    seen: HashSet<(String, String)>,
    /// What the project asks for with a version of its own: this hides what it manages.
    own: HashSet<Key>,
    /// What is asked for, by line and name: whether it has no version in any reading.
    open: BTreeMap<(u32, String), bool>,
    /// The same of what is managed.
    open_managed: BTreeMap<(u32, String), bool>,
    profiles_left_out: usize,
}

impl Reading<'_> {
    /// A parent from a repository is a pinned artefact.
    fn parent(&mut self, root: &Element, project: &Project) {
        let Some(parent) = root.child("parent").filter(|_| !project.has_parents) else { return };
        let Some(coordinates) = Coordinates::read(parent, "", &project.properties) else { return };
        let Some(version) = coordinates.version.as_deref().and_then(exact) else { return };
        let name = format!("{}:{}", coordinates.group, coordinates.artifact);
        // Where the next parent is in the tree, it is a module of this project.
        if self.file.is_some_and(|file| has_module(file, &coordinates.artifact)) {
            return;
        }
        let mut dependency = Dependency::new(Ecosystem::Maven, name, version, coordinates.line);
        dependency.direct = true;
        self.found.push(dependency);
    }

    fn overridden(&mut self, root: &Element, project: &Project) {
        for element in root.all("dependencies", "dependency").filter(|element| element.text_of("version").is_some()) {
            let read = Coordinates::read(element, "", &project.properties);
            let plain = read.filter(|it| it.version.as_deref().and_then(exact).is_some());
            self.own.extend(plain.map(|coordinates| coordinates.key));
        }
    }

    /// The project itself, or one of its profiles.
    fn section(&mut self, section: &Element, project: &Project, properties: &Properties<'_>) {
        for element in section.all("dependencies", "dependency") {
            self.add(element, Role::Asked, project, properties);
        }
        let build = section.child("build");
        for plugin in build.into_iter().flat_map(|build| build.all("plugins", "plugin")) {
            self.add(plugin, Role::Plugin, project, properties);
            for element in plugin.all("dependencies", "dependency") {
                self.add(element, Role::OfPlugin, project, properties);
            }
        }
        let management = section.child("dependencyManagement");
        for element in management.into_iter().flat_map(|management| management.all("dependencies", "dependency")) {
            self.add(element, Role::Managed, project, properties);
        }
    }

    fn add(&mut self, element: &Element, role: Role, project: &Project, properties: &Properties<'_>) {
        let default_group = if role == Role::Plugin { PLUGIN_GROUP } else { "" };
        let Some(coordinates) = Coordinates::read(element, default_group, properties) else {
            let part = |name: &str| element.text_of(name).unwrap_or_default();
            self.note(role, element.line, format!("{}:{}", part("groupId"), part("artifactId")), true);
            return;
        };
        let managed = match role {
            Role::Asked => project.managed.get(&coordinates.key),
            Role::Plugin => project.managed_plugins.get(&coordinates.key),
            Role::Managed | Role::OfPlugin => None,
        };
        let version = coordinates.version.as_deref().or(managed.and_then(|managed| managed.version.as_deref()));
        let scope = coordinates.scope.as_deref().or(managed.and_then(|managed| managed.scope.as_deref()));
        let name = format!("{}:{}", coordinates.group, coordinates.artifact);
        // A list of versions is no code.
        if scope == Some("import") {
            return;
        }
        let version = version.and_then(exact);
        self.note(role, coordinates.line, name.clone(), version.is_none());
        let is_hidden = role == Role::Managed && self.own.contains(&coordinates.key);
        let Some(version) = version.filter(|_| !is_hidden) else { return };
        // What is asked for comes before what is managed, on whose line the same version would be told again.
        if !self.seen.insert((name.clone(), version.to_owned())) {
            return;
        }
        let mut dependency = Dependency::new(Ecosystem::Maven, name, version, coordinates.line);
        dependency.direct = matches!(role, Role::Asked | Role::Plugin);
        let is_development =
            matches!(role, Role::Plugin | Role::OfPlugin) || matches!(scope, Some("test" | "provided"));
        dependency.scope = if is_development { Scope::Development } else { Scope::Runtime };
        let is_own = coordinates.group == project.group
            && version == project.version
            && self.file.is_some_and(|file| has_module(file, &coordinates.artifact));
        if scope == Some("system") || is_own {
            dependency.origin = Origin::Path;
        }
        self.found.push(dependency);
    }

    /// Notes whether an entry has no version in one reading; plugins have defaults of Maven's own.
    fn note(&mut self, role: Role, line: u32, name: String, is_open: bool) {
        let open = match role {
            Role::Asked => &mut self.open,
            Role::Managed => &mut self.open_managed,
            Role::Plugin | Role::OfPlugin => return,
        };
        let known = open.entry((line, name)).or_insert(is_open);
        *known = *known && is_open;
    }
}

/// Whether a module of that name is in the tree: a pom.xml says so.
fn has_module(file: &SourceFile<'_>, artifact: &str) -> bool {
    /// So many that do not stand in a folder of about that name are read.
    const OTHERS: usize = 16;
    let wanted = format!("<artifactId>{artifact}</artifactId>");
    let poms = file.tree.entries().iter().map(|entry| &entry.path).filter(|path| path.file_name() == "pom.xml");
    let is_near = |path: &&RepoPath| {
        let folder = path.folder().rsplit('/').next().unwrap_or_default();
        folder.is_empty() || artifact.ends_with(folder) || folder.ends_with(artifact)
    };
    let (near, others): (Vec<&RepoPath>, Vec<&RepoPath>) = poms.partition(is_near);
    near.into_iter().chain(others.into_iter().take(OTHERS)).any(|path| {
        let content = file.tree.read(path).unwrap_or_default();
        let text = decode_xml(&content).unwrap_or_default();
        // The first artifact behind the parent is the project's own.
        let own = text.split_once("</parent>").map_or(&*text, |(_, rest)| rest);
        own.find("<artifactId>").is_some_and(|place| own.get(place..).is_some_and(|rest| rest.starts_with(&wanted)))
    })
}

/// A version that stands for one release: plain, or as a range of one (`[1.0]`).
fn exact(version: &str) -> Option<&str> {
    let version = version.strip_prefix('[').and_then(|range| range.strip_suffix(']')).unwrap_or(version);
    let is_plain = !version.is_empty()
        && !version.contains(['[', ']', '(', ')', ',', '$', '{', '}'])
        && !version.contains(char::is_whitespace)
        && !matches!(version, "LATEST" | "RELEASE");
    is_plain.then_some(version)
}

#[cfg(test)]
mod tests;
