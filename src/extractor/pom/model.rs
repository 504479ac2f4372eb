//! What a pom.xml takes from its parents: properties and versions
//! (<https://maven.apache.org/ref/current/maven-model-builder/>).

use std::collections::{HashMap, HashSet};

use super::super::contract::SourceFile;
use super::super::contract::xml::decode_xml;
use super::element::Element;
use super::settings::Settings;
use crate::model::repository::RepoPath;

/// More parents than any project has.
const PARENT_LIMIT: usize = 16;
/// More bytes of parents are not read: each module of a project reads them anew, and as trees they are large.
const PARENT_BYTES: usize = 4 * 1024 * 1024;
/// Properties in properties; deeper ones stay as they are written.
const NESTING_LIMIT: usize = 16;
/// A text that grows beyond this while properties are put in is none that a pom.xml needs.
const LENGTH_LIMIT: usize = 1024;

/// What tells two managed dependencies apart: group, artifact, type and classifier.
pub(super) type Key = (String, String, String, String);

/// What an element of a dependency or a plugin says.
pub(super) struct Coordinates {
    pub(super) key: Key,
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: Option<String>,
    pub(super) scope: Option<String>,
    /// The line of the artifact's name.
    pub(super) line: u32,
}

impl Coordinates {
    /// Reads one; `None` when its name cannot be told.
    pub(super) fn read(element: &Element, default_group: &str, properties: &Properties<'_>) -> Option<Self> {
        let text = |name: &str| element.text_of(name).map(|text| properties.expand(text));
        let plain = |text: String| (!text.is_empty() && !text.contains(['$', ':'])).then_some(text);
        let group = plain(text("groupId").unwrap_or_else(|| default_group.to_owned()))?;
        let artifact = plain(text("artifactId")?)?;
        let kind = text("type").unwrap_or_else(|| "jar".to_owned());
        let key = (group.clone(), artifact.clone(), kind, text("classifier").unwrap_or_default());
        let line = element.child("artifactId").map_or(element.line, |child| child.line);
        Some(Self { key, group, artifact, version: text("version"), scope: text("scope"), line })
    }
}

/// Properties by name, upon others that they hide.
#[derive(Clone, Default)]
pub(super) struct Properties<'a> {
    own: HashMap<String, String>,
    base: Option<&'a Self>,
    /// What `.mvn` sets beside the files.
    settings: Settings,
}

impl Properties<'_> {
    /// These below those of a profile, which come first.
    pub(super) fn with(&self, element: Option<&Element>) -> Properties<'_> {
        let mut properties = Properties { own: HashMap::new(), base: Some(self), settings: Settings::default() };
        properties.add(element);
        properties
    }

    fn add(&mut self, element: Option<&Element>) {
        let listed = element.into_iter().flat_map(|element| &element.children);
        self.own.extend(listed.map(|property| (property.name.clone(), property.text.clone())));
    }

    fn value(&self, name: &str) -> Option<&str> {
        // What the command line sets hides all else; what the machine sets is asked last.
        let settings = &self.base.unwrap_or(self).settings;
        let value = settings.user.get(name).or_else(|| self.own.get(name));
        let value = value.or_else(|| self.base.and_then(|base| base.own.get(name)));
        let value = value.or_else(|| settings.system.get(name));
        // A long one would be put in again and again.
        value.map(String::as_str).filter(|value| value.len() <= LENGTH_LIMIT)
    }

    /// Puts values in for `${name}`; a name that nobody sets stays.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..NESTING_LIMIT {
            let (mut expanded, mut rest, mut changed) = (String::new(), text.as_str(), false);
            while let Some((before, behind)) = rest.split_once("${") {
                let Some((name, after)) = behind.split_once('}') else { break };
                expanded.push_str(before);
                if let Some(value) = self.value(name) {
                    expanded.push_str(value);
                    changed = true;
                } else {
                    expanded.extend(["${", name, "}"]);
                }
                rest = after;
                if expanded.len() > LENGTH_LIMIT {
                    return expanded;
                }
            }
            expanded.push_str(rest);
            if !changed {
                return expanded;
            }
            text = expanded;
        }
        text
    }
}

/// A project together with its parents.
pub(super) struct Project {
    /// Whether all its parents are in the tree.
    pub(super) has_parents: bool,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) properties: Properties<'static>,
    pub(super) managed: HashMap<Key, Coordinates>,
    pub(super) managed_plugins: HashMap<Key, Coordinates>,
}

