//! Labels: ours are kept true, those of people are left alone.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::api::{Api, PAGE_SIZE, segment};
use super::failure::Failure;
use crate::model::proposal::Label;
use crate::model::repository::RepoSlug;

/// At most this many pages of a repository's labels are read; a label that is not among them is created, and "it already
/// exists" is no error.
const PAGE_LIMIT: usize = 10;

/// GitHub's limits on a label's name and description.
const NAME_LIMIT: usize = 50;
const DESCRIPTION_LIMIT: usize = 100;

/// A pull request that was just made may not be seen as an issue yet (422 "Could not resolve to a node",
/// peter-evans/create-pull-request#4321).
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// A label as GitHub gives it.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// What has to be done to a pull request's labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LabelChange {
    pub(super) add: Vec<Label>,
    pub(super) remove: Vec<String>,
}

impl LabelChange {
    /// Adds what is missing; removes what only we set and does not hold any more. GitHub's labels ignore case.
    pub(super) fn between(standing: &[String], wanted: &[Label]) -> Self {
        let add = wanted.iter().filter(|label| !standing.iter().any(|name| same(name, &label.name)));
        let remove =
            standing.iter().filter(|name| Label::is_ours(name) && !wanted.iter().any(|label| same(&label.name, name)));
        Self { add: add.cloned().collect(), remove: remove.cloned().collect() }
    }

    /// Carries it out.
    pub(super) async fn apply(&self, api: &Api, slug: &RepoSlug, number: u64) -> Result<(), Failure> {
        if !self.add.is_empty() {
            create_missing(api, slug, &self.add).await?;
            let names: Vec<&str> = self.add.iter().map(|label| label.name.as_str()).collect();
            add(api, &format!("/repos/{slug}/issues/{number}/labels"), &names).await?;
        }
        for name in &self.remove {
            match api.delete(&format!("/repos/{slug}/issues/{number}/labels/{}", segment(name))).await {
                Err(failure) if failure.status() != Some(404) => return Err(failure),
                // Somebody was faster.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

/// Creates labels that the repository does not have, with their colours: GitHub would create them grey.
async fn create_missing(api: &Api, slug: &RepoSlug, labels: &[Label]) -> Result<(), Failure> {
    let route = format!("/repos/{slug}/labels");
    let (known, _) = api.list::<Named>(&format!("{route}?per_page={PAGE_SIZE}"), PAGE_LIMIT).await?;
    let known: BTreeSet<String> = known.into_iter().map(|label| label.name.to_lowercase()).collect();
    for label in labels.iter().filter(|label| !known.contains(&label.name.to_lowercase())) {
        let name: String = label.name.chars().take(NAME_LIMIT).collect();
        let description: String = label.description.chars().take(DESCRIPTION_LIMIT).collect();
        let body = json!({ "name": name, "color": label.color, "description": description });
        match api.store::<serde_json::Value>(&route, body).await {
            Err(Failure::Refused { status: 422, problem }) if problem.has_code("already_exists") => {}
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Adds labels to an issue. Adding one twice does nothing.
async fn add(api: &Api, route: &str, names: &[&str]) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        match api.store::<serde_json::Value>(route, json!({ "labels": names })).await {
            Ok(_) => return Ok(()),
            Err(failure) => {
                let unseen = failure.says(422, "could not resolve to a node") || failure.status() == Some(404);
                if !unseen || attempt == ATTEMPTS {
                    return Err(failure);
                }
            }
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> Label {
        Label { name: name.to_owned(), color: "d73a4a".to_owned(), description: String::new() }
    }

    fn change(standing: &[&str], wanted: &[&str]) -> (Vec<String>, Vec<String>) {
        let standing: Vec<String> = standing.iter().map(|&name| name.to_owned()).collect();
        let wanted: Vec<Label> = wanted.iter().map(|&name| label(name)).collect();
        let change = LabelChange::between(&standing, &wanted);
        (change.add.into_iter().map(|label| label.name).collect(), change.remove)
    }

    #[test]
    fn what_holds_is_added_and_only_our_own_is_removed() {
        let (add, remove) = change(
            &["Dependencies", "severity: critical", "patchparty: emergency", "wontfix", "team/shop"],
            &["dependencies", "security", "severity: high"],
        );
        assert_eq!(add, ["security", "severity: high"]);
        assert_eq!(remove, ["severity: critical", "patchparty: emergency"]);
    }

    #[test]
    fn nothing_is_done_when_nothing_differs() {
        let (add, remove) = change(&["Security", "SEVERITY: high", "qa"], &["security", "severity: high"]);
        assert!(add.is_empty() && remove.is_empty());
        assert_eq!(change(&["loose-dependency", "dependencies"], &[]).1, ["loose-dependency"]);
    }
}
