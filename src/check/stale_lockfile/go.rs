//! go.sum: a hash for every module that go.mod requires (<https://go.dev/ref/mod#go-sum-files>).

use std::collections::HashSet;

use super::{Misfit, Pair};

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest = pair.beside("go.mod")?;
    // A workspace keeps some of the hashes in a file of its own.
    if pair.is_above("go.work") {
        return None;
    }
    let hashes: HashSet<(&str, &str)> = pair
        .lock
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (module, version) = (words.next()?, words.next()?);
            Some((module, version.strip_suffix("/go.mod").unwrap_or(version)))
        })
        .collect();
    let mut required = Vec::new();
    let mut replaced = HashSet::new();
    let mut block = "";
    for line in manifest.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let (directive, mut rest) = match (first, block) {
            (")", _) => {
                block = "";
                continue;
            }
            (first, "") => (first, words),
            (_, block) => (block, line.split_whitespace()),
        };
        let Some(module) = rest.next().map(|word| word.trim_matches('"')) else { continue };
        match directive {
            "require" | "replace" | "exclude" | "retract" | "tool" | "ignore" if module == "(" => {
                block = directive_name(directive);
            }
            "require" => required.extend(rest.next().map(|version| (module, version))),
            "replace" => {
                replaced.insert(module);
            }
            _ => {}
        }
    }
    let missing = required.into_iter().find(|pair| !replaced.contains(pair.0) && !hashes.contains(pair))?;
    Some(Misfit::new(1, format!("`{} {}`, which go.mod requires, has no hash in it", missing.0, missing.1)))
}

fn directive_name(directive: &str) -> &'static str {
    match directive {
        "require" => "require",
        "replace" => "replace",
        _ => "other",
    }
}
