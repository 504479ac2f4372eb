//! pip's requirements files (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>): what they pin.

mod include;
mod line;
mod options;
mod requirement;
mod via;

use std::collections::{BTreeSet, HashMap};

use super::contract::encoding::decode;
use super::contract::python::archive;
use super::contract::python::{is_development_name, normalise};
use super::contract::sources::{Checksums, Sources};
use super::contract::text::explain;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Unpinned;
use crate::model::repository::RepoPath;
use include::{Budget, Kind};
use line::Line;
use options::Options;
use requirement::{Fault, Requirement};
use via::Comments;

const WAY_OUT: &str = "correct the line, or compile the file anew with `pip-compile` or `uv pip compile`";

/// Reads requirements files: `*requirements*.txt`, `*.txt` in a folder called `requirements`, and Rye's locks, which are in
/// the same format.
///
/// Constraints are no requirements: a file of them says nothing alone, but pins what a requirements file that names it
/// asks for.
pub(super) struct Requirements;

impl Extractor for Requirements {
    fn id(&self) -> &'static str {
        "requirements"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        is_requirements(path)
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        let read = read(file, &text).map_err(|error| explain(&text, error, WAY_OUT))?;
        Ok(read.dependencies)
    }

    fn unpinned(&self, file: &SourceFile<'_>) -> Vec<Unpinned> {
        // Constraints ask for nothing, whatever they leave open.
        if file.path.file_name().contains("constraint") {
            return Vec::new();
        }
        let text = decode(file.content).ok();
        text.and_then(|text| read(file, &text).ok()).map(|read| read.unpinned).unwrap_or_default()
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let text = decode(file.content).ok();
        text.and_then(|text| read(file, &text).ok()).map(|read| read.problems).unwrap_or_default()
    }
}

/// More of one file say nothing that these do not.
const PROBLEM_LIMIT: usize = 20;

/// More places than anyone looks in.
const PLACE_LIMIT: usize = 8;

/// As osv-scanner finds them, and as pip's users lay them out.
fn is_requirements(path: &RepoPath) -> bool {
    // Rye's locks; Helm 2 had one of the same name, which cannot be read as this.
    if matches!(path.file_name(), "requirements.lock" | "requirements-dev.lock") {
        return true;
    }
    let Some(stem) = path.file_name().strip_suffix(".txt") else { return false };
    stem.contains("requirements") || folder_name(path) == "requirements"
}

fn folder_name(path: &RepoPath) -> &str {
    path.folder().rsplit('/').next().unwrap_or_default()
}

/// `requirements-dev.txt`, `requirements/test.txt`, `docs/requirements.txt`.
fn scope_of(path: &RepoPath) -> Scope {
    let stem = path.file_name().trim_end_matches(".txt");
    if is_development_name(stem) || is_development_name(folder_name(path)) {
        Scope::Development
    } else {
        Scope::Runtime
    }
}

