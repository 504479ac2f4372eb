//! Conan's conan.lock: lists of references since Conan 2 (version 0.5), a graph before
//! (<https://docs.conan.io/2/tutorial/versioning/lockfiles.html>, <https://docs.conan.io/1/versioning/lockfiles.html>).

use std::collections::HashMap;

use super::contract::graph::{link, roots_are_direct};
use super::contract::json::Node;
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

/// The version that Conan 2 writes; the graphs of Conan 1 have those up to 0.4.
const VERSION: &str = "0.5";

/// More edges are refused: the largest graphs have a few hundred.
const EDGE_LIMIT: usize = 1_000_000;

const WAY_OUT: &str = "run `conan lock create .` to write it anew";

/// Reads conan.lock.
pub(super) struct ConanLock;

impl Extractor for ConanLock {
    fn id(&self) -> &'static str {
        "conan-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "conan.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    if let Some(nodes) = root.get("graph_lock").and_then(|graph| graph.get("nodes")) {
        return read_graph(nodes, &lines);
    }
    let version = root.get("version").and_then(|version| Some((version, version.scalar()?)));
    match version {
        Some((_, VERSION)) => read_lists(file, &root, &lines),
        Some((place, other)) => {
            let shown = other.escape_debug();
            let message =
                format!("read it: it is version {shown} of the format, and versions up to {VERSION} are known");
            Err(ParseError::new(message).at_line(lines.at(place.offset)))
        }
        None => Err(ParseError::new("find the version of the format, without which Conan does not read it")
            .at_line(lines.at(root.offset))),
    }
}

/// `name/version@user/channel#revision:package#revision%time`
fn reference(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('/')?;
    let version = rest.split(['@', '#', '%', ':']).next()?;
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}

fn dependency(node: &Node<'_>, lines: &Lines) -> Result<Dependency, ParseError> {
    let fault = |message: String| ParseError::new(message).at_line(lines.at(node.offset));
    let text = node.text().ok_or_else(|| fault("find the name of a package".to_owned()))?;
    let (name, version) =
        reference(text).ok_or_else(|| fault(format!("read `{}` as a name and a version", text.escape_debug())))?;
    Ok(Dependency::new(Ecosystem::ConanCenter, name, version, lines.at(node.offset)))
}

/// Version 0.5: what every configuration of the project needs, without who needs it.
fn read_lists(file: &SourceFile<'_>, root: &Node<'_>, lines: &Lines) -> Result<Vec<Dependency>, ParseError> {
    const LISTS: [(&str, Scope); 4] = [
        ("requires", Scope::Runtime),
        ("build_requires", Scope::Development),
        ("python_requires", Scope::Development),
        ("config_requires", Scope::Development),
    ];
    let mut dependencies: Vec<Dependency> = Vec::new();
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for (list, scope) in LISTS {
        for item in root.get(list).and_then(Node::items).unwrap_or_default() {
            // A reference with packages is a list of both.
            let item = item.items().and_then(<[_]>::first).unwrap_or(item);
            let found = dependency(item, lines)?;
            // Revisions of one version, or what is needed to build and to run.
            let next = dependencies.len();
            if *seen.entry((found.name.clone(), found.version.clone())).or_insert(next) == next {
                dependencies.push(Dependency { scope, ..found });
            }
        }
        check_package_count(dependencies.len())?;
    }
    let asked = asked_for(file);
    for dependency in &mut dependencies {
        dependency.direct = asked.as_ref().is_none_or(|asked| asked.contains(&dependency.name));
    }
    Ok(dependencies)
}

/// The names in the conanfile.txt beside the lock; a conanfile.py is a program.
fn asked_for(file: &SourceFile<'_>) -> Option<Vec<String>> {
    let content = file.neighbour("conanfile.txt")?;
    let text = std::str::from_utf8(&content).ok()?;
    let mut names = Vec::new();
    let mut in_requires = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_requires = ["requires]", "build_requires]", "tool_requires]", "test_requires]"].contains(&section);
        } else if let Some((name, _)) = line.split_once('/').filter(|_| in_requires && !line.starts_with('#')) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Conan 1: the nodes of a graph, of which that with a path (or without a reference) is the project.
