//! Composer: `composer update vendor/name:version`, alone first, with its dependencies only where that is needed.

mod messages;
mod specifications;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::contract::{
    Action, Attempt, DirectRequirement, Files, LockedEntry, Move, Proved, Refusal, Said, SyncCheck, Updater,
};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::model::repository::RepoPath;
use crate::model::specification::Specification;
use crate::model::tree::ProjectTree;
use crate::sandbox::composer_manifest;
use crate::sandbox::content_hash::content_hash;
use crate::sandbox::grammar::{self, InvalidToken};
use crate::sandbox::layout;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Invocation;
use crate::sandbox::skeleton::Place;

/// PHP's package manager.
pub(crate) struct Composer;

impl Updater for Composer {
    fn id(&self) -> &'static str {
        "composer"
    }

    fn ecosystem(&self) -> Ecosystem {
        Ecosystem::Packagist
    }

    fn handles(&self, lockfile: &RepoPath) -> bool {
        lockfile.file_name() == "composer.lock"
    }

    fn files(&self, lockfile: &RepoPath, tree: &dyn ProjectTree) -> Result<Files, Refusal> {
        let lock = tree.read(lockfile).map_err(|error| Refusal::unreadable(lockfile, &error))?;
        let vendored = lockfile.sibling("vendor/composer/installed.json").ok();
        if vendored.is_some_and(|path| tree.kind(&path).is_some()) {
            return Err(Refusal::new(
                "the project keeps copies of its packages (`vendor`) that would go stale",
                "run `composer update` by hand and commit `vendor` with it",
            ));
        }
        let manifest_path = lockfile.sibling("composer.json").ok();
        let manifest = manifest_path.as_ref().and_then(|path| tree.read(path).ok());
        let (Some(path), Some(manifest)) = (manifest_path, manifest) else {
            return Err(Refusal::new(
                format!(
                    "`{lockfile}` has no readable `composer.json` beside it, without which Composer cannot update it"
                ),
                "add the manifest, or remove a lockfile that nothing uses",
            ));
        };
        let reduced = composer_manifest::reduce(&manifest)
            .map_err(|message| Refusal::new(format!("`{path}` {message}"), "update by hand with `composer update`"))?;
        Ok(Files::new(lockfile.clone(), BTreeMap::from([(lockfile.clone(), lock), (path, reduced)])))
    }

    fn proved(&self) -> Proved {
        Proved { oldest: [2, 5, 5], newest_major: 2, install: "composer self-update" }
    }

    fn specifications(&self, files: &Files) -> Result<Vec<Specification>, Refusal> {
        specifications::of(files)
    }

    fn sync_check(&self, files: &Files, _place: &Place) -> SyncCheck {
        let locked = serde_json::from_slice::<Value>(files.lock()).ok();
        let hash = locked.as_ref().and_then(|lock| lock.get("content-hash")).and_then(Value::as_str);
        let manifest = files.beside("composer.json").and_then(|(_, content)| content_hash(content));
        SyncCheck::Known(hash.is_some() && hash == manifest.as_deref())
    }

    fn attempts(&self, moves: &[Move<'_>], files: &Files, place: &Place) -> Result<Vec<Attempt>, InvalidToken> {
        let mut exact = Vec::new();
        let mut names = Vec::new();
        for step in moves {
            let package = grammar::package(Ecosystem::Packagist, step.package)?;
            exact.push(format!("{package}:{}", grammar::version(Ecosystem::Packagist, step.target)?));
            names.push(package.to_owned());
        }
        let attempt = |what, flag: Option<&str>, packages: &[String]| Attempt {
            what,
            actions: vec![Action::Run(update(files, place, flag, packages))],
        };
        Ok(vec![
            attempt("composer update at the exact version", None, &exact),
            attempt("composer update at the exact version with its dependencies", Some("--with-dependencies"), &exact),
            attempt("composer update with all dependencies", Some("--with-all-dependencies"), &exact),
            attempt("composer update", None, &names),
        ])
    }

    // Nothing is reconciled: `composer update vendor/name:version` reads the changed manifest and writes its hash.
    fn moves_together(&self) -> bool {
        true
    }

    fn requirements(&self, files: &Files, _tree: &dyn ProjectTree, package: &str) -> Vec<DirectRequirement> {
        let Some((path, content)) = files.beside("composer.json") else { return Vec::new() };
        let Ok(manifest) = serde_json::from_slice::<Value>(content) else { return Vec::new() };
        ["require", "require-dev"]
            .iter()
            .filter_map(|section| manifest.get(section)?.as_object())
            .flatten()
            .filter(|(name, _)| name.eq_ignore_ascii_case(package))
            .filter_map(|(_, text)| text.as_str())
            .map(|text| DirectRequirement {
                manifest: path.clone(),
                requirement: text.to_owned(),
                features: BTreeSet::new(),
                inherited: BTreeMap::new(),
            })
            .collect()
    }

    fn raise(&self, manifest: &[u8], package: &str, release: &Release) -> Option<Vec<u8>> {
        let mut text = std::str::from_utf8(manifest).ok()?.to_owned();
        let parsed: Value = serde_json::from_str(&text).ok()?;
        let target = release.version.trim_start_matches('v');
        let mut raised = false;
        for section in ["require", "require-dev"] {
            let Some(requirements) = parsed.get(section).and_then(Value::as_object) else { continue };
            let Some((name, old)) = requirements.iter().find(|(name, _)| name.eq_ignore_ascii_case(package)) else {
                continue;
            };
            let old = old.as_str()?;
            let operator = ["^", "~"].into_iter().find(|sign| old.starts_with(sign) && !old.contains([' ', ',', '|']));
            let plain = old.trim_start_matches('v').split('.').all(|part| part.parse::<u64>().is_ok());
            // A range, a branch or an alternative says something that one version cannot say.
            if operator.is_none() && !plain {
                return None;
            }
            text = layout::replace_member(&text, &[section, name], &format!("{}{target}", operator.unwrap_or("")))?;
            raised = true;
        }
        raised.then(|| text.into_bytes())
    }

    fn restore(&self, before: &[u8], after: Vec<u8>) -> Vec<u8> {
        let (Ok(old), Ok(new)) = (std::str::from_utf8(before), std::str::from_utf8(&after)) else { return after };
        // Composer writes the version of its own plugin interface, and a later one its own address in `_readme`.
        let old_value = serde_json::from_str::<Value>(old).ok();
        let plugin_api = old_value.as_ref().and_then(|lock| lock.get("plugin-api-version")).and_then(Value::as_str);
        let restored = plugin_api
            .and_then(|version| layout::replace_member(new, &["plugin-api-version"], version))
            .unwrap_or_else(|| new.to_owned());
        layout::line_ends_like(old, &restored).into_bytes()
    }

    fn format_version(&self, lockfile: &[u8]) -> Option<String> {
        let lock: Value = serde_json::from_slice(lockfile).ok()?;
        // Its shape has been the same since Composer 1; what may not appear is a platform that was made up.
        Some(lock.get("platform-overrides").map_or_else(String::new, Value::to_string))
    }

    fn entries(&self, lockfile: &[u8]) -> Vec<LockedEntry> {
        let Ok(lock) = serde_json::from_slice::<Value>(lockfile) else { return Vec::new() };
        let mut entries: Vec<LockedEntry> = ["packages", "packages-dev"]
            .iter()
            .filter_map(|section| lock.get(section)?.as_array())
            .flatten()
            .filter_map(Value::as_object)
            .filter_map(locked_entry)
            .collect();
        entries.sort();
        entries
    }

    fn said(&self, messages: &str) -> Said {
        messages::read(messages)
    }
}

