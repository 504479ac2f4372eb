//! Cabal's cabal.project.freeze (<https://cabal.readthedocs.io/en/stable/cabal-commands.html#cabal-freeze>).

use std::collections::HashSet;

use super::contract::graph::roots_are_direct;
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `cabal freeze` to write it anew";

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
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let mut dependencies: Vec<Dependency> = Vec::new();
    let mut seen = HashSet::new();
    let mut in_constraints = false;
    for (position, line) in text.split('\n').enumerate() {
        let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        let content = line.trim();
        if content.is_empty() || content.starts_with("--") {
            continue;
        }
        // What is not indented opens a field.
        let constraints = if line.starts_with([' ', '\t']) {
            content
        } else {
            let (field, rest) = content
                .split_once(':')
                .filter(|(field, _)| field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
                .ok_or_else(|| ParseError::new("find a field").at_line(number))?;
            in_constraints = field.eq_ignore_ascii_case("constraints");
            rest
        };
        if !in_constraints {
            continue;
        }
        for (name, version) in constraints.split(',').filter_map(pin) {
            if seen.insert((name, version)) {
                dependencies.push(Dependency::new(Ecosystem::Hackage, name, version, number));
            }
        }
    }
    check_package_count(dependencies.len())?;
    roots_are_direct(&mut dependencies);
    Ok(dependencies)
}

/// The package and the version of `any.name ==1.2`, also of `name ==1.2` and `tool:setup.name == 1.2`.
fn pin(constraint: &str) -> Option<(&str, &str)> {
    let (name, version) = constraint.split_once("==")?;
    let name = name.trim().rsplit(['.', ':']).next()?;
    let version = version.trim();
    let is_exact = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_exact && !name.is_empty() && !name.contains(char::is_whitespace)).then_some((name, version))
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
    fn what_is_no_freeze_file_is_refused_with_a_way_out() {
        for (text, line) in [("", None), ("{}", Some(1)), ("constraints: a ==1\n<<<<<<< HEAD: x\n", Some(2))] {
            let error = extract(&CabalFreeze, &[("cabal.project.freeze", text.as_bytes())]).expect_err("no file");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("cabal freeze")), "{error}");
        }
    }
}
