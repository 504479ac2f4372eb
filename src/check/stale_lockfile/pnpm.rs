//! pnpm-lock.yaml: the specifiers of its importers, which pnpm compares word by word as well
//! (`satisfiesPackageManifest` in <https://github.com/pnpm/pnpm/tree/main/lockfile/verification>).

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::npm::requests;
use super::{Misfit, Pair};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    #[serde(default)]
    importers: Option<BTreeMap<String, Importer>>,
    /// Of the one importer, where there are no others.
    #[serde(flatten)]
    root: Importer,
    #[serde(default)]
    overrides: Option<Value>,
    /// A hook that may rewrite every manifest.
    #[serde(default)]
    pnpmfile_checksum: Option<Value>,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    exclude_links_from_lockfile: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Importer {
    /// Before version 6: all requests in one table.
    specifiers: Option<BTreeMap<String, Value>>,
    dependencies: Option<BTreeMap<String, Value>>,
    dev_dependencies: Option<BTreeMap<String, Value>>,
    optional_dependencies: Option<BTreeMap<String, Value>>,
}

impl Importer {
    /// What the lockfile says was asked for; `None` when it does not say.
    fn specifiers(&self) -> Option<BTreeMap<&str, &str>> {
        if let Some(specifiers) = &self.specifiers {
            return Some(
                specifiers.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect(),
            );
        }
        let tables = [&self.dependencies, &self.dev_dependencies, &self.optional_dependencies];
        let entries = tables.into_iter().flatten().flatten();
        entries.map(|(name, entry)| Some((name.as_str(), entry.get("specifier")?.as_str()?))).collect()
    }
}

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let lock: Lock = serde_saphyr::from_str(pair.lock).ok()?;
    if lock.overrides.is_some() || lock.pnpmfile_checksum.is_some() || lock.settings.exclude_links_from_lockfile {
        return None;
    }
    match &lock.importers {
        None => importer(pair, ".", &lock.root),
        Some(importers) => importers.iter().find_map(|(folder, entry)| importer(pair, folder, entry)),
    }
}

fn importer(pair: &Pair<'_>, folder: &str, importer: &Importer) -> Option<Misfit> {
    let path = if folder == "." { "package.json".to_owned() } else { format!("{folder}/package.json") };
    let manifest: Map<String, Value> = serde_json::from_str(&pair.beside(&path)?).ok()?;
    // Overrides that were written since are not in the lockfile.
    if manifest.get("pnpm").is_some() || manifest.get("resolutions").is_some() {
        return None;
    }
    let locked = importer.specifiers()?;
    // Which of two tables wins is pnpm's business.
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    twice.extend(requests(&manifest).map(|(name, _)| name).filter(|name| !once.insert(*name)));
    for (name, requirement) in requests(&manifest) {
        match locked.get(name) {
            None => return Some(Misfit::new(1, format!("`{name}`, which {path} asks for, is not in it"))),
            Some(specifier) if *specifier != requirement && !twice.contains(name) => {
                let line = pair.line_with(&format!("specifier: {specifier}"));
                let reason = format!("it has `{name}` for `{specifier}`, {path} asks for `{requirement}`");
                return Some(Misfit::new(line, reason));
            }
            Some(_) => {}
        }
    }
    None
}
