//! What the lockfiles of Python have in common: names, git references, who requires whom, and what pyproject.toml asks for.

pub(in crate::extractor) mod archive;
pub(in crate::extractor) mod git;
pub(in crate::extractor) mod graph;
pub(in crate::extractor) mod manifest;
pub(in crate::extractor) mod registry;

use crate::model::ecosystem::Ecosystem;

/// The name as PEP 503 compares it.
pub(in crate::extractor) fn normalise(name: &str) -> String {
    Ecosystem::PyPi.normalise(name).into_owned()
}

/// The name at the start of a requirement (<https://peps.python.org/pep-0508/#names>): `name[extra]>=1 ; marker`.
pub(in crate::extractor) fn requirement_name(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text.find(|next: char| !(next.is_ascii_alphanumeric() || "-_.".contains(next))).unwrap_or(text.len());
    let name = text.get(..end)?;
    let edge = |place: Option<char>| place.is_some_and(|end| end.is_ascii_alphanumeric());
    (edge(name.chars().next()) && edge(name.chars().next_back())).then_some(name)
}

/// What a requirement asks for behind the name and extras, without its marker.
pub(in crate::extractor) fn requirement_range(text: &str) -> &str {
    let text = text.split(';').next().unwrap_or_default().trim();
    let Some(name) = requirement_name(text) else { return text };
    let rest = text.get(name.len()..).unwrap_or_default().trim_start();
    let rest = match rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => rest,
    };
    rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(rest).trim()
}

/// Whether a file, folder or group of dependencies is called as those that only serve development. Extras and groups may
/// have any name; these are the ones that pip-tools, PDM and Poetry show in their manuals, and their usual variants.
pub(in crate::extractor) fn is_development_name(name: &str) -> bool {
    const WORDS: [&str; 24] = [
        "dev",
        "devel",
        "develop",
        "development",
        "test",
        "tests",
        "testing",
        "lint",
        "linting",
        "linter",
        "linters",
        "doc",
        "docs",
        "documentation",
        "typing",
        "types",
        "mypy",
        "style",
        "format",
        "formatting",
        "ci",
        "bench",
        "benchmark",
        "coverage",
    ];
    name.split(|next: char| !next.is_ascii_alphanumeric())
        .any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_begin_with_a_name() {
        for (text, name, range) in [
            ("a.b-c_d[x, y] >=1,<2 ; python_version > '3'", Some("a.b-c_d"), ">=1,<2"),
            ("a (>=1)", Some("a"), ">=1"),
            ("a", Some("a"), ""),
            ("a @ git+https://git.example/a.git", Some("a"), "@ git+https://git.example/a.git"),
            ("-e .", None, "-e ."),
            ("", None, ""),
            ("é", None, "é"),
        ] {
            assert_eq!((requirement_name(text), requirement_range(text)), (name, range), "{text}");
        }
    }

    #[test]
    fn groups_for_development_are_known_by_their_words() {
        for name in ["dev", "requirements-dev.txt", "test_requirements.txt", "docs", "Lint"] {
            assert!(is_development_name(name), "{name}");
        }
        for name in ["requirements.txt", "production", "device", "latest", "main"] {
            assert!(!is_development_name(name), "{name}");
        }
    }
}
