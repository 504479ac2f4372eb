//! Maven's versions as `ComparableVersion` of Maven 3.8 reads and compares them
//! (<https://maven.apache.org/pom.html#version-order-specification>).

use std::cmp::Ordering;

use super::number::Number;

/// The qualifiers that Maven knows, in its order; the empty one is a release.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// The place of a release among the qualifiers.
const RELEASE: usize = 5;

/// A version.
///
/// Maven nests lists: `1.2-x-3` is `[1, 2, [x, [3]]]`. A list is always the last member of the one around it, so the
/// lists stand here one after the other.
#[derive(Debug, Clone)]
pub(super) struct MavenVersion {
    /// As Maven nests them.
    exact: Vec<Vec<Item>>,
    /// The same so that no word has a successor in its list and every list begins with an item.
    regular: Vec<Vec<Item>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Number(Number),
    Qualifier(Qualifier),
}

/// A qualifier: those that Maven knows by their place, then all others by name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Qualifier {
    place: usize,
    /// Empty for known ones.
    name: String,
}

/// What stands at one place of a list.
#[derive(Clone, Copy)]
enum Member<'a> {
    Item(&'a Item),
    List(&'a [Vec<Item>]),
}

impl MavenVersion {
    /// Reads any text; Maven refuses none.
    pub(super) fn parse(text: &str) -> Self {
        let mut exact = Reader::read(&text.to_lowercase());
        for list in &mut exact {
            while list.last().is_some_and(Item::is_null) {
                list.pop();
            }
        }
        while exact.len() > 1 && exact.last().is_some_and(Vec::is_empty) {
            exact.pop();
        }
        let regular = regular(&exact);
        Self { exact, regular }
    }

    /// Compares as Maven does, which is no order: `1 < 1.sp.1 < 1-alpha < 1`.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_lists(&self.exact, &other.exact)
    }

    /// Whether a qualifier below a release is in it.
    pub(super) fn is_prerelease(&self) -> bool {
        self.exact.iter().flatten().any(|item| matches!(item, Item::Qualifier(word) if word.place < RELEASE))
    }

    /// The numbers at its front.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let number = |item: &Item| match item {
            Item::Number(number) => Some(number.clone()),
            Item::Qualifier(_) => None,
        };
        self.exact.first().into_iter().flatten().map_while(number).collect()
    }
}

/// The same version without the shapes that Maven compares in circles: what follows a word in its list, and lists that
/// begin with a list.
fn regular(exact: &[Vec<Item>]) -> Vec<Vec<Item>> {
    let mut lists: Vec<Vec<Item>> = vec![Vec::new()];
    for list in exact {
        if lists.last().is_some_and(|last| !last.is_empty()) {
            lists.push(Vec::new());
        }
        for item in list {
            let word_is_next_to_something = lists.last().is_some_and(|last| {
                matches!(last.last(), Some(Item::Qualifier(_)))
                    || (matches!(item, Item::Qualifier(_)) && !last.is_empty())
            });
            if word_is_next_to_something {
                lists.push(Vec::new());
            }
            if let Some(last) = lists.last_mut() {
                last.push(item.clone());
            }
        }
    }
    lists.retain_mut(|list| {
        while list.last().is_some_and(Item::is_null) {
            list.pop();
        }
        !list.is_empty()
    });
    lists
}

impl Item {
    /// Whether it means nothing at the end of a list.
    fn is_null(&self) -> bool {
        self.against_nothing().is_eq()
    }

    fn against_nothing(&self) -> Ordering {
        match self {
            Self::Number(number) => number.cmp(&Number::ZERO),
            Self::Qualifier(word) => word.place.cmp(&RELEASE),
        }
    }
}

impl Ord for Qualifier {
    fn cmp(&self, other: &Self) -> Ordering {
        // Java compares UTF-16.
        self.place.cmp(&other.place).then_with(|| self.name.encode_utf16().cmp(other.name.encode_utf16()))
    }
}

