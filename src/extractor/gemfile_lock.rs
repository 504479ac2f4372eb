//! Bundler's Gemfile.lock, also as gems.locked and Appraisal's `*.gemfile.lock`
//! (<https://bundler.io/guides/rationale.html#checking-your-code-into-version-control>).

mod configuration;
mod groups;

use std::collections::{HashMap, HashSet};

use super::contract::git_options::followed;
use super::contract::sources::{Checksums, Sources};
use super::contract::text::{read_text, read_whole};
use super::contract::{Configured, Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};
use groups::Groups;

/// More edges are refused: a gem that is listed very often would be a child of everything. The largest lockfiles in
/// public have 2,000.
const EDGE_LIMIT: usize = 1_000_000;

const WAY_OUT: &str = "run `bundle lock` to write it anew";

/// The sections that pin nothing.
const KNOWN: [&str; 3] = ["PLATFORMS", "RUBY VERSION", "BUNDLED WITH"];

/// More sections that are not known say nothing that these do not.
const UNKNOWN_LIMIT: usize = 20;

/// Reads Gemfile.lock.
///
/// A registry is never named in the result: the public one cannot be told from a mirror of it.
pub(super) struct GemfileLock;

impl Extractor for GemfileLock {
    fn id(&self) -> &'static str {
        "gemfile-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        // `Gemfile.next.lock` and `Gemfile_next.lock` are written by tools that try the next release of a framework.
        let of_gemfile = name.strip_prefix("Gemfile").and_then(|rest| rest.strip_suffix(".lock"));
        of_gemfile.is_some_and(|middle| middle.is_empty() || middle.starts_with(['.', '_']))
            || name == "gems.locked"
            || name.ends_with(".gemfile.lock")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let lock = read_text(file.content).ok().and_then(|text| Lock::read(text).ok());
        let unknown = lock.map(|lock| lock.unknown).unwrap_or_default().into_iter().take(UNKNOWN_LIMIT);
        let problem = |(name, line): (String, u32)| {
            ParseError::new(format!("read the section `{name}`, which is none of Bundler's"))
                .at_line(line)
                .with_hint(WAY_OUT)
        };
        unknown.map(problem).collect()
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        configuration::is_one(path)
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration)
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lock = Lock::read(text)?;
    if !lock.has_section {
        return Err(ParseError::new("find a section of a lockfile in it"));
    }
    // Bundler writes it for an empty Gemfile, too (`LockfileGenerator#generate!`,
    // <https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/lockfile_generator.rb>).
    if lock.gems.is_empty() && !lock.sources.iter().any(|source| source.section == Section::Dependencies) {
        return Err(ParseError::new("find a gem or the section `DEPENDENCIES`").at_line(1));
    }
    check_package_count(lock.gems.len())?;
    let edges = lock.edges()?;
    let mut dependencies = lock.dependencies();
    // By child, then by parent.
    for (child, parent, requirement) in edges {
        if let Some(dependency) = dependencies.get_mut(child)
            && dependency.parents.last() != Some(&parent)
        {
            dependency.parents.push(parent);
            dependency.requirements.push(requirement.to_owned());
        }
    }
    lock.note_sources(&mut dependencies);
    if let Some(groups) = Groups::beside(file) {
        mark_development(&mut dependencies, &groups);
    }
    Ok(dependencies)
}

/// What the lines of a section are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    Gem,
    Git,
    Path,
    Plugin,
    Dependencies,
    Checksums,
    /// Platforms, Ruby's and Bundler's version, and what a newer Bundler adds, which older ones pass over, too.
    #[default]
    Other,
}

/// Where the gems of a section come from.
#[derive(Default)]
struct Source<'a> {
    section: Section,
    remote: &'a str,
    revision: &'a str,
    reference: Option<&'a str>,
    branch: Option<&'a str>,
    tag: Option<&'a str>,
}

struct Gem<'a> {
    name: &'a str,
    version: &'a str,
    source: usize,
    line: u32,
}

#[derive(Default)]
struct Lock<'a> {
    has_section: bool,
    /// The sections that no Bundler is known to write, and their lines.
    unknown: Vec<(String, u32)>,
    sources: Vec<Source<'a>>,
    section: Section,
    gems: Vec<Gem<'a>>,
    /// The same gem for several platforms is one gem.
    positions: HashMap<(&'a str, &'a str, usize), usize>,
    /// The gem to which the lines below it belong.
    current: Option<usize>,
    /// Parent, name of the child, what is asked for.
    requirements: Vec<(usize, &'a str, &'a str)>,
    direct: HashSet<&'a str>,
    /// The gems with a checksum: name and version.
    checksums: HashSet<(&'a str, &'a str)>,
}

