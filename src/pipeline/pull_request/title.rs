//! Titles and commit messages: plain text of validated words.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Facts, WriteRequest, is_wanted, token};
use crate::model::proposal::Route;
use crate::model::remedy::{Bump, Step};
use crate::template::TemplateError;

/// What `git log --oneline`, mails and lists of pull requests show of a subject; the custom of git itself.
const TITLE_LIMIT: usize = 72;

/// More names make a title unreadable.
const NAMES_IN_TITLE: usize = 3;

/// More lines make a commit message unreadable; the diff shows all.
const LINES_IN_MESSAGE: usize = 50;

/// More trailers help nobody who searches the history.
const TRAILERS_IN_MESSAGE: usize = 100;

/// What `title.hbs` is made from.
#[derive(Serialize)]
struct TitleView<'a> {
    prefix: &'a str,
    suffix: &'a str,
    /// Whether a known flaw is fixed; else it only pins.
    fixes: bool,
    /// Whether a requirement is raised beyond what its makers call compatible.
    breaking: bool,
    /// Whether the one package that is named goes away.
    removes: bool,
    names: Vec<String>,
    /// How many packages are not named; where none is, all of them.
    more: usize,
    /// The version before, when there is only one.
    from: Option<String>,
    /// The version after, when there is only one.
    to: Option<String>,
    /// How many dependencies are pinned.
    pins: usize,
}

/// How much a title tells: whether versions before and after, the number of names, and what is pinned besides.
struct Telling(bool, bool, usize, bool);

/// From everything to the least; the first that fits is taken.
const TELLINGS: [Telling; 7] = [
    Telling(true, true, NAMES_IN_TITLE, true),
    Telling(false, true, NAMES_IN_TITLE, true),
    Telling(false, false, NAMES_IN_TITLE, true),
    Telling(false, false, 2, true),
    Telling(false, false, 1, true),
    Telling(false, false, 1, false),
    Telling(false, false, 0, false),
];

/// For raises, before all others: a person decides on each of them.
const ALL_NAMES: Telling = Telling(true, true, usize::MAX, true);

/// Words the title, of at most 72 characters.
pub(super) fn title(request: &WriteRequest<'_>, facts: &Facts<'_>) -> Result<String, TemplateError> {
    let mut title = String::new();
    for telling in request.raise.map(|_| &ALL_NAMES).into_iter().chain(&TELLINGS) {
        title = request.templates.render("title", &title_view(request, facts, telling))?;
        title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.chars().count() <= TITLE_LIMIT {
            return Ok(title);
        }
    }
    // Only long prefixes and suffixes of the organisation lead here.
    Ok(title.chars().take(TITLE_LIMIT).collect::<String>().trim_end().to_owned())
}

fn title_view<'a>(request: &'a WriteRequest<'_>, facts: &Facts<'_>, telling: &Telling) -> TitleView<'a> {
    let wording = &request.policy.wording;
    // Copies may move while another one has to stay: no finding is gone, and still it is what the change is for.
    let lessens = request.raise.is_none() && !facts.bumps.iter().any(|bump| is_wanted(bump));
    let fixes = facts.severity.is_some() || lessens;
    let raised = |bump: &&Bump| request.raise.is_none_or(|raise| raise.is_of(&bump.package));
    let mut moves: Vec<&Bump> = facts
        .bumps
        .iter()
        .copied()
        .filter(|bump| (lessens || is_wanted(bump)) && (bump.step != Step::Pin) == fixes)
        .collect();
    if request.raise.is_some() {
        // What is raised may only lead to what is fixed, and is what someone decides on: all of it is named.
        moves = facts.bumps.iter().copied().filter(raised).collect();
    }
    let mut names = packages(&moves, facts);
    if let (Some(raise), true) = (request.raise, names.is_empty()) {
        names.push(token::package(raise.package));
    }
    let (from, to) =
        if names.len() == 1 { (only(&moves, |bump| Some(before(bump))), only(&moves, after)) } else { (None, None) };
    let &Telling(tells_from, tells_to, most, tells_pins) = telling;
    let shown = if names.len() > most { most.saturating_sub(1).max(most.min(1)) } else { names.len() };
    TitleView {
        prefix: if fixes { &wording.fix_prefix } else { &wording.pin_prefix },
        suffix: if fixes { &wording.suffix } else { "" },
        fixes,
        breaking: request.raise.is_some(),
        removes: names.len() == 1 && !moves.is_empty() && moves.iter().all(|bump| bump.to.is_none()),
        more: names.len() - shown,
        // A branch is no version: `pin x to 0123456789ab`.
        from: from.filter(|_| fixes && to.is_some() && tells_from),
        to: to.filter(|_| tells_to),
        names: names.into_iter().take(shown).collect(),
        pins: if tells_pins { facts.pins } else { 0 },
    }
}

