//! RPM's versions `[epoch:]version[-release]` in the order of `rpmvercmp`
//! (<https://rpm-software-management.github.io/rpm/manual/dependencies.html#versioning>, `rpmio/rpmvercmp.c`).

use std::cmp::Ordering;

use super::number::{Number, leading_numbers};

/// A version with its epoch and release.
#[derive(Debug, Clone)]
pub(super) struct RpmVersion {
    epoch: Number,
    version: Vec<Token>,
    /// `None` without a hyphen, which ranks below every release.
    release: Option<Vec<Token>>,
    numbers: Vec<Number>,
}

/// What `rpmvercmp` compares at one place. The order of the variants is its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    /// `~`: earlier than the version without it.
    Tilde,
    /// Where a version ends.
    End,
    /// `^`: later than the version without it, and earlier than any longer one.
    Caret,
    /// A run of letters.
    Letters(String),
    /// A run of digits.
    Digits(Number),
}

impl RpmVersion {
    /// Reads any text but the empty one. As in `rpmverParse`, only digits before the first colon are an epoch.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (epoch, rest) = match (text.get(..digits), text.get(digits..).and_then(|rest| rest.strip_prefix(':'))) {
            (Some(epoch), Some(rest)) => (Number::parse(epoch).unwrap_or(Number::ZERO), rest),
            _ => (Number::ZERO, text),
        };
        let (version, release) =
            rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
        Some(Self { epoch, version: tokens(version), release: release.map(tokens), numbers: leading_numbers(version) })
    }

    /// Whether a tilde marks it as earlier than a release.
    pub(super) fn is_prerelease(&self) -> bool {
        self.version.contains(&Token::Tilde)
    }

    /// The epoch and the numbers at the front of the upstream version.
    pub(super) fn numbers(&self) -> (&Number, &[Number]) {
        (&self.epoch, &self.numbers)
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |keep: fn(char) -> bool| rest.split_at(rest.find(|c: char| !keep(c)).unwrap_or(rest.len()));
        let (token, after) = match first {
            '~' => (Some(Token::Tilde), &rest[1..]),
            '^' => (Some(Token::Caret), &rest[1..]),
            '0'..='9' => {
                let (digits, after) = run(|character| character.is_ascii_digit());
                (Number::parse(digits).map(Token::Digits), after)
            }
            'a'..='z' | 'A'..='Z' => {
                let (letters, after) = run(|character| character.is_ascii_alphabetic());
                (Some(Token::Letters(letters.to_owned())), after)
            }
            // Everything else only separates.
            other => (None, &rest[other.len_utf8()..]),
        };
        tokens.extend(token);
        rest = after;
    }
    tokens.push(Token::End);
    tokens
}

impl Ord for RpmVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| self.version.cmp(&other.version))
            .then_with(|| self.release.cmp(&other.release))
    }
}

impl PartialOrd for RpmVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RpmVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for RpmVersion {}
