//! GitHub's workflows and actions: every `uses:`
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::contract::text::{explain, read_text};
use super::contract::{Extractor, ParseError, SourceFile};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath, RepoSlug};
use crate::version;

const WAY_OUT: &str = "compare it with GitHub's workflow syntax";

/// Reads workflows and actions.
pub(super) struct Workflow;

impl Extractor for Workflow {
    fn id(&self) -> &'static str {
        "workflow"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let yaml = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
        yaml.is_some_and(|stem| stem == "action" || path.folder() == ".github/workflows")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        let document: Document =
            serde_saphyr::from_str(text).map_err(|error| explain(text, parse_error(&error), WAY_OUT))?;
        let lines: Vec<&str> = text.lines().collect();
        let mut uses = document.uses();
        // Jobs come by name and an anchor is used in several places; the file's own order has each once.
        uses.sort_by_key(|uses| place(uses));
        uses.dedup_by_key(|uses| place(uses));
        Ok(uses.into_iter().filter_map(|uses| dependency(uses, &lines)).collect())
    }
}

/// The first line of what the reader of YAML says, without the place, which is told apart.
fn parse_error(error: &serde_saphyr::Error) -> ParseError {
    let line = error.location().and_then(|location| u32::try_from(location.line()).ok());
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => message,
    };
    ParseError { line, ..ParseError::new(format!("read it as YAML: {message}")) }
}

/// The parts of a workflow or an action that use something.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    jobs: Option<BTreeMap<String, Option<Job>>>,
    #[serde(default)]
    runs: Option<Job>,
}

/// A job of a workflow, or the `runs` of an action.
#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    uses: Option<Spanned<String>>,
    #[serde(default)]
    steps: Option<Vec<Option<Step>>>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    uses: Option<Spanned<String>>,
}

impl Document {
    fn uses(&self) -> Vec<&Spanned<String>> {
        let jobs = self.jobs.iter().flat_map(BTreeMap::values).flatten().chain(&self.runs);
        jobs.flat_map(|job| {
            let steps = job.steps.iter().flatten().flatten().filter_map(|step| step.uses.as_ref());
            job.uses.iter().chain(steps)
        })
        .collect()
    }
}

/// Where a value is written: where its anchor is, for an alias.
fn place(uses: &Spanned<String>) -> (u64, u64) {
    (uses.defined.line(), uses.defined.column())
}

/// What a `uses:` pins; `None` for what is in the same repository, a container image, decided at run time, or refused by
/// GitHub.
fn dependency(uses: &Spanned<String>, lines: &[&str]) -> Option<Dependency> {
    let text = uses.value.trim();
    if text.starts_with("./") || text.starts_with("docker://") || text.contains("${{") {
        return None;
    }
    let (name, reference) = text.split_once('@').filter(|(_, reference)| !reference.is_empty())?;
    let mut parts = name.splitn(3, '/');
    let repository = RepoSlug::new(parts.next()?, parts.next()?).ok()?;
    let line = u32::try_from(uses.defined.line()).unwrap_or(u32::MAX);
    let (pin, commit) = match CommitId::new(reference) {
        Ok(commit) => (GitPin::Commit, Some(commit)),
        Err(_) if version::parse(Ecosystem::GitHubActions, reference).is_ok() => {
            (GitPin::Tag(reference.to_owned()), None)
        }
        Err(_) => (GitPin::Branch(reference.to_owned()), None),
    };
    let noted = commit.as_ref().and_then(|_| {
        let written = lines.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        noted_version(written.get(written.find(reference)? + reference.len()..)?)
    });
    Some(Dependency {
        ecosystem: Ecosystem::GitHubActions,
        name: name.to_owned(),
        version: noted.unwrap_or(reference).to_owned(),
        origin: Origin::Git { url: format!("https://github.com/{repository}"), pin, commit },
        scope: Scope::Ci,
        direct: true,
        parents: Vec::new(),
        requirements: Vec::new(),
        line,
    })
}

