//! Cargo.toml (<https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html>).

use toml::{Table, Value};

use super::lines::{Keys, any_version, line_of};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::bounded_toml;
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[Format {
    claims: |name| name == "Cargo.toml",
    ecosystem: Ecosystem::CratesIo,
    locks: Locks::Above(&["Cargo.lock"]),
    read,
}];

const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

fn read(text: &str) -> Option<Asked> {
    let manifest: Table = bounded_toml::from_str(text).ok()?;
    let keys = Keys::of(text);
    let line = line_of(text, |line| line.starts_with('[') && line.contains("dependencies"));
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(&manifest).chain(targets.filter_map(|(_, target)| target.as_table()));
    let requests: Vec<Request> = tables
        .flat_map(|table| TABLES.iter().filter_map(|name| table.get(*name)?.as_table()))
        .flatten()
        .filter(|(_, request)| asks_for_a_crate(request))
        .map(|(name, request)| {
            let requirement = requirement(request);
            let loose = match request.as_table() {
                Some(table) if table.contains_key("git") => {
                    let is_fixed = table.contains_key("rev") || table.contains_key("tag");
                    (!is_fixed).then_some(Loose::Branch)
                }
                // What a workspace gives is written there.
                Some(table) if table.contains_key("workspace") => None,
                _ => any_version(requirement),
            };
            let line = keys.line(name, line);
            Request { name: name.clone(), requirement: requirement.to_owned(), line, loose }
        })
        .collect();
    (!requests.is_empty()).then_some(Asked { line, requests, ..Asked::default() })
}

fn requirement(request: &Value) -> &str {
    request.as_str().or_else(|| request.get("version")?.as_str()).unwrap_or_default()
}

/// A folder of the same project needs no lock; with a version beside the path it is what others will download.
fn asks_for_a_crate(request: &Value) -> bool {
    request.as_table().is_none_or(|request| !request.contains_key("path") || request.contains_key("git"))
}
