//! Conan's versions: anything between dots, numbers where they are numbers (`conan/internal/model/version.py` of Conan 2).

use std::cmp::Ordering;

use super::number::Number;

/// A version.
#[derive(Debug, Clone)]
pub(super) struct ConanVersion {
    /// Without zeros at the end.
    main: Vec<Item>,
    pre: Option<Vec<Item>>,
    build: Option<Vec<Item>>,
}

/// What stands between two dots.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Number(Number),
    Word(String),
}

impl Item {
    fn parse(text: &str) -> Self {
        Number::parse(text).map_or_else(|| Self::Word(text.to_owned()), Self::Number)
    }

    fn text(&self) -> String {
        match self {
            Self::Number(Number::Small(number)) => number.to_string(),
            Self::Number(Number::Big(digits)) => digits.clone(),
            Self::Word(word) => word.clone(),
        }
    }

    /// As Conan compares: numbers as numbers, everything else as text, also a number with a word.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            _ => self.text().cmp(&other.text()),
        }
    }

    /// The digits in front, and whether there are none: Conan's own comparison has circles (`2 < 10 < 10a < 2`).
    fn key(&self) -> (bool, Number, String) {
        match self {
            Self::Number(number) => (false, number.clone(), String::new()),
            Self::Word(word) => {
                let end = word.find(|next: char| !next.is_ascii_digit()).unwrap_or(word.len());
                let (digits, rest) = word.split_at(end);
                let number = Number::parse(digits);
                (number.is_none(), number.unwrap_or(Number::ZERO), rest.to_owned())
            }
        }
    }
}

impl ConanVersion {
    /// Reads any text but the empty one; a `v` in front is none of it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('v').filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        let text = digits.unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        let (text, build) = text.rsplit_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (main, pre) = text.split_once('-').map_or((text, None), |(main, pre)| (main, Some(pre)));
        Some(Self { main: items(main), pre: pre.map(items), build: build.map(items) })
    }

    /// The numbers at the front.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let numbers = self.main.iter().map_while(|item| match item {
            Item::Number(number) => Some(number.clone()),
            Item::Word(_) => None,
        });
        numbers.collect()
    }

    /// Whether it is a pre-release.
    pub(super) fn is_prerelease(&self) -> bool {
        self.pre.is_some()
    }

    /// Compares as Conan does.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.compare_by(other, Item::compare)
    }

    fn compare_by(&self, other: &Self, compare: fn(&Item, &Item) -> Ordering) -> Ordering {
        let lists = |left: &[Item], right: &[Item]| {
            let differing =
                left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| left.len().cmp(&right.len()))
        };
        let some = |left: &Option<Vec<Item>>, right: &Option<Vec<Item>>, is_none: Ordering| match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => is_none,
            (Some(_), None) => is_none.reverse(),
            (Some(left), Some(right)) => lists(left, right),
        };
        lists(&self.main, &other.main)
            .then_with(|| some(&self.pre, &other.pre, Ordering::Greater))
            .then_with(|| some(&self.build, &other.build, Ordering::Less))
    }
}

/// What stands between the dots, without zeros at the end.
fn items(text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = text.split('.').map(Item::parse).collect();
    while items.last().is_some_and(|item| matches!(item, Item::Number(number) if number.is_zero())) {
        items.pop();
    }
    items
}

impl Ord for ConanVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare_by(other, |left, right| left.key().cmp(&right.key()))
    }
}

impl PartialOrd for ConanVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ConanVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ConanVersion {}
