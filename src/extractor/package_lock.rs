//! npm's package-lock.json and npm-shrinkwrap.json, versions 1 to 3
//! (<https://docs.npmjs.com/cli/configuring-npm/package-lock-json>).

mod beside;
mod bundle;
mod installed;
mod legacy;
mod location;
#[cfg(test)]
mod lookalike_tests;
mod packages;

use super::contract::json::Node;
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

const WAY_OUT: &str = "run `npm install --package-lock-only` to write it anew";

/// Reads package-lock.json and npm-shrinkwrap.json.
///
/// A registry is never named in the result: the file gives addresses of archives only, and those of npm's own registry
/// cannot be told from those of a mirror.
pub(super) struct PackageLock;

impl Extractor for PackageLock {
    fn id(&self) -> &'static str {
        "package-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "package-lock.json" | "npm-shrinkwrap.json")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    /// npm reads both and goes by npm-shrinkwrap.json unless that is empty (`loadFiles` of `@npmcli/arborist`).
    fn is_passed_over(&self, path: &RepoPath, tree: &dyn ProjectTree) -> bool {
        let other = path.sibling("npm-shrinkwrap.json").ok().filter(|other| other != path);
        let is_file = |other: &RepoPath| matches!(tree.kind(other), Some(EntryKind::File { .. }));
        other.filter(is_file).is_some_and(|other| tree.read(&other).is_ok_and(|content| !content.is_empty()))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    if !root.is_object() {
        return Err(ParseError::new("find an object at its top").at_line(1));
    }
    let lines = Lines::of(text);
    let object = |key: &str| match root.get(key) {
        Some(node) if node.is_object() => Ok(Some(node)),
        // npm takes `null` and `false` as if the key were absent, anything else breaks it.
        Some(node) if node.is_absent() => Ok(None),
        Some(node) => Err(ParseError::new(format!("find an object under `{key}`")).at_line(lines.at(node.offset))),
        None => Ok(None),
    };
    // Version 2 holds the tree twice; the old form is there for npm 6 only, which installs what stands there.
    let installed = match (object("packages")?, object("dependencies")?) {
        (Some(packages), legacy) => packages::read(packages, legacy, &lines)?,
        (None, legacy) => {
            check_first_version(&root, legacy, &lines)?;
            let Some(dependencies) = legacy else { return Ok(Vec::new()) };
            legacy::read(file, dependencies, &lines)?
        }
    };
    Ok(installed.into_dependencies())
}

/// Refuses a file that has no `packages` and locks nothing, unless it is what version 1 has for a project without
/// dependencies: npm writes `packages` since version 2, and the fields of the project in every one
/// (<https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json#file-format>).
fn check_first_version(root: &Node<'_>, dependencies: Option<&Node<'_>>, lines: &Lines) -> Result<(), ParseError> {
    if dependencies.is_some_and(|dependencies| !dependencies.members().is_empty()) {
        return Ok(());
    }
    let version = root.get("lockfileVersion");
    let of_project = || ["name", "version", "requires"].iter().any(|key| root.get(key).is_some());
    let lack = match version.map(Node::scalar) {
        Some(Some("2" | "3")) => "find `packages`, which the format has since version 2",
        _ if dependencies.is_some() => return Ok(()),
        Some(Some("1")) if of_project() => return Ok(()),
        Some(Some("1")) => "find `dependencies`, or the name of the project that has none",
        Some(_) => "find `packages` or `dependencies` in it",
        // Each npm since the fifth writes the version of the format.
        None => "find `lockfileVersion`, `packages` or `dependencies` in it",
    };
    Err(ParseError::new(lack).at_line(lines.at(version.unwrap_or(root).offset)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn read_alone(content: &[u8]) -> String {
        show(&extract(&PackageLock, &[("web/package-lock.json", content)]).expect("a lockfile"))
    }

    #[test]
    fn nested_packages_and_every_kind_of_origin_are_read() {
        insta::assert_snapshot!(read_alone(include_bytes!("../../tests/fixtures/extractor/package-lock/projects/nested-v3/package-lock.json")), @r#"
        0 @acme/ui@2.0.1 Runtime direct Registry { url: None } [] line 27
        1 ms@1.0.0 Runtime Registry { url: None } [0 ^1.0.0] line 40
        2 branch@1.0.0 Runtime direct Git { url: "ssh://git@github.com/acme/branch.git", pin: Branch("develop"), commit: Some(CommitId("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) } [0 >=1] line 44
        3 default@1.0.0 Runtime direct Git { url: "ssh://git@git.example/acme/default.git", pin: DefaultBranch, commit: Some(CommitId("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")) } [] line 48
        4 local@0.3.0 Runtime direct Path [] line 52
        5 ms@2.1.3 Development direct Registry { url: None } [] line 56
        6 pinned@1.0.0 Runtime direct Git { url: "ssh://git@github.com/acme/pinned.git", pin: Commit, commit: Some(CommitId("d5ac0584ee9ae7bd9288220a39780f155b9ad4c8")) } [] line 61
        7 ranged@1.4.0 Runtime direct Git { url: "ssh://git@github.com/acme/ranged.git", pin: Tag("semver:^1.0.0"), commit: Some(CommitId("cccccccccccccccccccccccccccccccccccccccc")) } [] line 65
        8 tagged@1.2.3 Runtime direct Git { url: "https://git.example/acme/tagged.git", pin: Tag("v1.2.3"), commit: Some(CommitId("dddddddddddddddddddddddddddddddddddddddd")) } [] line 69
        9 tarball@1.0.0 Runtime direct Archive { url: "https://downloads.example/tarball-1.0.0.tgz" } [] line 73
        "#);
    }

    #[test]
    fn workspaces_belong_to_the_project() {
        insta::assert_snapshot!(read_alone(include_bytes!("../../tests/fixtures/extractor/package-lock/projects/workspaces-v2/package-lock.json")), @"
        0 ansi-styles@0.2.0 Runtime Registry { url: None } [1 ~0.2.0] line 19
        1 chalk@0.3.0 Runtime direct Registry { url: None } [6 0.3.0] line 27
        2 etag@1.8.0 Development direct Registry { url: None } [5 ^1.0.0, 6 ^1.1.0] line 39
        3 has-color@0.1.7 Runtime Registry { url: None } [1 ~0.1.0] line 47
        4 lodash@1.2.0 Runtime direct Registry { url: None } [] line 55
        5 other_package@0.0.1 Runtime direct Path [] line 64
        6 package1@0.0.1 Runtime direct Path [] line 68
        7 lodash@1.3.1 Runtime direct Registry { url: None } [5 ^1.2.1] line 82
        8 lodash@1.3.1 Runtime direct Registry { url: None } [6 ^1.2.1] line 102
        ");
    }

    #[test]
    fn an_alias_has_the_name_of_its_package() {
        insta::assert_snapshot!(read_alone(include_bytes!("../../tests/fixtures/extractor/package-lock/projects/alias-v3/package-lock.json")), @"
        0 etag@1.8.1 Runtime direct Registry { url: None } [] line 15
        1 is-number@7.0.0 Runtime direct Registry { url: None } [] line 23
        ");
    }

    #[test]
    fn the_first_version_takes_the_direct_ones_from_the_manifest() {
        let lock = include_bytes!("../../tests/fixtures/extractor/package-lock/projects/git-v1/package-lock.json");
        let manifest = br#"{"dependencies": {"chalk": "~0.4", "has-color": "*"}, "devDependencies": {"is-number": "jonschlinkert/is-number#some-branch"}}"#;
        let files: [(&str, &[u8]); 2] = [("package-lock.json", lock), ("package.json", manifest)];
        insta::assert_snapshot!(show(&extract(&PackageLock, &files).expect("a lockfile")), @r#"
        0 ansi-styles@1.0.0 Runtime Registry { url: None } [1 1.0.0] line 7
        1 chalk@0.4.0 Runtime direct Registry { url: None } [] line 12
        2 has-color@0.1.7 Runtime direct Registry { url: None } [1 0.1.7] line 22
        3 is-buffer@1.1.5 Development Registry { url: None } [5 1.1.5] line 27
        4 is-number@some-branch Development direct Git { url: "https://github.com/jonschlinkert/is-number.git", pin: Branch("some-branch"), commit: None } [] line 33
        5 kind-of@3.2.2 Development Registry { url: None } [4 3.2.2] line 40
        6 lodash@1.3.1 Runtime Registry { url: None } [] line 49
        7 stopwords@0.0.1 Runtime Registry { url: None } [] line 54
        8 strip-ansi@0.1.1 Runtime Registry { url: None } [1 0.1.1] line 59
        "#);
        // Without it, what nothing requires is taken as direct.
        let alone = extract(&PackageLock, &files[..1]).expect("a lockfile");
        let direct: Vec<&str> = alone.iter().filter(|one| one.direct).map(|one| one.name.as_str()).collect();
        assert_eq!(direct, ["chalk", "is-number", "lodash", "stopwords"]);
    }

    #[test]
    fn what_was_given_up_says_so() {
        let lock = br#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "1"}},
            "node_modules/a": {"version": "1.0.0", "deprecated": "take b"}, "node_modules/b": {"version": "1.0.0"}}}"#;
        let found = extract(&PackageLock, &[("package-lock.json", lock)]).expect("a lockfile");
        let words: Vec<_> = found.iter().map(|one| one.abandoned.as_deref()).collect();
        assert_eq!(words, [Some("take b"), None]);
    }

    #[test]
    fn the_first_version_nests_and_aliases() {
        let lock = br#"{"lockfileVersion": 1, "dependencies": {
            "a": {"version": "1.0.0", "requires": {"b": "^1.0.0", "c": "npm:real@^2.0.0"}, "dependencies": {
                "b": {"version": "1.5.0", "dev": true, "requires": {"c": "*"}}}},
            "b": {"version": "2.0.0"},
            "c": {"version": "npm:@scope/real@2.0.1"},
            "d": {"version": "github:acme/d#0123456789012345678901234567890123456789", "from": "github:acme/d#main"},
            "e": {"version": "file:../e"},
            "f": {"version": "https://downloads.example/f.tgz"}}}"#;
        insta::assert_snapshot!(read_alone(lock), @r#"
        0 a@1.0.0 Runtime direct Registry { url: None } [] line 2
        1 b@1.5.0 Development Registry { url: None } [0 ^1.0.0] line 3
        2 b@2.0.0 Runtime direct Registry { url: None } [] line 4
        3 @scope/real@2.0.1 Runtime Registry { url: None } [0 npm:real@^2.0.0, 1 *] line 5
        4 d@0123456789012345678901234567890123456789 Runtime direct Git { url: "https://github.com/acme/d", pin: Branch("main"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 6
        5 e@ Runtime direct Path [] line 7
        6 f@ Runtime direct Archive { url: "https://downloads.example/f.tgz" } [] line 8
        "#);
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        let deep = format!("{{\"dependencies\": {}", "{\"a\": {\"dependencies\": ".repeat(50_000));
        let nested = format!("{{\"packages\": {{\"{}\": {{}}}}}}", "node_modules/a/".repeat(150));
        for (text, line) in [
            ("", None),
            ("[]", Some(1)),
            ("{}", Some(1)),
            ("{\"name\": \"a\"}", Some(1)),
            ("{\n\"packages\": 7}", Some(2)),
            ("{\"packages\": {\n\"node_modules/a\": 1}}", Some(2)),
            ("{\"dependencies\": {\n\"a\": \"1.0.0\"}}", Some(2)),
            ("{\"packages\": {\n\"node_modules/a\": {},\n\"node_modules/a\": {}}}", Some(3)),
            ("{\n<<<<<<< HEAD\n\"packages\": {}", Some(2)),
            ("{\"packages\": {", Some(1)),
            (deep.as_str(), Some(1)),
            (nested.as_str(), Some(1)),
        ] {
            let error = extract(&PackageLock, &[("package-lock.json", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("npm install")), "{error}");
        }
        for empty in [
            "{\"lockfileVersion\": 1, \"requires\": true}",
            "{\"lockfileVersion\": 1, \"dependencies\": {}}",
            "{\"dependencies\": {}}",
            "{\"lockfileVersion\": 3, \"packages\": {\"\": {}}}",
            // Of a folder without a package.json.
            "{\"lockfileVersion\": 3, \"requires\": true, \"packages\": {}}",
        ] {
            assert!(extract(&PackageLock, &[("npm-shrinkwrap.json", empty.as_bytes())]).expect(empty).is_empty());
        }
    }

    #[test]
    fn installed_packages_are_not_the_projects() {
        for (path, claimed) in
            [("a/package-lock.json", true), ("node_modules/a/package-lock.json", true), ("x.json", false)]
        {
            assert_eq!(PackageLock.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }
}
