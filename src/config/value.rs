//! Single values of the configuration: text as written → a valid value, or a complaint.

use std::time::Duration;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;
use url::Url;

use super::complaint::{Complaints, is_invisible, nearest};
use super::raw::{RawKind, Written};
use crate::model::ecosystem::Ecosystem;
use crate::model::project_kind::{Kinds, ProjectKind};
use crate::model::repository::RepoSlug;
use crate::net::address::Authority;

/// One day.
pub(super) const DAY: Duration = Duration::from_hours(24);

/// The longest check text: it stands on one line of a pull request.
const TEXT_LIMIT: usize = 300;
/// The longest name of an area, an owner or a check.
const NAME_LIMIT: usize = 60;
/// The longest prefix or suffix of a title.
const AFFIX_LIMIT: usize = 40;
/// The longest pattern or branch: git itself allows about as much.
const PATTERN_LIMIT: usize = 200;

/// A length of time longer than none, such as `24 h` or `7 days`. A day has 24 hours, a week 7 days; months and years have
/// no fixed length and are refused.
pub(super) fn duration(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Duration> {
    const WAY_OUT: &str = "write for example `24 h`, `7 days` or `2 weeks`";
    let text = written.value().trim();
    let mut refuse = |why: &str| {
        complaints.add(&written.span(), format!("`{text}` is {why}"), WAY_OUT);
        None
    };
    let Ok(span) = SpanParser::new().parse_span(text) else { return refuse("not a length of time") };
    if span.get_years() != 0 || span.get_months() != 0 {
        return refuse("of no fixed length: months and years differ");
    }
    let Ok(length) = span.to_duration(SpanRelativeTo::days_are_24_hours()) else { return refuse("too long") };
    if !length.is_positive() {
        return refuse("no time at all");
    }
    Some(length.unsigned_abs())
}

/// A length of time for people.
pub(super) fn show(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        _ if seconds != 0 && seconds.is_multiple_of(DAY.as_secs()) => format!("{} days", seconds / DAY.as_secs()),
        _ if seconds != 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ => format!("{seconds} s"),
    }
}

/// Kinds of projects.
pub(super) fn kinds(written: &[RawKind]) -> Kinds {
    written.iter().copied().map(kind).collect()
}

/// A kind of project.
pub(super) const fn kind(written: RawKind) -> ProjectKind {
    match written {
        RawKind::Service => ProjectKind::Service,
        RawKind::Library => ProjectKind::Library,
        RawKind::CommandLine => ProjectKind::CommandLine,
        RawKind::Documentation => ProjectKind::Documentation,
    }
}

/// A repository.
pub(super) fn slug(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<RepoSlug> {
    let parsed = written.value().parse::<RepoSlug>();
    if let Err(error) = &parsed {
        complaints.add(&written.span(), error.to_string(), "write it as on GitHub, for example `acme/shop`");
    }
    parsed.ok()
}

/// The name of an organisation or a user.
pub(super) fn organisation(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let name = written.value();
    // The grammar is that of the first half of `owner/name`.
    if RepoSlug::new(name, "any").is_ok() {
        return Some(name.clone());
    }
    complaints.add(
        &written.span(),
        format!("`{name}` is not an organisation"),
        "write only its name, for example `acme`",
    );
    None
}

/// A branch: the rules of `git check-ref-format`, and not one of our own.
pub(super) fn branch(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let name = written.value();
    let forbidden = |character: char| is_invisible(character) || " ~^:?*[\\".contains(character);
    let well_formed = !name.is_empty()
        && name.len() <= PATTERN_LIMIT
        && !name.starts_with('-')
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(forbidden)
        && !name.ends_with('.')
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !is_git_lock(part));
    if !well_formed {
        complaints.add(
            &written.span(),
            format!("`{name}` is not a branch name"),
            "write one branch without `refs/heads/`, for example `main`; patterns are not supported",
        );
        return None;
    }
    if name.starts_with("patchparty/") || name.starts_with("patchparty-bot/") || name.starts_with("refs/") {
        complaints.add(
            &written.span(),
            format!("`{name}` cannot be a base"),
            "name a branch of the project; `patchparty/…` are the bot's own and `refs/…` is no branch",
        );
        return None;
    }
    Some(name.clone())
}

/// Git writes `<name>.lock` beside a reference while it moves it.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "git refuses exactly this spelling")]
fn is_git_lock(part: &str) -> bool {
    part.ends_with(".lock")
}

