//! Lines of manifests: where something stands, and quoted words in code.

use super::{Asked, Loose, Request};

/// The first line that is meant, from 1; the first line of all when none is.
pub(super) fn line_of(text: &str, is_meant: impl Fn(&str) -> bool) -> u32 {
    let position = text.lines().position(|line| is_meant(line.trim_start())).unwrap_or(0);
    u32::try_from(position + 1).unwrap_or(u32::MAX)
}

/// Lines by the key that they begin with, quoted or not: made once, asked for every package of a manifest.
pub(super) struct Keys<'a>(std::collections::HashMap<&'a str, Vec<u32>>);

impl<'a> Keys<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut keys: std::collections::HashMap<&str, Vec<u32>> = std::collections::HashMap::new();
        for (line, number) in text.lines().zip(1_u32..) {
            // Several on one line, as in `{"require": {"a/b": "1"}}`, all stand on it.
            for part in line.split(['{', ',']) {
                let part = part.trim_start().trim_start_matches("- ");
                let key = match part.chars().next() {
                    Some(quote @ ('"' | '\'')) => part.get(1..).and_then(|rest| rest.split(quote).next()),
                    _ => part.split([':', '=', ' ', '.']).next(),
                };
                if let Some(key) = key.filter(|key| !key.is_empty()) {
                    keys.entry(key).or_default().push(number);
                }
            }
        }
        Self(keys)
    }

    /// The first line at or behind `after` that has the key; `after` when none has.
    pub(super) fn line(&self, key: &str, after: u32) -> u32 {
        self.0.get(key).and_then(|lines| lines.iter().find(|line| **line >= after)).copied().unwrap_or(after)
    }
}

/// Counts lines on the way through a text, looking at each byte once.
pub(super) struct Counter<'a> {
    rest: &'a str,
    counted: usize,
    line: u32,
}

impl<'a> Counter<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text, counted: 0, line: 1 }
    }

    /// The line, from 1, of a place that is not before the last one.
    pub(super) fn at(&mut self, position: u64) -> u32 {
        let step = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(self.counted).min(self.rest.len());
        if let Some((passed, rest)) = self.rest.split_at_checked(step) {
            self.line = self.line.saturating_add(u32::try_from(passed.matches('\n').count()).unwrap_or(u32::MAX));
            (self.rest, self.counted) = (rest, self.counted + step);
        }
        self.line
    }
}

/// The requests of a format that is read line by line; `None` when there are none.
pub(super) fn asked(requests: Vec<Request>) -> Option<Asked> {
    let line = requests.first()?.line;
    Some(Asked { line, requests, ..Asked::default() })
}

/// The text inside the first quotes, and what follows them.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let start = text.find(['"', '\''])?;
    let quote = text.get(start..)?.chars().next()?;
    let rest = text.get(start + 1..)?;
    rest.split_once(quote)
}

/// Requirements that every version meets, in the grammar of most package managers.
pub(super) fn any_version(requirement: &str) -> Option<Loose> {
    let compact: String = requirement.chars().filter(|character| !character.is_whitespace()).collect();
    let any =
        ["", "*", "x", "X", "latest", "any", ">=0", ">=0.0", ">=0.0.0", ">=0.0.0-0", "x.x", "*.*", "*.*.*", "x.x.x"];
    any.contains(&compact.as_str()).then_some(Loose::AnyVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_behind_their_table() {
        let keys =
            Keys::of("{\n\"name\": \"x\",\n\"dev\": {\n  \"x\": \"1\",\"y\": \"2\"}}\n[a]\nb.workspace = true\n");
        assert_eq!((keys.line("x", 3), keys.line("y", 3), keys.line("b", 1), keys.line("z", 2)), (4, 4, 6, 2));
    }

    #[test]
    fn only_what_every_version_meets_is_any() {
        for any in ["*", "", " >= 0 ", "latest", "x", ">=0.0.0"] {
            assert_eq!(any_version(any), Some(Loose::AnyVersion), "{any}");
        }
        for some in ["^1", "1.*", ">=1", "0", "next"] {
            assert_eq!(any_version(some), None, "{some}");
        }
    }
}