impl<'a> Lock<'a> {
    fn read(text: &'a str) -> Result<Self, ParseError> {
        let mut lock = Self::default();
        for (position, line) in text.split('\n').enumerate() {
            let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
            lock.read_line(line.strip_suffix('\r').unwrap_or(line).trim_end(), number)?;
        }
        Ok(lock)
    }

    fn read_line(&mut self, line: &'a str, number: u32) -> Result<(), ParseError> {
        let content = line.trim_start_matches(' ');
        match (line.len() - content.len(), self.section) {
            _ if content.is_empty() => Ok(()),
            (0, _) => self.open(content, number),
            (2, Section::Gem | Section::Git | Section::Path | Section::Plugin) => {
                self.describe_source(content);
                Ok(())
            }
            (2, Section::Dependencies) => {
                let (name, _) = split(content.strip_suffix('!').unwrap_or(content));
                self.direct.insert(name);
                Ok(())
            }
            (2, Section::Checksums) => {
                self.note_checksum(content);
                Ok(())
            }
            (_, Section::Checksums) => Ok(()),
            (4, Section::Gem | Section::Git | Section::Path | Section::Plugin) => self.add(content, number),
            (6, Section::Gem | Section::Git | Section::Path | Section::Plugin) => {
                let (name, requirement) = gem(content).unwrap_or_else(|| split(content));
                // What RubyGems takes for no requirement.
                let requirement = if requirement.is_empty() { ">= 0" } else { requirement };
                self.requirements.extend(self.current.map(|parent| (parent, name, requirement)));
                Ok(())
            }
            (_, Section::Other) if self.has_section || !self.unknown.is_empty() => Ok(()),
            _ => Err(ParseError::new("find a gem or a section").at_line(number)),
        }
    }

    fn open(&mut self, name: &str, number: u32) -> Result<(), ParseError> {
        let of_letters = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        self.section = match name {
            "GEM" => Section::Gem,
            "GIT" => Section::Git,
            "PATH" => Section::Path,
            "PLUGIN SOURCE" => Section::Plugin,
            "DEPENDENCIES" => Section::Dependencies,
            "CHECKSUMS" => Section::Checksums,
            _ if KNOWN.contains(&name) => Section::Other,
            // A newer Bundler may write more; what is only made of these is none of its files.
            _ if of_letters(name) => {
                self.section = Section::Other;
                self.unknown.push((name.to_owned(), number));
                return Ok(());
            }
            _ => return Err(ParseError::new("find the name of a section").at_line(number)),
        };
        self.has_section = true;
        self.current = None;
        self.sources.push(Source { section: self.section, ..Source::default() });
        Ok(())
    }

    /// `remote: …`, `branch: …` and the like.
    fn describe_source(&mut self, content: &'a str) {
        let (Some(source), Some((key, value))) = (self.sources.last_mut(), content.split_once(": ")) else { return };
        match key {
            "remote" => source.remote = value,
            "revision" => source.revision = value,
            "ref" => source.reference = Some(value),
            "branch" => source.branch = Some(value),
            "tag" => source.tag = Some(value),
            _ => {}
        }
    }

    /// `name (version-platform)`; Bundler reads a gem without a version, too.
    fn add(&mut self, content: &'a str, number: u32) -> Result<(), ParseError> {
        let unreadable = |message: &str| ParseError::new(message).at_line(number);
        let (name, version) = gem(content).ok_or_else(|| unreadable("read a gem as Bundler writes it"))?;
        if name.is_empty() {
            return Err(unreadable("find the name of a gem"));
        }
        // A version has no dash: Bundler cuts the platform off there, too.
        let version = version.split('-').next().unwrap_or(version);
        let source = self.sources.len().saturating_sub(1);
        let position = *self.positions.entry((name, version, source)).or_insert(self.gems.len());
        if position == self.gems.len() {
            self.gems.push(Gem { name, version, source, line: number });
        }
        self.current = Some(position);
        Ok(())
    }

    /// `name (version-platform) sha256=…`; what has none, such as gems of a folder, has only its name.
    fn note_checksum(&mut self, content: &'a str) {
        let Some((gem, checksum)) = content.rsplit_once(") ") else { return };
        let (name, version) = split(gem);
        if checksum.contains('=') {
            self.checksums.insert((name, version.split('-').next().unwrap_or(version)));
        }
    }

