//! Previews: another forge is asked, and what would be written to it goes to a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::contract::{Discovery, Forge, ForgeError};
use crate::git::patch;
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, ProposalState, PublishedCommit};
use crate::model::repository::{CommitId, Project, RepoPath};
use crate::model::text::count;
use crate::net::secret::Token;

/// Lists what a preview has written, so that the next one can clear it away.
const MANIFEST: &str = "files.txt";

/// The title and the body of a pull request.
const BODY: &str = "pull-request.md";

/// A forge that reads from another and writes to a folder.
pub(crate) struct Preview {
    inner: Box<dyn Forge>,
    out: PathBuf,
    /// The folder as the user wrote it.
    shown: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Changes that were published, by project and branch, until they are proposed.
    changes: BTreeMap<(String, String), ChangeSet>,
    /// What was proposed, by its folder.
    entries: BTreeMap<String, Previewed>,
    /// Every file that was written, relative to the output folder.
    files: std::collections::BTreeSet<String>,
}

/// One pull request that would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previewed {
    /// The folder with its files, relative to the output folder, in plain characters.
    pub(crate) folder: String,
    /// `owner/name`.
    pub(crate) project: String,
    /// The branch it would be merged into.
    pub(crate) base: String,
    /// The branch with the change.
    pub(crate) branch: String,
    /// Its title.
    pub(crate) title: String,
    /// The first line of its body, which says how urgent it is and when it is due.
    pub(crate) verdict: String,
    /// The names of its labels.
    pub(crate) labels: Vec<String>,
    /// The pull request that would be brought up to date.
    pub(crate) updates: Option<u64>,
    /// Lines added and removed; `None` when only the text changes.
    pub(crate) lines: Option<(usize, usize)>,
    /// The files whose change has characters that no reader sees.
    pub(crate) unseen: Vec<patch::Unseen>,
}

impl Preview {
    /// Wraps a forge. What an earlier preview has written to the folder is cleared away, and nothing else.
    pub(crate) fn new(inner: Box<dyn Forge>, out: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(out)?;
        let shown = out.to_owned();
        let out = out.canonicalize()?;
        clear(&out)?;
        Ok(Self { inner, out, shown, state: Mutex::default() })
    }

    /// The pull requests that would be written, sorted by project and branch.
    pub(crate) fn previewed(&self) -> Vec<Previewed> {
        self.state().entries.values().cloned().collect()
    }

    /// The body of a pull request, as it was written to the folder.
    pub(crate) fn body(&self, entry: &Previewed) -> std::io::Result<String> {
        let text = std::fs::read_to_string(self.out.join(&entry.folder).join(BODY))?;
        // The heading is ours.
        Ok(text.split_once("\n\n").map_or_else(String::new, |(_, body)| body.to_owned()))
    }

    /// Writes the index as a list in Markdown, and what the next preview may clear away. Call it once, at the end.
    pub(crate) fn finish(&self) -> std::io::Result<()> {
        self.write("index.md", list(&self.previewed()).as_bytes())?;
        let files: Vec<String> = self.state().files.iter().cloned().collect();
        std::fs::write(self.out.join(MANIFEST), files.join("\n") + "\n")
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // What a panicking task has left is whole: entries are inserted in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file, below the output folder.
    pub(crate) fn write(&self, relative: &str, content: &[u8]) -> std::io::Result<()> {
        let file = self.out.join(relative);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, content)?;
        self.state().files.insert(relative.to_owned());
        Ok(())
    }

    fn write_proposal(&self, folder: &str, proposal: &Proposal, change: Option<&ChangeSet>) -> std::io::Result<()> {
        self.write(&format!("{folder}/{BODY}"), format!("# {}\n\n{}", proposal.title, proposal.body).as_bytes())?;
        let labels: Vec<&str> = proposal.labels.iter().map(|label| label.name.as_str()).collect();
        self.write(&format!("{folder}/labels.txt"), (labels.join("\n") + "\n").as_bytes())?;
        let facts = json!({
            "title": proposal.title,
            "base": proposal.base,
            "branch": proposal.branch,
            "labels": proposal.labels,
            "base-commit": change.map(|change| &change.base),
            "files": change.map(|change| change.files.iter().map(|file| &file.path).collect::<Vec<_>>()),
        });
        let mut facts = serde_json::to_vec_pretty(&facts)?;
        facts.push(b'\n');
        self.write(&format!("{folder}/proposal.json"), &facts)?;
        if let Some(change) = change {
            self.write(&format!("{folder}/change.patch"), &patch::unified(&change.files))?;
            self.write(&format!("{folder}/commit-message.txt"), change.message.as_bytes())?;
        }
        Ok(())
    }
}

