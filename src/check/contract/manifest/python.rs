//! pyproject.toml (<https://packaging.python.org/specifications/pyproject-toml/>, Poetry's and PDM's tables), Pipfile, and
//! requirement files (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>).

use std::collections::{HashMap, HashSet};

use toml::{Table, Value};

use super::lines::{Keys, any_version, asked, line_of};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Unpinned;

/// Whatever installs from a lockfile installs the project from it.
const LOCKS: &[&str] = &[
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "pixi.lock",
    "conda-lock.yml",
    "requirements.txt",
    "requirements.lock",
];

/// Those that are no requirements files themselves.
const PROJECT_LOCKS: &[&str] =
    &["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock", "conda-lock.yml"];

/// A requirements file, which pins as much as its lines do.
pub(super) const REQUIREMENTS: Format =
    Format { claims: |_| false, ecosystem: Ecosystem::PyPi, locks: Locks::Above(PROJECT_LOCKS), read: |_| None };

/// The sources that requirements files are compiled from: `requirements.in`, `dev-requirements.in`.
fn is_source_of_requirements(name: &str) -> bool {
    name.strip_suffix(".in").is_some_and(|stem| stem.contains("requirements"))
}

/// The requests in a requirements file that pin nothing.
pub(super) fn unpinned(lines: &[Unpinned]) -> Option<Asked> {
    let request = |line: &Unpinned| Request {
        name: line.name.clone(),
        requirement: line.requirement.clone(),
        line: line.line,
        loose: any_version(&line.requirement),
    };
    asked(lines.iter().map(request).collect())
}

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "pyproject.toml",
        ecosystem: Ecosystem::PyPi,
        locks: Locks::Above(LOCKS),
        read: read_project,
    },
    Format {
        claims: |name| name == "Pipfile",
        ecosystem: Ecosystem::PyPi,
        locks: Locks::Above(&["Pipfile.lock"]),
        read: read_pipfile,
    },
    Format {
        claims: is_source_of_requirements,
        ecosystem: Ecosystem::PyPi,
        locks: Locks::Compiled(PROJECT_LOCKS),
        read: read_requirements,
    },
];

fn read_project(text: &str) -> Option<Asked> {
    let manifest: Table = bounded_toml::from_str(text).ok()?;
    let keys = Keys::of(text);
    let first = line_of(text, |line| line.contains("dependencies"));
    let lines = by_content(text);
    let mut requests = Vec::new();
    let project = manifest.get("project").and_then(Value::as_table);
    let plain = project.and_then(|project| project.get("dependencies"));
    let optional = project.and_then(|project| project.get("optional-dependencies")).and_then(Value::as_table);
    let groups = manifest.get("dependency-groups").and_then(Value::as_table);
    let lists = plain.into_iter().chain(optional.into_iter().chain(groups).flat_map(Table::values));
    let local = local_sources(&manifest);
    for text in lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
        let request = requirement(text, lines.get(text).copied().unwrap_or(first));
        requests
            .extend(request.filter(|request| !local.contains(&Ecosystem::PyPi.normalise(&request.name).into_owned())));
    }
    let poetry = manifest.get("tool").and_then(|tool| tool.get("poetry")).and_then(Value::as_table);
    let groups = poetry.and_then(|poetry| poetry.get("group")).and_then(Value::as_table);
    let groups = groups.into_iter().flat_map(Table::values).filter_map(|group| group.get("dependencies"));
    let own = ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| poetry?.get(name));
    for table in own.chain(groups).filter_map(Value::as_table) {
        requests.extend(
            table
                .iter()
                .filter(|(name, _)| *name != "python")
                .filter_map(|(name, value)| in_table(name, value, keys.line(name, 1))),
        );
    }
    let line = first;
    (!requests.is_empty()).then_some(Asked { line, requests, ..Asked::default() })
}

