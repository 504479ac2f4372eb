//! Composer's versions: what `composer/semver`'s `VersionParser::normalize` reads, in the order of PHP's
//! `version_compare` (<https://github.com/composer/semver>, <https://www.php.net/version_compare>).

use std::cmp::Ordering;

use super::number::Number;

/// What `x` in `1.x-dev` stands for, as Composer writes it.
const ANY_NUMBER: u64 = 9_999_999;

/// A normalised version.
#[derive(Debug, Clone)]
pub(super) enum ComposerVersion {
    /// `dev-<name>`: no range holds it. It ranks below every number.
    Branch(String),
    /// Numbers (four of them unless it is a date) and what follows.
    Numbered {
        /// The numbers.
        numbers: Vec<Number>,
        /// Stability words and their numbers.
        tail: Vec<Token>,
    },
}

/// A part behind the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A stability.
    Stability(Stability),
    /// A number behind it.
    Number(Number),
    /// A word that PHP does not know; only in what `composer_raw` reads.
    Unknown,
}

/// The stabilities, in PHP's order. `Patch` is above a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stability {
    /// `dev`.
    Dev,
    /// `alpha`, `a`.
    Alpha,
    /// `beta`, `b`.
    Beta,
    /// `RC`.
    ReleaseCandidate,
    /// No word, or `stable`.
    Stable,
    /// `patch`, `pl`, `p`.
    Patch,
}

/// What may follow the numbers of a version: `-beta.2-dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modifier {
    /// The word with its numbers.
    pub(super) stability: Option<(Stability, Vec<Number>)>,
    /// Whether `dev` ends it.
    pub(super) dev: bool,
}

impl ComposerVersion {
    /// Reads a version as `VersionParser::normalize` does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = strip_stability_flag(strip_alias(text.trim())).0;
        if matches!(text, "master" | "trunk" | "default") {
            return Some(Self::Branch(text.to_owned()));
        }
        if let Some(branch) = strip_prefix_ignoring_case(text, "dev-") {
            return Some(Self::Branch(branch.to_owned()));
        }
        let text = match text.split_once('+') {
            Some((text, build)) if !build.is_empty() && !build.contains(char::is_whitespace) => text,
            _ => text,
        };
        parse_classical(text).or_else(|| parse_date(text)).or_else(|| parse_numeric_branch(text))
    }

    /// A version of exactly these four numbers.
    pub(super) fn of_numbers(numbers: [Number; 4]) -> Self {
        Self::Numbered { numbers: numbers.into(), tail: Vec::new() }
    }

    /// The same version with a stability behind it: `1.0.0.0` → `1.0.0.0-dev`.
    pub(super) fn with(mut self, stability: Stability) -> Self {
        if let Self::Numbered { tail, .. } = &mut self {
            tail.push(Token::Stability(stability));
        }
        self
    }

    /// Whether it is `dev-<name>`.
    pub(super) fn is_branch(&self) -> bool {
        matches!(self, Self::Branch(_))
    }

    /// Whether it is less stable than a release.
    pub(super) fn is_unstable(&self) -> bool {
        match self {
            Self::Branch(_) => true,
            Self::Numbered { tail, .. } => {
                tail.iter().any(|token| matches!(token, Token::Stability(stability) if *stability < Stability::Stable))
            }
        }
    }

    /// The numbers; `None` for a branch.
    pub(super) fn numbers(&self) -> Option<&[Number]> {
        match self {
            Self::Branch(_) => None,
            Self::Numbered { numbers, .. } => Some(numbers),
        }
    }

    fn new(numbers: Vec<Number>, modifier: Modifier) -> Self {
        let mut tail = Vec::new();
        // As in `normalize`, the literal `stable` ends a version, whatever follows it.
        let stable = matches!(modifier.stability, Some((Stability::Stable, _)));
        if let Some((stability, numbers)) = modifier.stability.filter(|_| !stable) {
            tail.push(Token::Stability(stability));
            tail.extend(numbers.into_iter().map(Token::Number));
        }
        if modifier.dev && !stable {
            tail.push(Token::Stability(Stability::Dev));
        }
        Self::Numbered { numbers, tail }
    }
}

