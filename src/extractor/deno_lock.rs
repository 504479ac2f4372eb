//! Deno's deno.lock, versions 1 to 5 (<https://docs.deno.com/runtime/fundamentals/modules/#integrity-checking-and-lock-files>,
//! <https://github.com/denoland/deno_lockfile>).

mod configuration;
mod remote;

use std::borrow::Cow;
use std::collections::HashMap;

use super::contract::json::{Member, Node};
use super::contract::npm::graph::{Graph, Package};
use super::contract::npm::manifest::{Manifest, manifests};
use super::contract::text::{Lines, explain, read_text};
use super::contract::{Configured, Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `deno install` to write it anew";

/// Reads deno.lock: packages of npm and JSR, and modules by their address.
pub(super) struct DenoLock;

impl Extractor for DenoLock {
    fn id(&self) -> &'static str {
        "deno-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "deno.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        let manifests = manifests(file);
        read(text, &manifests).map_err(|error| explain(text, error, WAY_OUT))
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "deno.json" | "deno.jsonc")
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration).into_iter().collect()
    }
}

fn read(text: &str, manifests: &[Manifest]) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    if !root.is_object() {
        return Err(ParseError::new("find an object at its top").at_line(1));
    }
    let Some(version) = root.get("version") else {
        check_first_version(&root, &lines)?;
        let mut graph = Graph::default();
        remote::add(root.members(), &lines, &mut graph)?;
        return Ok(graph.finish());
    };
    // Version 2 has lists of its own for npm, version 3 keeps both registries under `packages`.
    let (registries, specifiers) = match version.scalar().unwrap_or_default() {
        "1" => (None, None),
        "2" => (None, root.get("npm").and_then(|npm| npm.get("specifiers"))),
        "3" => (root.get("packages"), root.get("packages").and_then(|packages| packages.get("specifiers"))),
        "4" | "5" => (Some(&root), root.get("specifiers")),
        other => {
            let message = format!("read it: its version is `{}`, those from 1 to 5 are read", other.escape_debug());
            return Err(ParseError::new(message).at_line(lines.at(version.offset)));
        }
    };
    let list = |name: &str| registries.and_then(|registries| registries.get(name)).map_or(&[][..], Node::members);
    let old = root.get("npm").filter(|_| registries.is_none()).and_then(|npm| npm.get("packages"));
    let npm = old.map_or_else(|| list("npm"), Node::members);
    let remote = root.get("remote").map_or(&[][..], Node::members);
    let mut lists = [(Ecosystem::Jsr, list("jsr")), (Ecosystem::Npm, npm)];
    // In the order of the file.
    lists.sort_by_key(|(_, members)| members.first().map(|member| member.offset));
    let mut graph = Graph::default();
    let lock = Lock::read(&lists, specifiers, &lines, &mut graph)?;
    remote::add(remote, &lines, &mut graph)?;
    for (ecosystem, members) in lists {
        for member in members {
            lock.require(ecosystem, member, &mut graph);
        }
    }
    if let Some(workspace) = root.get("workspace") {
        lock.ask_all(workspace, manifests, &mut graph);
    }
    Ok(graph.finish())
}

/// Refuses what has no `version`, unless it is of version 1, which has addresses and their hashes and nothing else; all
/// others have it (<https://github.com/denoland/deno_lockfile>).
fn check_first_version(root: &Node<'_>, lines: &Lines) -> Result<(), ParseError> {
    let lack =
        || ParseError::new("find `version`, without which a lockfile of Deno has only addresses and their hashes");
    let is_module = |member: &Member<'_>| member.key.contains("://") && member.value.text().is_some();
    match root.members().iter().find(|member| !is_module(member)) {
        Some(other) => Err(lack().at_line(lines.at(other.offset))),
        None if root.members().is_empty() => Err(lack().at_line(lines.at(root.offset))),
        None => Ok(()),
    }
}

