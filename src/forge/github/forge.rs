//! The forge itself: which request belongs to which method.

use async_trait::async_trait;

use super::api::Api;
use super::identity::Identity;
use super::projects::Selection;
use super::{projects, proposals, provenance, publish};
use crate::forge::contract::{Discovery, Forge, ForgeError, ForgeSettings};
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal, PublishedCommit};
use crate::model::repository::{CommitId, Project};
use crate::net::secret::Token;

/// GitHub, for an organisation or a list of repositories.
struct GitHub {
    host: String,
    api: Api,
    identity: Identity,
    selection: Selection,
    token: Option<Token>,
}

/// Builds the forge when an organisation or repositories are named.
pub(in crate::forge) fn connect(settings: &ForgeSettings) -> Result<Option<Box<dyn Forge>>, ForgeError> {
    if settings.local.is_some() || (settings.organisation.is_none() && settings.repositories.is_empty()) {
        return Ok(None);
    }
    let token = settings.token.clone();
    let api = Api::new(&settings.api_url, token.as_ref()).map_err(|failure| failure.explain("connect to GitHub"))?;
    let host = settings.api_url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_lowercase));
    let host = host.unwrap_or_default();
    let identity = Identity::new(&settings.api_url);
    let selection =
        Selection { organisation: settings.organisation.clone(), repositories: settings.repositories.clone() };
    Ok(Some(Box::new(GitHub { host, api, identity, selection, token })))
}

#[async_trait]
impl Forge for GitHub {
    fn id(&self) -> &'static str {
        "github"
    }

    fn host(&self) -> &str {
        &self.host
    }

    async fn projects(&self) -> Result<Discovery, ForgeError> {
        projects::discover(&self.api, &self.selection).await
    }

    fn git_token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    async fn existing(&self, project: &Project, branch: &str) -> Result<Option<ExistingProposal>, ForgeError> {
        proposals::existing(&self.api, &self.identity, self.token.as_ref(), &project.slug, branch).await
    }

    async fn tip(&self, project: &Project, branch: &str) -> Result<Option<CommitId>, ForgeError> {
        publish::tip(&self.api, &project.slug, branch).await
    }

    async fn commit(&self, project: &Project, commit: &CommitId) -> Result<(PublishedCommit, bool), ForgeError> {
        provenance::commit(&self.api, &self.identity, self.token.as_ref(), &project.slug, commit).await
    }

    async fn pushed_by_us(
        &self,
        project: &Project,
        branch: &str,
        commit: &CommitId,
    ) -> Result<Option<bool>, ForgeError> {
        let pushed = (branch, commit);
        provenance::pushed_by_us(&self.api, &self.identity, self.token.as_ref(), &project.slug, pushed).await
    }

    async fn closed_by_us(&self, project: &Project, existing: &ExistingProposal) -> Result<bool, ForgeError> {
        let number = existing.number;
        provenance::closed_by_us(&self.api, &self.identity, self.token.as_ref(), &project.slug, number).await
    }

    async fn publish(
        &self,
        project: &Project,
        change: &ChangeSet,
        expected: Option<&CommitId>,
    ) -> Result<CommitId, ForgeError> {
        publish::publish(&self.api, &project.slug, change, expected).await
    }

    async fn propose(
        &self,
        project: &Project,
        proposal: &Proposal,
        existing: Option<&ExistingProposal>,
    ) -> Result<String, ForgeError> {
        proposals::propose(&self.api, &project.slug, proposal, existing).await
    }

    async fn close(&self, project: &Project, existing: &ExistingProposal, branch: &str) -> Result<(), ForgeError> {
        proposals::close(&self.api, &project.slug, existing.number).await?;
        publish::delete_branch(&self.api, &project.slug, branch).await
    }

    async fn comment_once(
        &self,
        project: &Project,
        existing: &ExistingProposal,
        topic: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let comment = proposals::Comment { number: existing.number, topic, body };
        proposals::comment_once(&self.api, &self.identity, self.token.as_ref(), &project.slug, &comment).await
    }
}
