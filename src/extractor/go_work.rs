//! Go's go.work (<https://go.dev/ref/mod#go-work-file>): what a workspace changes about the modules in it.

use std::collections::HashSet;

use super::contract::go_build::{own_toolchain, replaced};
use super::contract::go_module::{GoModule, Requirement, unescaped};
use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `go work sync`, or correct the line";

/// More modules of a workspace are not looked into: then everything that it replaces is taken as used.
const MODULE_LIMIT: usize = 200;

/// Reads go.work: its own `replace` directives, which go before those of every module, and its toolchain.
///
/// The modules that it uses have a go.mod of their own, which is read by itself. A replacement that none of them asks for
/// changes nothing.
pub(super) struct GoWork;

impl Extractor for GoWork {
    fn id(&self) -> &'static str {
        "go-work"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "go.work"
    }

    /// What stands in the folders that it uses decides which replacements count.
    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let text = unescaped(text)?;
    let workspace = GoModule::read(&text)?;
    check_package_count(workspace.replacements.len())?;
    let mut dependencies = own_toolchain(&workspace);
    let asked = asked_for(file, &workspace);
    for replacement in &workspace.replacements {
        if asked.as_ref().is_some_and(|asked| !asked.contains(replacement.old_path)) {
            continue;
        }
        let requirement = Requirement {
            path: replacement.old_path,
            version: replacement.old_version.unwrap_or_default(),
            indirect: false,
            line: replacement.line,
        };
        let mut dependency = replaced(&requirement, replacement);
        dependency.direct = true;
        dependencies.push(dependency);
    }
    dependencies.sort_by_key(|dependency| dependency.line);
    Ok(dependencies)
}

/// The paths of all modules that those of the workspace require; `None` where one of them does not list all that it needs,
/// or cannot be read.
fn asked_for(file: &SourceFile<'_>, workspace: &GoModule<'_>) -> Option<HashSet<String>> {
    if workspace.uses.len() > MODULE_LIMIT || workspace.replacements.is_empty() {
        return None;
    }
    let mut asked = HashSet::new();
    for folder in &workspace.uses {
        let folder = folder.replace('\\', "/");
        let parts = folder.split('/').filter(|part| !matches!(*part, "" | "."));
        let name: Vec<&str> = parts.chain(["go.mod"]).collect();
        // One outside of the project cannot be read.
        let path = file.path.sibling(&name.join("/")).ok()?;
        let content = file.tree.read(&path).ok()?;
        let text = unescaped(std::str::from_utf8(&content).ok()?).ok()?;
        let module = GoModule::read(&text).ok().filter(GoModule::is_complete)?;
        asked.extend(module.requirements.iter().map(|requirement| requirement.path.to_owned()));
    }
    Some(asked)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const WORK: &str = r#"go 1.22.1

use ./app
use (
	./lib
)
replace (
	ex.test/asked => ex.test/fork v1.0.1
	ex.test/old v1.2.0 => ex.test/old v1.1.0
	ex.test/local => ../local
	"ex.test/\x6eever" => ex.test/never v9.0.0
)
"#;
    const APP: &[u8] = b"module app\n\ngo 1.22\n\nrequire (\n\tex.test/asked v1.0.0\n\tex.test/local v0.1.0\n)\n";
    const LIB: &[u8] = b"module lib\n\ngo 1.22\n\nrequire ex.test/old v1.2.0\n";

    #[test]
    fn what_a_workspace_replaces_is_what_is_built() {
        let files = [("go.work", WORK.as_bytes()), ("app/go.mod", APP), ("lib/go.mod", LIB)];
        insta::assert_snapshot!(show(&extract(&GoWork, &files).expect("a go.work")), @r#"
        0 stdlib@1.22.1 Runtime direct Registry { url: None } [] line 1
        1 toolchain@1.22.1 Development direct Registry { url: None } [] line 1
        2 ex.test/fork@v1.0.1 Runtime direct Registry { url: None } [] line 8
        3 ex.test/old@v1.1.0 Runtime direct Registry { url: None } [] line 9
        4 ex.test/local@ Runtime direct Path [] line 10
        "#);
    }

    #[test]
    fn where_not_all_is_known_every_replacement_counts() {
        let old: &[u8] = b"module lib\n\ngo 1.16\n";
        for files in [
            vec![("go.work", WORK.as_bytes())],
            vec![("go.work", WORK.as_bytes()), ("app/go.mod", APP), ("lib/go.mod", old)],
        ] {
            let found = extract(&GoWork, &files).expect("a go.work");
            assert!(found.iter().any(|one| one.name == "ex.test/never"), "{found:?}");
        }
        for text in ["use `a`", "null"] {
            assert!(extract(&GoWork, &[("go.work", text.as_bytes())]).is_err(), "{text}");
        }
    }
}