struct Lock<'n> {
    /// The packages by their key.
    positions: HashMap<(Ecosystem, &'n str), usize>,
    /// The only package of a name.
    single: HashMap<(Ecosystem, &'n str), Option<usize>>,
    /// What was chosen for a requirement.
    specifiers: HashMap<&'n str, &'n str>,
}

impl<'n> Lock<'n> {
    fn read(
        lists: &[(Ecosystem, &'n [Member<'n>]); 2],
        specifiers: Option<&'n Node<'_>>,
        lines: &Lines,
        graph: &mut Graph<'n>,
    ) -> Result<Self, ParseError> {
        check_package_count(lists.iter().map(|(_, members)| members.len()).sum())?;
        let specifiers = specifiers.map_or(&[][..], Node::members).iter();
        let specifiers = specifiers.filter_map(|member| Some((member.key.as_ref(), member.value.text()?))).collect();
        let mut lock = Self { positions: HashMap::new(), single: HashMap::new(), specifiers };
        for &(ecosystem, members) in lists {
            for member in members {
                let line = lines.at(member.offset);
                let Some((name, version)) = split(&member.key).filter(|_| member.value.is_object()) else {
                    let message = format!("find a package under `{}`", member.key.escape_debug());
                    return Err(ParseError::new(message).at_line(line));
                };
                // Behind the version stand the peers that were chosen.
                let version = version.split('_').next().unwrap_or_default();
                // Written where the registry does not serve it at the usual address; Deno fetches what stands there.
                let archive = member.value.text_at("tarball").map(Cow::Borrowed);
                let position = graph.add(Package { ecosystem, archive, ..Package::new(name, version, line) });
                lock.positions.insert((ecosystem, member.key.as_ref()), position);
                lock.single.entry((ecosystem, name)).and_modify(|single| *single = None).or_insert(Some(position));
            }
        }
        Ok(lock)
    }

    /// The package with a key, or the only one with a name.
    fn find(&self, ecosystem: Ecosystem, key: &str) -> Option<usize> {
        let exact = self.positions.get(&(ecosystem, key)).copied();
        exact.or_else(|| self.single.get(&(ecosystem, key)).copied().flatten())
    }

    /// What was chosen for `npm:name@range` or `jsr:name@range`.
    fn chosen(&self, specifier: &str) -> Option<usize> {
        let (ecosystem, wanted) = split_scheme(specifier)?;
        // Version 2 knows npm only, and writes no scheme.
        let chosen = self.specifiers.get(specifier).or_else(|| self.specifiers.get(wanted));
        match chosen {
            Some(chosen) => {
                let key = split_scheme(chosen).map_or(*chosen, |(_, key)| key);
                let name = split(wanted).map_or(wanted, |(name, _)| name);
                self.find(ecosystem, key).or_else(|| self.find(ecosystem, &format!("{name}@{key}")))
            }
            None => self.find(ecosystem, wanted),
        }
    }

    fn require(&self, ecosystem: Ecosystem, member: &'n Member<'n>, graph: &mut Graph<'n>) {
        let Some(position) = self.find(ecosystem, &member.key) else { return };
        for list in ["dependencies", "optionalDependencies", "optionalPeers"] {
            let Some(list) = member.value.get(list) else { continue };
            // Up to version 3, the names under which they are asked for stand before them.
            let named = list.members().iter().filter_map(|member| member.value.text());
            for reference in list.items().unwrap_or_default().iter().filter_map(Node::text).chain(named) {
                let (child, requirement) = match split_scheme(reference) {
                    Some(_) => (self.chosen(reference), range(reference)),
                    // `alias@npm:name@1.0.0`.
                    None => (self.find(ecosystem, reference.split_once("@npm:").map_or(reference, |(_, key)| key)), ""),
                };
                if let Some(child) = child {
                    graph.require(position, child, requirement);
                }
            }
        }
    }

    fn ask_all(&self, workspace: &'n Node<'_>, manifests: &[Manifest], graph: &mut Graph<'n>) {
        self.ask(workspace, "", manifests, graph);
        for member in workspace.get("members").map_or(&[][..], Node::members) {
            self.ask(&member.value, &member.key, manifests, graph);
        }
    }

    /// Notes what a workspace asks for, in deno.json and in package.json.
    fn ask(&self, workspace: &'n Node<'_>, folder: &str, manifests: &[Manifest], graph: &mut Graph<'n>) {
        let manifest = manifests.iter().find(|manifest| manifest.folder == folder);
        let of_development = |name: &str| {
            let wanted = manifest.and_then(|manifest| manifest.requirements.iter().find(|one| one.name == name));
            wanted.is_some_and(|one| one.scope == Scope::Development)
        };
        for (list, is_manifest) in [(workspace.get("dependencies"), false), (package_json(workspace), true)] {
            let items = list.and_then(Node::items).unwrap_or_default();
            for specifier in items.iter().filter_map(Node::text) {
                let Some(child) = self.chosen(specifier) else { continue };
                let name = split_scheme(specifier).and_then(|(_, wanted)| split(wanted)).map_or("", |(name, _)| name);
                let development = is_manifest && of_development(name);
                let scope = if development { Scope::Development } else { Scope::Runtime };
                graph.ask(child, range(specifier), scope);
            }
        }
    }
}

