//! Pipenv's Pipfile.lock (<https://pipenv.pypa.io/en/latest/pipfile.html>).

mod pipfile;

use std::collections::HashMap;

use super::contract::json::{Member, Node};
use super::contract::python::archive::{self, on_disk};
use super::contract::python::git::{GitAddress, pin_by_form, without_credentials};
use super::contract::python::{is_development_name, normalise, requirement_name, requirement_range};
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};
use pipfile::Pipfile;

/// The version of the format; Pipenv has known no other since 2017.
const VERSION: &str = "6";

/// What Pipenv calls the ecosystem's own registry in a new Pipfile.
const OWN_REGISTRY: &str = "pypi";

/// What Python ends lines at, of which pip reads one requirement each.
const LINE_ENDS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

const WAY_OUT: &str = "run `pipenv lock` to write it anew";

/// Reads Pipfile.lock.
pub(super) struct PipfileLock;

impl Extractor for PipfileLock {
    fn id(&self) -> &'static str {
        "pipfile-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "Pipfile.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |content| read(file, content))
    }
}

fn read(file: &SourceFile<'_>, content: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(content)?;
    let lines = Lines::of(content);
    let fault = |message: String, node: &Node<'_>| ParseError::new(message).at_line(lines.at(node.offset));
    if !root.is_object() {
        return Err(fault("find an object".to_owned(), &root));
    }
    let meta = root.get("_meta").filter(|meta| meta.is_object());
    let version = meta.and_then(|meta| meta.get("pipfile-spec"));
    if let Some((place, other)) = version.and_then(|node| Some((node, node.scalar()?))).filter(|(_, it)| *it != VERSION)
    {
        let shown = other.escape_debug();
        return Err(fault(
            format!("read it: it is version {shown} of the format, and version {VERSION} is known"),
            place,
        ));
    }
    // Pipenv writes them whatever stands in them (<https://github.com/pypa/pipfile#pipfilelock>).
    for (key, is_there) in [("_meta", meta.is_some()), ("default", root.get("default").is_some())] {
        if !is_there {
            return Err(fault(format!("find an object under `{key}`, which Pipenv writes into every lockfile"), &root));
        }
    }
    let pipfile = Pipfile::read(file);
    let registries = Registries::read(meta);
    let categories = root.members().iter().filter(|category| category.key != "_meta");
    let mut list = Merged::default();
    for category in categories {
        if !category.value.is_object() {
            // Pipenv reads the lists of development and its own categories only when it is asked for them.
            if category.key != "default" {
                continue;
            }
            return Err(fault("find an object under `default`".to_owned(), &category.value));
        }
        for entry in category.value.members() {
            let dependency = read_entry(entry, &registries, pipfile.as_ref(), &lines)?;
            let direct = pipfile.as_ref().map(|pipfile| pipfile.asks(&category.key, &normalise(&dependency.name)));
            list.add(Dependency {
                scope: scope_of(&category.key),
                // Without a Pipfile: only what it asks for is written with its registry, or with where else it is from.
                direct: direct.unwrap_or_else(|| {
                    entry.value.get("index").is_some() || !matches!(dependency.origin, Origin::Registry { .. })
                }),
                ..dependency
            });
            check_package_count(list.dependencies.len())?;
        }
    }
    let mut dependencies = list.dependencies;
    // Old versions wrote no registries.
    if pipfile.is_none() && !dependencies.iter().any(|it| it.direct) {
        super::contract::graph::roots_are_direct(&mut dependencies);
    }
    Ok(dependencies)
}

/// `default` and `develop`, or a category that the Pipfile made up.
fn scope_of(category: &str) -> Scope {
    if category != "default" && is_development_name(category) { Scope::Development } else { Scope::Runtime }
}

/// The dependencies, a package of several categories once per version.
#[derive(Default)]
struct Merged {
    dependencies: Vec<Dependency>,
    seen: HashMap<(String, String), Vec<usize>>,
}

