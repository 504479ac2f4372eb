//! What Composer is shown of a `composer.json`, and how it is started: neither scripts nor plugins, no configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::skeleton::Place;

/// Flags of every Composer command: even `validate` and `show` run scripts without them.
pub(crate) const FLAGS: [&str; 4] = ["--no-scripts", "--no-plugins", "--no-interaction", "--no-ansi"];

/// What the resolver needs; everything else (scripts, autoload, config) is dropped. The lockfile's hash stays the same.
const KEPT: [&str; 11] = [
    "name",
    "version",
    "require",
    "require-dev",
    "conflict",
    "replace",
    "provide",
    "minimum-stability",
    "prefer-stable",
    "repositories",
    "extra",
];

/// Plugins that change what the resolver sees: without them the result would be wrong.
const RESOLVING_PLUGINS: [&str; 2] = ["merge-plugin", "symfony"];

/// The manifest reduced to what the resolver needs, or what about it is unsafe (a fragment after the file's name).
pub(crate) fn reduce(manifest: &[u8]) -> Result<Vec<u8>, String> {
    let parsed: Map<String, Value> = serde_json::from_slice(manifest).map_err(|_| "is not a JSON object".to_owned())?;
    for plugin in RESOLVING_PLUGINS {
        let setting = parsed.get("extra").and_then(|extra| extra.get(plugin));
        let resolves = if plugin == "symfony" { setting.and_then(|flex| flex.get("require")) } else { setting };
        if resolves.is_some() {
            return Err(format!("lets a plugin (`extra.{plugin}`) decide what is installed, and plugins are not run"));
        }
    }
    let repositories = match parsed.get("repositories") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(named)) => named.values().collect(),
        _ => Vec::new(),
    };
    for repository in repositories {
        check_repository(repository)?;
    }
    let mut reduced: Map<String, Value> = parsed
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()))
        .map(|(name, it)| (name.clone(), it.clone()))
        .collect();
    if let Some(platform) = parsed.get("config").and_then(|config| config.get("platform")).filter(|it| !it.is_null()) {
        let mut config = Map::new();
        config.insert("platform".to_owned(), platform.clone());
        reduced.insert("config".to_owned(), Value::Object(config));
    }
    Ok(serde_json::to_vec_pretty(&reduced).expect("a value in memory can be written"))
}

/// How a repository is connected to is not for a project to say.
fn check_repository(repository: &Value) -> Result<(), String> {
    if repository.as_object().is_some_and(|fields| fields.contains_key("options")) {
        return Err("sets options for the connection to a repository, which are not obeyed here".to_owned());
    }
    Ok(())
}

/// The environment of every Composer command.
pub(crate) fn environment(place: &Place) -> BTreeMap<String, String> {
    let below = |folder: &std::path::Path, name: &str| folder.join(name).display().to_string();
    BTreeMap::from([
        ("COMPOSER_HOME".to_owned(), below(&place.home, "composer")),
        ("COMPOSER_CACHE_DIR".to_owned(), below(&place.cache, "composer")),
        ("COMPOSER_NO_INTERACTION".to_owned(), "1".to_owned()),
        // Composer warns root about plugins and scripts; neither runs here.
        ("COMPOSER_ALLOW_SUPERUSER".to_owned(), "1".to_owned()),
        ("COMPOSER_DISABLE_XDEBUG_WARN".to_owned(), "1".to_owned()),
        ("COMPOSER_PROCESS_TIMEOUT".to_owned(), "60".to_owned()),
        // Messages are read by us: they must not be folded.
        ("COLUMNS".to_owned(), "1000".to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::content_hash::content_hash;
    use super::*;

    #[test]
    fn what_could_run_or_redirect_is_gone_and_the_hash_is_the_same() {
        let manifest = br#"{
            "name": "acme/shop", "scripts": {"pre-command-run": "touch /tmp/owned"},
            "require": {"php": ">=8.1", "acme/core": "^1.0"},
            "config": {"platform": {"php": "8.1.0"}, "disable-tls": true, "allow-plugins": true},
            "extra": {"note": "\u00fc/x", "empty": {}}
        }"#;
        let reduced = reduce(manifest).unwrap();
        let text = String::from_utf8(reduced.clone()).unwrap();
        for gone in ["scripts", "disable-tls", "allow-plugins"] {
            assert!(!text.contains(gone), "{gone}");
        }
        assert_eq!(content_hash(manifest), content_hash(&reduced));
    }

    #[test]
    fn options_of_a_repository_and_plugins_that_resolve_are_refused() {
        let bad =
            r#"{"type": "composer", "url": "https://registry.example", "options": {"ssl": {"verify_peer": false}}}"#;
        assert!(reduce(format!(r#"{{"repositories": [{bad}]}}"#).as_bytes()).is_err());
        assert!(reduce(format!(r#"{{"repositories": {{"x": {bad}}}}}"#).as_bytes()).is_err());
        assert!(
            reduce(
                br#"{"repositories": [{"packagist": false}, {"type": "composer", "url": "https://registry.example"}]}"#
            )
            .is_ok()
        );
        assert!(reduce(br#"{"extra": {"merge-plugin": {}}}"#).is_err());
    }
}
