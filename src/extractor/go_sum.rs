//! Go's go.sum (<https://go.dev/ref/mod#go-sum-files>).

use std::collections::{HashMap, HashSet};

use super::contract::go_module::{GoModule, unescaped};
use super::contract::graph::roots_are_direct;
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::version;

const WAY_OUT: &str = "run `go mod tidy` to write it anew";

/// Reads go.sum, which holds checksums of more than what is built.
///
/// Whatever has only the checksum of its go.mod is never built. Beside a go.mod of Go 1.17 or later, which lists all,
/// go.sum says nothing more; beside an older one it adds the modules that go.mod leaves out, each in the highest of the
/// versions that were downloaded, which is how Go selects. Alone, it counts with all modules that were downloaded. It does
/// not tell who asks for what.
pub(super) struct GoSum;

impl Extractor for GoSum {
    fn id(&self) -> &'static str {
        "go-sum"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "go.sum"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // The sums of a module without dependencies.
        if file.content.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

/// A module that was downloaded.
struct Module<'a> {
    path: &'a str,
    version: &'a str,
    line: u32,
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let mut modules = downloaded(text)?;
    check_package_count(modules.len())?;
    let content = file.neighbour("go.mod");
    let text = content.as_deref().and_then(|content| std::str::from_utf8(content).ok());
    // A go.mod that cannot be read is named by its own extractor.
    let text = text.and_then(|text| unescaped(text).ok());
    let manifest = text.as_deref().and_then(|text| GoModule::read(text).ok());
    if let Some(manifest) = &manifest {
        if manifest.is_complete() {
            return Ok(Vec::new());
        }
        let listed: HashSet<&str> = manifest
            .requirements
            .iter()
            .map(|requirement| requirement.path)
            .chain(manifest.replacements.iter().map(|replacement| replacement.path))
            .collect();
        modules.retain(|module| !listed.contains(module.path));
        modules = highest(modules);
    }
    let mut dependencies: Vec<_> =
        modules.iter().map(|it| Dependency::new(Ecosystem::Go, it.path, it.version, it.line)).collect();
    // What go.mod leaves out is required by another module.
    if manifest.is_none() {
        roots_are_direct(&mut dependencies);
    }
    Ok(dependencies)
}

fn downloaded(text: &str) -> Result<Vec<Module<'_>>, ParseError> {
    let mut modules: Vec<Module<'_>> = Vec::new();
    for (position, line) in text.split('\n').enumerate() {
        let line_number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        let mut fields = line.split_ascii_whitespace();
        let (path, version) = match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (None, ..) => continue,
            (Some(path), Some(version), Some(_), None) => (path, version),
            _ => return Err(ParseError::new("find a module, its version and its hash").at_line(line_number)),
        };
        if version.ends_with("/go.mod") {
            continue;
        }
        // A module may have hashes of several kinds.
        if modules.last().is_none_or(|last| last.path != path || last.version != version) {
            modules.push(Module { path, version, line: line_number });
        }
    }
    Ok(modules)
}

/// The highest version of each module, in file order.
fn highest(modules: Vec<Module<'_>>) -> Vec<Module<'_>> {
    let mut positions: HashMap<&str, usize> = HashMap::with_capacity(modules.len());
    let mut highest: Vec<Module<'_>> = Vec::with_capacity(modules.len());
    for module in modules {
        let position = *positions.entry(module.path).or_insert(highest.len());
        match highest.get_mut(position) {
            None => highest.push(module),
            Some(known) => {
                let order = version::compare(Ecosystem::Go, known.version, module.version);
                if order.is_ok_and(std::cmp::Ordering::is_lt) {
                    *known = module;
                }
            }
        }
    }
    highest.sort_by_key(|module| module.line);
    highest
}

#[cfg(test)]
mod tests {
    use super::super::testing::extract;
    use super::*;

    const SUM: &[u8] = b"ex.test/a v1.0.0 h1:aa=
ex.test/a v1.0.0/go.mod h1:ab=
ex.test/b v1.9.0 h1:ba=
ex.test/b v1.9.0/go.mod h1:bb=
ex.test/b v1.10.0 h1:bc=
ex.test/b v1.10.0/go.mod h1:bd=
ex.test/c v1.0.0/go.mod h1:ca=
";

    fn read_beside(manifest: Option<&str>) -> Vec<String> {
        let mut files = vec![("x/go.sum", SUM)];
        files.extend(manifest.map(|text| ("x/go.mod", text.as_bytes())));
        let found = extract(&GoSum, &files).expect("a go.sum");
        assert!(found.iter().all(|one| one.direct == manifest.is_none_or(|text| text == "{}")));
        found.iter().map(|one| format!("{}@{} {}", one.name, one.version, one.line)).collect()
    }

    #[test]
    fn only_what_was_downloaded_counts() {
        assert_eq!(read_beside(None), ["ex.test/a@v1.0.0 1", "ex.test/b@v1.9.0 3", "ex.test/b@v1.10.0 5"]);
    }

    #[test]
    fn a_go_mod_beside_it_says_more() {
        let nothing: [&str; 0] = [];
        assert_eq!(read_beside(Some("module x\ngo 1.17\nrequire ex.test/a v1.0.0\n")), nothing);
        assert_eq!(read_beside(Some("module x\ngo 1.16\nrequire ex.test/a v1.0.0\n")), ["ex.test/b@v1.10.0 5"]);
        assert_eq!(read_beside(Some("module x\nreplace y => ex.test/b v1.10.0\n")), ["ex.test/a@v1.0.0 1"]);
        assert_eq!(read_beside(Some("{}")).len(), 3);
    }

    #[test]
    fn what_is_no_go_sum_is_refused_with_a_way_out() {
        for (text, line) in [
            ("ex.test/a v1.0.0\n", Some(1)),
            ("\nex.test/a v1.0.0 h1:a= more\n", Some(2)),
            ("ex.test/a v1.0.0 h1:a=\n=======\n", Some(2)),
            ("<<<<<<< HEAD\n", Some(1)),
            ("\u{feff}{}", Some(1)),
        ] {
            let error = extract(&GoSum, &[("go.sum", text.as_bytes())]).expect_err("no go.sum");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("go mod tidy")), "{error}");
        }
        assert!(extract(&GoSum, &[("go.sum", b"\n")]).expect("empty").is_empty());
    }
}
