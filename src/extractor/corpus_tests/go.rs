//! Modules of Go and their sums.

use std::collections::HashSet;

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format { folder: "gomod", name: "go.mod", count: modules, refused: &[], has_names_on_lines: false },
    Format { folder: "gosum", name: "go.sum", count: sums, refused: &[], has_names_on_lines: true },
];

/// Every word before a version on a line that is not about replacing, excluding or retracting; and two for Go itself.
fn modules(text: &str) -> usize {
    let lines = || text.lines().map(str::trim);
    let is_version = |word: &str| word.starts_with('v') && word.contains('.');
    let required: HashSet<&str> = lines()
        .filter(|line| !line.contains("=>") && !line.starts_with("exclude") && !line.starts_with("retract"))
        .filter_map(|line| {
            let words: Vec<&str> = line.trim_start_matches("require ").split_whitespace().collect();
            (words.len() > 1 && is_version(words[1])).then(|| words[0])
        })
        .filter(|path| !path.starts_with("//"))
        .collect();
    let go = lines().any(|line| line.starts_with("go "));
    required.len() + if go { 2 } else { 0 }
}

fn sums(text: &str) -> usize {
    let built = text.lines().filter(|line| line.contains(" h1:") && !line.contains("/go.mod h1:"));
    built.collect::<HashSet<_>>().len()
}
