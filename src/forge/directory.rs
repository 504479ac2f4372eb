//! Local repositories: every git repository below a folder; branches are made in them, and what would be a pull request is
//! a Markdown file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::contract::{Discovery, Forge, ForgeError, ForgeSettings, topic_marker};
use crate::git::commit::{self, CommitError};
use crate::git::local::{open_local, repositories_below};
use crate::model::proposal::{ChangeSet, ExistingProposal, Label, Proposal, ProposalState, PublishedCommit};
use crate::model::repository::{CommitId, Project, RepoSlug};
use crate::net::secret::Token;

/// The owner of every local project.
const OWNER: &str = "local";

/// The first line of a proposal's file begins and ends with this; between stands what the body does not say.
const HEAD_START: &str = "<!-- patchparty:proposal ";
const HEAD_END: &str = " -->";

/// There is one proposal per file, so that every one is the first.
const NUMBER: u64 = 1;

/// A folder with repositories.
struct Directory {
    root: PathBuf,
    out: PathBuf,
    now: jiff::Timestamp,
}

/// What a proposal's file says about itself. A person may set `state` to `closed` or `merged`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    title: String,
    branch: String,
    base: String,
    labels: Vec<String>,
    state: ProposalState,
    /// Whether the bot closed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    closed_by_bot: bool,
}

/// Builds the forge when a folder is named.
pub(super) fn connect(settings: &ForgeSettings) -> Result<Option<Box<dyn Forge>>, ForgeError> {
    let Some(folder) = &settings.local else { return Ok(None) };
    let root = folder.canonicalize().map_err(|error| failed("open the folder of repositories", error))?;
    Ok(Some(Box::new(Directory { root, out: settings.out.clone(), now: settings.now })))
}

impl Directory {
    /// The file of the proposal from a branch.
    fn file(&self, project: &Project, branch: &str) -> PathBuf {
        let name = branch.strip_prefix("patchparty/").unwrap_or(branch);
        self.out.join(project.slug.name()).join(format!("{}.md", plain_name(name)))
    }

    /// The record of what was published for a project, a line for every commit: the folder is the operator's own, unlike
    /// the branches of a repository, which others may have pushed to.
    fn record(&self, project: &Project) -> PathBuf {
        self.out.join(project.slug.name()).join("published.txt")
    }

    fn project(&self, folder: &Path, taken: &mut BTreeSet<String>) -> Result<Project, ForgeError> {
        let opened = open_local(folder).map_err(|error| failed("open the repository", error))?;
        let what = || folder.display().to_string();
        let opened = opened.ok_or_else(|| ForgeError::NotFound { what: what() })?;
        let clone_url = folder.to_str().ok_or_else(|| failed("use the repository", "its path is not UTF-8"))?;
        let relative = folder.strip_prefix(&self.root).ok().and_then(Path::to_str).filter(|path| !path.is_empty());
        let path = relative.or_else(|| folder.file_name()?.to_str()).unwrap_or("repository");
        let name = unused_name(&plain_name(path.strip_suffix(".git").unwrap_or(path)), taken);
        let slug = RepoSlug::new(OWNER, &name).map_err(|error| failed("name the project", error))?;
        let default_branch = opened.branch.filter(|_| opened.head.is_some());
        Ok(Project { slug, id: None, clone_url: clone_url.to_owned(), default_branch, archived: false, private: true })
    }
}

