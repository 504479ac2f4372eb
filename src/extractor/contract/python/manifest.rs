//! What pyproject.toml asks for (<https://packaging.python.org/en/latest/specifications/pyproject-toml/>), with the tables
//! of Poetry, PDM and uv.

use std::collections::HashMap;

use super::super::SourceFile;
use super::super::text::read_text;
use super::super::toml::{Look as _, Table, Value, items, parse, text};
use super::git::{GitAddress, pin_by_form, pin_of};
use super::{normalise, requirement_name};
use crate::model::dependency::{GitPin, Scope};

/// What the project asks for one package.
#[derive(Debug, Default, Clone, PartialEq)]
pub(in crate::extractor) struct Asked {
    /// What for; `None` when only others ask, and the project says where it comes from.
    pub(in crate::extractor) scope: Option<Scope>,
    /// What is followed, where it asks for a repository.
    pub(in crate::extractor) pin: Option<GitPin>,
}

/// What a project asks for, by normalised name.
#[derive(Debug, Default)]
pub(in crate::extractor) struct Manifest {
    asked: HashMap<String, Asked>,
    /// Addresses of the registries that it names besides the ecosystem's own.
    registries: Vec<String>,
    /// Names of its extras, which run in production.
    extras: Vec<String>,
}

impl Manifest {
    /// Reads the pyproject.toml beside a lockfile. One that is absent or broken costs detail, never a dependency.
    pub(in crate::extractor) fn read(file: &SourceFile<'_>) -> Option<Self> {
        let content = file.neighbour("pyproject.toml")?;
        Self::parse(read_text(&content).ok()?)
    }

    /// `None` when it is no TOML, or asks for nothing in a way that is known.
    pub(in crate::extractor) fn parse(content: &str) -> Option<Self> {
        let root = parse(content, "[[package]]").ok()?;
        let mut manifest = Self::default();
        let mut known = false;
        if let Some(project) = root.table_at("project") {
            known = true;
            manifest.ask_all(project.list_at("dependencies"), Scope::Runtime);
            for (extra, list) in project.table_at("optional-dependencies").into_iter().flat_map(Table::members) {
                manifest.extras.push(normalise(extra));
                manifest.ask_all(items(list), Scope::Runtime);
            }
        }
        for (_, list) in root.table_at("dependency-groups").into_iter().flat_map(Table::members) {
            known = true;
            manifest.ask_all(items(list), Scope::Development);
        }
        if let Some(tool) = root.table_at("tool") {
            known |= manifest.read_poetry(tool);
            known |= manifest.read_pdm(tool);
            known |= manifest.read_uv(tool);
        }
        known.then_some(manifest)
    }

    /// <https://python-poetry.org/docs/pyproject/>
    fn read_poetry(&mut self, tool: &Table<'_>) -> bool {
        let Some(poetry) = tool.table_at("poetry") else { return false };
        self.ask_table(poetry.table_at("dependencies"), Scope::Runtime);
        self.ask_table(poetry.table_at("dev-dependencies"), Scope::Development);
        for (name, group) in poetry.table_at("group").into_iter().flat_map(Table::members) {
            let scope = if name == "main" { Scope::Runtime } else { Scope::Development };
            self.ask_table(group.as_table().and_then(|group| group.table_at("dependencies")), scope);
        }
        true
    }

    /// <https://pdm-project.org/latest/reference/pep621/>
    fn read_pdm(&mut self, tool: &Table<'_>) -> bool {
        let Some(pdm) = tool.table_at("pdm") else { return false };
        for (_, list) in pdm.table_at("dev-dependencies").into_iter().flat_map(Table::members) {
            self.ask_all(items(list), Scope::Development);
        }
        self.name_registries(pdm.tables_at("source"));
        true
    }

    /// <https://docs.astral.sh/uv/reference/settings/>
    fn read_uv(&mut self, tool: &Table<'_>) -> bool {
        let Some(uv) = tool.table_at("uv") else { return false };
        self.ask_all(uv.list_at("dev-dependencies"), Scope::Development);
        for (name, source) in uv.table_at("sources").into_iter().flat_map(Table::members) {
            // A list where the source depends on the platform.
            let sources = source.as_table().into_iter().chain(items(source).iter().filter_map(as_table));
            for source in sources.filter(|source| source.has("git")) {
                self.follow(name, pin_of(|field| source.text_at(field)));
            }
        }
        self.name_registries(uv.tables_at("index"));
        let addresses = ["index-url", "default-index"].into_iter().filter_map(|key| uv.text_at(key));
        let addresses = addresses.chain(uv.texts_at("extra-index-url")).chain(uv.texts_at("find-links"));
        self.registries.extend(addresses.map(trim_address));
        true
    }

