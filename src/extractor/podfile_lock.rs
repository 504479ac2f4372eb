//! `CocoaPods`' Podfile.lock (<https://guides.cocoapods.org/using/using-cocoapods.html#what-is-podfilelock>).

use std::collections::HashMap;

use super::contract::git_options::followed;
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

const WAY_OUT: &str = "run `pod install` to write it anew";

/// Reads Podfile.lock, in the one form of YAML that `CocoaPods` writes.
///
/// The parts of a pod (`AFNetworking/Reachability`) are that pod. A repository of specifications is never named in the
/// result: the public one cannot be told from a mirror of it.
pub(super) struct PodfileLock;

impl Extractor for PodfileLock {
    fn id(&self) -> &'static str {
        "podfile-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "Podfile.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

/// The settings of a pod in a section, by its name: `:git`, `:branch` and the like.
type Settings<'a> = HashMap<&'a str, HashMap<&'a str, &'a str>>;

#[derive(Default)]
struct Lock<'a> {
    dependencies: Vec<Dependency>,
    positions: HashMap<&'a str, usize>,
    current: Option<usize>,
    /// Parent, pod, what is asked for.
    requirements: Vec<(usize, &'a str, &'a str)>,
    direct: Vec<&'a str>,
    /// What the Podfile asks for.
    external: Settings<'a>,
    /// What was checked out.
    checkout: Settings<'a>,
    pod: Option<&'a str>,
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let mut lock = Lock::default();
    let (mut section, mut has_pods) = ("", false);
    for (position, line) in text.split('\n').enumerate() {
        let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        let line = line.trim_end();
        let content = line.trim_start_matches(' ');
        if content.is_empty() {
            continue;
        }
        let depth = line.len() - content.len();
        if depth == 0 {
            let (name, _) = content
                .split_once(':')
                .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' '))
                .ok_or_else(|| ParseError::new("find a section").at_line(number))?;
            (section, lock.current, lock.pod) = (name, None, None);
            has_pods |= matches!(name, "PODS" | "PODFILE CHECKSUM" | "DEPENDENCIES");
            continue;
        }
        lock.take(section, depth, content, number).map_err(|error| error.at_line(number))?;
    }
    if !has_pods {
        return Err(ParseError::new("find the section `PODS`"));
    }
    check_package_count(lock.dependencies.len())?;
    Ok(lock.finish())
}

impl<'a> Lock<'a> {
    fn take(&mut self, section: &str, depth: usize, content: &'a str, line: u32) -> Result<(), ParseError> {
        match (section, depth) {
            ("PODS", 2) => self.add(item(content)?, line),
            ("PODS", 4) => {
                let (pod, requirement) = split(item(content)?);
                self.requirements.extend(self.current.map(|parent| (parent, root(pod), requirement)));
                Ok(())
            }
            ("DEPENDENCIES", 2) => {
                self.direct.push(root(split(item(content)?).0));
                Ok(())
            }
            ("EXTERNAL SOURCES" | "CHECKOUT OPTIONS", 2) => {
                self.pod = content.strip_suffix(':').map(|name| root(unquote(name)));
                Ok(())
            }
            ("EXTERNAL SOURCES" | "CHECKOUT OPTIONS", 4) => {
                let setting = content.strip_prefix(':').and_then(|setting| setting.split_once(": "));
                let sections = if section == "EXTERNAL SOURCES" { &mut self.external } else { &mut self.checkout };
                if let (Some(pod), Some((key, value))) = (self.pod, setting) {
                    sections.entry(pod).or_default().insert(key, unquote(value));
                }
                Ok(())
            }
            ("PODS" | "DEPENDENCIES", _) => Err(ParseError::new("find a pod")),
            _ => Ok(()),
        }
    }

    /// `Name/Part (1.0)`, with a colon where pods follow that it requires.
    fn add(&mut self, item: &'a str, line: u32) -> Result<(), ParseError> {
        let (name, version) = split(item);
        if name.is_empty() || version.is_empty() {
            return Err(ParseError::new("find the name and the version of a pod"));
        }
        let name = root(name);
        let position = *self.positions.entry(name).or_insert(self.dependencies.len());
        if position == self.dependencies.len() {
            // CocoaPods up to 0.x wrote `(HEAD based on 1.0)`.
            let version = version.strip_prefix("HEAD based on ").unwrap_or(version);
            self.dependencies.push(Dependency::new(Ecosystem::CocoaPods, name, version, line));
        }
        self.current = Some(position);
        Ok(())
    }

