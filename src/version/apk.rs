//! Alpine's versions in the order of apk-tools (`src/version.c`,
//! <https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/doc/apk-package.5.scd>).

use super::number::{Number, leading_numbers};

/// A version `number{.number}…{letter}{_suffix{number}}…{~hash}{-r#}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApkVersion {
    tokens: Vec<Token>,
}

/// What apk compares at one place, from the lowest to the highest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    /// `_alpha`, `_beta`, `_pre`, `_rc`.
    Before(PreSuffix),
    /// `_other`, which apk refuses in packages.
    UnknownSuffix,
    /// Where a version ends.
    End,
    /// `-r1`
    Revision(Number),
    /// `~0a1b2c`, a commit.
    Hash(String),
    /// The number behind a suffix.
    SuffixNumber(Number),
    /// `_cvs`, `_svn`, `_git`, `_hg`, `_p`.
    After(PostSuffix),
    /// The letter behind the numbers.
    Letter(char),
    /// The numbers behind the first.
    Digits(Digits),
    /// The first number.
    Initial(Number),
    /// Anything else; apk refuses it in packages, and apk 2 ranked it like this in comparisons.
    Invalid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PreSuffix {
    Alpha,
    Beta,
    Pre,
    Rc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PostSuffix {
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

/// A number behind a dot. As soon as one of two begins with a zero they are compared as text, so all that do come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Digits {
    /// The dot was the last character.
    Missing,
    /// `0`, `007`: compared as text.
    LeadingZero(String),
    /// Nothing, before another part.
    Empty,
    /// Without a zero at its front.
    Plain(Number),
}

impl ApkVersion {
    /// Reads any text but the empty one: `apk version -t` orders what it refuses to install, too.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let (digits, mut rest) = split_digits(text);
        let mut tokens = vec![Token::Initial(Number::parse(digits).unwrap_or(Number::ZERO))];
        while let Some(last) = tokens.last().filter(|last| !matches!(last, Token::UnknownSuffix | Token::Invalid)) {
            let Some((token, after)) = next_token(last, rest) else { break };
            tokens.push(token);
            rest = after;
        }
        if !matches!(tokens.last(), Some(Token::UnknownSuffix | Token::Invalid)) {
            tokens.push(Token::End);
        }
        Some(Self { tokens })
    }

    /// Whether one of `_alpha`, `_beta`, `_pre` and `_rc` is in it.
    pub(super) fn is_prerelease(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Before(_)))
    }

    /// The numbers at its front.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let number = |token: &Token| match token {
            Token::Initial(number) | Token::Digits(Digits::Plain(number)) => Some(number.clone()),
            Token::Digits(Digits::LeadingZero(digits)) => leading_numbers(digits).pop(),
            _ => None,
        };
        self.tokens.iter().map_while(number).collect()
    }
}

/// The next token and what follows it; `None` at the end.
fn next_token<'a>(last: &Token, text: &'a str) -> Option<(Token, &'a str)> {
    let first = text.chars().next()?;
    let rest = &text[first.len_utf8()..];
    let numeric = matches!(last, Token::Initial(_) | Token::Digits(_));
    let before_hash = !matches!(last, Token::Hash(_) | Token::Revision(_));
    Some(match first {
        'a'..='z' if numeric => (Token::Letter(first), rest),
        '.' if numeric => {
            let (digits, after) = split_digits(rest);
            (Token::Digits(Digits::new(digits, after)), after)
        }
        // apk 2 read `1.0p1`; apk 3 refuses it.
        '0'..='9' if matches!(last, Token::Letter(_)) => {
            let (digits, after) = split_digits(text);
            (Token::Digits(Digits::Plain(Number::parse(digits)?)), after)
        }
        '0'..='9' if matches!(last, Token::Before(_) | Token::After(_)) => {
            let (digits, after) = split_digits(text);
            (Token::SuffixNumber(Number::parse(digits)?), after)
        }
        '_' if before_hash && !rest.is_empty() => {
            let end = rest.find(|character: char| !character.is_ascii_lowercase()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            (suffix(word), after)
        }
        '~' if before_hash => {
            let end = rest.find(|c: char| !matches!(c, '0'..='9' | 'a'..='f')).unwrap_or(rest.len());
            let (hash, after) = rest.split_at(end);
            if hash.is_empty() { (Token::Invalid, rest) } else { (Token::Hash(hash.to_owned()), after) }
        }
        '-' if !matches!(last, Token::Revision(_)) => match rest.strip_prefix('r').map(split_digits) {
            // `-r` is `-r0` to apk 2.
            Some((digits, after)) => (Token::Revision(Number::parse(digits).unwrap_or(Number::ZERO)), after),
            None => (Token::Invalid, rest),
        },
        _ => (Token::Invalid, rest),
    })
}

impl Digits {
    fn new(digits: &str, after: &str) -> Self {
        match Number::parse(digits) {
            None if after.is_empty() => Self::Missing,
            None => Self::Empty,
            Some(_) if digits.starts_with('0') => Self::LeadingZero(digits.to_owned()),
            Some(number) => Self::Plain(number),
        }
    }
}

fn suffix(word: &str) -> Token {
    match word {
        "alpha" => Token::Before(PreSuffix::Alpha),
        "beta" => Token::Before(PreSuffix::Beta),
        "pre" => Token::Before(PreSuffix::Pre),
        "rc" => Token::Before(PreSuffix::Rc),
        "cvs" => Token::After(PostSuffix::Cvs),
        "svn" => Token::After(PostSuffix::Svn),
        "git" => Token::After(PostSuffix::Git),
        "hg" => Token::After(PostSuffix::Hg),
        "p" => Token::After(PostSuffix::P),
        _ => Token::UnknownSuffix,
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}