    /// Notes where gems come from, and which of them have no checksum among others that have.
    fn note_sources(&self, dependencies: &mut [Dependency]) {
        let mut sources = Sources::default();
        for (position, gem) in self.gems.iter().enumerate() {
            let Some(source) = self.sources.get(gem.source).filter(|source| source.section == Section::Gem) else {
                continue;
            };
            sources.note_address(position, source.remote);
            sources.note_checksum(position, self.checksums.contains(&(gem.name, gem.version)));
        }
        sources.judge(dependencies, Checksums::SameForAll);
    }

    /// Child, parent and what is asked for, sorted.
    fn edges(&self) -> Result<Vec<(usize, usize, &'a str)>, ParseError> {
        let mut named: HashMap<&str, Vec<usize>> = HashMap::with_capacity(self.gems.len());
        for (position, gem) in self.gems.iter().enumerate() {
            named.entry(gem.name).or_default().push(position);
        }
        let mut edges = Vec::with_capacity(self.requirements.len());
        for &(parent, name, requirement) in &self.requirements {
            // What is not locked is Bundler itself, or for another platform.
            let children = named.get(name).map_or(&[][..], Vec::as_slice);
            edges.extend(children.iter().filter(|&&child| child != parent).map(|&child| (child, parent, requirement)));
            if edges.len() > EDGE_LIMIT {
                return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
            }
        }
        edges.sort_unstable();
        Ok(edges)
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let dependency = |gem: &Gem<'_>| {
            let origin = self.sources.get(gem.source).map(origin);
            let mut dependency = Dependency::new(Ecosystem::RubyGems, gem.name, gem.version, gem.line);
            dependency.origin = origin.unwrap_or(Origin::Registry { url: None });
            dependency.direct = self.direct.contains(gem.name);
            dependency
        };
        self.gems.iter().map(dependency).collect()
    }
}

/// The name and the version of a gem: `name (version)`, behind which Bundler takes a mark of what is pinned and a checksum
/// (`NAME_VERSION` of its `lockfile_parser.rb`). `None` where it would take all of it for a name, which no gem has.
fn gem(content: &str) -> Option<(&str, &str)> {
    let Some((name, rest)) = content.split_once(" (") else {
        let name = content.split(' ').next().unwrap_or(content);
        return Some((name.strip_suffix('!').unwrap_or(name), ""));
    };
    let (version, behind) = rest.rsplit_once(')')?;
    let behind = behind.strip_prefix('!').unwrap_or(behind);
    let is_checksum = behind.strip_prefix(' ').is_some_and(|checksum| !checksum.is_empty() && !checksum.contains(' '));
    (behind.is_empty() || is_checksum).then_some((name, version))
}

/// `name (rest)` or `name`.
fn split(content: &str) -> (&str, &str) {
    match content.split_once(" (") {
        Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
        None => (content, ""),
    }
}

fn origin(source: &Source<'_>) -> Origin {
    match source.section {
        Section::Git => Origin::Git {
            url: source.remote.to_owned(),
            // A `ref` may be anything.
            pin: followed(source.branch, source.tag, source.reference),
            commit: CommitId::new(source.revision).ok(),
        },
        Section::Path => Origin::Path,
        Section::Plugin => Origin::Archive { url: source.remote.to_owned() },
        Section::Gem | Section::Dependencies | Section::Checksums | Section::Other => Origin::Registry { url: None },
    }
}

/// Marks what only gems of development groups lead to.
fn mark_development(dependencies: &mut [Dependency], groups: &Groups) {
    let mut children = vec![Vec::new(); dependencies.len()];
    for (child, dependency) in dependencies.iter().enumerate() {
        for &parent in &dependency.parents {
            if let Some(children) = children.get_mut(parent) {
                children.push(child);
            }
        }
    }
    let is_root = |dependency: &Dependency| dependency.direct || dependency.parents.is_empty();
    let runs = |dependency: &Dependency| is_root(dependency) && !groups.are_development(&dependency.name);
    let mut pending: Vec<usize> =
        dependencies.iter().enumerate().filter(|(_, it)| runs(it)).map(|(position, _)| position).collect();
    let mut is_runtime = vec![false; dependencies.len()];
    while let Some(position) = pending.pop() {
        let Some(seen) = is_runtime.get_mut(position) else { continue };
        if !std::mem::replace(seen, true) {
            pending.extend(children.get(position).into_iter().flatten());
        }
    }
    for (dependency, is_runtime) in dependencies.iter_mut().zip(is_runtime) {
        if !is_runtime {
            dependency.scope = Scope::Development;
        }
    }
}

#[cfg(test)]
mod tests;
