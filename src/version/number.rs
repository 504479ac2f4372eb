//! Numbers inside versions, which have no upper limit.

use std::cmp::Ordering;

/// A run of decimal digits as a number: `010` equals `10`.
#[derive(Debug, Clone)]
pub(super) enum Number {
    /// Almost every number there is.
    Small(u64),
    /// The digits of a number that needs more than 64 bits, without leading zeros.
    Big(String),
}

impl Number {
    /// Takes text that consists of one or more digits only.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Text of digits only fails to parse for one reason: it is too large.
        Some(text.parse().map_or_else(|_| Self::Big(text.trim_start_matches('0').to_owned()), Self::Small))
    }

    /// Zero, which pads versions with fewer parts.
    pub(super) const ZERO: Self = Self::Small(0);

    /// Whether it is zero.
    pub(super) fn is_zero(&self) -> bool {
        matches!(self, Self::Small(0))
    }

    /// The next number; numbers of more than 64 bits stay as they are.
    pub(super) fn next(&self) -> Self {
        match self {
            Self::Small(value) => Self::Small(value.saturating_add(1)),
            Self::Big(digits) => Self::Big(digits.clone()),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(left), Self::Small(right)) => left.cmp(right),
            (Self::Small(_), Self::Big(_)) => Ordering::Less,
            (Self::Big(_), Self::Small(_)) => Ordering::Greater,
            (Self::Big(left), Self::Big(right)) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

/// The numbers at the front of a text, separated by dots: those of `1.2.3rc1` are 1, 2 and 3.
pub(super) fn leading_numbers(text: &str) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        numbers.extend(Number::parse(digits));
        match after.strip_prefix('.') {
            Some(next) if !digits.is_empty() => rest = next,
            _ => return numbers,
        }
    }
}

/// Compares two lists of numbers, the shorter one padded with zeros.
pub(super) fn compare_padded(left: &[Number], right: &[Number]) -> Ordering {
    let longest = left.len().max(right.len());
    let part = |list: &'_ [Number], position: usize| list.get(position).cloned().unwrap_or(Number::ZERO);
    (0..longest)
        .map(|position| match (left.get(position), right.get(position)) {
            (Some(left), Some(right)) => left.cmp(right),
            _ => part(left, position).cmp(&part(right, position)),
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_upper_limit() {
        let number = |text: &str| Number::parse(text).expect("digits");
        assert!(number("9") < number("10"));
        assert!(number("18446744073709551615") < number("18446744073709551616"));
        assert!(number("99999999999999999999") < number("100000000000000000000"));
        assert_eq!(number("00000000000000000000000000001"), number("1"));
        assert_eq!(number("0018446744073709551616"), number("18446744073709551616"));
        assert!(Number::parse("").is_none());
        assert!(Number::parse("1a").is_none());
        assert!(Number::parse("-1").is_none());
    }
}
