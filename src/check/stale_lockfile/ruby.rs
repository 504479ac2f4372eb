//! Gemfile.lock: its list of what the Gemfile asks for.

use std::collections::HashSet;

use super::{Misfit, Pair};

pub(super) fn compare(pair: &Pair<'_>) -> Option<Misfit> {
    let manifest = pair.beside("Gemfile")?;
    let listed: HashSet<&str> = pair
        .lock
        .lines()
        .skip_while(|line| *line != "DEPENDENCIES")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.trim().split([' ', '!']).next())
        .collect();
    // Conditions and other code decide what is asked for: only lines that stand alone count, in a file without any.
    let is_code = |line: &&str| {
        let first = line.split([' ', '(']).next().unwrap_or_default();
        matches!(first, "if" | "unless" | "case" | "while" | "def" | "=begin" | "__END__" | "install_if" | "env")
            || line.contains("<<")
    };
    if listed.is_empty() || manifest.lines().map(str::trim_start).any(|line| is_code(&line)) {
        return None;
    }
    manifest.lines().find_map(|line| {
        let rest = line.strip_prefix("gem ")?;
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let (name, rest) = rest.get(1..)?.split_once(quote)?;
        let is_plain =
            !name.contains("#{") && ![" if ", " unless ", "install_if"].iter().any(|word| rest.contains(word));
        (is_plain && !listed.contains(name)).then(|| {
            Misfit::new(pair.line_with("DEPENDENCIES"), format!("`{name}`, which the Gemfile asks for, is not in it"))
        })
    })
}
