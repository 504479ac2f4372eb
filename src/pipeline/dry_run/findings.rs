//! The findings of one project, each with what becomes of it.

use std::collections::HashMap;

use serde::Serialize;

use super::{DryRun, Page};
use crate::forge::Previewed;
use crate::model::finding::{Finding, FindingKind};
use crate::model::remedy::{Blocked, Bump};
use crate::model::report::{ProposalReport, Report};
use crate::report::{FindingView, Section, Tally, finding_view};
use crate::template::TemplateError;

/// More rows make a page slow, and take much memory while it is worded.
const ROWS: usize = 1_000;

/// The variables of `dry_run_findings.hbs`.
#[derive(Serialize)]
struct FindingsView<'a> {
    project: &'a str,
    /// The way back to the index.
    index: String,
    /// All pages of the project, where there are several.
    pages: Vec<OtherPage>,
    findings_total: usize,
    warnings_total: usize,
    sections: Vec<SectionView<'a>>,
}

#[derive(Serialize)]
struct OtherPage {
    name: String,
    number: usize,
}

#[derive(Serialize)]
struct SectionView<'a> {
    /// The branches, and the commit at which they stand.
    heading: String,
    findings: Vec<RowView<'a>>,
}

#[derive(Serialize)]
struct RowView<'a> {
    #[serde(flatten)]
    finding: FindingView<'a>,
    /// What becomes of it, in a few words.
    outcome: String,
    /// The page of its pull request.
    target: Option<String>,
}

/// What becomes of the findings of one project.
pub(super) struct Becoming<'a> {
    moved: HashMap<(&'a str, &'a str), Vec<(&'a Bump, &'a ProposalReport)>>,
    blocked: HashMap<(&'a str, &'a str), Vec<&'a Blocked>>,
}

impl<'a> Becoming<'a> {
    /// Of all branches of one project: what production has may be fixed on the way from another branch.
    fn of(sections: &[Section<'a>]) -> Self {
        let mut becoming = Self { moved: HashMap::new(), blocked: HashMap::new() };
        for &proposal in sections.iter().flat_map(|section| &section.proposals) {
            for bump in &proposal.bumps {
                becoming.moved.entry((bump.file.as_str(), &bump.package)).or_default().push((bump, proposal));
            }
        }
        for &blocked in sections.iter().flat_map(|section| &section.blocked) {
            becoming.blocked.entry((blocked.file.as_str(), &blocked.package)).or_default().push(blocked);
        }
        becoming
    }

    /// The pull request that fixes the finding: into one of these branches rather than another, safe rather than breaking.
    fn proposal(&self, finding: &Finding, branches: &[&str]) -> Option<&'a ProposalReport> {
        let moves = self.moved.get(&(finding.file.as_str(), finding.package.as_str()))?;
        let fixes = |bump: &Bump| match &finding.advisory {
            Some(flaw) => bump.from == finding.version && bump.fixes.iter().any(|id| flaw.is_called(id)),
            None => finding.kind == FindingKind::BranchTracking,
        };
        let fixing = moves.iter().filter(|(bump, _)| fixes(bump)).map(|(_, proposal)| *proposal);
        fixing.min_by_key(|proposal| (!branches.contains(&proposal.base.as_str()), proposal.breaking))
    }

    fn blocked(&self, finding: &Finding) -> Option<&'a Blocked> {
        let here = self.blocked.get(&(finding.file.as_str(), finding.package.as_str()))?;
        let is_it = |blocked: &&&Blocked| match &finding.advisory {
            Some(flaw) => blocked.from == finding.version && blocked.advisories.iter().any(|id| flaw.is_called(id)),
            None => blocked.advisories.is_empty(),
        };
        here.iter().find(is_it).copied()
    }

    /// Whether nothing becomes of it.
    pub(super) fn is_left(&self, finding: &Finding) -> bool {
        self.proposal(finding, &[]).is_none() && self.blocked(finding).is_none()
    }
}

/// What the pages of a project are called: `findings.html`, `findings-2.html`.
fn file_name(number: usize) -> String {
    if number == 0 { "findings.html".to_owned() } else { format!("findings-{}.html", number + 1) }
}

/// Where a page of a project stands, relative to the output folder; the first has the number 0.
pub(super) fn path(project: &str, number: usize) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    let name = |part: &str| -> String {
        part.chars().map(|character| if plain(character) { character } else { '-' }).take(100).collect()
    };
    let parts = project.split('/').map(name).filter(|part| !part.trim_matches('.').is_empty());
    parts.chain([file_name(number)]).collect::<Vec<_>>().join("/")
}

/// All branches of one project.
pub(super) struct OneProject<'a> {
    pub(super) name: &'a str,
    pub(super) sections: Vec<Section<'a>>,
    pub(super) becoming: Becoming<'a>,
    /// Where the pages of its pull requests stand, by their branches.
    folders: HashMap<&'a str, &'a str>,
}

