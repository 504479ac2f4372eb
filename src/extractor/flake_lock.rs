//! Nix: the inputs that `flake.lock` pins
//! (<https://nix.dev/manual/nix/latest/command-ref/new-cli/nix3-flake#lock-files>).

use std::collections::HashMap;

use super::contract::git_pin::judge;
use super::contract::graph::link;
use super::contract::json::Node;
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

const WAY_OUT: &str = "run `nix flake lock` to write it anew";

/// The versions that Nix reads.
const VERSIONS: [&str; 3] = ["5", "6", "7"];

/// An input that follows another may lead to one that follows a third, this far; Nix refuses circles.
const FOLLOW_LIMIT: usize = 32;

/// Reads locks of flakes.
pub(super) struct FlakeLock;

impl Extractor for FlakeLock {
    fn id(&self) -> &'static str {
        "flake-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "flake.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    let version = root.get("version");
    if !version.and_then(Node::scalar).is_some_and(|version| VERSIONS.contains(&version)) {
        let written = version.and_then(Node::scalar).unwrap_or("none").escape_debug().to_string();
        let message = format!("read version {written}: {} are read", VERSIONS.join(", "));
        return Err(ParseError::new(message).at_line(version.map_or(1, |node| lines.at(node.offset))));
    }
    let nodes = root.get("nodes").filter(|nodes| nodes.is_object());
    let nodes = nodes.ok_or_else(|| ParseError::new("find `nodes`").at_line(1))?;
    let graph = Graph {
        nodes: nodes.members().iter().map(|member| (member.key.as_ref(), &member.value)).collect(),
        root: root.text_at("root").unwrap_or("root"),
    };
    check_package_count(graph.nodes.len())?;
    let mut found = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for member in nodes.members().iter().filter(|member| member.key != graph.root) {
        // The commit, or the hash, stands on the line that pins.
        let locked = member.value.get("locked");
        let pinned = locked.and_then(|locked| locked.get("rev").or_else(|| locked.get("narHash")));
        let line = lines.at(pinned.map_or(member.offset, |node| node.offset));
        let dependency = locked.and_then(|locked| input(&member.key, locked, member.value.get("original"), line));
        let fault = || {
            let message = format!("read the input `{}`: it is locked in no known way", member.key.escape_debug());
            ParseError::new(message).at_line(lines.at(member.offset))
        };
        positions.insert(&member.key, found.len());
        found.push(dependency.ok_or_else(fault)?);
    }
    let mut edges = Vec::new();
    for (name, node) in &graph.nodes {
        let inputs = node.get("inputs").map_or(&[][..], Node::members);
        for target in inputs.iter().filter_map(|input| graph.resolve(&input.value)) {
            let Some(&child) = positions.get(target) else { continue };
            match positions.get(name) {
                Some(&parent) => edges.push((parent, child)),
                None => found[child].direct = true,
            }
        }
    }
    link(&mut found, edges);
    Ok(found)
}

/// Who has which input.
struct Graph<'n> {
    nodes: HashMap<&'n str, &'n Node<'n>>,
    root: &'n str,
}

impl<'n> Graph<'n> {
    /// The node that an input is: named, or by the way to it from the root, each step of which may be such a way.
    fn resolve(&self, input: &'n Node<'n>) -> Option<&'n str> {
        if let Some(name) = input.text() {
            return Some(name);
        }
        let mut steps: Vec<&str> = input.items()?.iter().rev().filter_map(Node::text).collect();
        let mut place = self.root;
        for _ in 0..FOLLOW_LIMIT {
            let Some(step) = steps.pop() else { return Some(place) };
            let next = self.nodes.get(place)?.get("inputs")?.get(step)?;
            if let Some(name) = next.text() {
                place = name;
            } else {
                steps.extend(next.items()?.iter().rev().filter_map(Node::text));
                place = self.root;
            }
        }
        None
    }
}

/// What an input stands at; `None` for a type that is unknown.
fn input(name: &str, locked: &Node<'_>, original: Option<&Node<'_>>, line: u32) -> Option<Dependency> {
    let text = |key: &str| locked.text_at(key).filter(|text| !text.is_empty());
    let version = text("rev").or_else(|| text("narHash")).or_else(|| locked.get("lastModified")?.scalar());
    let kind = text("type")?;
    // A folder of the same project is not locked any further.
    let version = version.or_else(|| text("path").filter(|_| kind == "path"))?;
    let forge =
        |host: &str| Some(format!("https://{}/{}/{}", text("host").unwrap_or(host), text("owner")?, text("repo")?));
    let (name, origin) = match kind {
        "github" | "gitlab" | "sourcehut" | "git" => {
            let url = match kind {
                "github" => forge("github.com")?,
                "gitlab" => forge("gitlab.com")?,
                "sourcehut" => forge("git.sr.ht")?,
                _ => text("url")?.to_owned(),
            };
            let commit = text("rev").and_then(|rev| CommitId::new(rev).ok());
            (url.clone(), Origin::Git { url, pin: pin(original), commit })
        }
        "tarball" | "file" | "hg" => (text("url")?.to_owned(), Origin::Archive { url: text("url")?.to_owned() }),
        "path" => (name.to_owned(), Origin::Path),
        _ => return None,
    };
    Some(Dependency { origin, ..Dependency::new(Ecosystem::Git, name, version, line) })
}