/// The names of the packages that move, those with the worst flaws first, each once.
fn packages(moves: &[&Bump], facts: &Facts<'_>) -> Vec<String> {
    let severity = |bump: &Bump| {
        let of_package = facts.fixed.iter().filter(|finding| finding.package == bump.package);
        of_package.map(|finding| finding.severity).max()
    };
    let mut ordered: Vec<&&Bump> = moves.iter().collect();
    ordered.sort_by_key(|bump| (std::cmp::Reverse(severity(bump)), &bump.package));
    let mut seen = BTreeSet::new();
    ordered.into_iter().filter(|bump| seen.insert(&bump.package)).map(|bump| token::package(&bump.package)).collect()
}

fn before(bump: &Bump) -> String {
    token::version(&bump.from)
}

fn after(bump: &Bump) -> Option<String> {
    bump.to.as_deref().map(token::version)
}

/// What all of them have in common.
fn only(moves: &[&Bump], part: fn(&Bump) -> Option<String>) -> Option<String> {
    let first = part(moves.first()?)?;
    moves.iter().all(|bump| part(bump).as_ref() == Some(&first)).then_some(first)
}

/// What `commit.hbs` is made from.
#[derive(Serialize)]
struct CommitView<'a> {
    title: &'a str,
    changes: Vec<Change>,
    /// How many changes are not shown.
    more: usize,
    /// Their names, for the trailers.
    advisories: Vec<&'a str>,
    /// As purls, for the trailers.
    packages: Vec<String>,
    /// The value that only this change has.
    change: &'a str,
    route: Route,
    sign_off: Option<&'a str>,
}

#[derive(Serialize)]
struct Change {
    package: String,
    file: String,
    from: String,
    to: Option<String>,
}

/// Words the commit message.
pub(super) fn commit_message(
    request: &WriteRequest<'_>,
    facts: &Facts<'_>,
    title: &str,
) -> Result<String, TemplateError> {
    let wanted: Vec<&Bump> = facts.bumps.iter().copied().filter(|bump| is_wanted(bump)).collect();
    let change = |bump: &&Bump| Change {
        package: token::package(&bump.package),
        file: token::file(&bump.file),
        from: before(bump),
        to: after(bump),
    };
    let advisories: BTreeSet<&str> =
        wanted.iter().flat_map(|bump| &bump.fixes).map(crate::model::advisory::AdvisoryId::as_str).collect();
    let packages: BTreeSet<String> =
        wanted.iter().filter_map(|bump| token::purl(bump.ecosystem, &bump.package, bump.to.as_deref())).collect();
    let view = CommitView {
        title,
        changes: wanted.iter().take(LINES_IN_MESSAGE).map(change).collect(),
        more: wanted.len().saturating_sub(LINES_IN_MESSAGE),
        advisories: advisories.into_iter().take(TRAILERS_IN_MESSAGE).collect(),
        packages: packages.into_iter().take(TRAILERS_IN_MESSAGE).collect(),
        change: request.change,
        route: request.route,
        sign_off: request.policy.wording.sign_off.as_deref(),
    };
    Ok(super::tidy(&request.templates.render("commit", &view)?))
}
