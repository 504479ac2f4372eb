//! The advisories that a change fixes, each once, with everything that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Cuts, SHORT_LIST};
use crate::model::advisory::AdvisoryId;
use crate::model::finding::{Finding, FindingKind, KnownFlaw};
use crate::model::severity::Severity;
use crate::pipeline::pull_request::Facts;

#[derive(Serialize)]
pub(super) struct AdvisoryView<'a> {
    id: &'a str,
    url: String,
    aliases: Vec<&'a str>,
    severity: Severity,
    score: Option<String>,
    vector: Option<&'a str>,
    malicious: bool,
    exploited: bool,
    likelihood: Option<String>,
    summary: &'a str,
    details: String,
    packages: Vec<String>,
    references: Vec<ReferenceView<'a>>,
}

/// An address with what is shown of it: its host is never hidden.
#[derive(Serialize)]
struct ReferenceView<'a> {
    label: &'a str,
    url: &'a str,
}

/// One flaw with every finding of it.
pub(super) type Flaw<'a> = (&'a KnownFlaw, Vec<&'a Finding>);

/// The flaws that go away, most urgent first, each once.
pub(super) fn fixed_flaws<'a>(facts: &Facts<'a>) -> Vec<Flaw<'a>> {
    let mut flaws: Vec<Flaw<'a>> = Vec::new();
    let mut positions: BTreeMap<&AdvisoryId, usize> = BTreeMap::new();
    for &finding in &facts.fixed {
        let Some(flaw) = &finding.advisory else { continue };
        let position = *positions.entry(&flaw.id).or_insert_with(|| {
            flaws.push((flaw, Vec::new()));
            flaws.len() - 1
        });
        flaws[position].1.push(finding);
    }
    flaws
}

pub(super) fn advisory<'a>((flaw, findings): &Flaw<'a>, cuts: &Cuts) -> AdvisoryView<'a> {
    let packages: BTreeSet<String> =
        findings.iter().map(|finding| format!("{}@{}", finding.package, finding.version)).collect();
    let details: String = flaw.details.trim().chars().take(cuts.details).collect();
    let cut = if details.len() < flaw.details.trim().len() && !details.is_empty() { "…" } else { "" };
    AdvisoryView {
        id: flaw.id.as_str(),
        url: flaw.page().unwrap_or_default(),
        aliases: flaw.aliases.iter().map(AdvisoryId::as_str).take(SHORT_LIST).collect(),
        severity: findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Unknown),
        score: flaw.cvss.as_ref().map(|cvss| format!("{:.1}", cvss.score)),
        vector: flaw.cvss.as_ref().map(|cvss| cvss.vector.as_str()),
        malicious: findings.iter().any(|finding| finding.kind == FindingKind::Malicious),
        exploited: flaw.exploited,
        likelihood: flaw.likelihood_for_people(),
        summary: &flaw.summary,
        details: details + cut,
        packages: packages.into_iter().take(SHORT_LIST).collect(),
        references: references(flaw).into_iter().take(SHORT_LIST).map(reference).collect(),
    }
}

/// What is shown of an address is all of it but the scheme, which is the same for all.
fn reference(url: &str) -> ReferenceView<'_> {
    ReferenceView { label: url.trim_start_matches("https://").trim_end_matches('/'), url }
}

/// The addresses to read on, each once and without the page that the advisory's name links to.
fn references(flaw: &KnownFlaw) -> Vec<&str> {
    fn same_page(address: &str) -> &str {
        address.trim_end_matches('/')
    }
    let page = flaw.page().unwrap_or_default();
    let mut seen = BTreeSet::from([same_page(&page)]);
    flaw.references.iter().map(String::as_str).filter(|address| seen.insert(same_page(address))).collect()
}
