//! One requirement: a name with a range, an address or a path (<https://peps.python.org/pep-0508/>).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::super::contract::python::git::{GitAddress, without_credentials};
use super::super::contract::python::{requirement_name, requirement_range};
use crate::model::dependency::Origin;

/// What pip installs without a registry.
const ARCHIVES: [&str; 10] =
    [".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma"];

/// Repositories that are not git's.
const OTHER_REPOSITORIES: [&str; 3] = ["hg+", "svn+", "bzr+"];

/// A requirement.
#[derive(Debug, PartialEq)]
pub(super) struct Requirement {
    /// The name as it is written.
    pub(super) name: String,
    /// The version that it pins, or what it follows where it is an address; `None` for a range.
    pub(super) version: Option<String>,
    /// The range that it asks for, as written; empty for an address.
    pub(super) range: String,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// What pip refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no name.
    Name,
    /// The range is not one.
    Range,
    /// There is a `;` and nothing that could be a marker behind it.
    Marker,
}

impl Requirement {
    /// Reads a line without comment; `None` for options, and for what has no name: the folder of the project itself.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, Fault> {
        if let Some(option) = text.strip_prefix('-') {
            // A list in prose begins so, too.
            return if option.starts_with([' ', '\t']) { Err(Fault::Name) } else { Ok(None) };
        }
        let text = without_options(text);
        if let Some(found) = Self::address(text) {
            return Ok(Some(found));
        }
        if is_path(text) {
            return Ok(Self::path(text));
        }
        Self::named(text).map(Some)
    }

    /// What is installed in place; `None` where it has no name.
    pub(super) fn editable(target: &str) -> Option<Self> {
        Self::address(target).or_else(|| Self::path(target))
    }

    /// `name[extra] >=1,==2 ; marker` or `name @ address ; marker`.
    fn named(text: &str) -> Result<Self, Fault> {
        let name = requirement_name(text).ok_or(Fault::Name)?;
        let rest = text.get(name.len()..).unwrap_or_default().trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']').ok_or(Fault::Range)?.1.trim_start(),
            None => rest,
        };
        if let Some(address) = rest.strip_prefix('@') {
            let address = address.trim();
            let found = Self::address(address).or_else(|| Self::path(address)).ok_or(Fault::Range)?;
            return Ok(Self { name: name.to_owned(), ..found });
        }
        if let Some((_, marker)) = rest.split_once(';')
            && !is_marker(marker)
        {
            return Err(Fault::Marker);
        }
        let range = requirement_range(text);
        let mut version = None;
        for part in range.split(',').map(str::trim) {
            // A comma at the end is allowed.
            if part.is_empty() {
                continue;
            }
            let (operator, wanted) = comparison(part).ok_or(Fault::Range)?;
            // `==1.*` is a range, and as a text no version is `1.*`; what a variable holds is not in the file.
            if matches!(operator, "===" | "==") && !wanted.ends_with(".*") && !wanted.contains("${") {
                version.get_or_insert(wanted);
            }
        }
        let (version, range) = (version.map(str::to_owned), range.to_owned());
        Ok(Self { name: name.to_owned(), version, range, origin: Origin::Registry { url: None } })
    }

    /// An address, the name of which stands behind `#egg=` or is that of the file.
    fn address(text: &str) -> Option<Self> {
        // A marker stands behind a space, an address has none.
        let text = text.split([' ', '\t']).next().unwrap_or_default().trim_end_matches(';');
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg=")).and_then(requirement_name);
        if let Some(git) = GitAddress::parse(text) {
            let name = egg.or_else(|| last_part(git.url.trim_end_matches(".git")))?;
            let version = Some(git.reference.unwrap_or_default().to_owned());
            return Some(Self { name: name.to_owned(), version, range: String::new(), origin: git.origin() });
        }
        let scheme = address.split_once("://").map(|(scheme, _)| scheme)?;
        if scheme == "file" {
            return Self::path(text);
        }
        let is_known = |scheme: &str| ["http", "https", "ftp", "ssh"].contains(&scheme);
        let plain = OTHER_REPOSITORIES.iter().find_map(|prefix| scheme.strip_prefix(prefix)).unwrap_or(scheme);
        if !is_known(plain) {
            return None;
        }
        let decoded = decoded(address);
        let (file_name, version) = archive(&decoded);
        let name = egg.or(file_name).or_else(|| last_part(address))?;
        Some(Self {
            name: name.to_owned(),
            version: Some(version.unwrap_or_default().to_owned()),
            range: String::new(),
            origin: Origin::Archive { url: without_credentials(address) },
        })
    }

    /// A folder or an archive of the project; `None` where it is not named.
    fn path(text: &str) -> Option<Self> {
        let text = text.split(" ;").next().unwrap_or_default().trim();
        let text = text.strip_prefix("file:").unwrap_or(text);
        let (path, fragment) = text.split_once('#').unwrap_or((text, ""));
        let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg=")).and_then(requirement_name);
        let path = path.split(['[', ';']).next().unwrap_or_default();
        let decoded = decoded(path);
        let (file_name, version) = archive(&decoded);
        let name = egg.or(file_name).or_else(|| last_part(path))?;
        // The name of an archive gives what it is installed as, whatever is in it.
        let is_archive = ARCHIVES.iter().any(|end| decoded.ends_with(end));
        let origin = if is_archive { Origin::Archive { url: path.to_owned() } } else { Origin::Path };
        let version = Some(version.unwrap_or_default().to_owned());
        Some(Self { name: name.to_owned(), version, range: String::new(), origin })
    }
}