impl Merged {
    fn add(&mut self, dependency: Dependency) {
        let key = (normalise(&dependency.name), dependency.version.clone());
        let positions = self.seen.entry(key).or_default();
        let same = positions.iter().find_map(|&position| {
            self.dependencies.get(position).filter(|other| other.origin == dependency.origin).map(|_| position)
        });
        if let Some(known) = same.and_then(|position| self.dependencies.get_mut(position)) {
            // Production comes before development.
            known.scope = known.scope.min(dependency.scope);
            known.direct |= dependency.direct;
            known.doubts.extend(dependency.doubts);
        } else {
            // One package has few origins; a file that gives it many is read without comparing them all.
            if positions.len() < 8 {
                positions.push(self.dependencies.len());
            }
            self.dependencies.push(dependency);
        }
    }
}

fn read_entry(
    entry: &Member<'_>,
    registries: &Registries<'_>,
    pipfile: Option<&Pipfile>,
    lines: &Lines,
) -> Result<Dependency, ParseError> {
    let line = lines.at(entry.offset);
    let name = name(&entry.key).ok_or_else(|| {
        ParseError::new(format!("find the name of a package in the key `{}`", entry.key.escape_debug())).at_line(line)
    })?;
    let value = &entry.value;
    // Old versions wrote only the requirement.
    let written = value.text().or_else(|| value.text_at("version"));
    if !value.is_object() && written.is_none() {
        let message = format!("find the version of `{}`", name.escape_debug());
        return Err(ParseError::new(message).at_line(line));
    }
    let asked = || pipfile.and_then(|pipfile| pipfile.pin(&normalise(name)));
    let origin = origin(value, registries, asked);
    let version = written.map(|text| text.trim_start_matches('=').trim());
    // What is built from a repository has no version but its commit.
    let commit = match &origin {
        Origin::Git { commit: Some(commit), .. } => Some(commit.as_str().to_owned()),
        _ => None,
    };
    let archive = value.text_at("file").filter(|_| matches!(origin, Origin::Archive { .. }));
    let of_archive = || archive.and_then(|file| archive::named(name, file)).map(|(_, version)| version);
    let version = version.map(str::to_owned).or(commit).or_else(of_archive).unwrap_or_default();
    let mut dependency = Dependency { origin, ..Dependency::new(Ecosystem::PyPi, name, version, line) };
    archive::doubt(&mut dependency, archive.into_iter());
    dependency.doubts.extend(smuggled(value));
    Ok(dependency)
}

/// The name in a key, which may have extras behind it: Pipenv makes a line of a requirements file of it, so that anything
/// else would be a requirement of its own.
fn name(key: &str) -> Option<&str> {
    let name = requirement_name(key).filter(|_| !key.contains(LINE_ENDS))?;
    let rest = key.strip_prefix(name)?.trim();
    let extras = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_extra = |next: char| next.is_ascii_alphanumeric() || "-_., ".contains(next);
    (rest.is_empty() || extras.is_some_and(|extras| extras.chars().all(is_extra))).then_some(name)
}

/// What an entry says besides its version: Pipenv writes a line of a requirements file from its texts, which more than a
/// version or a line break makes another requirement.
fn smuggled(value: &Node<'_>) -> Option<Doubt> {
    let texts = value.members().iter().filter_map(|member| member.value.text());
    let broken = texts.chain(value.text()).find(|text| text.contains(LINE_ENDS));
    if let Some(broken) = broken {
        let asked = broken.split(LINE_ENDS).skip(1).find_map(requirement);
        return Some(Doubt::contradiction("it holds a line break, behind which pip reads another requirement", asked));
    }
    let written = value.text().or_else(|| value.text_at("version"))?;
    let version = written.trim_start_matches('=').trim();
    let is_of_version = |next: char| next.is_alphanumeric() || "._-+!*".contains(next);
    let is_plain = version.chars().all(is_of_version);
    let reason = || format!("its version is `{}`, which is more than one", written.escape_debug());
    (!is_plain).then(|| Doubt::contradiction(reason(), None))
}

/// The package and the version that a line pins.
fn requirement(line: &str) -> Option<(&str, &str)> {
    let version = requirement_range(line).strip_prefix("==")?.split_whitespace().next()?;
    Some((requirement_name(line)?, version))
}

