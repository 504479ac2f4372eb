//! Maven's pom.xml (<https://maven.apache.org/pom.html>).

mod element;
mod model;

use std::collections::HashSet;

use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use element::Element;
use model::{Coordinates, Project, Properties};

const WAY_OUT: &str = "compare it with what `mvn help:effective-pom` says";

/// The group of the plugins that name none.
const PLUGIN_GROUP: &str = "org.apache.maven.plugins";

/// Reads pom.xml: a manifest, but Maven has no lockfile, and a plain version in it is what is built.
///
/// What the file itself names is read: its dependencies, those that it manages for others (which pin what others bring
/// along), its plugins, all of these also in profiles. Versions come from the properties and the managed dependencies of
/// the file and of its parents, as far as those are in the tree. What has no plain version after that is left out: a
/// range, `LATEST`, a property that nobody sets, a version that a parent or a list of versions (scope `import`) outside
/// the tree decides. A module of the same project counts as a path.
pub(super) struct Pom;

impl Extractor for Pom {
    fn id(&self) -> &'static str {
        "pom"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "pom.xml"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
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

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Element::parse(text)?;
    if root.name != "project" {
        return Err(ParseError::new("find `project` at its top").at_line(root.line));
    }
    let project = Project::resolve(file, &root);
    let mut reading = Reading { project: &project, found: Vec::new(), seen: HashSet::new() };
    reading.section(&root, &project.properties);
    for profile in root.all("profiles", "profile") {
        let properties = project.properties.with(profile.child("properties"));
        reading.section(profile, &properties);
    }
    let mut dependencies = reading.found;
    check_package_count(dependencies.len())?;
    dependencies.sort_by_key(|dependency| dependency.line);
    Ok(dependencies)
}

struct Reading<'a> {
    project: &'a Project,
    found: Vec<Dependency>,
    seen: HashSet<(String, String)>,
}

impl Reading<'_> {
    /// The project itself, or one of its profiles.
    fn section(&mut self, section: &Element, properties: &Properties<'_>) {
        for element in section.all("dependencies", "dependency") {
            self.add(element, Role::Asked, properties);
        }
        let build = section.child("build");
        for plugin in build.into_iter().flat_map(|build| build.all("plugins", "plugin")) {
            self.add(plugin, Role::Plugin, properties);
            for element in plugin.all("dependencies", "dependency") {
                self.add(element, Role::OfPlugin, properties);
            }
        }
        let management = section.child("dependencyManagement");
        for element in management.into_iter().flat_map(|management| management.all("dependencies", "dependency")) {
            self.add(element, Role::Managed, properties);
        }
    }

    fn add(&mut self, element: &Element, role: Role, properties: &Properties<'_>) {
        let default_group = if role == Role::Plugin { PLUGIN_GROUP } else { "" };
        let Some(coordinates) = Coordinates::read(element, default_group, properties) else { return };
        let managed = match role {
            Role::Asked => self.project.managed.get(&coordinates.key),
            Role::Plugin => self.project.managed_plugins.get(&coordinates.key),
            Role::Managed | Role::OfPlugin => None,
        };
        let version = coordinates.version.as_deref().or(managed.and_then(|managed| managed.version.as_deref()));
        let scope = coordinates.scope.as_deref().or(managed.and_then(|managed| managed.scope.as_deref()));
        // A list of versions is no code.
        let Some(version) = version.and_then(exact).filter(|_| scope != Some("import")) else { return };
        let name = format!("{}:{}", coordinates.group, coordinates.artifact);
        // What is asked for comes before what is managed, on whose line the same version would be told again.
        if !self.seen.insert((name.clone(), version.to_owned())) {
            return;
        }
        let mut dependency = Dependency::new(Ecosystem::Maven, name, version, coordinates.line);
        dependency.direct = matches!(role, Role::Asked | Role::Plugin);
        let is_development =
            matches!(role, Role::Plugin | Role::OfPlugin) || matches!(scope, Some("test" | "provided"));
        dependency.scope = if is_development { Scope::Development } else { Scope::Runtime };
        let is_own = coordinates.group == self.project.group && version == self.project.version;
        if scope == Some("system") || is_own {
            dependency.origin = Origin::Path;
        }
        self.found.push(dependency);
    }
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
