//! Lockfiles of Bundler.

use std::collections::HashSet;

use super::Format;

pub(super) const FORMATS: &[Format] =
    &[Format { folder: "gemfile", name: "Gemfile.lock", count: gems, refused: &[], has_names_on_lines: true }];

/// Sections end with a blank line; a gem of several platforms has the same text before the dash of its version.
fn gems(text: &str) -> usize {
    let text = text.replace("\r\n", "\n");
    let sections = text.split("\n\n").filter(|section| section.contains("\n  specs:"));
    let distinct = |section: &str| {
        let specs = section.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
        let names = specs.map(|line| match line.find('(').and_then(|open| Some(open + line[open..].find('-')?)) {
            Some(dash) => line[..dash].to_owned(),
            None => line.trim_end_matches(')').to_owned(),
        });
        names.collect::<HashSet<_>>().len()
    };
    sections.map(distinct).sum()
}
