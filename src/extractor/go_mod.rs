//! Go's go.mod (<https://go.dev/ref/mod#go-mod-file>).

use std::collections::{HashMap, HashSet};

use super::contract::go_build::{own_toolchain, replaced};
use super::contract::go_module::{GoModule, Replacement, Requirement, unescaped};
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::version;

const WAY_OUT: &str = "run `go mod tidy` to write it anew";

/// Reads go.mod: since Go 1.17 it lists every module of the build; what an older one leaves out is in go.sum.
///
/// Versions keep their `v`, as Go and its purls write them; the order of versions reads them with and without. The
/// standard library and the toolchain are dependencies, too, under the names that OSV gives them: of the version that
/// `toolchain` names, else of the `go` line. A module that is replaced by another counts as the other one, on the line
/// that says so. What `exclude` and `retract` name is not in the build.
pub(super) struct GoMod;

impl Extractor for GoMod {
    fn id(&self) -> &'static str {
        "go-mod"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "go.mod"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let text = unescaped(text)?;
    let module = GoModule::read(&text)?;
    check_package_count(module.requirements.len())?;
    let mut dependencies = own_toolchain(&module);
    let replacements = replacements(&module);
    let tools = tool_modules(&module);
    for requirement in selected(&module) {
        let any = replacements.get(&(requirement.path, None));
        let mut dependency = match replacements.get(&(requirement.path, Some(requirement.version))).or(any) {
            Some(replacement) => replaced(requirement, replacement),
            None => Dependency::new(Ecosystem::Go, requirement.path, requirement.version, requirement.line),
        };
        dependency.direct = !requirement.indirect || tools.contains(requirement.path);
        dependencies.push(dependency);
    }
    dependencies.sort_by_key(|dependency| dependency.line);
    Ok(dependencies)
}

/// Each module once, in file order: of a module that is required twice Go takes the higher version.
fn selected<'module, 'text>(module: &'module GoModule<'text>) -> Vec<&'module Requirement<'text>> {
    let mut positions: HashMap<&str, usize> = HashMap::with_capacity(module.requirements.len());
    let mut selected: Vec<&Requirement<'text>> = Vec::with_capacity(module.requirements.len());
    for requirement in &module.requirements {
        let position = *positions.entry(requirement.path).or_insert(selected.len());
        match selected.get_mut(position) {
            None => selected.push(requirement),
            Some(known) => {
                let order = version::compare(Ecosystem::Go, known.version, requirement.version);
                if order.is_ok_and(std::cmp::Ordering::is_lt) {
                    *known = requirement;
                }
            }
        }
    }
    selected
}

/// By path and version of what is replaced.
fn replacements<'module, 'text>(
    module: &'module GoModule<'text>,
) -> HashMap<(&'text str, Option<&'text str>), &'module Replacement<'text>> {
    module.replacements.iter().map(|it| ((it.old_path, it.old_version), it)).collect()
}

/// The paths that may be those of the modules whose packages the project runs as tools: Go notes such a module as
/// indirect, but it is the project that asks for it.
fn tool_modules<'a>(module: &GoModule<'a>) -> HashSet<&'a str> {
    let required: HashSet<&str> = module.requirements.iter().map(|it| it.path).collect();
    let provider = |tool: &&'a str| {
        // The module with the longest path provides a package.
        let ends = tool.match_indices('/').map(|(end, _)| end).chain([tool.len()]);
        let mut prefixes: Vec<&'a str> = ends.take(PATH_PARTS).filter_map(|end| tool.get(..end)).collect();
        prefixes.reverse();
        prefixes.into_iter().find(|prefix| required.contains(prefix))
    };
    module.tools.iter().filter_map(provider).collect()
}

