//! Releases: what a registry offers of a package.

use std::collections::{BTreeMap, BTreeSet};

/// One release of a package.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Release {
    /// The version as the registry writes it. Untrusted.
    pub version: String,
    /// Taken back by its publisher: never a target.
    pub yanked: bool,
    /// The checksum as the ecosystem's lockfile writes it, where the registry gives one.
    pub checksum: Option<String>,
    /// What it requires: package and requirement; `None` when the list of releases does not say.
    pub requirements: Option<Vec<(String, String)>>,
    /// Of what it requires, the packages that are left out unless a feature asks for them, as far as the registry says so.
    pub optional: BTreeSet<String>,
    /// Its features, each with the packages of `optional` that it turns on, by way of others too. Empty where the registry says
    /// nothing of features.
    pub features: BTreeMap<String, BTreeSet<String>>,
    /// The features that it asks for of what it requires, by package; `default` is one of them.
    pub asks: BTreeMap<String, BTreeSet<String>>,
    /// The oldest version of the language that builds it, where the registry says so. Untrusted.
    pub needs: Option<String>,
    /// Stands for all that it requires but the ranges of versions: of two releases with the same, one can take the other's place in
    /// a lockfile if the ranges hold. `None` where the registry does not say enough.
    pub shape: Option<u64>,
    /// The registry's own record, where an updater needs more than the above (npm).
    pub record: Option<serde_json::Value>,
}

impl Release {
    /// Whether it has a feature, as far as the registry says.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.is_empty() || self.features.contains_key(name)
    }

    /// The packages of `optional` that some of its features turn on.
    pub fn turned_on<'a>(&'a self, features: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        features.into_iter().filter_map(|name| self.features.get(name)).flatten().cloned().collect()
    }
}