/// The version that a comment behind a commit names: `# v1.2.3`, `# tag=v1.2.3`, `# pin@v1`, `# ratchet:owner/name@v1`.
fn noted_version(rest: &str) -> Option<&str> {
    let comment = rest.split_once('#')?.1;
    let word = comment.split_whitespace().next()?;
    let word = word.rsplit(['=', '@']).next()?.trim_end_matches([',', ';', '.']);
    version::parse(Ecosystem::GitHubActions, word).is_ok().then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn every_use_of_a_workflow_is_read_in_its_place() {
        let content = include_bytes!("../../tests/fixtures/extractor/workflow/projects/acme/.github/workflows/ci.yml");
        let found = extract(&Workflow, &[(".github/workflows/ci.yml", content)]).expect("a workflow");
        insta::assert_snapshot!(show(&found), @r#"
        0 actions/checkout@v4.1.1 Ci direct Git { url: "https://github.com/actions/checkout", pin: Commit, commit: Some(CommitId("b4ffde65f46336ab88eb53be808477a3936bae11")) } [] line 11
        1 actions/setup-node@v4 Ci direct Git { url: "https://github.com/actions/setup-node", pin: Tag("v4"), commit: None } [] line 13
        2 actions/cache@v4.2.1 Ci direct Git { url: "https://github.com/actions/cache", pin: Commit, commit: Some(CommitId("0c907a75c2c80ebcb7f088228285e798b750cf8f")) } [] line 16
        3 octo-org/tools/deep/folder@main Ci direct Git { url: "https://github.com/octo-org/tools", pin: Branch("main"), commit: None } [] line 24
        4 github/codeql-action/init@releases/v1 Ci direct Git { url: "https://github.com/github/codeql-action", pin: Branch("releases/v1"), commit: None } [] line 25
        5 actions/upload-artifact@65462800fd760344b1a7b4382951275a0abb4808 Ci direct Git { url: "https://github.com/actions/upload-artifact", pin: Commit, commit: Some(CommitId("65462800fd760344b1a7b4382951275a0abb4808")) } [] line 27
        6 dtolnay/rust-toolchain@stable Ci direct Git { url: "https://github.com/dtolnay/rust-toolchain", pin: Branch("stable"), commit: None } [] line 29
        7 octo-org/workflows/.github/workflows/build.yml@v1.2.3-beta.1 Ci direct Git { url: "https://github.com/octo-org/workflows", pin: Tag("v1.2.3-beta.1"), commit: None } [] line 31
        "#);
    }

    #[test]
    fn composite_actions_use_actions() {
        let content = include_bytes!("../../tests/fixtures/extractor/workflow/projects/acme/action.yml");
        let found = extract(&Workflow, &[("tools/action.yml", content)]).expect("an action");
        insta::assert_snapshot!(show(&found), @r#"0 taiki-e/install-action@v2.44 Ci direct Git { url: "https://github.com/taiki-e/install-action", pin: Tag("v2.44"), commit: None } [] line 8"#);
    }

    #[test]
    fn comments_name_versions_in_several_ways() {
        for (rest, expected) in [
            (" # v1.2.3", Some("v1.2.3")),
            ("  #v4", Some("v4")),
            (" # tag=v1.2", Some("v1.2")),
            (" # pin@v3", Some("v3")),
            (" # ratchet:actions/checkout@v4", Some("v4")),
            ("\" # 2.0.0, reviewed", Some("2.0.0")),
            (" # main", None),
            (" #", None),
            ("", None),
            (" # pinned for safety", None),
        ] {
            assert_eq!(noted_version(rest), expected, "{rest:?}");
        }
    }

    #[test]
    fn only_workflows_and_actions_are_claimed() {
        for (path, claimed) in [
            (".github/workflows/ci.yml", true),
            (".github/workflows/ci.yaml", true),
            ("action.yml", true),
            ("a/b/action.yaml", true),
            (".github/workflows/sub/ci.yml", false),
            ("sub/.github/workflows/ci.yml", false),
            ("ci.yml", false),
            (".github/workflows/ci.md", false),
        ] {
            assert_eq!(Workflow.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }

    #[test]
    fn what_is_no_workflow_is_refused_with_its_line() {
        // Each line repeats the one above it nine times.
        let levels = ('a'..='i').zip('b'..='j').map(|(previous, name)| {
            let aliases = vec![format!("*{previous}"); 9].join(", ");
            format!("{name}: &{name} [{aliases}]")
        });
        let bomb = format!("a: &a [x]\n{}\njobs: *j\n", levels.collect::<Vec<_>>().join("\n"));
        let deep = format!("jobs: {}", "[".repeat(100_000));
        for text in [
            "",
            "jobs:\n  a:\n   - [",
            "jobs: {a: {}, a: {}}",
            "jobs:\n<<<<<<< HEAD\n",
            "- 1",
            "jobs: 7",
            bomb.as_str(),
            deep.as_str(),
            "jobs:\n\ta: 1",
        ] {
            let error = extract(&Workflow, &[(".github/workflows/x.yml", text.as_bytes())]).expect_err("no workflow");
            assert!(text.is_empty() || error.line.is_some(), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
        for empty in ["name: x\n", "jobs:\n", "runs:\n  using: node20\n", "jobs:\n  a:\n    steps:\n"] {
            assert!(extract(&Workflow, &[("action.yml", empty.as_bytes())]).expect(empty).is_empty());
        }
    }
}
