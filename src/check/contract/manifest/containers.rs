//! What describes infrastructure: Chart.yaml, Terraform's files and flake.nix.

use serde::Deserialize;

use super::lines::{Keys, any_version, asked, line_of, quoted};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "Chart.yaml",
        ecosystem: Ecosystem::Helm,
        locks: Locks::Above(&["Chart.lock", "requirements.lock"]),
        read: read_chart,
    },
    Format {
        claims: |name| name.rsplit_once('.').is_some_and(|(_, extension)| extension == "tf"),
        ecosystem: Ecosystem::Terraform,
        // A module is locked by the configuration that uses it, wherever that stands.
        locks: Locks::Anywhere(&[".terraform.lock.hcl"]),
        read: read_terraform,
    },
    Format {
        claims: |name| name == "flake.nix",
        ecosystem: Ecosystem::Git,
        locks: Locks::Above(&["flake.lock"]),
        read: read_flake,
    },
];

#[derive(Deserialize)]
struct Chart {
    #[serde(default)]
    dependencies: Vec<ChartDependency>,
}

#[derive(Deserialize)]
struct ChartDependency {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    repository: Option<String>,
}

fn read_chart(text: &str) -> Option<Asked> {
    let chart: Chart = serde_saphyr::from_str(text).ok()?;
    let line = line_of(text, |line| line.starts_with("dependencies"));
    let keys = Keys::of(text);
    let mut after = line;
    let mut requests = Vec::new();
    for dependency in chart.dependencies {
        after = keys.line("name", after.saturating_add(1));
        // A chart in a folder of the project needs no lock.
        if dependency.repository.is_none_or(|repository| repository.is_empty() || repository.starts_with("file:")) {
            continue;
        }
        let requirement = dependency.version.unwrap_or_default();
        let loose = any_version(&requirement);
        requests.push(Request { name: dependency.name, requirement, line: after, loose });
    }
    (!requests.is_empty()).then_some(Asked { line, requests, ..Asked::default() })
}

/// `required_providers { x = { … } }`, and modules from git, which no lockfile covers
/// (<https://developer.hashicorp.com/terraform/language/files/dependency-lock>).
fn read_terraform(text: &str) -> Option<Asked> {
    let (mut requests, mut settings) = (Vec::new(), Vec::new());
    let mut depth = None::<i64>;
    let mut module = None::<String>;
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.split(['#']).next().unwrap_or_default().trim();
        if line.starts_with("//") {
            continue;
        }
        if line.starts_with("required_providers") && line.contains('{') {
            depth = Some(0);
        } else if let Some(0) = depth.as_ref().map(|depth| depth - 1)
            && let Some((name, _)) = line.split_once('=')
            && line.contains(['{', '"'])
        {
            let (name, requirement) = (name.trim().to_owned(), String::new());
            requests.push(Request { name, requirement, line: number, loose: None });
        }
        if let Some(rest) = line.strip_prefix("module ") {
            module = quoted(rest).map(|(name, _)| name.to_owned());
        }
        if let (Some(name), Some(source)) = (&module, source_of(line))
            && let Some(loose) = loose_module(source)
        {
            let (name, requirement) = (name.clone(), source.to_owned());
            settings.push(Request { name, requirement, line: number, loose: Some(loose) });
        }
        if let Some(level) = depth.as_mut() {
            *level += braces(line);
            if *level <= 0 {
                depth = None;
            }
        }
    }
    let line = requests.first().or(settings.first())?.line;
    Some(Asked { line, requests, settings, ..Asked::default() })
}

fn braces(line: &str) -> i64 {
    line.bytes().fold(0, |sum, byte| sum + i64::from(byte == b'{') - i64::from(byte == b'}'))
}

fn source_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("source")?.trim_start().strip_prefix('=')?;
    quoted(rest).map(|(source, _)| source)
}

/// A module from git without a reference, or at one of the names that branches usually have.
fn loose_module(source: &str) -> Option<Loose> {
    let is_git = source.starts_with("git::") || source.starts_with("git@") || source.starts_with("github.com/");
    if !is_git {
        return None;
    }
    let reference = source.split(['?', '&']).skip(1).find_map(|pair| pair.strip_prefix("ref="));
    match reference {
        None | Some("main" | "master" | "develop" | "trunk" | "HEAD") => Some(Loose::Branch),
        Some(_) => None,
    }
}

/// `inputs.x.url = "…"`, or `x.url = "…"` and `url = "…"` inside `inputs`.
fn read_flake(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    if !text.contains("inputs") {
        return None;
    }
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim_start();
        if line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim();
        if key.rsplit('.').next() != Some("url") {
            continue;
        }
        let Some((url, _)) = quoted(value) else { continue };
        if !url.contains(':') || url.starts_with("path:") {
            continue;
        }
        let requirement = url.to_owned();
        requests.push(Request { name: requirement.clone(), requirement, line: number, loose: None });
    }
    asked(requests)
}