impl Project {
    /// Puts a project together with its parents; the properties of a profile hide theirs.
    pub(super) fn resolve(root: &Element, parents: &[Element], settings: &Settings, profile: Option<&Element>) -> Self {
        // The project's own words come last, so that they win.
        let line = || parents.iter().rev().chain([root]);
        let mut properties = Properties { settings: settings.clone(), ..Properties::default() };
        for project in line() {
            properties.add(project.child("properties"));
        }
        properties.add(profile.and_then(|profile| profile.child("properties")));
        let parent = root.child("parent");
        let of_parent = |name: &str| parent.and_then(|parent| parent.text_of(name));
        let own = |name: &str| root.text_of(name).or_else(|| of_parent(name)).unwrap_or_default();
        for (name, value) in
            [("groupId", own("groupId")), ("version", own("version")), ("artifactId", own("artifactId"))]
        {
            for prefix in ["project", "pom"] {
                properties.own.insert(format!("{prefix}.{name}"), value.to_owned());
            }
            let value = of_parent(name).unwrap_or_default();
            properties.own.insert(format!("project.parent.{name}"), value.to_owned());
        }
        let (mut managed, mut managed_plugins) = (HashMap::new(), HashMap::new());
        for project in line() {
            let lists = [project.child("dependencyManagement")].into_iter().flatten();
            let dependencies = lists.flat_map(|list| list.all("dependencies", "dependency"));
            add(&mut managed, dependencies, "", &properties);
            let lists = project.child("build").and_then(|build| build.child("pluginManagement")).into_iter();
            let plugins = lists.flat_map(|list| list.all("plugins", "plugin"));
            add(&mut managed_plugins, plugins, super::PLUGIN_GROUP, &properties);
        }
        let (group, version) = (properties.expand(own("groupId")), properties.expand(own("version")));
        let has_parents = parents.last().unwrap_or(root).child("parent").is_none();
        Self { has_parents, group, version, properties, managed, managed_plugins }
    }
}

fn add<'a>(
    managed: &mut HashMap<Key, Coordinates>,
    elements: impl Iterator<Item = &'a Element>,
    default_group: &str,
    properties: &Properties<'_>,
) {
    for element in elements {
        if let Some(coordinates) = Coordinates::read(element, default_group, properties) {
            managed.insert(coordinates.key.clone(), coordinates);
        }
    }
}

/// The parents of a project as far as they are in the tree, nearest first.
pub(super) fn parents(file: &SourceFile<'_>, root: &Element) -> Vec<Element> {
    let mut parents: Vec<Element> = Vec::new();
    let mut path = file.path.clone();
    let mut seen = HashSet::from([path.clone()]);
    let mut bytes = 0;
    while parents.len() < PARENT_LIMIT {
        let Some(parent) = parents.last().unwrap_or(root).child("parent") else { break };
        // An empty `relativePath` says that the parent is in a repository.
        let relative = parent.child("relativePath").map_or("../pom.xml", |path| path.text.as_str());
        let Some(found) = locate(&path, relative) else { break };
        if !seen.insert(found.clone()) {
            break;
        }
        // A parent that is absent or broken only costs versions, and is named by its own reading.
        let content = file.tree.read(&found).ok();
        bytes += content.as_ref().map_or(0, Vec::len);
        if bytes > PARENT_BYTES {
            break;
        }
        let text = content.as_deref().and_then(|content| decode_xml(content).ok());
        let Some(element) = text.and_then(|text| Element::parse(&text).ok()) else { break };
        // Maven looks into a repository when another project is there.
        if element.text_of("artifactId") != parent.text_of("artifactId") {
            break;
        }
        parents.push(element);
        path = found;
    }
    parents
}

/// The path that a relative one leads to; a folder stands for the pom.xml in it. `None` when it leaves the tree.
fn locate(from: &RepoPath, relative: &str) -> Option<RepoPath> {
    let mut parts: Vec<&str> = from.folder().split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.trim().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    if relative.trim().is_empty() {
        return None;
    }
    if parts.last().is_none_or(|last| last.strip_suffix(".xml").is_none()) {
        parts.push("pom.xml");
    }
    RepoPath::new(&parts.join("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_put_in_as_far_as_they_are_known() {
        let list = [("a", "1"), ("b", "${a}.${a}"), ("self", "${self}"), ("wide", &"${a}".repeat(2_000))];
        let own = list.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let properties = Properties { own, ..Properties::default() };
        for (text, expected) in [
            ("x", "x"),
            ("${a}-${b}", "1-1.1"),
            ("${c}${a}", "${c}1"),
            ("${self}", "${self}"),
            ("${a", "${a"),
            ("", ""),
        ] {
            assert_eq!(properties.expand(text), expected, "{text}");
        }
        assert_eq!(properties.expand("${wide}"), "${wide}");
        assert!(properties.expand(&"${b}".repeat(100_000)).len() < 2_000);
    }

    #[test]
    fn relative_paths_stay_in_the_tree() {
        let from = RepoPath::new("a/b/pom.xml").expect("a plain path");
        for (relative, expected) in [
            ("../pom.xml", Some("a/pom.xml")),
            ("..", Some("a/pom.xml")),
            ("../../parent/other.xml", Some("parent/other.xml")),
            ("./../x/", Some("a/x/pom.xml")),
            ("../../../pom.xml", None),
            ("", None),
        ] {
            assert_eq!(locate(&from, relative).as_ref().map(RepoPath::as_str), expected, "{relative}");
        }
    }
}
