//! pdm.lock, which has a hash of what its manifest asks for (`content_hash` in
//! <https://github.com/pdm-project/pdm/blob/main/src/pdm/project/project_file.py>).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::python_json::{self, Spacing};
use super::{Misfit, Pair};
use crate::model::bounded_toml;

#[derive(Deserialize)]
struct Lock {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    lock_version: String,
    content_hash: String,
    /// What PDM 2.29 compares instead of the hash, when it is told to.
    lock_inputs: Option<toml::Value>,
}

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let Lock { metadata } = bounded_toml::from_str(pair.lock).ok()?;
    let locked = metadata.content_hash.strip_prefix("sha256:").filter(|hash| python_json::is_sha256(hash))?;
    // PDM 1 changed the sources before it hashed them.
    if !metadata.lock_version.starts_with("4.") || metadata.lock_inputs.is_some() {
        return None;
    }
    let manifest = python_json::read(&pair.beside("pyproject.toml")?)?;
    if !is_pdms(&manifest) {
        return None;
    }
    for content in contents(&manifest)? {
        if locked == python_json::sha256(content, Spacing::Wide) {
            return None;
        }
    }
    Some(Misfit::new(pair.line_with(locked), "its content hash is that of another pyproject.toml"))
}

fn section<'a>(manifest: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(manifest, |table, key| table.get(*key)?.as_table())
}

/// Whether a manifest is PDM's; the lockfile of another may have been left behind.
fn is_pdms(manifest: &Table) -> bool {
    let backend = section(manifest, &["build-system"]).and_then(|system| system.get("build-backend")?.as_str());
    section(manifest, &["tool", "pdm"]).is_some() || backend.is_some_and(|backend| backend.starts_with("pdm."))
}

/// What versions of PDM from 2.0 to 2.29 hash; `None` where that depends on more than the manifest.
fn contents(manifest: &Table) -> Option<Vec<Value>> {
    let empty = Table::new();
    let settings = section(manifest, &["tool", "pdm"]).unwrap_or(&empty);
    // Members of a workspace are in the hash of PDM 2.29, plugins can be anything.
    if settings.contains_key("workspace") || settings.contains_key("plugins") {
        return None;
    }
    let or = |table: &Table, key: &str, default: Value| table.get(key).map_or(Some(default), python_json::from_toml);
    let sources = or(settings, "source", json!([]))?;
    // What is behind a variable is written into them by some versions.
    if sources.to_string().contains('$') {
        return None;
    }
    // Without it, PDM reads what it understands of other tools' sections.
    let project = section(manifest, &["project"])?;
    let shared = Map::from_iter([
        ("sources".to_owned(), sources),
        ("dependencies".to_owned(), or(project, "dependencies", json!([]))?),
        ("optional-dependencies".to_owned(), or(project, "optional-dependencies", json!({}))?),
        ("requires-python".to_owned(), or(project, "requires-python", json!(""))?),
    ]);
    let own = or(settings, "dev-dependencies", json!({}))?;
    let resolution = or(settings, "resolution", json!({}))?;
    let overrides = resolution.get("overrides").cloned().unwrap_or_else(|| json!({}));
    let old_overrides = or(settings, "overrides", json!({}))?;
    let all = Value::Object(development(manifest, settings)?);
    let variants = [
        // 2.0 to 2.8, to 2.15, to 2.19, and since then.
        (own.clone(), "overrides", old_overrides),
        (own.clone(), "overrides", overrides),
        (own, "resolution", resolution.clone()),
        (all, "resolution", resolution),
    ];
    let contents = variants.into_iter().map(|(development, key, value)| {
        let mut content = shared.clone();
        content.insert("dev-dependencies".to_owned(), development);
        content.insert(key.to_owned(), value);
        Value::Object(content)
    });
    Some(contents.collect())
}

/// The groups of both kinds by their normal names; `None` where one stands in several places, which versions of PDM
/// refuse, or join once more whenever they look.
fn development(manifest: &Table, settings: &Table) -> Option<Map<String, Value>> {
    let mut groups = Map::new();
    let both = [section(manifest, &["dependency-groups"]), section(settings, &["dev-dependencies"])];
    for (name, group) in both.into_iter().flatten().flatten() {
        if groups.insert(normalise(name), python_json::from_toml(group)?).is_some() {
            return None;
        }
    }
    Some(groups)
}