/// What comes of a file.
struct Read {
    dependencies: Vec<Dependency>,
    unpinned: Vec<Unpinned>,
    /// What was not followed.
    problems: Vec<ParseError>,
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Read, ParseError> {
    let mut reading = Reading {
        file,
        entries: Vec::new(),
        constraints: HashMap::new(),
        budget: Budget::of(file.path),
        problems: Vec::new(),
        places: BTreeSet::new(),
    };
    let mut comments = Comments::of(text);
    reading.read(text, &mut comments)?;
    let problems = std::mem::take(&mut reading.problems);
    let (dependencies, unpinned) = reading.finish(&comments);
    Ok(Read { dependencies, unpinned, problems })
}

/// What a line asks for.
enum Asked {
    Requirement(Requirement),
    File(Kind, String),
    /// An option that asks for nothing, or the folder of the project itself.
    Nothing,
}

/// One requirement of the file, pinned or not.
struct Entry {
    requirement: Requirement,
    line: u32,
    /// Whether a hash says what its archive is.
    is_checked: bool,
}

impl Entry {
    fn new(requirement: Requirement, text: &str, line: u32) -> Self {
        let is_checked = ["--hash", "sha256=", "sha384=", "sha512="].iter().any(|sign| text.contains(sign));
        Self { requirement, line, is_checked }
    }
}

/// Notes what the file name of an archive says of a dependency, and whether nothing does.
fn compare_archive(dependency: &mut Dependency, is_checked: bool) {
    let Origin::Archive { url } = &dependency.origin else { return };
    let url = url.clone();
    if let (true, Some((_, version))) = (dependency.version.is_empty(), archive::named(&dependency.name, &url)) {
        dependency.version = version;
    }
    archive::doubt(dependency, std::iter::once(url.as_str()));
    if dependency.version.is_empty() && !is_checked && url.contains("://") {
        dependency.doubts.push(Doubt::NoChecksum);
    }
}

/// What was read so far, of the file and of what it includes.
struct Reading<'a> {
    file: &'a SourceFile<'a>,
    entries: Vec<Entry>,
    /// The versions that constraints pin, by normalised name.
    constraints: HashMap<String, String>,
    budget: Budget,
    /// What pip would read and is not read here, or what it would refuse.
    problems: Vec<ParseError>,
    /// Where the options say that packages are looked for.
    places: BTreeSet<String>,
}

