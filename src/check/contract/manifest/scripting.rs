//! Gemfile, go.mod and mix.exs: lines that ask for a package, whatever the code around them does.

use super::lines::{any_version, asked, quoted};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "Gemfile",
        ecosystem: Ecosystem::RubyGems,
        locks: Locks::Above(&["Gemfile.lock", "gems.locked"]),
        read: read_gems,
    },
    Format {
        claims: |name| name == "gems.rb",
        ecosystem: Ecosystem::RubyGems,
        locks: Locks::Above(&["gems.locked", "Gemfile.lock"]),
        read: read_gems,
    },
    Format {
        claims: |name| name == "go.mod",
        ecosystem: Ecosystem::Go,
        locks: Locks::Above(&["go.sum", "go.work.sum"]),
        read: read_go,
    },
    Format {
        claims: |name| name == "mix.exs",
        ecosystem: Ecosystem::Hex,
        locks: Locks::Above(&["mix.lock"]),
        read: read_mix,
    },
];

/// `gem "name"[, "requirement"]…`.
fn read_gems(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let Some(rest) = line.trim_start().strip_prefix("gem ").or_else(|| line.trim_start().strip_prefix("gem("))
        else {
            continue;
        };
        // A name that is computed is not known.
        let Some((name, rest)) = rest.trim_start().starts_with(['"', '\'']).then(|| quoted(rest)).flatten() else {
            continue;
        };
        if has_option(rest, "path") {
            continue;
        }
        let rest = rest.trim_start().trim_start_matches(',').trim_start();
        let requirement = if rest.starts_with(['"', '\'']) { quoted(rest).map_or("", |(text, _)| text) } else { "" };
        let is_git = ["git", "github", "gitlab", "bitbucket"].iter().any(|option| has_option(rest, option));
        let loose = if is_git {
            let is_fixed = has_option(rest, "ref") || has_option(rest, "tag");
            (!is_fixed).then_some(Loose::Branch)
        } else if requirement.is_empty()
            && !(rest.is_empty() || rest.starts_with('#') || rest.contains(": ") || rest.contains("=>"))
        {
            // A variable or a method may give the version.
            None
        } else {
            any_version(requirement)
        };
        requests.push(Request { name: name.to_owned(), requirement: requirement.to_owned(), line: number, loose });
    }
    asked(requests)
}

/// `name: value` or `:name => value`.
fn has_option(rest: &str, name: &str) -> bool {
    rest.split(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '_' | ':')))
        .any(|word| word.strip_suffix(':') == Some(name) || word.strip_prefix(':') == Some(name))
}

/// Versions of go.mod are exact; without the hashes of go.sum, what they are may change. A module that a folder stands in for
/// has none (<https://go.dev/ref/mod#go-mod-file-replace>).
fn read_go(text: &str) -> Option<Asked> {
    let (mut requests, mut folders, mut block) = (Vec::new(), Vec::new(), "");
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.split("//").next().unwrap_or_default().trim();
        let directive = ["require", "replace"].into_iter().find(|name| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(|next: char| next.is_whitespace() || next == '('))
        });
        let (directive, rest) = match directive {
            Some(name) => (name, line.get(name.len()..).unwrap_or_default().trim()),
            None if line == ")" => {
                block = "";
                continue;
            }
            None => (block, line),
        };
        if rest == "(" {
            block = directive;
            continue;
        }
        let words: Vec<&str> = rest.split_whitespace().map(|word| word.trim_matches(['"', '`'])).collect();
        match (directive, words.as_slice()) {
            ("require", [name, version, ..]) => {
                let (name, requirement) = ((*name).to_owned(), (*version).to_owned());
                requests.push(Request { name, requirement, line: number, loose: None });
            }
            ("replace", [name, version @ .., "=>", target]) if is_folder(target) => {
                folders.push(((*name).to_owned(), version.first().map(|version| (*version).to_owned())));
            }
            _ => {}
        }
    }
    let is_in_a_folder = |request: &Request| {
        folders.iter().any(|(name, version)| {
            *name == request.name && version.as_ref().is_none_or(|version| *version == request.requirement)
        })
    };
    requests.retain(|request| !is_in_a_folder(request));
    asked(requests)
}

/// Whether a replacement is a folder: Go knows it by its beginning.
fn is_folder(target: &str) -> bool {
    ["./", "../", "/"].iter().any(|start| target.starts_with(start)) || matches!(target, "." | "..")
}

/// `{:name, "requirement"…}`, or an option instead of the requirement.
fn read_mix(text: &str) -> Option<Asked> {
    let mut requests = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim_start().trim_start_matches('[').trim_start();
        let Some(rest) = line.strip_prefix("{:") else { continue };
        let Some((name, rest)) = rest.split_once(',') else { continue };
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let rest = rest.trim_start();
        let requirement = rest.starts_with('"').then(|| quoted(rest)).flatten().map(|(text, _)| text);
        let is_git = has_option(rest, "git") || has_option(rest, "github");
        if !is_name || has_option(rest, "path") || has_option(rest, "in_umbrella") || (requirement.is_none() && !is_git)
        {
            continue;
        }
        let loose = if is_git {
            let is_fixed = has_option(rest, "ref") || has_option(rest, "tag");
            (!is_fixed).then_some(Loose::Branch)
        } else {
            any_version(requirement.unwrap_or_default())
        };
        let requirement = requirement.unwrap_or_default().to_owned();
        requests.push(Request { name: name.to_owned(), requirement, line: number, loose });
    }
    asked(requests)
}
