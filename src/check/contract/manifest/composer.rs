//! composer.json (<https://getcomposer.org/doc/04-schema.md>).

use serde_json::{Map, Value};

use super::javascript::requests;
use super::lines::{any_version, line_of};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[Format {
    claims: |name| name == "composer.json",
    ecosystem: Ecosystem::Packagist,
    locks: Locks::Above(&["composer.lock"]),
    read,
}];

fn read(text: &str) -> Option<Asked> {
    let manifest: Map<String, Value> = serde_json::from_str(text).ok()?;
    // PHP itself, its extensions and libraries, and Composer's interfaces are not packages
    // (<https://getcomposer.org/doc/articles/composer-platform-dependencies.md>); every package has a vendor.
    let asked = requests(text, &manifest, &["require", "require-dev"], |name, requirement| {
        name.contains('/').then(|| loose(requirement))
    });
    let mut asked = asked?;
    asked.settings.extend(stability(text, &manifest));
    Some(asked)
}

fn loose(requirement: &str) -> Option<Loose> {
    let requirement = requirement.trim();
    // `dev-main#commit` is at a commit, whatever the branch does.
    let is_branch = |part: &str| part.starts_with("dev-") || part.ends_with("-dev");
    let is_branch = !requirement.contains('#') && requirement.split(['|', ' ', ',']).any(is_branch);
    if is_branch { Some(Loose::Branch) } else { any_version(requirement.split('@').next().unwrap_or_default()) }
}

/// `minimum-stability: dev` lets the next update choose branches, unless stable releases are preferred
/// (<https://getcomposer.org/doc/04-schema.md#minimum-stability>).
fn stability(text: &str, manifest: &Map<String, Value>) -> Option<Request> {
    let stability = manifest.get("minimum-stability").and_then(Value::as_str)?;
    let prefers_stable = manifest.get("prefer-stable").and_then(Value::as_bool).unwrap_or(false);
    (stability.eq_ignore_ascii_case("dev") && !prefers_stable).then(|| Request {
        name: "minimum-stability".to_owned(),
        requirement: stability.to_owned(),
        line: line_of(text, |line| line.contains("\"minimum-stability\"")),
        loose: Some(Loose::Unstable),
    })
}