#[async_trait]
impl Forge for Preview {
    fn id(&self) -> &'static str {
        "preview"
    }

    fn host(&self) -> &str {
        self.inner.host()
    }

    async fn projects(&self) -> Result<Discovery, ForgeError> {
        self.inner.projects().await
    }

    fn git_token(&self) -> Option<&Token> {
        self.inner.git_token()
    }

    async fn existing(&self, project: &Project, branch: &str) -> Result<Option<ExistingProposal>, ForgeError> {
        self.inner.existing(project, branch).await
    }

    async fn tip(&self, project: &Project, branch: &str) -> Result<Option<CommitId>, ForgeError> {
        self.inner.tip(project, branch).await
    }

    async fn commit(&self, project: &Project, commit: &CommitId) -> Result<(PublishedCommit, bool), ForgeError> {
        self.inner.commit(project, commit).await
    }

    async fn pushed_by_us(
        &self,
        project: &Project,
        branch: &str,
        commit: &CommitId,
    ) -> Result<Option<bool>, ForgeError> {
        self.inner.pushed_by_us(project, branch, commit).await
    }

    async fn closed_by_us(&self, project: &Project, existing: &ExistingProposal) -> Result<bool, ForgeError> {
        self.inner.closed_by_us(project, existing).await
    }

    async fn publish(
        &self,
        project: &Project,
        change: &ChangeSet,
        _: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError> {
        let id = pretended_commit(change).map_err(|error| failed("name the change", error))?;
        self.state().changes.insert((project.slug.to_string(), change.branch.clone()), change.clone());
        Ok(id)
    }

    async fn propose(
        &self,
        project: &Project,
        proposal: &Proposal,
        existing: Option<&ExistingProposal>,
    ) -> Result<String, ForgeError> {
        let project = project.slug.to_string();
        let change = self.state().changes.get(&(project.clone(), proposal.branch.clone())).cloned();
        let folder = format!("{project}/{}", folder_name(&proposal.branch));
        self.write_proposal(&folder, proposal, change.as_ref())
            .map_err(|error| failed("write the preview of the pull request", error))?;
        let entry = Previewed {
            folder: folder.clone(),
            project,
            base: proposal.base.clone(),
            branch: proposal.branch.clone(),
            title: proposal.title.clone(),
            verdict: proposal.body.lines().next().unwrap_or_default().replace("**", "").replace('`', ""),
            labels: proposal.labels.iter().map(|label| label.name.clone()).collect(),
            updates: existing.filter(|existing| existing.state == ProposalState::Open).map(|existing| existing.number),
            lines: change.as_ref().map(|change| patch::line_counts(&change.files)),
            unseen: change.map(|change| patch::unseen(&change.files)).unwrap_or_default(),
        };
        self.state().entries.insert(folder.clone(), entry);
        // As the user wrote the folder: shorter than from the root, and it can be opened from where they stand.
        Ok(self.shown.join(folder).join(BODY).display().to_string())
    }

    async fn close(&self, _: &Project, _: &ExistingProposal, _: &str) -> Result<(), ForgeError> {
        // The comment that says why it would be closed is written down; there is nothing else to show.
        Ok(())
    }

    async fn comment_once(
        &self,
        project: &Project,
        existing: &ExistingProposal,
        topic: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let file = format!("{}/comments/{}-{}.md", project.slug, existing.number, folder_name(topic));
        self.write(&file, body.as_bytes()).map_err(|error| failed("write the preview of the comment", error))
    }
}

fn failed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ForgeError {
    ForgeError::Other { what: what.to_owned(), source: source.into() }
}

/// Removes the files that the manifest of an earlier preview lists, and the folders that become empty. A manifest cannot
/// name anything outside, and folders that are links are left alone.
fn clear(out: &Path) -> std::io::Result<()> {
    let manifest = out.join(MANIFEST);
    let Ok(listed) = std::fs::read_to_string(&manifest) else { return Ok(()) };
    for path in listed.lines().filter_map(|line| RepoPath::new(line).ok()) {
        let file = out.join(path.as_str());
        let inside =
            file.parent().and_then(|folder| folder.canonicalize().ok()).is_some_and(|folder| folder.starts_with(out));
        if !inside {
            continue;
        }
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let folders = file.ancestors().skip(1).take_while(|folder| *folder != out);
        // Only an empty folder can be removed this way; another one stays, which is intended.
        folders.for_each(|folder| drop(std::fs::remove_dir(folder)));
    }
    std::fs::remove_file(manifest)
}

