//! npm's ranges (<https://github.com/npm/node-semver#ranges>), as `nodejs-semver` reads them.

use nodejs_semver::{Range, Version};

/// A range, read once so that many versions can be held against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NpmRange {
    alternatives: Vec<Alternative>,
}

/// One side of a `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    whole: Range,
    /// Of comparators that exclude each other, such as `<1 >=1`, the crate drops one and holds what npm does not. So each is
    /// asked on its own, without the rule on pre-releases, which looks at all of them together.
    comparators: Vec<Range>,
}

impl NpmRange {
    /// Reads a range; `None` for what is none: a tag, an address.
    pub(crate) fn parse(requirement: &str) -> Option<Self> {
        let alternative =
            |text: &str| Some(Alternative { whole: Range::parse(text.trim()).ok()?, comparators: comparators(text) });
        let alternatives = strip_alias(requirement).split("||").map(alternative).collect::<Option<_>>()?;
        Some(Self { alternatives })
    }

    /// Whether a version is in the range.
    pub(crate) fn admits(&self, version: &Version) -> bool {
        let holds = |alternative: &Alternative| {
            alternative.whole.satisfies(version)
                && alternative.comparators.iter().all(|range| range.satisfies_with_prerelease(version, true))
        };
        self.alternatives.iter().any(holds)
    }

    /// The lowest version that can be in the range.
    pub(crate) fn lowest(&self) -> Option<Version> {
        self.alternatives.iter().filter_map(|alternative| alternative.whole.min_version()).min()
    }
}

/// Whether a version is in a range; `None` when one of them cannot be read.
pub(super) fn satisfies(requirement: &str, version: &str) -> Option<bool> {
    let version = Version::parse(version).ok()?;
    Some(NpmRange::parse(requirement)?.admits(&version))
}

/// `npm:other@^1` installs another package under this name; the range follows its last `@`.
fn strip_alias(requirement: &str) -> &str {
    match requirement.strip_prefix("npm:") {
        Some(alias) => alias.rfind('@').filter(|&at| at > 0).map_or("*", |at| &alias[at + 1..]),
        None => requirement,
    }
}

/// The comparators of an alternative, as far as each can be read on its own.
fn comparators(alternative: &str) -> Vec<Range> {
    let words: Vec<&str> = alternative.split_whitespace().collect();
    if words.contains(&"-") {
        // A hyphen range is one comparator.
        return Vec::new();
    }
    let mut comparators = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let operator = word.bytes().all(|byte| b"<>=~^".contains(&byte));
        let comparator = if operator { format!("{word}{}", words.next().unwrap_or_default()) } else { word.to_owned() };
        comparators.extend(Range::parse(&comparator));
    }
    comparators
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_npm_holds() {
        for (range, version, expected) in [
            ("^1.2.3", "1.9.0", Some(true)),
            ("^1.2.3", "2.0.0", Some(false)),
            ("^0.2.3", "0.3.0", Some(false)),
            ("~1.2", "1.2.9", Some(true)),
            ("1.x || >=2.5.0 <3", "2.6.1", Some(true)),
            ("1.2 - 2.3", "2.3.9", Some(true)),
            ("", "1.0.0", Some(true)),
            ("*", "1.0.0-beta", Some(false)),
            ("^1.2.3-beta.2", "1.2.3-beta.4", Some(true)),
            ("^1.2.3-beta.2", "1.2.4-beta.4", Some(false)),
            (">=1.2.3-beta <2", "1.2.3-rc", Some(true)),
            ("> 1 <2", "1.5.0", Some(false)),
            ("<1 >=1", "1.0.0", Some(false)),
            ("<1 >=1 || ^3", "3.1.0", Some(true)),
            ("npm:@scope/other@^1.0.0", "1.4.0", Some(true)),
            ("npm:other", "1.4.0", Some(true)),
            ("latest", "1.0.0", None),
            ("git+https://git.example/a.git", "1.0.0", None),
            ("file:../a", "1.0.0", None),
            ("^1.0.0", "main", None),
        ] {
            assert_eq!(satisfies(range, version), expected, "{range} and {version}");
        }
    }
}
