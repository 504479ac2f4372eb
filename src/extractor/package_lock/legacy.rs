//! Version 1: `dependencies` inside `dependencies`, and the manifest beside the file for who is direct.

use std::borrow::Cow;

use super::super::contract::json::Node;
use super::super::contract::text::Lines;
use super::super::contract::{ParseError, SourceFile, check_package_count};
use super::installed::{Installed, Instance};
use super::location::{location, name_of};
use super::packages::asked_anew;
use crate::model::dependency::Scope;
use crate::model::doubt::Doubt;

/// Reads the `dependencies` object.
pub(super) fn read<'a>(
    file: &SourceFile<'_>,
    dependencies: &'a Node<'_>,
    lines: &'a Lines,
) -> Result<Installed<'a>, ParseError> {
    let mut reader = Reader { installed: Installed::default(), lines, requirements: Vec::new() };
    let root = reader.add_level(dependencies, None)?;
    check_package_count(reader.requirements.len())?;
    for (parent, container, entry) in std::mem::take(&mut reader.requirements) {
        for (name, requirement) in entry.texts_at("requires") {
            reader.installed.require(Some(parent), container, name, requirement);
        }
    }
    let mut installed = reader.installed;
    require_from_manifest(file, &mut installed, root);
    Ok(installed)
}

struct Reader<'a, 'b> {
    installed: Installed<'a>,
    lines: &'a Lines,
    /// Each package with the folder from which it looks for what it requires.
    requirements: Vec<(usize, usize, &'a Node<'b>)>,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// Adds one `dependencies` object; the reader of JSON bounds how deep they nest.
    fn add_level(&mut self, level: &'a Node<'b>, above: Option<usize>) -> Result<usize, ParseError> {
        let container = self.installed.add_container(above);
        for member in level.members() {
            let entry = &member.value;
            let line = self.lines.at(member.offset);
            if !entry.is_object() {
                let message = format!("find an object under `{}`", member.key.escape_debug());
                return Err(ParseError::new(message).at_line(line));
            }
            let instance = instance(&member.key, entry, line);
            let place = instance_place(&member.key);
            let position = self.installed.add_instance(container, place, instance);
            let own = match entry.get("dependencies") {
                Some(nested) => self.add_level(nested, Some(container))?,
                None => container,
            };
            self.requirements.push((position, own, entry));
        }
        Ok(container)
    }
}

/// The name under which a package is found in its folder.
fn instance_place(key: &str) -> Cow<'_, str> {
    match location(key) {
        Cow::Borrowed(key) => Cow::Borrowed(key),
        Cow::Owned(folder) => Cow::Owned(name_of(&folder).to_owned()),
    }
}

/// One entry of the old form.
pub(super) fn instance<'a>(key: &'a str, entry: &'a Node<'_>, line: u32) -> Instance<'a> {
    let version = entry.text_at("version").unwrap_or_default();
    let scope = if entry.is_true("dev") { Scope::Development } else { Scope::Runtime };
    let resolved = entry.text_at("resolved");
    let asked = entry.text_at("from");
    let mut doubts = Vec::new();
    // npm makes a folder of the name, and reads the name from that.
    let name = match location(key) {
        Cow::Borrowed(key) => Cow::Borrowed(key),
        Cow::Owned(folder) => {
            doubts.push(Doubt::contradiction(format!("npm reads its name `{key}` as `{}`", name_of(&folder)), None));
            Cow::Owned(name_of(&folder).to_owned())
        }
    };
    let is_checked = entry.is_true("bundled") || entry.text_at("integrity").is_some();
    let plain =
        Instance { name, version, resolved, asked, link: false, is_checked, scope, line, abandoned: None, doubts };
    if let Some((name, version)) = version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')) {
        return Instance { name: Cow::Borrowed(name), version, ..plain };
    }
    // Anything with a scheme stands in for a version: an address, of which only a commit says which version it is.
    if version.contains(':') {
        let commit = version.rsplit_once('#').map_or("", |(_, commit)| commit);
        let resolved = Some(version);
        // The address of an archive is what was asked for; the one of a repository has got its commit since.
        let asked = plain.asked.or_else(|| version.starts_with("http").then_some(version));
        return Instance { version: commit, resolved, asked, ..plain };
    }
    // What stands below another package is taken for a part of its bundle where it says so.
    let doubt = asked_anew(resolved, Some(version)).filter(|_| !entry.is_true("bundled") && !version.is_empty());
    let mut plain = plain;
    plain.doubts.extend(doubt);
    plain
}

fn require_from_manifest(file: &SourceFile<'_>, installed: &mut Installed<'_>, root: usize) {
    let content = file.neighbour("package.json");
    let text = content.as_deref().and_then(|content| std::str::from_utf8(content).ok());
    let text = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let Some(manifest) = text.and_then(|text| Node::parse(text).ok()) else {
        installed.require_the_unrequired();
        return;
    };
    for list in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
        for (name, requirement) in manifest.texts_at(list) {
            installed.require(None, root, name, requirement.to_owned());
        }
    }
}