/// The packages that uv takes from folders or from its own workspace
/// (<https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources>), by their normalised names.
fn local_sources(manifest: &Table) -> HashSet<String> {
    let sources = manifest.get("tool").and_then(|tool| tool.get("uv")?.get("sources")).and_then(Value::as_table);
    let is_local = |source: &Value| {
        let path = source.get("path").and_then(Value::as_str);
        // An archive is a release that has to be locked.
        let ends = |path: &str| path.to_ascii_lowercase();
        let is_folder = path.is_some_and(|path| ![".whl", ".gz", ".zip"].iter().any(|end| ends(path).ends_with(end)));
        is_folder || source.get("workspace").and_then(Value::as_bool) == Some(true)
    };
    let all_local = |source: &Value| match source.as_array() {
        // One for each platform.
        Some(several) => !several.is_empty() && several.iter().all(is_local),
        None => is_local(source),
    };
    let sources = sources.into_iter().flatten().filter(|(_, source)| all_local(source));
    sources.map(|(name, _)| Ecosystem::PyPi.normalise(name).into_owned()).collect()
}

/// Lines by what stands on them inside of quotes and commas.
fn by_content(text: &str) -> HashMap<&str, u32> {
    let mut known = HashMap::new();
    for (line, number) in text.lines().zip(1_u32..) {
        known.entry(line.trim().trim_end_matches(',').trim_matches(['"', '\''])).or_insert(number);
    }
    known
}

fn read_pipfile(text: &str) -> Option<Asked> {
    let manifest: Table = bounded_toml::from_str(text).ok()?;
    let keys = Keys::of(text);
    let tables = ["packages", "dev-packages"].into_iter().filter_map(|name| manifest.get(name)?.as_table());
    let requests = tables.flatten().filter_map(|(name, value)| in_table(name, value, keys.line(name, 1))).collect();
    asked(requests)
}

/// A request of Poetry or pipenv: a requirement, or a table with one; `None` for a folder of the project.
fn in_table(name: &str, value: &Value, line: u32) -> Option<Request> {
    if value.get("path").is_some() {
        return None;
    }
    let requirement = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default();
    let loose = if value.get("git").is_some() {
        let is_fixed = ["rev", "tag", "ref"].iter().any(|key| value.get(key).is_some());
        (!is_fixed).then_some(Loose::Branch)
    } else if value.get("url").is_some() || value.get("file").is_some() {
        None
    } else {
        any_version(requirement)
    };
    Some(Request { name: name.to_owned(), requirement: requirement.to_owned(), line, loose })
}

/// A requirement as PEP 508 writes it (<https://peps.python.org/pep-0508/>); `None` for what is none.
fn requirement(text: &str, line: u32) -> Option<Request> {
    let text = text.split(';').next()?.trim();
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let end = text.find(|character| !is_name(character)).unwrap_or(text.len());
    let (name, rest) = (text.get(..end)?, text.get(end..)?.trim_start());
    if name.is_empty() {
        return None;
    }
    let rest = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => rest,
    };
    // An address says nothing of versions; which branch it means is for the reader of such lines.
    let loose = if rest.starts_with('@') { None } else { any_version(rest) };
    Some(Request { name: name.to_owned(), requirement: rest.to_owned(), line, loose })
}

/// All requests in a source file, where nothing is pinned yet. Files that it includes are sources themselves.
fn read_requirements(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    let mut lines = text.lines().zip(1_u32..);
    while let Some((line, number)) = lines.next() {
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            let Some((next, _)) = lines.next() else { break };
            whole.push_str(next.trim());
        }
        let whole = match whole.split_once(" #") {
            Some((before, _)) => before.trim(),
            None => whole.as_str(),
        };
        if whole.is_empty() || whole.starts_with(['#', '-', '.', '/']) || whole.contains("://") || is_exact(whole) {
            continue;
        }
        requests.extend(requirement(whole, number));
    }
    asked(requests)
}

/// Whether a requirement names one exact version; `==1.*`, a variable and what stands in a marker do not.
fn is_exact(line: &str) -> bool {
    let range = line.split(';').next().unwrap_or_default();
    range.split("==").skip(1).any(|after| {
        let version = after.trim_start_matches('=').trim_start();
        let version = version.split([' ', ',', ')']).next().unwrap_or_default();
        !version.is_empty() && !version.ends_with(".*") && !version.contains("${")
    })
}
