//! crates.io: the sparse index, at the address that Cargo itself uses.

mod features;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cargo_lock::package::SourceId;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::contract::{Memory, Registry, RegistryError, RegistrySettings, Releases, fetch};
use crate::model::ecosystem::Ecosystem;
use crate::model::release::Release;
use crate::net::{client, limits};
use crate::sandbox::grammar;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::Runner;

const REGISTRY: &str = "crates.io";

/// The registry of Rust crates.
struct CratesIo {
    runner: Runner,
    address: OnceLock<Result<(Url, reqwest::blocking::Client), RegistryError>>,
    memory: Memory,
    /// Records that were asked for, by package and version.
    records: Mutex<HashMap<(String, String), Option<Value>>>,
}

/// One line of the index (<https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema>).
#[derive(Deserialize)]
struct Line {
    vers: String,
    cksum: String,
    #[serde(default)]
    yanked: bool,
    #[serde(default)]
    deps: Vec<Requirement>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
    /// Features in notations that older versions of Cargo do not know; they count like the others.
    #[serde(default)]
    features2: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    links: Option<String>,
    #[serde(default)]
    rust_version: Option<String>,
}

#[derive(Deserialize)]
struct Requirement {
    name: String,
    req: String,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    registry: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Requirement {
    /// What a package needs for its own tests, nobody who uses it gets.
    fn is_for_users(&self) -> bool {
        self.kind.as_deref() != Some("dev")
    }

    fn package(&self) -> &str {
        self.package.as_deref().unwrap_or(&self.name)
    }
}

impl From<Line> for Release {
    fn from(line: Line) -> Self {
        let shape = line.shape();
        let features = features::read(&line);
        let asks = features::asked(&line);
        let deps: Vec<Requirement> = line.deps.into_iter().filter(Requirement::is_for_users).collect();
        let needed: BTreeSet<&str> = deps.iter().filter(|it| !it.optional).map(Requirement::package).collect();
        let left_out = deps.iter().map(Requirement::package).filter(|package| !needed.contains(package));
        Self {
            optional: left_out.map(str::to_owned).collect(),
            features,
            asks,
            requirements: Some(deps.iter().map(|it| (it.package().to_owned(), it.req.clone())).collect()),
            needs: line.rust_version,
            shape: Some(shape),
            version: line.vers,
            yanked: line.yanked,
            checksum: Some(line.cksum),
            record: None,
        }
    }
}

impl Line {
    /// All that decides on the packages and features below a release, except for the ranges of versions.
    fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut deps: Vec<_> = self.deps.iter().filter(|it| it.is_for_users()).map(Requirement::shape).collect();
        deps.sort_unstable();
        (deps, &self.features, &self.features2, &self.links).hash(&mut hasher);
        hasher.finish()
    }
}

impl Requirement {
    fn shape(&self) -> impl Ord + Hash {
        let names = (self.name.as_str(), self.package.as_deref(), self.kind.as_deref(), self.target.as_deref());
        (names, self.optional, self.default_features, self.registry.as_deref(), self.features.as_slice())
    }
}

/// Prepares to ask; nothing is sent yet.
pub(super) fn connect(settings: &RegistrySettings<'_>) -> Arc<dyn Registry> {
    Arc::new(CratesIo::new(settings.runner.clone()))
}

impl CratesIo {
    fn new(runner: Runner) -> Self {
        Self { runner, address: OnceLock::new(), memory: Memory::default(), records: Mutex::default() }
    }

    /// The index, at the address that Cargo itself uses.
    fn discover(&self) -> Result<(Url, reqwest::blocking::Client), RegistryError> {
        let unreachable = |reason: String| RegistryError::Unreachable { registry: REGISTRY, reason };
        let client = client::blocking(&limits::REGISTRY).map_err(|error| unreachable(error.to_string()))?;
        let address = self.runner.registry(Reach::Cargo).map_err(|error| unreachable(error.to_string()))?;
        Ok((address, client))
    }
}

impl CratesIo {
    /// The lines of the index about a package.
    fn ask(&self, package: &str) -> Result<Vec<u8>, RegistryError> {
        let (address, client) = self.address.get_or_init(|| self.discover()).clone()?;
        let address = address.join(&index_path(package)).map_err(|error| RegistryError::Malformed {
            registry: REGISTRY,
            package: package.to_owned(),
            reason: error.to_string(),
        })?;
        fetch(&client, REGISTRY, (address, "text/plain", package))
    }
}

