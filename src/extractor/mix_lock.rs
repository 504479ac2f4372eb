//! Elixir's mix.lock (<https://hexdocs.pm/mix/Mix.Tasks.Deps.html>), a map of Elixir terms.

mod configuration;
mod manifest;
mod term;

use std::collections::HashMap;

use super::contract::git_options::followed;
use super::contract::text::{Lines, read_whole};
use super::contract::{Configured, Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};
use manifest::Manifest;
use term::Term;

const WAY_OUT: &str = "run `mix deps.get` to write it anew";

/// Reads mix.lock. A package is known by its name at the registry, which may differ from that of the application.
pub(super) struct MixLock;

impl Extractor for MixLock {
    fn id(&self) -> &'static str {
        "mix-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "mix.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        path.file_name() == "mix.exs"
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration)
    }
}

/// One entry: `"application": {…}`.
struct Entry<'a> {
    application: &'a str,
    /// The offset of the application's name.
    offset: usize,
    lock: &'a [Term<'a>],
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lines = Lines::of(text);
    let map = Term::parse(text).map_err(|(message, offset)| ParseError::new(message).at_line(lines.at(offset)))?;
    let Term::Map(entries) = &map else { return Err(ParseError::new("find a map at its top").at_line(1)) };
    check_package_count(entries.len())?;
    let entries = entries
        .iter()
        .map(|(key, offset, value)| match (key, value) {
            (Term::Text(application) | Term::Atom(application), Term::Tuple(lock)) => {
                Ok(Entry { application, offset: *offset, lock })
            }
            _ => Err(ParseError::new("find an application and what it is locked to").at_line(lines.at(*offset))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut dependencies = Vec::with_capacity(entries.len());
    for entry in &entries {
        let dependency = dependency(entry, lines.at(entry.offset)).ok_or_else(|| {
            let application = entry.application.escape_debug();
            ParseError::new(format!("find what `{application}` is locked to")).at_line(lines.at(entry.offset))
        })?;
        dependencies.push(dependency);
    }
    add_edges(&mut dependencies, &entries);
    let manifest = Manifest::beside(file);
    for (dependency, entry) in dependencies.iter_mut().zip(&entries) {
        let declared = manifest.as_ref().and_then(|manifest| manifest.declared(entry.application));
        // In an umbrella project the applications below it ask for the rest.
        dependency.direct = declared.is_some() || dependency.parents.is_empty();
        if declared == Some(true) && dependency.parents.is_empty() {
            dependency.scope = Scope::Development;
        }
    }
    Ok(dependencies)
}

fn dependency(entry: &Entry<'_>, line: u32) -> Option<Dependency> {
    match entry.lock {
        // The version, checksum, build tools, dependencies and the repository, as Hex has added them over the years.
        [Term::Atom("hex"), Term::Atom(name), Term::Text(version), ..] => {
            Some(Dependency::new(Ecosystem::Hex, *name, *version, line))
        }
        [Term::Atom("git"), Term::Text(url), Term::Text(revision), rest @ ..] => {
            let options = rest.first().and_then(Term::items).unwrap_or_default();
            let mut dependency = Dependency::new(Ecosystem::Hex, entry.application, *revision, line);
            dependency.origin =
                Origin::Git { url: (*url).to_owned(), pin: git_pin(options), commit: CommitId::new(revision).ok() };
            Some(dependency)
        }
        [Term::Atom("path"), ..] => {
            let mut dependency = Dependency::new(Ecosystem::Hex, entry.application, "", line);
            dependency.origin = Origin::Path;
            Some(dependency)
        }
        _ => None,
    }
}

/// The text behind a key of a keyword list.
fn option<'a>(options: &[Term<'a>], key: &str) -> Option<&'a str> {
    options.iter().find_map(|item| match item {
        Term::Pair(name, value) if *name == key => match &**value {
            Term::Text(text) => Some(*text),
            _ => None,
        },
        _ => None,
    })
}