fn read_graph(nodes: &Node<'_>, lines: &Lines) -> Result<Vec<Dependency>, ParseError> {
    let members = nodes.members();
    check_package_count(members.len())?;
    let mut graph = Graph::default();
    // The positions of what each node requires from Python recipes, and of the nodes themselves.
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut edges = Vec::new();
    for member in members {
        let own = graph.node(&member.value, lines)?;
        positions.extend(own.map(|own| (member.key.as_ref(), own)));
        for recipe in member.value.get("python_requires").and_then(Node::items).unwrap_or_default() {
            let recipe = graph.add(dependency(recipe, lines)?);
            graph.built(recipe);
            edges.push((own, recipe));
        }
    }
    for member in members {
        let parent = positions.get(member.key.as_ref()).copied();
        for (list, is_runtime) in [("requires", true), ("build_requires", false)] {
            for child in member.value.get(list).and_then(Node::items).unwrap_or_default() {
                let Some(&child) = child.text().and_then(|key| positions.get(key)) else { continue };
                if is_runtime {
                    graph.runs(child);
                } else {
                    graph.built(child);
                }
                edges.push((parent, child));
            }
        }
        if edges.len() > EDGE_LIMIT {
            return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
        }
    }
    Ok(graph.finish(&edges))
}

/// What is known of a graph; a package that is needed in several places has a node for each, and stands here once.
#[derive(Default)]
struct Graph {
    dependencies: Vec<Dependency>,
    seen: HashMap<(String, String), usize>,
    /// What something that runs, and what something that builds, requires.
    needed: HashMap<usize, (bool, bool)>,
}

impl Graph {
    /// The position of a node; `None` for the project where it has no name.
    fn node(&mut self, node: &Node<'_>, lines: &Lines) -> Result<Option<usize>, ParseError> {
        // Before version 0.4, nodes had the reference of the binary package only.
        let text = node.get("ref").or_else(|| node.get("pref")).filter(|text| !text.is_absent());
        let is_project = node.get("path").is_some_and(|path| !path.is_absent());
        match text {
            Some(text) if is_project && text.text().and_then(reference).is_none() => Ok(None),
            Some(text) => {
                let found = dependency(text, lines)?;
                let origin = if is_project { Origin::Path } else { found.origin.clone() };
                Ok(Some(self.add(Dependency { origin, ..found })))
            }
            None => Ok(None),
        }
    }

    fn add(&mut self, dependency: Dependency) -> usize {
        let next = self.dependencies.len();
        let key = (dependency.name.clone(), dependency.version.clone());
        let position = *self.seen.entry(key).or_insert(next);
        if position == next {
            self.dependencies.push(dependency);
        }
        position
    }

    fn runs(&mut self, position: usize) {
        self.needed.entry(position).or_default().0 = true;
    }

    fn built(&mut self, position: usize) {
        self.needed.entry(position).or_default().1 = true;
    }

    /// Edges come from a node, or from the project where it has no name.
    fn finish(self, edges: &[(Option<usize>, usize)]) -> Vec<Dependency> {
        let mut dependencies = self.dependencies;
        let is_project = |parent: Option<usize>| {
            parent.is_none_or(|it| dependencies.get(it).is_some_and(|it| it.origin == Origin::Path))
        };
        let asked: Vec<usize> =
            edges.iter().filter(|(parent, _)| is_project(*parent)).map(|(_, child)| *child).collect();
        link(&mut dependencies, edges.iter().filter_map(|(parent, child)| Some(((*parent)?, *child))));
        if asked.is_empty() {
            roots_are_direct(&mut dependencies);
        }
        for (position, (runs, built)) in self.needed {
            if let Some(dependency) = dependencies.get_mut(position).filter(|_| built && !runs) {
                dependency.scope = Scope::Development;
            }
        }
        for child in asked {
            if let Some(dependency) = dependencies.get_mut(child) {
                dependency.direct = true;
            }
        }
        dependencies
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("{}", Some(1), "the version"),
            ("{\n\"version\": \"0.6\"}", Some(2), "version 0.6"),
            ("{\"version\": \"0.5\", \"requires\": [\n\"zlib\"]}", Some(2), "`zlib`"),
            ("{\"graph_lock\": {\"nodes\": {\"1\": {\n\"ref\": \"zlib\"}}}}", Some(2), "`zlib`"),
        ] {
            let error = extract(&ConanLock, &[("conan.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(
            extract(&ConanLock, &[("conan.lock", b"{\"version\": \"0.5\", \"requires\": []}")])
                .expect("empty")
                .is_empty()
        );
    }
}