    fn finish(mut self) -> Vec<Dependency> {
        let requirements = std::mem::take(&mut self.requirements);
        let edge = |(parent, pod, requirement)| Some((*self.positions.get(pod)?, parent, requirement));
        let mut edges: Vec<(usize, usize, &str)> = requirements.into_iter().filter_map(edge).collect();
        // A pod in several parts has its lines in several places.
        edges.sort_unstable();
        edges.dedup_by_key(|(child, parent, _)| (*child, *parent));
        for (child, parent, requirement) in edges {
            if let Some(dependency) = self.dependencies.get_mut(child).filter(|_| child != parent) {
                dependency.parents.push(parent);
                dependency.requirements.push(requirement.to_owned());
            }
        }
        for pod in &self.direct {
            if let Some(dependency) = self.positions.get(pod).and_then(|&at| self.dependencies.get_mut(at)) {
                dependency.direct = true;
            }
        }
        for (pod, settings) in &self.external {
            if let Some(dependency) = self.positions.get(pod).and_then(|&at| self.dependencies.get_mut(at)) {
                dependency.origin = origin(settings, self.checkout.get(pod));
            }
        }
        self.dependencies
    }
}

/// What stands behind the dash of a list, without quotes and the colon of a pod that others follow.
fn item(content: &str) -> Result<&str, ParseError> {
    let item = content.strip_prefix("- ").ok_or_else(|| ParseError::new("find an item of a list"))?;
    Ok(unquote(item.strip_suffix(':').unwrap_or(item)))
}

fn unquote(text: &str) -> &str {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.or_else(|| text.strip_prefix('\'')?.strip_suffix('\'')).unwrap_or(text)
}

/// `name (rest)` or `name`.
fn split(text: &str) -> (&str, &str) {
    match text.split_once(" (") {
        Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
        None => (text, ""),
    }
}

/// The pod of a part.
fn root(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

fn origin(settings: &HashMap<&str, &str>, checkout: Option<&HashMap<&str, &str>>) -> Origin {
    let setting = |key: &str| settings.get(key).copied();
    if let Some(url) = setting("git") {
        let commit = checkout.and_then(|checkout| checkout.get("commit").copied()).or(setting("commit"));
        return Origin::Git {
            url: url.to_owned(),
            pin: followed(setting("branch"), setting("tag"), setting("commit")),
            commit: commit.and_then(|commit| CommitId::new(commit).ok()),
        };
    }
    match setting("http").or_else(|| setting("podspec").filter(|url| url.contains("://"))) {
        Some(url) => Origin::Archive { url: url.to_owned() },
        None if setting("path").is_some() || setting("podspec").is_some() => Origin::Path,
        None => Origin::Registry { url: None },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &str = "PODS:
  - AFNetworking (3.1.0):
    - AFNetworking/Reachability (= 3.1.0)
    - Alpha
  - AFNetworking/Reachability (3.1.0)
  - Alpha (1.0.0-beta.1):
    - \"Plus/NS+zlib (~> 1.0)\"
  - Own (0.0.1)
  - \"Plus/NS+zlib (1.2.0)\"
  - Branchy (2.0)
  - Fetched (1.0)

DEPENDENCIES:
  - AFNetworking (~> 3.0)
  - Branchy (from `https://git.example/branchy.git`, branch `main`)
  - Own (from `../Own`)

SPEC REPOS:
  trunk:
    - AFNetworking

EXTERNAL SOURCES:
  Branchy:
    :branch: main
    :git: https://git.example/branchy.git
  Fetched:
    :podspec: https://downloads.example/Fetched.podspec
  Own:
    :path: \"../Own\"

CHECKOUT OPTIONS:
  Branchy:
    :commit: 0123456789012345678901234567890123456789
    :git: https://git.example/branchy.git

SPEC CHECKSUMS:
  AFNetworking: 00

PODFILE CHECKSUM: 00

COCOAPODS: 1.12.1
";

    #[test]
    fn every_section_is_read() {
        insta::assert_snapshot!(show(&extract(&PodfileLock, &[("Podfile.lock", LOCK.as_bytes())]).expect("a lockfile")), @r#"
        0 AFNetworking@3.1.0 Runtime direct Registry { url: None } [] line 2
        1 Alpha@1.0.0-beta.1 Runtime Registry { url: None } [0 ] line 6
        2 Own@0.0.1 Runtime direct Path [] line 8
        3 Plus@1.2.0 Runtime Registry { url: None } [1 ~> 1.0] line 9
        4 Branchy@2.0 Runtime direct Git { url: "https://git.example/branchy.git", pin: Branch("main"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 10
        5 Fetched@1.0 Runtime Archive { url: "https://downloads.example/Fetched.podspec" } [] line 11
        "#);
        assert!(
            extract(&PodfileLock, &[("Podfile.lock", b"PODFILE CHECKSUM: 00\n\nCOCOAPODS: 1.0\n")])
                .expect("empty")
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("COCOAPODS: 1.0\n", None),
            ("PODS:\n  - A\n", Some(2)),
            ("PODS:\n   - A (1)\n", Some(2)),
            ("PODS:\n  A (1)\n", Some(2)),
            ("PODS:\n<<<<<<< HEAD\n  - A (1)\n", Some(2)),
        ] {
            let error = extract(&PodfileLock, &[("Podfile.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("pod install")), "{error}");
        }
    }
}
