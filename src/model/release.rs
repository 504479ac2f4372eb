//! Releases: what a registry offers of a package.

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
    /// The registry's own record, where an updater needs more than the above (npm).
    pub record: Option<serde_json::Value>,
}