/// A host, or a host and a port.
pub(super) fn authority(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Authority> {
    let parsed = written.value().parse::<Authority>();
    if let Err(error) = &parsed {
        complaints.add(
            &written.span(),
            error.to_string(),
            "write for example `git.example` or `127.0.0.1:8443`; paths and patterns are not supported",
        );
    }
    parsed.ok()
}

/// The place of an advisory source: a path, or an `https` address without credentials.
pub(super) fn location(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let text = written.value();
    let mut refuse = |message: String, way_out: &str| {
        complaints.add(&written.span(), message, way_out);
        None
    };
    if text.trim().is_empty() || text.contains(is_invisible) {
        return refuse("a source without a location".to_owned(), "write a folder, a file or an `https` address");
    }
    if !text.contains("://") {
        return Some(text.clone());
    }
    let Ok(url) = Url::parse(text) else {
        return refuse("not an address".to_owned(), "write for example `https://git.example/advisories`");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "an address with credentials".to_owned(),
            "public sources need none; a private one can be a folder",
        );
    }
    if url.scheme() != "https" || url.host_str().is_none() {
        return refuse(
            format!("`{}` is not a safe way to fetch advisories", url.scheme()),
            "use an `https` address, or a folder",
        );
    }
    Some(text.clone())
}

/// An ecosystem by its name in OSV, in any case of letters.
pub(super) fn ecosystem(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Ecosystem> {
    let name = written.value();
    let found = Ecosystem::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name));
    if found.is_none() {
        let known = Ecosystem::ALL.map(Ecosystem::as_str);
        let hint = match nearest(name, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "write it as OSV does, for example `npm` or `crates.io`, without a release".to_owned(),
        };
        complaints.add(&written.span(), format!("`{name}` is no ecosystem"), hint);
    }
    found
}

/// The name of a check: lower-case letters, digits and `-`, beginning with a letter.
pub(super) fn check_id(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let id = written.value();
    let well_formed = id.len() <= NAME_LIMIT
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-');
    if well_formed {
        return Some(id.clone());
    }
    complaints.add(
        &written.span(),
        format!("`{id}` is not a name for a check"),
        format!("use lower-case letters, digits and `-`, at most {NAME_LIMIT}, and begin with a letter"),
    );
    None
}

/// What to do, in one line.
pub(super) fn text(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    one_line(written, TEXT_LIMIT, complaints)
}

/// The name of an area, a role or a person.
pub(super) fn name(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    one_line(written, NAME_LIMIT, complaints)
}

fn one_line(written: &Written<String>, limit: usize, complaints: &mut Complaints<'_>) -> Option<String> {
    let text = written.value().trim();
    let length = text.chars().count();
    if (1..=limit).contains(&length) && !text.contains(is_invisible) {
        return Some(text.to_owned());
    }
    complaints.add(
        &written.span(),
        "not one line of visible text",
        format!("write 1 to {limit} characters without line breaks, control and direction marks"),
    );
    None
}

/// What stands before or after a title; may be empty, and keeps its spaces.
pub(super) fn affix(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let text = written.value();
    if text.chars().count() <= AFFIX_LIMIT && !text.contains(is_invisible) {
        return Some(text.clone());
    }
    complaints.add(
        &written.span(),
        "not a part of a title",
        format!("write at most {AFFIX_LIMIT} characters without line breaks"),
    );
    None
}

/// An identity as `Signed-off-by` has it: `Name <address>`.
pub(super) fn identity(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    let text = written.value().trim();
    let parts = text.strip_suffix('>').and_then(|rest| rest.split_once(" <"));
    let well_formed = parts.is_some_and(|(name, address)| {
        let free_of = |part: &str| !part.contains(|character| is_invisible(character) || "<>".contains(character));
        let (account, host) = address.split_once('@').unwrap_or_default();
        !name.trim().is_empty()
            && free_of(name)
            && free_of(address)
            && !account.is_empty()
            && !host.is_empty()
            && !address.contains(char::is_whitespace)
            && text.len() <= PATTERN_LIMIT
    });
    if well_formed {
        return Some(text.to_owned());
    }
    complaints.add(&written.span(), "not an identity", "write `Name <address@host>`");
    None
}

