//! Yarn classic's own format, read line by line: keys without indentation, fields at two spaces, requirements at four
//! (<https://github.com/yarnpkg/yarn/blob/v1.22.22/src/lockfile/parse.js>).

use std::borrow::Cow;

use memchr::memchr3;

use super::super::contract::npm::requirement::{alias, is_local};
use super::super::contract::{ParseError, check_package_count};
use super::entry::{Entry, split_descriptor};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// What Yarn writes on top; a higher number is of a format that nobody knows.
pub(super) const HEADER: &str = "# yarn lockfile v";

/// The fields that list requirements.
const LISTS: [&str; 2] = ["dependencies", "optionalDependencies"];

/// Reads the entries.
pub(super) fn read(text: &str) -> Result<Vec<Entry<'_>>, ParseError> {
    let mut reader = Reader { entries: Vec::new(), is_list: None };
    for (number, line) in (1..=u32::MAX).zip(text.lines()) {
        reader.line(number, line).map_err(|message| ParseError::new(message).at_line(number))?;
    }
    check_package_count(reader.entries.len())?;
    for entry in &mut reader.entries {
        // A folder has no address but the one that is asked for.
        if entry.resolved.is_none() {
            entry.resolved = entry.descriptors.iter().map(|(_, range)| range).find(|range| is_local(range)).cloned();
        }
        let doubts: Vec<Doubt> = doubt_version(entry).into_iter().chain(doubt_names(entry)).collect();
        entry.doubts.extend(doubts);
    }
    Ok(reader.entries)
}

/// Why the version of an entry is none that Yarn installs: it writes exact ones, and goes by `resolved`, or asks the registry
/// anew, whatever stands there.
fn doubt_version(entry: &Entry<'_>) -> Option<Doubt> {
    if version::parse(Ecosystem::Npm, &entry.version).is_ok() || entry.resolved.as_deref().is_some_and(is_local) {
        return None;
    }
    let other = entry.version.strip_prefix("npm:").and_then(|target| target.rsplit_once('@'));
    let reason = format!("its `version` is `{}`, which is no version", entry.version);
    Some(Doubt::contradiction(reason, other.filter(|(name, _)| !name.is_empty())))
}

/// The package that a descriptor asks for, which an alias names behind its own name.
fn asked_name<'e>((name, range): &'e (Cow<'_, str>, Cow<'_, str>)) -> &'e str {
    alias(range).map_or(name.as_ref(), |(name, _)| name)
}

/// Which other packages an entry stands for: without an address that tells which it is, Yarn asks the registry for the one
/// that it looks the entry up for.
fn doubt_names(entry: &Entry<'_>) -> Vec<Doubt> {
    let mut others: Vec<&str> = entry.descriptors.iter().map(asked_name).filter(|name| *name != entry.name).collect();
    others.sort_unstable();
    others.dedup();
    let doubt =
        |other: &str| Doubt::contradiction(format!("its key names {other}, too"), Some((other, &entry.version)));
    others.into_iter().map(doubt).collect()
}

struct Reader<'a> {
    entries: Vec<Entry<'a>>,
    /// Inside a field with lines of its own: whether it lists requirements.
    is_list: Option<bool>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: u32, line: &'a str) -> Result<(), String> {
        let content = line.trim_start_matches(' ');
        if content.is_empty() {
            return Ok(());
        }
        if content.starts_with('#') {
            return check_header(content);
        }
        let misplaced = || "read it: a line is not indented as Yarn indents it".to_owned();
        match line.len() - content.len() {
            0 => {
                self.is_list = None;
                self.entries.push(key(number, content)?);
                Ok(())
            }
            2 => self.field(content),
            4 => {
                let is_list = self.is_list.ok_or_else(misplaced)?;
                let (name, rest) = word(content).ok_or_else(|| unreadable(content))?;
                let (range, rest) = word(rest.trim_start_matches(' ')).ok_or_else(|| unreadable(content))?;
                end(rest)?;
                let entry = self.entries.last_mut().ok_or_else(misplaced)?;
                if is_list {
                    entry.requirements.push((name, range));
                }
                Ok(())
            }
            _ => Err(misplaced()),
        }
    }

    /// A field of an entry, or the head of one that has lines of its own.
    fn field(&mut self, content: &'a str) -> Result<(), String> {
        let entry = self.entries.last_mut().ok_or("read it: a field stands before any entry")?;
        let (name, rest) = word(content).ok_or_else(|| unreadable(content))?;
        self.is_list = None;
        if let Some(rest) = rest.strip_prefix(':') {
            self.is_list = Some(LISTS.contains(&name.as_ref()));
            return end(rest);
        }
        let (value, rest) = word(rest.trim_start_matches(' ')).ok_or_else(|| unreadable(content))?;
        end(rest)?;
        match name.as_ref() {
            "version" => entry.version = value,
            "resolved" => {
                // Before it wrote `integrity`, Yarn wrote the hash behind the address.
                entry.is_checked = Some(entry.is_checked == Some(true) || value.contains('#'));
                entry.resolved = Some(value);
            }
            "integrity" => entry.is_checked = Some(true),
            _ => {}
        }
        Ok(())
    }
}

