//! Where the manifest and the lockfile of a Composer project lead, besides the registry.
//! <https://getcomposer.org/doc/05-repositories.md>

use serde_json::{Map, Value};

use super::super::contract::{Files, Refusal};
use crate::model::repository::RepoPath;
use crate::model::specification::{Specification, SpecificationKind};

/// The sections of a manifest that hold one constraint for each name.
const SECTIONS: [&str; 5] = ["require", "require-dev", "conflict", "replace", "provide"];
/// Repositories of git; Composer asks them with git itself.
const GIT: [&str; 6] = ["vcs", "git", "github", "gitlab", "bitbucket", "git-bitbucket"];

/// Everything in the files that is no range of the registry's releases.
pub(super) fn of(files: &Files) -> Result<Vec<Specification>, Refusal> {
    let mut found = Vec::new();
    for (path, content) in &files.contents {
        let value: Value = serde_json::from_slice(content)
            .map_err(|_| Refusal::new(format!("`{path}` is not JSON"), "write it anew with Composer"))?;
        if *path == files.lockfile {
            found.extend(of_lock(path, &value));
        } else {
            found.extend(of_manifest(path, &value));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn of_manifest(path: &RepoPath, manifest: &Value) -> Vec<Specification> {
    let mut found = Vec::new();
    for section in SECTIONS {
        let Some(written) = manifest.get(section) else { continue };
        // PHP writes an empty map as an empty list.
        let members = written.as_object().into_iter().flatten();
        if !written.is_object() && written.as_array().is_none_or(|list| !list.is_empty()) {
            found.push(Specification::new(path, section, SpecificationKind::Unknown));
        }
        for (package, constraint) in members {
            let kind = constraint.as_str().map_or(Some(SpecificationKind::Unknown), elsewhere);
            found.extend(kind.map(|kind| Specification::new(path, package, kind)));
        }
    }
    match manifest.get("repositories") {
        Some(Value::Array(list)) => {
            found.extend(list.iter().filter_map(|it| of_repository(path, "repositories", it)));
        }
        Some(Value::Object(named)) => found.extend(named.iter().filter_map(|(name, it)| of_repository(path, name, it))),
        Some(_) => found.push(Specification::new(path, "repositories", SpecificationKind::Unknown)),
        None => {}
    }
    found
}

/// Where a constraint leads; `None` for a range. `dev-main#<commit>` is one: it stands at a commit of what the registry
/// names, and nothing is fetched for it.
fn elsewhere(constraint: &str) -> Option<SpecificationKind> {
    let known = |it: char| it.is_ascii_alphanumeric() || " .*^~<>=!|,+-_@#/()".contains(it);
    let commits = constraint.split([' ', ',', '|']).filter_map(|part| part.split_once('#'));
    let pinned = |commit: &str| commit.len() >= 4 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
    if constraint.contains("://") {
        Some(SpecificationKind::Url)
    } else if constraint.chars().all(known) {
        let mut commits = commits.map(|(_, commit)| commit);
        commits.any(|commit| !pinned(commit)).then_some(SpecificationKind::Git)
    } else {
        Some(SpecificationKind::Unknown)
    }
}

/// Where a repository leads; `None` for those that switch another one off.
fn of_repository(path: &RepoPath, name: &str, repository: &Value) -> Option<Specification> {
    let one = |kind| Specification::new(path, name, kind);
    let Some(fields) = repository.as_object() else {
        return (*repository != Value::Bool(false)).then(|| one(SpecificationKind::Unknown));
    };
    if fields.values().all(|value| *value == Value::Bool(false)) {
        return None;
    }
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, address) = (text("type"), text("url"));
    // Files of this machine, addresses that anyone on the way can answer for, and programs that are run to ask them.
    let safe = address.starts_with("https://");
    match kind {
        "composer" if safe => Some(one(SpecificationKind::Registry).at(origin(address))),
        "package" => Some(of_package(path, name, fields)),
        kind if GIT.contains(&kind) && safe => Some(one(SpecificationKind::Git).at(origin(address))),
        "composer" => Some(Specification { outside: true, ..one(SpecificationKind::Registry) }),
        "path" | "artifact" => Some(Specification::outside(path, name)),
        kind if GIT.contains(&kind) || ["hg", "svn", "fossil", "perforce", "hg-bitbucket"].contains(&kind) => {
            Some(Specification { outside: true, ..one(SpecificationKind::Git) })
        }
        _ => Some(one(SpecificationKind::Unknown)),
    }
}

/// Metadata that stand in the manifest instead of coming from a registry.
fn of_package(path: &RepoPath, name: &str, fields: &Map<String, Value>) -> Specification {
    let package = fields.get("package");
    let packages = match package {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let named = packages.iter().find_map(|package| package.get("name").and_then(Value::as_str)).unwrap_or(name);
    let outside = packages.iter().any(|package| on_this_machine(package));
    let one = Specification::new(path, named, SpecificationKind::Url);
    if outside { Specification::outside(path, named) } else { one }
}

/// Whether a package would be taken from a file or folder.
fn on_this_machine(package: &Value) -> bool {
    ["dist", "source"].iter().filter_map(|key| package.get(key)).any(|place| {
        let text = |key: &str| place.get(key).and_then(Value::as_str).unwrap_or_default();
        let address = text("url").trim().to_ascii_lowercase();
        text("type") == "path" || address.starts_with("file:") || address.starts_with(['/', '.', '~'])
    })
}

/// `https://host[:port]` of an address.
fn origin(address: &str) -> Option<String> {
    let address = url::Url::parse(address).ok()?;
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", address.scheme(), address.host_str()?))
}

/// The packages of a lockfile that come from folders. Addresses of the others are written down, and nobody goes there.
fn of_lock(lockfile: &RepoPath, lock: &Value) -> Vec<Specification> {
    let sections = ["packages", "packages-dev"].into_iter().filter_map(|section| lock.get(section)?.as_array());
    let local = sections.flatten().filter(|package| on_this_machine(package));
    let name = |package: &Value| package.get("name").and_then(Value::as_str).unwrap_or("packages").to_owned();
    local.map(|package| Specification::outside(lockfile, name(package))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn told(manifest: &Value, lock: &Value) -> Vec<String> {
        let path = |text: &str| RepoPath::new(text).unwrap();
        let contents = BTreeMap::from([
            (path("composer.json"), manifest.to_string().into_bytes()),
            (path("composer.lock"), lock.to_string().into_bytes()),
        ]);
        let found = of(&Files::new(path("composer.lock"), contents)).unwrap();
        let place = |it: &Specification| {
            if it.outside {
                " outside".to_owned()
            } else {
                it.address.as_deref().map(|it| format!(" {it}")).unwrap_or_default()
            }
        };
        found.iter().map(|it| format!("{} {:?}{}", it.package, it.kind, place(it))).collect()
    }

    #[test]
    fn every_repository_but_a_registry_over_tls_is_seen() {
        let https = "https://git.example/x";
        let inline =
            json!({"name": "acme/x", "version": "1.0.0", "dist": {"type": "zip", "url": "https://a.example/x.zip"}});
        for (repository, expected) in [
            (json!({"type": "composer", "url": "https://registry.example"}), "r Registry https://registry.example"),
            (json!({"packagist": false}), ""),
            (json!(false), ""),
            (json!({"type": "vcs", "url": https}), "r Git https://git.example"),
            (json!({"type": "git", "url": https}), "r Git https://git.example"),
            (json!({"type": "github", "url": https}), "r Git https://git.example"),
            (json!({"type": "gitlab", "url": https}), "r Git https://git.example"),
            (json!({"type": "bitbucket", "url": https}), "r Git https://git.example"),
            (json!({"type": "package", "package": inline}), "acme/x Url"),
            (json!({"type": "package", "package": [inline]}), "acme/x Url"),
            (
                json!({"type": "package", "package": {"name": "acme/x", "dist": {"type": "path", "url": "../x"}}}),
                "acme/x File outside",
            ),
            (json!({"type": "path", "url": "../x"}), "r File outside"),
            (json!({"type": "artifact", "url": "/etc"}), "r File outside"),
            (json!({"type": "composer", "url": "file:///etc"}), "r Registry outside"),
            (json!({"type": "composer", "url": "http://registry.example"}), "r Registry outside"),
            (json!({"type": "vcs", "url": "ext::sh -c id"}), "r Git outside"),
            (json!({"type": "vcs", "url": "git@git.example:a/b"}), "r Git outside"),
            (json!({"type": "svn", "url": https}), "r Git outside"),
            (json!({"type": "hg", "url": https}), "r Git outside"),
            (json!({"type": "fossil", "url": https}), "r Git outside"),
            (json!({"type": "perforce", "url": https}), "r Git outside"),
            (json!({"type": "pear", "url": https}), "r Unknown"),
            (json!({"url": https}), "r Unknown"),
            (json!("https://registry.example"), "r Unknown"),
        ] {
            let expected: Vec<&str> = Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(told(&json!({"repositories": {"r": repository}}), &json!({})), expected, "{repository}");
            let listed = told(&json!({"repositories": [repository]}), &json!({}));
            assert_eq!(listed.len(), expected.len(), "{repository}: {listed:?}");
        }
    }

    #[test]
    fn every_constraint_is_looked_at() {
        for (constraint, expected) in [
            ("^1.0 || ~2.0", ""),
            (">=1.0,<2.0|dev-main@dev", ""),
            ("dev-feature/x as 1.0.x-dev", ""),
            ("dev-main#0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", ""),
            ("self.version", ""),
            ("dev-main#refs/heads/x", "acme/x Git"),
            ("https://git.example/x.git", "acme/x Url"),
            ("git@git.example:acme/x", "acme/x Unknown"),
            ("$(id)", "acme/x Unknown"),
        ] {
            let expected: Vec<&str> = Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            for section in SECTIONS {
                let manifest = json!({section: {"acme/x": constraint}});
                assert_eq!(told(&manifest, &json!({})), expected, "{section}: {constraint}");
            }
        }
        assert_eq!(told(&json!({"require": []}), &json!({})), Vec::<String>::new());
        assert_eq!(told(&json!({"require": "x"}), &json!({})), ["require Unknown"]);
    }

    #[test]
    fn packages_of_a_lockfile_that_come_from_folders_are_seen() {
        for place in [
            json!({"dist": {"type": "path", "url": "packages/x"}}),
            json!({"dist": {"type": "zip", "url": "file:///etc/x.zip"}}),
            json!({"source": {"type": "git", "url": "../x"}}),
        ] {
            let mut package = place.clone();
            package["name"] = json!("acme/x");
            for section in ["packages", "packages-dev"] {
                assert_eq!(told(&json!({}), &json!({section: [package]})), ["acme/x File outside"], "{place}");
            }
        }
        let normal =
            json!({"packages": [{"name": "acme/x", "source": {"type": "git", "url": "https://git.example/x.git"}}]});
        assert_eq!(told(&json!({}), &normal), Vec::<String>::new());
    }
}
