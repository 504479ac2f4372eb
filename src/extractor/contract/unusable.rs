//! Entries that ask for something and that nobody can look up: counted, and the first of them named.

use crate::model::text::count;

/// So many are named.
const NAMED: usize = 3;

/// Longer names are cut.
const NAME: usize = 80;

/// One sentence about entries of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The line of the first, from 1.
    pub line: u32,
    /// One sentence without a period. May hold untrusted text.
    pub message: String,
}

/// The entries of one file that lack the same.
#[derive(Debug, Default)]
pub(in crate::extractor) struct Unusable {
    count: usize,
    line: u32,
    /// The first of them.
    named: Vec<String>,
}

impl Unusable {
    /// Notes an entry by the name that the file gives it.
    pub(in crate::extractor) fn add(&mut self, name: &str, line: u32) {
        self.line = if self.count == 0 { line } else { self.line.min(line) };
        self.count += 1;
        if self.named.len() < NAMED {
            let name: String = name.chars().take(NAME).collect();
            self.named.push(format!("`{}`", name.escape_debug()));
        }
    }

    /// The sentence: so many of `one` or `many`, what holds of them, and the first of them; nothing where there are none.
    pub(in crate::extractor) fn noted(&self, (one, many): (&str, &str), lack: (&str, &str)) -> Option<Noted> {
        let lack = if self.count == 1 { lack.0 } else { lack.1 };
        let more = match self.count - self.named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!("{} {lack}: {}{more}", count(self.count, one, many), self.named.join(", "));
        (self.count > 0).then_some(Noted { line: self.line, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_the_first_are_named() {
        let mut unusable = Unusable::default();
        let noted = |unusable: &Unusable| unusable.noted(("dependency", "dependencies"), ("has none", "have none"));
        assert_eq!(noted(&unusable), None);
        unusable.add("a\u{1b}", 7);
        assert_eq!(noted(&unusable).expect("one").message, "1 dependency has none: `a\\u{1b}`");
        for name in ["b", "c", "d", "e"] {
            unusable.add(name, 3);
        }
        let Noted { line, message } = noted(&unusable).expect("five");
        assert_eq!((line, message.as_str()), (3, "5 dependencies have none: `a\\u{1b}`, `b`, `c` and 2 more"));
    }
}