/// An address or a path as servers and pip read it: `%65` is an `e`.
fn decoded(address: &str) -> Cow<'_, str> {
    percent_decode_str(address).decode_utf8().unwrap_or(Cow::Borrowed(address))
}

/// The requirement without options such as `--hash=sha256:…`, which stand behind it.
fn without_options(text: &str) -> &str {
    let place = text
        .match_indices([' ', '\t'])
        .map(|(place, _)| place)
        .find(|&place| text.get(place + 1..).is_some_and(|rest| rest.starts_with('-')));
    place.and_then(|place| text.get(..place)).unwrap_or(text).trim_end()
}

/// As pip tells paths from names.
fn is_path(text: &str) -> bool {
    if text.starts_with("file:") {
        return true;
    }
    let word = text.split([' ', ';', '#']).next().unwrap_or_default();
    let first = text.split('@').next().unwrap_or_default();
    // `name @ file:///x` and `name@path` are requirements.
    let has_name = text.contains('@') && !first.contains('/') && !first.starts_with('.');
    !has_name && (word.starts_with('.') || word.contains('/') || ARCHIVES.iter().any(|end| word.ends_with(end)))
}

/// The last part of a path that can be a name.
fn last_part(path: &str) -> Option<&str> {
    let part = path.trim_end_matches('/').rsplit(['/', '\\']).next()?;
    requirement_name(part).filter(|name| *name == part)
}

/// The name and version in the name of an archive (<https://packaging.python.org/en/latest/specifications/>).
fn archive(path: &str) -> (Option<&str>, Option<&str>) {
    let file = path.split('?').next().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let ends = ARCHIVES.iter().find_map(|end| Some((file.strip_suffix(end)?, *end)));
    let Some((stem, end)) = ends else { return (None, None) };
    let starts_with_digit = |text: &str| text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let split = if end == ".whl" {
        stem.split_once('-').map(|(name, rest)| (name, rest.split('-').next().unwrap_or_default()))
    } else {
        stem.rsplit_once('-')
    };
    match split {
        Some((name, version)) if starts_with_digit(version) && requirement_name(name) == Some(name) => {
            (Some(name), Some(version))
        }
        _ => (requirement_name(stem).filter(|name| *name == stem), None),
    }
}

/// An operator and a version.
fn comparison(part: &str) -> Option<(&str, &str)> {
    const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
    let operator = OPERATORS.iter().find(|operator| part.starts_with(**operator))?;
    let version = part.get(operator.len()..)?.trim();
    // Old versions of pip took more than PEP 440 allows; a template or a second operator is none of it.
    let allowed = |next: char| next.is_alphanumeric() || "._-+!*".contains(next);
    let plain = |text: &str| text.chars().all(allowed);
    // pip expands variables of the environment.
    let variable = version.contains("${") && version.chars().all(|next| allowed(next) || "${}".contains(next));
    let plain = !version.is_empty() && plain(version);
    (plain || variable).then_some((operator, version))
}

