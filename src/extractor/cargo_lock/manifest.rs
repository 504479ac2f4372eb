//! What the Cargo.toml files of a workspace name under `[dev-dependencies]` only.

use std::collections::{BTreeSet, HashMap, HashSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::super::contract::SourceFile;
use crate::model::bounded_toml;
use crate::model::repository::RepoPath;

/// More manifests than this are not read: what they would say is a detail, never a dependency.
const MANIFEST_LIMIT: usize = 2_000;

/// More than this many bytes of them are not read, either; those of the largest workspaces have less than one million.
const BYTE_LIMIT: usize = 16 * 1024 * 1024;

/// More patterns than this are not compiled.
const PATTERN_LIMIT: usize = 1_000;

/// For each package of the project, the packages that it needs for development only.
pub(super) struct DevelopmentNames(HashMap<String, HashSet<String>>);

impl DevelopmentNames {
    /// Reads the manifest beside the lockfile, those of the workspace's members and those of path dependencies.
    pub(super) fn read(file: &SourceFile<'_>) -> Self {
        let mut names = HashMap::new();
        let mut budget = BYTE_LIMIT;
        let Some(root) = Manifest::read(file, "", &mut budget) else { return Self(names) };
        let mut folders: Vec<String> = root.member_folders(file);
        folders.extend(root.path_folders(""));
        let shared = root.shared_names();
        let mut seen = BTreeSet::from([String::new()]);
        names.extend(root.development_names(&shared));
        while let Some(folder) = folders.pop() {
            if seen.len() >= MANIFEST_LIMIT || !seen.insert(folder.clone()) {
                continue;
            }
            let Some(manifest) = Manifest::read(file, &folder, &mut budget) else { continue };
            names.extend(manifest.development_names(&shared));
            folders.extend(manifest.path_folders(&folder));
        }
        Self(names)
    }

    /// Whether nothing is needed for development only.
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(HashSet::is_empty)
    }

    /// Whether `package` needs `dependency` for development only.
    pub(super) fn contains(&self, package: &str, dependency: &str) -> bool {
        self.0.get(package).is_some_and(|names| names.contains(dependency))
    }
}

/// Whether the manifest beside the lockfile is that of a workspace that has no package: only there, Cargo locks none.
pub(super) fn is_empty_workspace(file: &SourceFile<'_>) -> bool {
    let mut budget = BYTE_LIMIT;
    let Some(Manifest(root)) = Manifest::read(file, "", &mut budget) else { return false };
    let workspace = root.get("workspace").and_then(toml::Value::as_table);
    let members =
        |workspace: &toml::Table| workspace.get("members").and_then(toml::Value::as_array).map_or(0, Vec::len);
    workspace.is_some_and(|workspace| members(workspace) == 0) && !root.contains_key("package")
}

struct Manifest(toml::Table);

impl Manifest {
    /// Reads the manifest in a folder below that of the lockfile.
    fn read(file: &SourceFile<'_>, folder: &str, budget: &mut usize) -> Option<Self> {
        let name = if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
        // A manifest that cannot be read costs the scope, which is then taken to be runtime.
        let content = file.neighbour(&name)?;
        *budget = budget.checked_sub(content.len())?;
        bounded_toml::from_str(std::str::from_utf8(&content).ok()?).ok().map(Self)
    }

    /// The folders that `[workspace] members` names, patterns included, without those it excludes.
    fn member_folders(&self, file: &SourceFile<'_>) -> Vec<String> {
        let Some(workspace) = self.0.get("workspace") else { return Vec::new() };
        let patterns = |key: &str| glob_set(workspace.get(key).and_then(toml::Value::as_array));
        let (Some(members), Some(excluded)) = (patterns("members"), patterns("exclude")) else { return Vec::new() };
        let base = file.path.folder();
        let below = |path: &RepoPath| -> Option<String> {
            let folder = path.folder();
            if base.is_empty() {
                return Some(folder.to_owned());
            }
            folder.strip_prefix(base)?.strip_prefix('/').map(str::to_owned)
        };
        file.tree
            .entries()
            .iter()
            .filter(|entry| entry.path.file_name() == "Cargo.toml")
            .filter_map(|entry| below(&entry.path))
            .filter(|folder| members.is_match(folder) && !excluded.is_match(folder))
            .take(MANIFEST_LIMIT)
            .collect()
    }

    /// The folders of its path dependencies: Cargo takes them as members, too.
    fn path_folders(&self, folder: &str) -> Vec<String> {
        let mut tables: Vec<&toml::Table> = self.dependency_tables().into_iter().map(|(_, table)| table).collect();
        tables.extend(self.shared_table().filter(|_| folder.is_empty()));
        tables
            .into_iter()
            .flat_map(|table| table.values())
            .filter_map(|value| value.get("path").and_then(toml::Value::as_str))
            .filter_map(|path| join(folder, path))
            .collect()
    }

    /// The dependency tables of the manifest and whether each is for development.
    fn dependency_tables(&self) -> Vec<(bool, &toml::Table)> {
        const KINDS: [(&str, bool); 5] = [
            ("dependencies", false),
            ("build-dependencies", false),
            ("build_dependencies", false),
            ("dev-dependencies", true),
            ("dev_dependencies", true),
        ];
        let targets = self.0.get("target").and_then(toml::Value::as_table);
        let targets = targets.into_iter().flat_map(|table| table.values()).filter_map(toml::Value::as_table);
        std::iter::once(&self.0)
            .chain(targets)
            .flat_map(|table| {
                KINDS.iter().filter_map(|(key, development)| Some((*development, table.get(*key)?.as_table()?)))
            })
            .collect()
    }

    fn shared_table(&self) -> Option<&toml::Table> {
        self.0.get("workspace")?.get("dependencies")?.as_table()
    }

    /// What `workspace = true` stands for: the packages behind the names of `[workspace.dependencies]`.
    fn shared_names(&self) -> HashMap<String, String> {
        let table = self.shared_table();
        table.into_iter().flatten().map(|(key, value)| (key.clone(), package_name(key, value).to_owned())).collect()
    }

    /// The package's name and what it needs for development only.
    fn development_names(&self, shared: &HashMap<String, String>) -> Option<(String, HashSet<String>)> {
        let package = self.0.get("package").or_else(|| self.0.get("project"))?.get("name")?.as_str()?;
        let (mut development, mut production) = (HashSet::new(), HashSet::new());
        for (for_development, table) in self.dependency_tables() {
            let names = if for_development { &mut development } else { &mut production };
            for (key, value) in table {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                let shared = inherited.then(|| shared.get(key)).flatten().map(String::as_str);
                names.insert(shared.unwrap_or_else(|| package_name(key, value)).to_owned());
            }
        }
        development.retain(|name| !production.contains(name));
        Some((package.to_owned(), development))
    }
}

/// `key = { package = "name" }` means the package `name`.
fn package_name<'a>(key: &'a str, value: &'a toml::Value) -> &'a str {
    value.get("package").and_then(toml::Value::as_str).unwrap_or(key)
}

/// Patterns as Cargo reads them: a star does not cross a folder. `None` when one of them is no pattern.
fn glob_set(patterns: Option<&Vec<toml::Value>>) -> Option<GlobSet> {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns.into_iter().flatten().filter_map(toml::Value::as_str).take(PATTERN_LIMIT) {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        builder.add(GlobBuilder::new(pattern).literal_separator(true).build().ok()?);
    }
    builder.build().ok()
}

/// A relative path from a folder; `None` when it leaves the lockfile's folder.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
