//! Where reviewers can look at what changed between two versions.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::remedy::Bump;
use crate::pipeline::pull_request::{Page, WriteRequest};

#[derive(Serialize)]
pub(super) struct LinkView<'a> {
    package: &'a str,
    compare: Option<&'a str>,
    notes: Option<&'a str>,
    /// Where the links lead, shown beside them: a package names its repository itself.
    host: String,
}

/// The links of what moves, in its order, each once.
pub(super) fn links<'a>(request: &'a WriteRequest<'a>, bumps: &[&Bump], limit: usize) -> Vec<LinkView<'a>> {
    let mut seen = BTreeSet::new();
    let page = |bump: &&Bump| {
        let of_bump = |page: &&Page| {
            page.ecosystem == bump.ecosystem && page.package == bump.package && Some(&page.to) == bump.to.as_ref()
        };
        request
            .pages
            .iter()
            .find(of_bump)
            .filter(|page| seen.insert((page.ecosystem, &page.package, &page.compare, &page.notes)))
    };
    let pages: Vec<&Page> = bumps.iter().filter_map(page).collect();
    pages.into_iter().filter_map(view).take(limit).collect()
}

fn view(page: &Page) -> Option<LinkView<'_>> {
    let address = page.compare.as_deref().or(page.notes.as_deref())?;
    let host = url::Url::parse(address).ok()?.domain()?.to_owned();
    Some(LinkView { package: &page.package, compare: page.compare.as_deref(), notes: page.notes.as_deref(), host })
}
