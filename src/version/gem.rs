//! RubyGems' versions in the order of `Gem::Version`
//! (<https://docs.ruby-lang.org/en/master/Gem/Version.html>), which CocoaPods took over with another grammar.

use std::cmp::Ordering;

use super::number::Number;

/// A version in its canonical form: without zeros at the end of its numbers and at the end of what follows them.
#[derive(Debug, Clone)]
pub(super) struct GemVersion {
    segments: Vec<Segment>,
    prerelease: bool,
}

/// A part of a version. Letters rank below numbers, so that pre-releases come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Letters(String),
    Number(Number),
}

impl GemVersion {
    /// Reads what `Gem::Version.correct?` accepts; the empty text is `0`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (numbers, dashed) = text.split_once('-').map_or((text, None), |(numbers, rest)| (numbers, Some(rest)));
        let mut parts = numbers.split('.');
        let correct = (text.is_empty() || Number::parse(parts.next()?).is_some())
            && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            && dashed.is_none_or(is_dashed_list);
        correct.then(|| Self::new(&text.replace('-', ".pre.")))
    }

    /// Reads the version of a pod: a hyphen is one more separator, and build metadata has no part in the order.
    pub(super) fn parse_pod(text: &str) -> Option<Self> {
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let mut parts = text.split(['.', '-']);
        Number::parse(parts.next()?)?;
        parts.all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| Self::new(text))
    }

    fn new(text: &str) -> Self {
        let mut segments = scan(text);
        let letters = segments.iter().position(|segment| matches!(segment, Segment::Letters(_)));
        let tail = segments.split_off(letters.unwrap_or(segments.len()));
        let mut canonical = without_zeros(segments);
        canonical.extend(without_zeros(tail));
        let prerelease = text.bytes().any(|byte| byte.is_ascii_alphabetic());
        Self { segments: canonical, prerelease }
    }

    /// Whether a letter is in it.
    pub(super) fn is_prerelease(&self) -> bool {
        self.prerelease
    }

    /// The release that it leads to: `1.2.rc1` leads to `1.2`.
    pub(super) fn released(&self) -> Self {
        if !self.prerelease {
            return self.clone();
        }
        Self { segments: without_zeros(self.numbers().into_iter().map(Segment::Number).collect()), prerelease: false }
    }

    /// The first version that `~>` excludes: of the numbers of `written` the last is dropped and the one before it raised.
    pub(super) fn bumped(written: &str) -> Self {
        let mut numbers: Vec<Number> = scan(&written.replace('-', ".pre."))
            .into_iter()
            .map_while(|segment| match segment {
                Segment::Number(number) => Some(number),
                Segment::Letters(_) => None,
            })
            .collect();
        if numbers.len() > 1 {
            numbers.pop();
        }
        let last = numbers.pop().unwrap_or(Number::ZERO).next();
        numbers.push(last);
        Self { segments: numbers.into_iter().map(Segment::Number).collect(), prerelease: false }
    }

    /// The numbers at its front.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let number = |segment: &Segment| match segment {
            Segment::Number(number) => Some(number.clone()),
            Segment::Letters(_) => None,
        };
        self.segments.iter().map_while(number).collect()
    }
}

/// What may follow the first hyphen: `beta.1-x`.
fn is_dashed_list(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The runs of digits and the runs of letters.
fn scan(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let same = |character: char| {
            if digits { character.is_ascii_digit() } else { character.is_ascii_alphabetic() }
        };
        let end = rest.find(|character| !same(character)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end.max(first.len_utf8()));
        if digits {
            segments.extend(Number::parse(run).map(Segment::Number));
        } else if first.is_ascii_alphabetic() {
            segments.push(Segment::Letters(run.to_owned()));
        }
        rest = after;
    }
    segments
}

fn without_zeros(mut segments: Vec<Segment>) -> Vec<Segment> {
    while matches!(segments.last(), Some(Segment::Number(number)) if number.is_zero()) {
        segments.pop();
    }
    segments
}

impl Ord for GemVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        const ZERO: Segment = Segment::Number(Number::ZERO);
        let longest = self.segments.len().max(other.segments.len());
        (0..longest)
            .map(|position| {
                let (left, right) = (self.segments.get(position), other.segments.get(position));
                left.unwrap_or(&ZERO).cmp(right.unwrap_or(&ZERO))
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for GemVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for GemVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for GemVersion {}
