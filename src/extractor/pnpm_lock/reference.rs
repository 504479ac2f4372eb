//! How pnpm names packages: `/name/1.0.0_peers` (5), `/name@1.0.0(peers)` (6), `name@1.0.0` (9), an address or a folder
//! (<https://github.com/pnpm/pnpm/blob/main/deps/path/src/index.ts>).

use crate::model::ecosystem::Ecosystem;
use crate::version as versions;

/// A package's name, empty where only an address is written, and what follows it.
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
    pub(super) reference: &'a str,
}

impl<'a> Reference<'a> {
    /// What it is looked up by.
    pub(super) fn key(&self) -> (&'a str, &'a str) {
        (self.name, self.reference)
    }
}

/// Takes a key of `packages` apart.
pub(super) fn split(key: &str) -> Reference<'_> {
    let whole = Reference { name: "", reference: key };
    if let Some(rest) = key.strip_prefix('/') {
        return split_name(rest, &['@', '/']).unwrap_or(whole);
    }
    // A colon or a slash before the sign makes it an address.
    match split_name(key, &['@', '/', ':', '(']) {
        Some(found) if key.as_bytes().get(found.name.len()) == Some(&b'@') => found,
        _ => of_registry(key).unwrap_or(whole),
    }
}

/// A name, which may have a scope, up to one of the signs.
fn split_name<'a>(text: &'a str, signs: &[char]) -> Option<Reference<'a>> {
    let start = if text.starts_with('@') { text.find('/')? + 1 } else { 0 };
    let end = start + text.get(start..)?.find(signs)?;
    Some(Reference { name: text.get(..end)?, reference: text.get(end + 1..)? })
}

/// `registry.example/name/1.0.0`: a registry that is not the one in use.
fn of_registry(key: &str) -> Option<Reference<'_>> {
    let (host, rest) = key.split_once('/')?;
    if host.contains([':', '@', '(']) {
        return None;
    }
    let found = split_name(rest, &['@', '/'])?;
    versions::parse(Ecosystem::Npm, version(found.reference)).is_ok().then_some(found)
}

/// A reference without the peers that were chosen for it, and without the mark of a patch.
pub(super) fn base(reference: &str) -> &str {
    // The parentheses of peers stand at the end; an address may have some before.
    if !reference.ends_with(')') {
        return reference;
    }
    reference.split_once('(').map_or(reference, |(base, _)| base)
}

/// The version in a reference.
pub(super) fn version(reference: &str) -> &str {
    let version = base(reference);
    let version = version.split('_').next().unwrap_or_default();
    // An address has no version; `runtime:` is how pnpm installs node itself.
    let version = version.strip_prefix("runtime:").unwrap_or(version);
    if version.contains([':', '/']) { "" } else { version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_version_have_a_name_and_a_version() {
        for (key, name, expected) in [
            ("/a/1.0.0", "a", "1.0.0"),
            ("/a/1.0.0_react@18.2.0", "a", "1.0.0"),
            ("/@s/a/1.0.0_@b+c@7.0.0", "@s/a", "1.0.0"),
            ("/a@1.0.0", "a", "1.0.0"),
            ("/@s/a@1.0.0(react@18.2.0)(@b/c@7.0.0)", "@s/a", "1.0.0"),
            ("a@1.0.0", "a", "1.0.0"),
            ("@s/a@1.0.0-rc.1(react@18.2.0(x@1.0.0))", "@s/a", "1.0.0-rc.1"),
            ("a@1.0.0(patch_hash=0123)(b@1.0.0)", "a", "1.0.0"),
            ("a@file:tools/a", "a", ""),
            ("@s/a@https://codeload.github.com/acme/a/tar.gz/0123", "@s/a", ""),
            ("node@runtime:22.0.0", "node", "22.0.0"),
            ("registry.example/a/1.0.0", "a", "1.0.0"),
            ("registry.example/@s/a/1.0.0_x@1", "@s/a", "1.0.0"),
            ("registry.example/@s/a@1.0.0(x@1.0.0)", "@s/a", "1.0.0"),
            ("github.com/acme/a/0123456789012345678901234567890123456789", "", ""),
            ("file:../a", "", ""),
            ("file:../a(react@18.2.0)", "", ""),
            ("@registry.example/a/-/a-1.0.0.tgz", "", ""),
            ("/a/", "a", ""),
            ("", "", ""),
            ("@", "", "@"),
        ] {
            let found = split(key);
            assert_eq!((found.name, version(found.reference)), (name, expected), "{key}");
        }
    }
}
