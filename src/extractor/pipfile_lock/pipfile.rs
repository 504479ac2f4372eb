//! What the Pipfile asks for (<https://pipenv.pypa.io/en/latest/pipfile.html>).

use std::collections::{HashMap, HashSet};

use super::super::contract::SourceFile;
use super::super::contract::python::git::pin_of;
use super::super::contract::python::normalise;
use super::super::contract::text::read_text;
use super::super::contract::toml::{Look as _, parse};
use crate::model::dependency::GitPin;

/// Tables that are not categories of packages.
const OTHER_TABLES: [&str; 4] = ["source", "requires", "pipenv", "scripts"];

/// The Pipfile beside a lock.
pub(super) struct Pipfile {
    /// The category as the lock calls it, and the normalised name.
    asked: HashSet<(String, String)>,
    pins: HashMap<String, GitPin>,
}

impl Pipfile {
    /// Reads it. One that is absent or broken costs detail, never a dependency.
    pub(super) fn read(file: &SourceFile<'_>) -> Option<Self> {
        let content = file.neighbour("Pipfile")?;
        let root = parse(read_text(&content).ok()?, "[[source]]").ok()?;
        let mut pipfile = Self { asked: HashSet::new(), pins: HashMap::new() };
        for (category, table) in root.members() {
            let Some(table) = table.as_table().filter(|_| !OTHER_TABLES.contains(&category)) else {
                continue;
            };
            let locked = match category {
                "packages" => "default",
                "dev-packages" => "develop",
                other => other,
            };
            for (name, value) in table.members() {
                let name = normalise(name);
                if let Some(value) = value.as_table().filter(|value| value.has("git")) {
                    pipfile.pins.insert(name.clone(), pin_of(|field| value.text_at(field)));
                }
                pipfile.asked.insert((locked.to_owned(), name));
            }
        }
        Some(pipfile)
    }

    /// Whether it asks for a package in a category of the lock.
    pub(super) fn asks(&self, category: &str, name: &str) -> bool {
        self.asked.contains(&(category.to_owned(), name.to_owned()))
    }

    /// What is followed of a package that comes from a repository.
    pub(super) fn pin(&self, name: &str) -> Option<GitPin> {
        self.pins.get(name).cloned()
    }
}