#[async_trait]
impl Forge for Directory {
    fn id(&self) -> &'static str {
        "directory"
    }

    fn host(&self) -> &'static str {
        // The folder is the operator's own, wherever it stands.
        "local"
    }

    async fn projects(&self) -> Result<Discovery, ForgeError> {
        let mut discovery = Discovery::default();
        let mut taken = BTreeSet::new();
        for folder in repositories_below(&self.root) {
            match self.project(&folder, &mut taken) {
                Ok(project) => discovery.projects.push(project),
                Err(error) => discovery.problems.push((folder.display().to_string(), error)),
            }
        }
        discovery.projects.sort_by(|left, right| left.slug.cmp(&right.slug));
        discovery.problems.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(discovery)
    }

    fn git_token(&self) -> Option<&Token> {
        None
    }

    async fn existing(&self, project: &Project, branch: &str) -> Result<Option<ExistingProposal>, ForgeError> {
        let file = self.file(project, branch);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read the proposal's file", error)),
        };
        let (head, body) =
            parse(&text).ok_or_else(|| failed("read the proposal's file", "its first line is damaged"))?;
        if head.branch != branch {
            return Ok(None);
        }
        let tip = self.tip(project, branch).await?;
        Ok(Some(ExistingProposal {
            number: NUMBER,
            url: file.display().to_string(),
            title: head.title,
            body: body.to_owned(),
            labels: head.labels,
            base: head.base,
            state: head.state,
            ours: true,
            created_at: None,
            last_head: tip.clone(),
            head: tip,
        }))
    }

    async fn tip(&self, project: &Project, branch: &str) -> Result<Option<CommitId>, ForgeError> {
        commit::tip(Path::new(&project.clone_url), branch).map_err(|error| failed("look up the branch", error))
    }

    async fn commit(&self, project: &Project, commit: &CommitId) -> Result<(PublishedCommit, bool), ForgeError> {
        let found = commit::read(Path::new(&project.clone_url), commit);
        found.map_err(|error| failed("read the commit on the branch", error))
    }

    async fn pushed_by_us(
        &self,
        project: &Project,
        branch: &str,
        commit: &CommitId,
    ) -> Result<Option<bool>, ForgeError> {
        let record = self.record(project);
        let text = match std::fs::read_to_string(&record) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read the record of what was published", error)),
        };
        Ok(Some(text.lines().any(|line| line == record_line(branch, commit))))
    }

    async fn closed_by_us(&self, _: &Project, existing: &ExistingProposal) -> Result<bool, ForgeError> {
        let explain = |error| failed("read the proposal's file", error);
        let text = std::fs::read_to_string(&existing.url).map_err(explain)?;
        Ok(parse(&text).is_some_and(|(head, _)| head.closed_by_bot))
    }

    async fn publish(
        &self,
        project: &Project,
        change: &ChangeSet,
        expected: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError> {
        let committed = commit::commit(Path::new(&project.clone_url), change, expected, self.now);
        let commit = committed.map_err(|error| match error {
            CommitError::Moved => ForgeError::BranchMoved { branch: change.branch.clone() },
            CommitError::CheckedOut | CommitError::Git(_) => failed("commit the change", error),
        })?;
        let record = self.record(project);
        let known = std::fs::read_to_string(&record).unwrap_or_default();
        let text = format!("{known}{}\n", record_line(&change.branch, &commit));
        write(&record, &text).map_err(|error| failed("write the record of what was published", error))?;
        Ok(commit)
    }

    async fn propose(
        &self,
        project: &Project,
        proposal: &Proposal,
        existing: Option<&ExistingProposal>,
    ) -> Result<String, ForgeError> {
        let file = self.file(project, &proposal.branch);
        // Labels that people added stay, as on other forges; those of the bot are all in `proposal`.
        let standing = existing.filter(|existing| existing.state == ProposalState::Open);
        let people = standing.into_iter().flat_map(|existing| &existing.labels).filter(|label| !is_ours(label));
        let labels: BTreeSet<String> = proposal.labels.iter().map(|label| &label.name).chain(people).cloned().collect();
        let head = Head {
            title: proposal.title.clone(),
            branch: proposal.branch.clone(),
            base: proposal.base.clone(),
            labels: labels.into_iter().collect(),
            state: ProposalState::Open,
            closed_by_bot: false,
        };
        let text = render(&head, &proposal.body);
        write(&file, &text).map_err(|error| failed("write the proposal's file", error))?;
        Ok(file.display().to_string())
    }

    async fn close(&self, project: &Project, existing: &ExistingProposal, branch: &str) -> Result<(), ForgeError> {
        let head = Head {
            title: existing.title.clone(),
            branch: branch.to_owned(),
            base: existing.base.clone(),
            labels: existing.labels.clone(),
            state: ProposalState::Closed,
            closed_by_bot: true,
        };
        let written = write(&self.file(project, branch), &render(&head, &existing.body));
        written.map_err(|error| failed("write the proposal's file", error))?;
        let deleted = commit::delete_branch(Path::new(&project.clone_url), branch, existing.head.as_ref());
        deleted.map_err(|error| failed("delete the branch", error))
    }

    async fn comment_once(
        &self,
        _: &Project,
        existing: &ExistingProposal,
        topic: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let file = Path::new(&existing.url).with_extension("comments.md");
        let explain = |error| failed("write the comment's file", error);
        let standing = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(explain(error)),
        };
        let marker = topic_marker(topic);
        if standing.contains(&marker) {
            return Ok(());
        }
        write(&file, &format!("{standing}{marker}\n\n{}\n\n", body.trim_end())).map_err(explain)
    }
}

fn failed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ForgeError {
    ForgeError::Other { what: what.to_owned(), source: source.into() }
}

fn record_line(branch: &str, commit: &CommitId) -> String {
    format!("{commit} {branch}")
}

/// Whether only the bot sets the label.
fn is_ours(label: &str) -> bool {
    Label::is_ours(label) || label == "dependencies"
}

/// A name that GitHub would allow as well: letters, digits, `-`, `_` and `.`, without a dash in front.
fn plain_name(text: &str) -> String {
    let plain =
        |character: char| if character.is_ascii_alphanumeric() || "_.".contains(character) { character } else { '-' };
    let name: String = text.chars().map(plain).take(90).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() { "repository".to_owned() } else { name.to_owned() }
}