/// `v1`, `1.2.3.4`, each with a modifier; the first number has at most five digits, or it is a date.
fn parse_classical(text: &str) -> Option<ComposerVersion> {
    let (mut numbers, rest) = leading_numbers(text)?;
    let modifier = Modifier::parse(rest)?;
    numbers.resize(4, Number::ZERO);
    Some(ComposerVersion::new(numbers, modifier))
}

/// Up to four numbers and what follows them.
fn leading_numbers(text: &str) -> Option<(Vec<Number>, &str)> {
    let text = strip_prefix_ignoring_case(text, "v").unwrap_or(text);
    let (first, mut rest) = split_digits(text);
    if first.len() > 5 {
        return None;
    }
    let mut numbers = vec![Number::parse(first)?];
    while numbers.len() < 4 {
        let Some((digits, after)) = rest.strip_prefix('.').map(split_digits) else { break };
        let Some(number) = Number::parse(digits) else { break };
        numbers.push(number);
        rest = after;
    }
    Some((numbers, rest))
}

/// `2010-01-02`, `20100102.1`: a year, one to six groups of two digits, up to two of one to three digits.
fn parse_date(text: &str) -> Option<ComposerVersion> {
    let text = strip_prefix_ignoring_case(text, "v").unwrap_or(text);
    if split_digits(text).0.len() < 4 {
        return None;
    }
    // The groups need no separators, so every place where one may end is followed.
    let mut ends = vec![4];
    let mut complete = Vec::new();
    for _ in 0..6 {
        ends = ends.iter().filter_map(|&end| group_end(text, end, 2)).collect();
        complete.extend_from_slice(&ends);
    }
    for _ in 0..2 {
        let longer: Vec<usize> =
            complete.iter().flat_map(|&end| (1..=3).filter_map(move |digits| group_end(text, end, digits))).collect();
        complete.extend(longer);
        complete.sort_unstable();
        complete.dedup();
    }
    complete.into_iter().rev().find_map(|end| {
        let modifier = Modifier::parse(&text[end..])?;
        let numbers = text[..end].split(['.', ':', '-']).map(Number::parse).collect::<Option<Vec<_>>>()?;
        Some(ComposerVersion::new(numbers, modifier))
    })
}

/// Where a group of exactly `digits` digits ends that starts at `start`, after an optional separator.
fn group_end(text: &str, start: usize, digits: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let start = if matches!(bytes.get(start), Some(b'.' | b':' | b'-')) { start + 1 } else { start };
    let group = bytes.get(start..start + digits)?;
    group.iter().all(u8::is_ascii_digit).then_some(start + digits)
}

/// `1.x-dev`, `2.1.*-dev`: a branch that is named for the versions it leads to.
fn parse_numeric_branch(text: &str) -> Option<ComposerVersion> {
    let name = strip_suffix_ignoring_case(text, "dev")?;
    let name = name.strip_suffix(['.', '-']).unwrap_or(name).trim();
    let name = strip_prefix_ignoring_case(name, "v").unwrap_or(name);
    let mut numbers = Vec::with_capacity(4);
    for part in name.split('.') {
        let any = !numbers.is_empty() && matches!(part, "x" | "X" | "*");
        numbers.push(if any { Number::Small(ANY_NUMBER) } else { Number::parse(part)? });
    }
    if numbers.len() > 4 {
        return None;
    }
    numbers.resize(4, Number::Small(ANY_NUMBER));
    Some(ComposerVersion::Numbered { numbers, tail: vec![Token::Stability(Stability::Dev)] })
}

impl Modifier {
    /// Reads all of `text` as a modifier; the empty text is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Both separators are optional, so `.dev` may be read with or without the first one.
        let rest = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
        Self::parse_words(rest).or_else(|| Self::parse_words(text))
    }

    fn parse_words(text: &str) -> Option<Self> {
        let Some((stability, rest)) = leading_stability(text) else {
            return Some(Self { stability: None, dev: parse_dev(text)? });
        };
        let mut numbers = Vec::new();
        let mut rest = rest;
        loop {
            let (digits, after) = split_digits(rest.strip_prefix(['.', '-']).unwrap_or(rest));
            let Some(number) = Number::parse(digits) else { break };
            numbers.push(number);
            rest = after;
        }
        Some(Self { stability: Some((stability, numbers)), dev: parse_dev(rest)? })
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.stability.is_none() && !self.dev
    }
}

