//! Yarn's yarn.lock: classic (<https://classic.yarnpkg.com/lang/en/docs/yarn-lock/>) and every version of berry
//! (<https://yarnpkg.com/configuration/manifest>).

mod berry;
mod classic;
mod configuration;
mod entry;

use super::contract::npm::manifest::manifests;
use super::contract::text::read_whole;
use super::contract::{Configured, Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `yarn install` to write it anew";

/// Reads yarn.lock.
///
/// Who is direct and what is for development stands in the manifests: the one beside the file and those of its
/// workspaces. A registry is never named, as for package-lock.json.
pub(super) struct YarnLock;

impl Extractor for YarnLock {
    fn id(&self) -> &'static str {
        "yarn-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "yarn.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // Yarn takes an empty file for a project without dependencies; berry even asks for one to mark its root.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        path.file_name() == ".yarnrc.yml"
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration)
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let manifests = manifests(file);
    let entries = if berry::is_berry(text) {
        berry::read(text)?
    } else {
        // Yarn classic, too, takes what it cannot read as its own format for YAML.
        let as_yaml = || berry::read(text).ok().filter(|entries| !entries.is_empty());
        classic::read(text).or_else(|error| as_yaml().ok_or(error))?
    };
    // Yarn classic writes its header (`stringify.js`), berry its `__metadata` (`Project.ts`), into a file without entries, too.
    if entries.is_empty() && !berry::is_berry(text) && !text.contains(classic::HEADER) {
        return Err(ParseError::new("find an entry, or what Yarn writes at the top of a lockfile").at_line(1));
    }
    Ok(entry::link(&entries, &manifests).finish())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn read_alone(text: &str) -> String {
        show(&extract(&YarnLock, &[("yarn.lock", text.as_bytes())]).expect("a lockfile"))
    }

    #[test]
    fn a_version_of_the_classic_format_that_is_none_contradicts_itself() {
        for (version, resolved, other) in [
            ("npm:bad@1.0.0", "", Some("bad@1.0.0")),
            ("npm:@s/bad@1.0.0", "", Some("@s/bad@1.0.0")),
            ("<2.0.0", "https://registry.example/good/-/good-1.0.0.tgz", None),
            ("", "", None),
        ] {
            let resolved = if resolved.is_empty() { String::new() } else { format!("  resolved \"{resolved}\"\n") };
            let text = format!("# yarn lockfile v1\n\ngood@^3.0.0:\n  version \"{version}\"\n{resolved}");
            let found = extract(&YarnLock, &[("yarn.lock", text.as_bytes())]).expect("a lockfile");
            let [crate::model::doubt::Doubt::Contradiction { other: found, .. }, ..] = found[0].doubts.as_slice()
            else {
                panic!("{version}: {:?}", found[0].doubts)
            };
            assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), other, "{version}");
        }
    }

    #[test]
    fn an_entry_of_two_packages_contradicts_itself() {
        let doubts = |key: &str| {
            let lock = format!("# yarn lockfile v1\n\n\n{key}:\n  version \"2.0.0\"\n");
            let found = extract(&YarnLock, &[("yarn.lock", lock.as_bytes())]).expect("a lockfile");
            found[0]
                .doubts
                .iter()
                .filter(|doubt| matches!(doubt, crate::model::doubt::Doubt::Contradiction { .. }))
                .count()
        };
        let keys = ["good@^2.0.0, evil@^1.0.0", "good@^2.0.0, good@2", "\"other@npm:good@^2.0.0\", good@^2.0.0"];
        assert_eq!(keys.map(doubts), [1, 0, 0]);
    }

    #[test]
    fn a_builtin_patch_is_what_others_get() {
        insta::assert_snapshot!(read_alone("__metadata:\n  version: 8\n\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  dependencies:\n    resolve: \"npm:^1\"\n\n\"resolve@npm:^1\":\n  version: 1.1.0\n  resolution: \"resolve@npm:1.1.0\"\n\n\"resolve@patch:resolve@npm%3A^1#optional!builtin<compat/resolve>\":\n  version: 1.1.0\n  resolution: \"resolve@patch:resolve@npm%3A1.1.0#optional!builtin<compat/resolve>::version=1.1.0&hash=0\"\n"), @"
        0 a@1.0.0 Runtime direct Registry { url: None } [] line 4
        1 resolve@1.1.0 Runtime Registry { url: None } [2 ^1] line 10
        2 resolve@1.1.0 Runtime Registry { url: None } [0 ^1] line 14
        ");
    }

    #[test]
    fn an_override_is_found_by_the_only_name() {
        insta::assert_snapshot!(read_alone("# yarn lockfile v1\n\na@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \"^3\"\n\n\"b@2.0.0\":\n  version \"2.0.0\"\n"), @"
        0 a@1.0.0 Runtime direct Registry { url: None } [] line 3
        1 b@2.0.0 Runtime Registry { url: None } [0 ^3] line 8
        ");
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("a@^1\n  version \"1\"\n", Some(1)),
            ("  version \"1\"\n", Some(1)),
            ("a@1:\n   version \"1\"\n", Some(2)),
            ("a@1:\n    b \"1\"\n", Some(2)),
            ("# yarn lockfile v2\n", Some(1)),
            ("__metadata:\n  version: 99\n", Some(2)),
            ("__metadata:\n  version: 8\na: 1\n", Some(3)),
            ("a@1:\n<<<<<<< HEAD\n", Some(2)),
            ("a@1:\n  version \"\\ud800\"\n", Some(2)),
        ] {
            let error = extract(&YarnLock, &[("yarn.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("yarn install")), "{error}");
        }
        for empty in ["", " \n", "# yarn lockfile v1\n", "__metadata:\n  version: 8\n"] {
            assert!(extract(&YarnLock, &[("yarn.lock", empty.as_bytes())]).expect(empty).is_empty());
        }
    }
}
