//! Yarn berry's format: YAML with `__metadata`
//! (<https://github.com/yarnpkg/berry/blob/master/packages/yarnpkg-core/sources/Project.ts>).

use std::borrow::Cow;

use super::super::contract::yaml::{Member, Node};
use super::super::contract::{ParseError, check_package_count};
use super::entry::{Entry, Patch, split_descriptor};
use crate::model::doubt::Doubt;

const METADATA: &str = "__metadata";

/// The highest version that is read: what Yarn 4.18 writes. Yarn 2 began with 4.
const VERSION_LIMIT: u32 = 10;

/// Whether a line begins with the mark of berry.
pub(super) fn is_berry(text: &str) -> bool {
    text.starts_with(METADATA) || text.contains("\n__metadata:")
}

/// Reads the entries.
pub(super) fn read(text: &str) -> Result<Vec<Entry<'_>>, ParseError> {
    let mut documents = Node::documents(text)?;
    if documents.len() > 1 {
        return Err(ParseError::new("read it: it has several documents"));
    }
    let Some(root) = documents.pop() else { return Ok(Vec::new()) };
    if !root.is_map() {
        return Err(ParseError::new("find entries at its top").at_line(root.line));
    }
    let mut entries = Vec::with_capacity(root.members().len());
    check_package_count(root.members().len().saturating_sub(1))?;
    for member in root.into_members() {
        if member.key == METADATA {
            check_version(&member)?;
            continue;
        }
        if !member.value.is_map() {
            let message = format!("find fields under `{}`", member.key.escape_debug());
            return Err(ParseError::new(message).at_line(member.line));
        }
        entries.push(entry(member));
    }
    Ok(entries)
}

fn check_version(metadata: &Member<'_>) -> Result<(), ParseError> {
    let version = metadata.value.get("version");
    let text = version.and_then(Node::text).unwrap_or_default();
    if text.parse::<u32>().is_ok_and(|version| version <= VERSION_LIMIT) {
        return Ok(());
    }
    let message =
        format!("read it: its format has version `{}`, those up to {VERSION_LIMIT} are read", text.escape_debug());
    Err(ParseError::new(message).at_line(version.map_or(metadata.line, |version| version.line)))
}

fn entry(member: Member<'_>) -> Entry<'_> {
    let Member { line, key, value } = member;
    let descriptors: Vec<(Cow<'_, str>, Cow<'_, str>)> = match &key {
        Cow::Borrowed(key) => {
            let parts = key.split(',').filter_map(|part| split_descriptor(part.trim()));
            parts.map(|(name, range)| (Cow::Borrowed(name), Cow::Borrowed(range))).collect()
        }
        Cow::Owned(key) => {
            let parts = key.split(',').filter_map(|part| split_descriptor(part.trim()));
            parts.map(|(name, range)| (Cow::Owned(name.to_owned()), Cow::Owned(range.to_owned()))).collect()
        }
    };
    let patch = patch(&descriptors);
    let mut entry = Entry {
        line,
        name: descriptors.first().map_or(key, |(name, _)| name.clone()),
        descriptors,
        version: Cow::Borrowed(""),
        resolved: None,
        requirements: Vec::new(),
        workspace: None,
        patch,
        archive: None,
        is_checked: None,
        doubts: Vec::new(),
    };
    let (mut resolution, mut has_checksum, mut is_conditional) = (None, false, false);
    for field in value.into_members() {
        match field.key.as_ref() {
            "version" => entry.version = field.value.into_text().unwrap_or_default(),
            "resolution" => resolution = field.value.into_text(),
            "checksum" => has_checksum = true,
            // Those of other platforms are never fetched, and have no checksum.
            "conditions" => is_conditional = true,
            // `optionalDependencies` stand here, too; `dependenciesMeta` says which they are.
            "dependencies" | "optionalDependencies" => {
                let requirements = field.value.into_members().into_iter();
                entry.requirements.extend(requirements.filter_map(|one| Some((one.key, one.value.into_text()?))));
            }
            _ => {}
        }
    }
    if let Some(resolution) = resolution {
        resolve(&mut entry, &resolution);
        let is_from_registry = resolution.get(1..).is_some_and(|rest| rest.contains("@npm:"));
        entry.is_checked = (is_from_registry && !is_conditional).then_some(has_checksum);
    }
    entry
}

/// Notes what a resolution says: the package's own name and where it came from.
fn resolve(entry: &mut Entry<'_>, resolution: &str) {
    let Some((name, reference)) = split_descriptor(resolution) else { return };
    doubt(entry, name, reference);
    entry.name = Cow::Owned(name.to_owned());
    if let Some(folder) = reference.strip_prefix("workspace:") {
        entry.workspace = Some(Cow::Owned(folder.to_owned()));
    }
    entry.resolved = resolved(reference);
    if entry.version.is_empty() {
        let version = reference.strip_prefix("npm:").unwrap_or_default();
        entry.version = Cow::Owned(version.split("::").next().unwrap_or_default().to_owned());
    }
}

/// Notes what a resolution in a registry says otherwise than its entry: Yarn goes by the resolution. An archive that the
/// registry would not give is bound to it.
fn doubt(entry: &mut Entry<'_>, name: &str, reference: &str) {
    let Some(reference) = reference.strip_prefix("npm:") else { return };
    let (version, bindings) = reference.split_once("::").unwrap_or((reference, ""));
    let archive = bindings.split('&').find_map(|binding| binding.strip_prefix("__archiveUrl="));
    entry.archive = archive.map(|address| Cow::Owned(percent_decode(address).into_owned()));
    if !entry.version.is_empty() && entry.version != version {
        let reason = format!("its resolution is {name} {version}");
        entry.doubts.push(Doubt::contradiction(reason, Some((name, version))));
    }
    let is_named = entry.descriptors.iter().all(|(own, range)| match range.strip_prefix("npm:") {
        Some(range) => split_descriptor(range).map_or(own.as_ref(), |(target, _)| target) == name,
        None => true,
    });
    if !is_named {
        entry.doubts.push(Doubt::contradiction(format!("its key does not ask for {name}"), None));
    }
}

/// Where a package came from, in npm's words; nothing for a registry.
fn resolved(reference: &str) -> Option<Cow<'static, str>> {
    if let Some(patched) = reference.strip_prefix("patch:") {
        // A patched package is the same package; only its own reference may be patched again.
        let (_, range) = patched_descriptor(patched)?;
        return if range.starts_with("patch:") { None } else { resolved(&range) };
    }
    let reference = reference.split_once("::").map_or(reference, |(reference, _)| reference);
    if reference.starts_with("npm:") {
        return None;
    }
    let Some((address, fragment)) = reference.split_once('#') else { return Some(Cow::Owned(reference.to_owned())) };
    match fragment.split('&').find_map(|part| part.strip_prefix("commit=")) {
        Some(commit) if address.starts_with("git+") => Some(Cow::Owned(format!("{address}#{commit}"))),
        Some(commit) => Some(Cow::Owned(format!("git+{address}#{commit}"))),
        None => Some(Cow::Owned(reference.to_owned())),
    }
}