fn check_header(comment: &str) -> Result<(), String> {
    match comment.strip_prefix(HEADER) {
        Some(version) if version.trim() != "1" => {
            let version = version.trim().escape_debug().to_string();
            Err(format!("read it: its format has version {version}, versions 1 and those with `__metadata` are read"))
        }
        _ => Ok(()),
    }
}

/// The descriptors of an entry, separated by commas, and the colon behind them.
fn key(number: u32, content: &str) -> Result<Entry<'_>, String> {
    let mut descriptors = Vec::new();
    let mut rest = content;
    loop {
        let (text, after) = descriptor(rest).ok_or_else(|| unreadable(content))?;
        descriptors.push(text);
        rest = after.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start_matches(' ');
        } else {
            end(rest.strip_prefix(':').ok_or_else(|| unreadable(content))?)?;
            break;
        }
    }
    let descriptors: Vec<(Cow<'_, str>, Cow<'_, str>)> = descriptors.into_iter().map(split).collect();
    let name = descriptors.first().map(|(name, range)| match alias(range) {
        Some((name, _)) => Cow::Owned(name.to_owned()),
        None => name.clone(),
    });
    Ok(Entry {
        line: number,
        descriptors,
        name: name.unwrap_or_default(),
        version: Cow::Borrowed(""),
        resolved: None,
        requirements: Vec::new(),
        workspace: None,
        patch: None,
        archive: None,
        is_checked: Some(false),
        doubts: Vec::new(),
    })
}

fn split(text: Cow<'_, str>) -> (Cow<'_, str>, Cow<'_, str>) {
    match text {
        Cow::Borrowed(text) => {
            let (name, range) = split_descriptor(text).unwrap_or((text, ""));
            (Cow::Borrowed(name), Cow::Borrowed(range))
        }
        Cow::Owned(text) => {
            let (name, range) = split_descriptor(&text).unwrap_or((&text, ""));
            (Cow::Owned(name.to_owned()), Cow::Owned(range.to_owned()))
        }
    }
}

fn unreadable(content: &str) -> String {
    let shown: String = content.chars().take(80).collect();
    format!("read `{}` as Yarn writes it", shown.escape_debug())
}

fn end(rest: &str) -> Result<(), String> {
    if rest.trim().is_empty() { Ok(()) } else { Err(unreadable(rest)) }
}

/// A quoted or a plain word, and what follows it.
fn word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = memchr3(b' ', b':', b',', text.as_bytes()).unwrap_or(text.len());
    let (word, rest) = (text.get(..end)?, text.get(end..)?);
    plain(word).then_some((Cow::Borrowed(word), rest))
}

/// As a word; the colon that ends a key is the last sign of the line.
fn descriptor(text: &str) -> Option<(Cow<'_, str>, &str)> {
    word(text).filter(|(text, _)| !text.is_empty())
}

/// Yarn quotes whatever has another sign in it, or begins with another (`shouldWrapKey` of its `stringify.js`).
fn plain(word: &str) -> bool {
    let first = word.bytes().next();
    first.is_some_and(|first| first.is_ascii_alphanumeric() || b"/.-".contains(&first))
        && !word.contains(['"', '\\', '\t', '[', ']'])
}

/// A string of JSON.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.get(1..)?;
    let end = inner.find(['"', '\\'])?;
    if inner.as_bytes().get(end) == Some(&b'"') {
        return Some((Cow::Borrowed(inner.get(..end)?), inner.get(end + 1..)?));
    }
    let mut end = end;
    loop {
        match inner.as_bytes().get(end)? {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    let decoded: String = serde_json::from_str(text.get(..end + 2)?).ok()?;
    Some((Cow::Owned(decoded), inner.get(end + 1..)?))
}
