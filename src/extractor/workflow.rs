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
        let text = read_text(file.content)?;
        let document: Document = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().and_then(|location| u32::try_from(location.line()).ok());
            let message = format!("read it as YAML: {}", error.to_string().lines().next().unwrap_or_default());
            explain(text, ParseError { line, ..ParseError::new(message) }, WAY_OUT)
        })?;
        let lines: Vec<&str> = text.lines().collect();
        let mut uses = document.uses();
        // Jobs come by name and an anchor is used in several places; the file's own order has each once.
        uses.sort_by_key(|uses| place(uses));
        uses.dedup_by_key(|uses| place(uses));
        Ok(uses.into_iter().filter_map(|uses| dependency(uses, &lines)).collect())
    }
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