/// Whether it could be a marker: a comparison of something with something, with its quotes and brackets closed.
fn is_marker(marker: &str) -> bool {
    let mut quote = None;
    let mut depth = 0_i32;
    for next in marker.chars() {
        match (quote, next) {
            (Some(open), _) if open == next => quote = None,
            (None, '"' | '\'') => quote = Some(next),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (Some(_) | None, _) => {}
        }
        if depth < 0 {
            return false;
        }
    }
    let compares = ["=", "<", ">", " in "].iter().any(|operator| marker.contains(operator));
    quote.is_none() && depth == 0 && compares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_its_name_as_servers_read_it() {
        for text in [
            "https://files.example/aa/%65vil-1.0.0-py3-none-any.whl",
            "https://files.example/aa/evil%2D1.0.0-py3-none-any.whl",
            "https://files.example/aa/evil-1.0.0-py3-none-any%2Ewhl",
            "https://files.example/aa/%65vil-1.0.0.tar.gz",
            "./wheels/%65vil-1.0.0-py3-none-any.whl",
            "file:///x/%65vil-1.0.0-py3-none-any.whl",
        ] {
            let read = Requirement::parse(text).expect("a requirement");
            assert!(read.is_some_and(|it| it.name == "evil" && it.version.as_deref() == Some("1.0.0")), "{text}");
        }
    }

    #[test]
    fn only_pins_have_a_version() {
        for (text, expected) in [
            ("a==1", Some(("a", Some("1")))),
            ("a [x,y] == 1.0 ; python_version < '3'", Some(("a", Some("1.0")))),
            ("a===1.0-odd", Some(("a", Some("1.0-odd")))),
            ("a (==1)", Some(("a", Some("1")))),
            ("a>=1,==1.5,", Some(("a", Some("1.5")))),
            ("a==1 --hash=sha256:0 --hash=sha256:1", Some(("a", Some("1")))),
            ("a==1.*", Some(("a", None))),
            ("a===1.*", Some(("a", None))),
            ("a", Some(("a", None))),
            ("a~=1.0,!=1.1", Some(("a", None))),
            ("a==${VERSION}", Some(("a", None))),
            ("a==1.${PATCH}", Some(("a", None))),
            ("a>=1 ; python_version == '3.9'", Some(("a", None))),
            ("./a-1.0.zip", Some(("a", Some("1.0")))),
            ("a_b-1.0-py3-none-any.whl", Some(("a_b", Some("1.0")))),
            (".", None),
            ("--no-binary :all:", None),
            ("--some-new-option x", None),
        ] {
            let found = Requirement::parse(text).expect(text);
            let found = found.as_ref().map(|it| (it.name.as_str(), it.version.as_deref()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_pip_refuses_is_refused() {
        for (text, fault) in [
            ("4 + 4 = 2", Fault::Range),
            ("{% if x %}", Fault::Name),
            ("- prose", Fault::Name),
            ("a=1", Fault::Range),
            ("a 1", Fault::Range),
            ("a[b", Fault::Range),
            ("a==", Fault::Range),
            ("a==1; python", Fault::Marker),
            ("a==1; python_version < '3", Fault::Marker),
            ("a==1; (python_version < '3'", Fault::Marker),
        ] {
            assert_eq!(Requirement::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn what_is_a_plain_requirement_is_read_as_pep_508_does() {
        for text in [
            "a==1",
            "A.b[x]>=1,<2",
            "a == 1.0 ; python_version < '3'",
            "a~=1.0",
            "a (>=1)",
            "a ==1.*",
            "a=1",
            "a==",
            "a >",
            "[x]",
        ] {
            let judge = text.parse::<pep508_rs::Requirement>();
            let own = Requirement::parse(text);
            assert_eq!(own.is_ok(), judge.is_ok(), "{text}");
            if let (Ok(Some(own)), Ok(judge)) = (own, judge) {
                assert_eq!(
                    crate::model::ecosystem::Ecosystem::PyPi.normalise(&own.name),
                    judge.name.to_string(),
                    "{text}"
                );
            }
        }
    }
}