    fn name_registries<'t, 'a: 't>(&mut self, sources: impl Iterator<Item = &'t Table<'a>>) {
        self.registries.extend(sources.filter_map(|source| source.text_at("url")).map(trim_address));
    }

    fn ask_all(&mut self, list: &[Value<'_>], scope: Scope) {
        for requirement in list.iter().filter_map(text) {
            // PDM: `-e file:///${PROJECT_ROOT}/folder#egg=name`.
            let name = match requirement.strip_prefix("-e ") {
                Some(address) => address.split_once("#egg=").and_then(|(_, name)| requirement_name(name)),
                None => requirement_name(requirement),
            };
            let Some(name) = name else { continue };
            self.ask(name, scope);
            if let Some(address) = requirement.find("git+").and_then(|start| requirement.get(start..)) {
                let address = address.split([' ', ';']).next().unwrap_or_default();
                if let Some(address) = GitAddress::parse(address) {
                    self.follow(name, pin_by_form(address.reference.unwrap_or_default()));
                }
            }
        }
    }

    /// Poetry's tables: a name with a version, a table, or a list of tables.
    fn ask_table(&mut self, table: Option<&Table<'_>>, scope: Scope) {
        for (name, value) in table.into_iter().flat_map(Table::members) {
            if name == "python" {
                continue;
            }
            self.ask(name, scope);
            let tables = value.as_table().into_iter().chain(items(value).iter().filter_map(as_table));
            for table in tables.filter(|table| table.has("git")) {
                self.follow(name, pin_of(|field| table.text_at(field)));
            }
        }
    }

    fn ask(&mut self, name: &str, scope: Scope) {
        let asked = self.asked.entry(normalise(name)).or_default();
        // Production comes before development.
        asked.scope = Some(asked.scope.map_or(scope, |other| other.min(scope)));
    }

    /// What is followed, which also says so of a package that only others ask for.
    fn follow(&mut self, name: &str, pin: GitPin) {
        self.asked.entry(normalise(name)).or_default().pin = Some(pin);
    }

    /// What the project asks for a package, by normalised name.
    pub(in crate::extractor) fn asks(&self, name: &str) -> Option<&Asked> {
        self.asked.get(name)
    }

    /// Whether a group of a lock is one of the project's extras.
    pub(in crate::extractor) fn is_extra(&self, group: &str) -> bool {
        self.extras.contains(&normalise(group))
    }

    /// Whether it names a registry.
    pub(in crate::extractor) fn names_registry(&self, url: &str) -> bool {
        self.registries.contains(&trim_address(url))
    }
}

fn as_table<'t, 'a>(value: &'t Value<'a>) -> Option<&'t Table<'a>> {
    value.as_table()
}

fn trim_address(url: &str) -> String {
    super::git::without_credentials(url).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_its_own_tables() {
        let manifest = Manifest::parse(
            r#"
            [project]
            dependencies = ["A_b>=1", "tool @ git+https://git.example/tool.git@main ; python_version > '3'"]
            [project.optional-dependencies]
            Fast = ["speed"]
            [dependency-groups]
            test = ["pytest", {include-group = "docs"}]
            [tool.poetry.dependencies]
            python = "^3.9"
            main = [{git = "https://git.example/m.git", tag = "v1"}, {version = "1"}]
            [tool.poetry.group.docs.dependencies]
            sphinx = {version = "*"}
            [tool.pdm.dev-dependencies]
            dev = ["-e file:///${PROJECT_ROOT}/lib#egg=lib"]
            [[tool.uv.index]]
            url = "https://user:secret@own.example/simple/"
            [tool.uv.sources]
            deep = {git = "https://git.example/d.git", branch = "next"}
            speed = [{git = "https://git.example/s.git", rev = "0123456"}]
            "#,
        )
        .expect("a manifest");
        let asked = |name| manifest.asks(name).map(|asked| (asked.scope, asked.pin.clone()));
        assert_eq!(asked("a-b"), Some((Some(Scope::Runtime), None)));
        assert_eq!(asked("tool"), Some((Some(Scope::Runtime), Some(GitPin::Branch("main".to_owned())))));
        assert_eq!(asked("speed"), Some((Some(Scope::Runtime), Some(GitPin::Commit))));
        assert_eq!(asked("pytest"), Some((Some(Scope::Development), None)));
        assert_eq!(asked("main"), Some((Some(Scope::Runtime), Some(GitPin::Tag("v1".to_owned())))));
        assert_eq!(asked("sphinx"), Some((Some(Scope::Development), None)));
        assert_eq!(asked("lib"), Some((Some(Scope::Development), None)));
        assert_eq!(asked("deep"), Some((None, Some(GitPin::Branch("next".to_owned())))));
        assert_eq!(asked("python"), None);
        assert!(manifest.is_extra("fast") && !manifest.is_extra("test"));
        assert!(manifest.names_registry("https://own.example/simple"));
    }

    #[test]
    fn a_manifest_that_says_nothing_is_none() {
        for text in ["", "[build-system]\nrequires = []", "[project", "tool = 1"] {
            assert!(Manifest::parse(text).is_none(), "{text}");
        }
    }
}