fn unused_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let unused = candidates.find(|candidate| taken.insert(candidate.to_lowercase()));
    unused.expect("numbers do not run out")
}

fn render(head: &Head, body: &str) -> String {
    let facts = serde_json::to_string(head).expect("strings and lists can be written");
    // An escaped `>` cannot end the comment.
    let facts = facts.replace('>', "\\u003e");
    format!("{HEAD_START}{facts}{HEAD_END}\n{body}")
}

fn parse(text: &str) -> Option<(Head, &str)> {
    let (first, body) = text.split_once('\n')?;
    let facts = first.trim_end().strip_prefix(HEAD_START)?.strip_suffix(HEAD_END)?;
    Some((serde_json::from_str(facts).ok()?, body))
}

/// Writes a file as a whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let scratch = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(scratch.path(), text)?;
    scratch.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use crate::model::proposal::FileChange;
    use crate::model::repository::RepoPath;

    fn settings(local: &Path, out: &Path) -> ForgeSettings {
        ForgeSettings {
            api_url: String::new(),
            token: None,
            organisation: None,
            repositories: Vec::new(),
            local: Some(local.to_owned()),
            out: out.to_owned(),
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn proposal(labels: &[&str]) -> Proposal {
        let label =
            |name: &&str| Label { name: (*name).to_owned(), color: "d73a4a".to_owned(), description: String::new() };
        Proposal {
            branch: "patchparty/routine/main".to_owned(),
            base: "main".to_owned(),
            title: "fix(deps): bump a --> b".to_owned(),
            body: "line\n- [ ] box\n".to_owned(),
            labels: labels.iter().map(label).collect(),
        }
    }

    #[tokio::test]
    async fn a_folder_is_a_forge() {
        let (source, out) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        source.write("Cargo.lock", "before");
        let base = source.commit("first");
        let forge = connect(&settings(source.path(), out.path())).expect("connected").expect("asked for");
        let project = forge.projects().await.expect("listed").projects.remove(0);
        assert_eq!((project.slug.owner(), project.default_branch.as_deref()), ("local", Some("main")));
        let branch = "patchparty/routine/main";
        assert_eq!(forge.existing(&project, branch).await.expect("read"), None);

        let file = FileChange {
            path: RepoPath::new("Cargo.lock").expect("plain"),
            before: b"before".to_vec(),
            after: b"after".to_vec(),
            executable: false,
        };
        let change = ChangeSet { branch: branch.to_owned(), base, files: vec![file], message: "fix".to_owned() };
        let commit = forge.publish(&project, &change, None).await.expect("published");
        let other = ChangeSet { message: "another".to_owned(), ..change };
        let again = forge.publish(&project, &other, None).await;
        assert!(matches!(again, Err(ForgeError::BranchMoved { .. })));

        let url = forge.propose(&project, &proposal(&["security", "severity: high"]), None).await.expect("written");
        assert!(url.ends_with("routine-main.md"), "{url}");
        let mut existing = forge.existing(&project, branch).await.expect("read").expect("it stands there");
        assert_eq!((existing.title.as_str(), existing.body.as_str()), ("fix(deps): bump a --> b", "line\n- [ ] box\n"));
        assert_eq!((existing.head.as_ref(), existing.ours), (Some(&commit), true));

        existing.labels.push("qa".to_owned());
        forge.propose(&project, &proposal(&["dependencies"]), Some(&existing)).await.expect("written");
        let existing = forge.existing(&project, branch).await.expect("read").expect("it stands there");
        assert_eq!(existing.labels, ["dependencies", "qa"]);

        for _ in 0..2 {
            forge.comment_once(&project, &existing, "people", "Hands off.").await.expect("written");
        }
        let comments = std::fs::read_to_string(Path::new(&url).with_extension("comments.md")).expect("it stands there");
        assert_eq!(comments.matches("Hands off.").count(), 1);
    }

    #[tokio::test]
    async fn names_are_made_plain_and_kept_apart() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["shop.git", "shop", "a b/ä"] {
            let folder = root.path().join(name);
            std::fs::create_dir_all(&folder).expect("folders");
            gix::init_bare(folder).expect("a repository");
        }
        std::fs::create_dir_all(root.path().join("broken/.git")).expect("folders");
        let forge = connect(&settings(root.path(), root.path())).expect("connected").expect("asked for");
        let found = forge.projects().await.expect("listed");
        let names: Vec<String> = found.projects.iter().map(|project| project.slug.to_string()).collect();
        assert_eq!(names, ["local/a-b--", "local/shop", "local/shop-2"]);
        assert_eq!(found.problems.len(), 1, "what cannot be opened is reported");
    }
}
