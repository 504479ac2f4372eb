//! What a go.mod and a go.work build with: the toolchain, and the modules that stand in for others.

use super::go_module::{GoModule, Replacement, Requirement};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;

/// `stdlib`, which is in every program, and `toolchain`, which only builds it
/// (<https://go.dev/doc/security/vuln/database#schema>).
pub(in crate::extractor) fn own_toolchain(module: &GoModule<'_>) -> Vec<Dependency> {
    // `default` is whatever is installed; `go1.22.3-custom` is somebody's build of 1.22.3.
    let named = module.toolchain.and_then(|(name, line)| {
        let version = name.strip_prefix("go")?;
        Some((version.split('-').next().unwrap_or(version), line))
    });
    let Some((version, line)) = named.or(module.go) else { return Vec::new() };
    let version = semantic(version);
    [("stdlib", Scope::Runtime), ("toolchain", Scope::Development)]
        .into_iter()
        .map(|(name, scope)| {
            let mut dependency = Dependency::new(Ecosystem::Go, name, version.as_str(), line);
            dependency.direct = true;
            dependency.scope = scope;
            dependency
        })
        .collect()
}

/// A pre-release of Go as OSV writes it: `1.21rc2` is `1.21.0-rc.2` there.
fn semantic(version: &str) -> String {
    let start = version.find(|character: char| character.is_ascii_alphabetic());
    let Some((numbers, rest)) = start.and_then(|start| version.split_at_checked(start)) else {
        return version.to_owned();
    };
    let digits = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
    let (kind, number) = rest.split_at(digits);
    let missing = if numbers.matches('.').count() == 1 { ".0" } else { "" };
    let dot = if number.is_empty() { "" } else { "." };
    format!("{numbers}{missing}-{kind}{dot}{number}")
}

/// The module that stands in for a required one, on the line that says so; a folder is a part of the project.
pub(in crate::extractor) fn replaced(requirement: &Requirement<'_>, replacement: &Replacement<'_>) -> Dependency {
    if let Some(version) = replacement.version {
        return Dependency::new(Ecosystem::Go, replacement.path, version, replacement.line);
    }
    let mut dependency = Dependency::new(Ecosystem::Go, requirement.path, requirement.version, replacement.line);
    dependency.origin = Origin::Path;
    dependency
}
