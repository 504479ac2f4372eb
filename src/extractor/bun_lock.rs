//! Bun's bun.lock, versions 0 to 2: JSON with comments and trailing commas (<https://bun.sh/docs/install/lockfile>).

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};

use super::contract::json::{Member, Node};
use super::contract::npm::graph::{Graph, Package};
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::json_with_comments::to_json;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `bun install --lockfile-only` to write it anew";

/// The lists of a workspace, and what they are for.
const LISTS: [(&str, Scope); 4] = [
    ("dependencies", Scope::Runtime),
    ("optionalDependencies", Scope::Runtime),
    ("peerDependencies", Scope::Runtime),
    ("devDependencies", Scope::Development),
];

/// Reads bun.lock; names the way out of bun.lockb, the binary form that Bun wrote before 1.2.
pub(super) struct BunLock;

impl Extractor for BunLock {
    fn id(&self) -> &'static str {
        "bun-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "bun.lock" | "bun.lockb")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        if file.path.file_name() == "bun.lockb" {
            // Bun itself does not look at it when the text is there.
            if file.neighbour("bun.lock").is_some() {
                return Ok(Vec::new());
            }
            return Err(ParseError::new("read it: it is binary").with_hint(
                "run `bun install --save-text-lockfile --frozen-lockfile --lockfile-only` to write bun.lock",
            ));
        }
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let plain = to_json(text);
    let root = Node::parse(&plain)?;
    let lines = Lines::of(text);
    if !root.is_object() {
        return Err(ParseError::new("find an object at its top").at_line(1));
    }
    check_version(&root, &lines)?;
    let packages = root.get("packages").map_or(&[][..], Node::members);
    check_package_count(packages.len())?;
    let workspaces = root.get("workspaces").map_or(&[][..], Node::members);
    let versions: HashMap<&str, &str> = workspaces
        .iter()
        .filter_map(|workspace| Some((workspace.key.as_ref(), workspace.value.text_at("version")?)))
        .collect();
    let mut graph = Graph::default();
    let mut tree = Tree { positions: HashMap::with_capacity(packages.len()) };
    let mut entries = Vec::with_capacity(packages.len());
    for member in packages {
        let mut package = package(member, &lines)?;
        let folder = package.resolved.as_deref().and_then(|resolved| resolved.strip_prefix("workspace:"));
        if let Some(version) = folder.and_then(|folder| versions.get(folder)) {
            package.version = Cow::Borrowed(version);
        }
        let position = graph.add(package);
        tree.positions.insert(member.key.as_ref(), position);
        entries.push((position, member));
    }
    for (position, member) in entries {
        tree.require(position, member, &mut graph);
    }
    for workspace in workspaces {
        tree.ask(workspace, &mut graph);
    }
    Ok(graph.finish())
}

fn check_version(root: &Node<'_>, lines: &Lines) -> Result<(), ParseError> {
    let version = root.get("lockfileVersion");
    let text = version.and_then(Node::scalar).unwrap_or_default();
    if matches!(text, "0" | "1" | "2") {
        return Ok(());
    }
    let message = format!("read it: its lockfileVersion is `{}`, those from 0 to 2 are read", text.escape_debug());
    Err(ParseError::new(message).at_line(version.map_or(1, |version| lines.at(version.offset))))
}

/// Packages by their place: `a/b` is the `b` that only `a` sees.
struct Tree<'n> {
    positions: HashMap<&'n str, usize>,
}

impl<'n> Tree<'n> {
    /// What is found under a name from a place upwards.
    fn find(&self, place: &str, name: &str) -> Option<usize> {
        let mut place = Some(place);
        let mut path = String::new();
        while let Some(folder) = place {
            path.clear();
            path.push_str(folder);
            if !folder.is_empty() {
                path.push('/');
            }
            path.push_str(name);
            if let Some(&position) = self.positions.get(path.as_str()) {
                return Some(position);
            }
            place = above(folder);
        }
        None
    }

    fn require(&self, position: usize, member: &'n Member<'_>, graph: &mut Graph<'n>) {
        // Which place has the lists differs by the kind of origin; a registry stands between.
        let Some(lists) = member.value.items().and_then(|items| items.iter().find(|item| item.is_object())) else {
            return;
        };
        for list in ["dependencies", "optionalDependencies", "peerDependencies"] {
            for (name, range) in lists.texts_at(list) {
                if let Some(child) = self.find(&member.key, name) {
                    graph.require(position, child, range);
                }
            }
        }
    }

