//! Debian's versions `[epoch:]upstream[-revision]` in the order of dpkg
//! (<https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>, `lib/dpkg/version.c`).

use std::cmp::Ordering;

use super::number::{Number, leading_numbers};

/// A version with its epoch and revision.
#[derive(Debug, Clone)]
pub(super) struct DebianVersion {
    epoch: Number,
    upstream: String,
    /// Empty without a hyphen, which equals `0`.
    revision: String,
}

impl DebianVersion {
    /// Reads what `dpkg --compare-versions` reads: it warns about strange characters, and refuses an epoch that is no
    /// number, an empty part and blanks.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains(char::is_whitespace) {
            return None;
        }
        let (epoch, rest) = match text.split_once(':') {
            // dpkg reads it with `strtol`, which knows a sign.
            Some((epoch, rest)) => (Number::parse(epoch.strip_prefix('+').unwrap_or(epoch)).filter(is_epoch)?, rest),
            None => (Number::ZERO, text),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((_, "")) => return None,
            Some((upstream, revision)) => (upstream, revision),
            None => (rest, ""),
        };
        (!upstream.is_empty()).then(|| Self { epoch, upstream: upstream.to_owned(), revision: revision.to_owned() })
    }

    /// Whether a tilde marks it as earlier than a release.
    pub(super) fn is_prerelease(&self) -> bool {
        self.upstream.contains('~')
    }

    /// The epoch and the numbers at the front of the upstream version.
    pub(super) fn numbers(&self) -> (&Number, Vec<Number>) {
        (&self.epoch, leading_numbers(&self.upstream))
    }
}

/// dpkg keeps epochs in an `int`.
fn is_epoch(number: &Number) -> bool {
    *number <= Number::Small(i32::MAX.unsigned_abs().into())
}

/// Compares runs of other characters and runs of digits in turn, as dpkg's `verrevcmp` does.
pub(super) fn compare_parts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (left_text, right_text) = (take(&mut left, false), take(&mut right, false));
        let longest = left_text.len().max(right_text.len());
        let order = (0..longest)
            .map(|position| weight(left_text.get(position)).cmp(&weight(right_text.get(position))))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| compare_digits(take(&mut left, true), take(&mut right, true)));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// `~` before the end, the end before letters, letters before everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        // dpkg compares signed characters here.
        Some(other) => i32::from(other.cast_signed()) + 256,
    }
}

fn take<'a>(text: &mut &'a [u8], digits: bool) -> &'a [u8] {
    let end = text.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    *text = rest;
    head
}

fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let significant =
        |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').map_or(digits.len(), |position| position);
    let (left, right) = (&left[significant(left)..], &right[significant(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

impl Ord for DebianVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_parts(&self.upstream, &other.upstream))
            .then_with(|| compare_parts(&self.revision, &other.revision))
    }
}

impl PartialOrd for DebianVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebianVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebianVersion {}
