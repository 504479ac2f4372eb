//! pubspec.yaml, Package.swift and Podfile.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::lines::{Keys, any_version, asked, line_of, quoted};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "pubspec.yaml",
        ecosystem: Ecosystem::Pub,
        locks: Locks::Above(&["pubspec.lock"]),
        read: read_pubspec,
    },
    Format {
        claims: |name| name == "Package.swift",
        ecosystem: Ecosystem::SwiftUrl,
        // Xcode keeps it below the project's own folder.
        locks: Locks::Anywhere(&["Package.resolved"]),
        read: read_swift,
    },
    Format {
        claims: |name| name == "Podfile",
        ecosystem: Ecosystem::CocoaPods,
        locks: Locks::Above(&["Podfile.lock"]),
        read: read_pods,
    },
];

#[derive(Deserialize)]
struct Pubspec {
    #[serde(default)]
    dependencies: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    dev_dependencies: Option<BTreeMap<String, Value>>,
}

fn read_pubspec(text: &str) -> Option<Asked> {
    let manifest: Pubspec = serde_saphyr::from_str(text).ok()?;
    let keys = Keys::of(text);
    let line = line_of(text, |line| line.starts_with("dependencies") || line.starts_with("dev_dependencies"));
    let mut requests = Vec::new();
    for (name, value) in manifest.dependencies.into_iter().chain(manifest.dev_dependencies).flatten() {
        // What comes with Flutter or Dart, and folders of the project.
        if value.get("sdk").is_some() || value.get("path").is_some() {
            continue;
        }
        let requirement = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default().to_owned();
        let loose = match value.get("git") {
            Some(git) => git.get("ref").is_none().then_some(Loose::Branch),
            None => any_version(&requirement),
        };
        requests.push(Request { line: keys.line(&name, line), name, requirement, loose });
    }
    requests.sort_by_key(|request| request.line);
    (!requests.is_empty()).then_some(Asked { line, requests, ..Asked::default() })
}

/// `.package(url: "…", …)` on one line, or its address on the line behind.
fn read_swift(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim_start();
        let Some(rest) = line.find("url:").and_then(|start| line.get(start..)) else { continue };
        let is_package = line.starts_with(".package(") || line.starts_with("url:");
        let Some((url, rest)) = quoted(rest).filter(|_| is_package && !line.starts_with("//")) else { continue };
        let loose = rest.contains("branch").then_some(Loose::Branch);
        let requirement = rest.trim_matches([',', ' ', ')', ']']).to_owned();
        requests.push(Request { name: url.to_owned(), requirement, line: number, loose });
    }
    asked(requests)
}

/// `pod 'Name'[, 'requirement']…`.
fn read_pods(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let Some(rest) = line.trim_start().strip_prefix("pod ").map(str::trim_start) else { continue };
        let Some((name, rest)) = rest.starts_with(['"', '\'']).then(|| quoted(rest)).flatten() else { continue };
        if rest.contains(":path") || rest.contains("path:") || rest.contains("podspec") {
            continue;
        }
        let rest = rest.trim_start().trim_start_matches(',').trim_start();
        let requirement = if rest.starts_with(['"', '\'']) { quoted(rest).map_or("", |(text, _)| text) } else { "" };
        let has = |option: &str| rest.contains(option);
        let loose = if has(":git") || has("git:") {
            (!(has(":tag") || has("tag:") || has(":commit") || has("commit:"))).then_some(Loose::Branch)
        } else if requirement.is_empty() && !(rest.is_empty() || rest.starts_with([':', '#'])) {
            None
        } else {
            any_version(requirement)
        };
        requests.push(Request { name: name.to_owned(), requirement: requirement.to_owned(), line: number, loose });
    }
    asked(requests)
}