impl Reading<'_> {
    fn read(&mut self, text: &str, comments: &mut Comments) -> Result<(), ParseError> {
        for line in line::read(text) {
            match line {
                Line::Comment(comment) => comments.read(comment),
                Line::Logical { text, comment, line } => {
                    comments.leave();
                    self.logical(&text, line).map_err(|error| error.at_line(line))?;
                    if text.starts_with(|first: char| first != '-') || is_editable(&text) {
                        comments.enter(self.entries.len().checked_sub(1));
                    }
                    if let Some(comment) = comment {
                        comments.read(comment);
                    }
                }
            }
        }
        Ok(())
    }

    /// A line without its comment.
    fn logical(&mut self, text: &str, line: u32) -> Result<(), ParseError> {
        match self.ask(text, line)? {
            Asked::File(kind, target) => self.include(kind, &target, line),
            Asked::Requirement(requirement) => {
                self.entries.push(Entry::new(requirement, text, line));
                check_package_count(self.entries.len())
            }
            Asked::Nothing => Ok(()),
        }
    }

    /// What a line asks for, of the file or of one that its line includes.
    fn ask(&mut self, text: &str, line: u32) -> Result<Asked, ParseError> {
        let (requirement, options) = options::split(text);
        // A list in prose begins with a dash, too.
        let is_option = options.starts_with('-') && !options.starts_with("- ");
        let options = if is_option { Options::read(options) } else { Ok(Options::default()) };
        let options = options.unwrap_or_else(|reason| {
            self.problem(line, format!("read the options in `{}`: {reason}", shown(text)));
            Options::default()
        });
        if self.places.len() < PLACE_LIMIT {
            self.places.extend(options.places);
        }
        for file in &options.passed_over {
            self.problem(line, format!("read `{}`, which pip passes over on this line", shown(file)));
        }
        match options.include {
            Some((kind, target)) if requirement.is_empty() => return Ok(Asked::File(kind, target)),
            Some((_, file)) => {
                self.problem(line, format!("read `{}`, which pip passes over on this line", shown(&file)));
            }
            None => {}
        }
        let found = match options.editable.filter(|_| requirement.is_empty()) {
            Some(target) => Ok(Requirement::editable(&target)),
            None if requirement.is_empty() && is_option => Ok(None),
            None => Requirement::parse(text),
        };
        Ok(found.map_err(|fault| refuse(text, fault))?.map_or(Asked::Nothing, Asked::Requirement))
    }

    fn problem(&mut self, line: u32, message: String) {
        if self.problems.len() < PROBLEM_LIMIT {
            let hint = "name a file of the project in a line of its own, or pin what it asks for here";
            self.problems.push(ParseError::new(message).at_line(line).with_hint(hint));
        }
    }

    /// A file that is not claimed itself is read as if it stood in the place of the line that names it.
    fn include(&mut self, kind: Kind, target: &str, line: u32) -> Result<(), ParseError> {
        let start = self.file.path.clone();
        let mut queue = vec![(kind, start, target.to_owned())];
        while let Some((kind, from, target)) = queue.pop() {
            let Some(path) = include::resolve(&from, &target) else {
                self.problem(line, format!("read `{}`: it is no file of the project", shown(&target)));
                continue;
            };
            // What is claimed is read by itself, and what was read before says nothing new.
            if kind == Kind::Requirements && is_requirements(&path) || self.budget.knows(&path) {
                continue;
            }
            let Some(content) = self.budget.read(self.file, &path) else {
                self.problem(line, format!("read what it includes: `{path}` is not there or cannot be read"));
                continue;
            };
            let named = |error: ParseError| {
                ParseError::new(format!("read what it includes, line {} of `{path}`: {error}", error.line.unwrap_or(1)))
            };
            let text = decode(&content).map_err(named)?;
            for inner in line::read(&text) {
                let Line::Logical { text, line: place, .. } = inner else { continue };
                let asked = self.ask(&text, line).map_err(|error| named(error.at_line(place)))?;
                match (asked, kind) {
                    (Asked::File(inner, target), _) => {
                        let kind = if kind == Kind::Constraints { kind } else { inner };
                        queue.push((kind, path.clone(), target));
                    }
                    (Asked::Requirement(requirement), Kind::Requirements) => {
                        self.entries.push(Entry::new(requirement, &text, line));
                    }
                    (Asked::Requirement(requirement), Kind::Constraints) => {
                        if let Some(version) = requirement.version {
                            self.constraints.insert(normalise(&requirement.name), version);
                        }
                    }
                    (Asked::Nothing, _) => {}
                }
                check_package_count(self.entries.len())?;
            }
        }
        Ok(())
    }

    fn finish(self, comments: &Comments) -> (Vec<Dependency>, Vec<Unpinned>) {
        let scope = scope_of(self.file.path);
        let mut dependencies = Vec::with_capacity(self.entries.len());
        let mut unpinned = Vec::new();
        // The position of each entry among the dependencies.
        let mut positions = Vec::with_capacity(self.entries.len());
        for entry in self.entries {
            let Requirement { name, version, range, origin } = entry.requirement;
            let version = version.or_else(|| self.constraints.get(&normalise(&name)).cloned());
            // A range pins nothing.
            let Some(version) = version else {
                positions.push(None);
                unpinned.push(Unpinned { name, requirement: range, line: entry.line });
                continue;
            };
            positions.push(Some(dependencies.len()));
            let mut dependency = Dependency {
                origin,
                scope,
                direct: true,
                ..Dependency::new(Ecosystem::PyPi, name, version, entry.line)
            };
            compare_archive(&mut dependency, entry.is_checked);
            dependencies.push(dependency);
        }
        comments.link(&mut dependencies, &positions);
        // Each place may give each package: pip takes the highest version of all, wherever it is.
        let mut sources = Sources::default();
        let registered = dependencies.iter().enumerate().filter(|(_, it)| matches!(it.origin, Origin::Registry { .. }));
        for (position, _) in registered {
            self.places.iter().for_each(|place| sources.note_address(position, place));
        }
        sources.judge(&mut dependencies, Checksums::SameForAll);
        (dependencies, unpinned)
    }
}

fn is_editable(text: &str) -> bool {
    text.starts_with("-e") || text.starts_with("--editable")
}

fn refuse(text: &str, fault: Fault) -> ParseError {
    let reason = match fault {
        Fault::Name => "it does not begin with a name",
        Fault::Range => "what follows the name is no range of versions",
        Fault::Marker => "its marker is not complete",
    };
    ParseError::new(format!("read the requirement `{}`: {reason}", shown(text)))
}