/// `composer update` that changes nothing but the lockfile and runs neither scripts nor plugins.
fn update(files: &Files, place: &Place, flag: Option<&str>, packages: &[String]) -> Invocation {
    let mut args = vec!["update".to_owned()];
    args.extend(composer_manifest::FLAGS.iter().map(|flag| (*flag).to_owned()));
    for flag in
        ["--no-install", "--no-audit", "--no-progress", "--ignore-platform-req=ext-*", "--ignore-platform-req=lib-*"]
    {
        args.push(flag.to_owned());
    }
    args.extend(flag.map(str::to_owned));
    if !packages.is_empty() {
        args.push("--".to_owned());
        args.extend_from_slice(packages);
    }
    Invocation {
        program: "composer".to_owned(),
        args,
        env: composer_manifest::environment(place),
        cwd: place.project.join(files.lockfile.folder()),
        reach: Reach::Composer,
    }
}

fn locked_entry(package: &Map<String, Value>) -> Option<LockedEntry> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    // Archives of one registry lie on many hosts; what may not change is where the registry's notices go.
    let source = text(package.get("notification-url")).unwrap_or_default();
    Some(LockedEntry {
        package: text(package.get("name"))?,
        version: text(package.get("version"))?,
        source,
        checksum: text(package.get("dist").and_then(|dist| dist.get("shasum"))).filter(|sum| !sum.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invocations, place};
    use super::*;

    #[test]
    fn commands_are_exact_and_hostile_names_never_reach_one() {
        let files = Files::new(RepoPath::new("app/composer.lock").unwrap(), BTreeMap::new());
        let step = Move { package: "acme/core", from: "1.0.0", target: "1.0.1", release: None };
        insta::assert_snapshot!(invocations(Composer.attempts(&[step], &files, &place()).unwrap()), @r#"
        composer update --no-scripts --no-plugins --no-interaction --no-ansi --no-install --no-audit --no-progress --ignore-platform-req=ext-* --ignore-platform-req=lib-* -- acme/core:1.0.1
          in /scratch/project/app
          COLUMNS=1000 COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_CACHE_DIR=/cache/composer COMPOSER_DISABLE_XDEBUG_WARN=1 COMPOSER_HOME=/scratch/home/composer COMPOSER_NO_INTERACTION=1 COMPOSER_PROCESS_TIMEOUT=60
        composer update --no-scripts --no-plugins --no-interaction --no-ansi --no-install --no-audit --no-progress --ignore-platform-req=ext-* --ignore-platform-req=lib-* --with-dependencies -- acme/core:1.0.1
          in /scratch/project/app
          COLUMNS=1000 COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_CACHE_DIR=/cache/composer COMPOSER_DISABLE_XDEBUG_WARN=1 COMPOSER_HOME=/scratch/home/composer COMPOSER_NO_INTERACTION=1 COMPOSER_PROCESS_TIMEOUT=60
        "#);
        for package in ["-p", "--upload-pack=x", "$(id)", "a\nb"] {
            assert!(Composer.attempts(&[Move { package, ..step }], &files, &place()).is_err(), "{package:?}");
        }
        assert!(Composer.attempts(&[Move { target: "--config=x", ..step }], &files, &place()).is_err());
    }

    #[test]
    fn requirements_are_raised_and_every_other_byte_stays() {
        let manifest = b"{\n\t\"require\": {\"Acme/Core\": \"^1.0\", \"acme/odd\": \"1.0 || 2.0\"}}";
        let release = |version: &str| Release { version: version.to_owned(), ..Release::default() };
        let raised = String::from_utf8(Composer.raise(manifest, "acme/core", &release("v2.0.1")).unwrap()).unwrap();
        assert_eq!(raised, String::from_utf8_lossy(manifest).replace("^1.0", "^2.0.1"));
        assert!(Composer.raise(manifest, "acme/odd", &release("3.0.0")).is_none());
    }

    #[test]
    fn the_plugin_interface_is_put_back() {
        let old = b"{\n    \"packages\": [],\n    \"plugin-api-version\": \"2.6.0\"\n}\n";
        let new = b"{\n    \"packages\": [],\n    \"plugin-api-version\": \"2.3.0\"\n}\n".to_vec();
        assert_eq!(Composer.restore(old, new), old);
    }
}
