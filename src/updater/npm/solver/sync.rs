//! Sync: whether a lockfile matches the manifests, as far as that is certain without npm.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::SECTIONS;
use super::Project;
use super::entry::{Reading, Standing};
use super::overrides::Overrides;
use super::tree::Tree;
use crate::sandbox::inside;
use crate::updater::contract::Files;

/// Whether everything that the manifests and all locked packages ask for is there; `false` where npm has to say.
pub(in crate::updater::npm) fn is_certain(files: &Files) -> bool {
    let Some(project) = Project::read(files) else { return false };
    let overrides = Overrides::read(&project.manifest, &project.reader);
    let is_old = files.lock().is_empty() || super::lockfile_version(files.lock()) == Some(1);
    !is_old && overrides.is_empty() && repeats_manifests(&project) && holds_together(&project)
}

/// The lockfile has what each manifest asks for, in the manifest's words, and no folder is missing.
fn repeats_manifests(project: &Project<'_>) -> bool {
    let files = project.files;
    let mut folders = 0;
    for (path, entry) in project.packages().filter(|(path, _)| super::tree::is_project(path)) {
        let Some(folder) = inside::resolve(files.lockfile.folder(), path) else { return false };
        let manifest = crate::model::repository::RepoPath::in_folder(&folder, "package.json");
        let Some(content) = manifest.ok().and_then(|manifest| files.contents.get(&manifest)) else { return false };
        let Ok(manifest) = serde_json::from_slice::<Map<String, Value>>(content) else { return false };
        let members = |fields: &Map<String, Value>, section: &str| {
            fields.get(section).and_then(Value::as_object).filter(|it| !it.is_empty()).cloned()
        };
        if SECTIONS.iter().any(|section| members(&manifest, section) != members(entry, section)) {
            return false;
        }
        folders += 1;
    }
    // Every manifest that is shown belongs to the lockfile; one that it does not know is new.
    files.contents.keys().filter(|path| path.file_name() == "package.json").count() == folders
}

/// Every requirement that is not met, as people are told.
pub(super) fn broken(files: &Files) -> Option<BTreeSet<String>> {
    let project = Project::read(files)?;
    let tree = tree_of(&project);
    let mut broken = BTreeSet::new();
    for (path, entry) in tree.entries().filter(|(_, entry)| entry.standing != Standing::Bundled) {
        for edge in &entry.edges {
            let counts = tree.counts(path, edge);
            let met = match tree.resolve(path, &counts) {
                Some(found) => tree.is_met(&counts, &found),
                None => counts.kind.may_be_missing(),
            };
            if !met {
                let who = if super::tree::is_project(path) { "the project" } else { &*entry.package };
                broken.insert(format!("`{who}` asks for `{}` `{}`", counts.name, counts.written));
            }
        }
    }
    Some(broken)
}

fn tree_of(project: &Project<'_>) -> Tree {
    let nothing = BTreeSet::new();
    let reading = Reading { edges: &project.reader, affected: &|_, _| BTreeSet::new(), foreign: &nothing };
    let entries = project.packages().map(|(path, fields)| (path.as_str().into(), reading.entry(path, fields)));
    Tree::new(entries, Overrides::read(&project.manifest, &project.reader))
}

/// Everything that is asked for is met.
fn holds_together(project: &Project<'_>) -> bool {
    let tree = tree_of(project);
    tree.entries().all(|(path, entry)| {
        matches!(entry.standing, Standing::Bundled | Standing::Link(_))
            || entry.edges.iter().all(|edge| match tree.resolve(path, edge) {
                Some(found) => tree.is_met(edge, &found),
                None => edge.kind.may_be_missing(),
            })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::repository::RepoPath;

    fn certain(manifest: &Value, packages: &Value) -> bool {
        let path = |name: &str| RepoPath::new(name).unwrap();
        let lock = json!({"lockfileVersion": 3, "packages": packages});
        let contents = BTreeMap::from([
            (path("package.json"), manifest.to_string().into_bytes()),
            (path("package-lock.json"), lock.to_string().into_bytes()),
        ]);
        is_certain(&Files::new(path("package-lock.json"), contents))
    }

    #[test]
    fn npm_is_asked_unless_all_is_there() {
        let manifest = json!({"dependencies": {"a": "^1.0.0"}});
        let a = json!({"version": "1.2.0", "dependencies": {"b": "^1"}, "optionalDependencies": {"c": "1"}});
        let b = json!({"version": "1.0.0"});
        let packages = json!({"": {"dependencies": {"a": "^1.0.0"}}, "node_modules/a": a, "node_modules/b": b});
        assert!(certain(&manifest, &packages));
        assert!(!certain(&json!({"dependencies": {"a": "^1.1.0"}}), &packages), "the manifest was changed");
        let without_b = json!({"": {"dependencies": {"a": "^1.0.0"}}, "node_modules/a": a});
        assert!(!certain(&manifest, &without_b), "something is missing");
        let wrong = json!({"": {"dependencies": {"a": "^1.0.0"}}, "node_modules/a": {"version": "2.0.0"}});
        assert!(!certain(&manifest, &wrong), "something does not fit");
        assert!(!certain(&json!({"dependencies": {"a": "^1.0.0"}, "overrides": {"b": "1"}}), &packages));
    }
}
