//! Cabal's cabal.project.freeze (<https://cabal.readthedocs.io/en/stable/cabal-commands.html#cabal-freeze>).

use std::collections::HashSet;

use super::contract::graph::roots_are_direct;
use super::contract::text::{read_text, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `cabal freeze` to write it anew";

/// The fields that lead to other files and packages.
const LEADING: [&str; 4] = ["import", "packages", "optional-packages", "extra-packages"];

/// More of one file say nothing that these do not.
const PROBLEM_LIMIT: usize = 20;

/// Reads cabal.project.freeze: every constraint that allows one version only. Flags and what is installed pin none.
pub(super) struct CabalFreeze;

impl Extractor for CabalFreeze {
    fn id(&self) -> &'static str {
        "cabal-freeze"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "cabal.project.freeze"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| Ok(read(text)?.0))
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let found = read_text(file.content).ok().and_then(|text| read(text).ok());
        found.map(|found| found.1).unwrap_or_default()
    }
}

fn read(text: &str) -> Result<(Vec<Dependency>, Vec<ParseError>), ParseError> {
    let mut dependencies: Vec<Dependency> = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    let (mut has_field, mut in_constraints) = (false, false);
    for (position, line) in text.split('\n').enumerate() {
        let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        let content = line.trim();
        if content.is_empty() || content.starts_with("--") {
            continue;
        }
        // What is not indented opens a field.
        let constraints = if has_field && line.starts_with([' ', '\t']) {
            content
        } else {
            let (field, rest) = content
                .split_once(':')
                .filter(|(field, _)| field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
                .ok_or_else(|| ParseError::new("find a field").at_line(number))?;
            has_field = true;
            in_constraints = field.eq_ignore_ascii_case("constraints");
            if LEADING.iter().any(|known| field.eq_ignore_ascii_case(known)) {
                problems.push(problem(format!("read what its field `{field}` names"), number));
            }
            rest
        };
        if !in_constraints {
            continue;
        }
        for constraint in constraints.split(',').map(str::trim).filter(|constraint| !constraint.is_empty()) {
            let Some((name, versions)) = pins(constraint) else {
                let shown: String = constraint.chars().take(80).collect();
                let message = format!("read the constraint `{}`: it is more than a version", shown.escape_debug());
                problems.push(problem(message, number));
                continue;
            };
            for version in versions {
                if seen.insert((name, version)) {
                    dependencies.push(Dependency::new(Ecosystem::Hackage, name, version, number));
                }
            }
        }
    }
    check_package_count(dependencies.len())?;
    roots_are_direct(&mut dependencies);
    problems.truncate(PROBLEM_LIMIT);
    Ok((dependencies, problems))
}

fn problem(message: String, line: u32) -> ParseError {
    ParseError::new(message).at_line(line).with_hint(WAY_OUT)
}

/// The package and the versions of `any.name ==1.2`, also of `name ==1.2 || ==1.3` and `tool:setup.name == 1.2`; no version
/// for flags and for what is installed. `None` for anything that Cabal does not write.
fn pins(constraint: &str) -> Option<(&str, Vec<&str>)> {
    let is_of_name = |next: char| next.is_ascii_alphanumeric() || "-.:_".contains(next);
    let end = constraint.find(|next: char| !is_of_name(next))?;
    let (name, rest) = (constraint.get(..end)?, constraint.get(end..)?.trim());
    let name = name.rsplit(['.', ':']).next().filter(|name| !name.is_empty())?;
    let is_flag = |word: &str| word.starts_with(['+', '-']) || ["installed", "source", "test", "bench"].contains(&word);
    if rest.split_whitespace().all(is_flag) {
        return Some((name, Vec::new()));
    }
    let version = |part: &'_ str| -> Option<()> {
        let version = part.trim().strip_prefix("==")?.trim();
        let is_exact = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (is_exact && !version.is_empty()).then_some(())
    };
    let parts: Vec<&str> = rest.split("||").collect();
    let are_exact = parts.iter().all(|part| version(part).is_some());
    are_exact.then(|| (name, parts.into_iter().map(|part| part.trim().trim_start_matches('=').trim()).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn exact_constraints_are_pins() {
        let text = "active-repositories: hackage.example:merge
constraints: any.base ==4.18.2.1,
             any.aeson ==2.2.1.0,
             aeson -cffi +ordered-keymap,
             any.text ==2.0.2, lens ==5.2.3,
             any.rts installed,
             any.star ==1.2.*,
             any.range >=1 && <2,
             happy:setup.Cabal ==3.10.1.0
-- a comment
index-state: hackage.example 2024-01-01T00:00:00Z
";
        let found = extract(&CabalFreeze, &[("cabal.project.freeze", text.as_bytes())]).expect("a freeze file");
        insta::assert_snapshot!(show(&found), @r#"
        0 base@4.18.2.1 Runtime direct Registry { url: None } [] line 2
        1 aeson@2.2.1.0 Runtime direct Registry { url: None } [] line 3
        2 text@2.0.2 Runtime direct Registry { url: None } [] line 5
        3 lens@5.2.3 Runtime direct Registry { url: None } [] line 5
        4 Cabal@3.10.1.0 Runtime direct Registry { url: None } [] line 9
        "#);
    }

    #[test]
    fn what_is_more_than_a_version_is_a_named_problem() {
        for (text, pinned, told) in [
            ("constraints: any.a ==1.0 || ==1.1", 2, 0),
            ("constraints: any.a >=1 && ==1.0.0", 0, 1),
            ("constraints: any.a == { 1.0.0 }", 0, 1),
            ("constraints: any.a\n  ==1.0.0", 0, 2),
            ("constraints: any.a ==1.*, b +flag -other, any.rts installed", 0, 1),
            ("import: https://host.example/evil.freeze\nconstraints: any.a ==1.0", 1, 1),
            (" constraints: any.a ==1.0", 1, 0),
        ] {
            let (dependencies, problems) = read(text).expect(text);
            assert_eq!((dependencies.len(), problems.len()), (pinned, told), "{text}: {problems:?}");
        }
    }

    #[test]
    fn what_is_no_freeze_file_is_refused_with_a_way_out() {
        for (text, line) in [("", None), ("{}", Some(1)), ("constraints: a ==1\n<<<<<<< HEAD: x\n", Some(2))] {
            let error = extract(&CabalFreeze, &[("cabal.project.freeze", text.as_bytes())]).expect_err("no file");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("cabal freeze")), "{error}");
        }
    }
}
