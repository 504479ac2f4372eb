//! One pull request as a page: its body as a forge would show it.

use serde::Serialize;

use super::Page;
use crate::forge::Previewed;
use crate::template::{TemplateError, Templates, body};

/// Where the template wants the body.
const BODY: &str = "<!-- patchparty:body -->";

/// The variables of `dry_run_pull_request.hbs`.
#[derive(Serialize)]
struct PullRequestPage<'a> {
    title: &'a str,
    project: &'a str,
    base: &'a str,
    updates: Option<u64>,
    labels: &'a [String],
    changes_files: bool,
    added: usize,
    removed: usize,
    /// The way back to the index.
    index: String,
}

/// Words the page. `markdown` is the body.
pub(super) fn page(templates: &Templates, entry: &Previewed, markdown: &str) -> Result<Page, TemplateError> {
    let path = format!("{}/pull-request.html", entry.folder);
    let (added, removed) = entry.lines.unwrap_or_default();
    let view = PullRequestPage {
        title: &entry.title,
        project: &entry.project,
        base: &entry.base,
        updates: entry.updates,
        labels: &entry.labels,
        changes_files: entry.lines.is_some(),
        added,
        removed,
        index: format!("{}index.html", "../".repeat(path.matches('/').count())),
    };
    let html = templates.render("dry_run_pull_request", &view)?.replacen(BODY, &body(markdown), 1);
    Ok(Page { path, html })
}