fn package_json<'n, 'a>(workspace: &'n Node<'a>) -> Option<&'n Node<'a>> {
    workspace.get("packageJson")?.get("dependencies")
}

/// `npm:` or `jsr:`, and what follows; some old files have a slash behind it.
fn split_scheme(text: &str) -> Option<(Ecosystem, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let ecosystem = match scheme {
        "npm" => Ecosystem::Npm,
        "jsr" => Ecosystem::Jsr,
        _ => return None,
    };
    Some((ecosystem, rest.strip_prefix('/').unwrap_or(rest)))
}

/// `@scope/name@1.0.0` in two.
fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What a requirement asks for, without the name.
fn range(specifier: &str) -> &str {
    split_scheme(specifier).and_then(|(_, wanted)| split(wanted)).map_or("", |(_, range)| range)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;
    use crate::model::doubt::Doubt;

    fn read_alone(text: &str) -> String {
        show(&extract(&DenoLock, &[("deno.lock", text.as_bytes())]).expect("a lockfile"))
    }

    #[test]
    fn the_first_version_has_addresses_only() {
        insta::assert_snapshot!(read_alone("{\n\"https://std.example/std@0.1.0/a.ts\": \"00\",\n\"https://std.example/std@0.1.0/b/c.ts\": \"01\",\n\"https://x.example/mod.ts\": \"02\"}"), @r#"
        0 https://std.example/std@0.1.0 Runtime direct Archive { url: "https://std.example/std@0.1.0" } [] line 2
        1 https://x.example/mod.ts@ Runtime direct Archive { url: "https://x.example/mod.ts" } [] line 4
        "#);
    }

    #[test]
    fn the_second_version_knows_npm() {
        insta::assert_snapshot!(read_alone(r#"{"version": "2", "remote": {}, "npm": {"specifiers": {"chalk@5": "chalk@5.0.0"}, "packages": {
            "chalk@5.0.0": {"integrity": "x", "dependencies": {"alias": "ms@2.0.0"}},
            "ms@2.0.0": {"integrity": "x", "dependencies": {}}}}}"#), @"
        0 chalk@5.0.0 Runtime direct Registry { url: None } [] line 2
        1 ms@2.0.0 Runtime Registry { url: None } [0] line 3
        ");
    }

    #[test]
    fn the_third_version_knows_both_registries() {
        insta::assert_snapshot!(read_alone(r#"{"version": "3", "packages": {
            "specifiers": {"jsr:@std/a@1": "jsr:@std/a@1.2.0", "jsr:@std/b@^1": "jsr:@std/b@1.0.0", "npm:chalk@5": "npm:chalk@5.0.0"},
            "jsr": {"@std/a@1.2.0": {"integrity": "x", "dependencies": ["jsr:@std/b@^1", "npm:chalk@5"]},
                "@std/b@1.0.0": {"integrity": "x"}},
            "npm": {"chalk@5.0.0": {"integrity": "x", "dependencies": {}}}},
            "remote": {"https://std.example/std@0.1.0/a.ts": "00"},
            "workspace": {"dependencies": ["jsr:@std/a@1"]}}"#), @r#"
        0 @std/a@1.2.0 Runtime direct Registry { url: None } [] line 3
        1 @std/b@1.0.0 Runtime Registry { url: None } [0 ^1] line 4
        2 chalk@5.0.0 Runtime Registry { url: None } [0 5] line 5
        3 https://std.example/std@0.1.0 Runtime direct Archive { url: "https://std.example/std@0.1.0" } [] line 6
        "#);
    }

    #[test]
    fn an_archive_of_something_else_is_a_contradiction() {
        let doubts = |tarball: &str| {
            let lock = format!(
                r#"{{"version": "5", "npm": {{"a@1.0.0": {{"integrity": "x", "tarball": "https://registry.example/{tarball}"}}}}}}"#
            );
            let found = extract(&DenoLock, &[("deno.lock", lock.as_bytes())]).expect("a lockfile");
            found[0].doubts.iter().filter(|doubt| matches!(doubt, Doubt::Contradiction { .. })).count()
        };
        assert_eq!(["a/-/a-1.0.0.tgz", "evil/-/evil-1.0.0.tgz", "a/-/a-0.9.0.tgz"].map(doubts), [0, 1, 1]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("[]", Some(1)),
            ("{\n\"version\": \"6\"}", Some(2)),
            ("{\"version\": \"5\", \"npm\": {\n\"a\": {}}}", Some(2)),
            ("{\"version\": \"5\", \"npm\": {\n\"a@1\": 1}}", Some(2)),
            ("{\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&DenoLock, &[("deno.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("deno install")), "{error}");
        }
    }
}