fn git_pin(options: &[Term<'_>]) -> GitPin {
    followed(option(options, "branch"), option(options, "tag"), option(options, "ref"))
}

/// Notes who requires whom; packages from git do not say what they require.
fn add_edges(dependencies: &mut [Dependency], entries: &[Entry<'_>]) {
    let positions: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(position, entry)| (entry.application, position)).collect();
    for (parent, entry) in entries.iter().enumerate() {
        let required = match entry.lock {
            [Term::Atom("hex"), _, _, _, _, Term::List(required), ..] => required.as_slice(),
            _ => continue,
        };
        for item in required {
            let Term::Tuple(fields) = item else { continue };
            let [Term::Atom(application), Term::Text(requirement), ..] = fields.as_slice() else { continue };
            // An optional one that nobody asks for is not locked.
            let child = positions.get(application).filter(|&&child| child != parent);
            let Some(child) = child.and_then(|&child| dependencies.get_mut(child)) else { continue };
            if child.parents.last() != Some(&parent) {
                child.parents.push(parent);
                child.requirements.push((*requirement).to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &[u8] = br#"%{
  "bunt": {:hex, :bunt, "1.0.0", "00", [:mix], [], "hexpm", "00"},
  "credo": {:hex, :credo, "1.7.10", "00", [:mix], [{:bunt, "~> 0.2.1 or ~> 1.0", [hex: :bunt, repo: "hexpm", optional: false]}, {:absent, "~> 1.0", [hex: :absent, repo: "hexpm", optional: true]}], "hexpm", "00"},
  "ecto": {:git, "https://git.example/ecto.git", "0123456789012345678901234567890123456789", []},
  "gun": {:hex, :grpc_gun, "2.0.1", "00"},
  :old => {:git, "git://git.example/old.git", "1123456789012345678901234567890123456789", [ref: "v1.2"]},
  "phoenix": {:git, "https://git.example/phoenix.git", "2123456789012345678901234567890123456789", [branch: "main", submodules: true]},
  "tagged": {:git, "https://git.example/tagged.git", "3123456789012345678901234567890123456789", [tag: "0.6.0"]},
}
"#;

    #[test]
    fn every_kind_of_lock_is_read() {
        insta::assert_snapshot!(show(&extract(&MixLock, &[("mix.lock", LOCK)]).expect("a lockfile")), @r#"
        0 bunt@1.0.0 Runtime Registry { url: None } [1 ~> 0.2.1 or ~> 1.0] line 2
        1 credo@1.7.10 Runtime direct Registry { url: None } [] line 3
        2 ecto@0123456789012345678901234567890123456789 Runtime direct Git { url: "https://git.example/ecto.git", pin: DefaultBranch, commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 4
        3 grpc_gun@2.0.1 Runtime direct Registry { url: None } [] line 5
        4 old@1123456789012345678901234567890123456789 Runtime direct Git { url: "git://git.example/old.git", pin: Tag("v1.2"), commit: Some(CommitId("1123456789012345678901234567890123456789")) } [] line 6
        5 phoenix@2123456789012345678901234567890123456789 Runtime direct Git { url: "https://git.example/phoenix.git", pin: Branch("main"), commit: Some(CommitId("2123456789012345678901234567890123456789")) } [] line 7
        6 tagged@3123456789012345678901234567890123456789 Runtime direct Git { url: "https://git.example/tagged.git", pin: Tag("0.6.0"), commit: Some(CommitId("3123456789012345678901234567890123456789")) } [] line 8
        "#);
        assert!(extract(&MixLock, &[("mix.lock", b"%{}\n")]).expect("empty").is_empty());
    }

    #[test]
    fn the_manifest_tells_what_only_developers_need() {
        let manifest = br#"defp deps do
  [{:credo, "~> 1.7", only: [:dev, :test], runtime: false}, {:bunt, "~> 1.0"}, {:ecto, git: "x"}]"#;
        let found = extract(&MixLock, &[("mix.lock", LOCK), ("mix.exs", manifest)]).expect("a lockfile");
        let told: Vec<_> = found.iter().take(3).map(|it| (it.name.as_str(), it.direct, it.scope)).collect();
        let (runtime, development) = (Scope::Runtime, Scope::Development);
        assert_eq!(told, [("bunt", true, runtime), ("credo", true, development), ("ecto", true, runtime)]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        let deep = format!("%{{\"a\": {}", "{".repeat(100_000));
        for (text, line) in [
            ("", None),
            ("[]", Some(1)),
            ("%{\n\"a\": 1}", Some(2)),
            ("%{\n\"a\": {:svn, \"x\"}}", Some(2)),
            ("%{\"a\": {:hex, :a, \"1\"}\n\"b\": {:hex, :b, \"1\"}}", Some(2)),
            ("%{\"a\": {:hex, :a, \"1\"}}\nx", Some(2)),
            ("%{\n<<<<<<< HEAD\n", Some(2)),
            (deep.as_str(), Some(1)),
        ] {
            let error = extract(&MixLock, &[("mix.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error} of {text:.20}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("mix deps.get")), "{error}");
        }
    }
}
