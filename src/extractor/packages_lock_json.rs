//! NuGet's packages.lock.json, versions 1 and 2
//! (<https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files#locking-dependencies>).

mod configuration;

use std::collections::HashMap;

use super::contract::json::{Member, Node};
use super::contract::sources::{Checksums, Sources};
use super::contract::text::{Lines, read_whole};
use super::contract::{Configured, Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

/// Version 2 came with central management of versions; its entries are those of version 1 with one type more.
const VERSIONS: [&str; 2] = ["1", "2"];

/// More edges are refused: the largest lockfiles in public have 10,000.
const EDGE_LIMIT: usize = 1_000_000;

const WAY_OUT: &str = "run `dotnet restore --force-evaluate` to write it anew";

/// Reads packages.lock.json.
///
/// The file lists packages once for each framework; here, each version of a package stands once, on the line of its first
/// entry.
pub(super) struct PackagesLockJson;

impl Extractor for PackagesLockJson {
    fn id(&self) -> &'static str {
        "packages-lock-json"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        // A folder with several projects has `packages.<project>.lock.json`.
        let name = path.file_name();
        name.starts_with("packages.") && name.ends_with(".lock.json")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        configuration::is_one(path)
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    let fault = |message: String, node: &Node<'_>| ParseError::new(message).at_line(lines.at(node.offset));
    let version = root.get("version").ok_or_else(|| fault("find the version of the format".to_owned(), &root))?;
    if !version.scalar().is_some_and(|version| VERSIONS.contains(&version)) {
        let shown = version.scalar().unwrap_or_default().escape_debug();
        let message = format!("read it: it is version {shown} of the format, and versions 1 and 2 are known");
        return Err(fault(message, version));
    }
    // NuGet writes it for a project without packages, too (`PackagesLockFileFormat.Write`,
    // <https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.ProjectModel/ProjectLockFile>).
    let frameworks = root.get("dependencies").unwrap_or(&root);
    if !frameworks.is_object() || root.get("dependencies").is_none() {
        return Err(fault("find an object under `dependencies`".to_owned(), frameworks));
    }
    let frameworks = frameworks.members();
    let mut merged = Merged::default();
    for framework in frameworks {
        for entry in framework.value.members() {
            merged.add(entry, &lines)?;
        }
        check_package_count(merged.dependencies.len())?;
    }
    for framework in frameworks {
        merged.link(framework)?;
    }
    Ok(merged.finish())
}

/// The dependencies, each version of a package once.
#[derive(Default)]
struct Merged {
    dependencies: Vec<Dependency>,
    /// By lower-case name and version.
    positions: HashMap<(String, String), usize>,
    /// Children, parents and what these ask for.
    edges: Vec<(usize, usize, String)>,
    /// Which packages have a checksum.
    sources: Sources,
}

impl Merged {
    fn add(&mut self, entry: &Member<'_>, lines: &Lines) -> Result<(), ParseError> {
        let name = entry.key.as_ref();
        let (version, origin) = match (entry.value.text_at("resolved"), entry.value.text_at("type")) {
            (Some(version), _) => (version, Origin::Registry { url: None }),
            // A project of the same solution.
            (None, Some("Project")) => ("", Origin::Path),
            (None, _) => {
                let message = format!("find the version of `{}`", name.escape_debug());
                return Err(ParseError::new(message).at_line(lines.at(entry.offset)));
            }
        };
        let next = self.dependencies.len();
        let position = *self.positions.entry(key(name, version)).or_insert(next);
        if position == next {
            let dependency = Dependency::new(Ecosystem::NuGet, name, version, lines.at(entry.offset));
            self.dependencies.push(Dependency { origin, ..dependency });
        }
        if position == next && entry.value.get("resolved").is_some() {
            self.sources.note_checksum(position, entry.value.get("contentHash").is_some());
        }
        if let Some(dependency) = self.dependencies.get_mut(position) {
            dependency.direct |= entry.value.text_at("type") == Some("Direct");
        }
        Ok(())
    }

    /// Notes who requires whom in one framework, where each package stands once.
    fn link(&mut self, framework: &Member<'_>) -> Result<(), ParseError> {
        let entries = framework.value.members();
        let version = |entry: &Member<'_>| entry.value.text_at("resolved").unwrap_or_default().to_owned();
        let versions: HashMap<String, String> =
            entries.iter().map(|entry| (entry.key.to_ascii_lowercase(), version(entry))).collect();
        for entry in entries {
            let Some(&parent) = self.positions.get(&key(&entry.key, &version(entry))) else { continue };
            for (name, range) in entry.value.texts_at("dependencies") {
                let name = name.to_ascii_lowercase();
                // A package of another target of the framework.
                let Some(version) = versions.get(&name) else { continue };
                let Some(&child) = self.positions.get(&(name, version.clone())) else { continue };
                if self.edges.len() >= EDGE_LIMIT {
                    return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
                }
                if child != parent {
                    self.edges.push((child, parent, range.to_owned()));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Dependency> {
        self.edges.sort();
        self.edges.dedup_by_key(|(child, parent, _)| (*child, *parent));
        for (child, parent, range) in self.edges {
            if let Some(dependency) = self.dependencies.get_mut(child) {
                dependency.parents.push(parent);
                dependency.requirements.push(range);
            }
        }
        self.sources.judge(&mut self.dependencies, Checksums::SameForAll);
        self.dependencies
    }
}

/// NuGet's names ignore case.
fn key(name: &str, version: &str) -> (String, String) {
    (name.to_ascii_lowercase(), version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn a_package_of_several_frameworks_stands_once() {
        let text = br#"{"version": 2, "dependencies": {
".NETCoreApp,Version=v6.0": {
"Direct.One": {"type": "Direct", "requested": "[1.0.0, )", "resolved": "1.0.0", "dependencies": {"deep": "2.0.0"}},
"Deep": {"type": "Transitive", "resolved": "2.0.0"},
"Central": {"type": "CentralTransitive", "requested": "[3.0.0, )", "resolved": "3.0.0"},
"own": {"type": "Project", "dependencies": {"Deep": "[2.0.0, )", "Gone": "1.0.0", "Central": "[3.0.0, )"}}
},
"net8.0/win-x64": {
"Direct.One": {"type": "Transitive", "resolved": "1.0.0", "dependencies": {"Deep": "2.5.0"}},
"deep": {"type": "Direct", "resolved": "2.5.0", "requested": "2.5.0"}
}}}"#;
        let found = extract(&PackagesLockJson, &[("src/packages.lock.json", text)]).expect("a lockfile");
        insta::assert_snapshot!(show(&found), @r"
        0 Direct.One@1.0.0 Runtime direct Registry { url: None } [] line 3
        1 Deep@2.0.0 Runtime Registry { url: None } [0 2.0.0, 3 [2.0.0, )] line 4
        2 Central@3.0.0 Runtime Registry { url: None } [3 [3.0.0, )] line 5
        3 own@ Runtime Path [] line 6
        4 deep@2.5.0 Runtime direct Registry { url: None } [0 2.5.0] line 10
        ");
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line, part) in [
            ("", None, "empty"),
            ("{}", Some(1), "version of the format"),
            ("{\n\"version\": 3}", Some(2), "versions 1 and 2"),
            ("{\"version\": 1,\n\"dependencies\": []}", Some(2), "an object"),
            ("{\"version\": 1, \"dependencies\": {\"net8\": {\n\"A\": {\"type\": \"Direct\"}}}}", Some(2), "`A`"),
            ("{\n<<<<<<< x\n", Some(2), "merge conflict"),
        ] {
            let error = extract(&PackagesLockJson, &[("packages.lock.json", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{error}");
            assert!(error.message.contains(part), "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("dotnet restore")), "{error}");
        }
        let empty: (&str, &[u8]) = ("packages.app.lock.json", b"{\"version\": 1, \"dependencies\": {}}");
        assert!(extract(&PackagesLockJson, &[empty]).expect("empty").is_empty());
    }
}