/// What an input follows: `nix flake update` goes on along a branch, which is the default one where none is named.
fn pin(original: Option<&Node<'_>>) -> GitPin {
    let text = |key: &str| original.and_then(|original| original.text_at(key)).filter(|text| !text.is_empty());
    match (text("rev"), text("ref")) {
        (Some(_), _) => GitPin::Commit,
        (None, Some(reference)) => judge(reference).0,
        (None, None) => GitPin::DefaultBranch,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn lock(nodes: &str) -> String {
        format!("{{\"nodes\": {{\n{nodes}\n}},\n\"root\": \"root\", \"version\": 7}}")
    }

    fn of(nodes: &str) -> String {
        show(&extract(&FlakeLock, &[("flake.lock", lock(nodes).as_bytes())]).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn inputs_follow_what_was_asked_for() {
        let rev = "\"rev\": \"3030f185ba6a4bf4f18b87f345f104e6a6961f34\"";
        let nodes = [
            format!(
                "\"a\": {{\"locked\": {{\"type\": \"github\", \"owner\": \"o\", \"repo\": \"a\", {rev}}}, \"original\": {{\"ref\": \"nixos-24.05\"}}}}"
            ),
            format!(
                "\"b\": {{\"inputs\": {{\"x\": [\"a\"], \"y\": [\"d\", \"z\"]}}, \"locked\": {{\"type\": \"gitlab\", \"host\": \"h.example\", \"owner\": \"o\", \"repo\": \"b\", {rev}}}, \"original\": {{}}}}"
            ),
            format!(
                "\"c\": {{\"locked\": {{\"type\": \"git\", \"url\": \"https://h.example/c\", {rev}}}, \"original\": {{{rev}, \"ref\": \"main\"}}}}"
            ),
            "\"d\": {\"inputs\": {\"z\": \"c\"}, \"locked\": {\"type\": \"tarball\", \"url\": \"https://h.example/d.tar.gz\", \"narHash\": \"sha256-x=\"}}".to_string(),
            "\"e\": {\"locked\": {\"type\": \"path\", \"path\": \"./e\", \"narHash\": \"sha256-y=\"}}".to_owned(),
            format!(
                "\"f\": {{\"locked\": {{\"type\": \"github\", \"owner\": \"o\", \"repo\": \"f\", {rev}}}, \"original\": {{\"ref\": \"v1.2\"}}}}"
            ),
            "\"root\": {\"inputs\": {\"a\": \"a\", \"b\": \"b\", \"d\": \"d\", \"e\": \"e\", \"loop\": [\"loop\"]}}"
                .to_owned(),
        ];
        insta::assert_snapshot!(of(&nodes.join(",\n")), @r#"
        0 https://github.com/o/a@3030f185ba6a4bf4f18b87f345f104e6a6961f34 Runtime direct Git { url: "https://github.com/o/a", pin: Branch("nixos-24.05"), commit: Some(CommitId("3030f185ba6a4bf4f18b87f345f104e6a6961f34")) } [1] line 2
        1 https://h.example/o/b@3030f185ba6a4bf4f18b87f345f104e6a6961f34 Runtime direct Git { url: "https://h.example/o/b", pin: DefaultBranch, commit: Some(CommitId("3030f185ba6a4bf4f18b87f345f104e6a6961f34")) } [] line 3
        2 https://h.example/c@3030f185ba6a4bf4f18b87f345f104e6a6961f34 Runtime Git { url: "https://h.example/c", pin: Commit, commit: Some(CommitId("3030f185ba6a4bf4f18b87f345f104e6a6961f34")) } [1, 3] line 4
        3 https://h.example/d.tar.gz@sha256-x= Runtime direct Archive { url: "https://h.example/d.tar.gz" } [] line 5
        4 e@sha256-y= Runtime direct Path [] line 6
        5 https://github.com/o/f@3030f185ba6a4bf4f18b87f345f104e6a6961f34 Runtime Git { url: "https://github.com/o/f", pin: Tag("v1.2"), commit: Some(CommitId("3030f185ba6a4bf4f18b87f345f104e6a6961f34")) } [] line 7
        "#);
    }

    #[test]
    fn what_nix_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("{\"nodes\": {},\n\"version\": 8}", Some(2)),
            ("{\"nodes\": [], \"version\": 7}", Some(1)),
            ("{\"version\": 7, \"nodes\": {\n\"a\": {}}}", Some(2)),
            ("{\"version\": 7, \"nodes\": {\n\"a\": {\"locked\": {\"type\": \"x\", \"rev\": \"1\"}}}}", Some(2)),
            ("{\n>>>>>>> x", Some(2)),
        ] {
            let error = extract(&FlakeLock, &[("flake.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some());
        }
        assert_eq!(of("\"root\": {}"), "");
    }
}
