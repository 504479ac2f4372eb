//! Discovery: the repositories of an organisation, a user or a list.

use futures_util::StreamExt as _;
use serde::Deserialize;

use super::api::{Api, PAGE_SIZE, segment};
use super::failure::Failure;
use crate::forge::contract::{Discovery, ForgeError};
use crate::model::repository::{Project, RepoSlug};

/// At most this many pages of repositories: 10,000 of them, five times the largest team of design/process.md.
const PAGE_LIMIT: usize = 100;

/// How many single repositories are asked for at a time. GitHub allows 100 concurrent requests.
const CONCURRENCY: usize = 8;

/// What to look after.
pub(super) struct Selection {
    pub(super) organisation: Option<String>,
    pub(super) repositories: Vec<RepoSlug>,
}

/// A repository as GitHub describes it.
#[derive(Debug, Deserialize)]
struct Repository {
    id: Option<u64>,
    full_name: String,
    clone_url: String,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    private: bool,
}

/// Finds the projects.
pub(super) async fn discover(api: &Api, selection: &Selection) -> Result<Discovery, ForgeError> {
    let mut discovery = Discovery::default();
    if let Some(organisation) = &selection.organisation {
        let (repositories, more) = list(api, organisation).await?;
        for repository in repositories {
            add(&mut discovery, repository);
        }
        if more {
            let limit = PAGE_LIMIT * PAGE_SIZE as usize;
            let source = format!("only the first {limit} were read").into();
            let error = ForgeError::Other { what: "list all repositories".to_owned(), source };
            discovery.problems.push((organisation.clone(), error));
        }
    }
    let mut answers = futures_util::stream::iter(selection.repositories.clone())
        .map(|slug| async move {
            let answer = api.get::<Repository>(&format!("/repos/{slug}")).await;
            (slug, answer)
        })
        .buffered(CONCURRENCY);
    while let Some((slug, answer)) = answers.next().await {
        match answer {
            Ok(repository) => add(&mut discovery, repository),
            Err(failure) => {
                let error = match failure.status() {
                    Some(404) => ForgeError::NotFound { what: format!("repository `{slug}`") },
                    _ => failure.explain("look up the repository"),
                };
                discovery.problems.push((slug.to_string(), error));
            }
        }
    }
    discovery.projects.sort_by(|left, right| left.slug.cmp(&right.slug));
    discovery.projects.dedup_by(|left, right| left.slug == right.slug);
    discovery.problems.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(discovery)
}

/// All repositories of an organisation; where there is none of that name, those of the user.
async fn list(api: &Api, owner: &str) -> Result<(Vec<Repository>, bool), ForgeError> {
    let owner_segment = segment(owner);
    let query = format!("sort=full_name&per_page={PAGE_SIZE}");
    let failure = match api.list(&format!("/orgs/{owner_segment}/repos?type=all&{query}"), PAGE_LIMIT).await {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    if failure.status() != Some(404) {
        return Err(failure.explain("list the organisation's repositories"));
    }
    let of_user = api.list(&format!("/users/{owner_segment}/repos?type=owner&{query}"), PAGE_LIMIT).await;
    of_user.map_err(|failure: Failure| match failure.status() {
        Some(404) => ForgeError::NotFound { what: format!("organisation or user `{owner}`") },
        _ => failure.explain("list the user's repositories"),
    })
}

fn add(discovery: &mut Discovery, repository: Repository) {
    match repository.full_name.parse::<RepoSlug>() {
        Ok(slug) => discovery.projects.push(Project {
            slug,
            id: repository.id,
            clone_url: repository.clone_url,
            default_branch: repository.default_branch.filter(|branch| !branch.is_empty()),
            archived: repository.archived || repository.disabled,
            private: repository.private,
        }),
        Err(error) => {
            let what = "use the repository's name".to_owned();
            discovery.problems.push((repository.full_name, ForgeError::Other { what, source: Box::new(error) }));
        }
    }
}