fn origin(value: &Node<'_>, registries: &Registries<'_>, asked: impl Fn() -> Option<GitPin>) -> Origin {
    if let Some(url) = value.text_at("git") {
        let reference = value.text_at("ref").unwrap_or_default();
        let (url, in_address) = match GitAddress::parse(&format!("git+{}", url.trim_start_matches("git+"))) {
            Some(address) => (address.url, address.reference.map(str::to_owned)),
            None => (without_credentials(url), None),
        };
        let pin = asked().unwrap_or_else(|| in_address.map_or_else(|| pin_by_form(reference), |it| pin_by_form(&it)));
        return Origin::Git { url, pin, commit: CommitId::new(reference).ok() };
    }
    if value.get("path").is_some() {
        return Origin::Path;
    }
    match value.text_at("file") {
        Some(url) if url.contains("://") && !url.starts_with("file:") => {
            Origin::Archive { url: without_credentials(url) }
        }
        Some(path) => on_disk(path),
        None => Origin::Registry { url: registries.foreign(value.text_at("index")) },
    }
}

/// The registries by name.
struct Registries<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Registries<'a> {
    fn read(meta: Option<&'a Node<'a>>) -> Self {
        let sources = meta.and_then(|meta| meta.get("sources")).and_then(Node::items).unwrap_or_default();
        Self(
            sources
                .iter()
                .filter_map(|it| Some((it.text_at("name").unwrap_or_default(), it.text_at("url")?)))
                .collect(),
        )
    }

    /// The address of the registry that an entry names, if it is not the ecosystem's own.
    fn foreign(&self, name: Option<&str>) -> Option<String> {
        let name = name.filter(|name| *name != OWN_REGISTRY)?;
        self.0.iter().find(|(other, _)| *other == name).map(|(_, url)| without_credentials(url))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    #[test]
    fn what_becomes_a_line_of_pip_is_a_name_and_a_version() {
        let told = |entry: &str| {
            let text = format!("{{\"_meta\": {{}}, \"default\": {{{entry}}}}}");
            let found = extract(&PipfileLock, &[("Pipfile.lock", text.as_bytes())]).ok()?;
            let doubts = found[0].doubts.iter().map(|doubt| match doubt {
                Doubt::Contradiction { other, .. } => other.as_ref().map_or("?".to_owned(), ToString::to_string),
                doubt => panic!("{doubt:?}"),
            });
            Some(format!("{}@{} {}", found[0].name, found[0].version, doubts.collect::<Vec<_>>().join(" ")))
        };
        for (entry, expected) in [
            (r#""evil[x]": {"version": "==1.0.0"}"#, Some("evil@1.0.0 ")),
            (r#""evil==1.0.0 #": {"version": "==2.0.0"}"#, None),
            (r#""a\nevil": {"version": "==2.0.0"}"#, None),
            (r#""a": {"version": "==2.0.0\nevil==1.0.0"}"#, Some("a@2.0.0\nevil==1.0.0 evil@1.0.0")),
            (r#""a": {"version": "==2.0.0", "markers": "x\revil==1.0.0"}"#, Some("a@2.0.0 evil@1.0.0")),
            (r#""a": {"version": "==2.0.0 # x"}"#, Some("a@2.0.0 # x ?")),
            (r#""evil": {"file": "https://files.example/evil-1.0.0.tar.gz"}"#, Some("evil@1.0.0 ")),
            (r#""a": {"file": "https://files.example/evil-1.0.0.tar.gz"}"#, Some("a@1.0.0 evil@1.0.0")),
            (r#""a": {"version": "*", "path": "."}"#, Some("a@* ")),
        ] {
            assert_eq!(told(entry).as_deref(), expected, "{entry}");
        }
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_its_line_and_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("[]", Some(1), "an object"),
            ("{\"_meta\": {\n\"pipfile-spec\": 7}}", Some(2), "version 7"),
            ("{\"_meta\": {},\n\"default\": []}", Some(2), "`default`"),
            ("{\"_meta\": {}, \"default\": {\n\"a\": []}}", Some(2), "version of `a`"),
        ] {
            let error = extract(&PipfileLock, &[("Pipfile.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
        assert!(
            extract(
                &PipfileLock,
                &[("Pipfile.lock", b"{\"_meta\": {\"pipfile-spec\": 6}, \"default\": {}, \"develop\": {}}")]
            )
            .expect("empty")
            .is_empty()
        );
    }
}