/// A pattern of package names, kept as text.
pub(super) fn package_pattern(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<String> {
    pattern(written, Glob::new, complaints).map(|_| written.value().clone())
}

/// A pattern of paths: `*` stays inside a folder, `**` crosses folders.
pub(super) fn path_pattern(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Glob> {
    if written.value().starts_with(['/', '\\']) || written.value().starts_with("./") {
        complaints.add(
            &written.span(),
            format!("`{}` matches nothing", written.value()),
            "paths start at the project's root, without `/` or `./`",
        );
        return None;
    }
    pattern(written, |text| GlobBuilder::new(text).literal_separator(true).build(), complaints)
}

/// A pattern of repositories, `owner/name`; GitHub ignores case.
pub(super) fn project_pattern(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Glob> {
    if !written.value().contains('/') {
        complaints.add(
            &written.span(),
            format!("`{}` matches no repository", written.value()),
            "patterns are for `owner/name`, for example `acme/*-archive`",
        );
        return None;
    }
    pattern(written, |text| GlobBuilder::new(text).case_insensitive(true).build(), complaints)
}

fn pattern(
    written: &Written<String>,
    build: impl Fn(&str) -> Result<Glob, globset::Error>,
    complaints: &mut Complaints<'_>,
) -> Option<Glob> {
    let text = written.value();
    let refused = if text.is_empty() || text.len() > PATTERN_LIMIT || text.contains(is_invisible) {
        format!("a pattern has 1 to {PATTERN_LIMIT} visible characters")
    } else {
        match build(text) {
            Ok(glob) => return Some(glob),
            Err(error) => format!("`{text}` is not a pattern: {}", error.kind()),
        }
    };
    complaints.add(&written.span(), refused, "write for example `symfony/*`, `*session*` or `apps/shop/**`");
    None
}

/// One matcher for many patterns. Says so when they are too much together.
pub(super) fn glob_set(
    globs: impl IntoIterator<Item = Glob>,
    written: &[Written<String>],
    complaints: &mut Complaints<'_>,
) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(glob);
    }
    builder.build().unwrap_or_else(|error| {
        let place = written.first().map_or(0..0, Written::span);
        complaints.add(&place, format!("the patterns are too much together: {}", error.kind()), "write fewer");
        GlobSet::empty()
    })
}

#[cfg(test)]
mod tests {
    use super::super::raw::Written;
    use super::*;

    #[derive(serde::Deserialize)]
    struct Line {
        value: Written<String>,
    }

    fn read<T>(text: &str, parse: fn(&Written<String>, &mut Complaints<'_>) -> Option<T>) -> Option<T> {
        let mut table = toml::Table::new();
        table.insert("value".to_owned(), text.into());
        let document = toml::to_string(&table).unwrap();
        let line: Line = toml::from_str(&document).unwrap();
        let mut complaints = Complaints::new("x", &document);
        let value = parse(&line.value, &mut complaints);
        assert_eq!(
            value.is_none(),
            complaints.finish(()).is_err(),
            "{text}: refused in silence, or complained and used"
        );
        value
    }

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, hours) in [
            ("24 h", 24),
            ("24h", 24),
            ("90 min", 1),
            ("30 days", 720),
            ("30d", 720),
            ("1 day", 24),
            ("2 weeks", 336),
            ("1 day 12 h", 36),
            (" 6 hours ", 6),
        ] {
            let read = read(text, duration).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.as_secs() / 3600, hours, "{text}");
        }
        for text in
            ["", "24", "h", "0 h", "-1 h", "1 day ago", "1 year", "1 month", "99999999999999 h", "24 h; rm", "∞"]
        {
            assert_eq!(read(text, duration), None, "{text}");
        }
        assert_eq!((show(7 * DAY), show(DAY / 2), show(DAY / 3600)), ("7 days".into(), "12 h".into(), "24 s".into()));
    }

    #[test]
    fn branches_are_what_git_accepts() {
        for good in ["main", "release/2.x", "feature-1", "übung", "v1.0", "a@b"] {
            assert!(read(good, branch).is_some(), "{good}");
        }
        for bad in [
            "",
            "@",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "[a",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a@{1}",
            "-a",
            "refs/heads/main",
            "patchparty/routine/main",
            "a\nb",
        ] {
            assert!(read(bad, branch).is_none(), "{bad}");
        }
    }

    #[test]
    fn identities_fit_on_a_sign_off_line() {
        for good in ["Bot <bot@acme.example>", "Anna B. <a+b@acme.example>"] {
            assert!(read(good, identity).is_some(), "{good}");
        }
        for bad in [
            "Bot",
            "<bot@acme.example>",
            " <bot@acme.example>",
            "Bot <bot>",
            "Bot <@x>",
            "Bot <a@b> <c@d>",
            "Bot <a@b>\nX: y",
            "Bot <a b@c>",
        ] {
            assert!(read(bad, identity).is_none(), "{bad}");
        }
    }

    #[test]
    fn sources_are_paths_or_safe_addresses() {
        for good in ["advisories", "../shared/rustsec", "https://github.com/RustSec/advisory-db", "C:\\advisories"] {
            assert!(read(good, location).is_some(), "{good}");
        }
        for bad in [
            "",
            "http://a.example/x",
            "ssh://git@a.example/x",
            "file:///x",
            "https://t@a.example/x",
            "https://",
            "a\nb",
        ] {
            assert!(read(bad, location).is_none(), "{bad}");
        }
    }
}
