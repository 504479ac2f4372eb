//! yarn.lock: its keys are the requests that it answers, `name@range` or, since version 2, `name@npm:range`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::npm::requests;
use super::{Misfit, Pair};

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest: Map<String, Value> = serde_json::from_str(&pair.beside("package.json")?).ok()?;
    // Resolutions rewrite requests, and members of a workspace answer some of them.
    if manifest.contains_key("resolutions") || manifest.contains_key("workspaces") {
        return None;
    }
    let keys = keys(pair.lock);
    if keys.is_empty() {
        return None;
    }
    requests(&manifest).find_map(|(name, requirement)| {
        // Only ranges stand in keys as they are written.
        let is_range = requirement.starts_with(|first: char| first.is_ascii_digit() || "^~".contains(first));
        let is_plain = is_range && !requirement.contains([' ', ',', ':', '/', '"', '#']);
        if !is_plain {
            return None;
        }
        let is_locked = keys.contains(format!("{name}@{requirement}").as_str())
            || keys.contains(format!("{name}@npm:{requirement}").as_str());
        (!is_locked)
            .then(|| Misfit::new(1, format!("`{name}@{requirement}`, which package.json asks for, is not in it")))
    })
}

fn keys(lock: &str) -> HashSet<&str> {
    let headers = lock.lines().filter(|line| !line.starts_with([' ', '#', '\t']));
    let headers = headers.filter_map(|line| line.trim_end().strip_suffix(':'));
    headers.flat_map(|header| header.split(", ")).flat_map(|key| key.trim_matches('"').split(", ")).collect()
}