/// An id that a commit with this content might have: the same change always gets the same.
fn pretended_commit(change: &ChangeSet) -> Result<CommitId, crate::model::repository::InvalidCommitId> {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    for text in [change.branch.as_str(), change.base.as_str(), change.message.as_str()] {
        add(text.as_bytes());
    }
    for file in &change.files {
        add(file.path.as_str().as_bytes());
        add(&file.after);
        add(&[u8::from(file.executable)]);
    }
    let digits = format!("{:x}", hash.finalize());
    CommitId::new(&digits[..40])
}

/// A name for a folder: the branch without our prefix, in plain characters.
fn folder_name(text: &str) -> String {
    let text = text.strip_prefix("patchparty/").unwrap_or(text);
    let plain = |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
    let name: String = text.chars().map(|character| if plain(character) { character } else { '-' }).take(100).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() { "proposal".to_owned() } else { name.to_owned() }
}

fn list(entries: &[Previewed]) -> String {
    let mut list = format!(
        "# Dry run\n\n{} would be written. Nothing has been.\n\n",
        count(entries.len(), "pull request", "pull requests")
    );
    for entry in entries {
        let folder = &entry.folder;
        let labels: Vec<String> = entry.labels.iter().map(|label| format!("`{}`", label.replace('`', "'"))).collect();
        let action = entry.updates.map_or_else(|| "open".to_owned(), |number| format!("update #{number}"));
        let change = entry.lines.map_or_else(
            || "text only".to_owned(),
            |(added, removed)| format!("[+{added} −{removed}]({folder}/change.patch)"),
        );
        let line = format!(
            "- {}: {action} [{}]({folder}/pull-request.md) into {}, {change}; {}\n",
            markdown(&entry.project),
            markdown(&entry.title),
            markdown(&entry.base),
            labels.join(", "),
        );
        list.push_str(&line);
        for patch::Unseen { path, lines, first } in &entry.unseen {
            let (path, first) = (markdown(path), markdown(first));
            let what = "characters that no reader sees, or that turn the direction of writing";
            let line = format!("  - {path}: {what}, in {lines} of the lines of its patch; the first: {first}\n");
            list.push_str(&line);
        }
    }
    list
}