/// The projects of a report, in its order.
pub(super) fn by_project<'a>(report: &'a Report, previewed: &'a [Previewed]) -> Vec<OneProject<'a>> {
    let mut folders: HashMap<&str, HashMap<&str, &str>> = HashMap::new();
    for entry in previewed {
        folders.entry(&entry.project).or_default().insert(&entry.branch, &entry.folder);
    }
    let mut projects: Vec<(&str, Vec<Section<'_>>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for section in Section::all(report) {
        let name = section.project.name.as_str();
        let place = *places.entry(name).or_insert_with(|| {
            projects.push((name, Vec::new()));
            projects.len() - 1
        });
        projects[place].1.push(section);
    }
    let gather = |(name, sections): (&'a str, Vec<Section<'a>>)| OneProject {
        name,
        becoming: Becoming::of(&sections),
        folders: folders.remove(name).unwrap_or_default(),
        sections,
    };
    projects.into_iter().map(gather).collect()
}

/// The pages of all projects in which something was found.
pub(super) fn pages(run: &DryRun<'_>) -> impl Iterator<Item = Result<Page, TemplateError>> {
    run.projects.iter().flat_map(|project| of_project(run, project))
}

/// The pages of one project: the first has all findings of most projects.
fn of_project(run: &DryRun<'_>, project: &OneProject<'_>) -> Vec<Result<Page, TemplateError>> {
    let tally = Tally::of(project.sections.iter().flat_map(|section| &section.project.findings));
    let chunks: Vec<Part<'_>> = project
        .sections
        .iter()
        .flat_map(|section| section.project.findings.chunks(ROWS).map(move |findings| (section, findings)))
        .collect();
    let pages = pages_of(&chunks);
    let word = |(number, rows): (usize, &&[Part<'_>])| {
        let path = path(project.name, number);
        let up = "../".repeat(path.matches('/').count());
        let others = (0..pages.len()).map(|number| OtherPage { name: file_name(number), number: number + 1 });
        let view = FindingsView {
            project: project.name,
            index: format!("{up}index.html"),
            pages: if pages.len() > 1 { others.collect() } else { Vec::new() },
            findings_total: tally.findings,
            warnings_total: tally.warnings,
            sections: rows.iter().map(|chunk| section_view(project, *chunk, &up)).collect(),
        };
        Ok(Page { html: run.templates.render("dry_run_findings", &view)?, path })
    };
    pages.iter().enumerate().map(word).collect()
}

/// Findings of a section.
type Part<'a> = (&'a Section<'a>, &'a [Finding]);

/// Puts parts together as long as they fit on one page.
fn pages_of<'s, 'a>(chunks: &'s [Part<'a>]) -> Vec<&'s [Part<'a>]> {
    let mut pages = Vec::new();
    let mut start = 0;
    let mut rows = 0;
    for (position, (_, findings)) in chunks.iter().enumerate() {
        if rows > 0 && rows + findings.len() > ROWS {
            pages.push(&chunks[start..position]);
            (start, rows) = (position, 0);
        }
        rows += findings.len();
    }
    if start < chunks.len() {
        pages.push(&chunks[start..]);
    }
    pages
}

fn section_view<'a>(of: &OneProject<'_>, (section, findings): Part<'a>, up: &str) -> SectionView<'a> {
    let OneProject { becoming, folders, .. } = of;
    let project = section.project;
    let row = |finding: &'a Finding| {
        let (outcome, target) = match (becoming.proposal(finding, &section.branches), becoming.blocked(finding)) {
            (Some(proposal), _) => {
                let target = folders.get(proposal.branch.as_str());
                let target = target.map(|folder| format!("{up}{folder}/pull-request.html"));
                (format!("{} (into {})", proposal.title, proposal.base), target)
            }
            (None, Some(blocked)) => (format!("blocked: {}", blocked.explanation), None),
            (None, None) if finding.kind.is_warning() => ("a warning: nothing is opened for it".to_owned(), None),
            (None, None) => ("reported only".to_owned(), None),
        };
        RowView { finding: finding_view(finding), outcome, target }
    };
    let commit = project.commit.as_ref().map(|commit| format!("at {}", commit.short()));
    let heading: Vec<String> = [section.branches.join(" and ")].into_iter().chain(commit).collect();
    SectionView { heading: heading.join(" ").trim().to_owned(), findings: findings.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_one_page_below_the_output_folder_whatever_it_is_called() {
        for (project, expected) in [
            ("acme/shop", "acme/shop/findings.html"),
            ("../../etc/passwd", "etc/passwd/findings.html"),
            ("/absolute/x y", "absolute/x-y/findings.html"),
            ("a/b, c/d", "a/b--c/d/findings.html"),
            ("..", "findings.html"),
        ] {
            assert_eq!(path(project, 0), expected);
        }
    }
}