/// Text of a file in a message.
fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MemoryTree, extract, show};
    use super::*;

    #[test]
    fn what_pip_reads_of_a_line_is_read() {
        let file =
            b"--pre --requirem more.txt\n./b-1.0-py3-none-any.whl\nc==3.0.*\nd===3.0.*\n-c pins.txt -r own.txt\n\
            e==1 --hash=sha256:0 -r never.txt\nf\n-e ./g";
        let files: [(&str, &[u8]); 5] = [
            ("requirements.txt", file),
            ("more.txt", b"a==1.0\n"),
            ("own.txt", b"h==1.0\n"),
            ("pins.txt", b"f==9.0\n"),
            ("never.txt", b"never==1.0\n"),
        ];
        insta::assert_snapshot!(show(&extract(&Requirements, &files).expect("a file")), @r#"
        0 a@1.0 Runtime direct Registry { url: None } [] line 1
        1 b@1.0 Runtime direct Archive { url: "./b-1.0-py3-none-any.whl" } [] line 2
        2 h@1.0 Runtime direct Registry { url: None } [] line 5
        3 e@1 Runtime direct Registry { url: None } [] line 6
        4 g@ Runtime direct Path [] line 8
        "#);
    }

    #[test]
    fn an_archive_is_matched_by_its_file_name() {
        let told = |line: &str| {
            let found = extract(&Requirements, &[("requirements.txt", line.as_bytes())]).expect(line);
            let doubts = found[0].doubts.iter().map(|doubt| match doubt {
                Doubt::Contradiction { other, .. } => other.as_ref().map(ToString::to_string).unwrap_or_default(),
                Doubt::NoChecksum => "unchecked".to_owned(),
                Doubt::Host { .. } => "host".to_owned(),
            });
            format!("{}@{} {}", found[0].name, found[0].version, doubts.collect::<Vec<_>>().join(" "))
        };
        for (line, expected) in [
            ("evil @ https://files.example/evil-1.0.0.tar.gz", "evil@1.0.0 "),
            ("good @ https://files.example/evil-1.0.0.tar.gz", "good@1.0.0 evil@1.0.0"),
            ("https://files.example/evil-1.0.0.zip#egg=good", "good@1.0.0 evil@1.0.0"),
            ("evil @ https://files.example/main.zip", "evil@ unchecked"),
            ("evil @ https://files.example/main.zip --hash=sha256:0", "evil@ "),
            ("evil @ https://files.example/download", "evil@ unchecked"),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_followed_is_a_named_problem() {
        let told = |line: &str| {
            let tree = MemoryTree::new(&[("requirements.txt", line.as_bytes()), ("here.txt", b"a==1")]);
            let path = RepoPath::new("requirements.txt").expect("a plain path");
            let problems =
                Requirements.not_followed(&SourceFile { path: &path, content: line.as_bytes(), tree: &tree });
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
        };
        for (line, expected) in [
            ("-r file:///srv/x.txt", "read `file:///srv/x.txt`: it is no file of the project"),
            ("-c https://host.example/c.txt", "read `https://host.example/c.txt`: it is no file of the project"),
            ("-r ../x.txt", "read `../x.txt`: it is no file of the project"),
            ("-r ${WHERE}.txt", "read `${WHERE}.txt`: it is no file of the project"),
            ("-r gone.txt", "read what it includes: `gone.txt` is not there or cannot be read"),
            ("-r here.txt -c c.txt", "read `c.txt`, which pip passes over on this line"),
            ("a==1 -r here.txt", "read `here.txt`, which pip passes over on this line"),
            ("--some-option", "read the options in `--some-option`: pip has no option --some-option"),
            ("-r 'here.txt", "read the options in `-r 'here.txt`: its quotes are not closed"),
            ("-r here.txt", ""),
            ("--pre -i https://host.example/simple", ""),
        ] {
            assert_eq!(told(line).replace("\\'", "'"), expected, "{line}");
        }
    }
}