    /// Notes what a workspace asks for: the project itself and, if it is a member, a dependency.
    fn ask(&self, workspace: &'n Member<'_>, graph: &mut Graph<'n>) {
        let name = workspace.value.text_at("name").unwrap_or_default();
        let is_member = !workspace.key.is_empty();
        let place = if is_member { name } else { "" };
        let own = self.positions.get(name).copied().filter(|_| is_member);
        if let Some(own) = own {
            graph.ask(own, "workspace:", Scope::Runtime);
        }
        for (list, scope) in LISTS {
            for (name, range) in workspace.value.texts_at(list) {
                let Some(child) = self.find(place, name) else { continue };
                graph.ask(child, range, scope);
                // Whoever depends on a member does not get the member's own development dependencies.
                if let Some(own) = own.filter(|_| scope != Scope::Development) {
                    graph.require(own, child, range);
                }
            }
        }
    }
}

/// The place one name up; a scope is no name.
fn above(place: &str) -> Option<&str> {
    if place.is_empty() {
        return None;
    }
    let Some((head, _)) = place.rsplit_once('/') else { return Some("") };
    match head.rsplit_once('/') {
        Some((above, scope)) if scope.starts_with('@') => Some(above),
        None if head.starts_with('@') => Some(""),
        _ => Some(head),
    }
}

/// `"key": ["name@version", …]`.
fn package<'n>(member: &'n Member<'_>, lines: &Lines) -> Result<Package<'n>, ParseError> {
    let line = lines.at(member.offset);
    let first = member.value.items().and_then(|items| items.first()).and_then(Node::text);
    let split = first.and_then(|first| {
        let at = first.get(1..)?.find('@')? + 1;
        Some((first.get(..at)?, first.get(at + 1..)?))
    });
    let Some((name, reference)) = split else {
        let message = format!("find a name and a version under `{}`", member.key.escape_debug());
        return Err(ParseError::new(message).at_line(line));
    };
    if reference.contains(':') || reference.contains('/') {
        let resolved = Some(Cow::Borrowed(reference));
        return Ok(Package { resolved, ..Package::new(name, "", line) });
    }
    // The registry, if it is another one than Bun's own, and the checksum behind what the package requires.
    let items = member.value.items().unwrap_or_default();
    let texts = || items.iter().skip(1).filter_map(Node::text);
    let archive = texts().find(|text| text.starts_with("https://") || text.starts_with("http://")).map(Cow::Borrowed);
    let is_checked = Some(texts().any(|text| text.starts_with("sha")));
    Ok(Package { archive, is_checked, ..Package::new(name, reference, line) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_no_obstacle() {
        for (text, expected) in [
            ("{\"a\": [1, 2,], }", "{\"a\": [1, 2 ]  }"),
            ("{\"a\": \",}\" , // x, \"\n}", "{\"a\": \",}\"          \n}"),
            ("[1, /* é, ]\n */ ]", "[1          \n    ]"),
            ("[\"\\\",\" ,1]", "[\"\\\",\" ,1]"),
            ("[1,,]", "[1, ]"),
            ("/*", "  "),
            ("\"", "\""),
        ] {
            assert_eq!(to_json(text), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_ends_where_bun_ends_a_line() {
        for end in ["\n", "\r", "\u{2028}", "\u{2029}"] {
            let lock = format!(
                "{{\"lockfileVersion\": 1, \"packages\": {{ // a{end}\"evil\": [\"evil@1.0.0\", \"\", {{}}, \"sha512-x\"],{end}}}}}"
            );
            let found = extract(&BunLock, &[("bun.lock", lock.as_bytes())]).expect("a lockfile");
            assert_eq!(found.len(), 1, "{end:?}");
        }
    }

    #[test]
    fn places_go_up_name_by_name() {
        let places: Vec<&str> = std::iter::successors(Some("@s/a/b/@t/c"), |place| above(place)).collect();
        assert_eq!(places, ["@s/a/b/@t/c", "@s/a/b", "@s/a", ""]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("[]", Some(1)),
            ("# no\n[\n", Some(1)),
            ("{\n\"lockfileVersion\": 3}", Some(2)),
            ("{\"lockfileVersion\": 1, \"packages\": {\n\"a\": []}}", Some(2)),
            ("{\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&BunLock, &[("bun.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("bun install")), "{error}");
        }
    }

    #[test]
    fn the_binary_form_is_named() {
        let error = extract(&BunLock, &[("bun.lockb", b"#!/usr/bin/env bun\n")]).expect_err("binary");
        assert!(error.hint.is_some_and(|hint| hint.contains("--save-text-lockfile")));
        let beside: [(&str, &[u8]); 2] = [("bun.lockb", b"\0"), ("bun.lock", b"{\"lockfileVersion\": 1}")];
        assert!(extract(&BunLock, &beside).expect("the text counts").is_empty());
    }
}
