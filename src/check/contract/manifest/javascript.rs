//! package.json (`dependencies` and its like, as npm reads them) and deno.json.

use serde_json::{Map, Value};

use super::lines::{Keys, any_version, line_of};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;
use crate::model::json_with_comments::to_json;

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "package.json",
        ecosystem: Ecosystem::Npm,
        // Those of other package managers lock as well, whether or not an extractor reads them.
        locks: Locks::Above(&[
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            "deno.lock",
        ]),
        read: read_package,
    },
    Format {
        claims: |name| matches!(name, "deno.json" | "deno.jsonc"),
        ecosystem: Ecosystem::Jsr,
        locks: Locks::Above(&["deno.lock"]),
        read: read_deno,
    },
];

fn read_package(text: &str) -> Option<Asked> {
    // Folders and members of the same project need no lock; what a workspace's catalogue gives is written there.
    const LOCAL: [&str; 4] = ["file:", "link:", "workspace:", "portal:"];
    let manifest: Map<String, Value> = serde_json::from_str(text).ok()?;
    let tables = ["dependencies", "devDependencies", "optionalDependencies"];
    requests(text, &manifest, &tables, |_, requirement| {
        if LOCAL.iter().any(|local| requirement.starts_with(local)) {
            return None;
        }
        let is_git = requirement.starts_with("git") || requirement.starts_with("github:");
        Some(if is_git && !requirement.contains('#') { Some(Loose::Branch) } else { any_version(requirement) })
    })
}

/// The requests in tables of a JSON manifest: `judge` gives `None` for what is no package, and whether it is loose.
pub(super) fn requests(
    text: &str,
    manifest: &Map<String, Value>,
    tables: &[&str],
    judge: impl Fn(&str, &str) -> Option<Option<Loose>>,
) -> Option<Asked> {
    let keys = Keys::of(text);
    let (mut first, mut requests) = (None, Vec::new());
    for table in tables {
        let Some(entries) = manifest.get(*table).and_then(Value::as_object) else { continue };
        let key = format!("\"{table}\"");
        let start = line_of(text, |line| line.contains(&key));
        for (name, value) in entries {
            let Some(requirement) = value.as_str() else { continue };
            let Some(loose) = judge(name, requirement) else { continue };
            first.get_or_insert(start);
            let line = keys.line(name, start);
            requests.push(Request { name: name.clone(), requirement: requirement.to_owned(), line, loose });
        }
    }
    Some(Asked { line: first?, requests, ..Asked::default() })
}

/// Imports of packages; addresses of files have their version in them or not, and a lock has their hash.
fn read_deno(text: &str) -> Option<Asked> {
    let manifest: Map<String, Value> = serde_json::from_str(&to_json(text)).ok()?;
    let keys = Keys::of(text);
    let start = line_of(text, |line| line.contains("\"imports\""));
    let mut requests = Vec::new();
    for (key, value) in manifest.get("imports").and_then(Value::as_object)? {
        let Some((scheme, package)) = value.as_str().and_then(|value| value.split_once(':')) else { continue };
        if !matches!(scheme, "npm" | "jsr" | "https") {
            continue;
        }
        let package = package.trim_start_matches('/');
        let (scope, rest) = package.strip_prefix('@').map_or(("", package), |rest| ("@", rest));
        let (name, requirement) = rest.split_once('@').unwrap_or((rest, ""));
        let requirement = requirement.split('/').next().unwrap_or_default();
        let loose = if scheme == "https" { None } else { any_version(requirement) };
        let line = keys.line(key, start);
        requests.push(Request { name: format!("{scope}{name}"), requirement: requirement.to_owned(), line, loose });
    }
    let is_lock_off = manifest.get("lock") == Some(&Value::Bool(false));
    (!requests.is_empty()).then_some(Asked { line: start, requests, is_lock_off, ..Asked::default() })
}