/// `name@npm%3A^1.0.0#…` as a name and a range.
fn patched_descriptor(patched: &str) -> Option<(String, String)> {
    let source = patched.split('#').next().unwrap_or_default();
    let source = percent_decode(source);
    let (name, range) = split_descriptor(&source)?;
    let range = if range.contains(':') { range.to_owned() } else { format!("npm:{range}") };
    Some((name.to_owned(), range))
}

fn patch<'a>(descriptors: &[(Cow<'a, str>, Cow<'a, str>)]) -> Option<Patch<'a>> {
    let patches = descriptors.iter().filter_map(|(_, range)| range.strip_prefix("patch:"));
    let mut builtin = false;
    let ranges: Vec<Cow<'a, str>> = patches
        .filter_map(|patched| {
            builtin |= patched.contains("builtin<");
            patched_descriptor(patched).map(|(_, range)| Cow::Owned(range))
        })
        .collect();
    (!ranges.is_empty()).then_some(Patch { ranges, builtin })
}

/// Decodes what `encodeURIComponent` encodes; what is no code stays as it is.
fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_says_where_a_package_came_from() {
        for (reference, expected) in [
            ("npm:1.0.0", None),
            ("npm:1.0.0::__archiveUrl=https%3A%2F%2Fregistry.example%2Fa.tgz", None),
            ("workspace:packages/a", Some("workspace:packages/a")),
            ("file:./a#./a::hash=1&locator=b", Some("file:./a#./a")),
            ("https://git.example/a.git#commit=0123", Some("git+https://git.example/a.git#0123")),
            ("https://git.example/a.git#workspace=x&commit=0123", Some("git+https://git.example/a.git#0123")),
            ("git@git.example:a.git#commit=0123", Some("git+git@git.example:a.git#0123")),
            ("patch:a@npm%3A1.0.0#~builtin<compat/a>::version=1.0.0&hash=1", None),
            (
                "patch:a@https%3A%2F%2Fgit.example%2Fa.git%23commit=01#./a.patch",
                Some("git+https://git.example/a.git#01"),
            ),
            ("https://downloads.example/a.tgz", Some("https://downloads.example/a.tgz")),
        ] {
            assert_eq!(resolved(reference).as_deref(), expected, "{reference}");
        }
    }

    #[test]
    fn codes_of_percent_are_read_where_they_are_codes() {
        assert_eq!(percent_decode("a%3Ab%2"), "a:b%2");
        assert_eq!(percent_decode("%zz%é%+1"), "%zz%é%+1");
    }
}