impl Registry for CratesIo {
    fn serves(&self, source: &str) -> Result<bool, RegistryError> {
        Ok(SourceId::from_url(source).is_ok_and(|source| source.is_default_registry()))
    }

    fn releases(&self, package: &str) -> Result<Releases, RegistryError> {
        let package = grammar::package(Ecosystem::CratesIo, package)?;
        self.memory.remember(package, || Ok(read_index(&self.ask(package)?)))
    }

    fn record(&self, package: &str, version: &str) -> Option<Value> {
        let package = grammar::package(Ecosystem::CratesIo, package).ok()?;
        let key = (package.to_owned(), version.to_owned());
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.entry(key).or_insert_with(|| {
            let body = self.ask(package).ok()?;
            let mut lines = body.split(|byte| *byte == b'\n');
            lines.find_map(|line| {
                let record: Value = serde_json::from_slice(line).ok()?;
                (record.get("vers").and_then(Value::as_str) == Some(version)).then_some(record)
            })
        });
        record.clone()
    }
}

/// Where the index keeps a package (<https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files>).
fn index_path(package: &str) -> String {
    let name = package.to_ascii_lowercase();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// Reads index lines; one that is not understood is a release that we do not choose.
fn read_index(body: &[u8]) -> Vec<Release> {
    let lines = body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.map(Release::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_packages_are_asked_for() {
        let registry = CratesIo::new(Runner::from_environment());
        let own = SourceId::default().to_string();
        assert!(registry.serves(&own).unwrap(), "{own}");
        assert!(!registry.serves("registry+https://registry.example/index").unwrap());
        assert!(!registry.serves("git+https://git.example/x").unwrap());
    }

    #[test]
    fn packages_lie_where_the_index_says() {
        for (name, path) in [("a", "1/a"), ("ab", "2/ab"), ("Abc", "3/a/abc"), ("serde_json", "se/rd/serde_json")] {
            assert_eq!(index_path(name), path);
        }
    }

    #[test]
    fn yanked_releases_and_renamed_requirements_are_read() {
        let body = b"{\"name\":\"x\",\"vers\":\"1.0.0\",\"deps\":[{\"name\":\"clock\",\"req\":\"^0.1\",\"package\":\"time\"}],\"cksum\":\"ab\",\"yanked\":true}\nnot json\n{\"vers\":\"1.0.1\",\"cksum\":\"cd\"}";
        let releases = read_index(body);
        assert_eq!(releases.len(), 2);
        assert!(releases[0].yanked && !releases[1].yanked);
        assert_eq!(releases[0].requirements.as_deref(), Some(&[("time".to_owned(), "^0.1".to_owned())][..]));
    }

    #[test]
    fn requirements_of_tests_do_not_count_and_those_of_features_are_told_apart() {
        let line = |version: &str, rest: &str| {
            let deps = format!(
                "{{\"name\":\"a\",\"req\":\"^1\"}},{{\"name\":\"b\",\"req\":\"^1\",\"kind\":\"dev\"}},\
                {{\"name\":\"c\",\"req\":\"^1\",\"optional\":true}}{rest}"
            );
            format!("{{\"vers\":\"{version}\",\"cksum\":\"ab\",\"rust_version\":\"1.60\",\"deps\":[{deps}]}}\n")
        };
        let dev = ",{\"name\":\"d\",\"req\":\"^1\",\"kind\":\"dev\"}";
        let body = [line("1.0.0", ""), line("1.0.1", dev), line("1.0.2", ",{\"name\":\"d\",\"req\":\"^1\"}")].concat();
        let releases = read_index(body.as_bytes());
        let names = |release: &Release| -> Vec<String> {
            release.requirements.iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&releases[0]), ["a", "c"]);
        assert_eq!(releases[0].optional.iter().collect::<Vec<_>>(), ["c"]);
        assert_eq!(releases[0].needs.as_deref(), Some("1.60"));
        assert_eq!(releases[0].shape, releases[1].shape);
        assert_ne!(releases[0].shape, releases[2].shape);
    }
}
