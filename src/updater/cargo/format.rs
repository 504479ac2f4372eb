//! The format of a Cargo.lock: Cargo writes a newer one whenever it changes something, and the old one is put back.
//!
//! Version 1 keeps checksums apart and names every package in full; version 2 has no line with its number; 3 and 4 differ in
//! how they write addresses of git repositories.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::sandbox::layout;

/// What the checksums of version 1 begin with.
const CHECKSUM: &str = "\"checksum ";

/// The lockfile that Cargo wrote, in the format that it had before.
pub(super) fn restore(before: &str, after: &str) -> String {
    let restored = match (of(before), version_line(after)) {
        (Format::First, None) if of(after) == Format::First => after.to_owned(),
        (Format::First, _) => first(before, after).unwrap_or_else(|| after.to_owned()),
        (Format::Second, Some(line)) => after.replacen(&format!("{line}\n\n"), "", 1),
        (Format::Numbered(old), Some(new)) if old != new && is_same_for(after) => after.replacen(new, old, 1),
        _ => after.to_owned(),
    };
    layout::line_ends_like(before, &restored)
}

/// Versions 3 and 4 differ only in the addresses of git repositories with a branch, tag or revision that has special
/// characters.
fn is_same_for(after: &str) -> bool {
    after.lines().filter(|line| line.contains("git+")).all(|line| !line.contains('%'))
}

#[derive(PartialEq, Eq)]
enum Format<'a> {
    First,
    Second,
    Numbered(&'a str),
}

fn of(text: &str) -> Format<'_> {
    match version_line(text) {
        Some(line) => Format::Numbered(line),
        None if text.lines().any(|line| line.starts_with(CHECKSUM)) => Format::First,
        None => Format::Second,
    }
}

/// The version of a format, in a word of its own.
pub(super) fn name(text: &str) -> String {
    match of(text) {
        Format::First => "version = 1".to_owned(),
        Format::Second => "version = 2".to_owned(),
        Format::Numbered(line) => line.to_owned(),
    }
}

/// The line that says which version the lockfile's format has; absent before version 3.
fn version_line(text: &str) -> Option<&str> {
    text.lines().take_while(|line| !line.starts_with("[[")).find(|line| line.starts_with("version = "))
}

/// Version 1 of what a later version says.
fn first(before: &str, after: &str) -> Option<String> {
    let lock: toml::Table = crate::model::bounded_toml::from_str(after).ok()?;
    let packages = lock.get("package")?.as_array()?;
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let full = |package: &toml::Value| -> Option<String> {
        let source = text(package, "source").map(|source| format!(" ({source})")).unwrap_or_default();
        Some(format!("{} {}{source}", text(package, "name")?, text(package, "version")?))
    };
    let find = |edge: &str| -> Option<String> {
        let mut words = edge.splitn(3, ' ');
        let (name, version) = (words.next()?, words.next());
        let is_it = |package: &&toml::Value| {
            text(package, "name").as_deref() == Some(name)
                && version.is_none_or(|version| text(package, "version").as_deref() == Some(version))
        };
        packages.iter().find(is_it).and_then(full)
    };
    let head: Vec<&str> = before.lines().take_while(|line| line.starts_with('#')).collect();
    let mut written: String = head.iter().map(|line| format!("{line}\n")).collect();
    let mut checksums: BTreeMap<String, String> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let _ = writeln!(written, "{gap}[[package]]");
        for key in ["name", "version", "source"] {
            if let Some(value) = text(package, key) {
                let _ = writeln!(written, "{key} = \"{value}\"");
            }
        }
        let edges = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        let edges: Vec<String> = edges.map(|edge| find(edge.as_str()?)).collect::<Option<_>>()?;
        if !edges.is_empty() {
            let lines: String = edges.iter().map(|edge| format!(" \"{edge}\",\n")).collect();
            let _ = write!(written, "dependencies = [\n{lines}]\n");
        }
        if let Some(checksum) = text(package, "checksum") {
            checksums.insert(format!("{CHECKSUM}{}\"", full(package)?), checksum);
        } else {
            // What has none says so, where it did.
            let key = format!("{CHECKSUM}{}\"", full(package)?);
            if before.lines().any(|line| line.starts_with(&key)) {
                checksums.insert(key, "<none>".to_owned());
            }
        }
    }
    let lines: String = checksums.iter().map(|(key, checksum)| format!("{key} = \"{checksum}\"\n")).collect();
    let _ = write!(written, "\n[metadata]\n{lines}");
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "# @generated\nversion = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b\",\n]\n\n\
        [[package]]\nname = \"b\"\nversion = \"2.0.0\"\nsource = \"registry+https://registry.example\"\nchecksum = \"ab\"\n";

    #[test]
    fn every_format_is_put_back() {
        let third = NEW.replace("version = 4", "version = 3");
        let second = NEW.replace("version = 4\n\n", "");
        let first = "# @generated\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \
            \"b 2.0.0 (registry+https://registry.example)\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\
            source = \"registry+https://registry.example\"\n\n[metadata]\n\
            \"checksum b 2.0.0 (registry+https://registry.example)\" = \"ab\"\n";
        for old in [NEW, &third, &second, first] {
            assert_eq!(restore(old, NEW), old);
            assert_eq!(name(&restore(old, NEW)), name(old));
        }
        let windows = NEW.replace('\n', "\r\n");
        assert_eq!(restore(&windows, NEW), windows);
    }
}