/// A path of more parts is no package.
const PATH_PARTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn read_alone(text: &str) -> String {
        show(&extract(&GoMod, &[("go.mod", text.as_bytes())]).expect("a go.mod"))
    }

    #[test]
    fn every_directive_is_read() {
        let text = r#"// Deprecated: not used.
module "ex.test/app"

go 1.25.0
toolchain go1.25.3-custom

godebug default=go1.21
ignore ./node_modules
require ex.test/alone v1.0.0+incompatible
require (
	ex.test/replaced v1.0.0
	ex.test/pinned v1.0.0 // indirect
	ex.test/other v1.2.0
	ex.test/local v0.0.0 // a comment
	ex.test/pseudo v0.0.0-20240101000000-0123456789ab // indirect; kept
	ex.test/tools/gopls v0.1.0 // indirect
	ex.test/twice v1.10.0
	ex.test/twice v1.9.0
)
tool (
	ex.test/tools/gopls/cmd/x
)
exclude ex.test/pinned v1.1.0
retract [v1.0.0, v1.0.5] // broken
replace (
	ex.test/replaced => ex.test/fork/v2 v2.0.1
	ex.test/other v1.3.0 => ex.test/never v1.0.0
	ex.test/pinned v1.0.0 => ex.test/pinned v1.0.1
	ex.test/local => ../local
)
"#;
        let escaped = text
            .replace("ex.test/alone v1.0.0", r#""ex.test/\x61lone" "v1.0.0"#)
            .replace("+incompatible", "+incompatible\"");
        assert_eq!(read_alone(&escaped), read_alone(text));
        insta::assert_snapshot!(read_alone(text), @r#"
        0 stdlib@1.25.3 Runtime direct Registry { url: None } [] line 5
        1 toolchain@1.25.3 Development direct Registry { url: None } [] line 5
        2 ex.test/alone@v1.0.0+incompatible Runtime direct Registry { url: None } [] line 9
        3 ex.test/other@v1.2.0 Runtime direct Registry { url: None } [] line 13
        4 ex.test/pseudo@v0.0.0-20240101000000-0123456789ab Runtime Registry { url: None } [] line 15
        5 ex.test/tools/gopls@v0.1.0 Runtime direct Registry { url: None } [] line 16
        6 ex.test/twice@v1.10.0 Runtime direct Registry { url: None } [] line 17
        7 ex.test/fork/v2@v2.0.1 Runtime direct Registry { url: None } [] line 26
        8 ex.test/pinned@v1.0.1 Runtime Registry { url: None } [] line 28
        9 ex.test/local@v0.0.0 Runtime direct Path [] line 29
        "#);
        assert_eq!(read_alone(&text.replace('\n', "\r\n")), read_alone(text));
    }

    #[test]
    fn the_standard_library_has_the_version_of_the_toolchain() {
        for (text, expected) in [
            ("go 1.22", "1.22"),
            ("go 1.22.1\ntoolchain go1.23.4", "1.23.4"),
            ("go 1.22.1\ntoolchain default", "1.22.1"),
            ("go 1.21rc2", "1.21.0-rc.2"),
            ("go 1.18beta1", "1.18.0-beta.1"),
        ] {
            let found = extract(&GoMod, &[("go.mod", text.as_bytes())]).expect("a go.mod");
            let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
            assert_eq!(found, [("stdlib", expected), ("toolchain", expected)], "{text}");
        }
        assert!(extract(&GoMod, &[("go.mod", b"module a")]).expect("a go.mod").is_empty());
    }

    #[test]
    fn what_is_no_go_mod_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("// nothing", None),
            ("{}", Some(1)),
            ("null", None),
            ("module a\nrequire b", Some(2)),
            ("module a\nrequire (\n b v1 v2\n)", Some(3)),
            ("module a\nreplace a => b", Some(2)),
            ("module a\nreplace a b", Some(2)),
            ("module a\nrequire (\n b v1\n", None),
            ("module a\n<<<<<<< HEAD\n", Some(2)),
            ("module \"a\nb", Some(1)),
            ("go 1.2 3", Some(1)),
        ] {
            let error = extract(&GoMod, &[("go.mod", text.as_bytes())]).expect_err("no go.mod");
            assert_eq!(error.line, line, "{error} of {text}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("go mod tidy")), "{error}");
        }
    }
}
