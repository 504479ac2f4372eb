//! Lockfiles of Python's package managers, and what pip reads.

use std::collections::BTreeSet;

use toml::Table;

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format { folder: "poetry", name: "poetry.lock", count: packages, refused: &[], has_names_on_lines: true },
    Format { folder: "uv", name: "uv.lock", count: packages, refused: &[], has_names_on_lines: true },
    Format { folder: "pdm", name: "pdm.lock", count: merged_packages, refused: &[], has_names_on_lines: true },
    Format {
        folder: "pipfile",
        name: "Pipfile.lock",
        count: pipfile,
        refused: &[
            ("malformed_default_section", "Pipenv: ValueError, `default` is no object"),
            ("unparseable.lock", "Pipenv: your lockfile is corrupt"),
            ("/edited", "Pipenv: AttributeError, a package is a list"),
        ],
        has_names_on_lines: true,
    },
    Format {
        folder: "requirements",
        name: "requirements.txt",
        count: requirements,
        refused: &[
            ("invalid_value", "pip: could not split options: - if it's"),
            ("invalid_requirements", "pip: parse error in a marker"),
            ("jinja_requirements", "pip: invalid requirement: a template"),
            ("invalid_lines", "pip: invalid requirement: 4 + 4 = 2"),
        ],
        has_names_on_lines: true,
    },
];

fn list(text: &str) -> Vec<toml::Value> {
    let lock: Table = text.trim_start_matches('\u{feff}').parse().expect("TOML");
    lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default()
}

fn packages(text: &str) -> usize {
    list(text).len()
}

fn merged_packages(text: &str) -> usize {
    let key = |entry: &toml::Value| ["name", "version", "url", "git", "path"].map(|key| entry.get(key).cloned());
    list(text).iter().map(|entry| format!("{:?}", key(entry))).collect::<BTreeSet<_>>().len()
}

fn pipfile(text: &str) -> usize {
    let lock: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let categories = lock.as_object().expect("an object").iter().filter(|(name, _)| *name != "_meta");
    let entries = categories.flat_map(|(_, entries)| entries.as_object().into_iter().flatten());
    // The hashes of a package are the same wherever it stands.
    entries
        .map(|(name, entry)| format!("{name} {:?} {:?}", entry.get("version"), entry.get("ref")))
        .collect::<BTreeSet<_>>()
        .len()
}

/// Lines that begin with a name and have `==`, and lines with an address or a path.
fn requirements(text: &str) -> usize {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split(" #").next().expect("a part").trim());
    lines
        .filter(|line| !line.starts_with('#'))
        .filter(|line| {
            let requirement = line.split(';').next().expect("a part").split(" --").next().expect("a part");
            let pinned = requirement.contains("==") && !requirement.contains('*');
            let address = line.contains("://") && (!line.starts_with('-') || line.starts_with("-e "));
            let folder = line.starts_with('.') && *line != "."
                || line.contains('/') && ends_with(line, ".zip")
                || ends_with(line, ".whl")
                || ends_with(line, ".tar.gz")
                || line.starts_with("file:")
                || line.starts_with("-e ") && *line != "-e .";
            pinned && !line.starts_with('-') || address || folder
        })
        .count()
}

/// As pip writes it, in lower case.
fn ends_with(line: &str, end: &str) -> bool {
    line.strip_suffix(end).is_some()
}