/// `normalize_name` of PDM, which is not that of PEP 503: a hyphen for everything that is neither letter nor digit.
fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            normal.push(character.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::super::StaleLockfile;
    use super::*;
    use crate::check::contract::testing::inspect;

    fn lock(hash: &str) -> String {
        format!(
            "# This file is @generated by PDM.\n[metadata]\nlock_version = \"4.5.0\"\ncontent_hash = \"sha256:{hash}\"\n"
        )
    }

    fn stale(manifest: &str, lock: &str) -> Option<u32> {
        let findings = inspect(&StaleLockfile, &[("pyproject.toml", manifest), ("pdm.lock", lock)], &[]);
        findings.first().map(|finding| finding.line)
    }

    const MANIFEST: &str = r#"[project]
name = "x"
version = "1.0.0"
description = "Größe"
requires-python = ">=3.9"
dependencies = ["six>=1.10; platform_version != 'ü😀'"]

[project.optional-dependencies]
fast = ["iniconfig"]

[dependency-groups]
"Te.st" = ["six", { include-group = "lint" }]
lint = []

[tool.black]
line-length = 88

[tool.pdm.dev-dependencies]
My_Dev = ["iniconfig>=1"]

[tool.pdm.resolution]
respect-source-order = true

[tool.pdm.resolution.overrides]
six = "1.16.0"
"#;

    #[test]
    fn every_version_hashes_in_its_own_way() {
        let hashes = [
            ("2.0.3", "66b04a02ba67380c239400dfa666308a765509203b8ba84e50cb96cfee92c9fd"),
            ("2.4.9 and 2.12.4", "b1f976d9578cda08aa87c476b3ed2dbf162097f18d64fa4d648e14ef46b7a0ad"),
            ("2.17.3", "660bf6245538b5638521828de5dc17b8c0bf46531d00782b5ebda46de0db9ff9"),
            ("2.20.1 and 2.26.1", "ca4a9e6e3c44535d47b8acb20575607ff1904a0fa1e8cf1fb27fbfe81a47b513"),
        ];
        for (version, hash) in hashes {
            let lock = lock(hash);
            assert_eq!(stale(MANIFEST, &lock), None, "{version}");
            let unrelated = MANIFEST.replace("1.0.0", "1.1.0").replace("Größe", "x").replace("= 88", "= 1.0");
            assert_eq!(stale(&format!("{unrelated}[tool.pdm.scripts]\nx = \"y\"\n"), &lock), None, "{version}");
            for (from, to) in [("six>=1.10", "six>=1.11"), (">=3.9", ">=3.10"), ("iniconfig>=1", "iniconfig>=2")] {
                assert_eq!(stale(&MANIFEST.replace(from, to), &lock), Some(4), "{version} {to}");
            }
        }
        let old = MANIFEST.replace("resolution.overrides", "overrides");
        // PDM 2.0.3 to 2.8.2.
        let renamed = old.replace("[tool.pdm.resolution]\nrespect-source-order = true\n\n", "");
        assert_eq!(stale(&renamed, &lock(hashes[1].1)), None);
    }

    #[test]
    fn names_of_groups_are_normal_as_pdm_has_it() {
        assert_eq!(["My_Dev", "Te.st", "a--__b", "é"].map(normalise), ["my-dev", "te-st", "a-b", "-"]);
    }

    #[test]
    fn what_is_unsure_is_not_judged() {
        let wrong = lock(&"0".repeat(64));
        assert_eq!(stale(MANIFEST, &wrong), Some(4));
        let source = |url: &str| format!("{MANIFEST}[[tool.pdm.source]]\nname = \"a\"\nurl = \"https://{url}\"\n");
        assert_eq!(stale(&source("registry.example"), &wrong), Some(4));
        let unsure = [
            source("${USER}@registry.example"),
            format!("{MANIFEST}[tool.pdm.workspace]\nmembers = [\"a\"]\n"),
            format!("{MANIFEST}[tool.pdm]\nplugins = [\"a\"]\n"),
            MANIFEST.replace("[dependency-groups]", "[dependency-groups]\nmy-dev = []"),
            MANIFEST.replace("respect-source-order = true", "x = 1.5"),
            MANIFEST.replace("tool.pdm", "tool.uv"),
            MANIFEST.replace("[project]", "[tool.poetry]").replace("[project.", "[tool.poetry."),
        ];
        for manifest in unsure {
            assert_eq!(stale(&manifest, &wrong), None, "{manifest}");
        }
        let inputs = format!("{wrong}[metadata.lock_inputs]\nx = 1\n");
        let first = wrong.replace("4.5.0", "3.1");
        let other = wrong.replace("sha256", "md5");
        for lock in [inputs.as_str(), &first, &other, "", "[metadata]\nlock_version = \"4.5.0\"\n"] {
            assert_eq!(stale(MANIFEST, lock), None, "{lock}");
        }
    }
}
