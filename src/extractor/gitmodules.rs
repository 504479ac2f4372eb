//! Submodules: `.gitmodules` with the commits of the tree (<https://git-scm.com/docs/gitmodules>).

use super::contract::text::{explain, read_text};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::git::submodules::{self, Submodule};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `git submodule status`, which names what is wrong";

/// Stands for the commit of a submodule where only its description is at hand.
const UNKNOWN: &str = "unknown";

/// Reads descriptions of submodules.
pub(super) struct Gitmodules;

impl Extractor for Gitmodules {
    fn id(&self) -> &'static str {
        "gitmodules"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        // Git reads the one at the top, and no other.
        path.as_str() == ".gitmodules"
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // It stays behind, empty, when the last submodule is removed.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        let modules = submodules::parse(text.as_bytes())
            .map_err(|error| explain(text, ParseError::new(error.to_string()).at_line(error.line), WAY_OUT))?;
        check_package_count(modules.len()).map_err(|error| error.with_hint(WAY_OUT))?;
        Ok(modules.into_iter().filter_map(|module| dependency(file, module)).collect())
    }
}

/// The dependency on a submodule; `None` for one without path or address, which git passes over, and for one that the commit
/// does not have.
fn dependency(file: &SourceFile<'_>, module: Submodule) -> Option<Dependency> {
    let url = module.url.filter(|url| !url.is_empty())?;
    let path = RepoPath::new(module.path?.trim_end_matches('/')).ok()?;
    let commit = file.tree.submodule_commit(&path);
    if commit.is_none() && file.tree.commit().is_some() {
        return None;
    }
    let pin = match module.branch.as_deref() {
        None | Some("") => GitPin::Commit,
        // The branch of the project that stands around it, which for an audit is its default branch.
        Some(".") => GitPin::DefaultBranch,
        Some(branch) => GitPin::Branch(branch.to_owned()),
    };
    let version = commit.as_ref().map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
    Some(Dependency {
        origin: Origin::Git { url: url.clone(), pin, commit },
        direct: true,
        ..Dependency::new(Ecosystem::Git, url, version, module.line)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;
    use crate::model::repository::CommitId;
    use crate::model::tree::{ProjectTree, TreeEntry, TreeError};

    const MODULES: &[u8] = b"[submodule \"a\"]\n\tpath = libs/a\n\turl = https://example.org/a.git\n[submodule \"b\"]\n\tpath = b/\n\turl = ../b.git\n\tbranch = main\n[submodule \"c\"]\n\tpath = c\n\turl = git@example.org:c.git\n\tbranch = .\n[submodule \"d\"]\n\tpath = ../d\n\turl = x\n[submodule \"e\"]\n\tpath = e\n";

    /// A commit that has the submodules `libs/a` and `b`.
    struct Commit(CommitId);

    impl ProjectTree for Commit {
        fn entries(&self) -> &[TreeEntry] {
            &[]
        }

        fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
            Err(TreeError::Missing { path: path.clone() })
        }

        fn commit(&self) -> Option<&CommitId> {
            Some(&self.0)
        }

        fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
            matches!(path.as_str(), "libs/a" | "b").then(|| self.0.clone())
        }
    }

    #[test]
    fn submodules_stand_at_the_commit_of_the_tree() {
        let path = RepoPath::new(".gitmodules").expect("a plain path");
        let tree = Commit(CommitId::new(&"1".repeat(40)).expect("an id"));
        let found = Gitmodules.extract(&SourceFile { path: &path, content: MODULES, tree: &tree }).expect("modules");
        insta::assert_snapshot!(show(&found), @r#"
        0 https://example.org/a.git@1111111111111111111111111111111111111111 Runtime direct Git { url: "https://example.org/a.git", pin: Commit, commit: Some(CommitId("1111111111111111111111111111111111111111")) } [] line 3
        1 ../b.git@1111111111111111111111111111111111111111 Runtime direct Git { url: "../b.git", pin: Branch("main"), commit: Some(CommitId("1111111111111111111111111111111111111111")) } [] line 6
        "#);
    }

    #[test]
    fn without_a_commit_everything_described_is_named() {
        let found = extract(&Gitmodules, &[(".gitmodules", MODULES)]).expect("modules");
        let texts: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.version.as_str(), it.line)).collect();
        assert_eq!(
            texts,
            [
                ("https://example.org/a.git", "unknown", 3),
                ("../b.git", "unknown", 6),
                ("git@example.org:c.git", "unknown", 10)
            ]
        );
        assert!(matches!(&found[2].origin, Origin::Git { pin: GitPin::DefaultBranch, .. }));
        assert!(!Gitmodules.claims(&RepoPath::new("a/.gitmodules").expect("a plain path")));
        assert!(extract(&Gitmodules, &[(".gitmodules", b"")]).expect("empty").is_empty());
    }

    #[test]
    fn what_git_refuses_is_refused_with_its_line() {
        for (text, line) in [("[submodule \"a\"]\n\t= x\n", 2), ("[a]\n<<<<<<< HEAD\n", 2)] {
            let error = extract(&Gitmodules, &[(".gitmodules", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, Some(line), "{error}");
            assert!(error.hint.is_some());
        }
    }
}
