//! Templates: every text that a person reads on a forge. To add one: write `templates/<name>.hbs`, then its line below.

mod contract;
mod html;
pub(crate) mod markdown;
pub(crate) mod notes;
mod renderer;
mod sample;
pub(crate) mod state;
pub(crate) mod ticks;
pub(crate) mod words;

pub(crate) use contract::{BuiltIn, Surface, TemplateError};
pub(crate) use html::body;
pub(crate) use renderer::Templates;

use Surface::{Html, Markdown, Plain};

pub(crate) static BUILT_IN: &[BuiltIn] = &[
    // Sorted by name.
    BuiltIn { name: "comment_closed", surface: Markdown, text: include_str!("../../templates/comment_closed.hbs") },
    BuiltIn { name: "comment_fixed", surface: Markdown, text: include_str!("../../templates/comment_fixed.hbs") },
    BuiltIn {
        name: "comment_human_commits",
        surface: Markdown,
        text: include_str!("../../templates/comment_human_commits.hbs"),
    },
    BuiltIn { name: "comment_ignored", surface: Markdown, text: include_str!("../../templates/comment_ignored.hbs") },
    BuiltIn { name: "commit", surface: Plain, text: include_str!("../../templates/commit.hbs") },
    BuiltIn { name: "dry_run", surface: Html, text: include_str!("../../templates/dry_run.hbs") },
    BuiltIn { name: "dry_run_findings", surface: Html, text: include_str!("../../templates/dry_run_findings.hbs") },
    BuiltIn {
        name: "dry_run_pull_request",
        surface: Html,
        text: include_str!("../../templates/dry_run_pull_request.hbs"),
    },
    BuiltIn {
        name: "partials/advisory",
        surface: Markdown,
        text: include_str!("../../templates/partials/advisory.hbs"),
    },
    BuiltIn { name: "partials/boxes", surface: Markdown, text: include_str!("../../templates/partials/boxes.hbs") },
    BuiltIn { name: "partials/changes", surface: Markdown, text: include_str!("../../templates/partials/changes.hbs") },
    BuiltIn {
        name: "partials/page_finding",
        surface: Html,
        text: include_str!("../../templates/partials/page_finding.hbs"),
    },
    BuiltIn { name: "partials/page_head", surface: Html, text: include_str!("../../templates/partials/page_head.hbs") },
    BuiltIn {
        name: "partials/rollback",
        surface: Markdown,
        text: include_str!("../../templates/partials/rollback.hbs"),
    },
    BuiltIn { name: "partials/unfixed", surface: Markdown, text: include_str!("../../templates/partials/unfixed.hbs") },
    BuiltIn { name: "pull_request", surface: Markdown, text: include_str!("../../templates/pull_request.hbs") },
    BuiltIn { name: "summary", surface: Markdown, text: include_str!("../../templates/summary.hbs") },
    BuiltIn { name: "title", surface: Plain, text: include_str!("../../templates/title.hbs") },
];