/// Text as it stands in one line of Markdown: every character that could mean something is escaped.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            character if character.is_control() => escaped.push(' '),
            character => {
                if character.is_ascii_punctuation() && !"/.,:-".contains(character) {
                    escaped.push('\\');
                }
                escaped.push(character);
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use crate::model::proposal::{FileChange, Label};

    /// A forge on which nothing may be written.
    struct ReadOnly;

    #[async_trait]
    impl Forge for ReadOnly {
        fn id(&self) -> &'static str {
            "read-only"
        }
        fn host(&self) -> &'static str {
            "git.example"
        }
        async fn projects(&self) -> Result<Discovery, ForgeError> {
            Ok(Discovery::default())
        }
        fn git_token(&self) -> Option<&Token> {
            None
        }
        async fn existing(&self, _: &Project, _: &str) -> Result<Option<ExistingProposal>, ForgeError> {
            Ok(None)
        }
        async fn tip(&self, _: &Project, _: &str) -> Result<Option<CommitId>, ForgeError> {
            Ok(None)
        }
        async fn commit(&self, _: &Project, _: &CommitId) -> Result<(PublishedCommit, bool), ForgeError> {
            panic!("a preview asked for a commit")
        }
        async fn pushed_by_us(&self, _: &Project, _: &str, _: &CommitId) -> Result<Option<bool>, ForgeError> {
            Ok(None)
        }
        async fn closed_by_us(&self, _: &Project, _: &ExistingProposal) -> Result<bool, ForgeError> {
            Ok(false)
        }
        async fn publish(&self, _: &Project, _: &ChangeSet, _: Option<&CommitId>) -> Result<CommitId, ForgeError> {
            panic!("a preview published")
        }
        async fn propose(&self, _: &Project, _: &Proposal, _: Option<&ExistingProposal>) -> Result<String, ForgeError> {
            panic!("a preview proposed")
        }
        async fn close(&self, _: &Project, _: &ExistingProposal, _: &str) -> Result<(), ForgeError> {
            panic!("a preview closed")
        }
        async fn comment_once(&self, _: &Project, _: &ExistingProposal, _: &str, _: &str) -> Result<(), ForgeError> {
            panic!("a preview commented")
        }
    }

    fn project() -> Project {
        Project {
            slug: "acme/shop".parse().expect("a slug"),
            id: None,
            clone_url: "https://git.example/acme/shop".to_owned(),
            default_branch: Some("main".to_owned()),
            archived: false,
            private: false,
        }
    }

    fn change(base: &CommitId) -> ChangeSet {
        let file = FileChange {
            path: RepoPath::new("Cargo.lock").expect("plain"),
            before: b"one\ntwo\n".to_vec(),
            after: b"one\n2\n".to_vec(),
            executable: false,
        };
        ChangeSet {
            branch: "patchparty/emergency/main".to_owned(),
            base: base.clone(),
            files: vec![file],
            message: "fix(deps): bump two\n".to_owned(),
        }
    }

    fn proposal() -> Proposal {
        let label =
            |name: &str| Label { name: name.to_owned(), color: "d73a4a".to_owned(), description: String::new() };
        Proposal {
            branch: "patchparty/emergency/main".to_owned(),
            base: "main".to_owned(),
            title: "fix(deps): bump <b>two</b> & [x](y) from 1 to 2".to_owned(),
            body: "**body**\n".to_owned(),
            labels: vec![label("security"), label("severity: critical")],
        }
    }

    #[tokio::test]
    async fn exactly_what_would_be_opened_is_written() {
        let (source, out) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        source.write("Cargo.lock", "one\ntwo\n");
        let base = source.commit("first");
        let mut indexes = Vec::new();
        for _ in 0..2 {
            let preview = Preview::new(Box::new(ReadOnly), out.path()).expect("a folder");
            let first = preview.publish(&project(), &change(&base), None).await.expect("remembered");
            let second = preview.publish(&project(), &change(&base), Some(&first)).await.expect("remembered");
            assert_eq!(first, second, "the same change has the same id");
            let url = preview.propose(&project(), &proposal(), None).await.expect("written");
            assert!(url.ends_with("acme/shop/emergency-main/pull-request.md"), "{url}");
            preview.write("index.html", b"<p>page</p>").expect("written");
            preview.finish().expect("written");
            let [entry] = &preview.previewed()[..] else { panic!("one pull request") };
            assert_eq!(preview.body(entry).expect("readable"), "**body**\n");
            indexes.push((preview.previewed(), std::fs::read(out.path().join("index.md")).expect("readable")));
        }
        assert_eq!(indexes[0], indexes[1], "the same run writes the same bytes");
        let [previewed] = &indexes[0].0[..] else { panic!("{indexes:?}") };
        assert_eq!((previewed.verdict.as_str(), previewed.lines), ("body", Some((1, 1))));
        assert_eq!(previewed.folder, "acme/shop/emergency-main");
        let folder = out.path().join("acme/shop/emergency-main");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
        assert_eq!(read("labels.txt"), "security\nseverity: critical\n");
        assert_eq!(read("commit-message.txt"), "fix(deps): bump two\n");
        assert!(read("pull-request.md").ends_with("\n\n**body**\n"));
        source.git_with_input(&["apply", "--index", "-"], read("change.patch").as_bytes());
        assert_eq!(std::fs::read_to_string(source.path().join("Cargo.lock")).expect("readable"), "one\n2\n");
        let list = std::fs::read_to_string(out.path().join("index.md")).expect("readable");
        assert!(
            list.contains(r"bump &lt;b\>two&lt;/b\> &amp; \[x\]\(y\) from 1 to 2](acme/shop/emergency-main/"),
            "{list}"
        );
    }

    #[test]
    fn only_what_a_preview_wrote_is_cleared_away() {
        let root = tempfile::tempdir().expect("a folder");
        let out = root.path().join("out");
        std::fs::create_dir_all(out.join("acme/shop")).expect("folders");
        for name in ["out/acme/shop/old.md", "out/mine.txt", "precious.txt"] {
            std::fs::write(root.path().join(name), "content").expect("written");
        }
        std::fs::write(out.join(MANIFEST), "acme/shop/old.md\n../precious.txt\n/etc/hostname\n").expect("written");
        Preview::new(Box::new(ReadOnly), &out).expect("a folder");
        assert!(!out.join("acme").exists() && !out.join(MANIFEST).exists());
        assert!(out.join("mine.txt").exists() && root.path().join("precious.txt").exists());
    }
}
