//! The forge itself: which request belongs to which method.

use async_trait::async_trait;

use super::api::Api;
use super::identity::Identity;
use super::projects::Selection;
use super::{projects, proposals, publish};
use crate::forge::contract::{Discovery, Forge, ForgeError, ForgeSettings};
use crate::model::proposal::{ChangeSet, ExistingProposal, Proposal};
use crate::model::repository::{CommitId, Project};
use crate::net::secret::Token;

/// GitHub, for an organisation or a list of repositories.
struct GitHub {
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
    let identity = Identity::new(&settings.api_url);
    let selection =
        Selection { organisation: settings.organisation.clone(), repositories: settings.repositories.clone() };
    Ok(Some(Box::new(GitHub { api, identity, selection, token })))
}

#[async_trait]
impl Forge for GitHub {
    fn id(&self) -> &'static str {
        "github"
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

    async fn commit_message(&self, project: &Project, commit: &CommitId) -> Result<String, ForgeError> {
        publish::commit_message(&self.api, &project.slug, commit).await
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

    async fn close(
        &self,
        project: &Project,
        existing: &ExistingProposal,
        branch: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        proposals::close(&self.api, &project.slug, existing.number, body).await?;
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
