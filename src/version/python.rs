//! Python's versions: PEP 440 (<https://packaging.python.org/en/latest/specifications/version-specifiers/>), and below all
//! of them what only old setuptools read, in its order (`LegacyVersion` of `packaging` 21).

use std::cmp::Ordering;

use super::number::{Number, compare_padded};

/// A version. Legacy ones rank below all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PythonVersion {
    /// What PEP 440 does not know.
    Legacy(Vec<String>),
    /// A version of PEP 440.
    Standard(Standard),
}

/// The parts of a version, from the most to the least significant.
#[derive(Debug, Clone)]
pub(super) struct Standard {
    epoch: Number,
    release: Vec<Number>,
    pre: Option<(Pre, Number)>,
    post: Option<Number>,
    dev: Option<Number>,
    local: Vec<LocalPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    Alpha,
    Beta,
    Candidate,
}

/// A part of a local version. Words rank below numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Word(String),
    Number(Number),
}

/// Where a version stands among those of the same release: `1.0.dev1 < 1.0a1 < 1.0 = 1.0.post1`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Phase<'a> {
    DevOfRelease,
    Pre(Pre, &'a Number),
    Release,
}

impl PythonVersion {
    /// Reads any text but the empty one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        match Standard::parse(&lower) {
            Some(standard) => Some(Self::Standard(standard)),
            None if lower.is_empty() => None,
            None => Some(Self::Legacy(legacy_parts(&lower))),
        }
    }

    /// Whether it is a pre-release or a development release.
    pub(super) fn is_prerelease(&self) -> bool {
        matches!(self, Self::Standard(version) if version.pre.is_some() || version.dev.is_some())
    }

    /// The epoch and the numbers of the release; none of a legacy version.
    pub(super) fn numbers(&self) -> (&Number, &[Number]) {
        match self {
            Self::Standard(version) => (&version.epoch, &version.release),
            Self::Legacy(_) => (&Number::ZERO, &[]),
        }
    }
}

impl Standard {
    fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.strip_prefix('v').unwrap_or(text));
        let mut first = cursor.digits()?;
        let mut epoch = Number::ZERO;
        if cursor.skip("!") {
            epoch = std::mem::replace(&mut first, cursor.digits()?);
        }
        let mut release = vec![first];
        while let Some(number) = cursor.attempt(|cursor| cursor.skip(".").then(|| cursor.digits())?) {
            release.push(number);
        }
        let pre = cursor.labelled(&[
            ("alpha", Pre::Alpha),
            ("a", Pre::Alpha),
            ("beta", Pre::Beta),
            ("b", Pre::Beta),
            ("preview", Pre::Candidate),
            ("pre", Pre::Candidate),
            ("c", Pre::Candidate),
            ("rc", Pre::Candidate),
        ]);
        let post = cursor
            .attempt(|cursor| cursor.skip("-").then(|| cursor.digits())?)
            .or_else(|| Some(cursor.labelled(&[("post", ()), ("rev", ()), ("r", ())])?.1));
        let dev = cursor.labelled(&[("dev", ())]).map(|((), number)| number);
        let local = cursor.local()?;
        Some(Self { epoch, release, pre, post, dev, local })
    }

    fn phase(&self) -> Phase<'_> {
        match &self.pre {
            Some((pre, number)) => Phase::Pre(*pre, number),
            None if self.post.is_none() && self.dev.is_some() => Phase::DevOfRelease,
            None => Phase::Release,
        }
    }
}

/// The rest of a version that is being read.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn skip(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_separator(&mut self) {
        self.0 = self.0.strip_prefix(['-', '_', '.']).unwrap_or(self.0);
    }

    fn digits(&mut self) -> Option<Number> {
        let end = self.0.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.0.len());
        let number = Number::parse(&self.0[..end])?;
        self.0 = &self.0[end..];
        Some(number)
    }

    /// Takes back what was read unless it was all there.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = *self;
        let result = read(self);
        if result.is_none() {
            *self = before;
        }
        result
    }

    /// A label with an optional number, with optional separators around the label.
    fn labelled<T: Copy>(&mut self, labels: &[(&str, T)]) -> Option<(T, Number)> {
        self.attempt(|cursor| {
            cursor.skip_separator();
            let (_, value) = labels.iter().find(|(label, _)| cursor.skip(label))?;
            cursor.skip_separator();
            Some((*value, cursor.digits().unwrap_or(Number::ZERO)))
        })
    }

    /// `+ubuntu.1` and the end; empty without a local version.
    fn local(self) -> Option<Vec<LocalPart>> {
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let part = |text: &str| match Number::parse(text) {
            Some(number) => Some(LocalPart::Number(number)),
            None if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => None,
            None => Some(LocalPart::Word(text.to_owned())),
        };
        self.0.strip_prefix('+')?.split(['-', '_', '.']).map(part).collect()
    }
}

impl Ord for Standard {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without a development release ranks above with one; without a post-release or local version below.
        let dev = |version: &Self| version.dev.clone().map_or((true, Number::ZERO), |number| (false, number));
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_padded(&self.release, &other.release))
            .then_with(|| self.phase().cmp(&other.phase()))
            .then_with(|| self.post.cmp(&other.post))
            .then_with(|| dev(self).cmp(&dev(other)))
            .then_with(|| self.local.cmp(&other.local))
    }
}

impl PartialOrd for Standard {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Standard {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Standard {}

/// The parts that setuptools compared as text: numbers are filled up with zeros, words marked by a star.
fn legacy_parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for component in legacy_components(text).into_iter().chain(["final"]) {
        let part = match component {
            "pre" | "preview" | "rc" => "*c".to_owned(),
            "-" => "*final-".to_owned(),
            "dev" => "*@".to_owned(),
            digits if digits.starts_with(|first: char| first.is_ascii_digit()) => format!("{digits:0>8}"),
            word => format!("*{word}"),
        };
        if part.starts_with('*') {
            // A pre-release forgets the hyphen before it, and every word the zeros before it.
            if *part < *"*final" {
                while parts.last().is_some_and(|last| last == "*final-") {
                    parts.pop();
                }
            }
            while parts.last().is_some_and(|last| last == "00000000") {
                parts.pop();
            }
        }
        parts.push(part);
    }
    parts
}

/// Runs of digits, runs of letters, hyphens, and everything else in between; dots only separate.
fn legacy_components(text: &str) -> Vec<&str> {
    let mut components = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = legacy_kind(first);
        let end = match kind {
            LegacyKind::Separator => first.len_utf8(),
            _ => rest.find(|character| legacy_kind(character) != kind).unwrap_or(rest.len()),
        };
        let (component, after) = rest.split_at(end);
        if component != "." {
            components.push(component);
        }
        rest = after;
    }
    components
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LegacyKind {
    Digit,
    Letter,
    Separator,
    Other,
}

fn legacy_kind(character: char) -> LegacyKind {
    match character {
        '0'..='9' => LegacyKind::Digit,
        'a'..='z' => LegacyKind::Letter,
        '.' | '-' => LegacyKind::Separator,
        _ => LegacyKind::Other,
    }
}