/// Whether `text` is `dev` or, when empty, is not; anything else is no end of a modifier.
fn parse_dev(text: &str) -> Option<bool> {
    if text.is_empty() {
        return Some(false);
    }
    text.strip_prefix(['.', '-']).unwrap_or(text).eq_ignore_ascii_case("dev").then_some(true)
}

fn leading_stability(text: &str) -> Option<(Stability, &str)> {
    const WORDS: [(&str, Stability); 9] = [
        ("stable", Stability::Stable),
        ("beta", Stability::Beta),
        ("b", Stability::Beta),
        ("RC", Stability::ReleaseCandidate),
        ("alpha", Stability::Alpha),
        ("a", Stability::Alpha),
        ("patch", Stability::Patch),
        ("pl", Stability::Patch),
        ("p", Stability::Patch),
    ];
    WORDS.iter().find_map(|(word, stability)| Some((*stability, strip_prefix_ignoring_case(text, word)?)))
}

/// `dev-main as 1.0.0` is `dev-main`.
pub(super) fn strip_alias(text: &str) -> &str {
    match text.split_once(" as ") {
        Some((version, alias)) => {
            let (version, alias) = (version.trim_end_matches(' '), alias.trim_start_matches(' '));
            let single = |part: &str| !part.is_empty() && !part.contains([',', ' ', '\t', '\n']);
            if single(version) && single(alias) { version } else { text }
        }
        None => text,
    }
}

/// `1.0@beta` is `1.0` and the flag `beta`.
pub(super) fn strip_stability_flag(text: &str) -> (&str, Option<Stability>) {
    const FLAGS: [(&str, Stability); 5] = [
        ("@stable", Stability::Stable),
        ("@RC", Stability::ReleaseCandidate),
        ("@beta", Stability::Beta),
        ("@alpha", Stability::Alpha),
        ("@dev", Stability::Dev),
    ];
    FLAGS
        .iter()
        .find_map(|(flag, stability)| Some((strip_suffix_ignoring_case(text, flag)?, Some(*stability))))
        .unwrap_or((text, None))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let start = text.len().checked_sub(suffix.len())?;
    text.get(start..)?.eq_ignore_ascii_case(suffix).then(|| &text[..start])
}

impl Ord for ComposerVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Branch(left), Self::Branch(right)) => left.cmp(right),
            (Self::Branch(_), Self::Numbered { .. }) => Ordering::Less,
            (Self::Numbered { .. }, Self::Branch(_)) => Ordering::Greater,
            (
                Self::Numbered { numbers: left_numbers, tail: left_tail },
                Self::Numbered { numbers: right_numbers, tail: right_tail },
            ) => {
                let rank = |numbers: &[Number], tail: &[Token], position: usize| match numbers.get(position) {
                    Some(number) => Rank::Number(number.clone()),
                    None => tail.get(position - numbers.len()).map_or(Rank::End, Rank::from),
                };
                let longest = (left_numbers.len() + left_tail.len()).max(right_numbers.len() + right_tail.len());
                (0..longest)
                    .map(|position| {
                        rank(left_numbers, left_tail, position).cmp(&rank(right_numbers, right_tail, position))
                    })
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }
        }
    }
}

/// How `version_compare` ranks what stands at one position; the end of a version ranks between `RC` and any number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Unknown,
    Unstable(Stability),
    End,
    Number(Number),
    Patch,
}

impl From<&Token> for Rank {
    fn from(token: &Token) -> Self {
        match token {
            Token::Stability(Stability::Patch) => Self::Patch,
            Token::Stability(stability) => Self::Unstable(*stability),
            Token::Number(number) => Self::Number(number.clone()),
            Token::Unknown => Self::Unknown,
        }
    }
}

impl PartialOrd for ComposerVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ComposerVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ComposerVersion {}