impl PartialOrd for Qualifier {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Qualifier {
    fn new(word: &str, before_digit: bool) -> Self {
        let word = match word {
            "a" if before_digit => "alpha",
            "b" if before_digit => "beta",
            "m" if before_digit => "milestone",
            "ga" | "final" | "release" => "",
            "cr" => "rc",
            other => other,
        };
        match QUALIFIERS.iter().position(|known| *known == word) {
            Some(place) => Self { place, name: String::new() },
            None => Self { place: QUALIFIERS.len(), name: word.to_owned() },
        }
    }
}

/// Collects the lists of a version.
struct Reader {
    lists: Vec<Vec<Item>>,
}

impl Reader {
    fn read(text: &str) -> Vec<Vec<Item>> {
        let mut reader = Self { lists: vec![Vec::new()] };
        // Where the item at hand starts, and whether it is a number.
        let (mut start, mut digits) = (0, false);
        for (position, character) in text.char_indices() {
            match character {
                '.' | '-' => {
                    reader.add(&text[start..position], digits);
                    start = position + 1;
                    if character == '-' {
                        reader.nest();
                    }
                }
                '0'..='9' => {
                    if !digits && position > start {
                        reader.nest_unless_empty();
                        reader.push(Item::Qualifier(Qualifier::new(&text[start..position], true)));
                        start = position;
                        reader.nest();
                    }
                    digits = true;
                }
                _ => {
                    if digits && position > start {
                        reader.add(&text[start..position], true);
                        start = position;
                        reader.nest();
                    }
                    digits = false;
                }
            }
        }
        if start < text.len() {
            if !digits {
                reader.nest_unless_empty();
            }
            reader.add(&text[start..], digits);
        }
        reader.lists
    }

    /// Adds what stands between two separators; nothing is a zero.
    fn add(&mut self, text: &str, digits: bool) {
        let number = if text.is_empty() { Some(Number::ZERO) } else { Number::parse(text).filter(|_| digits) };
        self.push(number.map_or_else(|| Item::Qualifier(Qualifier::new(text, false)), Item::Number));
    }

    fn push(&mut self, item: Item) {
        if let Some(list) = self.lists.last_mut() {
            list.push(item);
        }
    }

    fn nest(&mut self) {
        self.lists.push(Vec::new());
    }

    fn nest_unless_empty(&mut self) {
        if self.lists.last().is_some_and(|list| !list.is_empty()) {
            self.nest();
        }
    }
}

/// The member of the first list at a place: one of its items, or behind them the list inside it.
fn member(lists: &[Vec<Item>], position: usize) -> Option<Member<'_>> {
    let (first, inner) = lists.split_first()?;
    match first.get(position) {
        Some(item) => Some(Member::Item(item)),
        None if position == first.len() && !inner.is_empty() => Some(Member::List(inner)),
        None => None,
    }
}

fn compare_lists(left: &[Vec<Item>], right: &[Vec<Item>]) -> Ordering {
    let (mut left, mut right, mut position) = (left, right, 0);
    loop {
        let order = match (member(left, position), member(right, position)) {
            (None, None) => return Ordering::Equal,
            (Some(member), None) => against_nothing(member),
            (None, Some(member)) => against_nothing(member).reverse(),
            (Some(Member::List(inner_left)), Some(Member::List(inner_right))) => {
                // Nothing follows an inner list.
                (left, right, position) = (inner_left, inner_right, 0);
                continue;
            }
            (Some(Member::Item(left)), Some(Member::Item(right))) => compare_items(left, right),
            // A number is above a list, a list above a word.
            (Some(Member::Item(Item::Number(_))), Some(Member::List(_)))
            | (Some(Member::List(_)), Some(Member::Item(Item::Qualifier(_)))) => Ordering::Greater,
            (Some(Member::List(_)), Some(Member::Item(Item::Number(_))))
            | (Some(Member::Item(Item::Qualifier(_))), Some(Member::List(_))) => Ordering::Less,
        };
        if order.is_ne() {
            return order;
        }
        position += 1;
    }
}

fn compare_items(left: &Item, right: &Item) -> Ordering {
    match (left, right) {
        (Item::Number(left), Item::Number(right)) => left.cmp(right),
        (Item::Number(_), Item::Qualifier(_)) => Ordering::Greater,
        (Item::Qualifier(_), Item::Number(_)) => Ordering::Less,
        (Item::Qualifier(left), Item::Qualifier(right)) => left.cmp(right),
    }
}

/// The first item of a list, and of the lists inside it, that means something decides.
fn against_nothing(member: Member<'_>) -> Ordering {
    match member {
        Member::Item(item) => item.against_nothing(),
        Member::List(lists) => {
            lists.iter().flatten().map(Item::against_nothing).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
    }
}

/// The total order of the regular forms. It is Maven's own wherever Maven's is one.
impl Ord for MavenVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_lists(&self.regular, &other.regular)
    }
}

impl PartialOrd for MavenVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MavenVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MavenVersion {}
